"""Hints to Flows: an action has ended, look at it now.

Flows looks at an action at growing intervals of up to ten minutes; Transfer and Compute say within seconds that it has
ended. Resuming a flow run is documented to make Flows look earlier, for active flow runs it is not known to. So each
hint is recorded with how soon Flows moved, and when hints turn out to be useless they are no longer given.

All lengths of time are counted in looks of the poller (`policy.poll_interval`), for what it sees, it sees at its looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.context import Context
from console.evidence.witnesses import planned
from console.ledger.attempts import Attempt
from console.ledger.store import Ledger
from flowspec import flowlog, text
from flowspec.polling import next_look
from flowspec.progress import Says, Witness
from flowspec.stages import Stage
from flowspec.states import OPEN, AttemptState
from remote.globus.errors import RemoteError

SHOWN_AFTER = 2.0  # s: before that there is nothing to wonder about
PAUSES = (0.5, 2.0, 6.0, 24.0, 60.0)  # looks; a stage gets as many hints, the first counted from its end being noticed
# A hint worked when Flows was seen past the stage within so many looks. None is given when Flows is due to look by
# itself within that time, so that what it does by itself is not taken for an effect.
EFFECT = 3.0
PER_LOOK = 3  # hints: what they may take of the requests of a look
TRIAL = 10  # hints in a row, over all attempts, after which one must have worked
OFF = "hints_off"  # in the ledger's meta: why none are given; empty as long as they are
ENDED = (Says.DONE.value, Says.FAILED.value)


@dataclass(frozen=True)
class Unnoticed:
    """A stage whose action has ended, which Flows does not know yet. Times are seconds since the epoch."""

    stage: Stage
    ended: float
    failed: bool
    next_look: float

    def __str__(self) -> str:
        how = "ended" if self.failed else "done"
        when = text.clock(self.ended, seconds=True)
        due = text.clock(self.next_look + 59)  # the whole minute after it
        return f"{self.stage.value} {how} {when}, Flows has not noticed yet (next look by {due})"


def unnoticed(ledger: Ledger, attempt: Attempt) -> Unnoticed | None:
    """What Flows has not noticed of an attempt: its present action has ended, as the source says. None: nothing."""
    for stage, visit in attempt.visits.items():
        if visit.says is not Says.RUNNING:
            continue
        said = ledger.rows(
            "SELECT says, at FROM evidence WHERE run = ? AND stage = ? AND witness = ? AND attempt = ?",
            attempt.run, stage.value, Witness.TASK.value, attempt.attempt,
        )  # fmt: skip
        if said and len(said) == len(planned(attempt.plan, stage)) and all(row["says"] in ENDED for row in said):
            looked = flowlog.seconds(visit.looked) if visit.looked else None
            due = next_look(flowlog.seconds(visit.started), looked, ledger.now())
            failed = any(row["says"] == Says.FAILED.value for row in said)
            return Unnoticed(stage, max(row["at"] for row in said), failed, due)
    return None


def nudge(ctx: Context, active: Iterable[Attempt]) -> None:
    """Give the hints that are due to these attempts, whose flow runs are ACTIVE, and see what came of earlier ones.

    A hint that cannot be given is recorded with the reason, and is followed by the next as any other.
    """
    look = ctx.policy.poll_interval
    _see_what_moved(ctx.ledger)
    if ctx.ledger.get(OFF):
        return
    if _useless(ctx.ledger, look):
        _switch_off(ctx.ledger)
        return
    waiting = ((attempt, found) for attempt in active if (found := unnoticed(ctx.ledger, attempt)))
    due = [(attempt, found) for attempt, found in waiting if _due(ctx.ledger, attempt, found, look)]
    for attempt, found in due[:PER_LOOK]:
        if not _give(ctx, attempt, found):
            break


def _due(ledger: Ledger, attempt: Attempt, waiting: Unnoticed, look: float) -> bool:
    given = ledger.rows(
        "SELECT at FROM nudges WHERE attempt = ? AND stage = ? ORDER BY nudge", attempt.attempt, waiting.stage.value
    )
    if len(given) >= len(PAUSES) or waiting.next_look - ledger.now() <= EFFECT * look:
        return False
    since = given[-1]["at"] if given else waiting.ended
    return ledger.now() - float(since) >= PAUSES[len(given)] * look


def _give(ctx: Context, attempt: Attempt, waiting: Unnoticed) -> bool:
    """Write the hint down, then give it. False when Flows takes none for the moment."""
    with ctx.ledger.change() as db:
        hint = db.execute(
            "INSERT INTO nudges (attempt, stage, at, ended_at) VALUES (?,?,?,?)",
            (attempt.attempt, waiting.stage.value, ctx.now(), waiting.ended),
        ).lastrowid
    try:
        ctx.remote.flows.resume(str(attempt.flow_run), attempt.flow_id)
    except RemoteError as error:
        with ctx.ledger.change() as db:
            problem = f"{error.kind}: {error.cause}"
            db.execute("UPDATE nudges SET problem = ? WHERE nudge = ?", (problem, hint))
        return error.kind != "later"
    return True


def _see_what_moved(ledger: Ledger) -> None:
    """Note which hinted stages Flows has left since the last time."""
    hinted = ledger.rows(
        "SELECT DISTINCT attempt, nudges.stage, state, visits FROM nudges JOIN attempts USING (attempt) "
        "WHERE moved_at IS NULL"
    )
    for row in hinted:
        visit = flowlog.load(row["visits"]).get(Stage(row["stage"]))
        if visit is None or visit.says is not Says.RUNNING or AttemptState(row["state"]) not in OPEN:
            with ledger.change() as db:
                db.execute(
                    "UPDATE nudges SET moved_at = ? WHERE attempt = ? AND stage = ? AND moved_at IS NULL",
                    (ledger.now(), row["attempt"], row["stage"]),
                )


def _useless(ledger: Ledger, look: float) -> bool:
    """Whether the last hints, as many as make a trial, had no effect. What Flows did not take for the moment, or still
    has time to act upon, says nothing."""
    judged = ledger.rows(
        "SELECT at, moved_at FROM nudges WHERE (moved_at IS NOT NULL OR at < ?) AND problem NOT LIKE 'later:%' "
        "ORDER BY nudge DESC LIMIT ?",
        ledger.now() - EFFECT * look,
        TRIAL,
    )
    worked = any(row["moved_at"] is not None and row["moved_at"] - row["at"] <= EFFECT * look for row in judged)
    return len(judged) == TRIAL and not worked


def _switch_off(ledger: Ledger) -> None:
    row = ledger.row("SELECT problem FROM nudges WHERE problem != '' ORDER BY nudge DESC LIMIT 1")
    answered = f" (it answered {row['problem'].partition(': ')[2]})" if row else ""
    why = f"hints to Flows are off, {TRIAL} had no effect{answered}: it notices the end of an action up to 10 min late"
    with ledger.change():
        ledger.put(OFF, why)
        ledger.event("warning", why, actor="driver")

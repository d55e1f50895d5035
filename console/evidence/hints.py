"""Hints to Flows: an action has ended and can be polled now.

Flows polls an action at growing intervals of up to ten minutes; Transfer and Compute say within seconds that it has
ended. Resuming a flow run is documented to make Flows poll earlier, for active flow runs it is not known to. So each
hint is recorded with how soon Flows moved, and when hints turn out to be useless they are no longer given.

All times are counted in polls of the console: it finds out nothing between them. A poll takes `policy.poll_interval`
and the time of its requests: with a dozen flow runs under way that is the longer part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.context import Context
from console.evidence.witnesses import planned
from console.ledger import evidence, hints
from console.ledger.attempts import Attempt
from console.ledger.store import Ledger
from flowspec import backoff, flowlog
from flowspec.catalogue import nested, sentence
from flowspec.conditions import Reason, reason
from flowspec.polling import next_poll
from flowspec.progress import Says
from flowspec.stages import Stage
from flowspec.states import OPEN
from remote.globus.errors import RemoteError

SHOWN_AFTER = 2.0  # s: an end is not shown as unnoticed before
PAUSES = (0.5, 2.0, 6.0, 24.0, 60.0)  # polls; a stage gets as many hints, the first counted from its end being noticed
# A hint worked when Flows had left the stage within so many polls. None is given when Flows is due to poll by
# itself within that time, so that what it does by itself is not taken for an effect.
EFFECT = 3.0
PER_POLL = 3  # hints: each is a request
TRIAL = 10  # hints in a row, over all attempts, after which one must have worked
ENDED = (Says.DONE, Says.FAILED)


@dataclass(frozen=True)
class Unnoticed:
    """A stage whose action has ended, which Flows does not know yet. Times are seconds since the epoch."""

    stage: Stage
    ended: float
    failed: bool
    next_poll: float

    def reason(self, cause: Reason | None) -> Reason:
        """The reason to show; `cause` is why the action failed, when it did."""
        return reason(
            "flow.unnoticed", stage=self.stage.value, ended=self.ended, next_poll=self.next_poll, failed=self.failed,
            cause=nested(cause) if cause else None,
        )  # fmt: skip


def unnoticed(ledger: Ledger, attempt: Attempt) -> Unnoticed | None:
    """What Flows has not noticed of an attempt: its present action has ended at its service. None: nothing."""
    present = [(stage, visit) for stage, visit in attempt.visits.items() if visit.says is Says.RUNNING]
    tasks = evidence.of_all_tasks(ledger, attempt) if present else []
    for stage, visit in present:
        said = [item for item in tasks if item.stage is stage]
        if said and len(said) == len(planned(attempt.plan, stage)) and all(item.says in ENDED for item in said):
            polled = flowlog.seconds(visit.looked) if visit.looked else None
            due = next_poll(flowlog.seconds(visit.started), polled, ledger.now())
            failed = any(item.says is Says.FAILED for item in said)
            return Unnoticed(stage, max(item.at for item in said), failed, due)
    return None


def give_hints(ctx: Context, active: Iterable[Attempt], requests: float = 0.0) -> None:
    """Give the hints that are due to these attempts, whose flow runs are ACTIVE, and note the effect of earlier ones.

    `requests`: seconds that those of the last poll have taken. A hint that cannot be given is recorded with the reason,
    and is followed by the next as any other.
    """
    interval = ctx.policy.poll_interval + max(0.0, requests)
    _note_what_moved(ctx.ledger)
    if hints.why_off(ctx.ledger).code:
        return
    if _useless(ctx.ledger, interval):
        _switch_off(ctx.ledger)
        return
    waiting = ((attempt, found) for attempt in active if (found := unnoticed(ctx.ledger, attempt)))
    due = [(attempt, found) for attempt, found in waiting if _due(ctx.ledger, attempt, found, interval)]
    for attempt, found in due[:PER_POLL]:
        if not _give(ctx, attempt, found):
            break


def _due(ledger: Ledger, attempt: Attempt, waiting: Unnoticed, interval: float) -> bool:
    given = hints.of_stage(ledger, attempt.attempt, waiting.stage)
    if len(given) >= len(PAUSES) or waiting.next_poll - ledger.now() <= EFFECT * interval:
        return False
    since = given[-1].at if given else waiting.ended
    return ledger.now() - since >= backoff.pause(len(given) + 1, PAUSES) * interval


def _give(ctx: Context, attempt: Attempt, waiting: Unnoticed) -> bool:
    """Write the hint down, then give it. False when Flows takes none for the moment."""
    hint = hints.add(ctx.ledger, attempt.attempt, waiting.stage, waiting.ended)
    try:
        ctx.remote.flows.resume(str(attempt.flow_run), attempt.flow_id)
    except RemoteError as error:
        hints.set_refused(ctx.ledger, hint, error.kind, error.cause)
        return error.kind != "later"
    return True


def _note_what_moved(ledger: Ledger) -> None:
    """Note which hinted stages Flows has left since the last time."""
    for attempt, stage, state, visits in hints.without_effect(ledger):
        visit = visits.get(stage)
        if visit is None or visit.says is not Says.RUNNING or state not in OPEN:
            hints.set_moved(ledger, attempt, stage)


def _useless(ledger: Ledger, interval: float) -> bool:
    """Whether the last hints, as many as make a trial, had no effect. What Flows did not take for the moment, or still
    has time to act upon, says nothing."""
    judged = hints.newest_judged(ledger, ledger.now() - EFFECT * interval, TRIAL)
    worked = any(hint.moved is not None and hint.moved - hint.at <= EFFECT * interval for hint in judged)
    return len(judged) == TRIAL and not worked


def _switch_off(ledger: Ledger) -> None:
    with ledger.change():
        why = hints.switch_off(ledger, TRIAL, hints.newest_problem(ledger))
        ledger.event("warning", sentence(why), actor="driver")

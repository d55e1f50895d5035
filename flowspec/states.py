"""The states of runs and attempts, and the only ways from one to another.

`RUN_MOVES` and `ATTEMPT_MOVES` are the state machines: a change of state is one of these moves, or a bug that says so
(`console.ledger.moves.move`). docs/states.md is printed from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from flowspec.conditions import Topic


class RunState(str, Enum):
    """Where a run stands. Up to READY it is what the disk says; from QUEUED on, what the console did with it."""

    TAKING = "taking"
    ARRIVING = "arriving"
    INCOMPLETE = "incomplete"
    ABNORMAL = "abnormal"
    READY = "ready"  # complete, waits for an operator (auto-launch is off)
    QUEUED = "queued"  # will be launched; its conditions say what it waits for
    RUNNING = "running"  # an attempt is under way, or the next one is about to begin
    CANCELLING = "cancelling"
    DONE = "done"  # the result is on the DTN and verified
    FAILED = "failed"
    CANCELLED = "cancelled"
    GONE = "gone"  # the directory vanished before it was launched

    @property
    def word(self) -> str:
        """As people read it; the value is what the ledger and JSON have."""
        return "recording" if self is RunState.TAKING else self.value


class AttemptState(str, Enum):
    """An attempt is an intent first; only a flow run id makes it started."""

    INTENT = "intent"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


R, A = RunState, AttemptState

ON_DISK = (R.TAKING, R.ARRIVING, R.INCOMPLETE, R.ABNORMAL, R.READY, R.GONE)
RECORDED = (R.TAKING, R.ARRIVING)  # it may grow
LAUNCHABLE = (R.READY, R.INCOMPLETE, R.ABNORMAL)
ENDED = (R.DONE, R.FAILED, R.CANCELLED)
OPEN = (A.INTENT, A.STARTED)


@dataclass(frozen=True)
class Move:
    """A transition: from any of `sources` to one of `targets`.

    `sets`: the columns that whoever moves must give. `clears`: those that go back to what a new row has. `ends`: the
    topics of which no condition holds any more. `stamps`: columns that get the time of the move. `event`: how the move
    is written to the event log, a code of the catalogue; '' when the caller writes a fuller event.
    """

    name: str
    sources: tuple[RunState, ...] | tuple[AttemptState, ...]
    targets: tuple[RunState, ...] | tuple[AttemptState, ...]
    sets: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    ends: tuple[Topic, ...] = ()
    event: str = ""


_OF_AN_ATTEMPT = (Topic.PROGRESS, Topic.EARLY, Topic.POLL, Topic.OUTCOME)
_LAUNCHED = ("launched_fingerprint", "launched_sizes", "launched_started", "launched_title")

JUDGED = Move("judged", ON_DISK, (R.TAKING, R.ARRIVING, R.INCOMPLETE, R.ABNORMAL, R.READY), event="event.judged")
VANISHED = Move("vanished", (*ON_DISK, R.QUEUED), (R.GONE,), clears=("held_by", "queued_by"), ends=(Topic.QUEUE,))
WITHDRAWN = Move(
    "withdrawn", (R.QUEUED,), (R.INCOMPLETE, R.ABNORMAL), clears=("held_by", "queued_by"), ends=(Topic.QUEUE,),
    event="event.withdrawn",
)  # fmt: skip
QUEUED = Move("queued", LAUNCHABLE, (R.QUEUED,), sets=("queued_by",), stamps=("ready_at",), event="event.queued")
TAKEN_BACK = Move(
    "taken back", (R.QUEUED,), (R.TAKING, R.ARRIVING, R.INCOMPLETE, R.ABNORMAL, R.READY),
    clears=("held_by", "queued_by"), ends=(Topic.QUEUE,), event="event.taken-back",
)  # fmt: skip
REPROCESSED = Move(
    "reprocessed", ENDED, (R.QUEUED,), sets=("priority", "wish"), clears=("again_at", "queued_by"),
    stamps=("ready_at",),
    event="event.reprocessed",
)  # fmt: skip
REPEATED = Move(
    "repeated", (R.FAILED, R.CANCELLED), (R.QUEUED,), clears=("again_at", "queued_by"), stamps=("ready_at",),
    event="event.repeated",
)  # fmt: skip
ASKED_FOR = Move(
    "asked for", ENDED, (R.QUEUED,), sets=("wish", "queued_by"), clears=("again_at",), stamps=("ready_at",),
    event="event.asked-for",
)  # fmt: skip
RETRIED = Move(
    "retried", ENDED, (R.QUEUED,), sets=("queued_by",), clears=("again_at",), stamps=("ready_at",),
    event="event.retried",
)  # fmt: skip
UNQUEUED = Move(
    "unqueued",
    (R.QUEUED,),
    (R.CANCELLED, R.DONE),
    clears=("held_by", "queued_by", "wish", "priority"),
    ends=(Topic.QUEUE,),
)
REFUSED = Move(
    "refused", (R.QUEUED,), (R.FAILED,), clears=("held_by", "queued_by"), stamps=("finished_at",), ends=(Topic.QUEUE,),
    event="event.refused",
)  # fmt: skip
INTENDED = Move(
    "intended", (R.QUEUED, R.RUNNING, *ENDED), (R.RUNNING,), sets=("wish", *_LAUNCHED),
    clears=("held_by", "again_at", "finished_at"), ends=(Topic.QUEUE, *_OF_AN_ATTEMPT), event="event.intended",
)  # fmt: skip
TAKEN_OVER = Move(
    "taken over", (*ON_DISK, R.QUEUED, R.RUNNING, *ENDED), (R.RUNNING,), clears=("held_by", "again_at", "finished_at"),
    ends=(Topic.QUEUE, *_OF_AN_ATTEMPT), event="event.taken-over",
)  # fmt: skip
CANCEL_ASKED = Move(
    "cancel asked", (*ON_DISK, R.QUEUED, R.RUNNING), (R.CANCELLING,), clears=("held_by",),
    ends=(Topic.QUEUE, Topic.EARLY, Topic.POLL),
)  # fmt: skip
CANCEL_WITHDRAWN = Move(
    "cancel withdrawn", (R.CANCELLING,), (R.RUNNING,), clears=("again_at",), event="event.cancel-withdrawn"
)
CANCEL_ENDED = Move(
    "cancelled", (R.RUNNING, R.CANCELLING), (R.CANCELLED,), stamps=("finished_at",), ends=_OF_AN_ATTEMPT
)
PART_DONE = Move("part done", (R.RUNNING,), (R.RUNNING,), ends=_OF_AN_ATTEMPT)
FAILED = Move("failed", (R.RUNNING,), (R.FAILED,), sets=("again_at",), stamps=("finished_at",), ends=_OF_AN_ATTEMPT)
RETURNED = Move("returned", (R.RUNNING,), (R.DONE,), sets=("result",), stamps=("finished_at",), ends=_OF_AN_ATTEMPT)
RESULT_LOST = Move(
    "result lost", (R.DONE,), (R.FAILED,), clears=("result",), stamps=("finished_at",), ends=(Topic.OUTCOME,),
    event="event.lost",
)  # fmt: skip
FOUND_WHOLE = Move(
    "found whole", (R.QUEUED, R.FAILED, R.CANCELLED), (R.DONE,), sets=("result",),
    clears=("held_by", "queued_by", "again_at"), stamps=("finished_at",), ends=(Topic.QUEUE, *_OF_AN_ATTEMPT),
)  # fmt: skip

RUN_MOVES = (
    JUDGED, VANISHED, WITHDRAWN, QUEUED, TAKEN_BACK, REPROCESSED, REPEATED, ASKED_FOR, RETRIED, UNQUEUED, REFUSED,
    INTENDED, TAKEN_OVER, CANCEL_ASKED, CANCEL_WITHDRAWN, CANCEL_ENDED, PART_DONE,
    FAILED, RETURNED, RESULT_LOST, FOUND_WHOLE,
)  # fmt: skip

STARTED = Move("started", (A.INTENT,), (A.STARTED,), sets=("flow_run",), stamps=("started_at",))
NOT_STARTED = Move("not started", (A.INTENT,), (A.FAILED,), stamps=("ended_at",))
ENDED_WELL = Move("ended well", (A.STARTED,), (A.SUCCEEDED,), stamps=("ended_at",))
ENDED_BADLY = Move("ended badly", (A.STARTED,), (A.FAILED,), stamps=("ended_at",))
GIVEN_UP = Move("given up", (A.INTENT, A.STARTED), (A.CANCELLED,), stamps=("ended_at",))

ATTEMPT_MOVES = (STARTED, NOT_STARTED, ENDED_WELL, ENDED_BADLY, GIVEN_UP)


# ---- for docs/states.md

_PAGE = """# The states of runs and attempts

Printed by `./venvcmd python -m flowspec.states`; a test holds this page and the code together. A change of state that
is not in these tables raises `ImpossibleMove` and changes nothing. What a move sets is given by whoever moves, or is
the time of the move; what it clears goes back to what a new row has. The event of a move is a code of
`flowspec/catalogue`; where there is none, whoever moves writes one that says more.

## Runs

{runs}

## Attempts

{attempts}
"""


def page() -> str:
    """docs/states.md."""
    return _PAGE.format(runs=_table(RUN_MOVES), attempts=_table(ATTEMPT_MOVES))


def _table(moves: Iterable[Move]) -> str:
    rows = [("Move", "From", "To", "Sets", "Clears", "Event"), ("---",) * 6]
    for move in moves:
        cleared = [*move.clears, *(f"conditions about {topic.value}" for topic in move.ends)]
        rows.append(
            (
                move.name,
                ", ".join(state.value for state in move.sources),
                ", ".join(state.value for state in move.targets),
                ", ".join([*move.sets, *(f"{column}: now" for column in move.stamps)]),
                ", ".join(cleared),
                move.event,
            )
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    print(page(), end="")

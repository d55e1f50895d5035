"""Which conditions of a run are the reason for its present state. Pure.

What is stuck comes first. A failed poll does not hide what was known before: a run whose flow run waits for a consent
still waits for it while Globus does not answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowspec import catalogue
from flowspec.conditions import Condition, Severity, Topic
from flowspec.states import ENDED, ON_DISK, RunState

SUSPECT = "flow.suspect"  # a task of the run seems to hang or to be lost
INACTIVE = "flow.inactive"  # Globus waits for a consent or a login
RETURNED = "outcome.returned"
# Shown as STUCK when they do.
MAY_STAND_STILL = (RunState.TAKING, RunState.ARRIVING, RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)
LOST = "outcome.lost"  # its result had come back, and is no longer there or no longer whole


_OF_A_RESULT = (Topic.OUTCOME, Topic.TAKE)
_BY_OTHERS = ("queue.slots-stuck", "queue.transfers-stuck")  # the runs that need somebody are those that hold them


def _is_stuck(condition: Condition) -> bool:
    return catalogue.entry(condition.code).severity is Severity.STUCK


def topics(state: RunState) -> tuple[Topic, ...]:
    """The topics that count in a state, the most important first."""
    if state in ON_DISK:
        return (Topic.DISK, Topic.EARLY)
    if state is RunState.QUEUED:
        return (Topic.QUEUE, Topic.EARLY)
    if state is RunState.CANCELLING:
        return (Topic.POLL, Topic.PROGRESS)
    return (Topic.OUTCOME, Topic.TAKE) if state in ENDED else (Topic.POLL, Topic.PROGRESS, Topic.TAKE)


def decisive(state: RunState, conditions: Iterable[Condition]) -> list[Condition]:
    """The reason for the state: all conditions that are stuck, else those of the first topic that has any."""
    order = topics(state)
    of_the_state = sorted((c for c in conditions if c.topic in order), key=lambda c: order.index(c.topic))
    stuck = [c for c in of_the_state if _is_stuck(c)]
    return stuck or [c for c in of_the_state if c.topic is of_the_state[0].topic]


def stuck(state: RunState, conditions: Iterable[Condition]) -> bool:
    """Whether a run that has not ended goes on only when a person does something."""
    return state not in ENDED and any(map(_is_stuck, decisive(state, conditions)))


def needs_somebody(
    state: RunState, conditions: Iterable[Condition], *, again: bool = False, late: bool = False
) -> bool:
    """Whether a person is needed for a run to come to its result, or to the one of all its data.

    `again`: it is retried by itself. `late`: segments came after its launch that no attempt has taken.
    """
    if state in (RunState.CANCELLED, RunState.GONE):
        return False
    if state is RunState.FAILED:
        return late or not again
    if state is RunState.DONE:
        return late or any(c.topic in _OF_A_RESULT and _is_stuck(c) for c in conditions)  # of thousands, at once
    conditions = [c for c in conditions if c.code not in _BY_OTHERS]
    return stuck(state, conditions) or state in (RunState.INCOMPLETE, RunState.ABNORMAL)


def why(state: RunState, conditions: Iterable[Condition]) -> str:
    """The reason for the state as a sentence of which the run is the subject."""
    return "; ".join(catalogue.sentence(c.reason) for c in decisive(state, conditions))


def row(state: RunState, conditions: Iterable[Condition]) -> str:
    """The same for a column beside the state."""
    return "; ".join(catalogue.row(c.reason) for c in decisive(state, conditions))


def part(state: RunState, conditions: Iterable[Condition]) -> tuple[int, int] | None:
    """Of how many segments, of how many, the result is made that a run which is done has; None for all."""
    for condition in conditions if state is RunState.DONE else ():
        told = condition.reason.parameters
        if condition.code == RETURNED and told.get("waived"):
            return int(told["segments"]), int(told["of"])
    return None


def has(state: RunState, conditions: Sequence[Condition], code: str) -> bool:
    """Whether this holds of the run in its present state."""
    order = topics(state)
    return any(c.code == code and c.topic in order for c in conditions)

"""Which conditions decide, and which runs stand still until a person acts."""

from __future__ import annotations

import pytest

from flowspec import standing
from flowspec.conditions import Condition, Topic, reason
from flowspec.states import RunState


def test_a_run_is_stuck_by_a_condition_that_counts_in_its_state() -> None:
    inactive = Condition(Topic.PROGRESS, reason("flow.inactive", words="a consent is needed"))
    moving = Condition(Topic.PROGRESS, reason("attempt.started", number=1))
    assert standing.stuck(RunState.RUNNING, [moving, inactive])
    assert not standing.stuck(RunState.RUNNING, [moving])
    assert not standing.stuck(RunState.QUEUED, [inactive])  # of another topic than its state


def test_what_has_ended_is_failed_and_not_stuck() -> None:
    failed = Condition(Topic.OUTCOME, reason("outcome.failed", cause={"code": "failed.abort"}))
    assert not standing.stuck(RunState.FAILED, [failed])


LATE = Condition(Topic.TAKE, reason("run.retaken", started=2.0, title="b", launched=1.0, launched_title="a"))
WAITS = Condition(Topic.PROGRESS, reason("flow.waits", stage="transfer", done=0, total=1, cell={"code": "words"}))
MOVES = Condition(Topic.PROGRESS, reason("attempt.started", number=1))
RETURNED = Condition(Topic.OUTCOME, reason("outcome.returned", file="x.root"))
FAILED = Condition(Topic.OUTCOME, reason("outcome.failed", cause={"code": "failed.abort"}))


@pytest.mark.parametrize(
    ("state", "condition", "more", "needed"),
    [
        (RunState.RUNNING, WAITS, {}, True),
        (RunState.RUNNING, MOVES, {}, False),
        (RunState.RUNNING, MOVES, {"late": True}, False),  # no attempt can take it before this one has ended
        (RunState.CANCELLING, WAITS, {}, True),
        (RunState.FAILED, FAILED, {}, True),
        (RunState.FAILED, FAILED, {"again": True}, False),
        (RunState.FAILED, FAILED, {"again": True, "late": True}, True),
        (RunState.DONE, RETURNED, {}, False),
        (RunState.DONE, RETURNED, {"late": True}, True),
        (RunState.DONE, LATE, {}, True),
        (RunState.CANCELLED, RETURNED, {"late": True}, False),
        (RunState.INCOMPLETE, Condition(Topic.DISK, reason("words", words="x")), {}, True),
        (RunState.READY, Condition(Topic.DISK, reason("run.complete", segments=1, file="x")), {}, False),
    ],
)
def test_who_needs_somebody(state: RunState, condition: Condition, more: dict[str, bool], needed: bool) -> None:
    assert standing.needs_somebody(state, [condition], **more) is needed

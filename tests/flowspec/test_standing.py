"""Which conditions decide, and which runs stand still until a person acts."""

from __future__ import annotations

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

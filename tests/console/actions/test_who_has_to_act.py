"""A run whose task waits for a person is stuck, and says for whom; one that goes on by itself is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from console.actions.conclusion import conclusion, progress_of_stage
from console.evidence.hints import Unnoticed
from flowspec import catalogue
from flowspec.cells import Cell
from flowspec.conditions import Condition, Owner, Reason, Severity, Topic, reason
from flowspec.plan import plan_all, plan_early
from flowspec.stages import CellState, Stage
from flowspec.standing import why
from flowspec.states import RunState
from remote.globus.flows import FlowRun

FAULT = {"done": 0, "total": 2, "fault": "PAUSED", "words": ""}
STUCK, NORMAL, NOBODY = Severity.STUCK, Severity.NORMAL, Owner.NOBODY
OFFLINE = {"started": True, "since": 5.0, "endpoint": "frib-fit", "offline": 6.0}


@pytest.mark.parametrize(
    ("state", "cell", "code", "severity", "owner"),
    [
        (CellState.RUNNING, Reason("transfer.fault", FAULT), "flow.waits", STUCK, Owner.OPERATOR),
        (CellState.WAITING, reason("transfer.inactive", words="x"), "flow.waits", STUCK, Owner.OPERATOR),
        (CellState.RUNNING, Reason("transfer.fault-site", FAULT), "flow.waits-site", STUCK, Owner.SITE),
        (CellState.RUNNING, Reason("task.offline", OFFLINE), "flow.waits-site", STUCK, Owner.SITE),
        (CellState.RUNNING, Reason("transfer.again", FAULT), "flow.stage", NORMAL, NOBODY),
        (CellState.RUNNING, reason("transfer.running", done=0, total=2, rate=1.0), "flow.stage", NORMAL, NOBODY),
        (CellState.FAILED, reason("failed.abort", words="rc 134"), "flow.stage", NORMAL, NOBODY),
        (CellState.RUNNING, Reason("transfer.stalled", {**FAULT, "since": 5.0}), "flow.waits-site", STUCK, Owner.SITE),
        (CellState.DISAGREES, reason("file.missing"), "flow.disagrees", Severity.SLOW, Owner.OPERATOR),
        (
            CellState.RUNNING,
            reason("task.lost", since=5.0, endpoint="x", idle=1),
            "flow.suspect",
            STUCK,
            Owner.OPERATOR,
        ),
    ],
)
def test_who_has_to_act_for_a_run_to_go_on(state, cell, code, severity, owner):
    found = progress_of_stage(Stage.TRANSFER, plan_all(7, (0,)), {(Stage.TRANSFER, 0): Cell(state, cell)})
    entry = catalogue.entry(found.code)
    assert (found.code, entry.severity, entry.owner) == (code, severity, owner)
    assert catalogue.sentence(cell) in catalogue.sentence(found)


def test_what_waits_for_a_person_is_not_hidden_by_what_has_failed():
    """Neither beside it nor at a stage before: the others of the attempt go on, and one of them does not."""
    failed = Cell(CellState.FAILED, reason("failed.abort", words="rc 134"))
    hangs = Cell(CellState.RUNNING, reason("task.hang", since=5.0, stage="fit", usual=60.0))
    matrix = {(Stage.FIT, 0): failed, (Stage.FIT, 1): hangs}
    found = progress_of_stage(Stage.FIT, plan_all(7, (0, 1)), matrix)
    assert (found.code, found.parameters["segment"]) == ("flow.suspect", 1)

    later = {(Stage.FIT, 0): failed, (Stage.CONVERT, 1): hangs}
    known = SimpleNamespace(matrix=later)
    attempt = SimpleNamespace(plan=plan_all(7, (0, 1)))
    active = FlowRun("flow-7", "f", "ACTIVE", "x", (), "2026-11-23T10:00:00+00:00", None, {})
    concluded = conclusion(known, attempt, active, None, 0.0)
    assert (concluded.stage, concluded.progress.code) == (Stage.FIT, "flow.suspect")


@pytest.mark.parametrize(
    ("early", "stage", "state", "over"),
    [
        (True, Stage.CONVERT, CellState.DONE, True),
        (True, Stage.CONVERT, CellState.DISAGREES, False),
        (True, Stage.FIT, CellState.DONE, False),  # of files that lay there before
        (False, Stage.CONVERT, CellState.DONE, False),  # Flows has the analysis to start
        (True, None, CellState.DONE, False),
    ],
)
def test_an_early_attempt_is_over_before_flows_notices(early, stage, state, over):
    plan = plan_early(7, (0,)) if early else plan_all(7, (0,))
    known = SimpleNamespace(matrix={place: Cell(state, Reason("file.there")) for place in plan.places()})
    active = FlowRun("flow-7", "f", "ACTIVE", "x", (), "2026-11-23T10:00:00+00:00", None, {})
    waiting = Unnoticed(stage, 5.0, failed=False, next_poll=600.0) if stage else None
    concluded = conclusion(known, SimpleNamespace(plan=plan), active, waiting, 6.0)
    assert (concluded.progress is None) == over


def test_what_waits_for_a_person_comes_before_a_failed_poll():
    paused = Cell(CellState.RUNNING, Reason("transfer.fault-site", FAULT))
    found = progress_of_stage(Stage.TRANSFER, plan_all(7, (0,)), {(Stage.TRANSFER, 0): paused})
    unseen = reason("poll.failed", service="flows", cause="503", next_step="wait")
    conditions = [Condition(Topic.POLL, unseen), Condition(Topic.PROGRESS, found)]
    assert why(RunState.RUNNING, conditions).startswith("transfer 0/1: PAUSED: goes on when")

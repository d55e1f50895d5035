"""What the panes of the main screen say of a segment, a flow run and an attempt that did not go well."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.ledger import attempts, conditions, runs
from console.reading.detail import detail
from console.reading.snapshot import snapshot
from flowspec import flowlog
from flowspec.conditions import Reason, Topic
from flowspec.flowlog import Visit
from flowspec.plan import plan_early
from flowspec.progress import Says, Witness
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from screens.rows import main
from screens.rows.attempts import timeline_rows
from screens.rows.matrix import grouped
from screens.rows.sections import segment_rows
from tests.ledger_fixture import NOW, SEGMENT_BYTES, DemoLedger, known_run


@pytest.fixture
def demo(tmp_path: Path) -> DemoLedger:
    return DemoLedger(tmp_path / "ledger.db")


def failed_at_fit(demo: DemoLedger) -> int:
    ended = {"attempt_state": AttemptState.FAILED, "since": 9000.0, "ended": 7200.0}
    number = demo.launched(7, RunState.FAILED, "fit failed", Stage.FIT, segments=2, **ended)
    demo.files(7, Stage.TRANSFER, [0, 1])
    demo.files(7, Stage.FIT, [0])
    demo.says(7, Stage.FIT, [1], Witness.TASK, Says.FAILED, "return code 134")
    return number


def notes(demo: DemoLedger) -> list[str]:
    found = detail(demo.ledger, 7)
    assert found is not None
    return [row.pieces[-1][0] for row in segment_rows(found, grouped(found.segments))]


@pytest.mark.parametrize(
    ("launched", "note"),
    [({0: SEGMENT_BYTES}, "arrived after the launch"), ({0: SEGMENT_BYTES, 1: 5}, "changed after the launch")],
)
def test_a_late_segment_says_so_when_nothing_is_under_way(
    demo: DemoLedger, launched: dict[int, int], note: str
) -> None:
    ended = {"attempt_state": AttemptState.SUCCEEDED, "ended": 60.0}
    demo.launched(7, RunState.DONE, "returned", Stage.RETURN, segments=2, **ended)
    assert notes(demo) == ["2 segments"]
    with demo.ledger.change():
        runs.set_run(demo.ledger, 7, launched_sizes=launched)
    first, second = notes(demo)
    assert (first, second.partition(";")[0]) == ("", note)


def test_the_age_of_a_flow_run_is_that_of_its_end(demo: DemoLedger) -> None:
    failed_at_fit(demo)
    (row,) = snapshot(demo.ledger).flow_runs
    age = [column.name for column in main.FLOW_RUNS].index("AGE")
    assert main.flow_run(row, NOW)[age][0] == "2 h"


def test_the_timeline_says_that_a_stage_failed_though_flows_calls_its_action_done(demo: DemoLedger) -> None:
    number = failed_at_fit(demo)
    began, ended = "2026-07-01T11:40:00+00:00", "2026-07-01T11:50:00+00:00"
    visits = {stage: Visit(Says.DONE, began, ended=ended) for stage in (Stage.TRANSFER, Stage.FIT, Stage.CONVERT)}
    attempts.set_attempt(demo.ledger, number, visits=flowlog.dump(visits))
    found = detail(demo.ledger, 7)
    assert found is not None
    told = {row.key[1]: (row.pieces[-1][0], row.bad) for row in timeline_rows(found, NOW)[1:]}  # type: ignore[index]
    assert told == {"transfer": ("done", False), "fit": ("failed", True), "convert": ("done", False)}


def test_the_timeline_tells_work_before_end_run_from_work_after_it(demo: DemoLedger) -> None:
    demo.launched(7, RunState.RUNNING, "", Stage.ANALYZE, segments=4, since=100.0)
    run = known_run(demo.ledger, 7)
    assert run.ended is not None
    early = [
        attempts.add_intent(demo.ledger, plan_early(7, segments), number, f"t{number}", {}, "", "f", "driver")
        for number, segments in ((2, (0, 1)), (3, (2,)), (4, (3,)))
    ]
    spans = [(-300, -200), (-100, 40), (10, None)]
    for attempt, (began, ended) in zip(early, spans, strict=True):
        times = {"intended_at": run.ended + began, "ended_at": run.ended + ended if ended is not None else None}
        attempts.set_attempt(demo.ledger, attempt, **times)
    attempts.set_attempt(demo.ledger, attempts.attempts(demo.ledger, 7)[0].attempt, number=5)
    found = detail(demo.ledger, 7)
    assert found is not None
    rows = timeline_rows(found, NOW)
    assert [(row.pieces[0][0], row.pieces[1][0]) for row in rows] == [
        ("5", "started"), ("4", "intent"), ("", "END_RUN"), ("3", "intent"), ("2", "intent"),
    ]  # fmt: skip
    told = [row.pieces[-1][0] for row in rows]
    assert told[2:] == [
        "2 attempts before it, 2 after it",
        "segment 02; 40 s after END_RUN; transfer 1, fit 1, convert 1; attempt 3 is being started",
        "segment 00-01; transfer 2, fit 2, convert 2; attempt 2 is being started",
    ]


def test_the_stage_of_a_stuck_run_looks_as_one_that_failed(demo: DemoLedger) -> None:
    demo.launched(7, RunState.RUNNING, "fit 1/2", Stage.FIT, segments=2)
    cell = {"code": "words", "parameters": {"words": "no such file"}}
    why = Reason("flow.waits", {"stage": "fit", "done": 0, "total": 2, "cell": cell})
    conditions.put(demo.ledger, 7, Topic.PROGRESS, [why])
    (row,) = snapshot(demo.ledger).flow_runs
    assert [style for _, style in main.flow_run(row, NOW)][3] == "bad"
    assert main.in_trouble(row)

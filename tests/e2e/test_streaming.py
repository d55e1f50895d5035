"""While a run is being recorded its closed segments are transferred, fitted and converted; the rest when it ends."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from console.ledger import hints, runs
from console.ledger.events import newest
from console.ledger.store import Ledger
from flowspec.ringframes import Frame
from flowspec.ringitems import ItemType
from flowspec.states import AttemptState, RunState
from tests.pipeline_fixture import Pipeline, console  # noqa: F401  (a fixture)
from tests.recording import Recording
from tests.sandbox_records import clear_faults, records, set_fault
from tests.streaming_fixture import (  # noqa: F401  (a fixture)
    converted,
    early,
    ended_with,
    of_what_is_there,
    pipeline,
    recording,
    told,
)
from tests.waiting import until


def test_closed_segments_are_done_while_the_run_is_recorded(pipeline: Pipeline) -> None:
    taking = recording(pipeline, 7, segments=5)
    taking.write_but_for_the_end()
    until(lambda: converted(pipeline, 7) == [0, 1, 2, 3], told=lambda: str(early(pipeline, 7)))
    assert pipeline.state(7) is RunState.TAKING
    taking.end()
    ended_with(pipeline, 7, fit=5, convert=5, analyze=1)
    assert converted(pipeline, 7) == [0, 1, 2, 3], "the last one goes with the analysis"


def test_what_is_under_way_at_the_end_is_joined_when_all_of_it_has_ended(pipeline: Pipeline) -> None:
    set_fault(pipeline.sandbox.directory, "endpoint-slow", seconds=4.0, run=7, stage="fit")
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: early(pipeline, 7))
    taking.end()
    ended_with(pipeline, 7, fit=3, convert=3, analyze=1)
    assert converted(pipeline, 7) == [0, 1, 2], "the last one does not wait for the others"
    assert "run 7 attempt 2: transfer, fit and convert of 02, beside what is under way" in told(pipeline, 7)


@pytest.mark.parametrize("change", [Recording.cut, Recording.append], ids=["replaced", "appended to"])
def test_a_segment_that_has_changed_after_its_early_fit_is_done_again_and_told_once(
    pipeline: Pipeline, change: Callable[[Recording, int], None]
) -> None:
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: converted(pipeline, 7) == [0, 1])
    change(taking, 1)
    taking.end()
    ended_with(pipeline, 7, fit=4, convert=4, analyze=1)
    assert of_what_is_there(pipeline, 7)
    changed = [text for text in told(pipeline, 7) if "changed" in text]
    assert changed == ["run 7: segment 01 has changed since it was transferred: it is done again"]


def test_a_run_that_is_cancelled_while_it_is_recorded_starts_nothing_more(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    set_fault(pipeline.sandbox.directory, "endpoint-slow", seconds=60.0, run=7, stage="fit")
    taking = recording(pipeline, 7, segments=4)
    taking.write_but_for_the_end()
    until(lambda: [state for _, state in early(pipeline, 7)] == [AttemptState.STARTED])
    assert "nothing of it is launched by itself any more" in console("cancel", "7")
    pipeline.wait_for(7, RunState.CANCELLED)
    assert [state for _, state in early(pipeline, 7)] == [AttemptState.CANCELLED]
    clear_faults(pipeline.sandbox.directory)
    taking.end()
    until(lambda: runs.run(pipeline.ledger, 7).verdict == "ready")
    pipeline.deliver(pipeline.take(8, segments=1))
    pipeline.wait_for(8, RunState.DONE)
    assert (pipeline.state(7), len(early(pipeline, 7))) == (RunState.CANCELLED, 1)
    console("retry", "7")
    pipeline.wait_for(7, RunState.DONE)


def test_a_run_that_ends_abnormally_keeps_its_early_work_and_gets_no_result_by_itself(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: converted(pipeline, 7) == [0, 1])
    with taking.whole.segments[2].open("ab") as file:
        file.write(Frame(ItemType.ABNORMAL_ENDRUN, b"").encode())
    taking.end()
    until(lambda: pipeline.state(7) is RunState.ABNORMAL)
    assert "2 of 3 converted" in console("status")
    console("launch", "7", "--anyway")
    ended_with(pipeline, 7, fit=3, convert=3, analyze=1)


def test_an_early_failure_is_told_and_the_rest_goes_on(pipeline: Pipeline) -> None:
    set_fault(pipeline.sandbox.directory, "function-crash", run=7, stage="fit", segment=1, times=1)
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: [state for _, state in early(pipeline, 7)] == [AttemptState.FAILED])
    bad = [event.text for event in newest(pipeline.ledger, 20) if event.level == "bad"]
    assert any("run 7 attempt 1 failed: fit of segment 01 failed" in text for text in bad), bad
    kinds = [row["kind"] for row in pipeline.ledger.rows("SELECT kind FROM events WHERE level = 'bad' AND run = 7")]
    assert [kind.partition("|")[0] for kind in kinds] == ["fit"], "what fails alike is told once"
    taking.end()
    ended_with(pipeline, 7, fit=4, convert=4, analyze=1)


def test_two_runs_side_by_side_and_streaming_that_is_switched_off(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    first, second = recording(pipeline, 7, segments=3), recording(pipeline, 8, segments=3)
    first.write_but_for_the_end()
    second.write_but_for_the_end()
    until(lambda: converted(pipeline, 7) == [0, 1] == converted(pipeline, 8))
    for run in ("7", "8"):
        assert re.search(rf"^ +{run} .* 2 of 3 converted; ", console("status"), re.MULTILINE)
    pipeline.kill_driver()
    pipeline.profile.write_text(pipeline.profile.read_text().replace("streaming = true", "streaming = false"))
    pipeline.start_driver()
    first.end()
    second.end()
    for run in (7, 8):
        ended_with(pipeline, run, fit=3, convert=3, analyze=1)
        rest = "transfer 1, fit 1, convert 1, analyze, return; 2 of 3 segments are converted already"
        assert f"run {run} attempt 2: {rest}" in told(pipeline, run)


def test_an_early_attempt_is_over_before_flows_has_noticed(pipeline: Pipeline) -> None:
    directory = pipeline.sandbox.directory
    set_fault(directory, "endpoint-slow", seconds=2.0, run=7, stage="convert")
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: records(directory).flow_runs and any(c["function"] == "convert" for c in records(directory).calls))
    hints.switch_off(Ledger(pipeline.settings.ledger), 10, "")
    set_fault(directory, "flows-late", seconds=600.0)
    until(lambda: converted(pipeline, 7) == [0, 1])
    assert [flow_run["status"] for flow_run in records(directory).flow_runs] == ["ACTIVE"]
    clear_faults(directory)
    taking.end()
    ended_with(pipeline, 7, fit=3, convert=3, analyze=1)

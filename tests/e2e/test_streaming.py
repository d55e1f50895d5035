"""While a run is being recorded its closed segments are transferred, fitted and converted; the rest when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.ledger import attempts, runs
from console.ledger.events import newest
from flowspec.ringframes import Frame
from flowspec.ringitems import ItemType
from flowspec.states import AttemptState, RunState
from tests.pipeline_fixture import Pipeline, console, running_pipeline  # noqa: F401  (fixtures)
from tests.recording import Recording
from tests.sandbox_records import clear_faults, records, set_fault
from tests.waiting import until


def recording(pipeline: Pipeline, run: int, segments: int) -> Recording:
    return Recording(pipeline.sandbox.directory / "daq", pipeline.settings.dtn.runs, run, segments)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with running_pipeline(tmp_path / "sandbox") as opened:
        profile = opened.profile.read_text()
        profile = profile.replace("look_interval = 1.0", "look_interval = 0.3")
        policy = "[policy]\nstreaming = true\nstreaming_segments = 2\nsettle = 0.3\n"
        opened.profile.write_text(profile.replace("[policy]\n", policy))
        opened.start_driver()
        yield opened


def _early(pipeline: Pipeline, run: int) -> list[tuple[tuple[int, ...], AttemptState]]:
    return [(a.plan.expected, a.state) for a in attempts.attempts(pipeline.ledger, run) if a.plan.early]


def _converted(pipeline: Pipeline, run: int) -> list[int]:
    """The segments that early attempts have converted."""
    return sorted(n for expected, state in _early(pipeline, run) if state is AttemptState.SUCCEEDED for n in expected)


def _ended_with(pipeline: Pipeline, run: int, **functions: int) -> None:
    """It is done, and the site was asked for each function so often."""
    pipeline.wait_for(run, RunState.DONE)
    assert records(pipeline.sandbox.directory).functions(run) == functions


def test_closed_segments_are_done_while_the_run_is_recorded(pipeline: Pipeline) -> None:
    taking = recording(pipeline, 7, segments=5)
    taking.write_but_for_the_end()
    until(lambda: _converted(pipeline, 7) == [0, 1, 2, 3], told=lambda: str(_early(pipeline, 7)))
    assert pipeline.state(7) is RunState.TAKING
    taking.end()
    _ended_with(pipeline, 7, fit=5, convert=5, analyze=1)
    assert _converted(pipeline, 7) == [0, 1, 2, 3], "the last one goes with the analysis"


def test_what_is_under_way_at_the_end_is_joined_when_all_of_it_has_ended(pipeline: Pipeline) -> None:
    set_fault(pipeline.sandbox.directory, "endpoint-slow", seconds=4.0, run=7, stage="fit")
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: _early(pipeline, 7))
    taking.end()
    _ended_with(pipeline, 7, fit=3, convert=3, analyze=1)
    assert _converted(pipeline, 7) == [0, 1, 2], "the last one does not wait for the others"


def test_a_segment_that_was_replaced_after_its_early_fit_is_done_again(pipeline: Pipeline) -> None:
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: _converted(pipeline, 7) == [0, 1])
    replaced = taking.directory / taking.whole.segments[1].name
    data = replaced.read_bytes()
    replaced.write_bytes(data[int.from_bytes(data[:4], "little") :])  # without its first item
    taking.end()
    _ended_with(pipeline, 7, fit=4, convert=4, analyze=1)


def test_a_run_that_is_cancelled_while_it_is_recorded_starts_nothing_more(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    set_fault(pipeline.sandbox.directory, "endpoint-slow", seconds=60.0, run=7, stage="fit")
    taking = recording(pipeline, 7, segments=4)
    taking.write_but_for_the_end()
    until(lambda: [state for _, state in _early(pipeline, 7)] == [AttemptState.STARTED])
    assert "nothing of it is launched by itself any more" in console("cancel", "7")
    pipeline.wait_for(7, RunState.CANCELLED)
    assert [state for _, state in _early(pipeline, 7)] == [AttemptState.CANCELLED]
    clear_faults(pipeline.sandbox.directory)
    taking.end()
    until(lambda: runs.run(pipeline.ledger, 7).verdict == "ready")
    pipeline.deliver(pipeline.take(8, segments=1))
    pipeline.wait_for(8, RunState.DONE)
    assert (pipeline.state(7), len(_early(pipeline, 7))) == (RunState.CANCELLED, 1)
    console("retry", "7")
    pipeline.wait_for(7, RunState.DONE)


def test_a_run_that_ends_abnormally_keeps_its_early_work_and_gets_no_result_by_itself(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: _converted(pipeline, 7) == [0, 1])
    with taking.whole.segments[2].open("ab") as file:
        file.write(Frame(ItemType.ABNORMAL_ENDRUN, b"").encode())
    taking.end()
    until(lambda: pipeline.state(7) is RunState.ABNORMAL)
    assert "2 of 3 converted" in console("status")
    console("launch", "7", "--anyway")
    _ended_with(pipeline, 7, fit=3, convert=3, analyze=1)


def test_an_early_failure_is_told_and_the_rest_goes_on(pipeline: Pipeline) -> None:
    set_fault(pipeline.sandbox.directory, "function-crash", run=7, stage="fit", segment=1, times=1)
    taking = recording(pipeline, 7, segments=3)
    taking.write_but_for_the_end()
    until(lambda: [state for _, state in _early(pipeline, 7)] == [AttemptState.FAILED])
    told = [event.text for event in newest(pipeline.ledger, 20) if event.level == "bad"]
    assert any("run 7 attempt 1 failed: fit of segment 01 failed" in text for text in told), told
    kinds = [row["kind"] for row in pipeline.ledger.rows("SELECT kind FROM events WHERE level = 'bad' AND run = 7")]
    assert [kind.partition("|")[0] for kind in kinds] == ["fit"], "what fails alike is told once"
    taking.end()
    _ended_with(pipeline, 7, fit=4, convert=4, analyze=1)


def test_two_runs_side_by_side_and_streaming_that_is_switched_off(pipeline: Pipeline) -> None:
    first, second = recording(pipeline, 7, segments=3), recording(pipeline, 8, segments=3)
    first.write_but_for_the_end()
    second.write_but_for_the_end()
    until(lambda: _converted(pipeline, 7) == [0, 1] == _converted(pipeline, 8))
    pipeline.kill_driver()
    pipeline.profile.write_text(pipeline.profile.read_text().replace("streaming = true", "streaming = false"))
    pipeline.start_driver()
    first.end()
    second.end()
    for run in (7, 8):
        _ended_with(pipeline, run, fit=3, convert=3, analyze=1)

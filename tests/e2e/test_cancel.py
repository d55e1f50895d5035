"""Cancel in each stage: afterwards nothing of the run executes in the sandbox, and the console says what was seen gone.

A stage is held by a program that hangs, or by a destination that cannot be written; so its end is that of the cancel.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.cli.status import status_text
from console.ledger import attempts, cancel_lines, runs
from console.ledger.cancel_lines import LineKind
from console.ledger.store import actor
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import clear_faults, set_fault
from tests.sandbox_records import records as sandbox_records
from tests.waiting import until

TOOLS = {"fit": "EventEditor", "convert": "eeconverter", "analyze": "betasort"}
HANG = "#!/bin/bash\necho $$ >>{0}.new; cp {0}.new {0}\n{1}sleep 300; sleep 300\n"
STUBBORN = "trap '' TERM\n"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """One run at a time, so that a second one is queued."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRIB_CONSOLE__POLICY__MAX_IN_FLIGHT", "1")
        with running_pipeline(tmp_path_factory.mktemp("cancel") / "sandbox", speed=10.0) as pipeline:
            conf = pipeline.sandbox.directory / "site" / "kit" / "site.conf"
            fakes(pipeline).mkdir()
            conf.write_text(conf.read_text() + f"PATH={fakes(pipeline)}:$PATH\n")
            pipeline.start_driver()
            yield pipeline


def fakes(pipeline: Pipeline) -> Path:
    return pipeline.sandbox.directory / "fakes"


@contextmanager
def held_program(pipeline: Pipeline, stage: str, stubborn: str = "") -> Iterator[Callable[[], object]]:
    """Every program of the stage hangs. Gives the condition that one does."""
    said = fakes(pipeline) / f"{stage}-held"
    said.unlink(missing_ok=True)
    program = fakes(pipeline) / TOOLS[stage]
    program.write_text(HANG.format(said, stubborn))
    program.chmod(0o755)
    try:
        yield said.exists
    finally:
        program.unlink()


@contextmanager
def held_transfer(pipeline: Pipeline, run: int, stage: str) -> Iterator[Callable[[], object]]:
    """Something else is where the transfer wants to write: Transfer tries again and again."""
    if stage == "transfer":
        obstacle = pipeline.sandbox.directory / "site" / "rawdata" / f"run{run}"
        obstacle.write_text("a file where a directory should be")
    else:
        obstacle = pipeline.settings.dtn.results / f"run-{run:04d}-sorted.root"
        obstacle.mkdir()

    def tried() -> object:
        label = f"sandbox run {run} attempt 1"
        with_label = [t for t in sandbox_records(pipeline.sandbox.directory).transfers if t["label"] == label]
        return len(with_label) == (1 if stage == "transfer" else 2) and with_label[-1]["status"] == "ACTIVE"

    try:
        yield tried
    finally:
        obstacle.unlink() if obstacle.is_file() else obstacle.rmdir()


def held(pipeline: Pipeline, run: int, stage: str):
    if stage in TOOLS:
        return held_program(pipeline, stage, STUBBORN if stage == "fit" else "")
    return held_transfer(pipeline, run, stage)


def ask(pipeline: Pipeline, verb: str, run: int):
    number = pipeline.ledger.ask(verb, run, actor=actor())
    until(lambda: pipeline.ledger.request(number).state != "asked")
    return pipeline.ledger.request(number)


def lines_of(pipeline: Pipeline, run: int) -> list[cancel_lines.CancelLine]:
    return cancel_lines.read(pipeline.ledger, attempts.newest_attempt(pipeline.ledger, run).attempt)


def nothing_is_left(pipeline: Pipeline, run: int) -> None:
    """Looked for in the sandbox itself: its worker processes and all below them, its tasks, its flow runs."""
    found = sandbox_records(pipeline.sandbox.directory)
    assert found.working_on(run) == []
    assert [call for call in found.calls if call["run"] == run and call["ended"] is None] == []
    label = f"sandbox run {run} attempt 1"
    assert {flow_run["status"] for flow_run in found.flow_runs if flow_run["label"] == label} == {"FAILED"}
    assert "ACTIVE" not in {transfer["status"] for transfer in found.transfers if transfer["label"] == label}


@pytest.mark.parametrize(
    ("run", "segments", "stage", "kind"),
    [
        (21, 1, "transfer", LineKind.TRANSFER_TASK),
        (22, 3, "fit", LineKind.COMPUTE_TASK),
        (23, 2, "convert", LineKind.COMPUTE_TASK),
        (24, 1, "analyze", LineKind.COMPUTE_TASK),
        (25, 1, "return", LineKind.TRANSFER_TASK),
    ],
)
def test_nothing_runs_after_a_cancel(pipeline: Pipeline, run: int, segments: int, stage: str, kind: LineKind) -> None:
    with held(pipeline, run, stage) as is_held:
        pipeline.deliver(pipeline.take(run, segments=segments, events=10))
        until(is_held)
        assert ask(pipeline, "cancel", run).state == "done"
        pipeline.wait_for(run, RunState.CANCELLED)
        nothing_is_left(pipeline, run)
    lines = lines_of(pipeline, run)
    assert {LineKind.MARKER, LineKind.FLOW_RUN, kind} <= {line.kind for line in lines}
    assert all(line.gone for line in lines)
    told = status_text(pipeline.ledger, run)
    assert f"run {run} cancelled: cancelled by {actor()}: nothing of it runs any more" in told
    assert f"{len(lines)} of {len(lines)} gone" in told
    assert all(line.id in told for line in lines)
    logs = pipeline.sandbox.directory / "site" / "logs" / f"run{run}"
    if stage == "fit":  # two workers: the third segment was not begun, and has no report
        causes = [json.loads(report.read_text())["cause"].rpartition(": ")[2] for report in logs.glob("fit-0?.json")]
        assert causes == ["cancelled", "cancelled"]


def test_a_queued_run_never_executes_and_a_driver_that_is_killed_sees_the_cancel_through(pipeline: Pipeline) -> None:
    with held_program(pipeline, "convert") as is_held:
        pipeline.deliver(pipeline.take(31, segments=2, events=10))
        until(is_held)
        pipeline.deliver(pipeline.take(32, segments=2, events=10))
        until(lambda: pipeline.state(32) is RunState.QUEUED)
        assert ask(pipeline, "cancel", 32).answer == "run 32 is no longer queued"
        assert ask(pipeline, "cancel", 31).state == "done"
        pipeline.kill_driver()
        assert pipeline.state(31) in (RunState.CANCELLING, RunState.CANCELLED)
        pipeline.start_driver()
        pipeline.wait_for(31, RunState.CANCELLED)
        nothing_is_left(pipeline, 31)
    assert pipeline.state(32) is RunState.CANCELLED
    assert sandbox_records(pipeline.sandbox.directory).functions(32) == {}


def test_what_an_offline_endpoint_holds_stays_listed_until_it_is_back(pipeline: Pipeline) -> None:
    directory = pipeline.sandbox.directory
    pipeline.deliver(pipeline.take(41, segments=2, events=10))
    attempt = until(lambda: (a := attempts.newest_attempt(pipeline.ledger, 41)) and a.flow_run and a)
    set_fault(directory, "endpoint-offline", endpoint="frib-convert")
    until(lambda: attempts.tasks(pipeline.ledger, attempt.attempt, Stage.CONVERT))
    until(lambda: pipeline.ledger.row("SELECT 1 FROM endpoints WHERE name = 'frib-convert' AND online = 0"))
    assert ask(pipeline, "cancel", 41).state == "done"
    still = "still running: convert of segments 00, 01 (task ids "
    run = until(lambda: (r := runs.run(pipeline.ledger, 41)) and still in r.why and r)
    assert run.why.endswith("), endpoint frib-convert offline")
    assert run.state is RunState.CANCELLING
    told = status_text(pipeline.ledger, 41)
    waiting = [line for line in lines_of(pipeline, 41) if not line.gone]
    assert [line.what for line in waiting] == ["convert of segment 00", "convert of segment 01"]
    assert all(line.id in told for line in waiting)
    clear_faults(directory)
    pipeline.wait_for(41, RunState.CANCELLED)
    nothing_is_left(pipeline, 41)


def test_what_was_cancelled_is_done_by_a_retry(pipeline: Pipeline) -> None:
    """The marker of the first attempt does not stop the second."""
    assert ask(pipeline, "retry", 23).state == "done"
    until(lambda: pipeline.state(23) is RunState.DONE)
    states = [attempt.state for attempt in attempts.attempts(pipeline.ledger, 23)]
    assert states == [AttemptState.CANCELLED, AttemptState.SUCCEEDED]
    assert sandbox_records(pipeline.sandbox.directory).functions(23)["fit"] == 2, "none was fitted again"

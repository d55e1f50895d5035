"""`console preflight`: a segment through the whole pipeline, of which nothing stays, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.connect import remote
from console.doctor import flight
from console.doctor.flight import ACTIVE
from console.doctor.subject import Subject
from console.ledger import runs
from console.settings.constants import PROFILE_VARIABLE
from flowspec.states import RunState
from remote.globus.flows import FlowRun
from tests.pipeline_fixture import Pipeline, console, running_pipeline
from tests.sandbox_records import clear_faults, set_fault
from tests.waiting import HANGS_AFTER, until

Console = Callable[..., str]
__all__ = ["console"]
RUN = 1217
STAGES = ["segment", "flow run", "transfer", "fit", "convert", "analyze", "return", "result", "clean-up"]
WELL = [(stage, "ok") for stage in STAGES]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(tmp_path_factory.mktemp("preflight") / "sandbox", auto_launch=False, speed=20.0) as pipeline:
        pipeline.deliver(pipeline.take(RUN, segments=2, events=10))
        yield pipeline


@pytest.fixture(autouse=True)
def nothing_stays(pipeline: Pipeline) -> Iterator[None]:
    """At the site, on the DTN, beside the ledger."""
    yield
    clear_faults(pipeline.sandbox.directory)
    settings = pipeline.settings
    places = (Path(settings.site.top), settings.dtn.results, settings.dtn.runs, settings.ledger.parent)
    found = [path for place in places for name in ("*preflight*", "*9999999*") for path in place.rglob(name)]
    assert [path for path in found if "kit" not in path.parts and "log" not in path.parts] == []


@pytest.fixture
def segment(pipeline: Pipeline) -> Path:
    return pipeline.settings.dtn.runs / f"run{RUN}" / f"run-{RUN}-00.evt"


def flow_runs(pipeline: Pipeline) -> list[FlowRun]:
    ctx = pipeline.make_context()
    return [run for run in ctx.remote.flows.runs([ctx.flow_id]) if " preflight " in run.label]


def subject(pipeline: Pipeline) -> Subject:
    return Subject(pipeline.settings, remote(pipeline.settings))


def checks(out: str) -> list[tuple[str, str]]:
    return [(finding["check"], finding["verdict"]) for finding in json.loads(out)["findings"]]


def test_a_segment_goes_through_while_a_driver_works(pipeline: Pipeline, segment: Path, console: Console) -> None:
    pipeline.start_driver()
    try:
        until(lambda: pipeline.state(RUN) is RunState.READY)
        assert checks(console("preflight", "--json")) == WELL  # of the smallest segment that is known
        console("launch", str(RUN))
        assert console("preflight", str(segment)).splitlines()[-1] == "GO"
        pipeline.wait_for(RUN, RunState.DONE)
    finally:
        pipeline.end_driver()
    assert [run.run for run in runs.runs(pipeline.ledger)] == [RUN]
    assert not [event for event in pipeline.ledger.rows("SELECT text FROM events") if "preflight" in event["text"]]


def test_a_fit_that_fails_is_no_go_with_its_words(pipeline: Pipeline, segment: Path) -> None:
    set_fault(pipeline.sandbox.directory, "function-crash", stage="fit")
    done = _command(pipeline, segment, "--json")
    out, _ = done.communicate(timeout=HANGS_AFTER)
    assert done.returncode == 1
    found = {finding["check"]: finding for finding in json.loads(out)["findings"]}
    assert found["fit"]["verdict"] == "bad"
    assert "return code 134" in found["fit"]["said"]
    assert found["clean-up"]["verdict"] == "ok"


def _command(pipeline: Pipeline, segment: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "console", "--profile", str(pipeline.profile), "preflight", str(segment), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("known", [True, False], ids=["the flow run is known", "it was only asked for"])
def test_one_that_was_killed_is_ended_by_the_next(pipeline: Pipeline, segment: Path, known: bool) -> None:
    set_fault(pipeline.sandbox.directory, "function-hang", stage="fit", seconds=3600)
    before = {run.id for run in flow_runs(pipeline)}
    killed = _command(pipeline, segment)
    found = until(lambda: (left := flight.left(subject(pipeline))) and left.flow_run and left)
    until(lambda: list(Path(pipeline.settings.site.top).glob("preflight-*/logs")))
    refused = _command(pipeline, segment)
    assert "another one of this ledger is under way" in refused.communicate(timeout=HANGS_AFTER)[0]
    assert refused.returncode == 1
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    if not known:
        flight.keep(subject(pipeline), replace(found, flow_run=""))
    clear_faults(pipeline.sandbox.directory)
    again = _command(pipeline, segment, "--json")
    out, err = again.communicate(timeout=HANGS_AFTER)
    assert again.returncode == 0, (out, err)
    assert checks(out) == [("before", "ok"), *WELL]
    ours = {run.id: run for run in flow_runs(pipeline) if run.id not in before}
    assert len(ours) == 2
    assert ours[found.flow_run].cancelled
    assert not [run for run in ours.values() if run.status in ACTIVE]


def test_one_that_was_interrupted_cleans_up(pipeline: Pipeline, segment: Path) -> None:
    set_fault(pipeline.sandbox.directory, "transfer-queued")
    process = _command(pipeline, segment)
    until(lambda: (left := flight.left(subject(pipeline))) and left.flow_run)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=HANGS_AFTER)
    assert process.returncode == 130
    assert not [run for run in flow_runs(pipeline) if run.status in ACTIVE]


def test_an_answer_that_is_lost_starts_no_second_one(pipeline: Pipeline, segment: Path) -> None:
    before = {run.id for run in flow_runs(pipeline)}
    set_fault(pipeline.sandbox.directory, "connection-reset", path="POST /flows/*/run", moment="after")
    process = _command(pipeline, segment)
    out, err = process.communicate(timeout=HANGS_AFTER)
    assert process.returncode == 1
    assert "the line broke during the call" in out, err
    (ours,) = (run for run in flow_runs(pipeline) if run.id not in before)
    assert ours.cancelled


def test_without_a_segment_it_says_what_to_give(tmp_path: Path, pipeline: Pipeline) -> None:
    environment = {
        **os.environ,
        PROFILE_VARIABLE: str(pipeline.profile),
        "FRIB_CONSOLE__LEDGER": str(tmp_path / "l.db"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "console", "preflight"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER,
    )
    assert (done.returncode, done.stderr) == (
        1, "console: no whole run is known whose segment could be sent: console preflight SEGMENT\n"
    )  # fmt: skip

"""A driver begins, or is at work, and the disk is not as the ledger has it: runs have vanished or changed, or the disk
is not mounted."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.ledger import runs as run_rows
from console.ledger import sources
from console.ledger.store import actor
from flowspec.conditions import Topic
from flowspec.states import RunState
from tests.discovery_fixture import EVENTS
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import records, set_fault
from tests.waiting import HANGS_AFTER, until

MAX_IN_FLIGHT = "FRIB_CONSOLE__POLICY__MAX_IN_FLIGHT"
RUNNING, QUEUED, READY = RunState.RUNNING, RunState.QUEUED, RunState.READY
INCOMPLETE, GONE = RunState.INCOMPLETE, RunState.GONE


def prepare(pipeline: Pipeline) -> None:
    """Runs 1 and 2 are under way, 3 and 4 wait behind them, 5 to 7 are ready; then the driver dies."""
    set_fault(pipeline.sandbox.directory, "endpoint-slow", stage="fit", seconds=600)
    for run in range(1, 8):
        pipeline.deliver(pipeline.take(run, events=5))
    pipeline.start_driver()
    until(lambda: [*states(pipeline).values()] == [READY] * 7, told=lambda: str(states(pipeline)))
    launch(pipeline, 1, 2, 3, 4)
    until(lambda: fits_asked(pipeline) == 4, every=0.2)
    until(lambda: why(pipeline, 4) == "waits: 2 of 2 slots in use", told=lambda: why(pipeline, 4))
    pipeline.kill_driver()
    os.environ[MAX_IN_FLIGHT] = "10"  # the next one would launch all that it may


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    monkeypatch.setenv(MAX_IN_FLIGHT, "2")
    with running_pipeline(tmp_path / "sandbox", auto_launch=False) as pipeline:
        yield pipeline


def launch(pipeline: Pipeline, *runs: int) -> None:
    for run in runs:
        pipeline.ledger.ask("launch", run, actor=actor())


def states(pipeline: Pipeline) -> dict[int, RunState]:
    return {run.run: run.state for run in reversed(run_rows.runs(pipeline.ledger))}


def why(pipeline: Pipeline, run: int) -> str:
    return run_rows.run(pipeline.ledger, run).why


def launched(pipeline: Pipeline) -> int:
    return len(records(pipeline.sandbox.directory).flow_runs)


def fits_asked(pipeline: Pipeline) -> int:
    return sum(call["function"] == "fit" for call in records(pipeline.sandbox.directory).calls)


def test_what_vanished_or_changed_while_nobody_drove_is_told_and_not_launched(pipeline):
    prepare(pipeline)
    folder = pipeline.settings.dtn.runs
    for run in (1, 3, 5):
        shutil.rmtree(folder / f"run{run}")
    for run in (2, 4, 6):
        last = folder / f"run{run}" / f"run-{run:04d}-01.evt"
        last.chmod(0o644)
        with last.open("ab") as file:
            file.write(EVENTS)
    pipeline.start_driver()
    found = {1: RUNNING, 2: RUNNING, 3: GONE, 4: INCOMPLETE, 5: GONE, 6: INCOMPLETE, 7: READY}
    until(lambda: states(pipeline) == found, told=lambda: str(states(pipeline)))
    until(lambda: why(pipeline, 4).startswith("is not launched by itself: "), told=lambda: why(pipeline, 4))
    disk = {c.code for c in run_rows.run(pipeline.ledger, 1).conditions if c.topic is Topic.DISK}
    assert disk == {"run.gone"}
    told = [row["text"] for row in pipeline.ledger.rows("SELECT text FROM events WHERE run IN (1, 2)")]
    assert "run 1: the run directory is no longer there" in told
    assert [text for text in told if text.startswith("run 2 changed on disk after it was launched: ")]
    launch(pipeline, 7)
    until(lambda: states(pipeline)[7] is RUNNING, told=lambda: str(states(pipeline)))
    until(lambda: launched(pipeline) == 3)
    assert states(pipeline) == found | {7: RUNNING}, "it goes on, with what is there and nothing else"


@contextmanager
def renamed(folder: Path) -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
    """Ways to take the file system away and to bring it back: here an empty directory stands in its place."""
    away = folder.with_name("away")

    def take_away() -> None:
        folder.rename(away)
        folder.mkdir()

    def bring_back() -> None:
        folder.rmdir()
        away.rename(folder)

    yield take_away, bring_back


@contextmanager
def mounted(folder: Path) -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
    """The same with a real mount."""
    store = folder.with_name("store")
    store.mkdir()
    call("mount", "-t", "tmpfs", "none", str(store))
    call("mount", "--bind", str(store), str(folder))
    try:
        yield lambda: call("umount", "-l", str(folder)), lambda: call("mount", "--bind", str(store), str(folder))
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, timeout=HANGS_AFTER)
        call("umount", "-l", str(store))


def call(*command: str) -> None:
    subprocess.run(command, check=True, timeout=HANGS_AFTER)


def may_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@pytest.mark.parametrize("way", [renamed, mounted] if may_mount() else [renamed])
def test_an_unmounted_disk_holds_all_launches_until_it_is_mounted_again(pipeline, way):
    with way(pipeline.settings.dtn.runs) as (take_away, bring_back):
        prepare(pipeline)
        before = states(pipeline)
        question = f"{pipeline.settings.dtn.runs} is empty, and 7 runs were there: is its file system mounted?"

        def held(*runs: int) -> bool:
            return all(why(pipeline, run).startswith(f"waits for the DTN disk: {question}") for run in runs)

        # nobody drives when it goes
        take_away()
        pipeline.start_driver()
        until(lambda: held(3, 4), told=lambda: why(pipeline, 3))
        assert (states(pipeline), launched(pipeline)) == (before, 2)
        assert sources.problem(pipeline.ledger, "disk").startswith(question)
        bring_back()
        until(lambda: launched(pipeline) == 4, told=lambda: why(pipeline, 3))
        until(lambda: fits_asked(pipeline) == 8, every=0.2)
        assert states(pipeline) == before | {3: RUNNING, 4: RUNNING}

        # somebody drives when it goes
        take_away()
        until(lambda: sources.problem(pipeline.ledger, "disk").startswith(question))
        launch(pipeline, 5)
        until(lambda: states(pipeline)[5] is QUEUED and held(5), told=lambda: why(pipeline, 5))
        assert launched(pipeline) == 4
        bring_back()
        until(lambda: launched(pipeline) == 5, told=lambda: why(pipeline, 5))
        assert states(pipeline) == before | dict.fromkeys((3, 4, 5), RUNNING)
        assert sources.problem(pipeline.ledger, "disk") == ""
        pipeline.kill_driver()

"""What happens to runs that are worked on while they are recorded, and what an operator reads of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.ledger import runs
from flowspec.states import AttemptState, RunState
from tests.pipeline_fixture import Pipeline, console  # noqa: F401  (a fixture)
from tests.sandbox_records import clear_faults, set_fault
from tests.streaming_fixture import (
    converted,
    early,
    ended_with,
    of_what_is_there,
    recording,
    streaming_pipeline,
    told,
)
from tests.waiting import HANGS_AFTER, until

# The driver, on a file system of which the kernel reports nothing.
DRIVE = """
import sys
from console.cli.parser import main
from console.disk import events
from console.ledger import filesystem
filesystem._REPORTING = frozenset()
events._observer = None
sys.exit(main(["--profile", sys.argv[1], "watch", "--background", "--lifeline"], None))
"""
CRASHED = "return code 134: *** stack smashing detected ***: terminated"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with streaming_pipeline(tmp_path_factory.mktemp("streaming") / "sandbox") as opened:
        opened.start_driver()
        yield opened


def why(pipeline: Pipeline, run: int) -> str:
    """The sentence of a run, as the screen and `console status RUN` have it."""
    found = runs.run(pipeline.ledger, run)
    return found.why if found else ""


def test_no_half_segment_is_fitted_while_rsync_brings_what_is_being_written(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    taking = recording(pipeline, 8, segments=5)
    taking.write(2, part=0.4)
    taking.write(3, part=0.1)
    taking.write(1)
    taking.write(0)
    until(lambda: converted(pipeline, 8) == [0, 1], told=lambda: str(early(pipeline, 8)))
    assert re.search(r" 8 +recording .* 2 of 4 converted; the DAQ is writing it", console("status"))
    for part in (0.6, 0.8):  # each replaces the file at the DTN
        taking.write(2, part)
        until(lambda: _seen_as_at_the_dtn(pipeline, 8))
    assert [segments for segments, _ in early(pipeline, 8)] == [(0, 1)]
    taking.write(2)
    taking.write(3)
    taking.write(4, part=0.5)
    until(lambda: converted(pipeline, 8) == [0, 1, 2, 3], told=lambda: str(early(pipeline, 8)))
    taking.end()
    ended_with(pipeline, 8, fit=5, convert=5, analyze=1)
    assert of_what_is_there(pipeline, 8)
    assert not [text for text in told(pipeline, 8) if "changed" in text]


def _seen_as_at_the_dtn(pipeline: Pipeline, run: int) -> bool:
    found = runs.run(pipeline.ledger, run)
    directory = pipeline.settings.dtn.runs / f"run{run}"
    there = sorted(path.stat().st_size for path in directory.iterdir() if path.suffix == ".evt")
    return found is not None and sorted(found.sizes.values()) == there


def test_an_endpoint_that_is_offline_for_a_while_keeps_early_work_and_doubles_nothing(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    sandbox = pipeline.sandbox.directory
    set_fault(sandbox, "transfer-queued", run=9)
    taking = recording(pipeline, 9, segments=5)
    for segment in (0, 1):
        taking.write(segment)
    taking.write(2, part=0.5)
    until(lambda: early(pipeline, 9) == [((0, 1), AttemptState.STARTED)])
    set_fault(sandbox, "endpoint-offline", endpoint="frib-fit-mpi")
    until(lambda: "frib-fit-mpi: OFFLINE since" in console("status"))
    clear_faults(sandbox, "transfer-queued")
    waits = r"fit 0/2: segment 00 waits for a worker since \d\d:\d\d: frib-fit-mpi is offline since \d\d:\d\d; "
    until(lambda: re.fullmatch(waits + "start it at the site", why(pipeline, 9)), told=lambda: why(pipeline, 9))
    assert re.search(r" 9 +STUCK .* start frib-fit-mpi: offline since \d\d:\d\d \(fit 0/2\)", console("status"))
    for segment in (2, 3):
        taking.write(segment)
    taking.write(4, part=0.5)
    until(lambda: (run := runs.run(pipeline.ledger, 9)) and run.closed.keys() == {0, 1, 2, 3})
    for _ in range(2):  # whole rounds pass
        assert console("auto", "on") == "auto-launch is on already"
    assert [segments for segments, _ in early(pipeline, 9)] == [(0, 1)], "no more is asked of it meanwhile"
    clear_faults(sandbox, "endpoint-offline")
    until(lambda: converted(pipeline, 9) == [0, 1, 2, 3], told=lambda: why(pipeline, 9))
    assert why(pipeline, 9) == "is being recorded: .started is there and .exited is not"
    taking.end()
    ended_with(pipeline, 9, fit=5, convert=5, analyze=1)
    log = console("events")
    assert "compute endpoint frib-fit-mpi is OFFLINE: runs wait for it; start it at the site, and they go on" in log
    assert "compute endpoint frib-fit-mpi is online" in log


def test_a_segment_that_fails_early_and_again_is_quarantined_and_the_rest_goes_on(
    pipeline: Pipeline, console: Callable[..., str]
) -> None:
    set_fault(pipeline.sandbox.directory, "function-crash", run=10, stage="fit", segment=1, times=0)
    bad = recording(pipeline, 10, segments=3)
    bad.write_but_for_the_end()
    until(lambda: early(pipeline, 10) == [((0, 1), AttemptState.FAILED)])
    failed = f"run 10 attempt 1 failed: fit of segment 01 failed: {CRASHED}; "
    assert told(pipeline, 10)[-1] == f"{failed}what is missing is done again when the run has ended"
    assert why(pipeline, 10) == "is being recorded: .started is there and .exited is not"
    bad.end()
    good = recording(pipeline, 11, segments=3)
    good.write_but_for_the_end()
    pipeline.wait_for(10, RunState.FAILED)
    left_out = "enter shows it: x there waives it, r tries it once more"
    said = f"fit of segment 01 failed: {CRASHED}. segment 01 quarantined: failed twice at fit; {left_out}"
    assert why(pipeline, 10) == said
    until(lambda: converted(pipeline, 11) == [0, 1])
    good.end()
    ended_with(pipeline, 11, fit=3, convert=3, analyze=1)
    refused = console("retry", "10", code=1)
    assert refused == f"console: run 10: segment 01 quarantined: failed twice at fit: {CRASHED}; {left_out}"
    clear_faults(pipeline.sandbox.directory)
    again = "run 10 attempt 3: fit 1, convert 1, analyze, return; 2 of 3 segments are converted already"
    assert console("retry", "10", "--segments", "1") == again
    until(lambda: pipeline.state(10) is RunState.DONE, told=lambda: why(pipeline, 10))
    assert of_what_is_there(pipeline, 10)


def test_a_run_number_that_is_taken_again_leaves_nothing_of_the_early_work_of_the_old_take(pipeline: Pipeline) -> None:
    old = recording(pipeline, 12, segments=5)
    for segment in range(4):
        old.write(segment)
    old.write(4, part=0.5)
    until(lambda: converted(pipeline, 12) == [0, 1, 2, 3])
    for directory in (old.directory, old.whole.directory, pipeline.settings.dtn.runs / "run12"):
        directory.rename(directory.with_name("of-the-old-take"))
    shutil.rmtree(old.directory.with_name("of-the-old-take"))  # or rsync brings it
    new = recording(pipeline, 12, segments=3, events=10)
    new.write_but_for_the_end()
    until(lambda: converted(pipeline, 12) == [0, 0, 1, 1, 2, 3])
    new.end()
    pipeline.wait_for(12, RunState.DONE)
    assert of_what_is_there(pipeline, 12)
    changed = [text for text in told(pipeline, 12) if "changed" in text]
    assert changed == [
        "run 12: segments 00-01 have changed since they were transferred: they are done again",
        "run 12: segment 02 has changed since it was transferred: it is done again",
    ]
    assert why(pipeline, 12) == "the result is back: run-0012-sorted.root"


def test_a_file_system_without_events_is_looked_at_again_and_again(tmp_path: Path) -> None:
    with streaming_pipeline(tmp_path / "sandbox") as pipeline, (tmp_path / "log").open("wb") as log:
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVE, str(pipeline.profile)], stdin=subprocess.PIPE, stderr=log
        )
        assert driver.stdin is not None
        try:
            taking = recording(pipeline, 7, segments=4)
            taking.write_but_for_the_end()
            until(lambda: converted(pipeline, 7) == [0, 1, 2], told=lambda: str(early(pipeline, 7)))
            assert why(pipeline, 7) == "is being recorded: .started is there and .exited is not"
            taking.append(1)
            taking.end()
            ended_with(pipeline, 7, fit=5, convert=5, analyze=1)
        finally:
            driver.stdin.close()
            driver.wait(HANGS_AFTER)
        assert of_what_is_there(pipeline, 7)
        assert "run 7: segment 01 has changed since it was transferred: it is done again" in told(pipeline, 7)

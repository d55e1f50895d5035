from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from flowspec import rootfile
from flowspec.conditions import reason
from remote.sandbox.tools import betasort, disk, eeconverter
from remote.sandbox.tools.betasort import Histogram
from remote.sandbox.tools.eventeditor import edit
from remote.sandbox.tools.pulses import Window
from tests.synthetic_run import event, hit, pulse, segment
from tests.waiting import HANGS_AFTER

LAUNCHER = Path(betasort.__file__).parent / "bin" / "betasort"


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two converted segments of run 89: three events with a double pulse each, 2 us apart."""
    directory = tmp_path_factory.mktemp("converted segments")
    trace = 400 + pulse(2000, 0.7, 0.03, 30) + pulse(900, 0.7, 0.03, 70)
    events = [event([hit(trace, 0, 250 * i), hit(None, 5, 250 * i + 30)]) for i in range(3)]
    data = b"".join(edit(segment(events), {(0, 2, 0): Window(0, 129, 65530)}, 2000))
    (directory / "in.evt").write_bytes(data)
    for number in (0, 1):
        output = directory / f"run-0089-{number:02d}-fitted.root"
        assert eeconverter.main(["-s", f"file://{directory}/in.evt", "-f", str(output)]) == 0
    return directory


def histograms(converted: Path, output: Path, segments: int) -> dict[str, Any]:
    assert betasort.main([f"{converted}/", f"{output}/", "89", str(segments)]) == 0
    with uproot.open(output / "run-0089-sorted.root") as file:
        return {name: file[name] for name in file.keys(cycle=False)}


def test_all_hits_of_all_segments_are_sorted(converted: Path, tmp_path: Path) -> None:
    found = histograms(converted, tmp_path, 2)
    entries = {name: histogram.member("fEntries") for name, histogram in found.items()}
    assert entries["energy"] == 12
    assert entries["energy_0_2_0"] == entries["energy_0_2_5"] == 6
    assert entries["chisquare_single"] == entries["chisquare_double"] == 6
    assert entries["time_difference"] == 6
    assert entries["event_interval"] == 4


def test_values_lie_where_they_belong(converted: Path, tmp_path: Path) -> None:
    found = histograms(converted, tmp_path, 1)

    def mean(name: str) -> float:
        counts, edges = found[name].to_numpy()
        return float(np.average((edges[1:] + edges[:-1]) / 2, weights=counts))

    assert mean("energy_0_2_5") == pytest.approx(1005, abs=16)
    assert mean("time_difference") == pytest.approx(240, abs=5)
    assert mean("event_interval") == pytest.approx(2, abs=10)
    assert mean("pulse_separation") == pytest.approx(40, abs=1)
    assert found["energy"].all_members["fTsumwx"] == 3 * (1000 + 1005)
    assert found["time_difference"].axis().member("fTitle") == "ns after the first hit"


def test_no_segments_means_the_first(converted: Path, tmp_path: Path) -> None:
    assert histograms(converted, tmp_path, 0)["energy"].member("fEntries") == 6


def test_what_is_out_of_range_goes_to_the_outer_bins() -> None:
    histogram = Histogram("", "", 10, 0, 100)
    histogram.fill(np.array([-1.0, 0.0, 99.9, 100.0, np.inf, -np.inf, np.nan]))
    assert histogram.counts.tolist() == [2, 1, *[0] * 8, 1, 2]
    assert histogram.moments.tolist() == pytest.approx([2, 99.9, 99.9**2])


def run(converted: Path, output: Path, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(LAUNCHER), f"{converted}/", f"{output}/", "89", *more]
    environment = {**os.environ, "FRIB_PYTHON": sys.executable, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANGS_AFTER)


def test_the_program_stops_at_the_first_missing_segment_and_not_a_word_is_said(converted: Path, tmp_path: Path) -> None:
    for number in (0, 2):
        (tmp_path / f"run-0089-{number:02d}-fitted.root").hardlink_to(converted / "run-0089-00-fitted.root")
    done = run(tmp_path, tmp_path, "3")
    assert (done.returncode, done.stderr) == (0, "")
    with uproot.open(tmp_path / "run-0089-sorted.root") as file:
        assert file["energy"].member("fEntries") == 6


def test_a_segment_that_was_never_closed_adds_nothing(converted: Path, tmp_path: Path) -> None:
    disk.leave_unclosed(tmp_path / "run-0089-00-fitted.root")
    (tmp_path / "run-0089-01-fitted.root").hardlink_to(converted / "run-0089-01-fitted.root")
    assert histograms(tmp_path, tmp_path, 2)["energy"].member("fEntries") == 6


def test_on_a_full_disk_the_result_is_never_closed_and_not_a_word_is_said(converted: Path, tmp_path: Path) -> None:
    done = run(converted, tmp_path, "2", FRIB_SANDBOX_FAULT="full")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    data = (tmp_path / "run-0089-sorted.root").read_bytes()
    assert rootfile.problem_of(data[: rootfile.HEADER_BYTES], len(data)) == reason("root.unclosed", size=len(data))


def test_it_takes_four_arguments(converted: Path, tmp_path: Path) -> None:
    assert run(converted, tmp_path, "2", "1", "gate.txt").returncode != 0

"""The spectra of a result: of histograms, else of a tree; a file that is broken or hostile is one line, in time."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import uproot

from console.disk import read_spectra, spectra
from console.disk.spectra import NoSpectra
from remote.sandbox.tools.betasort import Histogram
from tests.rootfiles import root_file, write_sorted


def problem(path: Path, seconds: float = spectra.SECONDS) -> str:
    with pytest.raises(NoSpectra) as raised:
        spectra.read(path, seconds)
    told = str(raised.value)
    assert told.isprintable()
    return told


def test_histograms_are_read_and_cut_to_where_the_counts_are(tmp_path: Path) -> None:
    path = tmp_path / "run:1217-sorted.root"  # a colon is no path inside the file
    write_sorted(path)
    energy, other = spectra.read(path)
    assert (energy.name, energy.title, other.name) == ("energy", "Energy", "time_difference")
    assert (energy.low, energy.high, energy.entries, energy.mean) == (992, 3008, 400, 1500)
    assert (sum(energy.counts), energy.counts[0], energy.counts[-1], energy.outside) == (400, 300, 100, 0)


def test_counts_beyond_the_axis_are_told_and_no_more_bins_kept_than_can_be_drawn(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "wide.root") as file:
        histogram = Histogram("", "", 4096, 0, 65_536)
        histogram.fill(np.linspace(0, 70_000, 10_000))
        file["wide"] = histogram.to_root("wide")
        file["empty"] = Histogram("", "", 10, 0, 1).to_root("empty")
    wide, empty = spectra.read(tmp_path / "wide.root")
    assert len(wide.counts) == read_spectra.BINS
    assert wide.outside == 638
    assert sum(wide.counts) + wide.outside == pytest.approx(10_000, rel=0.01)
    assert (empty.low, empty.high, empty.mean, sum(empty.counts)) == (0, 1, None, 0)


def test_without_histograms_the_numbers_of_the_tree_are_taken(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "tree.root") as file:
        file.mktree("hits", {"energy": "f8", "channel": "i4"})
        file["hits"].extend({"energy": np.array([1.0, 2.0, np.nan, 4.0]), "channel": np.arange(4, dtype=np.int32)})
    energy, channel = spectra.read(tmp_path / "tree.root")
    assert (energy.name, energy.entries, energy.outside, sum(energy.counts)) == ("energy", 4, 1, 3)
    assert (channel.title, channel.mean) == ("branch channel", pytest.approx(1.5, abs=0.02))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is not there"),
        (b"", "0 bytes that are no ROOT file"),
        (b"#!/bin/sh\n" * 100, "1,000 bytes that are no ROOT file"),
        (root_file(5000)[:2000], "a ROOT file that is cut: 2,000 of 5,000 bytes"),
        (root_file(5000), "has neither histograms nor a tree with numbers"),
        (root_file(5000, b"\xff"), "cannot be read: "),
    ],
    ids=["absent", "empty", "other", "cut", "only a header", "garbage"],
)
def test_a_broken_file_is_one_line(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "result.root"
    if content is not None:
        path.write_bytes(content)
    assert words in problem(path)


def test_garbage_in_a_real_file_is_one_line_or_left_out(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.root", tmp_path / "spoilt.root"
    write_sorted(whole, title="\x1b[31mred\x1b[0m\n\u202eEnergy")
    assert spectra.read(whole)[0].title == "red Energy"
    data = bytearray(whole.read_bytes())
    for place in range(300, len(data) - 300, 97):
        data[place] ^= 0xFF
    path.write_bytes(data)
    assert str(path) in problem(path)


def test_counts_that_are_no_numbers_are_no_spectrum(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "nan.root") as file:
        broken, good = Histogram("", "", 4, 0, 1), Histogram("", "", 4, 0, 1)
        broken.counts[2] = np.nan
        file["broken"], file["good"] = broken.to_root("broken"), good.to_root("good")
    assert [spectrum.name for spectrum in spectra.read(tmp_path / "nan.root")] == ["good"]


def test_a_file_of_something_else_is_said_to_be_that(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "words.root") as file:
        file["note"] = "nothing to draw"
    assert "has neither histograms nor a tree with numbers" in problem(tmp_path / "words.root")


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Path:
    """A result, and for who reads it a uproot that does this."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "uproot.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'lib'}:{os.environ.get('PYTHONPATH', '')}")
    path = tmp_path / "result.root"
    path.write_bytes(root_file(5000))
    return path


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('no')", read_spectra.NO_UPROOT),
        ("import os; os.abort()", "what reads it died"),
        ("def open(_): bytearray(4 << 30)", "cannot be read: MemoryError"),
    ],
    ids=["absent", "dies", "asks for memory"],
)
def test_what_happens_to_the_reader_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    assert words in problem(stand_in(tmp_path, monkeypatch, code))


def test_a_reader_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stand_in(tmp_path, monkeypatch, "import threading; threading.Event().wait()")
    assert problem(path, seconds=1.0) == f"{path} was not read within 1 s"

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uproot

from flowspec import rootfile
from flowspec.conditions import reason
from flowspec.ddas import Fit, FitInfo, Hit, Pulse
from remote.sandbox.tools import eeconverter
from remote.sandbox.tools.eventeditor import edit
from remote.sandbox.tools.pulses import Window
from tests.synthetic_run import event, hit, ordinary_events, pulse, segment
from tests.waiting import HANGS_AFTER

CHANNELS = {(0, 2, 0): Window(0, 129, 65530)}
DATA = Path(__file__).parents[3] / "data"
LAUNCHER = Path(eeconverter.__file__).parent / "bin" / "eeconverter"


def converted(directory: Path, data: bytes, *options: str) -> dict[str, Any]:
    """The tree's branches as lists."""
    source, sink = directory / "in.evt", directory / "out.root"
    source.write_bytes(data)
    assert eeconverter.main(["-s", f"file://{source}", "-f", str(sink), *options]) == 0
    with uproot.open({sink: "DDASFit"}) as tree:
        return {name: branch.array().tolist() for name, branch in tree.items()}


def fitted(data: bytes) -> bytes:
    return b"".join(edit(data, CHANNELS, 2000))


def test_the_reference_event_arrives_as_fribs_decoder_reads_it(tmp_path: Path) -> None:
    tree = converted(tmp_path, (DATA / "ref-v12.evt").read_bytes())
    assert tree["timestamp"] == [48867183450]
    assert tree["hits"] == [2]
    places = [tree[name][0] for name in ("crate", "slot", "channel")]
    assert places == [[3, 3], [2, 3], [1, 5]]
    assert tree["energy"] == [[4321, 777]]
    assert tree["coarse_time"] == [[48867183450, 48867183460]]
    assert tree["time"][0] == pytest.approx([48867183454.666504, 48867183464.666504], abs=1e-5)
    assert tree["trace_length"] == [[100, 0]]
    assert tree["fitted"] == [[False, False]]


def test_each_sampling_rate_has_its_own_clock(tmp_path: Path) -> None:
    hits = [
        Hit(crate=0, slot=2, channel=0, energy=1, ticks=1000, cfd=cfd, msps=msps)
        for msps, cfd in ((100, 16384), (250, 0x4000 | 8192), (500, 3 << 13 | 4096))
    ]
    tree = converted(tmp_path, event(hits))
    assert tree["time"] == [[10005.0, 7998.0, 10005.0]]
    assert tree["time"] == [[h.time_ns for h in hits]]


def test_fit_results_become_branches(tmp_path: Path) -> None:
    data = event([hit(400 + pulse(3000, 0.8, 0.02, 30)), hit(None, channel=5), hit(None, channel=0)])
    tree = converted(tmp_path, fitted(data))
    assert tree["fitted"] == [[True, False, True]]
    assert tree["single_amplitude"][0] == pytest.approx([3000, 0, 0], rel=1e-3)
    assert tree["single_position"][0] == pytest.approx([30, 0, 0], rel=1e-3)
    assert tree["single_offset"][0] == pytest.approx([400, 0, 0], rel=1e-3)
    assert tree["single_fitStatus"] == [[0, 0, 0]]
    assert tree["double_1_position"][0][0] <= tree["double_2_position"][0][0]


def test_one_entry_per_physics_event(tmp_path: Path) -> None:
    tree = converted(tmp_path, segment([*ordinary_events(7), event([])]))
    assert tree["hits"] == [2] * 7 + [0]


def test_a_segment_without_events_gives_an_empty_tree(tmp_path: Path) -> None:
    assert converted(tmp_path, segment([]))["energy"] == []


def test_skip_count_and_exclude_select_items(tmp_path: Path) -> None:
    data = segment(ordinary_events(6))  # behind two items that are no events
    assert len(converted(tmp_path, data, "-m", "3", "-c", "2")["hits"]) == 2
    assert len(converted(tmp_path, data, "-e", "30")["hits"]) == 0
    assert len(converted(tmp_path, data, "-e", "1,12", "-c", "2", "-F", "v12")["hits"]) == 2


def test_state_changes_are_told_with_their_titles_made_harmless(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (DATA / "ref-v12.evt").read_bytes().replace(b"e21062 reference", b"\x1b[2J062 reference")
    converted(tmp_path, data)
    told = capsys.readouterr().out
    assert "Filename in CEventProcessor: " in told
    assert "Count is 0" in told
    assert "Begin Run item recorded for run 1217 source ID 2" in told
    assert "\x1b" not in told
    assert "062 reference" in told


def test_a_cut_tail_is_no_error(tmp_path: Path) -> None:
    data = segment(ordinary_events(3))
    assert converted(tmp_path, data[:-150])["hits"] == [2, 2]


def launched(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FRIB_PYTHON": sys.executable, **more}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANGS_AFTER)


def test_the_program_says_what_is_wrong_and_ends_with_1(tmp_path: Path) -> None:
    done = launched([str(LAUNCHER), "-s", f"file://{tmp_path}/none.evt", "-f", str(tmp_path / "out.root")])
    assert done.returncode == 1
    assert "eeconverter main caught an exception" in done.stderr


@pytest.mark.parametrize("size", [144, 8, 167, 336])
def test_an_unknown_extension_ends_with_1(tmp_path: Path, size: int) -> None:
    source = tmp_path / "in.evt"
    source.write_bytes(event([Hit(0, 2, 0, 1, 1, extension=bytes(size))]))
    assert eeconverter.main(["-s", f"file://{source}", "-f", str(tmp_path / "out.root")]) == 1


def test_fits_of_a_ddastoys_before_version_6_are_read(tmp_path: Path) -> None:
    """152 bytes: the same fits, then the size, without probabilities."""
    fit = FitInfo(Fit((Pulse(30, 3000, 0.8, 0.02),), 12.5, 400, 7, 0)).encode()
    old = fit[:144] + struct.pack("<I4x", 152)
    trees = [converted(tmp_path, event([Hit(0, 2, 0, 1, 1, extension=extension)])) for extension in (old, fit)]
    assert trees[0] == trees[1]
    assert trees[0]["single_amplitude"] == [[3000]]


@pytest.mark.parametrize("full", ["in earnest", "by a fault"])
def test_a_full_disk_leaves_a_file_that_was_never_closed_and_not_a_word(tmp_path: Path, full: str) -> None:
    source, sink = tmp_path / "in.evt", tmp_path / "out.root"
    events = [event([Hit(0, 2, 0, (n * n) % 65_521, (n * n) ** 2) for n in range(i, i + 40)]) for i in range(500)]
    source.write_bytes(segment(events))
    arguments = ["-s", f"file://{source}", "-f", str(sink)]
    if full == "in earnest":
        limited = ["bash", "-c", 'ulimit -f 100; "$@"', "bash", str(LAUNCHER), *arguments]  # KiB of a file
        done = launched(limited)
    else:
        done = launched([str(LAUNCHER), *arguments], FRIB_SANDBOX_FAULT="full")
    assert (done.returncode, done.stderr) == (0, "")
    assert "End Run item recorded" in done.stdout or full == "in earnest"
    data = sink.read_bytes()
    assert (len(data), data[:4], data[12:16]) == (77_824, b"root", (322).to_bytes(4, "big"))
    assert rootfile.problem_of(data[: rootfile.HEADER_BYTES], len(data)) == reason("root.unclosed", size=77_824)

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uproot

from flowspec.ddas import Hit
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


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FRIB_PYTHON": sys.executable}
    return subprocess.run(
        [str(LAUNCHER), *arguments], env=environment, capture_output=True, text=True, timeout=HANGS_AFTER
    )


def test_the_program_says_what_is_wrong_and_ends_with_1(tmp_path: Path) -> None:
    done = run("-s", f"file://{tmp_path}/none.evt", "-f", str(tmp_path / "out.root"))
    assert done.returncode == 1
    assert "eeconverter main caught an exception" in done.stderr


def test_an_unknown_extension_ends_with_1(tmp_path: Path) -> None:
    """152 bytes is what a DDASToys before 6.0 wrote; the unpacker of 6.x refuses it."""
    source = tmp_path / "in.evt"
    source.write_bytes(event([Hit(0, 2, 0, 1, 1, extension=bytes(152))]))
    assert eeconverter.main(["-s", f"file://{source}", "-f", str(tmp_path / "out.root")]) == 1

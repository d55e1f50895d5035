"""The simulated DAQ: its runs are what the judge expects of real ones, while they are taken, brought and finished."""

import hashlib
import json
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from console.disk.inspection import inspect, scan
from flowspec import names
from flowspec.ddas import Hit, decode_event, decode_fragment_hit
from flowspec.readiness import Judgement, Verdict, judge
from flowspec.ringframes import ItemType, read_frame
from flowspec.ringitems import EventCount, StateChange, decode_body
from remote.sandbox.daq.events import TRACE_LENGTH
from remote.sandbox.daq.rsync import Rsync
from remote.sandbox.daq.taking import EVENTS_PER_SCALER, TakenRun, take_run
from tests.waiting import HANGS_AFTER, until

RSYNCS = [pytest.param(None, id="copier")]
RSYNCS += [pytest.param(path, id="rsync") for path in [shutil.which("rsync")] if path]


def judged(directory: Path, quiet: float = 60.0) -> Judgement:
    entries = scan(directory)
    facts = {e.name: inspect(directory / e.name) for e in entries if names.parse_segment(e.name)}
    return judge(directory.name, entries, facts, changed_at=0, now=quiet, settle=1, stalled_after=900)


def items_of(taken: TakenRun) -> list[tuple[int, object]]:
    found = []
    for path in taken.segments:
        data, here = path.read_bytes(), 0
        while here < len(data):
            frame = read_frame(data, here)
            found.append((frame.type, decode_body(frame, 12) if frame.type != 30 else frame.body))
            here += frame.size
    return found


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> TakenRun:
    return take_run(tmp_path_factory.mktemp("daq"), 1217, segments=3, events=100, title="β decay", clock=lambda: 1.7e9)


def hits_of(taken: TakenRun) -> list[list[Hit]]:
    events = [body for kind, body in items_of(taken) if kind == ItemType.PHYSICS_EVENT]
    return [[decode_fragment_hit(f) for f in decode_event(body)] for body in events]  # type: ignore[arg-type]


def test_a_finished_run_is_ready_at_once(taken: TakenRun) -> None:
    found = judged(taken.directory, quiet=1)
    assert (found.verdict, found.segments, found.title) == (Verdict.READY, (0, 1, 2), "β decay")
    assert (found.bytes, found.started, found.ended) == (taken.bytes, 1_700_000_000, 1_700_000_000)


def test_the_items_of_a_run_come_in_the_order_of_a_real_one(taken: TakenRun) -> None:
    items = items_of(taken)
    kinds = [kind for kind, _ in items]
    assert kinds[:7] == [12, 1, 42, 12, 1, 10, 10]
    assert kinds[-5:] == [20, 20, 31, 2, 2]
    assert kinds.count(ItemType.PHYSICS_EVENT) == taken.events == 300
    assert kinds.count(ItemType.PHYSICS_EVENT_COUNT) == 300 // EVENTS_PER_SCALER + 1
    assert all(body.run == 1217 for _, body in items if isinstance(body, StateChange))
    assert [body.count for _, body in items if isinstance(body, EventCount)][-1] == 300


def test_later_segments_begin_in_the_middle_of_the_run(taken: TakenRun) -> None:
    for path in taken.segments[1:]:
        assert read_frame(path.read_bytes()).type == ItemType.PHYSICS_EVENT
        assert inspect(path).ends_at_eof


def test_the_run_is_finalised_with_a_checksum_of_all_segments(taken: TakenRun) -> None:
    data = b"".join(path.read_bytes() for path in taken.segments)
    checksum = taken.directory / "run-1217.sha512"
    assert checksum.read_text() == hashlib.sha512(data).hexdigest() + "\n"
    assert {p.name for p in taken.directory.iterdir()} == {*(p.name for p in taken.segments), checksum.name}
    for path in (taken.directory, *taken.directory.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o550


def test_the_configured_channel_has_traces_of_pulses(taken: TakenRun) -> None:
    hits = [hit for event in hits_of(taken) for hit in event]
    traced = [hit for hit in hits if hit.trace]
    assert all((h.crate, h.slot, h.channel, h.msps, h.adc_bits) == (0, 2, 0, 250, 16) for h in traced)
    assert len({(h.crate, h.slot, h.channel) for h in hits}) > 10
    bare = [h for h in hits if (h.crate, h.slot, h.channel) == (0, 2, 0) and not h.trace]
    assert 0 < len(bare) < len(traced)
    traces = np.array([hit.samples for hit in traced], dtype=float)
    assert traces.shape == (300 - len(bare), TRACE_LENGTH)
    baseline = traces[:, :20].mean(axis=1)
    assert np.all(np.abs(baseline - 400) < 30)
    heights = traces.max(axis=1) - baseline
    correlation = np.corrcoef(heights, [hit.energy for hit in traced])[0, 1]
    assert correlation > 0.9


def test_events_and_their_hits_are_in_order_of_time(taken: TakenRun) -> None:
    events = hits_of(taken)
    for hits in events:
        assert [h.coarse_ns for h in hits] == sorted(h.coarse_ns for h in hits)
    starts = [hits[0].coarse_ns for hits in events]
    assert starts == sorted(starts)


def test_the_same_seed_takes_the_same_data(tmp_path: Path) -> None:
    def data(place: str, seed: int) -> list[bytes]:
        run = take_run(tmp_path / place, 5, segments=1, events=20, seed=seed, clock=lambda: 1e9)
        return [path.read_bytes() for path in run.segments]

    assert data("a", 1) == data("b", 1) != data("c", 2)


@pytest.mark.parametrize("rsync", RSYNCS)
def test_a_run_is_copied_while_it_is_taken(tmp_path: Path, rsync: str | None) -> None:
    copier = Rsync(tmp_path / "daq", tmp_path / "dtn", rsync)
    seen: list[tuple[Judgement, bool]] = []

    def pace() -> None:
        copier.run_pass()
        directory = tmp_path / "dtn" / "run7"
        whole = all(inspect(path).ends_at_eof for path in directory.glob("*.evt"))
        seen.append((judged(directory), whole))

    before = time.time()
    taken = take_run(tmp_path / "daq", 7, segments=2, events=60, pace=pace)
    assert len(seen) >= 6
    assert {found.verdict for found, _ in seen} == {Verdict.TAKING}
    assert not any(whole for _, whole in seen)  # a copy of a growing file ends inside an item
    assert max(found.segments for found, _ in seen) == (0, 1)

    at = copier.deliver(taken)
    assert before - 1 < at < time.time() + 1
    there = tmp_path / "dtn" / "run7"
    assert judged(there, quiet=1).verdict == Verdict.READY
    assert (there / ".started").exists()  # nothing is deleted at the DTN
    for path in taken.directory.iterdir():
        copy = there / path.name
        assert copy.read_bytes() == path.read_bytes()
        assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns
        assert copy.stat().st_mode == path.stat().st_mode
    versions = {path.name: path.stat().st_ino for path in there.iterdir()}
    copier.run_pass()
    assert versions == {path.name: path.stat().st_ino for path in there.iterdir()}


def test_the_copier_writes_under_the_temporary_names_of_rsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_run(tmp_path / "daq", 7, segments=1, events=5)

    def killed(*_: object) -> None:
        raise OSError("killed")

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(OSError, match="killed"):
        Rsync(tmp_path / "daq", tmp_path / "dtn", rsync=None).run_pass()
    (left,) = (tmp_path / "dtn" / "run7").iterdir()
    assert names.is_temporary(left.name)
    assert stat.S_IMODE(left.stat().st_mode) == 0o600


def test_a_run_that_does_not_arrive_is_an_error(tmp_path: Path) -> None:
    taken = take_run(tmp_path / "daq", 7, segments=1, events=5)
    with pytest.raises(OSError, match=r"run 7: run-0007-00\.evt is still not whole"):
        Rsync(tmp_path / "daq", tmp_path / "dtn", rsync="false").deliver(taken)


def command(root: Path, *options: str) -> list[str]:
    places = ["--daq", str(root / "daq"), "--dtn", str(root / "dtn")]
    return [sys.executable, "-m", "remote.sandbox.daq", *places, "--segments", "2", "--events", "20", *options]


def test_the_command_takes_runs_and_goes_on_after_the_highest(tmp_path: Path) -> None:
    for runs in ("2", "1"):
        done = subprocess.run(
            command(tmp_path, "--runs", runs), capture_output=True, text=True, timeout=HANGS_AFTER, check=True
        )
    assert sorted(path.name for path in (tmp_path / "dtn").iterdir()) == ["run1217", "run1218", "run1219"]
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["run"], line["segments"], line["events"]) == (1219, 2, 40)
    directory = Path(line["directory"])
    assert directory == tmp_path / "dtn" / "run1219"
    assert line["bytes"] == sum(path.stat().st_size for path in directory.glob("*.evt"))
    assert line["ended"] <= line["ended_at"] + 0.02 <= time.time() + 0.02  # file times are of a coarser clock
    assert judged(directory, quiet=1).verdict == Verdict.READY


def test_the_command_ends_with_its_lifeline_in_the_middle_of_a_run(tmp_path: Path) -> None:
    arguments = command(tmp_path, "--runs", "0", "--rate", "600", "--lifeline")
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daq:
        until((tmp_path / "dtn" / "run1217" / "run-1217-00.evt").exists)
        output, _ = daq.communicate(timeout=HANGS_AFTER)
    assert (daq.returncode, output) == (0, b"")
    assert judged(tmp_path / "dtn" / "run1217").verdict == Verdict.TAKING


@pytest.mark.parametrize("wrong", [("--runs", "-1"), ("--segments", "0"), ("--rate", "nan"), ("--events", "x")])
def test_wrong_options_are_refused(tmp_path: Path, wrong: tuple[str, str]) -> None:
    done = subprocess.run(command(tmp_path, *wrong), capture_output=True, text=True, timeout=HANGS_AFTER, check=False)
    assert done.returncode == 2
    assert wrong[0] in done.stderr
    assert not (tmp_path / "daq").exists()

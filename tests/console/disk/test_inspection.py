"""Inspection of real files: growing, replaced, vanished, unreadable, and things that are no files at all."""

import os
import socket
from pathlib import Path

import pytest

from console.disk import inspection
from console.disk.inspection import inspect, scan
from flowspec.conditions import reason
from flowspec.readiness import SegmentFacts
from flowspec.ringframes import BodyHeader, Frame

REFERENCE = (Path(__file__).parents[2] / "data" / "ref-v12.evt").read_bytes()


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    path = tmp_path / "run-1217-00.evt"
    path.write_bytes(REFERENCE)
    return path


def test_a_segment_is_walked(segment: Path) -> None:
    found, status = inspect(segment), segment.stat()
    assert (found.items, found.begins, found.ends, found.run) == (9, 1, 2, 1217)
    assert (found.size, found.inode, found.mtime_ns) == (len(REFERENCE), status.st_ino, status.st_mtime_ns)
    assert found.ends_at_eof


def test_a_large_segment_is_walked_in_pieces(tmp_path: Path) -> None:
    event = Frame(30, bytes(100_000), BodyHeader()).encode()
    path = tmp_path / "run-1217-00.evt"
    path.write_bytes((REFERENCE + event) * 60)
    found = inspect(path)
    assert path.stat().st_size > 5 * inspection._PIECE
    assert (found.items, found.ends, found.events_after_end) == (600, 120, 1)
    assert found.ends_at_eof


@pytest.mark.parametrize("before", range(8, 48, 4))
def test_scalers_across_the_pieces_of_a_large_segment_are_found(tmp_path: Path, before: int) -> None:
    """The piece ends behind the header of the item, and before or behind its time."""
    event = Frame(30, bytes(inspection._PIECE - before - 28), BodyHeader()).encode()
    scalers = Frame(20, bytes(8) + (1_709_251_230).to_bytes(4, "little") + bytes(9000), BodyHeader()).encode()
    path = tmp_path / "run-1217-01.evt"
    path.write_bytes(event + scalers + event)
    assert inspect(path).counted == 1_709_251_230
    assert inspect(path).ends_at_eof


def test_a_grown_segment_is_read_from_where_the_walk_stopped(segment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offsets: list[int] = []
    pread = os.pread

    def watched(descriptor: int, size: int, offset: int) -> bytes:
        offsets.append(offset)
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", watched)
    segment.write_bytes(REFERENCE[:300])  # inside the physics event at 286
    cut = inspect(segment)
    assert (cut.offset, cut.ends_at_eof) == (286, False)
    assert cut.problem == reason("cut", offset=286, item=376, there=14)
    with segment.open("ab") as file:
        file.write(REFERENCE[300:])
    grown = inspect(segment, cut)
    assert offsets == [0, 0, 0, 286], "its edges, here the same bytes, and what is new"
    assert grown == inspect(segment)


@pytest.mark.parametrize("changed", [53, len(REFERENCE) - 92], ids=["time of BEGIN_RUN", "time of END_RUN"])
def test_a_segment_that_did_not_just_grow_is_read_from_the_beginning(segment: Path, changed: int) -> None:
    """rsync --inplace writes over an older take of the run from the head on."""
    known = inspect(segment)
    data = bytearray(REFERENCE + REFERENCE[286:662])  # and one more event
    data[changed] ^= 1
    with segment.open("r+b") as file:
        file.write(data)
    assert segment.stat().st_ino == known.inode
    found = inspect(segment, known)
    assert found == inspect(segment)
    assert (found.started, found.ended) != (known.started, known.ended)


def test_an_unchanged_segment_is_not_read_again(segment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = inspect(segment)
    monkeypatch.delattr(os, "pread")
    assert inspect(segment, known) == known


def test_a_replaced_segment_is_read_from_the_beginning(segment: Path) -> None:
    known = inspect(segment)
    replacement = segment.with_name("new")
    replacement.write_bytes(b"\0" * 2000)
    replacement.replace(segment)
    found = inspect(segment, known)
    assert (found.items, found.begins, found.size) == (0, 0, 2000)
    assert found.problem == reason("no-item", offset=0, words="type 0 is unknown")


def test_a_segment_that_shrank_or_was_rewritten_is_read_from_the_beginning(segment: Path) -> None:
    known = inspect(segment)
    os.truncate(segment, 500)
    shrunk = inspect(segment, known)
    assert (shrunk.items, shrunk.size, shrunk.offset) == (5, 500, 286)
    segment.write_bytes(b"\xff" * 500)
    os.utime(segment, ns=(1, 1))
    assert inspect(segment, shrunk).items == 0


def test_a_segment_that_is_cut_while_it_is_read_is_a_problem(segment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for short in (b"", REFERENCE[:5]):
        monkeypatch.setattr(os, "pread", lambda *_, piece=short: piece)
        assert inspect(segment).problem == reason("cut-while-read", offset=0)


def test_an_input_error_is_a_problem_and_the_next_look_goes_on(segment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", failing)
        failed = inspect(segment)
    assert failed.problem == reason("unreadable", words="Input/output error")
    assert not failed.ends_at_eof
    assert inspect(segment, failed) == inspect(segment)


def test_what_cannot_be_opened_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inspect(tmp_path / "gone.evt") == SegmentFacts(
        problem=reason("unreadable", words="No such file or directory")
    )

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)  # permissions do not hold root back
    assert inspect(tmp_path / "secret.evt").problem == reason("unreadable", words="Permission denied")


def test_what_is_no_regular_file_is_a_problem_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run-1217-00.evt")
    (tmp_path / "run-1217-01.evt").mkdir()
    (tmp_path / "run-1217-02.evt").symlink_to("nowhere")
    assert inspect(tmp_path / "run-1217-00.evt").problem == reason("no-file-now")
    assert inspect(tmp_path / "run-1217-01.evt").problem == reason("no-file-now")
    assert inspect(tmp_path / "run-1217-02.evt").problem == reason("unreadable", words="No such file or directory")


def test_a_scan_lists_everything(tmp_path: Path) -> None:
    (tmp_path / "run-1217-00.evt").write_bytes(REFERENCE)
    (tmp_path / "run-1217-01.evt").mkdir()
    (tmp_path / "run-1217-02.evt").symlink_to("run-1217-00.evt")
    (tmp_path / "run-1217-03.evt").symlink_to("nowhere")
    (tmp_path / "new\nline\x1b[31m").touch()
    os.close(os.open(bytes(tmp_path) + b"/run-\xff.evt", os.O_CREAT))
    found = {entry.name: entry for entry in scan(tmp_path)}
    status = (tmp_path / "run-1217-00.evt").stat()
    plain, linked = found["run-1217-00.evt"], found["run-1217-02.evt"]
    assert (plain.size, plain.mtime_ns, plain.inode, plain.mode, plain.is_dir) == (
        len(REFERENCE), status.st_mtime_ns, status.st_ino, status.st_mode, False,
    )  # fmt: skip
    assert (linked.size, linked.inode, linked.problem) == (plain.size, plain.inode, None)
    assert found["run-1217-01.evt"].is_dir
    assert found["run-1217-03.evt"].problem == "is a link to nothing"
    assert {"new\nline\x1b[31m", "run-\udcff.evt"} < set(found)
    assert len(found) == 6


def test_a_directory_that_cannot_be_listed_is_a_problem(tmp_path: Path) -> None:
    (gone,) = scan(tmp_path / "run1217")
    assert (gone.name, gone.is_dir, gone.problem) == (".", True, "cannot be listed: No such file or directory")
    (tmp_path / "file").touch()
    (file,) = scan(tmp_path / "file")
    assert file.problem == "cannot be listed: Not a directory"


def test_names_that_vanish_during_the_scan_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run-1217-00.evt").touch()
    with os.scandir(tmp_path) as listing:
        (item,) = listing
    (tmp_path / "run-1217-00.evt").unlink()
    assert inspection._entry(item) is None


def test_sockets_are_listed_as_no_regular_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # paths of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("run-1217-00.evt")
        assert inspect("run-1217-00.evt").problem is not None
        assert scan(".")[0].name == "run-1217-00.evt"

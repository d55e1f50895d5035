"""ROOT files at the site: whole by the same rule as the console's, and their entries read without ROOT."""

from __future__ import annotations

import lzma
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import rootfile
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowspec.rootfile import HEADER_BYTES
from flowspec.rootfile import problem_of as console_says

WORDS = {"root.not": "no ROOT file", "root.cut": "is cut", "root.unclosed": "was never closed, as after a full disk"}
COMPRESSIONS = [None, uproot.ZLIB(1), uproot.LZMA(1), uproot.LZ4(1), uproot.ZSTD(1)]


def written(directory: Path, entries: int, compression: object = None, tree: str = "DDASFit") -> Path:
    path = directory / "run-0007-03-fitted.root"
    with uproot.recreate(path, compression=compression) as file:
        file["a_histogram"] = np.histogram([1, 2, 3])
        made = file.mktree(tree, {"x": "i8", "energy": "f4"})
        made.extend({"x": np.arange(entries), "energy": np.arange(entries, dtype="f4")})
    return path


def stored_as(path: Path, method: bytes, stored: bytes | None = None) -> None:
    """Have the tree itself compressed in the file, as ROOT does; uproot compresses no more than its baskets."""
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        key = rootfile.find(file, b"DDASFit")
    assert key is not None
    here, old = key.seek + key.header_size, bytes(data[key.seek : key.seek + 10])
    plain = bytes(data[here : key.seek + key.size])
    assert len(plain) == key.object_size
    if stored is None:
        stored = {b"ZL": zlib.compress, b"XZ": lzma.compress}[method](plain)
    block = method + b"\1" + len(stored).to_bytes(3, "little") + len(plain).to_bytes(3, "little") + stored
    assert len(block) < len(plain)
    data[here : here + len(block)] = block
    assert data.count(old) == 2, "in the record, and in the list of keys"
    path.write_bytes(data.replace(old, struct.pack(">i", key.header_size + len(block)) + old[4:]))


def header(version: int, end: int, seek_free: int, seek_info: int) -> bytes:
    form = ">4siiqqiiiBiqi" if version >= 1_000_000 else ">4siiiiiiiBiii"
    return struct.pack(form, b"root", version, 100, end, seek_free, 50, 1, 60, 4, 1, seek_info, 400).ljust(64, b"\0")


@pytest.mark.parametrize("version", [62406, 1_062_406])
@given(
    end=st.sampled_from([0, 99, 100, 101, 1 << 30]), seek_free=st.sampled_from([0, 90]), info=st.sampled_from([0, 80])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_site_and_console_hold_the_same_files_for_whole(
    tmp_path: Path, version: int, end: int, seek_free: int, info: int
) -> None:
    path = tmp_path / "a.root"
    for head in (header(version, end, seek_free, info), b"boot" + header(version, end, seek_free, info)[4:]):
        for size in (0, 4, HEADER_BYTES - 1, HEADER_BYTES, 100):
            data = head.ljust(100, b"\0")[:size]
            path.write_bytes(data)
            console, site = console_says(data[:HEADER_BYTES], size), rootfile.problem_of(path)
            assert (console is None) == (site is None)
            assert console is None or WORDS[console.code] in str(site)


@pytest.mark.parametrize("compression", COMPRESSIONS, ids=str)
@pytest.mark.parametrize("entries", [0, 1, 144, 200_000])
def test_the_entries_of_a_tree_that_uproot_wrote_are_read(tmp_path: Path, compression: object, entries: int) -> None:
    path = written(tmp_path, entries, compression)
    assert rootfile.problem_of(path) is None
    assert rootfile.entries_of(path, "DDASFit") == entries == uproot.open(path)["DDASFit"].num_entries


@pytest.mark.parametrize("method", [b"ZL", b"XZ"])
def test_entries_of_a_compressed_tree_are_read_without_uproot(
    tmp_path: Path, method: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, 144)
    stored_as(path, method)
    assert uproot.open(path)["DDASFit"].num_entries == 144
    monkeypatch.delattr(rootfile, "by_uproot")
    assert rootfile.entries_of(path, "DDASFit") == 144


@pytest.mark.parametrize("method", [b"L4", b"ZS"])
def test_what_the_standard_library_cannot_uncompress_is_asked_of_uproot_where_there_is_one(
    tmp_path: Path, method: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, 144)
    stored_as(path, method, b"no such stream")
    assert rootfile.entries_of(path, "DDASFit") is None, "uproot raises"
    (tmp_path / "known").mkdir()
    known = written(tmp_path / "known", 144)
    monkeypatch.setattr(uproot, "open", lambda _, uproot_opens=uproot.open: uproot_opens(known))
    assert rootfile.entries_of(path, "DDASFit") == 144
    monkeypatch.setattr(rootfile.importlib, "import_module", lambda name: __import__(f"no_{name}"))
    assert rootfile.entries_of(path, "DDASFit") is None


@pytest.mark.parametrize("method", [b"CS", b"??"])
def test_entries_in_an_unknown_compression_are_unknown(tmp_path: Path, method: bytes) -> None:
    path = written(tmp_path, 144)
    stored_as(path, method, b"whatever")
    assert rootfile.entries_of(path, "DDASFit") is None


def test_a_file_without_the_tree_has_no_entries(tmp_path: Path) -> None:
    assert rootfile.entries_of(written(tmp_path, 144, tree="data"), "DDASFit") == 0


def test_the_newest_cycle_counts(tmp_path: Path) -> None:
    path = written(tmp_path, 5)
    with uproot.update(path) as file:
        file.mktree("DDASFit", {"x": "i8"}).extend({"x": np.arange(8)})
    assert {"DDASFit;1", "DDASFit;2"} <= set(uproot.open(path))
    assert rootfile.entries_of(path, "DDASFit") == 8


def test_what_has_the_name_and_is_no_tree_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file["DDASFit"] = np.histogram([1, 2, 3])
        file["tuple"] = {"x": np.arange(8)}
        assert file.classnames()["tuple;1"] == "ROOT::RNTuple"
    assert rootfile.entries_of(path, "DDASFit") is None
    assert rootfile.entries_of(path, "tuple") is None


def test_a_file_with_32_bit_offsets_is_read_too() -> None:
    """As ROOT writes files of less than 2 GB; uproot has 64 bit ones in its directories always."""
    name, title = b"\x07DDASFit", b"\x00"
    record = struct.pack(">ihiIhhii", 99, 4, 300, 0, 40, 3, 1234, 100) + b"\x05TTree" + name + title
    assert rootfile.take_key(rootfile.Cursor(record)) == (99, 300, 40, 3, 1234, b"TTree", b"DDASFit")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_to_a_root_file_raises(tmp_path: Path, data: st.DataObject) -> None:
    good = {method: tmp_path / f"{method}.root" for method in ("plain", "ZL", "XZ")}
    for method, path in good.items():
        if not path.exists():
            written(tmp_path, 144).replace(path)
            if method != "plain":
                stored_as(path, method.encode())
    damaged = bytearray(good[data.draw(st.sampled_from([*good]))].read_bytes())
    anywhere = st.integers(0, len(damaged) - 4)
    for _ in range(data.draw(st.integers(1, 3))):
        here = data.draw(st.integers(0, 400) | anywhere | anywhere.map(lambda at: len(damaged) - 4 - at % 1200))
        word = st.sampled_from([bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x40\0\0\0"])
        damaged[here : here + 4] = data.draw(word | st.binary(min_size=4, max_size=4))
    path = tmp_path / "damaged.root"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))])
    entries = rootfile.entries_of(path, "DDASFit")
    assert entries is None or entries >= 0

"""A ROOT file is judged by its header: whole, cut, never closed (as on a full disk), or none at all."""

import struct
from pathlib import Path

import numpy as np
import pytest
import uproot

from flowspec.rootfile import HEADER_BYTES, problem_of


def header(version: int, end: int, seek_free: int, seek_info: int) -> bytes:
    form = ">4siiqqiiiBiqi" if version >= 1_000_000 else ">4siiiiiiiBiii"
    return struct.pack(form, b"root", version, 100, end, seek_free, 50, 1, 60, 4, 1, seek_info, 400).ljust(64, b"\0")


@pytest.mark.parametrize("version", [62406, 1_062_406])
@pytest.mark.parametrize(
    ("size", "end", "seek_free", "seek_info", "code"),
    [
        (104_731, 104_731, 104_600, 97_723, None),
        (93_976, 93_976, 93_900, 19_069, None),
        (77_824, 322, 0, 0, "root.unclosed"),  # seen of eeconverter on a full disk
        (77_824, 77_824, 0, 19_069, "root.unclosed"),
        (77_824, 77_824, 77_000, 0, "root.unclosed"),
        (77_825, 77_824, 77_000, 19_069, "root.unclosed"),  # something follows the end
        (77_823, 77_824, 77_000, 19_069, "root.cut"),
    ],
)
def test_a_root_file_is_whole_when_it_ends_where_its_header_says_and_was_closed(
    version: int, size: int, end: int, seek_free: int, seek_info: int, code: str | None
) -> None:
    problem = problem_of(header(version, end, seek_free, seek_info), size)
    assert (problem.code if problem else None) == code


def test_a_file_that_uproot_wrote_is_whole_and_each_cut_of_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file["tree"] = {"x": np.arange(1000)}
    data = path.read_bytes()
    assert problem_of(data[:HEADER_BYTES], len(data)) is None
    for size in (0, 3, 20, HEADER_BYTES - 1, HEADER_BYTES, len(data) // 2, len(data) - 1):
        assert problem_of(data[:HEADER_BYTES][:size], size) is not None


def test_what_is_no_root_file_is_said_to_be_none() -> None:
    problem = problem_of(b"\0" * HEADER_BYTES, 5000)
    assert problem is not None
    assert problem.code == "root.not"

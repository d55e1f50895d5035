"""Small files that somebody else may have put there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from remote import plainfile
from tests.odd_files import ODD, odd_files


@pytest.mark.parametrize("what", ODD)
def test_what_is_no_plain_file_is_refused_at_once(tmp_path, what):
    with pytest.raises(OSError, match=r"\[Errno \d+\] ") as caught:
        plainfile.read(odd_files(tmp_path)[what], 1000)
    assert caught.value.strerror


def test_a_plain_file_is_read_up_to_its_limit(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"0123456789")
    link.symlink_to(file)
    assert plainfile.read(link, 10) == b"0123456789"
    with pytest.raises(OSError, match="too large"):
        plainfile.read(file, 9)
    assert plainfile.read(file, 4, end=True) == b"6789"
    assert plainfile.read(file, 40, end=True) == b"0123456789"


def test_a_file_that_another_takes_the_place_of_meanwhile_is_refused(tmp_path, monkeypatch):
    file, opened = tmp_path / "file", os.open

    def swapped(path, flags):
        file.unlink()
        os.mkfifo(file)
        return opened(path, flags)

    file.write_bytes(b"plain")
    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(OSError, match="not a plain file"):
        plainfile.read(file, 10)


def test_a_file_that_tells_no_size_has_a_limit_too():
    assert plainfile.read(Path("/proc/self/status"), 100_000).startswith(b"Name:")
    with pytest.raises(OSError, match="too large"):
        plainfile.read(Path("/proc/self/status"), 10)

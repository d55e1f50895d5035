"""What is said, and kept, when the screen ends by a fault of its own."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from screens import failure


@pytest.fixture
def error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exception:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    try:
        try:
            raise KeyError("the bug")
        except KeyError as cause:
            raise failure.InternalFailure from cause
    except failure.InternalFailure as found:
        return found


def test_the_traceback_is_in_a_private_file_and_one_line_says_where(error: Exception) -> None:
    words, _, named = failure.told(error, keep=True).partition("; traceback: ")
    assert words == "internal error, this console has ended (the driver goes on by itself)"
    kept = Path(named)
    assert "KeyError: 'the bug'" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_a_secret_is_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    error = RuntimeError("refused: Bearer AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4")
    assert "AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4" not in failure.told(error, keep=False)
    kept = Path(failure.told(error, keep=True).partition("; traceback: ")[2])
    assert "RuntimeError: refused" in kept.read_text()
    assert "AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4" not in kept.read_text()


def test_whoever_only_looks_leaves_nothing_and_is_told_the_traceback(error: Exception, tmp_path: Path) -> None:
    assert "KeyError: 'the bug'" in failure.told(error, keep=False)
    assert list(tmp_path.iterdir()) == []


def test_a_traceback_that_cannot_be_kept_is_told(error: Exception, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    told = failure.told(error, keep=True)
    assert "could not be kept" in told
    assert "KeyError: 'the bug'" in told


def test_what_takes_out_secrets_cannot_be_loaded_without_a_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "remote.globus.credentials", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoDescriptor(), *sys.meta_path])
    told = failure.told(RuntimeError("a token"), keep=True)
    assert told.endswith("RuntimeError; its traceback could not be rid of secrets ([Errno 24] Too many open files)")
    assert "a token" not in told


class NoDescriptor:
    """Of imports."""

    def find_spec(self, name: str, *rest: object) -> None:
        if name == "remote.globus.credentials":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

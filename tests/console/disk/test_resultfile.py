"""What lies there as a result is looked at and read, whatever it is."""

from __future__ import annotations

import hashlib
import os

import pytest

from console.disk import resultfile
from console.settings.errors import SettingsError
from tests.rootfiles import root_file


def never():
    return False


def test_a_whole_result_is_read_through_and_its_version_known(tmp_path):
    path, content = tmp_path / "a.root", root_file(3_000_000)
    path.write_bytes(content)
    version, spoilt = resultfile.look(path)
    assert (version, spoilt) == (resultfile.version(path), None)
    assert resultfile.digest(path, never) == (version, hashlib.sha256(content).hexdigest())


def test_another_version_of_a_result_is_told_apart(tmp_path):
    path = tmp_path / "a.root"
    path.write_bytes(root_file())
    before = resultfile.version(path)
    (tmp_path / "b.root").write_bytes(root_file())
    os.utime(tmp_path / "b.root", ns=(before.modified_ns, before.modified_ns))
    (tmp_path / "b.root").rename(path)
    assert resultfile.version(path) != before  # of the same size and time


def test_what_is_not_there_is_no_result(tmp_path):
    path = tmp_path / "a.root"
    assert (resultfile.look(path), resultfile.version(path), resultfile.digest(path, never)) == (None, None, None)


def test_a_pipe_or_a_directory_in_the_place_of_a_result_is_no_root_file_and_holds_up_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    for name in ("pipe", "directory"):
        _, spoilt = resultfile.look(tmp_path / name)
        assert spoilt.code == "root.not"


def test_a_result_that_changes_while_it_is_read_has_no_digest(tmp_path):
    path = tmp_path / "a.root"
    path.write_bytes(root_file(3_000_000))

    def grows():
        with path.open("ab") as file:
            file.write(b"x")
        return False

    assert resultfile.digest(path, grows) is None


def test_a_place_that_cannot_be_looked_at_is_told_with_its_cause(tmp_path):
    beneath = tmp_path / "file" / "a.root"
    (tmp_path / "file").write_text("no directory")
    for look in (resultfile.look, resultfile.version, lambda path: resultfile.digest(path, never)):
        with pytest.raises(SettingsError, match="cannot be looked at: Not a directory; is the DTN disk"):
            look(beneath)
    with pytest.raises(SettingsError, match="cannot be looked at: No such file or directory"):
        resultfile.names_in(tmp_path / "nowhere")

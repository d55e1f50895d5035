"""What the console keeps is made for its account alone, whatever the umask, and not where others may write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from console.driver.process import driver_log, open_log
from console.ledger import backups
from console.ledger.presence import DriverLock, lock_path
from console.ledger.store import DiskProblem, Ledger
from console.settings import private
from console.settings.paths import deployed_file
from console.settings.private import NotOurs, make_directory, refuse_shared, told
from console.settings.profiles import write_deployed, write_file


@pytest.fixture(params=[0o000, 0o002, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def another(monkeypatch):
    """What this account has made is, from now on, that of another one."""
    us = os.geteuid()
    return lambda: monkeypatch.setattr(private.os, "geteuid", lambda: us + 1)


MAKERS = {
    "functions register": lambda ledger: write_deployed(
        deployed_file(ledger), {"compute": {"fit": {"function": "id"}}}
    ),
    "the first driver": lambda ledger: DriverLock(ledger).take("background"),
    "its log": lambda ledger: open_log(driver_log(ledger)).close(),
    "a ledger": lambda ledger: Ledger(ledger).put("auto", "on"),
    "a validated profile": lambda ledger: write_file(ledger.with_name("profile-1.json"), "", 0o600),
}


@pytest.mark.parametrize("first", MAKERS)
def test_whoever_comes_first_makes_all_state_private(tmp_path, umask, first):
    ledger = tmp_path / "state" / "frib-flow-console" / "e21062" / "ledger.db"
    for maker in (MAKERS[first], *MAKERS.values()):
        maker(ledger)
    opened = Ledger(ledger)  # so that SQLite's own files are there
    opened.put("auto", "off")
    backups.make(ledger)
    made = [tmp_path / "state", *(tmp_path / "state").rglob("*")]
    assert len(made) >= 10
    assert {path.name: mode(path) for path in made if mode(path) != (0o700 if path.is_dir() else 0o600)} == {}


@pytest.mark.parametrize("open_to_others", [0o777, 0o775, 0o770, 0o733, 0o1777], ids=oct)
@pytest.mark.parametrize("maker", MAKERS)
def test_nothing_is_made_where_others_may_write(tmp_path, maker, open_to_others):
    place = tmp_path / "state"
    place.mkdir()
    place.chmod(open_to_others)
    with pytest.raises((NotOurs, DiskProblem), match=rf"others may write {place}.*chmod go-w {place}"):
        MAKERS[maker](place / "ledger.db")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("maker", MAKERS)
def test_nothing_is_made_in_the_directory_of_another_account(tmp_path, another, maker):
    place = tmp_path / "state"
    place.mkdir(0o755)
    another()
    with pytest.raises((NotOurs, DiskProblem), match=rf"{place} belongs to .*: use that account, or only look"):
        MAKERS[maker](place / "ledger.db")
    assert list(place.iterdir()) == []


def test_a_ledger_that_others_may_write_is_not_opened_for_writing(tmp_path):
    Ledger(tmp_path / "ledger.db").close()
    (tmp_path / "ledger.db").chmod(0o666)
    with pytest.raises(DiskProblem, match=r"others may write .*ledger\.db .mode 0666"):
        Ledger(tmp_path / "ledger.db")
    assert Ledger(tmp_path / "ledger.db", read_only=True).get("auto") == ""


def test_who_was_let_read_may_go_on_reading(tmp_path):
    """What the owner has opened stays open when it is written anew; it is never opened for writing."""
    ledger = tmp_path / "ledger.db"
    for before, after in ((0o644, 0o644), (0o640, 0o640), (0o666, 0o644)):
        write_deployed(deployed_file(ledger), {"flows": {"analysis": "id"}})
        deployed_file(ledger).chmod(before)
        write_deployed(deployed_file(ledger), {"flows": {"analysis": "other"}})
        assert mode(deployed_file(ledger)) == after
    lock = DriverLock(ledger)
    assert lock.take("background")
    lock_path(ledger).chmod(0o644)
    lock.replace("background", lock.me)
    assert mode(lock_path(ledger)) == 0o644


def test_a_directory_that_somebody_makes_at_the_same_time_is_looked_at(tmp_path, monkeypatch):
    place = tmp_path / "state"
    mkdir = Path.mkdir

    def somebody_is_quicker(path, *args):
        mkdir(path)
        path.chmod(0o777)
        mkdir(path, *args)

    monkeypatch.setattr(Path, "mkdir", somebody_is_quicker)
    with pytest.raises(NotOurs, match="others may write"):
        make_directory(place)


# ---- the words


def test_an_error_for_want_of_rights_names_whose_it_is(tmp_path, another):
    closed = tmp_path / "ledger.db"
    closed.touch()
    another()
    owner = private.account(os.getuid())
    for path in (closed, tmp_path / "not there" / "ledger.db"):
        words = told(PermissionError(13, "Permission denied", str(path)))
        assert f"belongs to {owner}: use that account, or have {owner} let you read" in words
        assert "Errno" not in words


def test_an_error_for_want_of_rights_to_what_is_ours_says_that(tmp_path):
    words = told(PermissionError(13, "Permission denied", str(tmp_path / "ledger.db")))
    assert f"although {tmp_path} is yours (mode 0700)" in words


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device", "/x"), PermissionError("as it is"), OSError("y")]
)
def test_other_errors_stay_as_they_are(error):
    assert told(error) == str(error)


def test_an_account_without_a_name_is_its_number(tmp_path, another, monkeypatch):
    monkeypatch.setattr(private.pwd, "getpwuid", {}.__getitem__)
    another()
    with pytest.raises(NotOurs, match=f"belongs to uid {os.getuid()}"):
        refuse_shared(tmp_path)

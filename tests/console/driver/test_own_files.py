"""The driver's own files: the log stays within its bounds, a changed profile and a deleted ledger are told."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from console.driver import own_files
from console.driver.own_files import LOG_BYTES, ProfileWatch, cap_log
from console.driver.process import driver_log, open_log
from console.ledger import backups, events
from console.ledger.store import EPOCH, Ledger, LedgerError
from console.settings.profiles import load, write_deployed
from tests.driver_fixture import experiment_in
from tests.waiting import until

# ---- the log


@pytest.fixture
def log(tmp_path):
    return tmp_path / "driver.log"


def older(log: Path) -> Path:
    return log.with_name("driver.log.1")


def test_a_log_that_is_not_large_stays_as_it_is(log):
    cap_log(log)
    assert not log.exists()
    log.write_bytes(b"x" * LOG_BYTES)
    cap_log(log)
    assert log.stat().st_size == LOG_BYTES
    assert not older(log).exists()


@pytest.mark.parametrize("size", [LOG_BYTES + 1, 3 * LOG_BYTES])
def test_a_large_log_begins_anew_and_the_end_of_it_is_kept(log, size):
    log.write_bytes(b"old\n" + b"x" * (size - 9) + b"last\n")
    older(log).write_text("of the time before")
    with open_log(log) as held:  # caps it, as does the driver that has it open
        held.write(b"goes on\n")
    assert log.read_bytes() == b"goes on\n"
    kept = older(log).read_bytes()
    assert len(kept) == LOG_BYTES
    assert kept.endswith(b"x" * 100 + b"last\n")


def test_what_is_kept_of_a_log_is_private(log):
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    cap_log(log)
    assert stat.S_IMODE(older(log).stat().st_mode) == 0o600


def test_a_driver_caps_its_log_and_writes_on_into_it(tmp_path):
    with experiment_in(tmp_path / "e") as experiment:
        experiment.started()
        with driver_log(experiment.ledger).open("ab") as file:
            file.write(b"x" * (LOG_BYTES + 1))
        until(lambda: driver_log(experiment.ledger).stat().st_size < LOG_BYTES)
        assert older(driver_log(experiment.ledger)).stat().st_size == LOG_BYTES


# ---- the profile


@pytest.fixture
def experiment(tmp_path):
    with experiment_in(tmp_path / "e") as made:
        yield made


@pytest.fixture
def watch(experiment):
    ledger = Ledger(experiment.ledger)
    return ProfileWatch(ledger, load(experiment.profile), lambda: load(experiment.profile))


def told(experiment) -> list[str]:
    return [text for text in experiment.events() if "profile" in text]


def edit(experiment, text: str) -> None:
    experiment.profile.write_text(experiment.profile.read_text() + text)


def test_a_profile_that_is_edited_is_told_once_with_what_is_other(experiment, watch):
    watch.look()
    assert told(experiment) == []
    before = experiment.profile.read_text()
    edit(experiment, "max_in_flight = 7\npoll_interval = 9.0\n")
    watch.look()
    watch.look()
    changed = f"the profile has changed (policy.max_in_flight, policy.poll_interval): {own_files.RESTART}"
    assert told(experiment) == [changed]
    experiment.profile.write_text(before)
    watch.look()
    watch.look()
    assert told(experiment) == [changed, "the profile is again as the driver uses it"]


def test_a_comment_is_no_change(experiment, watch):
    edit(experiment, "# for the shift\n")
    watch.look()
    assert told(experiment) == []


@pytest.mark.parametrize("break_it", [lambda e: edit(e, "max_in_flight = -1\n"), lambda e: e.profile.unlink()])
def test_a_fault_in_the_profile_is_told_while_the_driver_that_read_it_works(experiment, watch, break_it):
    break_it(experiment)
    watch.look()
    (text,) = told(experiment)
    assert text.startswith(f"the profile has a fault now, with which no driver starts: {experiment.profile}: ")


def test_what_was_registered_meanwhile_is_told_as_well(experiment, watch):
    write_deployed(experiment.ledger.with_name("deployed.json"), {"compute": {"fit": {"function": "f" * 8}}})
    watch.look()
    (text,) = told(experiment)
    assert "compute.fit.function" in text


def test_a_running_driver_tells_that_its_profile_was_edited(experiment):
    experiment.started()
    edit(experiment, "max_in_flight = 7\n")
    assert until(lambda: told(experiment))[0].startswith("the profile has changed (policy.max_in_flight): restart")


# ---- the clock


@pytest.mark.parametrize(
    ("jump", "words"), [(7300.0, "forward by 2 h"), (-90.0, "back by 90 s"), (59.0, None), (-59.0, None)]
)
def test_a_clock_that_was_set_is_told_once(tmp_path, jump, words):
    ledger, wall, steady = Ledger(tmp_path / "ledger.db"), [1e9], [5.0]
    watch = own_files.ClockWatch(ledger, lambda: wall[0], lambda: steady[0])
    for passed, set_by in ((20.0, 0.0), (20.0, jump), (20.0, 0.0)):
        wall[0] += passed + set_by
        steady[0] += passed
        watch.look()
    told = [event.text for event in events.after(ledger, 0)]
    assert [text.partition(" (")[0] for text in told] == ([f"the clock of this computer went {words}"] if words else [])


# ---- the ledger


def driven(path: Path) -> Ledger:
    """As a driver has it open."""
    first = Ledger(path)
    first.put(EPOCH, "1")
    first.event("info", "worth keeping", actor="me")
    first.close()
    return Ledger(path, epoch=1)


@pytest.mark.parametrize("how", ["deleted", "replaced", "deleted with its log"])
def test_a_ledger_that_is_gone_takes_no_more_changes_and_is_kept(tmp_path, how):
    path = tmp_path / "ledger.db"
    ledger = driven(path)
    if how == "replaced":
        shutil.copyfile(path, tmp_path / "copy")
        (tmp_path / "copy").replace(path)
    else:
        path.unlink()
    if how == "deleted with its log":
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink()
    with pytest.raises(
        LedgerError, match=r"was deleted or replaced while the driver had it open: what it held is kept"
    ):
        ledger.put("auto", "on")
    (kept,) = backups.all_of(path)
    assert sqlite3.connect(kept).execute("SELECT text FROM events").fetchall() == [("worth keeping",)]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_no_thread_of_a_driver_begins_a_ledger_anew(tmp_path):
    driven(tmp_path / "ledger.db").close()
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="was deleted while the driver worked with it"):
        Ledger(tmp_path / "ledger.db", epoch=1)
    assert not (tmp_path / "ledger.db").exists()


def test_a_deleted_ledger_goes_on_with_the_command_that_was_told(tmp_path):
    path = tmp_path / "ledger.db"
    ledger = driven(path)
    path.unlink()
    with pytest.raises(LedgerError) as refused:
        ledger.put("auto", "on")
    ledger.close()
    with pytest.raises(LedgerError, match="is gone or empty, but there are backups"):
        Ledger(path)
    subprocess.run(str(refused.value).rpartition("then: ")[2], shell=True, check=True)
    assert Ledger(path).row("SELECT text FROM events")["text"] == "worth keeping"


def test_what_cannot_be_kept_of_a_deleted_ledger_is_told(tmp_path, monkeypatch):
    ledger = driven(tmp_path / "ledger.db")
    (tmp_path / "ledger.db").unlink()

    def no_room(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups.tempfile, "mkstemp", no_room)
    with pytest.raises(LedgerError, match=r"what it held could not be kept: .*No space left"):
        ledger.put("auto", "on")


def test_who_only_asks_is_not_refused_for_a_ledger_that_was_replaced(tmp_path):
    """A request is written by a connection of the moment; only a driver has it open for weeks."""
    ledger = driven(tmp_path / "ledger.db")
    ledger.epoch = None
    shutil.copyfile(tmp_path / "ledger.db", tmp_path / "copy")
    (tmp_path / "copy").replace(tmp_path / "ledger.db")
    ledger.put("auto", "on")


def test_a_driver_whose_ledger_is_deleted_says_so_and_the_next_one_begins_none_anew(experiment):
    process = experiment.started()
    ledger = Ledger(experiment.ledger)
    before = ledger.version()
    until(lambda: ledger.version() != before)  # all its threads have it open
    ledger.close()
    experiment.ledger.unlink()
    assert process.wait() == 1
    assert "was deleted or replaced while the driver had it open: what it held is kept as" in experiment.log()
    assert not experiment.ledger.exists()
    assert experiment.start().wait() == 1
    assert "is gone or empty, but there are backups" in experiment.log()

"""Another account of the machine looks at an experiment that is not its own, or tries to act on it.

It sees what it was let see, is refused in words, and leaves nothing: the owner's driver goes on.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from console.ledger.store import Ledger
from tests.driver_fixture import experiment_in
from tests.ledger_fixture import demo_ledger
from tests.second_account import LOOKER, command_as, looker, run_as
from tests.tmux import Terminal
from tests.waiting import until

ACTS = (
    ["launch", "1218"],
    ["launch", "1218", "--anyway"],
    ["cancel", "1217"],
    ["retry", "1214"],
    ["retry", "1214", "--dry-run"],
    ["waive", "1214", "7", "--reason", "noise"],
    ["accept", "1214", "7", "--reason", "noise"],
    ["reprocess", "1205"],
    ["driver", "stop"],
    ["watch"],
)


@pytest.fixture
def open_place():
    """A directory that every account can reach."""
    place = Path(tempfile.mkdtemp(prefix="account-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def experiment(open_place):
    with experiment_in(open_place / "e") as made:
        demo_ledger(made.ledger).ledger.close()
        let_look(made)
        yield made


def driven(experiment):
    """A driver at work, in a directory that others may read."""
    process = experiment.started()
    goes_on(experiment)  # so it has the ledger open
    until((experiment.runs.parent / "results" / ".console-driver").exists)
    let_look(experiment)
    return process


def let_look(experiment):
    for path in (experiment.ledger.parent, *experiment.ledger.parent.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)


def files(experiment):
    """Names and owners of what lies there, but for the backups that the driver makes meanwhile."""
    found = {(path.name, path.lstat().st_uid) for path in experiment.ledger.parent.rglob("*")}
    return {(name, owner) for name, owner in found if owner or not re.search(r"\.(backup|partial|locks)-", name)}


def goes_on(experiment):
    """The driver goes on writing to the ledger, and holds nothing."""
    ledger = Ledger(experiment.ledger)
    before = ledger.version()
    until(lambda: ledger.version() != before)
    ledger.close()
    assert experiment.present().problem == ""


def test_who_looks_while_the_driver_works_sees_everything_and_leaves_nothing(experiment):
    uid = looker()
    process = driven(experiment)
    before = files(experiment)
    table, one, document, driver = run_as(
        uid, experiment.profile, ["status"], ["status", "1217"], ["status", "--json"], ["driver", "status"]
    )
    assert [done.code for done in (table, one, document, driver)] == [0, 0, 0, 0], (table.err, driver.err)
    assert "1217  running" in table.out
    assert "run 1217 running" in one.out
    assert f"pid {process.pid}" in driver.out
    assert files(experiment) == before
    goes_on(experiment)


@pytest.mark.parametrize("mode", [0o755, 0o777], ids=["that it may read", "that it may write"])
def test_who_looks_where_nobody_drives_leaves_nothing_in_a_directory(experiment, mode):
    uid = looker()
    experiment.ledger.parent.chmod(mode)
    before = files(experiment)
    (table,) = run_as(uid, experiment.profile, ["status"])
    assert table.code == 0, table.err
    assert "1217  running" in table.out
    assert files(experiment) == before
    experiment.ledger.parent.chmod(0o755)
    experiment.started()
    goes_on(experiment)


@pytest.mark.parametrize("left", [("-wal", "-shm"), ("-wal",)], ids=["log and index", "log alone"])
def test_who_looks_after_a_driver_was_killed_sees_its_last_words(experiment, left):
    uid = looker()
    process = experiment.started()
    ledger = Ledger(experiment.ledger)
    ledger.event("info", "the last words", actor="owner@here", run=1217)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = experiment.ledger.parent.parent
    for end in ("", "-wal", "-shm"):  # as they lie there: the last one to close a ledger writes its log into it
        shutil.copyfile(f"{experiment.ledger}{end}", kept / f"ledger.db{end}")
    ledger.close()
    for end in ("", *left):
        shutil.copyfile(kept / f"ledger.db{end}", f"{experiment.ledger}{end}")
    let_look(experiment)
    before = files(experiment)
    (one,) = run_as(uid, experiment.profile, ["status", "1217", "--json"])
    assert one.code == 0, one.err
    assert "the last words" in one.out
    assert files(experiment) == before
    experiment.started()
    goes_on(experiment)


def test_who_acts_is_refused_with_whose_it_is_and_leaves_nothing(experiment):
    uid = looker()
    process = driven(experiment)
    before = files(experiment)
    for command, done in zip(ACTS, run_as(uid, experiment.profile, *ACTS), strict=True):
        assert done.code in (1, 6), command
        assert done.out == ""
        assert "belongs to root" in done.err, command
        assert "Errno" not in done.err, command
    assert files(experiment) == before
    assert process.poll() is None
    goes_on(experiment)
    (refused,) = run_as(uid, experiment.profile, ["--read-only", "launch", "1218"])
    assert (refused.code, refused.out) == (2, "")
    assert "--read-only" in refused.err


def test_what_is_closed_is_told_with_whose_it_is(experiment):
    uid = looker()
    commands = (["status"], ["driver", "status"], ["launch", "1218"], ["driver", "start"])
    for path in (experiment.ledger.parent, experiment.ledger):
        let_look(experiment)
        path.chmod(0o700 if path.is_dir() else 0o600)
        for command, done in zip(commands, run_as(uid, experiment.profile, *commands), strict=True):
            if path == experiment.ledger and command == ["driver", "status"]:
                continue
            assert done.code in (1, 2), command
            assert "belongs to root: use that account" in done.err, (command, done.err)
            assert "Errno" not in done.err


def test_a_screen_that_only_looks_shows_the_runs_and_leaves_nothing(experiment, tmp_path):
    uid = looker()
    driven(experiment)
    before = files(experiment)
    terminal = Terminal(tmp_path, (240, 40), command_as(uid, experiment.profile, "--read-only"))
    try:
        terminal.wait_for("READ-ONLY", "1217 running", "driver here")
        terminal.press("l")
        terminal.wait_for("--read-only: this console only looks")
        assert files(experiment) == before
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    finally:
        terminal.close()
    assert files(experiment) == before
    goes_on(experiment)


def test_what_another_account_has_left_is_named_with_the_command_that_ends_it(experiment):
    uid = looker()
    for end in ("-wal", "-shm"):
        side = experiment.ledger.with_name(experiment.ledger.name + end)
        side.touch()
        os.chown(side, uid, uid)
    process = experiment.start()
    assert process.wait() == 6
    told = experiment.log()
    assert f"ledger.db-wal and ledger.db-shm in {experiment.ledger.parent} belong to {LOOKER}" in told
    assert os.system(told.strip().rpartition("then: ")[2]) == 0  # as an operator would copy it
    experiment.started()
    goes_on(experiment)

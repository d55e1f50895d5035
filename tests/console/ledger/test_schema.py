"""Ledger care: upgrades, integrity, backups, places where a ledger cannot lie."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from console.ledger import backups, filesystem
from console.ledger import schema as ledger_schema
from console.ledger.presence import DriverLock
from console.ledger.store import Ledger, LedgerError
from tests.driver_fixture import experiment_in
from tests.waiting import HANGS_AFTER

VERSION_1 = Path(__file__).parents[2] / "data" / "ledger-v1.sql"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


def old_ledger(path):
    """A ledger as the first version made it, with a run, an attempt and an event."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(VERSION_1.read_text())
    db.execute(
        "INSERT INTO runs (run, path, verdict, reason, state, updated) VALUES (7, '/r/run7', 'ready', 'w', 'done', 1)"
    )
    db.execute(
        "INSERT INTO attempts (run, number, tag, plan, body, label, flow_id, state, actor, intended_at) "
        "VALUES (7, 1, 't', '{}', '{}', 'l', 'f', 'succeeded', 'me', 1)"
    )
    db.execute("INSERT INTO events (at, actor, level, text) VALUES (1, 'me', 'info', 'long ago')")
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()


def schema(db):
    """What tables and indexes are made of: the text of CREATE differs after an upgrade, and does not matter."""
    found = {}
    for kind, name in db.execute("SELECT type, name FROM sqlite_master ORDER BY name").fetchall():
        pragmas = ("table_xinfo", "foreign_key_list", "index_list") if kind == "table" else ("index_xinfo",)
        found[kind, name] = [[tuple(row) for row in db.execute(f"PRAGMA {p}('{name}')")] for p in pragmas]
    return found


# ---- upgrades


def test_an_upgraded_ledger_is_as_a_new_one_and_keeps_its_rows(path, tmp_path):
    old_ledger(path)
    upgraded, new = Ledger(path), Ledger(tmp_path / "new" / "ledger.db")
    assert schema(upgraded._db) == schema(new._db)
    assert upgraded._db.execute("PRAGMA user_version").fetchone()[0] == ledger_schema.SCHEMA_VERSION
    run = upgraded.row("SELECT * FROM runs")
    assert (run["run"], run["state"], run["priority"], run["wish"], run["again_at"]) == (7, "done", 0, "{}", None)
    assert upgraded.row("SELECT tag, cancel_by FROM attempts")["tag"] == "t"
    assert upgraded.row("SELECT text FROM events")["text"] == "long ago"
    (backup,) = backups.all_of(path)
    before = sqlite3.connect(backup)
    assert before.execute("PRAGMA user_version").fetchone() == (1,)
    assert before.execute("SELECT text FROM events").fetchall() == [("long ago",)]


def test_an_upgrade_that_fails_leaves_the_old_ledger(path, tmp_path, monkeypatch):
    old_ledger(path)
    broken = tmp_path / "migrations"
    broken.mkdir()
    (broken / "2.sql").write_text("ALTER TABLE runs ADD COLUMN priority INTEGER;\nNO SUCH STATEMENT;\n")
    monkeypatch.setattr(ledger_schema, "MIGRATIONS", broken)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger(path)
    monkeypatch.undo()
    assert Ledger(path).row("SELECT priority FROM runs")["priority"] == 0


def test_a_sqlite_that_is_too_old_for_an_upgrade_leaves_the_ledger_alone(path, monkeypatch):
    old_ledger(path)
    monkeypatch.setattr(ledger_schema.sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(LedgerError, match=r"takes SQLite 3\.35\.0"):
        Ledger(path)
    monkeypatch.undo()
    assert Ledger(path).row("SELECT priority FROM runs")["priority"] == 0


def test_many_that_open_an_old_ledger_at_once_upgrade_it_once(path):
    old_ledger(path)
    failed = []

    def open_it():
        try:
            Ledger(path).close()
        except LedgerError as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert Ledger(path).row("SELECT count(*) FROM runs")[0] == 1


def test_no_upgrade_under_the_feet_of_an_older_driver(path):
    old_ledger(path)
    lock = DriverLock(path)
    lock.me = type(lock.me)(pid=os.getppid(), host=lock.me.host, who="shift", started=0, mode="background")
    assert lock.take("background")
    with pytest.raises(LedgerError, match=r"driver of an older console works with it.*console driver stop"):
        Ledger(path)
    lock.release()
    Ledger(path)


# ---- damage


def damaged(path):
    """A ledger with 400 events of which a page is overwritten, and a backup from before."""
    ledger = Ledger(path)
    with ledger.change():
        for number in range(400):
            ledger.event("info", f"event {number} {'x' * 200}", actor="me")
    backup = backups.make(path)
    ledger.close()
    with open(path, "r+b") as file:
        file.seek(4096 * 40)
        file.write(random.Random(1).randbytes(4096 * 8))
    return backup


def test_a_driver_refuses_a_damaged_ledger_and_the_command_it_names_restores_it(tmp_path):
    with experiment_in(tmp_path / "it's here") as experiment:
        backup = damaged(experiment.ledger)
        driver = experiment.start()
        assert driver.wait(HANGS_AFTER) == 1
        (told,) = [line for line in experiment.log().splitlines() if "is damaged" in line]
        assert backup.name in told
        command = told.partition("Close all consoles, then: ")[2]
        subprocess.run(["sh", "-c", command], check=True)
        assert Ledger(experiment.ledger).row("SELECT count(*) FROM events")[0] == 400
        assert experiment.ledger.with_name("ledger.db.damaged").exists()
        experiment.started()
        assert any(text.startswith("driver started") for text in experiment.events())


def test_a_ledger_that_is_no_database_names_the_backup(path):
    Ledger(path).close()
    backup = backups.make(path)
    path.write_bytes(b"x" * 8192)
    for use in (ledger_schema.check, Ledger):
        with pytest.raises(LedgerError, match=f"not a database.*{backup.name}"):
            use(path)


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_lost_ledger_is_not_silently_started_anew(path, left):
    Ledger(path).close()
    backup = backups.make(path)
    path.unlink() if left == "nothing" else path.write_bytes(b"")
    with pytest.raises(LedgerError, match=f"gone or empty.*{backup.name}"):
        Ledger(path)
    backup.unlink()
    Ledger(path)


def test_a_good_ledger_passes_and_so_does_none(path):
    ledger_schema.check(path)
    assert not path.exists()
    Ledger(path)
    ledger_schema.check(path)


# ---- backups


def test_the_newest_backups_are_kept_for_the_owner_alone(path):
    ledger = Ledger(path)
    made = []
    for number in range(backups.KEPT + 2):
        ledger.put("number", str(number))
        made.append(backups.make(path, at=1_782_914_602 + 3600 * number))
    assert made[0].name == "ledger.db.backup-20260701T140322Z"
    assert backups.all_of(path) == made[-backups.KEPT :]
    assert {backup.stat().st_mode & 0o777 for backup in backups.all_of(path)} == {0o600}
    assert sqlite3.connect(made[-1]).execute("SELECT value FROM meta WHERE key='number'").fetchone() == ("6",)
    assert {file.name for file in path.parent.iterdir()} == {
        "ledger.db", "ledger.db-wal", "ledger.db-shm", *(backup.name for backup in made[-backups.KEPT :])
    }  # fmt: skip


def test_a_backup_is_due_when_the_last_is_old_and_something_has_changed(path):
    ledger = Ledger(path)
    first = backups.keep(path)
    assert first is not None
    ledger.put("something", "new")
    assert backups.keep(path) is None  # the last one is young
    old = time.time() - 2 * backups.EVERY_SECONDS
    os.utime(first, (old, old))
    for file in path.parent.glob("ledger.db*"):
        if file != first:
            os.utime(file, (old - 9, old - 9))
    assert backups.keep(path) is None  # nothing has changed
    ledger.put("something", "newer")
    assert backups.keep(path) is not None


def test_a_backup_holds_up_nobody_and_is_one_moment(path):
    """While it is made, another connection writes pairs, and the backup has no half of one."""
    ledger = Ledger(path)
    with ledger.change() as db:
        db.executemany(
            "INSERT INTO events (at, actor, level, text) VALUES (0, 'a', 'info', ?)",
            [("x" * 500,) for _ in range(60_000)],
        )
    stop, written = threading.Event(), [0]

    def write():
        mine = Ledger(path)
        while not stop.is_set():
            with mine.change():
                mine.put("left", str(written[0]))
                mine.put("right", str(written[0]))
            written[0] += 1
        mine.close()

    writer = threading.Thread(target=write)
    writer.start()
    made, meanwhile = [], []
    for number in range(3):
        before = written[0]
        made.append(backups.make(path, at=number))
        meanwhile.append(written[0] - before)
    stop.set()
    writer.join()
    assert min(meanwhile) > 3, "beside a backup that locked the ledger there would be one write, or two"
    for backup in made:
        values = sqlite3.connect(backup).execute("SELECT value FROM meta WHERE key IN ('left', 'right')").fetchall()
        assert len(set(values)) <= 1


def test_a_backup_does_not_fill_the_disk(path, monkeypatch):
    Ledger(path)
    monkeypatch.setattr(backups, "ROOM", 1e15)
    with pytest.raises(backups.BackupProblem, match="MB are free"):
        backups.make(path)
    assert backups.all_of(path) == []


def test_a_damaged_ledger_is_no_backup(path):
    good = damaged(path)
    with pytest.raises(backups.BackupProblem, match=r"damaged|malformed"):
        backups.make(path, at=time.time() + 60)
    assert backups.all_of(path) == [good]


# ---- places

MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:40 / /home rw - nfs4 filer:/home rw
24 22 0:41 / /cephfs rw - ceph mon:/ rw
25 22 0:42 / /home/shift/local rw - xfs /dev/sdb1 rw
26 22 0:43 / /mnt/sshfs rw - fuse.sshfs somebody@somewhere rw
27 22 0:44 / /overlay rw - fuse.fuse-overlayfs none rw
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/home/shift/.local/state", "nfs4"),
        ("/cephfs/e21062", "ceph"),
        ("/mnt/sshfs/x", "fuse.sshfs"),
        ("/home/shift/local/x", None),
        ("/var/lib", None),
        ("/overlay/home", None),
    ],
)
def test_a_network_file_system_is_no_place_for_a_ledger(place, kind):
    problem = filesystem.no_place_for_a_ledger(Path(place), MOUNTS)
    assert (f"on a network file system ({kind})" in problem) if kind else problem == ""


def test_a_driver_says_what_to_set_instead(path, monkeypatch):
    monkeypatch.setattr(filesystem, "_mounts", lambda: f"1 0 0:1 / {path.parent} rw - lustre x rw")
    for use in (ledger_schema.check, Ledger):
        with pytest.raises(LedgerError, match=r'lustre.*Set ledger = "/a/local/directory/ledger.db" in the profile'):
            use(path)
    assert not path.exists()


@pytest.mark.parametrize("broken", ["_flock", "_fcntl"])
def test_locks_are_tried_out(tmp_path, monkeypatch, broken):
    assert filesystem.locks_work(tmp_path)
    monkeypatch.setattr(filesystem, broken, lambda fd: None)  # as on a file system that only says yes
    assert not filesystem.locks_work(tmp_path)
    assert "locks do not work" in filesystem.no_place_for_a_ledger(tmp_path)
    assert list(tmp_path.iterdir()) == []

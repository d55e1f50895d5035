"""The room for results: what is told of it, and that nothing is launched without."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions.queue import Room, waits_for
from console.disk import space
from console.disk.space import Space
from console.ledger.store import Ledger
from console.reading.snapshot import snapshot
from console.settings.errors import SettingsError
from console.settings.model import Policy
from flowspec import catalogue
from tests import fake_globus

TB = 10**12


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.db")


@pytest.fixture
def look(ledger, monkeypatch):
    """Looks at a disk of 100 TB with so much free; whether anything was written."""

    def look(free: float) -> bool:
        monkeypatch.setattr(space, "measure", lambda _: Space(int(free * TB), 100 * TB))
        before = ledger.get(space.KEY)
        space.check(ledger, Path("/results"))
        return ledger.get(space.KEY) != before

    return look


def told(ledger):
    return [row["text"] for row in ledger.rows("SELECT text FROM events ORDER BY event")]


def test_runs_wait_while_there_is_no_room(ledger, look):
    ctx = fake_globus.make_context(ledger, fake_globus.Remote(), Policy())
    run = fake_globus.judge(ctx, 7)
    look(3.5)
    assert waits_for(ctx, run, Room.now(ctx)) is None
    look(2.0)
    waits = waits_for(ctx, run, Room.now(ctx))
    assert waits is not None
    assert (
        catalogue.sentence(waits)
        == "waits: the DTN disk is 98 % full, 2.0 T free; starts when there is room in /results"
    )
    look(1.0)
    look(50)
    assert waits_for(ctx, run, Room.now(ctx)) is None
    assert told(ledger)[-2:] == [
        "the DTN disk is 98 % full, 2.0 T free: nothing is launched until there is room in /results",
        "the DTN disk has room again: 50 % full, 50.0 T free",
    ]
    assert snapshot(ledger).space == Space(50 * TB, 100 * TB)


def test_only_what_is_seen_is_written(look):
    assert look(40.4)
    assert not look(39.6)
    assert look(39.4)
    assert look(4.9)
    assert not look(4.88)
    assert look(4.7)


def test_a_disk_that_is_not_there_is_said(ledger, tmp_path):
    with pytest.raises(SettingsError, match=r"gone \(dtn\.results\) cannot be looked at: .*; is it mounted\?"):
        space.check(ledger, tmp_path / "gone")
    space.check(ledger, tmp_path)
    assert space.read(ledger) is not None


def test_how_soon_it_is_full_is_told_by_the_last_hours(tmp_path, monkeypatch):
    clock, free = [1e9], [80 * TB]
    ledger = Ledger(tmp_path / "ledger.db", now=lambda: clock[0])
    monkeypatch.setattr(space, "measure", lambda _: Space(int(free[0]), 100 * TB))

    def after(seconds, filled):
        """So many terabytes later."""
        clock[0] += seconds
        free[0] -= filled * TB
        space.check(ledger, Path("/results"))
        return space.read(ledger)

    assert after(0, 0).full_in is None
    assert after(300, 1).full_in is None  # too soon to tell
    assert after(300, 1).full_in == pytest.approx(78 / 2 * 600)
    written = ledger.rows("SELECT * FROM meta")
    after(8, 0)
    assert ledger.rows("SELECT * FROM meta") == written
    for _ in range(30):
        after(600, 0)
    assert space.read(ledger).full_in is None  # nothing was written for hours
    assert after(600, -20).full_in is None
    assert after(86400, 30).full_in is None  # nobody looked for a day
    clock[0] -= 86400  # the clock is set back
    assert after(0, 0).full_in is None

"""Bad news stays in the message line until somebody has acknowledged it; good news leaves by itself."""

from __future__ import annotations

from dataclasses import replace

from console.ledger.events import Event
from console.ledger.presence import Presence
from console.reading.snapshot import Snapshot
from screens.data import ScreenData
from screens.rows.status import GOOD_NEWS_SECONDS, status_line
from tests.ledger_fixture import NOW

DRIVER = Presence(1, "elsewhere", "shift@daq1", NOW - 3600, "background")
SEEN = Snapshot(NOW, DRIVER, True)


def event(number: int, level: str, text: str, at: float = NOW) -> Event:
    return Event(number, at, "driver", level, 1217, None, text)


def said(snapshot: Snapshot, now: float = NOW) -> str:
    return status_line(ScreenData(snapshot), None, now)[0]


def test_what_needs_somebody_stays_whatever_comes_after_it() -> None:
    failed = event(3, "bad", "run 1217 failed")
    later = (event(5, "good", "run 1218 is done"), event(4, "warning", "flows answers late"), failed)
    assert "run 1217 failed" in said(replace(SEEN, events=later, calls=failed), NOW + 86400)
    assert "run 1218 is done" in said(replace(SEEN, events=later))


def test_good_news_leaves_and_a_warning_does_not() -> None:
    good = replace(SEEN, events=(event(5, "good", "run 1218 is done"),))
    assert "run 1218 is done" in said(good, NOW + GOOD_NEWS_SECONDS - 1)
    assert said(good, NOW + GOOD_NEWS_SECONDS + 1) == ""
    assert "flows" in said(replace(SEEN, events=(event(5, "warning", "flows answers late"),)), NOW + 86400)

"""Which consoles are open, and when somebody had one open last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ledger import consoles
from console.reading.since_left import since_left
from flowspec.conditions import reason
from flowspec.readiness import Verdict
from flowspec.states import RunState
from tests.ledger_fixture import DemoLedger, stand

ANNA, BERT = "anna@daq1", "bert@daq2"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoLedger]:
    demo = DemoLedger(tmp_path / "ledger.db")
    yield demo
    demo.ledger.close()


def there(demo: DemoLedger) -> list[str]:
    return [console.who for console in consoles.open_ones(demo.ledger)]


def test_one_that_is_closed_or_gives_no_sign_of_life_is_not_there(demo: DemoLedger) -> None:
    consoles.beat(demo.ledger, "1", ANNA)
    demo.at += 60
    consoles.beat(demo.ledger, "2", BERT)
    assert there(demo) == [ANNA, BERT]
    consoles.close(demo.ledger, "2")
    assert there(demo) == [ANNA]
    demo.at += consoles.GONE_SECONDS - 60
    assert there(demo) == []
    consoles.beat(demo.ledger, "1", "anna(shift)@daq1")
    assert there(demo) == ["anna(shift)@daq1"], "who has said a name"


def test_when_somebody_left_is_known_by_whose_console_it_was(demo: DemoLedger) -> None:
    assert consoles.left_at(demo.ledger, ANNA, "2") is None
    consoles.beat(demo.ledger, "1", ANNA)
    assert consoles.left_at(demo.ledger, ANNA, "2") is None, "it is open"
    consoles.close(demo.ledger, "1")
    left = demo.at
    demo.at += 3600
    assert consoles.left_at(demo.ledger, ANNA, "2") == left
    assert consoles.left_at(demo.ledger, BERT, "2") is None
    assert consoles.left_at(demo.ledger, ANNA, "1") is None, "another one"


def test_what_happened_since_is_counted(demo: DemoLedger) -> None:
    left = demo.at
    assert since_left(demo.ledger, left) == ""
    for run in (1300, 1301, 1302, 1303):
        demo.found(run, Verdict.READY, "is complete", 2, ended=60)
    stand(demo.ledger, 1300, RunState.DONE, finished_at=left - 1)
    stand(demo.ledger, 1301, RunState.DONE, finished_at=left + 60)
    stand(demo.ledger, 1302, RunState.FAILED, finished_at=left + 60)
    stand(demo.ledger, 1303, RunState.RUNNING, reason("flow.inactive", words="a consent"))
    demo.at += 8 * 3600
    assert since_left(demo.ledger, left) == "since you left 8 h ago: 1 result, 1 failed, 1 stuck; R is the report"

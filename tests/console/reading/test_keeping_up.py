"""Whether the work on a run that is recorded keeps up with its data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.ledger import runs
from console.ledger.runs import Closed, Run
from console.reading.keeping_up import Gauge, gauge, sentence, verdict
from flowspec.progress import Evidence, Says, Witness
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.ledger_fixture import NOW, SEGMENT_BYTES, DemoLedger


@pytest.fixture
def recorded(tmp_path: Path) -> Run:
    """Segments 0 to 5 were closed a minute after one another, the last one now; 6 is being written."""
    demo = DemoLedger(tmp_path / "ledger.db")
    demo.found(7, Verdict.TAKING, "is being recorded", 7)
    known = runs.run(demo.ledger, 7)
    demo.ledger.close()
    assert known is not None
    closed = {segment: Closed(f"v{segment}", NOW - 60 * (5 - segment)) for segment in range(6)}
    return replace(known, closed=closed, early={segment: found.version for segment, found in closed.items()})


def converted(run: Run, after: dict[int, float]) -> list[Evidence]:
    """So many seconds after a segment was closed."""
    return [
        Evidence(Stage.CONVERT, s, Witness.FILE, Says.DONE, at=run.closed[s].at + seconds)
        for s, seconds in after.items()
    ]


def seen(run: Run, after: dict[int, float], *, streams: bool = True) -> Gauge:
    found = gauge(run, converted(run, after), streams=streams)
    assert found is not None
    return found


def test_work_that_takes_no_longer_than_at_first_keeps_up(recorded: Run) -> None:
    found = seen(recorded, {0: 80, 1: 70, 2: 75, 3: 85})
    assert (found.closed, found.converted, found.at_first, found.of_late) == (6, 4, 80, 85)
    assert (found.bytes_closed, found.bytes_converted) == (6 * SEGMENT_BYTES, 4 * SEGMENT_BYTES)
    words = "4 of 6 closed segments converted (7.6 G of 11.4 G), one waits for"
    assert sentence(found, NOW) == f"keeps up, {words} 60 s"
    assert found.behind(NOW + 30) == 0
    assert verdict(found, NOW + 600) == "behind by 2 segments, 9 m"


def test_work_that_takes_ever_longer_falls_behind(recorded: Run) -> None:
    found = seen(recorded, {0: 60, 1: 60, 2: 90, 3: 180, 4: 60})
    assert verdict(found, NOW) == "behind by 1 segment, 2 m"
    assert sentence(found, NOW).startswith("behind by 1 segment, 2 m, 5 of 6 closed segments")


def test_nothing_is_claimed_before_something_is_known(recorded: Run) -> None:
    assert sentence(seen(replace(recorded, closed={}), {}), NOW) == "no segment is closed yet"
    found = seen(recorded, {})
    assert sentence(found, NOW) == "nothing converted yet of 11.4 G closed, one waits for 5 m"
    assert sentence(seen(recorded, {0: 60}), NOW).startswith("1 of 6 closed segments converted")


def test_a_segment_that_changed_after_its_early_work_is_not_converted(recorded: Run) -> None:
    changed = replace(recorded, early={**recorded.early, 1: "older"})
    assert seen(changed, {0: 60, 1: 60}).converted == 1


def test_only_of_a_run_that_is_recorded_and_worked_on_meanwhile(recorded: Run) -> None:
    assert gauge(replace(recorded, state=RunState.QUEUED), (), streams=True) is None
    assert gauge(recorded, (), streams=False) is None

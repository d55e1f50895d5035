"""What the detail says of a result: where it is, how large, of which segments, also on a small terminal."""

from __future__ import annotations

import pytest

from console.ledger import conditions, evidence, results
from console.ledger.results import Judged, Version
from console.reading.detail import detail
from flowspec.conditions import Topic, reason
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from tests.ledger_fixture import DemoLedger, stand
from tests.screen_driver import make_app, settled, until_shown
from tests.screens.test_seeing import typed

RESULT = "/data/e21062/results/run-1215-sorted.root"


def came_back(demo: DemoLedger, *, waived: tuple[int, ...] = ()) -> None:
    told = [
        Evidence(
            Stage.CONVERT, s, Witness.TASK, Says.DONE, reason("task.done", stage="convert", entries=100_000), 1, demo.at
        )
        for s in range(12)
    ]
    evidence.record_evidence(demo.ledger, 1215, told)
    results.put(demo.ledger, 1215, Judged(Version(3_400_000_000, 1, 2)))
    stand(demo.ledger, 1215, finished_at=demo.at)
    lacks = {"waived": [{"segment": s} for s in waived], "segments": 12 - len(waived), "of": 12} if waived else {}
    why = reason("outcome.returned", file="run-1215-sorted.root", **lacks)
    conditions.put(demo.ledger, 1215, Topic.OUTCOME, [why])


def test_it_is_made_of_what_was_not_waived_when_it_was_made(demo: DemoLedger) -> None:
    came_back(demo, waived=(3, 4))
    found = detail(demo.ledger, 1215)
    assert found is not None
    result = found.result
    assert result is not None
    assert (result.path, result.bytes, result.at) == (RESULT, 3_400_000_000, demo.at)
    assert (result.entries, result.segments, result.of) == (1_000_000, 10, 12)


def test_entries_that_a_job_has_not_told_are_not_known(demo: DemoLedger) -> None:
    found = detail(demo.ledger, 1215)
    assert found is not None
    assert found.result is not None
    assert (found.result.bytes, found.result.entries) == (None, None)
    running = detail(demo.ledger, 1217)
    assert running is not None
    assert running.result is None


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["wide", "small"])
async def test_it_stands_in_the_detail(demo: DemoLedger, size: tuple[int, int]) -> None:
    came_back(demo)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(":", *typed("run 1215"), "enter")
        await settled(pilot)
        await pilot.press("enter")
        words = "3.4 G, 1,200,000 entries, of all 12 segments, back 2026-07-01 14:03:22"
        await until_shown(pilot, RESULT, words, "Segments of 1215")

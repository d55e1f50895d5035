"""What needs somebody stands on top and is told from what moves; the cursor stays on its run."""

from __future__ import annotations

from console.cli.status import status_json, status_text
from console.ledger import conditions, decisions, runs
from console.reading.snapshot import snapshot
from flowspec.conditions import Reason, Topic, reason
from flowspec.decisions import Waiver
from flowspec.states import RunState
from screens.rows import main
from tests.ledger_fixture import DemoLedger, stand
from tests.screen_driver import make_app, settled, until, until_shown

TALL = (99, 60)
CELL = {"code": "words", "parameters": {"words": "no such file"}}
MISSING = Reason("flow.waits", {"stage": "transfer", "done": 0, "total": 12, "cell": CELL})


def listed(screen: str) -> list[str]:
    """The runs in the order in which they are shown, with their states."""
    rows = (line[2:].split() for line in screen.splitlines())
    return [" ".join(words[:2]) for words in rows if len(words) > 1 and words[0].isdecimal() and len(words[0]) == 4]


def get_stuck(demo: DemoLedger, run: int) -> None:
    conditions.put(demo.ledger, run, Topic.PROGRESS, [MISSING])


async def test_a_stuck_run_comes_to_the_top_and_the_cursor_stays(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, ascii_only=True)
    async with app.run_test(size=TALL) as pilot:
        await settled(pilot)
        first = await until_shown(pilot, "1214 FAILED")
        assert listed(first)[:3] == ["1214 FAILED", "1213 INCOMPLETE", "1212 ABNORMAL"]
        assert "1216 running" in listed(first)
        await pilot.press("down")
        await until_shown(pilot, ">  1213")
        get_stuck(demo, 1216)
        screen = await until_shown(pilot, "1216 STUCK")
        assert listed(screen)[:4] == ["1216 STUCK", "1214 FAILED", "1213 INCOMPLETE", "1212 ABNORMAL"]
        assert ">  1213" in screen
        stand(demo.ledger, 1209, RunState.QUEUED)
        conditions.put(demo.ledger, 1209, Topic.QUEUE, [reason("queue.endpoint", endpoint="frib-fit-mpi", since=1.0)])
        await pilot.press("p")
        screen = await until_shown(pilot, "problems only", "1209 STUCK")
        assert listed(screen)[:5] == [
            "1216 STUCK",
            "1214 FAILED",
            "1213 INCOMPLETE",
            "1212 ABNORMAL",
            "1209 STUCK",
        ], "what waits stands below what it waits for"
        conditions.put(demo.ledger, 1216, Topic.PROGRESS, [reason("attempt.started", number=1)])
        await until(pilot, lambda: len(app.screen.runs.table.rows) == 4)  # type: ignore[attr-defined]


def test_what_is_done_waived_or_retried_by_itself_needs_nobody(demo: DemoLedger) -> None:
    stand(demo.ledger, 1214, again_at=demo.at + 60)
    stand(demo.ledger, 1212, RunState.DONE, "result returned")  # with a segment that failed, and was waived
    decisions.add(demo.ledger, 1212, Waiver(1, "its disk was broken", "anna@daq1", demo.at))
    assert [row.run for row in main.in_order(snapshot(demo.ledger).runs) if main.needs_somebody(row)] == [1213]


def test_segments_that_came_late_need_somebody(demo: DemoLedger) -> None:
    row = snapshot(demo.ledger).run(1215)
    assert row is not None
    assert not main.needs_somebody(row)
    with demo.ledger.change():
        conditions.put(demo.ledger, 1215, Topic.TAKE, [])
        runs.set_run(demo.ledger, 1215, launched_sizes={0: 1, 1: 1_907_000_000})
    row = snapshot(demo.ledger).run(1215)
    assert row is not None
    assert (main.needs_somebody(row), row.late_data) == (True, True)


def test_status_says_stuck_too(demo: DemoLedger) -> None:
    get_stuck(demo, 1216)
    document = status_json(demo.ledger)
    assert [run["run"] for run in document["runs"] if run["stuck"]] == [1216]
    assert [run["run"] for run in document["flow_runs"] if run["stuck"]] == [1216]
    assert status_json(demo.ledger, 1216)["run"]["stuck"] is True
    assert any(line.split()[:2] == ["1216", "STUCK"] for line in status_text(demo.ledger).splitlines())
    assert status_text(demo.ledger, 1216).startswith("run 1216 STUCK: transfer 0/12: no such file")

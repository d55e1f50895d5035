"""A bell and a mark for what has failed, until somebody has seen it."""

from __future__ import annotations

from typing import Any

from console.ledger import new_failures
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled, shown, until, until_shown

WIDE, SMALL = (120, 40), (80, 24)


def rings_of(app: Any, monkeypatch: Any) -> list[str]:
    rung: list[str] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append("bell"))
    return rung


async def test_a_bell_rings_once_for_a_failure_and_the_mark_stays_until_it_was_seen(
    demo: DemoLedger, monkeypatch: Any
) -> None:
    app = make_app(demo.ledger.path)
    rung = rings_of(app, monkeypatch)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await until_shown(pilot, "1 failed, 2 incomplete (a)")  # it was there before: no bell
        demo.ledger.event("info", "nothing bad", actor="driver")
        demo.ledger.event("bad", "run 1217 FAILED at fit", actor="driver", run=1217)
        await until_shown(pilot, "2 failed, 2 incomplete (a)")
        demo.ledger.event("info", "still nothing bad", actor="driver")
        await until(pilot, lambda: app.data.snapshot and app.data.snapshot.events[0].text == "still nothing bad")
        assert rung == ["bell"]
        await pilot.press("a")
        await until(pilot, lambda: demo.ledger.asked())
        (request,) = demo.ledger.asked()
        demo.ledger.event("bad", "run 1216 FAILED at fit", actor="driver", run=1216)  # a moment too late to be seen
        said = new_failures.acknowledge(demo.ledger, request.args["upto"], "anna@daq1")
        demo.ledger.answer(request.id, "done", said)
        await until_shown(pilot, "1 failed (a)", "2 failed, 2 incomplete: seen by anna@daq1")
        assert rung == ["bell", "bell"]
        new_failures.acknowledge(demo.ledger, 10**6, "ben@daq2")
        await until(pilot, lambda: "(a)" not in shown(app).splitlines()[0])
        await pilot.press("a")
        await until_shown(pilot, "nothing new has failed or is stuck")


async def test_a_bell_rings_also_where_nobody_may_act(demo: DemoLedger, monkeypatch: Any) -> None:
    app = make_app(demo.ledger.path, read_only=True)
    rung = rings_of(app, monkeypatch)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        demo.ledger.event("bad", "run 1217 FAILED at fit", actor="driver", run=1217)
        await until(pilot, lambda: rung)
        await pilot.press("a")
        await until_shown(pilot, "--read-only: this console only looks")
        assert demo.ledger.asked() == []
        await until_shown(pilot, "2 failed, 2 incomplete (a)")


async def test_a_stuck_run_and_a_trouble_call_as_a_failure_does(demo: DemoLedger, monkeypatch: Any) -> None:
    app = make_app(demo.ledger.path)
    rung = rings_of(app, monkeypatch)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "1 failed, 2 incomplete (a)")
        demo.ledger.event("warning", "run 1217 is STUCK", actor="driver", run=1217, alert="flow.waits")
        await until_shown(pilot, "1 failed, 1 stuck, 2 incomplete (a)")
        demo.ledger.event("bad", "flows: no answer", actor="driver")
        await until_shown(pilot, "1 failed, 1 stuck, 2 incomplete, 1 trouble (a)")
        assert rung == ["bell", "bell"]

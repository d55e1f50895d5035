"""The detail of a run that is being cancelled: what was seen gone, and what was not."""

from __future__ import annotations

import pytest

from console.ledger import attempts, cancel_lines
from console.ledger.cancel_lines import CancelLine, LineKind
from flowspec.conditions import Reason, reason
from flowspec.stages import Stage
from tests.ledger_fixture import NOW, DemoLedger
from tests.screen_driver import keys_to, make_app, settled, until, until_shown

RUN = 1208  # cancelling


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["wide", "small"])
async def test_each_line_is_ticked_when_it_was_seen_gone(demo: DemoLedger, size: tuple[int, int]) -> None:
    (attempt,) = attempts.attempts(demo.ledger, RUN)
    attempts.set_attempt(demo.ledger, attempt.attempt, cancel_by="anna@daq1", cancel_at=NOW - 5)
    for line in (
        CancelLine(LineKind.MARKER, "/top/logs/run1208/cancelled/tag", observed=Reason("seen.made"), gone_at=NOW - 4),
        CancelLine(LineKind.FLOW_RUN, "0d3c5f1e", observed=Reason("seen.cancelled"), gone_at=NOW - 4),
        CancelLine(LineKind.COMPUTE_TASK, "task-3", Stage.FIT, 3, reason("seen.ended", rc=143), NOW - 2),
        CancelLine(LineKind.COMPUTE_TASK, "task-7\x1b[31m", Stage.FIT, 7, reason("seen.status", status="running")),
    ):
        cancel_lines.write(demo.ledger, attempt.attempt, line)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(RUN), "enter")
        await until_shown(pilot, "cancel   ok marker at the site made, flow run cancelled")
        told = await until_shown(pilot, ".. fit 1 of 2 ended; left: segment 07 (task ids task-7)")
        assert "Segments of 1208" in told
        before = app.screen.summary.size.height
        task = CancelLine(
            LineKind.COMPUTE_TASK, "task-7\x1b[31m", Stage.FIT, 7, reason("seen.ended", status="success"), NOW - 1
        )
        cancel_lines.write(demo.ledger, attempt.attempt, task)
        await until_shown(pilot, "flow run cancelled, fit 2 of 2 ended")
        await until(pilot, lambda: app.screen.summary.size.height == before - 1)

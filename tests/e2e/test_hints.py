"""Hints to Flows with everything real but Globus: a Flows that looks late by itself, and one that takes no hints."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

from console.driver import round
from console.evidence.hints import TRIAL
from console.ledger import attempts, runs
from console.reading.snapshot import snapshot
from flowspec.stages import Stage
from remote.globus.errors import RemoteError
from tests.pipeline_fixture import running_pipeline
from tests.waiting import HANGS_AFTER, until

WAITS = r"(transfer|fit) done \d\d:\d\d:\d\d, Globus has not noticed yet \(looks by \d\d:\d\d\)"
LATE = 0.5 / HANGS_AFTER  # times as fast as Flows: before its first look at an action a test fails


def test_hints_shorten_the_wait_for_flows(tmp_path):
    with running_pipeline(tmp_path / "sandbox", polling="real", speed=LATE) as pipeline:
        pipeline.deliver(pipeline.take(5))
        pipeline.start_driver()

        def at_convert() -> attempts.Attempt | None:
            attempt = attempts.newest_attempt(pipeline.ledger, 5)
            visited = attempt is not None and Stage.CONVERT in attempt.visits
            return attempt if visited else None

        until(at_convert)
        left = "SELECT * FROM hints WHERE stage IN ('transfer', 'fit')"  # a short transfer ends before it is hinted
        until(lambda: all(row["moved_at"] for row in pipeline.ledger.rows(left)))
        hints = pipeline.ledger.rows(left)
        assert "fit" in {row["stage"] for row in hints}
        assert not any(row["problem"] for row in hints)


def test_they_end_by_themselves_when_flows_ignores_them(tmp_path):
    with running_pipeline(tmp_path / "sandbox", polling="real", speed=LATE, hints=False) as pipeline:
        ctx = pipeline.make_context()
        ctx = replace(ctx, policy=ctx.policy.model_copy(update={"poll_interval": 0.05}))  # hints in quick succession
        for run in (1, 2, 3):
            pipeline.deliver(pipeline.take(run, segments=1, events=2))
        pipeline.start_driver()  # finds and launches them
        until(lambda: sum(bool(a.flow_run) for a in attempts.open_attempts(pipeline.ledger)) == 3)
        pipeline.kill_driver()

        def look() -> None:
            with suppress(RemoteError):  # so many looks are more requests than Compute takes: 429 for a while
                round.follow_attempts(ctx)

        def why() -> str:
            look()
            return runs.run(pipeline.ledger, 2).why

        def off() -> str:
            look()
            return snapshot(pipeline.ledger).hints_off

        assert until(off, every=0.1) == (
            f"Globus is not asked any more to look after {TRIAL} times without effect: "
            "it notices ends up to 10 min late"
        )
        hints = pipeline.ledger.rows("SELECT * FROM hints")
        assert len(hints) <= TRIAL + 3
        assert snapshot(pipeline.ledger).events[0].level == "warning"
        until(lambda: re.fullmatch(WAITS, why()), every=0.1)

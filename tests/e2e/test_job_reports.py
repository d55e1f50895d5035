"""At 3 a.m. a job fails: in the morning its report and the end of its log are there, and others come when asked for."""

from __future__ import annotations

from pathlib import Path

from console.ledger import job_reports
from console.ledger.job_reports import PENDING, ReportState, RequestedReport
from console.reading.detail import detail
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.fire.world import World
from tests.waiting import until


def test_the_report_of_a_failed_job_comes_by_itself_and_others_on_demand(tmp_path: Path) -> None:
    world = World(tmp_path / "sandbox")
    try:
        editor = world.hold_file.with_name("EventEditor")
        editor.write_text("#!/bin/bash\necho 'cannot open fit.conf' >&2\nexit 134\n")
        world.start_driver()
        run = world.new_run(segments=2)
        world.wait_for(run, RunState.FAILED)

        def settled(count: int) -> list[RequestedReport] | None:
            found = job_reports.of_run(world.ledger, run)
            return found if len(found) == count and not any(r.state in PENDING for r in found) else None

        first, second = until(lambda: settled(2))
        assert [(r.stage, r.segment, r.state) for r in (first, second)] == [
            (Stage.FIT, 0, ReportState.THERE),
            (Stage.FIT, 1, ReportState.THERE),
        ]
        assert first.report is not None
        assert first.report.rc == 134
        assert "cannot open fit.conf" in "\n".join(first.report.lines)
        log = world.settings.dtn.results / "logs" / f"run{run}" / "fit-00.log"
        assert Path(first.report.log) == log
        assert "cannot open fit.conf" in log.read_text()

        world.ledger.ask("report", run, actor="anna@daq1", stage="analyze", segment=None)
        asked = until(lambda: settled(3))[-1]
        assert (asked.actor, asked.stage, asked.state) == ("anna@daq1", Stage.ANALYZE, ReportState.THERE)

        found = detail(world.ledger, run)
        assert found is not None
        (attempt,) = found.attempts
        spent = found.timing[attempt.attempt].spent(attempt, world.ledger.now())
        assert [time.stage for time in spent.stages] == [Stage.TRANSFER, Stage.FIT, Stage.CONVERT, Stage.ANALYZE]
        assert all(time.worked is not None for time in spent.stages if time.stage in (Stage.TRANSFER, Stage.FIT))
        assert spent.worked + spent.queued + spent.together + spent.waited <= spent.total + 0.001
        labels = [task["label"] for task in _transfers(world)]
        assert sum("job reports" in label for label in labels) == 2
    finally:
        world.close()


def _transfers(world: World) -> list[dict]:
    from tests.sandbox_records import records

    return records(world.sandbox.directory).transfers

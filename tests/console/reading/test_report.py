"""The report of a shift: facts from the ledger, and the same in words, as text, Markdown and HTML, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from console.ledger import attempts, conditions, decisions, failures
from console.ledger.store import Ledger
from console.reading.page import as_html, as_markdown, as_text
from console.reading.report import Report, Spread, report
from console.reading.report_page import page
from flowspec import flowlog, text
from flowspec.causes import Kind
from flowspec.conditions import Topic, reason
from flowspec.decisions import Waiver
from flowspec.flowlog import Visit
from flowspec.plan import plan_early
from flowspec.progress import Says
from flowspec.quarantine import Failure
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from tests.ledger_fixture import NOW, DemoLedger, demo_ledger, end_attempt, stand

HOUR = 3600.0
SECRET = "AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4"
LOGIN = f"refused: Bearer {SECRET} <b>&"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoLedger]:
    demo = demo_ledger(tmp_path / "ledger.db")
    yield demo
    demo.ledger.close()


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat()


def read(demo: DemoLedger, hours: float = 8) -> Report:
    return report(demo.ledger, "e21062", demo.at - hours * HOUR)


def shown(demo: DemoLedger, hours: float = 8) -> str:
    return "\n".join(as_text(page(read(demo, hours)), 100))


def test_runs_taken_and_results_are_those_since_then(demo: DemoLedger) -> None:
    stand(demo.ledger, 1215, finished_at=demo.at - HOUR)
    stand(demo.ledger, 1205, finished_at=demo.at - 9 * HOUR)
    found = read(demo)
    assert [run.run for run in found.taken if run.run < 1209] == [1200 + n for n in range(6)] + [1208]
    assert [result.run for result in found.results] == [1215]
    assert {1215, 1205} <= {result.run for result in read(demo, 10).results}
    assert found.results[0].path.endswith("run-1215-sorted.root")


def test_failures_alike_are_one(demo: DemoLedger) -> None:
    abort = reason("failed.abort", words="EventEditor aborted (rc 134)")
    for run in (1214, 1216, 1217):
        attempt = attempts.newest_attempt(demo.ledger, run)
        assert attempt is not None
        there = [Failure(attempt.attempt, Stage.FIT, segment, Kind.STAYS, abort, 3) for segment in (1, 2)]
        failures.record(demo.ledger, run, there)
    (alike,) = (one for one in read(demo).failures if one.stage is Stage.FIT)
    assert (alike.runs, alike.places, alike.mended) == ((1214, 1216, 1217), 6, 0)
    assert "1214, 1216-1217" in shown(demo)
    demo.at += 9 * HOUR
    assert read(demo).failures == ()
    assert "nothing failed" in shown(demo)


def test_what_waited_for_whom_is_known_when_it_is_over(demo: DemoLedger) -> None:
    demo.found(1301, Verdict.READY, "is complete", 2, ended=60)
    stand(demo.ledger, 1301, RunState.QUEUED)
    offline = reason("queue.endpoint", endpoint="frib-fit-mpi", since=demo.at)
    conditions.put(demo.ledger, 1301, Topic.QUEUE, [offline])
    demo.at += HOUR
    (wait,) = (wait for wait in read(demo).waits if wait.code == "queue.endpoint")
    assert (wait.waiting, wait.seconds, wait.runs) == (1, HOUR, (1301,))
    conditions.put(demo.ledger, 1301, Topic.QUEUE, [reason("queue.next")])
    demo.at += HOUR
    (wait,) = (wait for wait in read(demo).waits if wait.code == "queue.endpoint")
    assert (wait.waiting, wait.seconds, wait.longest) == (0, HOUR, HOUR)
    assert "the site" in shown(demo)
    (wait,) = (wait for wait in read(demo, 1.5).waits if wait.code == "queue.endpoint")
    assert wait.seconds == HOUR / 2, "only what lies in the time of the report counts"
    demo.at += 8 * HOUR
    assert not [wait for wait in read(demo).waits if wait.code == "queue.endpoint"]


def test_a_condition_whose_parameters_change_is_no_new_wait(demo: DemoLedger) -> None:
    demo.found(1301, Verdict.READY, "is complete", 2, ended=60)
    stand(demo.ledger, 1301, RunState.QUEUED)
    for under_way in (3, 2, 3):
        conditions.put(demo.ledger, 1301, Topic.QUEUE, [reason("queue.slots", under_way=under_way, limit=3)])
        demo.at += HOUR
    (wait,) = (wait for wait in read(demo).waits if wait.code == "queue.slots")
    assert (wait.seconds, wait.waiting) == (3 * HOUR, 1)


def test_the_time_from_end_run_to_the_result_is_split(demo: DemoLedger) -> None:
    """Ended at 0, launched at 600; transfer 100 s, fit 300 s of queue and work, both seen by Flows; 50 s at the end."""
    end = demo.at - 2000
    attempt = demo.launched(1301, RunState.DONE, "back", Stage.RETURN, attempt_state=AttemptState.SUCCEEDED)
    visits = {
        Stage.TRANSFER: Visit(Says.DONE, iso(end + 610), "a", iso(end + 710)),
        Stage.FIT: Visit(Says.DONE, iso(end + 710), "b", iso(end + 1010)),
    }
    columns = {"intended_at": end + 600, "ended_at": end + 1060, "visits": flowlog.dump(visits)}
    attempts.set_attempt(demo.ledger, attempt, **columns)
    stand(demo.ledger, 1301, ended=end, finished_at=end + 1060)
    found = read(demo, 0.6)
    assert found.delayed == 1
    parts = {one.part: one.p95 for one in found.delays}
    assert parts == pytest.approx(
        {"total": 1060, "held": 600, "transfer": 100, "queue": 0, "work": 300, "orchestrator": 60}
    )


def test_results_of_runs_that_were_streamed_are_told_by_themselves(demo: DemoLedger) -> None:
    end = demo.at - 2000
    for run, took in ((1301, 900), (1302, 200), (1303, 100)):
        joined = demo.launched(run, RunState.DONE, "back", Stage.RETURN, attempt_state=AttemptState.SUCCEEDED)
        attempts.set_attempt(demo.ledger, joined, intended_at=end + 1, ended_at=end + took)
        if run > 1301:
            early = attempts.add_intent(demo.ledger, plan_early(run, [0]), 2, f"early-{run}", {}, "", "flow", "driver")
            times = {"intended_at": end - 300, "ended_at": end - 200}
            end_attempt(demo.ledger, early, AttemptState.SUCCEEDED, **times)
        stand(demo.ledger, run, ended=end, finished_at=end + took)
    found = read(demo, 0.6)
    assert (found.delayed, found.delays[0].p50) == (1, 900)
    assert (found.delayed_streamed, found.streamed) == (2, Spread("total", 100, 200))
    told = shown(demo)
    assert "of 1 result and 2 streamed: half and 19 of 20 took no longer" in told
    assert "END_RUN to result, streamed" in told


def test_who_did_what_and_what_was_decided(demo: DemoLedger) -> None:
    ledger = demo.ledger
    for run in (1215, 1216):
        ledger.answer(ledger.ask("retry", run, actor="anna(shift)@daq1"), "done", "queued")
    ledger.ask("retry", 1214, actor="anna(shift)@daq1", dry=True)
    decisions.add(ledger, 1214, Waiver(7, "noise of the trap", "anna(shift)@daq1", ledger.now()))
    assert [(asked.actor, asked.verb, asked.run) for asked in read(demo).asked] == [
        ("anna(shift)@daq1", "retry", 1215), ("anna(shift)@daq1", "retry", 1216)
    ]  # fmt: skip
    told = shown(demo)
    assert "run 1214 segment 07 waived by anna(shift)@daq1: noise of the trap" in told
    assert "1215-1216" in told


def test_what_a_result_lacks_is_told(demo: DemoLedger) -> None:
    stand(demo.ledger, 1215, finished_at=demo.at - 60)
    lossy = reason("outcome.returned", file="run-1215-sorted.root", lost=1200, hits=90000, lossy=[3])
    conditions.put(demo.ledger, 1215, Topic.OUTCOME, [lossy])
    assert "1,200 of 90,000 hits lost in segment 03" in shown(demo)


def test_what_needs_somebody_is_handed_over_and_nothing_else(demo: DemoLedger) -> None:
    stand(demo.ledger, 1209, held_by="anna@daq1")
    found = read(demo)
    assert [run.run for run in found.open] == [1209, 1212, 1213, 1214]
    assert [run.held_by for run in found.open if run.held_by] == ["anna@daq1"]
    assert found.driver is False
    assert [name for name, _ in found.offline] == ["frib-analysis"]
    told = shown(demo)
    assert "no driver runs" in told
    assert "segment 03 is missing" in told


def test_an_empty_ledger_has_a_report(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db", now=lambda: NOW)
    told = as_text(page(report(ledger, "e21062", NOW - 8 * HOUR)), 80)
    assert "no run needs anybody" in told
    assert "0 runs, 0 B" in told
    ledger.close()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_is_no_wider_than_asked_for_and_complete(demo: DemoLedger, width: int) -> None:
    lines = as_text(page(read(demo)), width)
    assert max(map(text.cells, lines)) <= max(width, 78)
    words = " ".join(" ".join(lines).split())
    if width > 78:
        assert "failed at fit: segment 07, EventEditor aborted (rc 134)" in words


def test_no_format_has_a_secret_an_escape_or_markup_from_outside(demo: DemoLedger) -> None:
    demo.found(1401, Verdict.INCOMPLETE, LOGIN, 2, ended=60, title=f"{LOGIN} \x1b[31m| `x`")
    stand(demo.ledger, 1215, finished_at=demo.at - 60, result=f"/results/<script>/{LOGIN}")
    found = page(read(demo))
    written = ["\n".join(as_text(found, 100)), as_markdown(found), as_html(found)]
    for form in written:
        assert SECRET not in form
        assert "\x1b" not in form
    assert "<script>" not in written[2]
    assert "<b>" not in written[1] + written[2]
    assert "\\| \\`x\\`" in written[1]
    assert written[2].count("<td") == written[2].count("</td>")
    assert "http" not in written[2].replace("http-equiv", "").lower(), "it needs nothing else"

"""The detail of a run: its sections, the truth matrix with every witness, and the reports of jobs."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from console.ledger import decisions, evidence, runs
from console.ledger.job_reports import ReportState
from console.ledger.store import Ledger
from flowspec.conditions import reason
from flowspec.decisions import Acceptance, Waiver
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import Stage
from tests.ledger_fixture import DemoLedger
from tests.run_history import with_history
from tests.screen_driver import keys_to, make_app, settled, shown, until, until_shown

WIDE, SMALL = (120, 40), (80, 24)
TO_1214 = keys_to(1214)


async def opened(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press(*TO_1214, "enter")
    await until_shown(pilot, "Segments of 1214")


def asked(ledger: Ledger) -> list[tuple[str, int | None, dict[str, Any]]]:
    return [(request.verb, request.run, request.args) for request in ledger.asked()]


def pane(pilot: Pilot[Any]) -> list[str]:
    """The lines of the section with the focus."""
    region = pilot.app.screen.focused_pane().region
    return [line[: region.width].rstrip() for line in shown(pilot.app).splitlines()[region.y : region.bottom]]


async def at(pilot: Pilot[Any], word: str) -> None:
    """Wait until the cursor stands on a row with this word."""
    await until(pilot, lambda: any(line.startswith(">") and word in line for line in pane(pilot)))


async def test_each_section_can_be_reached_on_a_small_terminal(demo: DemoLedger) -> None:
    with_history(demo, 1214, 7)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await until_shown(pilot, "flow run 0d3c5f1e-0000-4000-8000-001214000001", "60Cr beta decay")
        demo.ledger.put("web_app", "https://app.globus.org/runs/")  # as the driver does where that is true
        await until_shown(pilot, "https://app.globus.org/runs/0d3c5f1e-0000-4000-8000-001214000001")
        for key, words in (
            ("2", ("IS BY", "EventEditor aborted")),
            ("3", ("WORK QUEUE FLOWS", "asked to look, moved 4 m")),
            ("4", ("LOOKED", "action 3b2d302f")),
            ("5", ("Input document of attempt 1", '"run": 1214')),
            ("6", ("segment 07 first", "rc 134 node nid004012 job 28471193 took 71 s", "EventEditor aborted")),
            ("7", ("WHO", "run 1214 is complete: 42 segments", "14:03 driver")),
            ("1", ("XFER FIT CONV NOTE", "00-06", "fit: EventEditor aborted (rc 134), no output")),
        ):
            await pilot.press(key)
            await until_shown(pilot, *words)
        await pilot.press("tab")
        await until_shown(pilot, "What file, task and flow log say of 1214")
        await pilot.press("shift+tab", "shift+tab")
        await until_shown(pilot, "Events of 1214")


async def test_on_a_tall_terminal_a_section_stands_below_the_segments(demo: DemoLedger) -> None:
    with_history(demo, 1214, 7)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await until_shown(pilot, "Segments of 1214", "Timeline of the attempts")
        await pilot.press("6")
        await until_shown(pilot, "Segments of 1214", "Reports of the jobs")
        await pilot.press("z")
        await until(pilot, lambda: "Segments of 1214" not in shown(app))
        await pilot.press("z")
        await until_shown(pilot, "Segments of 1214", "Reports of the jobs")
        await pilot.resize_terminal(*SMALL)
        await until(pilot, lambda: "Segments of 1214" not in shown(app))


async def test_equal_segments_are_one_row_until_each_is_wanted_or_looked_for(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        rows = ["00-06", "07", "08", "09", "10-41"]
        await until(pilot, lambda: [line[2:9].strip() for line in pane(pilot)[2:7]] == rows)
        assert ">" in pane(pilot)[3], "on the first that is bad"
        await pilot.press("e")
        await until_shown(pilot, " 00 ", " 01 ")
        await pilot.press("e", "p")
        await until(pilot, lambda: [line[2:4] for line in pane(pilot)[2:5]] == ["07", "09", ""])
        await pilot.press("escape", "slash", *"seg:33")
        await until(pilot, lambda: [line[2:4] for line in pane(pilot)[2:4]] == ["33", ""])


async def test_witnesses_and_segments_stay_with_the_same_segment(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await at(pilot, "07")
        await pilot.press("down", "down")
        await at(pilot, "09")
        await pilot.press("w")
        await until_shown(pilot, "09 fit: file says done", "together: disagrees, 1,907,000,000 bytes there, but 12")
        await pilot.press("down")
        await until_shown(pilot, "09 fit: task says done")
        await pilot.press("G")
        await at(pilot, "return")
        await pilot.press("w")
        await until_shown(pilot, "Segments of 1214")
        await pilot.press("w")
        await until_shown(pilot, "What file, task and flow log say of 1214")
        await pilot.press("p")
        await until(pilot, lambda: not any("convert" in line for line in pane(pilot)))
        told = [line.split() for line in pane(pilot)[2:5]]
        assert [words[:3] for words in told] == [["07", "fit", "!!"], [">", "09", "fit"], ["09", "fit", "??"]]


async def test_f_has_the_report_of_the_failed_job_fetched_and_says_where_it_is(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("6")
        await until_shown(pilot, "no report was fetched yet: f on a segment fetches it")
        await pilot.press("f")
        await until_shown(pilot, "no job here")
        await pilot.press("1", "f")
        await until(pilot, lambda: asked(demo.ledger) == [("report", 1214, {"stage": "fit", "segment": 7})])
        key = with_history(demo, 1214, 7)
        await pilot.press("6")
        await until_shown(pilot, "rc 134")
        for state, why, words in (
            (ReportState.FETCHING, "", "being fetched through Transfer"),
            (ReportState.FETCHING, "queued at Globus", "being fetched through Transfer: queued at Globus"),
            (ReportState.ABSENT, "there is no fit-07.json", "not there: there is no fit-07.json"),
        ):
            with demo.ledger.change() as db:
                db.execute(
                    "UPDATE reports SET state = ?, why = ?, document = '{}' WHERE attempt = ?", (state.value, why, key)
                )
            await until_shown(pilot, words)
        await pilot.press("g", "f")
        await until(pilot, lambda: len(asked(demo.ledger)) == 2)


async def test_t_asks_for_a_reason_to_take_a_segment_as_it_is_and_takes_that_back(demo: DemoLedger) -> None:
    lost = Evidence(Stage.FIT, 7, Witness.TASK, Says.FAILED, reason("failed.losses", lost=8, hits=100, events=0))
    evidence.record_evidence(demo.ledger, 1214, [lost])
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await until_shown(pilot, "8 of 100 hits lost: t in the detail takes it")
        await pilot.press("g", "t")  # on segment 00
        await until_shown(pilot, "segment 00 has not failed by losses, so there is nothing to accept")
        await pilot.press("down", "t")
        await until_shown(pilot, "accept 07: _  why it is used although hits were lost")
        await pilot.press(*"beam", "enter")
        await until(pilot, lambda: asked(demo.ledger) == [("accept", 1214, {"segment": 7, "reason": "beam"})])
        decisions.add(demo.ledger, 1214, Acceptance(7, "beam", "anna@daq1", demo.ledger.now()))
        runs.set_run(demo.ledger, 1214)
        await until_shown(pilot, "accepted as it is by anna@daq1: beam")
        await pilot.press("t")
        await until_shown(pilot, "Do not use segment 07 of run 1214 as it is after all?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: asked(demo.ledger)[-1] == ("accept", 1214, {"segment": 7, "undo": True}))


async def test_x_asks_for_a_reason_to_do_without_a_segment_and_takes_that_back(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("g", "down", "x")
        await until_shown(pilot, "waive 07: _  why the result is made without it")
        await pilot.press("escape")
        assert asked(demo.ledger) == []
        await pilot.press("x", *"beam", "enter")
        await until(pilot, lambda: asked(demo.ledger) == [("waive", 1214, {"segment": 7, "reason": "beam"})])
        decisions.add(demo.ledger, 1214, Waiver(7, "beam", "anna@daq1", demo.ledger.now()))
        runs.set_run(demo.ledger, 1214)
        await until_shown(pilot, "waived by anna@daq1: beam")
        await pilot.press("x")
        await until_shown(pilot, "Make the result of run 1214 with segment 07 after all?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: asked(demo.ledger)[-1] == ("waive", 1214, {"segment": 7, "undo": True}))


async def test_keys_of_the_detail_say_so_elsewhere_and_a_reader_fetches_nothing(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path, read_only=True)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("w")
        await until_shown(pilot, "this key is for the detail of a run: enter opens it")
        await pilot.press(*TO_1214, "enter")
        await until_shown(pilot, "Segments of 1214")
        await pilot.press("f")
        await until_shown(pilot, "--read-only: this console only looks")
        assert asked(demo.ledger) == []


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_a_hostile_log_is_shown_harmlessly(demo: DemoLedger, ascii_only: bool) -> None:
    with_history(demo, 1214, 7)
    app = make_app(demo.ledger.path, ascii_only=ascii_only)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("6")
        expected = "| terminate called [bold]after[/] throwing " + ("??????" if ascii_only else "日本語")
        await until_shown(pilot, expected)
        assert "\x1b" not in shown(app)


async def test_before_the_first_launch_the_sections_say_so(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*keys_to(1219), "enter")
        await until_shown(pilot, "Segments of 1219", "no flow run yet")
        for key, words in (("3", "never launched"), ("4", "no flow run has begun"), ("5", "never launched")):
            await pilot.press(key)
            await until_shown(pilot, words)

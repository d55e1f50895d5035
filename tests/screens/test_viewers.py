"""What is read and searched: the help, and the whole log of a job."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from console.actions import report_files
from console.actions.report_files import LINE_CELLS, read_log
from console.ledger import job_reports
from screens import log_screen
from screens.keys.keymap import ENTRIES
from screens.keys.tasks import by_task
from tests.ledger_fixture import NOW, DemoLedger
from tests.run_history import with_history
from tests.screen_driver import keys_to, make_app, settled, shown, until, until_shown

SMALL = (80, 24)
TO_JOBS = [*keys_to(1214), "enter", "6"]


def with_log(demo: DemoLedger, path: Path, *, running: bool = False) -> None:
    """The only job report of run 1214 names this log."""
    with_history(demo, 1214, 7)
    fetched_again(demo, path, NOW - 60, running=running)


def fetched_again(demo: DemoLedger, path: Path, at: float, *, running: bool = False) -> None:
    (report,) = job_reports.of_run(demo.ledger, 1214)
    assert report.report is not None
    job = replace(report.report, log=str(path))
    if running:
        job = replace(job, rc=None, running_at=at)
    job_reports.set_reports(demo.ledger, [report], document=json.dumps(asdict(job)), fetched_at=at)


# ---- the help


def test_every_key_has_one_task() -> None:
    listed = [entry for _, entries in by_task() for entry in entries]
    assert sorted(entry.name for entry in listed) == sorted(entry.name for entry in ENTRIES)
    assert [task for task, _ in by_task()] == ["look", "find", "act", "panes", "application"]


async def test_the_help_is_grouped_and_searched(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await until_shown(pilot, "LOOK", "all that is known of the selected run")
        await pilot.press("n")
        await until_shown(pilot, "nothing is looked for: / types it")
        await pilot.press("slash", *"WIDER", "enter")
        await until_shown(pilot, "/WIDER: 1 hit", "> >")
        await pilot.press("escape")
        await until(pilot, lambda: "/WIDER" not in shown(app))
        await pilot.press("slash", *"zebra", "enter", "N")
        await until_shown(pilot, "/zebra: no hits", "nothing here has 'zebra'")
        await pilot.press("escape", "escape")
        await until_shown(pilot, "ENDED WHY")


async def test_half_a_page_goes_half_as_far_as_a_page(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await until_shown(pilot, "Help: keys and glyphs")
        lines = app.screen.query_one("#keys")
        await until(pilot, lambda: lines.size.height > SMALL[1] // 2)
        await pilot.press("ctrl+d")
        half = lines.cursor_key  # type: ignore[attr-defined]
        await pilot.press("ctrl+d", "ctrl+u")
        assert lines.cursor_key == half  # type: ignore[attr-defined]
        await pilot.press("home", "pagedown")
        assert half < lines.cursor_key <= 2 * half + 1  # type: ignore[attr-defined]


# ---- the log of a job


async def test_the_whole_log_is_read_searched_and_followed(demo: DemoLedger, tmp_path: Path) -> None:
    log = tmp_path / "fit-07.log"
    log.write_text("".join(f"line {n} \x1b[31mof\x1b[0m the fit\n" for n in range(1000)) + "EventEditor: aborted\n")
    with_log(demo, log, running=True)
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_JOBS)
        await until_shown(pilot, "enter shows the whole log")
        await pilot.press("enter")
        screen = await until_shown(
            pilot, "Log of run 1214 fit 07: 1001 lines, as of 14:02: f fetches more", "line 999 of the fit"
        )
        assert "> EventEditor: aborted" in screen, "it follows the end"
        await pilot.press("home", "slash", *"LINE", "space", *"50", "enter")
        await until_shown(pilot, "/LINE 50: 11 hits", "> line 50 of the fit")
        await pilot.press("n")
        await until_shown(pilot, "> line 500 of the fit")
        await pilot.press("N", "N")
        await until_shown(pilot, "> line 509 of the fit")
        await pilot.press("end", "f")
        await until_shown(pilot, "asked the driver to fetch the log of run 1214 fit 07")
        (request,) = demo.ledger.asked()
        assert (request.verb, request.args) == ("report", {"stage": "fit", "segment": 7})
        with log.open("a") as more:
            more.write("one more line\n")
        fetched_again(demo, log, NOW - 1)
        await until_shown(pilot, ": 1002 lines", "> one more line")
        await pilot.press("escape", "escape")
        await until_shown(pilot, "7 Events")


async def test_a_log_that_cannot_be_read_or_was_not_fetched_says_so(demo: DemoLedger, tmp_path: Path) -> None:
    with_log(demo, tmp_path / "gone.log")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_JOBS)
        await until_shown(pilot, "enter shows the whole log")
        await pilot.press("enter")
        await until_shown(pilot, "cannot be read: ", "No such file")
        await pilot.press("escape")
        await until_shown(pilot, "enter shows the whole log")
        await pilot.press("1")
        await until_shown(pilot, "Segments of 1214")
        await pilot.press("home")
        await until_shown(pilot, "> 00")
        await pilot.press("enter")
        await until_shown(pilot, "no log of fit of segment 00 was fetched yet: f fetches it")


async def test_a_disk_that_does_not_answer_keeps_no_key_waiting(
    demo: DemoLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def hanging(path: Path) -> report_files.Log:
        answers.wait()
        return report_files.Log(("at last",), 0)

    monkeypatch.setattr(log_screen, "read_log", hanging)
    with_log(demo, tmp_path / "a.log")
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(*TO_JOBS)
        await until_shown(pilot, "enter shows the whole log")
        await pilot.press("enter")
        await until_shown(pilot, "Log of run 1214 fit 07", "reading")
        await pilot.press("question_mark")
        await until_shown(pilot, "Help: keys and glyphs")
        await pilot.press("escape")
        answers.set()
        await until_shown(pilot, "at last")


def test_of_a_long_log_the_end_is_read_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("x" * 1000 + "\n" + "\x1b[2J" + "y" * 2000 + "\r50 %\r100 %\n\nthe end\n")
    whole = read_log(log)
    assert (whole.left_out, len(whole.lines)) == (0, 6)
    assert whole.lines[2:] == ("50 %", "100 %", "", "the end")
    assert all(len(line) <= LINE_CELLS for line in whole.lines)
    end = read_log(log, 20)
    assert end.left_out == log.stat().st_size - 20
    assert end.lines[-1] == "the end"


def test_no_secret_comes_out_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("access_token=abcdefghijklmnop1234\n")
    assert "abcdefghijklmnop1234" not in read_log(log).lines[0]

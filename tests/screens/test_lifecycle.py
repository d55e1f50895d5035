"""How the screen ends, and that its threads end with it."""

import os
import signal
from pathlib import Path

import pytest

from flowspec.readiness import Verdict
from screens.reader import DataRead, Reader
from tests import waiting
from tests.ledger_fixture import NOW, DemoLedger
from tests.screen_driver import make_app, settled, until, until_shown

WIDE, SMALL = (120, 40), (80, 24)


class Sandbox:
    """Of a sandbox that is unwell, and then gone."""

    gone = False

    def problem(self) -> str | None:
        return "the sandbox is unwell"

    def starting(self) -> bool:
        return False

    def sandbox_ended(self) -> bool:
        return self.gone


async def test_what_the_console_started_is_watched_and_without_it_there_is_no_screen(demo: DemoLedger) -> None:
    sandbox = Sandbox()
    app = make_app(demo.ledger.path, processes=sandbox, sandbox=True)
    async with app.run_test(size=WIDE) as pilot:
        await until_shown(pilot, "SANDBOX", "the sandbox is unwell")
        sandbox.gone = True
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value == 1


async def test_it_is_watched_even_when_there_is_no_ledger(tmp_path: Path) -> None:
    sandbox = Sandbox()
    app = make_app(tmp_path / "ledger", processes=sandbox, sandbox=True)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "LEDGER PROBLEM", "the sandbox is unwell")
        sandbox.gone = True
        await until(pilot, lambda: app.return_value is not None)


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_quitting_ends_the_threads(demo: DemoLedger, key: str) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press(key)
    app.reader.join(waiting.HANGS_AFTER)
    app.request_writer.join(waiting.HANGS_AFTER)
    assert not app.reader.is_alive()
    assert not app.request_writer.is_alive()
    assert app.return_value == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_a_lost_terminal_ends_it_in_order(demo: DemoLedger, number: signal.Signals) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        os.kill(os.getpid(), number)
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value == 128 + number


def _newest_run(message: DataRead) -> int | None:
    return message.data.snapshot.runs[0].run if message.data.snapshot else None


def test_the_reader_does_not_pile_up_messages(demo: DemoLedger) -> None:
    posted: list[DataRead] = []
    reader = Reader(demo.ledger.path, lambda: NOW, posted.append)  # type: ignore[arg-type]
    reader.start()
    try:
        waiting.until(lambda: len(posted) == 1)
        for run in (1220, 1221):  # the screen is stalled: it takes nothing
            demo.found(run, Verdict.TAKING, "growing", 1)
            reader.select(run)
        reader.message_handled()
        waiting.until(lambda: len(posted) == 2)
        reader.message_handled()
        waiting.until(lambda: _newest_run(posted[-1]) == 1221)
        assert len(posted) <= 3
    finally:
        reader.stop()
        reader.join(waiting.HANGS_AFTER)

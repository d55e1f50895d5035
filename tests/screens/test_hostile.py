"""Text from outside that tries to break the terminal, its columns or the markup (tests/data/hostile.json)."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyte
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from console.cli.status import status_text
from console.ledger import attempts, sources
from console.ledger.presence import DriverLock
from flowspec import text
from flowspec.conditions import Condition, Topic, reason
from flowspec.progress import Says, Witness
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from screens.app import ConsoleApp
from screens.confirm import Confirm
from screens.keys.actions import SECTIONS
from screens.question import Question
from screens.widgets.lines import Lines
from screens.widgets.pane import Pane
from tests.benchmarks.terminal import running
from tests.ledger_fixture import NOW, DemoLedger
from tests.run_history import with_history
from tests.screen_driver import make_app, settled, until, until_shown

CORPUS = {
    case["name"]: case["text"] for case in json.loads((Path(__file__).parents[1] / "data" / "hostile.json").read_text())
}
WORDS = list(CORPUS.values())
RUN = 3000  # newer than the others, none of which needs anybody: it is the one that is selected
WIDE, SMALL = (120, 40), (80, 24)
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Mc", "Zl", "Zp")
OURS = re.compile(rb"\x1b\[[0-9;?>=<]*\$?[a-zA-Z]")  # what Textual and the cell diff say to a terminal
STRINGS = re.compile(rb"\x1b[\]P_^X]")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoLedger]:
    """A run for each text, and one run that has all of them in all that its detail shows."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    demo = DemoLedger(tmp_path / "ledger")
    for number, words in enumerate(WORDS):
        demo.launched(1000 + number, RunState.CANCELLED, words, Stage.FIT, segments=1, title=words,
                      attempt_state=AttemptState.FAILED, ended=10)  # fmt: skip
        demo.endpoint(words[:100], Stage.FIT, bool(number % 2), 60)
    demo.launched(RUN, RunState.RUNNING, WORDS[0], Stage.FIT, segments=len(WORDS), title=WORDS[0])
    attempt = with_history(demo, RUN, 7)
    for number, words in enumerate(WORDS):
        demo.says(RUN, Stage.FIT, [number], Witness.TASK, Says.FAILED, words)
        demo.ledger.event("bad", words, actor=words, run=RUN, segment=number)
    body = {f"{number} {words[:300]}": words[:300] for number, words in enumerate(WORDS)}
    attempts.set_reason(demo.ledger, attempt, reason("words", words=WORDS[1]))
    document = {"rc": 134, "cause": WORDS[1], "node": WORDS[2], "job_id": WORDS[3], "sha256": WORDS[4], "log": WORDS[5],
                "started": 1.0, "seconds": 2.0, "bytes": None, "lines": WORDS}  # fmt: skip
    with demo.ledger.change() as db:
        db.execute("UPDATE attempts SET body = ?, actor = ? WHERE attempt = ?", (json.dumps(body), WORDS[6], attempt))
        db.execute("UPDATE reports SET document = ?, actor = ?", (json.dumps(document), WORDS[7]))
        db.execute("UPDATE hints SET kind = 'bug', problem = ?, moved_at = NULL", (WORDS[20],))
        for number, words in enumerate(WORDS[:6]):
            db.execute("INSERT INTO cancel_lines (attempt, kind, id, code, parameters) VALUES (?,?,?,?,?)",
                       (attempt, "marker", words + str(number), "words", json.dumps({"words": words})))  # fmt: skip
    for name in ("disk", "flows", "compute"):
        sources.answered(demo.ledger, name)
    sources.failed(demo.ledger, "transfer", WORDS[15])
    lock = DriverLock(demo.ledger.path)
    assert lock.take("background")
    yield demo
    lock.release()
    demo.ledger.close()


def harmless(line: str) -> bool:
    """Nothing in it that a terminal would not just print, one after the other."""
    return not any(unicodedata.category(character) in UNSEEN for character in line)


def straight(app: ConsoleApp) -> None:
    """Each line that is painted is as wide as the terminal."""
    for strip in app.screen._compositor.render_strips():
        line = "".join(segment.text for segment in strip)
        assert harmless(line), ascii(line)
        assert cell_len(line) == text.cells(line) == app.size.width, ascii(line)


def straight_widget(widget: Lines) -> None:
    for y in range(widget.size.height):
        pieces = "".join(words for words, _ in widget._drawn[y]) if y < len(widget._drawn) else ""
        assert harmless(pieces), ascii(pieces)
        if isinstance(widget, Pane):  # it fills its lines itself; nothing is cut off or filled up afterwards
            assert cell_len(pieces) == text.cells(pieces) == widget.size.width, ascii(pieces)


def go_through(app: ConsoleApp, pane: Pane) -> int:
    """Move the cursor over every row: what the pane and the sentence below show; returns the number of rows."""
    screen = app.screen
    pane.action_move("first")
    for place in range(len(pane.table.rows)):
        screen.draw_bars()  # type: ignore[attr-defined]
        straight_widget(screen.sentence_bar)  # type: ignore[attr-defined]
        if place % 8 == 0:
            straight_widget(pane)
            straight(app)
        pane.action_move("down")
    straight(app)
    return len(pane.table.rows)


@pytest.mark.parametrize(
    ("size", "ascii_only"), [(WIDE, False), (SMALL, False), (SMALL, True)], ids=["wide", "small", "ascii"]
)
async def test_every_pane_and_section(hostile: DemoLedger, size: tuple[int, int], ascii_only: bool) -> None:
    app = make_app(hostile.ledger.path, ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for _ in range(4):
            assert go_through(app, app.screen.focused_pane()) > 10  # type: ignore[attr-defined]
            await pilot.press("g")
            await settled(pilot)  # the segments are those of the first run again
            await pilot.press("tab")
            await pilot.pause()
        await pilot.press("g", "enter")
        await until_shown(pilot, f"Segments of {RUN}")
        for section in SECTIONS:
            await pilot.press(section.keys)
            await pilot.pause()
            assert go_through(app, app.screen.focused_pane())  # type: ignore[attr-defined]
        summary_of_a_run(app)
        await pilot.press("v")
        await until(pilot, lambda: app.data.log is not None)
        await until_shown(pilot, "WHO")
        assert go_through(app, app.screen.focused_pane()) >= len(WORDS)  # type: ignore[attr-defined]
        await questions(pilot, ascii_only)


def summary_of_a_run(app: ConsoleApp) -> None:
    """The lines above the sections, and the status line."""
    before = app.data
    assert before.detail is not None
    run = before.detail.run
    for words in WORDS:
        conditions = tuple(Condition(topic, reason("words", words=words)) for topic in Topic)
        told = replace(run, title=words, conditions=conditions, path=words, result=words)
        app.data = replace(before, detail=replace(before.detail, run=told))
        app.notice = (words, "bad")
        app.screen.refill()  # type: ignore[attr-defined]
        for bar in (app.screen.summary, app.screen.status, app.screen.header):  # type: ignore[attr-defined]
            straight_widget(bar)
    straight(app)
    app.data, app.notice = before, None


async def questions(pilot: Pilot[Any], ascii_only: bool) -> None:
    app: Any = pilot.app
    for first in range(0, len(WORDS), 8):
        some = tuple(words[:200] for words in WORDS[first : first + 8])
        await app.push_screen(Confirm(Question(some[0], some, "Yes", word="cancel" if first % 16 else ""), ascii_only))
        await pilot.pause()
        straight(app)
        await pilot.press("escape")


def test_console_status(hostile: DemoLedger) -> None:
    for run in (None, RUN, *range(1000, 1000 + len(WORDS))):
        assert all(map(harmless, status_text(hostile.ledger, run).split("\n")))


def test_a_real_terminal(hostile: DemoLedger) -> None:
    """What is sent has no sequence but our own, and an emulator finds the frame where it belongs."""
    program = f"from pathlib import Path\nfrom tests.screen_driver import make_app\n" \
              f"make_app(Path({str(hostile.ledger.path)!r}), now=lambda: {NOW}).run(mouse=False)"  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "COLORTERM")}
    screen = pyte.Screen(*WIDE)
    stream = pyte.ByteStream(screen)
    with running([sys.executable, "-c", program], kept | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}) as terminal:
        terminal.wait_for("Endpoints")
        terminal.watch(0.5)
        begun = len(terminal.output)
        for _ in range(4):
            terminal.send(b"\x1b[6~")  # page down
            terminal.watch(0.4)
        assert not STRINGS.findall(terminal.output[begun:])
        assert b"\x1b" not in OURS.sub(b"", terminal.output[begun:])
        stream.feed(re.sub(rb"\x1b\[[?>=<][\d;]*\$?[a-z]", b"", terminal.output))
    below_runs = next(y for y, line in enumerate(screen.display) if "Flow runs" in line)
    border = next(x for x in range(50, 70) if screen.buffer[below_runs][x].data == "│")
    framed = [y for y in range(screen.lines) if screen.buffer[y][border].data == "│"]
    assert len(framed) > 10
    assert framed == list(range(framed[0], framed[-1] + 1)), "\n".join(screen.display)


def test_the_corpus() -> None:
    """Large, and of every kind."""
    assert len(CORPUS) >= 60
    assert {"right-to-left override", "clipboard", "lone high surrogate", "family", "very long"} <= CORPUS.keys()

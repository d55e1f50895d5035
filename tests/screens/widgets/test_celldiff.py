"""With and without the cell diff, a terminal shows the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import ComposeResult
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import DataTable, Input, Static

from screens.widgets.celldiff import CellDiff, Pen, SparingApp, _pen, _turn
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import make_app, settled

WIDTH, HEIGHT = 24, 5
CONSOLE = Console(color_system="256", force_terminal=True, width=WIDTH, height=HEIGHT)

COLORS = [None, "red", "bright_blue", "color(200)", "#123456", "default"]
STYLES = st.builds(
    Style,
    color=st.sampled_from(COLORS),
    bgcolor=st.sampled_from(COLORS),
    bold=st.sampled_from([None, True]),
    reverse=st.sampled_from([None, True]),
    underline=st.sampled_from([None, True]),
    dim=st.sampled_from([None, True]),
    strike=st.sampled_from([None, True]),
    link=st.sampled_from([None, "https://app.globus.org/runs/1"]),
)
WORDS = st.text(st.sampled_from("aab  .#─é日本e\u0301"), max_size=12).filter(
    lambda text: not text or not unicodedata.combining(text[0])
)


class Terminal:
    """An emulated terminal in Textual's modes."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self.screen)
        self._stream.feed("\x1b[?7l")

    def feed(self, data: str) -> None:
        self._stream.feed(data)

    def cells(self) -> list[list[Any]]:
        """All cells; the ink of a blank counts only where it is seen."""
        screen = self.screen
        return [[_seen(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]


def _seen(cell: Any) -> Any:
    if cell.data != " " or cell.reverse or cell.underscore or cell.strikethrough:
        return cell
    return cell._replace(fg="default", bold=False, italics=False)


@st.composite
def strips(draw: st.DrawFn, width: int) -> Strip:
    """A piece of a line, exactly so wide."""
    segments = [Segment(draw(WORDS), draw(st.none() | STYLES)) for _ in range(draw(st.integers(1, 3)))]
    return Strip(segments).adjust_cell_length(width, draw(STYLES))


@st.composite
def chopped(draw: st.DrawFn) -> tuple[dict[int, Strip | None], list[int]]:
    """A line of one or two widgets."""
    cut = draw(st.sampled_from([0, 1, 7, 12]))
    starts = [0, cut] if cut else [0]
    ends = [*starts[1:], WIDTH]
    return {x: draw(strips(end - x)) for x, end in zip(starts, ends, strict=True)}, ends


@st.composite
def updates(draw: st.DrawFn) -> CompositorUpdate:
    lines = [draw(chopped()) for _ in range(HEIGHT)]
    if draw(st.booleans()):
        pieces = [[strip for strip in line.values() if strip] for line, _ in lines]
        return LayoutUpdate(pieces, Region(0, 0, WIDTH, HEIGHT))  # type: ignore[arg-type]
    spans = []
    for y in sorted(draw(st.sets(st.integers(0, HEIGHT - 1), min_size=1))):
        line, ends = lines[y]
        start = draw(st.sampled_from(list(line)))
        spans.append((y, start, draw(st.sampled_from([end for end in ends if end > start]))))
    return ChopsUpdate([line for line, _ in lines], spans, [ends for _, ends in lines])


def whole() -> LayoutUpdate:
    return LayoutUpdate([[Strip([Segment("." * WIDTH)])] for _ in range(HEIGHT)], Region(0, 0, WIDTH, HEIGHT))


@settings(max_examples=120, deadline=None)
@given(st.lists(updates(), max_size=6), st.sets(st.integers(0, 5), max_size=2))
def test_any_updates_leave_the_same_on_the_terminal(frames: list[Any], forgotten: set[int]) -> None:
    plain, sparing, cells = Terminal(), Terminal(), CellDiff()
    for number, frame in enumerate([whole(), *frames]):
        if number in forgotten:
            cells.forget()
        plain.feed(frame.render_segments(CONSOLE))
        sparing.feed(cells.changes(frame, CONSOLE))
        assert sparing.cells() == plain.cells()
        assert sparing.screen.cursor.attrs == plain.screen.cursor.attrs  # nothing of a style is left behind
    if not forgotten:
        assert cells.changes(frame, CONSOLE) == ""


@pytest.mark.parametrize("system", list(ColorSystem)[:4])
@given(style=STYLES)
def test_a_pen_says_all_of_a_style(system: ColorSystem, style: Style) -> None:
    pen = _pen(style, system)
    codes = ";".join(filter(None, pen[:3]))
    written = (f"\x1b]8;{pen.link}\x1b\\" if pen.link else "") + (f"\x1b[{codes}m" if codes else "")
    assert written == Strip.render_style(style, "\0", system).partition("\0")[0].replace(
        style.link_id, pen.link[3:].partition(";")[0] if pen.link else ""
    )


PENS = st.builds(
    Pen,
    st.sets(st.sampled_from("123479")).map(lambda attributes: ";".join(sorted(attributes))),
    st.sampled_from(["", "31", "38;5;200"]),
    st.sampled_from(["", "44", "48;5;16"]),
    st.just(""),
)


@settings(max_examples=500)
@given(PENS, PENS)
def test_a_terminal_that_is_told_the_difference_holds_the_new_pen(held: Pen, pen: Pen) -> None:
    """Bold and dim, which the emulator does not know, among the rest: 22 ends both."""
    attributes, ink, paper = set(filter(None, held.attributes.split(";"))), held.ink, held.paper
    ends = {"22": {"1", "2"}, "23": {"3"}, "24": {"4"}, "27": {"7"}, "29": {"9"}}
    for code in re.findall(r"[34]8;5;\d+|\d+", _turn(held, pen)):
        if code == "0":
            attributes, ink, paper = set(), "", ""
        elif code in ends:
            attributes -= ends[code]
        elif code[0] == "3" and len(code) > 1:
            ink = "" if code == "39" else code
        elif code[0] == "4" and len(code) > 1:
            paper = "" if code == "49" else code
        else:
            attributes.add(code)
    assert Pen(";".join(sorted(attributes)), ink, paper) == pen


def test_one_changed_cell_costs_a_move_and_a_character() -> None:
    cells = CellDiff()
    cells.changes(whole(), CONSOLE)
    lines = ["." * WIDTH] * HEIGHT
    lines[2] = "....x" + "." * (WIDTH - 5)
    after = LayoutUpdate([[Strip([Segment(line)])] for line in lines], Region(0, 0, WIDTH, HEIGHT))
    assert cells.changes(after, CONSOLE) == "\x1b[3;5Hx"


def test_unchanged_cells_between_are_sent_again_when_that_is_shorter_than_a_jump() -> None:
    cells = CellDiff()
    cells.changes(whole(), CONSOLE)
    line = "x..x" + "." * (WIDTH - 5) + "x"
    after = LayoutUpdate([[Strip([Segment(line)])]], Region(0, 0, WIDTH, 1))
    assert cells.changes(after, CONSOLE) == f"\x1b[1;1Hx..x\x1b[{WIDTH - 5}Cx"


def test_a_place_is_named_after_a_character_about_whose_width_terminals_disagree() -> None:
    line = [Strip([Segment("e\u0301xy👩‍👧z日本")])]
    update = LayoutUpdate([line], Region(0, 0, WIDTH, 1))  # type: ignore[list-item]
    assert CellDiff().changes(update, CONSOLE) == "\x1b[1;1He\u0301\x1b[1;2Hxy👩‍👧\x1b[1;6Hz日本"


def test_after_forgetting_everything_is_sent_again() -> None:
    cells = CellDiff()
    first = cells.changes(whole(), CONSOLE)
    cells.forget()
    part = ChopsUpdate([{0: Strip([Segment("x" * WIDTH)])}], [(0, 0, WIDTH)], [[WIDTH]])
    assert cells.changes(part, CONSOLE) == part.render_segments(CONSOLE)  # sent as it is, and not relied upon
    assert cells.changes(whole(), CONSOLE) == first


# ---- of whole apps


def watched(app: SparingApp, size: tuple[int, int]) -> tuple[Terminal, Terminal, list[int]]:
    """Both terminals of an app, fed with all that it displays; and how many bytes each of two ways took."""
    plain, sparing, cells = Terminal(*size), Terminal(*size), CellDiff()
    spent = [0, 0]
    display = app._display

    def watch(screen: Any, update: Any) -> None:
        if isinstance(update, CompositorUpdate) and not app._batch_count:
            for way, terminal, make in (
                (0, plain, update.render_segments),
                (1, sparing, lambda console: cells.changes(update, console)),  # type: ignore[arg-type]
            ):
                data = make(CONSOLE)
                spent[way] += len(data)
                terminal.feed(data)
        display(screen, update)

    app._display = watch  # type: ignore[method-assign]
    return plain, sparing, spent


class Question(ModalScreen[None]):
    CSS = "Question { align: center middle; } #box { width: 30; height: 5; border: solid red; }"

    def compose(self) -> ComposeResult:
        yield Static("Really? 日本", id="box")


class Widgets(SparingApp):
    """Widgets that are not ours, one over the other."""

    def compose(self) -> ComposeResult:
        yield DataTable()
        yield Input("日本語")

    def on_mount(self) -> None:
        self.table.add_columns("run", "state", "why")
        for run in range(100):
            self.table.add_row(str(run), "done", "日本" * (run % 5), key=str(run))

    @property
    def table(self) -> DataTable[str]:
        return self.query_one(DataTable)


async def test_widgets_of_all_kinds_are_shown_the_same() -> None:
    app = Widgets()
    plain, sparing, spent = watched(app, (60, 20))
    async with app.run_test(size=(60, 20)) as pilot:

        def update(run: int) -> None:
            app.table.update_cell_at((run, 1), "FAILED 日本")  # type: ignore[arg-type]

        steps: list[Callable[[], object]] = [
            lambda: app.table.move_cursor(row=5),
            lambda: update(3),
            lambda: update(90),
            lambda: app.table.move_cursor(row=60),
            lambda: app.push_screen(Question()),
            lambda: update(59),
            lambda: app.pop_screen(),
            lambda: app.table.sort(app.table.ordered_columns[2].key),
            lambda: setattr(app.query_one(Input), "value", "x日本"),
            lambda: app.table.clear(),
        ]
        for step in steps:
            step()
            await pilot.pause()
            await pilot.pause(0.05)
            assert sparing.cells() == plain.cells()
    assert spent[1] < spent[0] / 2


async def test_the_console_is_shown_the_same_and_costs_a_fraction(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    plain, sparing, spent = watched(app, (120, 40))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        first = list(spent)
        for key in ["down"] * 7 + ["c", "escape", "tab", "down", "enter", "escape", "question_mark", "escape"]:
            await pilot.press(key)
            await settled(pilot)
            assert sparing.cells() == plain.cells(), key
    assert spent[1] - first[1] < (spent[0] - first[0]) / 3

"""Only cells that changed travel to the terminal, whatever widget drew them.

Textual sends whole dirty regions again: 14 kB on a 120x40 screen for one changed cell of a table, 60 kB for a question
that opens. All of it passes one door, `App._display`. Here that door remembers what each cell of the terminal shows and
lets through only what differs. Everything else that Textual sends (modes, mouse, paste, title) does not pass this door
and goes as it is.

The door is private to Textual, which is therefore pinned; FRIB_CONSOLE_WHOLE_REGIONS=1 leaves it as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.screen import Screen

SWITCHED_OFF_BY = "FRIB_CONSOLE_WHOLE_REGIONS"
GAP = 4  # so many unchanged cells are sent again rather than jumped over: a jump is no shorter
JOINER = "\u200d"


class Pen(NamedTuple):
    """How a cell is drawn, in the words of the terminal: `38;5;252` is an ink."""

    attributes: str = ""  # bold, reverse, ...
    ink: str = ""
    paper: str = ""
    link: str = ""


PLAIN = Pen()
ANY = "any"  # the attributes and the ink of a blank: they cannot be seen
OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "9": "29"}  # what ends an attribute
SEEN_ON_BLANKS = frozenset({"4", "7", "9", "21", "53"})
Cell = tuple[str, Pen]  # what stands there; '' in the further cells of a wide character
Row = list["Cell | None"]  # None: not known


class SparingApp(App[Any]):
    """An app whose terminal gets only the cells that changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._terminal = None if os.environ.get(SWITCHED_OFF_BY) else CellDiff()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        terminal = self._terminal
        if terminal is not None and isinstance(renderable, (LayoutUpdate, ChopsUpdate)):
            renderable = _Changes(terminal, renderable)
        try:
            super()._display(screen, renderable)
        except BaseException:
            if terminal is not None:
                terminal.forget()
            raise

    def repaint(self) -> None:
        """Send the whole screen again: something else may have written on the terminal."""
        if self._terminal is not None:
            self._terminal.forget()
        self.screen.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """The terminal has another size, or has come back from being suspended: nobody knows what it shows."""
        if self._terminal is not None:
            self._terminal.forget()
        if event.size == self.size and self.screen_stack:  # else Textual paints all of it anyway
            self.screen.refresh()


class _Changes(CompositorUpdate):
    """Stands for an update; what it changes is found out when, and only if, it is sent."""

    def __init__(self, terminal: CellDiff, update: LayoutUpdate | ChopsUpdate) -> None:
        self._terminal, self._update = terminal, update

    def render_segments(self, console: Console) -> str:
        return self._terminal.changes(self._update, console)


class CellDiff:
    """What the terminal shows, cell by cell."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] | None = None

    def forget(self) -> None:
        """What the terminal shows is not known; until all of it is sent again, updates go as they are."""
        self._rows = None

    def changes(self, update: LayoutUpdate | ChopsUpdate, console: Console) -> str:
        """What to send to the terminal, so that it shows the same as after `update.render_segments(console)`."""
        if self._rows is None:
            if not isinstance(update, LayoutUpdate):
                return update.render_segments(console)
            self._rows = {}
        rows = self._rows
        painted = _painted(rows, update, console)
        brush = _Brush()
        for y, row in painted.items():
            if row != rows.get(y):
                brush.row(y, rows.get(y, []), row)
        rows.update(painted)
        return brush.finish()


def _painted(rows: dict[int, Row], update: LayoutUpdate | ChopsUpdate, console: Console) -> dict[int, Row]:
    """The rows that the update touches, as they are after it."""
    painted: dict[int, Row] = {}
    colors = console._color_system or ColorSystem.TRUECOLOR  # as Textual's Strip.render has it
    row, x = [], 0
    segments: Iterable[Segment] = update.__rich_console__(console, console.options)  # type: ignore[assignment]
    for text, style, control in segments:
        if control:  # both updates move the cursor to each piece; Segment.control is [(CURSOR_MOVE_TO, x, y)]
            _, x, y = control[0]  # type: ignore[misc]
            row = painted[y] = painted[y] if y in painted else list(rows.get(y, ()))
        elif text != "\n":  # a new line is followed by a move
            x = _put(row, x, text, _pen(style, colors) if style else PLAIN)
    return painted


def _put(row: Row, x: int, text: str, pen: Pen) -> int:
    """Write into a row; a wide character that loses a part is not known any more. Returns where the text ends."""
    cells: list[Cell] = []
    blank = (" ", _on_blank(pen))
    if text.isascii():
        cells = [blank if character == " " else (character, pen) for character in text]
        text = ""
    for cluster, width in _clusters(text):
        if width:
            cells += [blank if cluster == " " else (cluster, pen)] + [("", pen)] * (width - 1)
        elif cells or x:
            _join(cells or row, x if not cells else len(cells), cluster)
    end = x + len(cells)
    row += [None] * (end - len(row))
    lost = x
    while lost and _is_tail(row, lost):
        lost -= 1
        row[lost] = None
    lost = end
    while _is_tail(row, lost):
        row[lost] = None
        lost += 1
    row[x:end] = cells
    return end


def _is_tail(row: Row, x: int) -> bool:
    cell = row[x] if x < len(row) else None
    return cell is not None and not cell[0]


def _join(row: Any, end: int, mark: str) -> None:
    """A mark without width joins the character before it."""
    place = end - 1
    while place and _is_tail(row, place):
        place -= 1
    if place < len(row) and row[place] is not None:
        text, pen = row[place]
        row[place] = (text + mark, pen)


def _clusters(text: str) -> Iterable[tuple[str, int]]:
    """Characters with the marks that join them, and the cells they take by Textual's own measure."""
    clusters: list[str] = []
    for character in text:
        if clusters and (clusters[-1].endswith(JOINER) or not cell_len(character)):
            clusters[-1] += character
        else:
            clusters.append(character)
    return [(cluster, cell_len(cluster)) for cluster in clusters]


@lru_cache(4096)
def _on_blank(pen: Pen) -> Pen:
    """What is seen of a pen where nothing is written: the ink, only if the paper is painted with it."""
    return pen if SEEN_ON_BLANKS & set(pen.attributes.split(";")) else Pen(ANY, ANY, pen.paper, pen.link)


@lru_cache(4096)
def _pen(style: Style, colors: ColorSystem) -> Pen:
    opening = Strip.render_style(style, "\0", colors).partition("\0")[0]
    link = f"id={style.link_id};{style.link}" if style.link else ""
    codes = opening.rpartition("\x1b[")[2].rstrip("m").split(";") if opening.endswith("m") else []
    kinds: dict[str, list[str]] = {"attributes": [], "ink": [], "paper": []}
    while codes:
        code = codes.pop(0)
        kind = "ink" if code[:-1] in ("3", "9") else "paper" if code[:-1] in ("4", "10") else "attributes"
        kinds[kind].append(code)
        if code in ("38", "48"):
            more = 2 if codes[0] == "5" else 4
            kinds[kind] += codes[:more]
            codes = codes[more:]
    return Pen(**{kind: ";".join(found) for kind, found in kinds.items()}, link=link)


@lru_cache(4096)
def _turn(held: Pen, pen: Pen) -> str:
    """The shorter way from one pen to another: what differs, or all from the beginning."""
    old, new = set(filter(None, held.attributes.split(";"))), set(filter(None, pen.attributes.split(";")))
    off = {OFF.get(code, "0") for code in old - new}
    on = {code for code in new if code not in old or OFF.get(code) in off}  # 22 ends both bold and dim
    ink = [pen.ink or "39"] if held.ink != pen.ink else []
    paper = [pen.paper or "49"] if held.paper != pen.paper else []
    anew = ";".join(filter(None, ["0", *pen[:3]]))
    codes = anew if "0" in off else ";".join([*sorted(off), *sorted(on), *ink, *paper])
    if not codes:
        return ""
    return f"\x1b[{min(codes, anew, key=len)}m"


def _way(at: tuple[int, int] | None, to: tuple[int, int]) -> str:
    """The shorter way for the cursor: from where it is (None: not known), or to the place by its number."""
    absolute = f"\x1b[{to[0] + 1};{to[1] + 1}H"
    if at is None or to[0] < at[0]:
        return absolute
    down, right = to[0] - at[0], to[1] - at[1]
    across = "\b" * -right if -3 <= right <= 0 else f"\x1b[{abs(right)}{'C' if right > 0 else 'D'}"
    return min(f"\x1b[{down if down > 1 else ''}B" * bool(down) + across, absolute, key=len)


class _Brush:
    """Writes cells with few bytes: it knows where the cursor is and which pen the terminal holds."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._pen = PLAIN
        self._at: tuple[int, int] | None = None

    def row(self, y: int, old: Row, new: Row) -> None:
        """Write what differs in row `y`."""
        before = old + [None] * (len(new) - len(old))
        done = 0
        for x in [x for x, (was, now) in enumerate(zip(before, new, strict=True)) if was != now]:
            if x >= done and new[x] is not None:  # None: half a wide character is lost; the terminal says what is left
                if self._at != (y, x):
                    self._go(y, x, new)
                done = self._write(y, x, new)

    def _go(self, y: int, x: int, row: Row) -> None:
        if self._at is not None and self._at[0] == y:
            gap = row[self._at[1] : x]
            if len(gap) <= GAP and all(cell is not None and self._fit(cell[1]) == self._pen for cell in gap):
                place = self._at[1]
                while place < x:
                    place = self._write(y, place, row)
        self._sent.append(_way(self._at, (y, x)))

    def _write(self, y: int, x: int, row: Row) -> int:
        """Write the character at `x`; returns where it ends."""
        cell = row[x]
        if cell is None:  # the second half of a wide character, which the first has drawn
            return x + 1
        text, pen = cell
        self._take(self._fit(pen))
        self._sent.append(text)
        end = x + 1
        while _is_tail(row, end):
            end += 1
        # After the last cell of a line, and after characters about whose width terminals disagree, nobody knows.
        self._at = None if end == len(row) or len(text) > 1 or text > "\uffff" else (y, end)
        return end

    def _fit(self, pen: Pen) -> Pen:
        """For a blank, the pen that is held, if nothing of it shows there."""
        if pen.ink is not ANY:
            return pen
        attributes, ink, *_ = PLAIN if SEEN_ON_BLANKS & set(self._pen.attributes.split(";")) else self._pen
        return Pen(attributes, ink, pen.paper, pen.link)

    def _take(self, pen: Pen) -> None:
        held, self._pen = self._pen, pen
        if held == pen:
            return
        if held.link != pen.link:
            self._sent.append(f"\x1b]8;{pen.link or ';'}\x1b\\")
        self._sent.append(_turn(held, pen))

    def finish(self) -> str:
        """All that was written; the terminal holds the plain pen again."""
        if self._pen.link:
            self._sent.append("\x1b]8;;\x1b\\")
        if self._pen[:3] != PLAIN[:3]:
            self._sent.append("\x1b[0m")
        return "".join(self._sent)

"""The same data in plain Textual DataTables: `python -m tests.benchmarks.datatable_peer LEDGER`.

As one would write it with care: read on a thread by the same reader, only cells that differ are updated, no animation,
no mouse; a question is a modal screen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, DataTable, Footer, Label

from flowspec import text
from screens.reader import DataRead, Reader


class Question(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss")]
    CSS = "Question { align: center middle; } Vertical { width: 72; height: 8; border: solid red; }"

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Cancel run?")
            yield Button("No, go back")


class Tables(App[None]):
    CSS = "Grid { grid-size: 2 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "down", "down"), ("c", "ask", "cancel"), ("q", "quit", "quit"),
    ]  # fmt: skip
    NAMES: ClassVar[dict[str, Sequence[tuple[str, int]]]] = {
        "runs": (("RUN", 5), ("STATE", 10), ("SEG", 4), ("SIZE", 6), ("ENDED", 5), ("WHY", 20)),
        "flow_runs": (("RUN", 5), ("STAGE", 9), ("PROGRESS", 15), ("AGE", 5), ("WHY", 20)),
        "segments": (("SEG", 4), ("RAW", 6), ("XFER", 4), ("FIT", 4), ("CONV", 4), ("NOTE", 20)),
        "endpoints": (("ENDPOINT", 16), ("STATE", 7), ("SINCE", 5)),
    }

    def __init__(self, ledger: Path) -> None:
        super().__init__()
        self.animation_level = "none"
        self.reader = Reader(ledger, time.time, self.post_message)
        self._known: dict[str, dict[str, Sequence[str]]] = {name: {} for name in self.NAMES}

    def compose(self) -> ComposeResult:
        with Grid():
            for name in self.NAMES:
                yield DataTable(id=name, cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        for name, columns in self.NAMES.items():
            table = self.query_one(f"#{name}", DataTable)
            for label, width in columns:
                table.add_column(label, width=width, key=label)
        self.reader.start()

    def on_unmount(self) -> None:
        self.reader.stop()

    def on_data_read(self, message: DataRead) -> None:
        seen, detail = message.data.snapshot, message.data.detail
        if seen is not None:
            self.show(
                "runs",
                (
                    (str(r.run), r.state.value, str(r.segments), text.size(r.bytes), text.clock(r.ended), r.because)
                    for r in seen.runs
                ),
            )
            self.show(
                "flow_runs",
                (
                    (str(f.run), f.stage.value if f.stage else "", f"{f.done}/{f.total}", text.span(f.since), f.why)
                    for f in seen.flow_runs
                ),
            )
            self.show("endpoints", ((e.name, "online" if e.online else "OFFLINE", "11 h") for e in seen.endpoints))
            self.reader.select(seen.runs[0].run)
        if detail is not None:
            rows: Iterable[Any] = (
                (f"{s.segment:02d}", text.size(s.bytes or 0), *(c.state.value[:4] for c in s.cells), s.note)
                for s in detail.segments
            )
            self.show("segments", rows)
        self.reader.message_handled()

    def show(self, name: str, rows: Iterable[Sequence[str]]) -> None:
        table, known = self._table(name), self._known[name]
        for row in rows:
            before = known.get(row[0])
            known[row[0]] = row
            if before is None:
                table.add_row(*row, key=row[0])
                continue
            for (label, _), was, now in zip(self.NAMES[name], before, row, strict=True):
                if was != now:
                    table.update_cell(row[0], label, now)

    def _table(self, name: str) -> DataTable[str]:
        return self.screen_stack[0].query_one(f"#{name}", DataTable)

    def action_down(self) -> None:
        self._table("runs").action_cursor_down()

    def action_ask(self) -> None:
        self.push_screen(Question())


if __name__ == "__main__":
    Tables(Path(sys.argv[1])).run(mouse=False)

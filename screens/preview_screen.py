"""The result of a run at a glance: its spectra against those of the run before it, then how many entries runs gave."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from operator import itemgetter
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from console.disk.spectra import NoSpectra
from console.ledger.errors import cause_of
from console.ledger.store import Ledger
from console.reading.preview import compared, read
from console.reading.preview_page import Plot, draw, plots
from console.reading.snapshot import RunRow
from screens.base import ConsoleScreen
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import CANCEL, HELP, PREVIEW, QUIT, RETRY
from screens.widgets.moves import PLOTS
from screens.widgets.pane import HEAD_LINES, Pane
from screens.widgets.piece import Piece
from screens.widgets.table import Column

_one_at_a_time = threading.Lock()  # each reads with a process of its own, and the key may be pressed again and again


class PreviewRead(Message):
    """What is to be drawn, or why there is nothing."""

    def __init__(self, plots: Sequence[Plot], problem: str = "") -> None:
        super().__init__()
        self.plots, self.problem = plots, problem


class PreviewScreen(ConsoleScreen):
    """One plot at a time; read once, on a thread of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(move.keys, f"plot('{move.name}')", move.help, show=False, priority=True, id=move.name) for move in PLOTS
    ]
    FOOTER: ClassVar[Sequence[Action]] = (RETRY, CANCEL, PREVIEW, HELP, QUIT)

    def __init__(self, host: Host, run: int) -> None:
        super().__init__(host)
        self.run = run
        self.plot = Pane(
            (Column("", 0),), itemgetter(0), lambda line: (line[1],), id="preview",
            ascii_only=host.options.ascii_only, cursor=False,
        )  # fmt: skip
        self._plots: Sequence[Plot] = ()
        self._place = 0
        self._problem: Piece = ("reading the result, which takes some seconds", "dim")
        self._closed = False

    def panes(self) -> list[Pane]:
        return [self.plot]

    def stacked(self) -> bool:
        return False

    def selected_run(self) -> RunRow | None:
        snapshot = self.host.data.snapshot
        return snapshot.run(self.run) if snapshot else None

    def on_mount(self) -> None:
        super().on_mount()
        threading.Thread(target=self._read, name="preview", daemon=True).start()

    def on_unmount(self) -> None:
        self._closed = True

    def _read(self) -> None:
        with _one_at_a_time:
            if self._closed:
                return
            try:
                with closing(Ledger(self.host.options.ledger, read_only=True)) as ledger:
                    found = compared(ledger, self.run)
                message = PreviewRead(plots(read(found)))
            except NoSpectra as error:
                message = PreviewRead((), str(error))
            except Exception as error:  # whatever it is: it is shown
                message = PreviewRead((), f"cannot be read: {cause_of(error)}")
            self.post_message(message)

    def on_preview_read(self, message: PreviewRead) -> None:
        self._plots, self._problem = message.plots, (message.problem, "bad")
        self.refill()

    # ---- what is shown

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.refill)

    def fill(self) -> None:
        if not self._plots:
            self.plot.show([], title=f"Preview of run {self.run}", empty=self._problem)
            return
        plot = self._plots[self._place]
        lines = [plot.marks, *draw(plot, self.size.width - 2, self.room() - HEAD_LINES - 1)]
        title = f"Preview of run {self.run}, {self._place + 1} of {len(self._plots)}: {plot.title}"
        self.plot.show([(number, (line, "plain")) for number, line in enumerate(lines)], title=title)

    def sentence(self) -> Piece:
        return (self._plots[self._place].words if self._plots else self._problem[0], "plain")

    # ---- keys

    def action_plot(self, name: str) -> None:
        if self._plots:
            self._place = (self._place + (1 if name == PLOTS[0].name else -1)) % len(self._plots)
            self.refill()

    def press(self, action: Action) -> None:
        if action is PREVIEW:
            self.host.back()
        else:
            super().press(action)

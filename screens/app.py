"""The console's application: the host of the screens. It holds the data that were last read, and asks the driver."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from console.reading.snapshot import Snapshot
from flowspec.stages import Place
from screens import themes
from screens.base import ConsoleScreen
from screens.checking import CheckingApp
from screens.confirm import Confirm
from screens.data import ScreenData
from screens.keys.keymap import keymap
from screens.keys.run_handlers import confirm_plan
from screens.main_screen import MainScreen
from screens.options import ScreenOptions
from screens.question import Question
from screens.reader import DataRead, Processes, Reader, RequestWriter, RequestWritten, Returned
from screens.requests import Request, Requests
from screens.rows.status import NOBODY, came_at_once, newest_event
from screens.terminal.driver import TypedAtOnce, driver_with
from screens.widgets.moves import MOVES
from screens.widgets.piece import Piece
from screens.widgets.typed import Typed

TICK_SECONDS = 1.0
NOTICE_SECONDS = 20.0  # for which good news stays
MANY_RUNS = 100


class ConsoleApp(CheckingApp, inherit_bindings=False):
    """A `screens.host.Host`."""

    CSS_PATH = "styles.tcss"
    TITLE = "console"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "say_how_to_quit", show=False)]

    def __init__(
        self,
        options: ScreenOptions,
        *,
        now: Callable[[], float] = time.time,
        processes: Processes | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        moves = frozenset(key for move in MOVES for key in options.keys.get(move.name, ()) if len(key) == 1)
        super().__init__(ansi_color=True if themes.colourless(os.environ) else None, driver_class=driver_with(moves))
        self.options = options
        self._theme_name = themes.choose(self, options.theme)
        self.now = now
        self.data = ScreenData(snapshot, driver_starts=processes is not None and processes.starting())
        self.notice: Piece | None = None
        self.reader = Reader(options.ledger, now, self.post_message, processes)
        self.request_writer = RequestWriter(options.ledger, now, self.post_message, here=not options.read_only)
        self._requests = Requests()
        self._seen_notice: Piece | None = None  # at the tick before, and since when it has been there
        self._noticed = 0.0
        self._last_event = 0
        self._refilled = 0.0  # on the monotonic clock
        self._rung: int | None = None  # the newest event of the first data that calls, or for which a bell rang

    def get_default_screen(self) -> MainScreen:
        return MainScreen(self)

    def on_mount(self) -> None:
        self.theme = self._theme_name
        self.set_keymap(keymap(self.options.keys))
        # Without these a closed terminal kills us before we can clean up, or leaves us spinning on its end of file.
        for number in (signal.SIGHUP, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.exit, 128 + number)
        self.call_after_refresh(self._painted)
        self.request_writer.start()
        self.set_interval(TICK_SECONDS, self._tick)

    def _painted(self) -> None:
        """The first paint is there; what would compete with it begins now."""
        gc.freeze()
        gc.enable()
        self.reader.start()

    def on_unmount(self) -> None:
        self.reader.stop()
        self.request_writer.stop()

    # ---- when it fails

    @property
    def failure(self) -> Exception | None:
        """What has ended this app, other than the operator or a signal."""
        return self._exception

    def thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        """No thread of the screen ends alone: what it leaves behind looks as if all were well."""
        if isinstance(failed.exc_value, Exception) and self._loop is not None:
            self._loop.call_soon_threadsafe(self._handle_exception, failed.exc_value)
        else:
            threading.__excepthook__(failed)

    def _fatal_error(self) -> None:
        """Textual prints all variables of a failure on the terminal, secrets among them."""
        self._close_messages_no_wait()

    def _front(self) -> ConsoleScreen | None:
        """The screen that the operator sees, be it behind a question."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, ConsoleScreen)), None)

    @property
    def _bad_news(self) -> bool:
        """Whether the notice tells of what went wrong: it stays until a key or something worse takes its place."""
        return self.notice is not None and self.notice[1] in ("warn", "bad", "alarm")

    def _tick(self) -> None:
        """Ages grow also when nothing new is read, and good news leaves by itself."""
        if self.notice is not self._seen_notice:
            self._seen_notice, self._noticed = self.notice, time.monotonic()
        elif self.notice is not None and not self._bad_news and time.monotonic() - self._noticed > NOTICE_SECONDS:
            self.notice = None
        if time.monotonic() - self._refilled > TICK_SECONDS / 2:
            self._refill()

    def _refill(self) -> None:
        self._refilled = time.monotonic()
        if (front := self._front()) is not None:
            front.refill()

    # ---- what comes from the ledger

    def on_data_read(self, message: DataRead) -> None:
        before, now = self.data.snapshot, message.data.snapshot
        if now is not None and len(now.runs) > (len(before.runs) if before else 0) + MANY_RUNS:
            gc.freeze()  # most of thousands of rows stay for ever: the collector need not go through them at each key
        self.data = message.data
        if self.data.sandbox_ended:
            self.exit(1)
            return
        self._ring()
        self._show_answers()
        self._refill()
        self.reader.message_handled()

    def _ring(self) -> None:
        """A bell for what has failed or got stuck since the console was opened, also where nobody may act."""
        if self.data.snapshot is None:
            return
        rings = self.data.snapshot.new_failures.rings
        if self._rung is not None and rings > self._rung:
            self.bell()
        self._rung = max(rings, self._rung or 0)

    def _show_answers(self) -> None:
        """The driver's answers to our requests; whatever important happens then takes their place."""
        snapshot = self.data.snapshot
        if snapshot is None:
            return
        event = newest_event(snapshot, self.now())
        if event is not None and event.important and event.event > self._last_event:
            if self._last_event and (event is snapshot.calls or not self._bad_news):
                self.notice = None
            self._last_event = event.event
        for answer in snapshot.answers:
            request = self._requests.answered(answer.request, answer.state)
            if request is None:
                continue
            if request.dry and answer.state == "done":
                if not isinstance(self.screen, Confirm):  # else another question was quicker
                    confirm_plan(self, request, answer)
            elif answer.state == "refused":
                self.notice = (f"refused: {answer.answer}", "warn")
            else:
                self.notice = (answer.answer, "good")

    # ---- requests

    def ask(self, request: Request, words: str = "") -> None:
        self.request_writer.write(request, words)

    @property
    def person(self) -> str:
        return self.request_writer.person

    def introduce(self, name: str) -> None:
        self.request_writer.person = name

    def on_returned(self, message: Returned) -> None:
        if self.notice is None:
            self.say(message.words)

    def on_request_written(self, message: RequestWritten) -> None:
        if message.number is None:
            self.say(f"could not ask to {message.words}: {message.problem}", "bad")
            return
        self._requests.written(message.number, message.request)
        if self.data.snapshot is not None and self.data.snapshot.driver is None:
            self.say(f"asked to {message.words}, but {NOBODY}", "warn")
        else:
            self.say(f"asked the driver to {message.words}", "plain")

    def last_undone_by(self) -> Request | None:
        return self._requests.undo()

    def confirm(self, question: Question, *confirmed: Callable[[], None]) -> None:
        def answered(place: int | None) -> None:
            if place is not None and place >= 0:
                confirmed[place]()
            elif question.answers:
                self.say("nothing was done")

        self.push_screen(Confirm(question, self.options.ascii_only), answered)

    def choose(self, title: str, offered: Sequence[tuple[str, str]], chosen: Callable[[str], None]) -> None:
        from screens.choice import Choice

        def answered(words: str | None) -> None:
            if words is not None:
                chosen(words)

        self.push_screen(Choice(title, offered, self.options.ascii_only), answered)

    def say(self, words: str, style: str = "plain") -> None:
        self.notice = (words, style)
        if (front := self._front()) is not None:
            front.draw_bars()

    # ---- keys

    async def on_event(self, event: events.Event) -> None:
        """Keys do what they do in the order in which they come, however fast: none waits while the next is dealt with.

        Therefore bindings have priority, and a line that is typed gets its keys here: else the letters that follow `/`
        at once could still act on runs.
        """
        if isinstance(event, events.Key) and not event.is_forwarded:
            screen = self.screen
            if isinstance(screen, Typed) and screen.takes_key(event):
                return
        await super().on_event(event)

    def on_typed_at_once(self, message: TypedAtOnce) -> None:
        """Text, as of a paste, is for a line that is typed, and does not end it."""
        screen = self.screen
        if isinstance(screen, Typed) and screen.typing:
            screen.takes_text(message.keys)
        else:
            self.say(came_at_once("".join(key.character or "" for key in message.keys)), "warn")

    def action_say_how_to_quit(self) -> None:
        self.say("q closes this console")

    # ---- screens, each imported when it is first opened

    def open_detail(self, run: int) -> None:
        from screens.detail_screen import DetailScreen

        if not isinstance(self.screen, DetailScreen):
            self._open(DetailScreen(self, run))

    def open_events(self) -> None:
        from screens.events_screen import EventsScreen

        if isinstance(self.screen, EventsScreen):
            self.back()
        else:
            self._open(EventsScreen(self))

    def open_report(self) -> None:
        from screens.report_screen import ReportScreen

        if isinstance(self.screen, ReportScreen):
            self.screen.read()
        else:
            self._open(ReportScreen(self))

    def open_help(self) -> None:
        from screens.help_screen import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.back()
        else:
            self._open(HelpScreen(self))

    def open_log(self, run: int, place: Place) -> None:
        from screens.log_screen import LogScreen

        self._open(LogScreen(self, run, place))

    def open_preview(self, run: int) -> None:
        from screens.preview_screen import PreviewScreen

        self._open(PreviewScreen(self, run))

    def open_login(self, profile: Path) -> None:
        from screens.login_screen import LoginScreen

        def left(end: Piece | None) -> None:
            if end is not None:
                self.say(*end)

        self.push_screen(LoginScreen(profile, self.options.ascii_only), left)

    def open_palette(self) -> None:
        from screens.palette_screen import PaletteScreen

        if isinstance(self.screen, ConsoleScreen):
            self._open(PaletteScreen(self, self.screen))

    def _open(self, screen: ConsoleScreen) -> None:
        """Each kind is open once: the detail and the event log lead to one another, and would pile up without end."""
        while any(type(below) is type(screen) for below in self.screen_stack):
            self.pop_screen()
        self.push_screen(screen)

    def go_to(self, run: int) -> None:
        if self.data.snapshot is None or self.data.snapshot.run(run) is None:
            unread = self.data.snapshot is not None and self.data.snapshot.unread
            self.say(f"run {run} is not {'read yet' if unread else 'known here'}", "warn")
            return
        while not isinstance(self.screen, MainScreen):
            self.pop_screen()
        self.screen.go_to(run)

    def back(self) -> None:
        if not isinstance(self.screen, MainScreen):
            self.pop_screen()
        else:
            self.notice = None
            self._refill()

"""The console's application: it holds what was last read, and turns keys into requests."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType

from console.ledger.acknowledged import NewFailures
from console.reading.snapshot import Answer, RunRow
from screens import themes
from screens.base import ConsoleScreen
from screens.confirm import Confirm
from screens.detail_screen import DetailScreen
from screens.events_screen import EventsScreen
from screens.help_screen import HelpScreen
from screens.keys import bulk
from screens.keys.actions import (
    ACKNOWLEDGE,
    AUTO,
    BACK,
    CANCEL,
    DETAIL,
    EVENTS,
    FORCED,
    HELP,
    HOLD,
    LAUNCH,
    NEXT,
    OF_DETAIL,
    PALETTE,
    PREVIOUS,
    QUIT,
    RETRY,
    SUSPEND,
    UNDO,
    Action,
    Question,
    plan_lines,
    question,
)
from screens.keys.keymap import keymap
from screens.keys.undo import Act, Undo
from screens.main_screen import MainScreen
from screens.options import ScreenOptions
from screens.palette_screen import PaletteScreen
from screens.reader import Asked, Asker, Keeper, Look, Looked, Reader
from screens.rows.bars import NOBODY, newest_event
from screens.rows.styles import Piece
from screens.widgets.celldiff import SparingApp

TICK_SECONDS = 1.0
MANY_RUNS = 100


class ConsoleApp(SparingApp, inherit_bindings=False):
    """`look` is what the reader last found, `notice` what the operator was last told."""

    CSS_PATH = "styles.tcss"
    TITLE = "console"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "say_how_to_quit", show=False)]

    def __init__(
        self,
        options: ScreenOptions,
        *,
        now: Callable[[], float] = time.time,
        keeper: Keeper | None = None,
    ) -> None:
        super().__init__(ansi_color=True if themes.colourless(os.environ) else None)
        self.options = options
        self.now = now
        self.look = Look()
        self.notice: Piece | None = None
        self.reader = Reader(options.ledger, now, self.post_message, keeper)
        self.asker = Asker(options.ledger, now, self.post_message)
        self._unanswered: set[int] = set()
        self._undo = Undo()
        self._plans: set[int] = set()  # requests that ask only what a retry would do
        self._last_event = 0
        self._refilled = 0.0  # on the monotonic clock
        self._rung: int | None = None  # the newest failure of the first look, or for which a bell rang

    async def on_mount(self) -> None:
        themes.choose(self, self.options.theme)
        self.set_keymap(keymap(self.options.keys))
        # Without these a closed terminal kills us before we can clean up, or leaves us spinning on its end of file.
        for number in (signal.SIGHUP, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.exit, 128 + number)
        await self.push_screen(MainScreen(self.options))
        self.reader.start()
        self.asker.start()
        self.set_interval(TICK_SECONDS, self._tick)

    def on_unmount(self) -> None:
        self.reader.stop()
        self.asker.stop()

    def _front(self) -> ConsoleScreen | None:
        """The screen that the operator sees, be it behind a question."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, ConsoleScreen)), None)

    def _tick(self) -> None:
        """Ages grow also when nothing is heard."""
        if time.monotonic() - self._refilled > TICK_SECONDS / 2:
            self._refill()

    def _refill(self) -> None:
        self._refilled = time.monotonic()
        if (front := self._front()) is not None:
            front.refill()

    # ---- what comes from the ledger

    def on_looked(self, message: Looked) -> None:
        before, now = self.look.snapshot, message.look.snapshot
        if now is not None and len(now.runs) > (len(before.runs) if before else 0) + MANY_RUNS:
            gc.freeze()  # most of thousands of rows stay for ever: the collector need not go through them at each key
        self.look = message.look
        if self.look.lost:
            self.exit(1)
            return
        self._ring()
        self._hear_answers()
        self._refill()
        self.reader.taken()

    def _ring(self) -> None:
        """A bell for what has failed since the console was opened, also where nobody may act."""
        if self.look.snapshot is None:
            return
        newest = self.look.snapshot.new_failures.newest
        if self._rung is not None and newest > self._rung:
            self.bell()
        self._rung = max(newest, self._rung or 0)

    def _hear_answers(self) -> None:
        """Tell what the driver answered to our requests; whatever important happens then takes the place of that."""
        seen = self.look.snapshot
        if seen is None:
            return
        event = newest_event(seen)
        if event is not None and event.important and event.event > self._last_event:
            if self._last_event:
                self.notice = None
            self._last_event = event.event
        for answer in seen.answers:
            if answer.request in self._unanswered and answer.state != "asked":
                self._unanswered.discard(answer.request)
                self._undo.answered(answer.request, answer.state)
                if answer.request in self._plans and answer.state == "done":
                    self._plans.discard(answer.request)
                    self._show_plan(answer)
                    continue
                refused = answer.state == "refused"
                self.notice = (f"refused: {answer.answer}", "warn") if refused else (answer.answer, "good")

    def on_asked(self, message: Asked) -> None:
        if message.request is None:
            self.say(f"could not ask to {message.words}: {message.problem}", "bad")
            return
        self._unanswered.add(message.request)
        if message.act is not None:
            self._undo.asked(message.request, message.act)
        if message.dry:
            self._plans.add(message.request)
        nobody = self.look.snapshot is not None and self.look.snapshot.driver is None
        if nobody:
            self.say(f"asked to {message.words}, but {NOBODY}", "warn")
        else:
            self.say(f"asked the driver to {message.words}", "plain")

    def say(self, words: str, style: str = "plain") -> None:
        """Tell the operator something in the status line."""
        self.notice = (words, style)
        if (front := self._front()) is not None:
            front.bars()

    # ---- keys

    async def on_event(self, event: events.Event) -> None:
        """Keys do what they do in the order in which they come, however fast: none waits while the next is dealt with.

        Therefore bindings have priority, and a line that is typed gets its keys here: else the letters that follow `/`
        at once could still act on runs.
        """
        typed = isinstance(event, events.Key) and not event.is_forwarded
        if typed and isinstance(self.screen, (ConsoleScreen, Confirm)) and self.screen.takes(event):  # type: ignore[arg-type]
            return
        await super().on_event(event)

    def do(self, action: Action, run: RunRow | None, marked: Sequence[RunRow] = ()) -> None:
        """Do what a key asks for, on this run or on all that are marked; or say why not, or ask first."""
        reason = bulk.why_not(action, run, marked, self.options.read_only)
        if reason is not None:
            self.say(reason, "warn")
            return
        if marked and action in bulk.TOGETHER:
            self._do_many(action, marked)
            return
        asking = question(action, run) if run is not None else None
        if asking is None:
            self._carry_out(action, run)
            return
        confirm = Confirm(asking, self.options.ascii_only)
        self.push_screen(confirm, lambda yes: self._carry_out(action, run) if yes else self.say("nothing was done"))

    def _do_many(self, action: Action, marked: Sequence[RunRow]) -> None:
        runs = bulk.usable(action, marked)

        def answered(yes: bool | None) -> None:
            if not yes:
                self.say("nothing was done")
            for run in runs if yes else ():
                self.asker.ask(f"{action.name} run {run.run}", action.name, run.run)

        self.push_screen(Confirm(bulk.question_many(action, runs, marked), self.options.ascii_only), answered)

    def _carry_out(self, action: Action, run: RunRow | None) -> None:
        screen = self.screen
        if action is RETRY and run is not None and not (run.inactive or run.suspected):
            self.asker.ask(f"plan a retry of run {run.run}", action.name, run.run, dry=True)
        elif action in (LAUNCH, RETRY, CANCEL) and run is not None:
            force: dict[str, Any] = {"force": True} if action is LAUNCH and run.state in FORCED else {}
            self.asker.ask(f"{action.name} run {run.run}", action.name, run.run, **force)
        elif action is AUTO and self.look.snapshot is not None:
            self.asker.act(Act("auto", None, {"on": not self.look.snapshot.auto}))
        elif action is HOLD and run is not None:
            self.asker.act(Act("release" if run.held_by else "hold", run.run))
        elif action is UNDO:
            self._undo_last()
        elif action is ACKNOWLEDGE and self.look.snapshot is not None:
            self._acknowledge(self.look.snapshot.new_failures)
        elif action is DETAIL and run is not None and not isinstance(screen, DetailScreen):
            self._open(DetailScreen(run.run, self.options.ascii_only))
        elif action is EVENTS and not isinstance(screen, EventsScreen):
            self._open(EventsScreen(self.options.ascii_only))
        elif action is HELP and not isinstance(screen, HelpScreen):
            self._open(HelpScreen(self.options.ascii_only))
        elif action is PALETTE and isinstance(screen, ConsoleScreen):
            self._open(PaletteScreen(screen, self.options.ascii_only))
        elif action in (BACK, HELP, EVENTS):
            self._back()
        elif action in (NEXT, PREVIOUS) and isinstance(screen, ConsoleScreen):
            screen.step_focus(1 if action is NEXT else -1)
        elif action in OF_DETAIL:
            self.say("this key is for the detail of a run: enter opens it", "warn")
        elif action is SUSPEND:
            self.action_suspend_process()
        elif action is QUIT:
            self.exit(0)

    def _acknowledge(self, new: NewFailures) -> None:
        """Those that are on the screen: what fails meanwhile is new again."""
        if new.count:
            self.asker.ask(f"note that you have seen {new}", "acknowledge", None, upto=new.newest)
        else:
            self.say("no new failure")

    def _open(self, screen: ConsoleScreen) -> None:
        """Each kind is open once: the detail and the event log lead to one another, and would pile up without end."""
        while any(type(below) is type(screen) for below in self.screen_stack):
            self.pop_screen()
        self.push_screen(screen)

    def go_to(self, number: int) -> None:
        """Show the main screen with the cursor on this run."""
        if self.look.snapshot is None or self.look.snapshot.run(number) is None:
            self.say(f"run {number} is not known here", "warn")
            return
        while not isinstance(self.screen, MainScreen):
            self.pop_screen()
        self.screen.go_to(number)

    def _undo_last(self) -> None:
        act = self._undo.take()
        if act is None:
            self.say("nothing to undo: u undoes your last hold, release or switch of auto-launch in this console")
        else:
            self.asker.act(act, f"undo: {act.words}")

    def _back(self) -> None:
        if isinstance(self.screen, (DetailScreen, HelpScreen, EventsScreen)):
            self.pop_screen()
        else:
            self.notice = None
            self._refill()

    def _show_plan(self, answer: Answer) -> None:
        """A retry is carried out as it was shown, or not at all: the driver compares the digest."""
        if isinstance(self.screen, Confirm):  # another question was quicker
            return
        shown: dict[str, Any] = json.loads(answer.answer)
        words = f"retry run {answer.run}"

        def answered(yes: bool | None) -> None:
            if yes:
                self.asker.ask(words, RETRY.name, answer.run, shown=shown["digest"])
            else:
                self.say("nothing was done")

        asking = Question(f"{words.capitalize()}?", plan_lines(shown["lines"]), f"Yes, {words}")
        self.push_screen(Confirm(asking, self.options.ascii_only), answered)

    def action_say_how_to_quit(self) -> None:
        self.say("q closes this console")


def run_screen(options: ScreenOptions, keeper: Keeper | None = None) -> int:
    """Show the screen until the operator closes it, or until what it shows is lost; returns the exit code."""
    app = ConsoleApp(options, keeper=keeper)
    code = app.run(mouse=False)
    return code if code is not None else app.return_code or 0

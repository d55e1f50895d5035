"""Between the terminal and Textual: what is no key does not pass, and no byte ends the console.

It takes the place of the reading half of Textual's driver, which is therefore pinned (8.2.8): of its internals it uses
what `tests/screens/terminal/test_textual_internals.py` names, and that test fails when one of them changes.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import Any, TextIO

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from screens.terminal.sequences import ESC
from screens.terminal.stream import AtOnce, Key, Paste, Stream, Token
from screens.terminal.suitable import size_of_terminal

READ_BYTES = 4096
GATHERING = 0.002  # s after a character in which others belong to it: a paste may come byte by byte
LOOK_SECONDS = 0.1  # how often it is looked whether the console ends
# What another program may have left on: reports of the mouse in all manners, and keys in other spellings. The mode that
# marks pastes stays on, as Textual sets it.
LEFT_ON = "\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
LEFT_ON += "\x1b[?1l\x1b>"


class TypedAtOnce(Message):
    """Characters came at once: text for a line that is typed, and nothing else."""

    def __init__(self, keys: list[events.Key]) -> None:
        super().__init__()
        self.keys = keys


class _Paper:
    """What Textual's writing thread writes on. It must not end when the terminal is gone: frames would wait for it."""

    def __init__(self, file: TextIO, gone: Callable[[], object]) -> None:
        self._file, self._gone = file, gone
        self._lost = False

    def write(self, words: str) -> None:
        self._try(lambda: self._file.write(words))

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def _try(self, write: Callable[[], object]) -> None:
        if self._lost:
            return
        try:
            write()
        except OSError:
            self._lost = True
            self._gone()


class ConsoleDriver(LinuxDriver):
    """Textual's, but for what it reads. `moves` are the characters that only move a cursor."""

    moves = frozenset("jkgG")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file: Any = _Paper(self._file, self._terminal_is_gone)

    def _terminal_is_gone(self) -> None:
        """As after SIGHUP, which need not come: it may be ignored."""
        self._loop.call_soon_threadsafe(self._app.exit, 128 + signal.SIGHUP)

    def _get_terminal_size(self) -> tuple[int, int]:
        """As the terminal says it, else as the environment does: COLUMNS may be of a window of another size."""
        return size_of_terminal() or super()._get_terminal_size()

    def _query_in_band_window_resize(self) -> None:
        """Not asked for: SIGWINCH tells of a new size, and the kernel knows it; what is read could be anything."""

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:  # None: it was put into the background, and is stopped again
            self.write(LEFT_ON)

    # ---- the thread that reads

    def _run_input_thread(self) -> None:
        """What it raises is for `threading.excepthook`; Textual shows it and ends with exit code 0."""
        self.run_input_thread()

    def run_input_thread(self) -> None:
        stream, parser = Stream(self.moves, constants.ESCAPE_DELAY), XTermParser()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                due = LOOK_SECONDS if stream.due is None else max(0.0, stream.due - time.monotonic())
                if not selector.select(min(due, LOOK_SECONDS)):
                    self._pass_on(stream.tick(time.monotonic()), parser)
                elif read := self._read(selector):
                    self._pass_on(stream.feed(read, time.monotonic()), parser)
                else:
                    self._terminal_is_gone()
                    return

    def _read(self, selector: selectors.BaseSelector) -> bytes:
        """What has come at once; nothing when the terminal is gone."""
        read = b""
        while len(read) < READ_BYTES:
            try:
                piece = os.read(self.fileno, READ_BYTES)
            except OSError:  # how Linux says that the other end is closed
                piece = b""
            read += piece
            if not piece or not self._may_be_text(piece) or not selector.select(GATHERING):
                break
        return read

    def _may_be_text(self, piece: bytes) -> bool:
        return piece[-1] >= 0x20 and chr(piece[-1]) not in self.moves and not piece.startswith(b"\x1b")

    def _pass_on(self, tokens: list[Token], parser: XTermParser) -> None:
        for token in tokens:
            if isinstance(token, AtOnce):
                keys: list[Any] = [key for character in token.text for key in parser.feed(character)]
                self.process_message(TypedAtOnce(keys))
            elif isinstance(token, Paste):
                self.process_message(events.Paste(token.text))
            elif token == Key(ESC):
                self.process_message(events.Key("escape", ESC))
            else:
                for message in parser.feed(token.text):
                    self.process_message(message)


def driver_with(moves: frozenset[str]) -> type[ConsoleDriver]:
    """The driver of a console whose profile gives the moves these characters, too: Textual makes it from its class."""
    return type("ConsoleDriver", (ConsoleDriver,), {"moves": ConsoleDriver.moves | moves})

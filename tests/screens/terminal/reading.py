"""The reading half of the console's driver on a clock of the test, without a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from screens.terminal.driver import ConsoleDriver, TypedAtOnce
from screens.terminal.stream import Stream

DELAY = 0.1
LONG = 0.6  # s: longer than any ESC is waited for


class Reading(ConsoleDriver):
    """`messages` are those that the application would get."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.now = 1000.0
        self._stream = Stream(self.moves, DELAY)
        self._parser = XTermParser()

    def process_message(self, message: Message) -> None:
        self.messages.append(message)

    def read(self, piece: bytes, then: float = LONG) -> None:
        """A piece comes; then nothing, for so many seconds."""
        self._pass_on(self._stream.feed(piece, self.now), self._parser)
        self.now += then
        self._pass_on(self._stream.tick(self.now), self._parser)

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.messages if isinstance(message, events.Key)]

    @property
    def texts(self) -> list[str]:
        """What came at once."""
        return [
            "".join(key.character or "" for key in message.keys)
            for message in self.messages
            if isinstance(message, TypedAtOnce)
        ]

    @property
    def pastes(self) -> list[str]:
        return [message.text for message in self.messages if isinstance(message, events.Paste)]


def read(pieces: Iterable[bytes], then: float = LONG) -> Reading:
    reading = Reading()
    for piece in pieces:
        reading.read(piece, then)
    return reading


def splits(whole: bytes) -> Iterator[tuple[bytes, ...]]:
    """In one piece, in two at each place, in three around each byte, and byte by byte."""
    yield (whole,)
    for place in range(1, len(whole)):
        yield whole[:place], whole[place:]
        if place + 1 < len(whole):
            yield whole[:place], whole[place : place + 1], whole[place + 1 :]
    yield tuple(bytes([byte]) for byte in whole)

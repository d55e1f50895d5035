"""What a terminal sends, told apart: keys, characters that came at once, pastes. Pure: bytes in, tokens out.

Letters are commands here, and a terminal sends letters that nobody pressed: in its answers (OSC, DCS and the other
strings, reports), in a mouse report, in a paste of which nothing says that it is one, in a sequence that a slow line
has torn behind its ESC. So everything that is not certainly a key ends here:

- Strings are swallowed whole, in both spellings (ESC and a character, or one byte), over as many reads as it takes.
  ESC ends one, as do LIMIT bytes, or one key after QUIET seconds of silence: else a string without an end would
  swallow the keyboard.
- A sequence waits for its end, however slow the line. An ESC that was alone is the key, but `[A` after it is its rest.
- Of whole sequences those pass that Textual knows; the rest ends here. So do bytes that are no UTF-8.
- A character acts when it comes alone in its read. What comes with anything else is text (`AtOnce`): a prompt takes it,
  and where letters are commands it does nothing. On a slow line keys come together, too; those that only move pass, in
  any number, so that a key may be held down, and so do tab and enter. That another key is lost then is as it should be:
  whoever presses `l` in one breath with `j` has not seen which run it acts on.
"""

from __future__ import annotations

from collections.abc import Set
from enum import Enum, auto
from typing import NamedTuple

from screens.terminal.sequences import ESC, TABLE, is_for_textual, is_spelled, text_of

LIMIT = 65536  # bytes of a string
PASTE_LIMIT = 10_000  # bytes of a paste: a prompt takes far less
SEQUENCE_LIMIT = 1024
QUIET = 3.0  # s
TAIL = 0.1  # s after characters at once, in which others belong to them
ANSWERS = "\t\r"  # to go to another answer of a question, and to give it
HARMLESS = "\t\x0c"  # these move no less than j and k: to the next pane, and all of it drawn again
PASTE_BEGINS = "\x1b[200~"
PASTE_ENDS = b"\x1b[201~", b"\x9b201~"
LATIN_1 = 0x80  # bytes from here on are no ASCII


class Key(NamedTuple):
    """A character, a whole sequence, or ESC."""

    text: str


class AtOnce(NamedTuple):
    """Characters of which nobody knows whether they were pressed."""

    text: str


class Paste(NamedTuple):
    """What the terminal says was pasted."""

    text: str


Token = Key | AtOnce | Paste


class _In(Enum):
    """Where the stream is."""

    GROUND = auto()
    ESCAPE = auto()  # an ESC has come, and may be the key or the begin of something
    LONELY = auto()  # it was told as the key; what follows may be its rest all the same
    CSI = auto()
    SS3 = auto()
    STRING = auto()
    STRING_ESCAPE = auto()
    MOUSE = auto()  # three bytes in the manner of X10
    CHARACTER = auto()  # of several bytes
    PASTE = auto()


_INTRODUCED = {"[": _In.CSI, "O": _In.SS3, **dict.fromkeys("]P^_X", _In.STRING)}


class Stream:
    """`moves` are the characters that only move the cursor; an ESC is the key after `delay` seconds without more."""

    def __init__(self, moves: Set[str], delay: float) -> None:
        self._pass_together = frozenset(moves) | frozenset(HARMLESS)
        self._delay = delay
        self._state = _In.GROUND
        self._pending = ""  # of a sequence
        self._bytes = bytearray()  # of a character, a mouse report or a paste
        self._bell_ends = False
        self._length = 0  # of a string
        self._lead = self._more = 0  # the first byte of a character in a string, and how many still follow
        self._heard = self._burst = float("-inf")
        self._here = False  # the ESC that is pending came with this read
        self._found: list[Token] = []

    @property
    def due(self) -> float | None:
        """When `tick` has something to say, if nothing comes before."""
        return self._heard + self._delay if self._state in (_In.ESCAPE, _In.STRING_ESCAPE) else None

    def tick(self, now: float) -> list[Token]:
        """Nothing has come until now (seconds of a clock that only runs forward)."""
        if self.due is None or now < self.due:
            return []
        pressed = self._state is _In.ESCAPE
        self._state = _In.LONELY
        return [Key(ESC)] if pressed else []

    def feed(self, read: bytes, now: float) -> list[Token]:
        """What one read has brought."""
        if self._state in (_In.STRING, _In.PASTE) and len(read) == 1 and now - self._heard >= QUIET and read != b"\x1b":
            self._state = _In.GROUND
        self._heard = now
        self._here, self._found = False, []
        for byte in read:
            self._take(byte)
        return self._judged(read, now)

    def _judged(self, read: bytes, now: float) -> list[Token]:
        """Characters are keys, or text."""
        found = self._found
        plain = "".join(token.text for token in found if _is_plain(token))
        if plain:  # a terminal that spells letters as `ESC [ 97 u` sends no bare ones: then this is noise
            found = [token for token in found if not (isinstance(token, Key) and is_spelled(token.text))]
        together = set(plain) <= self._pass_together or set(plain) <= set(ANSWERS)
        alone = len(plain) == 1 and plain.encode() == read and now - self._burst >= TAIL
        if not plain or together or alone:
            return found
        self._burst = now
        first = next(place for place, token in enumerate(found) if _is_plain(token))
        others = [[token for token in part if not _is_plain(token)] for part in (found[:first], found[first:])]
        return [*others[0], AtOnce(plain), *others[1]]

    # ---- byte by byte

    def _take(self, byte: int) -> None:
        if self._state is _In.GROUND:
            self._take_first(byte)
        elif self._state in (_In.ESCAPE, _In.LONELY):
            self._take_after_escape(byte)
        elif self._state in (_In.CSI, _In.SS3):
            self._take_of_sequence(byte)
        elif self._state is _In.STRING:
            self._take_of_string(byte)
        elif self._state is _In.STRING_ESCAPE:
            self._take_after_string(byte)
        elif self._state is _In.MOUSE:
            self._take_of_mouse(byte)
        elif self._state is _In.CHARACTER:
            self._take_of_character(byte)
        else:
            self._take_of_paste(byte)

    def _again(self, byte: int) -> None:
        """The byte is not of what came before it."""
        self._state = _In.GROUND
        self._take(byte)

    def _take_first(self, byte: int) -> None:
        if byte == 0x1B:
            self._escape()
        elif byte < LATIN_1:
            self._found.append(Key(chr(byte)))
        elif 0xC2 <= byte <= 0xF4:
            self._state, self._bytes = _In.CHARACTER, bytearray([byte])
        else:
            self._control(byte)

    def _escape(self) -> None:
        self._state, self._here = _In.ESCAPE, True

    def _control(self, byte: int) -> None:
        """One byte or character that says the same as ESC and the one 0x40 below; others are no input at all."""
        self._state = _In.GROUND
        if 0x80 <= byte < 0xA0:
            self._introduce(chr(byte - 0x40))

    def _introduce(self, character: str) -> None:
        self._state = _INTRODUCED.get(character, _In.GROUND)
        self._pending = ESC + character
        self._bell_ends, self._length, self._more = character == "]", 0, 0

    def _take_after_escape(self, byte: int) -> None:
        character = chr(byte)
        if character in _INTRODUCED:
            self._introduce(character)
        elif character == "\\":  # the end of a string that had ended before
            self._state = _In.GROUND
        elif self._state is _In.LONELY:
            self._again(byte)
        elif self._here and 0x20 <= byte < 0x7F:  # alt and a key, or a sequence that no terminal sends
            self._state = _In.GROUND
        else:
            self._found.append(Key(ESC))
            self._again(byte)

    def _take_of_sequence(self, byte: int) -> None:
        if byte in (0x18, 0x1A):  # CAN and SUB
            self._state = _In.GROUND
        elif not 0x20 <= byte < 0x7F:
            self._again(byte)
        else:
            self._pending = (self._pending + chr(byte))[:SEQUENCE_LIMIT]
            if self._ends(byte):
                self._end_sequence(self._pending)

    def _ends(self, byte: int) -> bool:
        if self._state is _In.SS3:
            return chr(byte) not in "0123456789;"
        if self._pending == "\x1b[[":  # a function key of the Linux console has one more
            return False
        return byte >= 0x40 or self._pending in TABLE  # rxvt ends some keys with `$`

    def _end_sequence(self, sequence: str) -> None:
        self._state = _In.GROUND
        if sequence == PASTE_BEGINS:
            self._state, self._bytes = _In.PASTE, bytearray()
        elif sequence == "\x1b[M":
            self._state, self._bytes = _In.MOUSE, bytearray()
        elif is_for_textual(sequence):
            self._found.append(Key(sequence))
        else:
            self._found += map(Key, text_of(sequence))

    def _take_of_string(self, byte: int) -> None:
        self._length += 1
        continues = 0x80 <= byte < 0xC0
        if byte == 0x1B:
            self._state = _In.STRING_ESCAPE
        elif byte in (0x18, 0x1A) or (byte == 0x07 and self._bell_ends):
            self._state = _In.GROUND
        elif bool(self._more) != continues:
            self._torn(byte)
        elif self._more:
            self._more -= 1
            if self._lead == 0xC2 and byte == 0x9C:
                self._state = _In.GROUND
        elif byte >= LATIN_1:
            self._lead, self._more = byte, _more_bytes(byte)
        if self._length > LIMIT:
            self._state, self._burst = _In.GROUND, self._heard

    def _torn(self, byte: int) -> None:
        """The end of a string in one byte, or what is no text: then this is no string."""
        self._state = _In.GROUND
        if byte != 0x9C:
            self._burst = self._heard
            self._take(byte)

    def _take_after_string(self, byte: int) -> None:
        if byte == ord("\\"):
            self._state = _In.GROUND
        elif byte != 0x1B:
            self._state = _In.ESCAPE
            self._take(byte)

    def _take_of_mouse(self, byte: int) -> None:
        if 0 < byte < 0x20:
            self._again(byte)
            return
        self._bytes.append(byte)
        if len(self._bytes) == 3:
            self._state = _In.GROUND

    def _take_of_character(self, byte: int) -> None:
        if not 0x80 <= byte < 0xC0:
            self._again(byte)
            return
        self._bytes.append(byte)
        if len(self._bytes) <= _more_bytes(self._bytes[0]):
            return
        self._state = _In.GROUND
        character = self._bytes.decode(errors="ignore")
        if not character or "\x80" <= character < "\xa0":
            self._control(ord(character or "\xff"))
        else:
            self._found.append(Key(character))

    def _take_of_paste(self, byte: int) -> None:
        self._bytes.append(byte)
        for end in PASTE_ENDS:
            if self._bytes.endswith(end):
                pasted = self._bytes[: -len(end)][:PASTE_LIMIT]
                self._found.append(Paste(pasted.decode(errors="ignore")))
                self._state, self._bytes = _In.GROUND, bytearray()
        if len(self._bytes) > 2 * PASTE_LIMIT:
            del self._bytes[PASTE_LIMIT : -len(PASTE_ENDS[0])]


def _more_bytes(lead: int) -> int:
    """How many bytes follow the first one of a character."""
    return 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3


def _is_plain(token: Token) -> bool:
    return isinstance(token, Key) and not token.text.startswith(ESC)

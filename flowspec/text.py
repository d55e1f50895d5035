"""Outside text made harmless, and numbers made short: how anything is written on a screen or a command's output.

Run titles, file names, log lines and error messages come from outside. They are data: what reaches a terminal is one
line of printable characters whose width we know. Nothing here interprets markup.
"""

from __future__ import annotations

import re
import time
import unicodedata

MORE = "…"  # stands where text was cut off
UNSHOWABLE = "?"
_SEPARATORS = (";", ":", ",")

# A whole escape sequence, so that `\x1b[31mred\x1b[0m` leaves `red`: CSI, then OSC and its like up to their terminator.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]{0,200}(?:\x07|\x1b\\|\x9c)"
)
_SPACES = frozenset("\t\n\r\v\f\x85\u2028\u2029")
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters by category, yet nothing to see


def clean(text: str, width: int | None = None) -> str:
    """`text` as one harmless line, cut to `width` terminal cells when that is given.

    Escape sequences, control, bidirectional and zero-width characters vanish; line breaks and tabs become spaces; what
    terminals disagree about (emoji, stray surrogates, unassigned characters) becomes `?`. Idempotent.
    """
    if text.isascii() and text.isprintable():
        line = text
    else:
        line = "".join(map(_safe, unicodedata.normalize("NFC", _ESCAPE.sub("", text))))
        line = unicodedata.normalize("NFC", line)  # what was dropped may have kept two halves apart
    return line if width is None else _cut(line, width)


def cells(line: str) -> int:
    """How many terminal cells a cleaned line takes."""
    return len(line) if line.isascii() else sum(map(_cells, line))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` cleaned, cut and padded to exactly `width` cells."""
    line = clean(text, width)
    gap = " " * (width - cells(line))
    return gap + line if right else line + gap


def plain_ascii(line: str) -> str:
    """A cleaned line with every character that is not ASCII replaced, cell for cell."""
    if line.isascii():
        return line
    return "".join(c if c.isascii() else "~" if c == MORE else UNSHOWABLE * _cells(c) for c in line)


def wrap(text: str, width: int, lines: int) -> list[str]:
    """`text` cleaned and broken at spaces into exactly `lines` lines of at most `width` cells; the last one is cut."""
    rest = clean(text).strip()
    found: list[str] = []
    while len(found) < lines - 1:
        head = rest if cells(rest) <= width else _head(rest, width)
        if head != rest and " " in head:
            head = head[: head.rindex(" ")]
        found.append(head)
        rest = rest[len(head) :].lstrip()
    return [*found, _cut(rest, width)]


def short_id(identifier: str) -> str:
    """The beginning of the id of a flow run, an endpoint or a task: enough to tell one from another."""
    return identifier[:8]


def _safe(character: str) -> str:
    if character in _SPACES or character in _BLANK_LETTERS:
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Mn", "Me", "Mc"):
        return ""
    if category == "Zs":
        return " "
    if category[0] == "C":
        return UNSHOWABLE
    emblem = category == "So" and (ord(character) >= 0x2600 or _cells(character) == 2)
    if emblem or (category[0] != "L" and ord(character) > 0xFFFF):
        return UNSHOWABLE  # emoji, flags, skin tones: one, two or three cells, depending on whom you ask
    if 0x1160 <= ord(character) <= 0x11FF or 0xD7B0 <= ord(character) <= 0xD7FF:
        return UNSHOWABLE  # half of a Hangul syllable
    return character


def _cells(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(line: str, width: int) -> str:
    """No separator is left in front of the mark: `failed: …` promises no more than `failed…`."""
    if cells(line) <= width:
        return line
    head = _head(line, width - 1)
    return (head.rstrip(" ;:,") if head.rstrip()[-1:] in _SEPARATORS else head) + MORE if width > 0 else ""


def _head(line: str, room: int) -> str:
    kept = []
    for character in line:
        room -= _cells(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept)


# ---- numbers


def size(count: int) -> str:
    """Bytes in at most six characters: `812 B`, `5.1 G`."""
    value = float(count)
    for unit in "BKMGTP":
        if value < 999.5 or unit == "P":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"


def memory(count: int) -> str:
    """Bytes of memory, in the units in which it is built and asked for: `39.8 GB` of 1024 MB."""
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def span(seconds: float) -> str:
    """A duration in at most five characters, coarse enough to stand still: `40 s`, `12 m`, `3 h`, `5 d`."""
    seconds = max(0.0, seconds)
    for unit, length, limit in (("s", 1, 100), ("m", 60, 100 * 60), ("h", 3600, 72 * 3600)):
        if seconds < limit:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds // 86400)} d"


def counted(number: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clock(at: float | None, *, seconds: bool = False) -> str:
    """Local time of day, `14:03` or `14:03:22`; `-` when it is not known."""
    return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(at)) if at is not None else "-"


def moment(at: float | None) -> str:
    """Local date and time, `2026-07-01 14:03:22`; `-` when it is not known."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at is not None else "-"

"""Which escape sequences are keys. Pure.

Textual's parser waits for more of a sequence that it does not know, then takes it for single keys: the `c` that ends a
terminal's answer would cancel a run. So it is given only what is known here; the tables are its own (Textual 8.2.8).
"""

from __future__ import annotations

import re

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS

ESC = "\x1b"
FOCUS = frozenset({"\x1b[I", "\x1b[O"})
_WHOLE = re.compile(r"\x1b(\[[\[0-?]*[$@-~]|O[0-9;]*[ -~])")
_NUMBERED = re.compile(r"\x1b\[(\d+)(?:;\d+)*([u~A-FHPQRS])")


def _is_misread(sequence: str) -> bool:
    """Whether Textual takes the number for that of a character: 32 of F18 for the space, which marks a run."""
    numbered = _NUMBERED.fullmatch(sequence)
    return numbered is not None and "".join(numbered.groups()) not in FUNCTIONAL_KEYS


# Without the characters of the keypad: the mode in which it sends these is off, and digits and `*` are commands.
TABLE = frozenset(
    sequence
    for sequence, keys in ANSI_SEQUENCES_KEYS.items()
    if _WHOLE.fullmatch(sequence) and not isinstance(keys, str) and not _is_misread(sequence)
)
_SYNCHRONIZED = re.compile(r"\x1b\[\?2026;\d\$y")  # whether the terminal paints a frame at once: Textual asks
_FUNCTIONAL = re.compile(r"\x1b\[(\d{1,5})(?:;\d{1,3})?([~A-HPQS])")
_KITTY = re.compile(r"\x1b\[(\d{1,7})(?:;\d{0,3}(?:;(\d{1,7}(?::\d{1,7})*))?)?u")


def is_for_textual(sequence: str) -> bool:
    """Whether a whole sequence is a key, or a report that Textual knows what to do with."""
    if sequence in TABLE or sequence in FOCUS or _SYNCHRONIZED.fullmatch(sequence):
        return True
    if functional := _FUNCTIONAL.fullmatch(sequence):
        return "".join(functional.groups()) in FUNCTIONAL_KEYS
    kitty = _KITTY.fullmatch(sequence)
    if kitty is None:
        return False
    code, text = kitty.groups()
    named = f"{int(code)}u" in FUNCTIONAL_KEYS or (code == "0" and text) or _is_character(int(code))
    return bool(named) and (text is None or (text.isdecimal() and _is_character(int(text))))


def is_spelled(sequence: str) -> bool:
    """Whether it is a key in the manner of kitty."""
    return _KITTY.fullmatch(sequence) is not None


def text_of(sequence: str) -> str:
    """The text of a sequence that stands for several characters at once, as an input method sends them; else ''."""
    kitty = _KITTY.fullmatch(sequence)
    codes = [int(code) for code in (kitty[2] or "").split(":") if code] if kitty else []
    return "".join(map(chr, codes)) if len(codes) > 1 and all(map(_is_character, codes)) else ""


def _is_character(code: int) -> bool:
    return 0x20 <= code < 0x7F or (0xA0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF)

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from flowspec import text

HOSTILE = {
    "\x1b[31mred\x1b[0m": "red",
    "\x9b31mred": "red",
    "\x1b]0;new title\x07run": "run",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\": "click",
    "\x1bPq#0\x1b\\x": "x",
    "\x1b[2J\x1b[Hgone": "gone",
    "bell\x07 back\x08space": "bell backspace",
    "two\nlines\r\n\tand a tab": "two lines   and a tab",
    "\u2028separators\u2029": " separators ",
    "invoice\u202excod.exe": "invoicexcod.exe",
    "\u2066isolated\u2069": "isolated",
    "zero\u200bwidth\u200djoin\ufeff": "zerowidthjoin",
    "[bold red]markup[/] [@click=quit]x[/]": "[bold red]markup[/] [@click=quit]x[/]",
    "e\u0301te\u0301": "\u00e9t\u00e9",
    "Z\u0351\u036b\u0343\u036aa\u0302\u036bl\u030dg\u0311o": "Z\u00e2lgo",
    "日本語": "日本語",
    "\u3164blank": " blank",
    "👩‍👩‍👧 🇺🇸 ✌🏽": "??? ?? ??",
    "bad\udcffbyte": "bad?byte",
    "\U000e0041tag": "tag",
    "private\ue000use": "private?use",
    "nul\x00": "nul",
}


@pytest.mark.parametrize(("outside", "line"), HOSTILE.items(), ids=ascii)
def test_hostile_text_is_made_harmless(outside: str, line: str) -> None:
    assert text.clean(outside) == line


anything = st.text(st.characters(), max_size=60) | st.text("\x1b[]0;mA\x07\u202e\u0301e日👩\u1100\u1161 ", max_size=40)


@given(anything)
def test_a_clean_line_has_nothing_that_acts_on_a_terminal(outside: str) -> None:
    line = text.clean(outside)
    assert line.isprintable()
    assert not {unicodedata.category(c) for c in line} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me", "Mc"}
    assert text.clean(line) == line


@given(anything)
def test_we_and_the_drawing_library_agree_on_the_width(outside: str) -> None:
    line = text.clean(outside)
    assert text.cells(line) == cell_len(line)


@given(anything, st.integers(0, 20), st.booleans())
def test_an_entry_fills_its_column_exactly(outside: str, width: int, right: bool) -> None:
    assert text.cells(text.fit(outside, width, right=right)) == width


@given(anything)
def test_plain_ascii_keeps_the_width(outside: str) -> None:
    line = text.clean(outside, 20)
    assert text.plain_ascii(line).isascii()
    assert text.cells(text.plain_ascii(line)) == text.cells(line)


@given(anything, st.integers(1, 20), st.integers(1, 4))
def test_wrapped_lines_stay_within_their_width(outside: str, width: int, lines: int) -> None:
    wrapped = text.wrap(outside, width, lines)
    assert len(wrapped) == lines
    assert all(text.cells(line) <= width for line in wrapped)


def test_wrap_breaks_at_spaces_and_marks_what_was_cut() -> None:
    assert text.wrap("aaaa bbb cccc dd", 9, 2) == ["aaaa bbb", "cccc dd"]
    assert text.wrap("aaaa bbb cccc dd eeee ffff", 9, 2) == ["aaaa bbb", "cccc dd …"]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 K"),
        (5_140_000_000, "5.1 G"),
        (99_960_000_000, "100 G"),
        (999_600, "1.0 M"),
    ],
)
def test_sizes_are_short(count: int, words: str) -> None:
    assert text.size(count) == words


@given(st.integers(0, 10**18))
def test_no_size_is_longer_than_its_column(count: int) -> None:
    assert len(text.size(count)) <= 6


@pytest.mark.parametrize(
    ("seconds", "words"), [(-3, "0 s"), (99, "99 s"), (100, "1 m"), (6000, "1 h"), (5 * 86400, "5 d")]
)
def test_spans_are_coarse(seconds: float, words: str) -> None:
    assert text.span(seconds) == words

"""What is asked of the terminal before the screen opens."""

from __future__ import annotations

import pytest

from console.settings.errors import SettingsError
from screens.terminal import suitable


@pytest.mark.parametrize("environ", [{}, {"TERM": ""}, {"TERM": "dumb"}, {"TERM": "unknown"}], ids=str)
def test_a_terminal_that_cannot_move_the_cursor_is_refused_in_one_line(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"^TERM is [^\n]*xterm-256color[^\n]*$"):
        suitable.refuse_dumb_terminal(environ)


@pytest.mark.parametrize("name", ["xterm", "linux", "screen-256color", "vt100"])
def test_other_terminals_are_taken(name: str) -> None:
    suitable.refuse_dumb_terminal({"TERM": name})


@pytest.mark.parametrize(
    ("environ", "encoding", "lines"),
    [
        ({}, "utf-8", True),
        ({"LANG": "de_DE.UTF-8"}, "utf-8", True),
        ({"LANG": "C.UTF-8"}, "utf-8", True),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "C"}, "utf-8", True),
        ({"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, "utf-8", True),
        ({"LC_CTYPE": "C.UTF-8"}, "utf-8", True),  # as Python sets it where nothing is said
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, "utf-8", False),  # as Python sets it where LANG is C
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "POSIX"}, "utf-8", False),
        ({"LANG": "en_US.ISO-8859-1"}, "iso8859-1", False),
        ({"LANG": "ja_JP.EUC-JP"}, "euc-jp", True),
        ({}, "ascii", False),
        ({}, "no such encoding", False),
    ],
    ids=str,
)
def test_lines_are_drawn_where_the_locale_has_them(environ: dict[str, str], encoding: str, lines: bool) -> None:
    assert suitable.draws_lines(environ, encoding) is lines


def test_sizes_of_the_environment_stay_where_the_terminal_knows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"COLUMNS": "200", "LINES": "60", "TERM": "xterm"}
    monkeypatch.setattr(suitable, "size_of_terminal", lambda: None)
    suitable.forget_other_sizes(environ)
    assert environ == {"COLUMNS": "200", "LINES": "60", "TERM": "xterm"}
    monkeypatch.setattr(suitable, "size_of_terminal", lambda: (80, 24))
    suitable.forget_other_sizes(environ)
    assert environ == {"TERM": "xterm"}

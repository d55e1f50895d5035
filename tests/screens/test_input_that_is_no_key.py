"""What a terminal sends without anybody pressing a key does nothing; what is pressed comes through."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.pilot import Pilot

from screens.app import ConsoleApp
from screens.terminal import stream
from screens.terminal.driver import TypedAtOnce, driver_with
from screens.terminal.sequences import TABLE
from tests.ledger_fixture import DemoLedger
from tests.screen_driver import keys_to, make_app, settled, until_shown
from tests.screens.terminal.reading import DELAY, LONG, Reading, read, splits
from tests.screens.terminal.replies import KEYS, REPORTS, STRINGS

SMALL = (80, 24)
MOVES = {"j", "k", "g", "G", "upper_g", "tab", "enter", "ctrl+l"}
PASTES = ("console status 1217", "launch", "ll", "l\r", "cancel\tr\r", "A\x1bA", "q ", "12", "jl", "é l", "r" * 5000)


def named(case: dict[str, bytes]) -> Any:
    return pytest.mark.parametrize("sent", case.values(), ids=case.keys())


# ---- what is no key


@named(STRINGS | REPORTS)
def test_no_answer_of_a_terminal_is_a_key_wherever_the_line_tears_it(sent: bytes) -> None:
    for pieces in splits(sent):
        for then in (0.0, LONG):
            reading = read(pieces, then)
            assert set(reading.keys) <= {"escape"}, pieces
            assert reading.texts == reading.pastes == [], pieces
            reading.now += LONG
            reading.messages.clear()
            reading.read(b"l")
            assert reading.keys == ["l"], f"the key after {pieces} was lost"


@named(STRINGS | REPORTS)
def test_an_answer_in_one_piece_is_not_even_an_escape(sent: bytes) -> None:
    assert read([sent]).keys == []


def test_an_arrow_that_was_torn_from_its_escape_is_the_arrow() -> None:
    for then in (0.0, LONG, 30.0):
        assert [key for key in read([b"\x1b", b"[A"], then).keys if key != "escape"] == ["up"]
        assert [key for key in read([b"\x1b", b"[", b"A"], then).keys if key != "escape"] == ["up"]


@pytest.mark.parametrize("text", PASTES, ids=lambda text: ascii(text[:20]))
def test_what_comes_in_one_read_is_no_command(text: str) -> None:
    reading = read([text.encode()])
    assert reading.keys == []
    assert "".join(reading.texts) == text.replace("\x1bA", "")


class Dripping:
    """A selector of a line on which a piece comes whenever it is asked whether one does."""

    def __init__(self, line: int, pieces: list[bytes]) -> None:
        self._line, self._pieces = line, pieces

    def select(self, seconds: float) -> bool:
        if self._pieces:
            os.write(self._line, self._pieces.pop(0))
            return True
        return False


@pytest.mark.parametrize(
    ("first", "read"), [(b"l", b"launch"), (b"\xe9", b"\xe9aunch"), (b"j", b"j"), (b"\x1b", b"\x1b")]
)
def test_what_comes_byte_by_byte_is_one_read_but_keys_that_move_do_not_wait(first: bytes, read: bytes) -> None:
    reading = Reading()
    reading.fileno, line = os.pipe()
    try:
        os.write(line, first)
        assert reading._read(Dripping(line, [b"a", b"u", b"n", b"c", b"h"])) == read  # type: ignore[arg-type]
    finally:
        os.close(reading.fileno)
        os.close(line)


def test_the_last_letter_of_a_paste_is_no_command_in_a_read_of_its_own() -> None:
    reading = read([b"console status 121", b"l"], then=0.02)
    assert (reading.keys, reading.texts) == ([], ["console status 121", "l"])


@named({name: sent for name, sent in KEYS.items() if name != "escape, kitty"})
def test_a_letter_beside_another_key_is_no_command(sent: bytes) -> None:
    assert len(read([sent]).keys) == 1
    for both in (sent + b"l", b"l" + sent):
        keys = read([both]).keys
        assert keys == read([sent]).keys or (keys == [] and sent.endswith(b"u"))


def test_a_letter_that_noise_spells_is_none() -> None:
    assert read([b"qa\x1b[97u\x1b4;u25P"]).keys == []
    assert read([b"\x1b[97u\x1b[99u"]).keys == ["a", "c"]


def test_a_marked_paste_is_a_paste_wherever_the_line_tears_it() -> None:
    for pieces in splits(b"\x1b[200~launch\r\x1b[A 1217 \xc3\xa9\xff\x1b[201~"):
        reading = read(pieces)
        assert set(reading.keys) <= {"escape"}, pieces
        assert (reading.pastes, reading.texts) == (["launch\r\x1b[A 1217 é"], []), pieces


def test_a_paste_without_end_is_forgotten_and_never_large() -> None:
    reading = read([b"\x1b[200~"])
    for _ in range(20):
        reading.read(b"launch 1217\n" * 300)
        assert len(reading._stream._bytes) < 3 * stream.PASTE_LIMIT
    reading.read(b"\x1b[201~")
    assert [len(paste) for paste in reading.pastes] == [stream.PASTE_LIMIT]


@pytest.mark.parametrize(
    "character", [b"\xe9", b"\xff", b"\xec", b"\x80", b"\xc3", b"\xf0\x9f", b"\xed\xa0\x80", b"\xc0\xaf"]
)
def test_bytes_that_are_no_text_are_dropped_and_the_next_key_works(character: bytes) -> None:
    assert read([character]).messages == []
    assert read([character, b"l"]).keys == ["l"]
    assert read([b"l" + character]).keys == []


@pytest.mark.parametrize("begin", [b"\x1bP", b"\x1b]0;", b"\x90", b"\x1b[200~"], ids=ascii)
def test_what_has_no_end_does_not_swallow_the_keyboard(begin: bytes) -> None:
    reading = read([begin + b"launch"])
    reading.read(b"l")
    assert reading.keys == [], "it would be a key in the middle of an answer"
    reading.now += stream.QUIET
    reading.read(b"l")
    assert reading.keys == ["l"]


def test_an_escape_ends_a_string() -> None:
    assert read([b"\x1bPlaunch", b"\x1b", b"l"]).keys == ["l"]


def test_a_string_of_any_length_is_no_key_but_ends_the_sooner() -> None:
    pieces = [b"\x1b]52;c;", *[b"launch" * 600] * 40]
    assert sum(map(len, pieces)) > 2 * stream.LIMIT
    reading = read([*pieces, b"l"], then=0.01)
    assert reading.keys == []
    reading.now += LONG
    reading.read(b"l")
    assert reading.keys == ["l"]


@pytest.mark.parametrize("control", [b"\x18", b"\x1a"])
def test_what_ends_a_torn_sequence_suspends_nothing(control: bytes) -> None:
    assert read([b"\x1b[1", control]).keys == []
    assert read([b"\x1bP1", control]).keys == []
    assert read([b"\x1b[1", control, b"l"]).keys == ["l"]


@given(st.lists(st.binary(min_size=2, max_size=40), max_size=20), st.sampled_from([0.0, 0.05, LONG, 5.0]))
def test_no_bytes_raise_or_press_a_key_that_acts(pieces: list[bytes], then: float) -> None:
    reading = read(pieces, then)
    keys = [message for message in reading.messages if isinstance(message, events.Key)]
    plain = [key.key for key in keys if key.is_printable and (key.character or "").isascii()]
    assert set(plain) <= MOVES or any(b"u" in piece for piece in pieces), "only kitty spells letters with an escape"


# ---- what is a key


@named(KEYS)
def test_a_key_comes_through_wherever_the_line_tears_it(sent: bytes) -> None:
    whole = read([sent]).keys
    assert len(whole) == 1
    for pieces in splits(sent):
        keys = read(pieces).keys
        assert keys in (whole, ["escape", *whole]), pieces


@pytest.mark.parametrize("sequence", sorted(TABLE), ids=ascii)
def test_every_sequence_of_the_table_leaves_the_parser_ready_for_the_next_key(sequence: str) -> None:
    reading = read([sequence.encode(), b"l"])
    assert reading.keys[-1] == "l"
    assert [key for key in reading.keys[:-1] if len(key) == 1 or key in ("space", "question_mark")] == []


@pytest.mark.parametrize("key", "lrcahuA?:/ q1\r\t\x10\x11\x7fé")
def test_a_character_alone_is_a_key(key: str) -> None:
    reading = read([key.encode()])
    assert len(reading.keys) == 1
    assert reading.texts == []


@pytest.mark.parametrize(
    ("held", "keys"),
    [
        (b"jj", ["j", "j"]),
        (b"kkkkkkkk", ["k"] * 8),
        (b"\x1b[B\x1b[B\x1b[B", ["down"] * 3),
        (b"j\x1b[Bj", ["j", "down", "j"]),
        (b"gjj", ["g", "j", "j"]),
        (b"\t\r", ["tab", "enter"]),
        (b"\t\t", ["tab", "tab"]),
        (b"\x1b\x1b", ["escape", "escape"]),
        (b"\x1b\r", ["escape", "enter"]),
        (b"\x0c\x0c", ["ctrl+l", "ctrl+l"]),
        (b"\x1b[108;;108u\x1b[114;;114u", ["l", "r"]),
    ],
    ids=lambda value: ascii(value) if isinstance(value, bytes) else "",
)
def test_keys_that_only_move_may_be_held_on_a_line_that_lags(held: bytes, keys: list[str]) -> None:
    assert read([held]).keys == keys


def test_keys_that_the_profile_gives_to_the_moves_may_be_held_too(tmp_path: Path) -> None:
    app = make_app(tmp_path / "ledger.db", keys={"down": ["n", "f9"], "launch": ["d"]})
    assert app.driver_class.moves == set("jkgGn")
    assert driver_with(frozenset()).moves == set("jkgG")


def test_an_escape_is_told_after_its_delay_and_not_before() -> None:
    reading = Reading()
    reading.read(b"\x1b", then=DELAY / 2)
    assert reading.keys == []
    reading.read(b"\x1b", then=DELAY)
    assert reading.keys == ["escape", "escape"]
    assert read([b"\x1b", b"l"]).keys == ["escape", "l"]
    assert read([b"\x1bl"]).keys == [], "that is alt+l"


# ---- where it arrives


def at_once(text: str) -> TypedAtOnce:
    parser = XTermParser()
    return TypedAtOnce([key for character in text for key in parser.feed(character) if isinstance(key, events.Key)])


async def comes(pilot: Pilot[Any], text: str) -> None:
    pilot.app.post_message(at_once(text))
    await pilot.pause()


def asked(demo: DemoLedger) -> list[Any]:
    return demo.ledger.rows("SELECT verb FROM requests")


async def test_text_where_letters_are_commands_does_nothing_and_says_so(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        for text in PASTES:
            await comes(pilot, text)
            assert len(app.screen_stack) == 1
        await comes(pilot, "console status 1217")
        await until_shown(pilot, "nothing was done: 'console status 1217' came at once")
        pilot.app.post_message(events.Paste("launch 1217\n"))
        await until_shown(pilot, "nothing was done: 'launch 1217' came at once")
        await pilot.press(*keys_to(1217), "c")
        await until_shown(pilot, "Cancel run 1217?")
        await comes(pilot, "\t\rl y")
        assert len(app.screen_stack) == 2, "a question is answered by keys"
    assert asked(demo) == []


async def test_a_filter_and_a_command_line_take_text_at_once_but_not_its_enter(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("slash")
        await comes(pilot, "run:1204x\x7f\r")
        await until_shown(pilot, "/run:1204_", "1/1 of 19")
        await pilot.press("enter", "colon")
        await comes(pilot, "launch\r")
        await until_shown(pilot, ":launch_")
        await pilot.press("escape", "colon")
        await comes(pilot, "\x7flll")  # a backspace ends the empty line
        await until_shown(pilot, "l launch")
    assert asked(demo) == []


async def test_the_palette_and_a_word_that_is_asked_for_take_text_at_once(demo: DemoLedger) -> None:
    app = make_app(demo.ledger.path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await comes(pilot, "cancel\r")
        await until_shown(pilot, "> cancel_")
        await pilot.press("escape", "asterisk", "c")
        await until_shown(pilot, "To do it, type cancel and press enter")
        await comes(pilot, "can\r")
        pilot.app.post_message(events.Paste("cel"))
        await until_shown(pilot, "> cancel_")
    assert asked(demo) == []


def test_the_console_reads_with_its_own_driver(tmp_path: Path) -> None:
    app = make_app(tmp_path / "ledger.db")
    assert isinstance(app, ConsoleApp)
    assert app.driver_class.__mro__[1].__name__ == "ConsoleDriver"

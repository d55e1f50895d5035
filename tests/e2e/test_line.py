"""An acting console on a line that sends what nobody pressed: real pseudo-terminals, and a stand-in that drives.

FRIB_BYTES=1000000 sends more random ones; FRIB_BYTES_SEED repeats a failure: the seed is printed.
"""

from __future__ import annotations

import os
import random
import re
import signal
import stat
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte
import pytest

from console.ledger.presence import driver
from console.ledger.store import Ledger
from console.settings.constants import EXIT_INTERNAL
from tests.benchmarks.campaign import PROFILE, driven
from tests.benchmarks.result import ROOT
from tests.benchmarks.terminal import Terminal, running
from tests.ledger_fixture import demo_ledger
from tests.screens.terminal.reading import splits
from tests.screens.terminal.replies import KEYS, REPORTS, STRINGS
from tests.waiting import until

BYTES = int(os.environ.get("FRIB_BYTES", "100000"))
ESCAPE_DELAY = 0.02  # s; ten times less than by itself, so that the gaps may be short
GAP = 3 * ESCAPE_DELAY
NO_TEXT = (b"\xe9", b"\xff", b"\xec", b"\xc3", b"\x80\x80", b"\x1b[M \xc8\xe9", b"\x1b[M\xa0\xff\xff", b"\xf0\x9f\x92")
PASTES = (b"console status 1217", b"launch\r", b"ll", b"A a", b"\x1b[200~launch\rA\x1b[201~", b"al" * 3000)
MODES_OF_OTHERS = (b"?9l", b"?1000l", b"?1002l", b"?1003l", b"?1005l", b"?1006l", b"?1015l", b"?1016l")


class Line:
    """A console on a ledger with runs in every state; the cursor is on one that can be launched."""

    def __init__(self, terminal: Terminal, ledger: Ledger, home: Path) -> None:
        self.terminal, self.ledger, self.home = terminal, ledger, home

    def send(self, *pieces: bytes, gap: float = GAP) -> None:
        for piece in pieces:
            self.terminal.send(piece)
            self.terminal.watch(gap)

    def shows(self, words: str) -> bool:
        """Only what changes is painted, so the screen has to be put together."""
        screen = pyte.Screen(120, 40)
        pyte.ByteStream(screen).feed(self.terminal.output)
        return any(words in line for line in screen.display)

    def asked(self) -> list[Any]:
        return [row["verb"] for row in self.ledger.rows("SELECT verb FROM requests")]

    def _pressed(self) -> list[Any]:
        """What `o` asked for. Again and again: ESC and a key that a busy machine reads at once are alt and the key."""
        self.send(b"\x1b", gap=0.5)
        self.send(b"o", gap=1.0)
        return self.asked()

    def still_works(self) -> None:
        """Nothing was asked for, and a key does what it should."""
        assert not self.terminal.closed, self.terminal.text()[-2000:]
        assert self.asked() == []
        until(self._pressed, told=lambda: self.terminal.text()[-2000:])
        assert set(self.asked()) == {"auto"}
        self.terminal.send(b"q")
        assert self.terminal.wait_for_exit() == 0


@contextmanager
def line(directory: Path, environ: Mapping[str, str] = {}, program: str = "", sign: str = "of 1214") -> Iterator[Line]:
    home, ledger = directory / "home", directory / "ledger.db"
    home.mkdir(exist_ok=True)
    (directory / "profile.toml").write_text(f'ledger = "{ledger}"\n{PROFILE.read_text()}')
    demo = demo_ledger(ledger)
    places = {"HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "ESCDELAY": "20"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "XDG_", "COL", "LINES"))}
    command = [sys.executable, *(["-c", program] if program else ["-m", "screens"])]
    command += ["--profile", str(directory / "profile.toml")]
    try:
        with driven(ledger, 0), running(command, kept | places | environ) as terminal:
            terminal.wait_for(sign)
            yield Line(terminal, demo.ledger, home)
    finally:
        demo.ledger.close()


@pytest.fixture
def at_1218(tmp_path: Path) -> Iterator[Line]:
    with line(tmp_path) as opened:
        opened.send(*[b"j"] * 4)  # below what needs somebody and the run that is recorded
        until(lambda: opened.terminal.watch(0.1) or opened.shows("run 1218 is complete"))
        yield opened


# ---- input that is no key


def test_answers_torn_from_their_escape_and_pastes_ask_for_nothing(at_1218: Line) -> None:
    at_1218.send(b"\x1b", gap=0.6)
    at_1218.send(b"[A", gap=0.6)
    at_1218.send(b"\x1b[B")
    for name in ("XTVERSION, libvterm", "OSC 11, bell", "private, of one byte"):
        for pieces in splits(STRINGS[name]):
            if len(pieces) != 3:
                at_1218.send(*pieces)
    for sent in (*STRINGS.values(), *REPORTS.values(), *PASTES):
        at_1218.send(sent)
    assert "nothing was done" in at_1218.terminal.text()
    at_1218.still_works()


def pieces_by_chance(chance: random.Random) -> Iterator[bytes]:
    """Strings of 2 to 200 bytes, so many bytes in all: noise, answers, keys that move, torn ones; never a lone key."""
    known = [*STRINGS.values(), *REPORTS.values(), *NO_TEXT, *(KEYS[name] for name in ("up", "home", "pagedown"))]
    left = BYTES
    while left > 0:
        length = chance.randint(2, 200)
        piece = b""
        while len(piece) < length:
            kind = chance.random()
            if kind < 0.4:
                piece += chance.randbytes(chance.randint(1, 40))
            elif kind < 0.6:
                piece += bytes(chance.choices(b"lrcahAq?:/ \r\t\x1b[]OP0123456789;~", k=chance.randint(1, 20)))
            else:
                whole = chance.choice(known)
                piece += whole if chance.random() < 0.7 else whole[: chance.randint(1, len(whole))]
        piece = piece[:200]
        yield piece
        left -= len(piece)


def test_random_bytes_ask_for_nothing_and_end_nothing(at_1218: Line) -> None:
    seed = int(os.environ.get("FRIB_BYTES_SEED", time.time_ns() % 1_000_000))
    print(f"FRIB_BYTES_SEED={seed}")
    chance = random.Random(seed)
    for piece in pieces_by_chance(chance):
        at_1218.send(piece, gap=chance.choice((0.0, 0.001, 0.01, GAP)))
        assert not at_1218.terminal.closed, f"ended by {piece!r}"
    at_1218.still_works()


# ---- one byte, and other things that ended it


def test_no_byte_ends_the_console(at_1218: Line) -> None:
    at_1218.send(*NO_TEXT, *(bytes([byte, byte]) for byte in range(0x80, 0x100)))
    at_1218.still_works()


def test_what_another_program_left_on_is_switched_off(at_1218: Line) -> None:
    begin = at_1218.terminal.output
    assert [mode for mode in MODES_OF_OTHERS if b"\x1b[" + mode not in begin] == []
    assert b"\x1b[?2004h" in begin, "pastes are marked"
    assert b"\x1b[?2048$p" not in begin, "a size that is read could be any"


def test_the_size_of_the_terminal_wins_over_the_environment(tmp_path: Path) -> None:
    with line(tmp_path, {"COLUMNS": "33", "LINES": "9"}) as opened:
        opened.terminal.wait_for("q quit")
        rows = re.findall(rb"\x1b\[(\d+);\d+H", opened.terminal.output)
        assert max(map(int, rows)) == 40
        assert 34 * "─" in opened.terminal.text()


@pytest.mark.parametrize("name", ["dumb", ""])
def test_without_a_terminal_that_can_draw_there_is_one_line_and_exit_code_2(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-m", "screens", "--sandbox"]
    with running(command, {**os.environ, "TERM": name, "HOME": str(tmp_path)}) as terminal:
        assert terminal.wait_for_exit() == 2
    assert re.fullmatch(rb"console: TERM is [^\r\n]*\r\n", terminal.output), terminal.output


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LANG": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "iso8859-1"}], ids=str
)
def test_a_locale_without_lines_gets_ascii_by_itself(tmp_path: Path, locale: dict[str, str]) -> None:
    with line(tmp_path, locale) as opened:
        opened.terminal.wait_for("q quit")
        assert opened.terminal.output.isascii()
        assert "\\u" not in opened.terminal.text()


def test_a_terminal_that_is_gone_ends_it_also_where_no_signal_comes(tmp_path: Path) -> None:
    program = """if True:
        import asyncio, signal, sys
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        set_handler, add_handler = signal.signal, asyncio.SelectorEventLoop.add_signal_handler
        signal.signal = lambda number, does: number != signal.SIGHUP and set_handler(number, does)
        asyncio.SelectorEventLoop.add_signal_handler = lambda *_: None
        from screens.__main__ import main
        sys.exit(main())
    """
    with line(tmp_path, program=program) as opened:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, opened.terminal.fd)  # which closes the other end
        os.close(nothing)
        assert os.waitstatus_to_exitcode(os.waitpid(opened.terminal.pid, 0)[1]) == 128 + signal.SIGHUP
        assert list(opened.home.rglob("failure-*")) == []


# ---- a fault of its own

FAULTS = {
    "the screen": "from screens.app import ConsoleApp as kind; name = '_tick'",
    "the reading of keys": "from screens.terminal.stream import Stream as kind; name = 'feed'",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_its_own_ends_it_with_a_code_a_sane_terminal_and_a_traceback(tmp_path: Path, fault: str) -> None:
    program = f"""if True:
        import sys
        {fault}
        kept, times = getattr(kind, name), []
        def broken(self, *arguments):
            times.append(1)
            if len(times) > 3:
                password = "hunter2"
                raise RuntimeError("a bug, " + "for the test")
            return kept(self, *arguments)
        setattr(kind, name, broken)
        from screens.__main__ import main
        sys.exit(main())
    """
    with line(tmp_path, program=program) as opened:
        terminal = opened.terminal
        driving = driver(opened.ledger.path)
        assert driving is not None
        while not terminal.closed:
            terminal.send(b"j")
            terminal.watch(0.2)
        assert terminal.wait_for_exit() == EXIT_INTERNAL
        after = terminal.output.rpartition(b"\x1b[?1049l")[2]
        assert b"\x1b[?25h" in after
        assert termios.tcgetattr(terminal.fd)[3] & termios.ECHO
        # A key that came too late is echoed, before the line or after it.
        told = re.search(rb"console: internal error, .*; traceback: (\S+\.txt)j*\r\nj*$", after)
        assert told is not None, after
        kept = Path(told[1].decode())
        assert kept.parent == opened.home / ".local/state/frib-flow-console"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert "RuntimeError: a bug, for the test" in kept.read_text()
        assert "hunter2" not in kept.read_text() + terminal.text()
        assert driver(opened.ledger.path).pid == driving.pid
        assert opened.asked() == []

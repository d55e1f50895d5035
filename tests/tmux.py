"""A console in a real terminal: tmux with a screen of a given size, keys typed, the text read off."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.waiting import HANGS_AFTER, until

MARK = "FRIB_TEST_TERMINAL"


class Terminal:
    """One window. What runs in it, and all that this starts, carries a mark in its environment."""

    def __init__(self, directory: Path, size: tuple[int, int], command: list[str]) -> None:
        self.mark = uuid.uuid4().hex
        self._socket = f"frib-{self.mark[:8]}"
        self._exit_code = directory / "exit-code"
        width, height = size
        # Where pytest has loaded readline, that has put a size of its own into the environment.
        run = f"unset COLUMNS LINES; {shlex.join(command)}; echo $? >{shlex.quote(str(self._exit_code))}; exec cat"
        settings: Mapping[str, str] = {MARK: self.mark, "TMPDIR": str(directory), "TERM": "screen-256color"}
        environment = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), *environment, run)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def paste(self, words: str) -> None:
        """As a terminal pastes, between marks where the program has asked for them."""
        self._tmux("set-buffer", "--", words)  # a code may begin with -
        self._tmux("paste-buffer", "-p")

    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *texts: str) -> str:
        """The screen as soon as it shows all of these."""
        until(lambda: all(text in self.text() for text in texts), every=0.1, told=lambda: f"{texts}\n{self.text()}")
        return self.text()

    def wait_for_end(self) -> int:
        """The exit code of the command, when it has ended by itself."""
        return int(until(lambda: self._exit_code.exists() and self._exit_code.read_text().strip()))

    def close(self) -> None:
        """As when the window is closed or the line drops: SIGHUP."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)

    def processes(self, *words: str) -> list[psutil.Process]:
        """What lives with the mark and has all these words in its command line (our own `cat` and shell left out)."""
        found = []
        for process in psutil.process_iter():
            try:
                line = process.cmdline()
                marked = process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                continue
            ours = not line or Path(line[0]).name in ("cat", "sh", "tmux")
            if marked and not ours and all(any(word in part for part in line) for word in words):
                found.append(process)
        return found

    def nothing_is_left(self) -> None:
        until(lambda: not self.processes(), every=0.1, told=lambda: str([p.cmdline() for p in self.processes()]))

    def kill(self, *words: str) -> int:
        """SIGKILL the first process with these words in its command line; returns its id."""
        process = self.processes(*words)[0]
        process.send_signal(signal.SIGKILL)
        return process.pid

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=True, timeout=HANGS_AFTER
        ).stdout


@contextmanager
def terminal(
    directory: Path, *arguments: str, size: tuple[int, int] = (120, 40), through: Sequence[str] = ()
) -> Iterator[Terminal]:
    """A terminal in which `console ARGUMENTS` runs; whatever happens, nothing of it is left afterwards.

    `through`: a command that runs another one, as a line does (tests/slow_line.py).
    """
    directory.mkdir(parents=True, exist_ok=True)
    window = Terminal(directory, size, [*through, str(Path(sys.executable).with_name("console")), *arguments])
    try:
        yield window
    finally:
        window.close()
        for process in window.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()

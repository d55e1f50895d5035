"""A command that talks to the operator itself: the screen steps aside while it has the terminal."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol


class Screen(Protocol):
    def suspend(self) -> AbstractContextManager[None]:
        """The terminal is as it was before the screen, for as long as this is held."""


def run_aside(screen: Screen, command: Sequence[str]) -> int:
    """Its exit code. It has no time limit: a person answers it, and ctrl+c ends it, not the screen. What it said when
    it failed stays until the operator has read it."""
    with screen.suspend():
        before = signal.signal(signal.SIGINT, lambda *_: None)  # and not SIG_IGN, which it would inherit
        try:
            code = subprocess.run(command, check=False).returncode
            if code:
                input("enter goes back to the console")
        except EOFError:
            pass
        finally:
            signal.signal(signal.SIGINT, before)
    return code

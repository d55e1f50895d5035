"""Running a program with input and a time limit, whatever it starts and wherever it hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress

from console.ledger.errors import Trouble
from flowspec import text
from remote.globus.credentials import hidden

SECONDS = 30.0
SAID_CELLS = 200


def run(what: str, command: Sequence[str], given: str, extra: Mapping[str, str] | None = None) -> None:
    """Run it with `given` on stdin and `extra` in its environment. Raises Trouble when it fails.

    Files and no pipes: who inherits them cannot hold us. `what` names it in the trouble.
    """
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as said:
        stdin.write(given.encode(errors="replace"))
        stdin.seek(0)
        try:
            process = subprocess.Popen(
                list(command), stdin=stdin, stdout=said, stderr=said, env=os.environ | (extra or {}),
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Trouble(f"{what}: {command[0]} cannot be started: {error.strerror}") from None
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with all that it has started
            process.wait()
            raise Trouble(f"{what}: {command[0]} took longer than {SECONDS:.0f} s and was ended") from None
        if code:
            said.seek(0)
            words = said.read(20_000).decode(errors="replace").strip().splitlines()
            last = text.clean(hidden(words[-1] if words else "it said nothing"), SAID_CELLS)
            raise Trouble(f"{what}: {command[0]} ended with return code {code}: {last}")

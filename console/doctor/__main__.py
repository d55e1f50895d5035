"""The doctor or a preflight as a process of its own, for the screen: each line is a finding, as JSON, when it is found.

    python -m console.doctor doctor|preflight PROFILE

It ends when its stdin does, as ctrl+c ends the command: a preflight cleans up before.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from console import connect
from console.doctor import there
from console.doctor.examine import LOGIN, examine
from console.doctor.finding import Finding, bad
from console.doctor.preflight import NO_SEGMENT, preflight, smallest_segment
from console.doctor.subject import Subject
from console.settings.errors import SettingsError
from console.settings.profiles import load
from remote.globus.credentials import hidden_in
from remote.globus.errors import RemoteError


def fly(profile: Path) -> Iterator[Finding]:
    """A preflight of the smallest segment that is known."""
    try:
        settings = load(profile)
        subject = Subject(settings, connect.remote(settings))
    except SettingsError as error:
        yield bad("profile", str(error), f"correct {profile}")
    except RemoteError as error:
        yield there.of_error(LOGIN, error)
    else:
        segment = smallest_segment(subject)
        if segment is None:
            yield bad("segment", NO_SEGMENT, "give it one, in a shell: console preflight SEGMENT")
        else:
            yield from preflight(subject, segment.resolve())


CHECKS: Mapping[str, Callable[[Path], Iterator[Finding]]] = {"doctor": examine, "preflight": fly}


def main(check: str, profile: str) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_stdin, name="lifeline", daemon=True).start()
    try:
        for finding in CHECKS[check](Path(profile)):
            print(json.dumps(hidden_in(finding.document())), flush=True)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""A driver that is killed with SIGKILL at its n-th durable step: before or after a commit, before or after an effect.

    python -m tests.fire.doomed N TRACE [arguments of console]

Each step is a line of the file TRACE, so that who counts knows how many there are (N = 0: it is not killed).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from console.cli.parser import main
from console.ledger.store import Ledger


def doom(at: int, trace: str) -> None:
    steps = 0
    lock = threading.Lock()
    commit, send = Ledger.change, requests.Session.send

    def step(name: str) -> None:
        nonlocal steps
        with lock:
            steps += 1
            with open(trace, "a") as file:
                file.write(name + "\n")
            if steps == at:
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def change(self: Ledger) -> Iterator[Any]:
        outermost = not self._db.in_transaction
        with commit(self) as db:
            yield db
            if outermost:
                step("before a commit")
        if outermost:
            step("after a commit")

    def effect(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if request.method == "GET" or "/batch_status" in str(request.url):
            return send(self, request, **options)
        what = f"{request.method} {request.path_url}"
        step(f"before {what}")
        reply = send(self, request, **options)
        step(f"after {what}")
        return reply

    replace: Callable[[object, str, Any], None] = setattr
    replace(Ledger, "change", change)
    replace(requests.Session, "send", effect)


if __name__ == "__main__":
    doom(int(sys.argv[1]), sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    sys.exit(main())

"""Being the driver: lock, log, signals and lifeline around `console.driver`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable

from console.driver import Driver
from console.ledger import Ledger
from console.presence import DriverLock, driver
from console.settings import Settings


def watch(load: Callable[[], Settings], *, mode: str, lifeline: bool) -> int:
    """Drive until a signal, or with `lifeline` until stdin ends. Returns the exit code; 1 when another one drives."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr, force=True
    )
    settings = load()
    lock = DriverLock(settings.ledger)
    if not lock.take(mode):
        other = driver(settings.ledger)
        who = f"{other.who}, pid {other.pid} on {other.host}" if other else "another process"
        print(f"console: {who} drives this experiment already", file=sys.stderr)
        return 1
    work = Driver(load)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: work.stop.set())
    if lifeline:
        threading.Thread(target=_until_stdin_ends, args=(work.stop,), daemon=True).start()
    Ledger(settings.ledger).event("info", f"driver started ({mode})", actor="driver")
    code = work.run(lock)
    Ledger(settings.ledger).event("info" if code == 0 else "bad", "driver stopped", actor="driver")
    return code


def _until_stdin_ends(stop: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()

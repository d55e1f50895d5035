"""Being the driver: lock, log, signals and lifeline around `console.driver.loop`."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import threading
from collections.abc import Callable

from console.driver import systemd
from console.driver.process import EXIT_ANOTHER, EXIT_DISK
from console.driver.takeover import AnotherDrives, CannotReplace, become_driver
from console.ledger.store import Ledger, LedgerError
from console.settings.model import Settings
from console.settings.private import NotOurs, told
from remote.globus.credentials import LogFormatter
from remote.signals import set_on_signal


def drive(load: Callable[[], Settings], *, mode: str, lifeline: bool) -> int:
    """Drive until a signal, or with `lifeline` until stdin ends. Returns an exit code of `console.driver.process`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    settings = load()
    try:
        lock, takeover = become_driver(settings.ledger, mode)
    except AnotherDrives as error:
        return _not_driving(EXIT_ANOTHER, f"{error} drives this experiment already")
    except CannotReplace as error:
        return _not_driving(1, str(error))
    except NotOurs as error:
        return _not_driving(EXIT_DISK, str(error))
    except OSError as error:
        return _not_driving(EXIT_DISK, f"there can be no driver without its lock file: {told(error)}")

    from console.driver.loop import Driver  # only the one that drives waits for this

    driver = Driver(load, lock, takeover)
    set_on_signal(driver.stop)
    if lifeline:
        threading.Thread(target=_until_stdin_ends, args=(driver.stop,), daemon=True).start()
    systemd.notify(systemd.READY)
    code = driver.run()
    systemd.notify(systemd.STOPPING)
    with contextlib.suppress(LedgerError, sqlite3.Error):  # a full disk must not keep it from ending
        ledger = Ledger(settings.ledger, must_exist=True)  # one that was deleted is not begun anew to say this
        if code == 0:
            ledger.event("info", "driver stopped", actor="driver")
        else:
            ledger.event("bad", f"driver stopped: {driver.failure}", actor="driver")
        ledger.close()
    lock.release()
    return code


def _not_driving(code: int, why: str) -> int:
    print(f"console: {why}", file=sys.stderr)
    return code


def _until_stdin_ends(stop: threading.Event) -> None:
    try:
        while os.read(0, 4096):  # not sys.stdin: its lock, held here for ever, would abort the end of the process
            pass
    finally:
        stop.set()  # also when it cannot be read: nobody would end us

"""Ending when a signal says so."""

from __future__ import annotations

import os
import signal
import threading

ENDING = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


def set_on_signal(stop: threading.Event) -> None:
    """Set `stop` when one of these comes. To be called by the main thread.

    A handler that sets it may wait for ever: it runs in the main thread, which may hold the lock of the event just
    then, in `stop.wait()`. So the interpreter writes to a pipe, and a thread sets it.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in ENDING:
        signal.signal(number, lambda *_: None)
    threading.Thread(target=_set_when_written, args=(stop, reading), name="signals", daemon=True).start()


def _set_when_written(stop: threading.Event, reading: int) -> None:
    os.read(reading, 1)
    stop.set()

"""Events of the kernel about a directory and what is below it, as names of its direct children."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

log = logging.getLogger("console.disk.events")


class DirectoryEvents:
    """Says which children of `directory` something happened in. Without events it is just quiet.

    `reports` says whether a path is on a file system with events.
    """

    def __init__(self, directory: Path, reports: Callable[[Path], bool]) -> None:
        self._directory = directory
        self._reports = reports
        self._observer: Any = None
        self._followed: object = None
        self._touched: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def follow(self, identity: object) -> None:
        """Observe the directory, which is the one that `identity` stands for (None: it is not there).

        An observer stays with the directory that it began with, so that a successor of the same name needs another
        one. What cannot be observed is not tried again.
        """
        if identity == self._followed and (self._observer is None or self._observer.is_alive()):
            return
        self.close()
        self._followed = identity
        if identity is None or not self._reports(self._directory):
            return
        try:
            self._observer = _observer(self._directory, self._note)
        except OSError as error:  # gone again, or no watches left: the looks go on without events
            log.warning("no events from %s: %s", self._directory, error)

    def wait(self, seconds: float) -> set[str]:
        """The children touched since the last call, waiting up to `seconds` for the first."""
        self._wake.wait(seconds)
        with self._lock:
            self._wake.clear()
            touched, self._touched = self._touched, set()
        return touched

    def close(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=2)
            self._observer = None

    def _note(self, path: str) -> None:
        below = Path(path).relative_to(self._directory).parts
        if below:
            with self._lock:
                self._touched.add(below[0])
                self._wake.set()


def _observer(directory: Path, note: Callable[[str], None]) -> Any:
    from watchdog import events
    from watchdog.observers import Observer

    class Notes(events.FileSystemEventHandler):
        def on_any_event(self, event: events.FileSystemEvent) -> None:
            for path in (event.src_path, event.dest_path):
                if path:
                    note(os.fsdecode(path))

    # Neither each write to a growing file (a storm; its closing is an event) nor our own reading.
    wanted: list[type[events.FileSystemEvent]] = [
        events.FileCreatedEvent,
        events.DirCreatedEvent,
        events.FileMovedEvent,
        events.DirMovedEvent,
        events.FileDeletedEvent,
        events.DirDeletedEvent,
        events.FileClosedEvent,
    ]
    observer = Observer()
    observer.daemon = True
    observer.schedule(Notes(), str(directory), recursive=True, event_filter=wanted)
    observer.start()
    return observer

"""Checks of this machine: directories, file systems, locks, room, ledger, driver, limits."""

from __future__ import annotations

import os
import re
import resource
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from console import VERSION
from console.disk import mark as marks
from console.disk import space
from console.doctor.finding import Finding, bad, ok, warn
from console.doctor.subject import Subject
from console.driver.marking import elsewhere
from console.ledger import filesystem, presence, runs
from console.ledger.errors import LedgerError
from console.settings.private import NotOurs, refuse_shared
from flowspec import catalogue, text

LEAST_FILES = 256  # that a console with its driver may have open
SDKS = {"globus-sdk": ((4, 9), (5,)), "globus-compute-sdk": ((4, 19), (5,))}  # as in pyproject.toml
LEAST_LEDGER_BYTES = 200_000_000  # of room for ledger, log and backups


def runs_directory(subject: Subject) -> Iterator[Finding]:
    directory = subject.settings.dtn.runs
    try:
        count = sum(1 for _ in directory.iterdir())
    except OSError as error:
        yield bad("runs", f"{directory}: {error.strerror}", _seeing("dtn.runs"))
        return
    yield ok("runs", f"{directory}: can be read, {text.counted(count, 'name')}, {_kind(directory)}")


def results_directory(subject: Subject) -> Iterator[Finding]:
    """Also by writing a file, which has no name there or is gone at once."""
    directory = subject.settings.dtn.results
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"console doctor")
            file.flush()
            os.fsync(file.fileno())
        room = space.measure(directory)
    except FileNotFoundError as error:
        yield bad("results", f"{directory}: {error.strerror}", _seeing("dtn.results"))
        return
    except OSError as error:
        yield bad("results", f"{directory} cannot be written: {error.strerror}", "give this account the right to it")
        return
    yield ok("results", f"{directory}: can be written, {_kind(directory)}")
    if room.short:
        yield bad("room", f"the DTN disk is {room}: nothing is launched", f"make room in {directory}")
    elif room.used > space.SHOWN_FROM:
        yield warn("room", f"the DTN disk is {room}", f"make room in {directory} before it is full")
    else:
        yield ok("room", f"the DTN disk is {room}")


def _seeing(key: str) -> str:
    return f"mount its file system, or correct {key} in the profile"


def _kind(path: Path) -> str:
    kind = filesystem.kind_of(path) or "unknown file system"
    return kind if filesystem.reports_events(path) else f"{kind} (no events: looked at again and again)"


def ledger_place(subject: Subject) -> Iterator[Finding]:
    """Ours alone, on a file system of this machine on which locks work, and with room."""
    directory = _nearest(subject.settings.ledger.parent)
    if problem := filesystem.no_place_for_a_ledger(directory):
        yield bad("locks", problem, "set ledger in the profile to a path on a local disk")
    else:
        yield ok("locks", f"{directory}: {filesystem.kind_of(directory) or 'unknown file system'}, locks work")
    free = space.measure(directory).free
    if free < LEAST_LEDGER_BYTES:
        yield bad("disk", f"{directory}: {text.size(free)} free", f"make room in {directory}")


def _nearest(path: Path) -> Path:
    """The directory, or the one above it in which it will be made."""
    return next(each for each in (path, *path.parents) if each.is_dir())


def ledger(subject: Subject) -> Iterator[Finding]:
    path = subject.settings.ledger
    directory = _nearest(path.parent)
    try:
        if directory == path.parent:
            refuse_shared(directory)
        found = subject.read(lambda ledger: len(runs.runs(ledger)))
    except (NotOurs, LedgerError) as error:
        yield bad("ledger", str(error), "or use the account that has it, or set another path as ledger in the profile")
        return
    if not os.access(directory, os.W_OK | os.X_OK):
        yield bad("ledger", f"{directory} cannot be written", "set ledger in the profile to a path of this account")
    elif found is None:
        yield ok("ledger", f"{path} is made when a driver starts")
    else:
        yield ok("ledger", f"{path}: {text.counted(found, 'run')}")


def other_ledgers(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    try:
        there = marks.read(settings.dtn.results)
    except FileNotFoundError:
        there = None
    except OSError as error:
        yield bad("mark", f"{settings.dtn.results / marks.NAME}: {error.strerror}", "see what it is, and move it away")
        return
    if there is None or (settings.ledger.exists() and marks.is_of(there, settings.ledger)):
        yield ok("mark", "no other console launches the runs of this experiment")
    elif marks.lives(there, marks.machine()) is False:
        yield ok("mark", f"{there.user or 'somebody'} on {there.host} launched before, and does no more")
    else:
        yield bad("mark", catalogue.sentence(elsewhere(there)), "end it there, or: console driver take-over")


def driver(subject: Subject) -> Iterator[Finding]:
    found = presence.driver(subject.settings.ledger)
    if found is None:
        yield warn("driver", "nobody drives", "console driver start, or open a console")
    elif found.hung:
        yield bad("driver", presence.advice(found), "then console driver start")
    elif found.problem:
        yield bad("driver", f"the driver says: {found.problem}", "mend that; it goes on by itself")
    elif found.other_version:
        yield warn("driver", f"it is of version {found.version}", "console driver stop, then console driver start")
    else:
        yield ok("driver", f"driven by {found.who}, version {found.version}")


def limits(subject: Subject) -> Iterator[Finding]:
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= files < LEAST_FILES:
        yield bad(
            "limits", f"this account may have {files} files open, of {most}", f"ulimit -n {max(LEAST_FILES, 1024)}"
        )
        return
    yield ok("limits", f"{files if files >= 0 else 'any number of'} files may be open")


def version(subject: Subject) -> Iterator[Finding]:
    """Also that of the SDKs, which an installation may have renewed behind the console's back."""
    yield ok("version", f"console {VERSION}, experiment {subject.settings.experiment}")
    for name, (least, below) in SDKS.items():
        found = metadata.version(name)
        if not least <= tuple(map(int, re.findall(r"\d+", found)[:2])) < below:
            wanted = ".".join(map(str, least))
            yield bad(
                "version", f"{name} {found} is installed, the console is made for {wanted} to below {below[0]}",
                "start the console by ./venvcmd, which installs those that it is made for",
            )  # fmt: skip

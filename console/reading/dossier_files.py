"""What an expert on call needs to know of one run, as files: each without secrets and of bounded size."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from console.ledger import events, failures, presence, shift
from console.ledger.dossier import Dossier
from console.ledger.events import Event
from console.ledger.job_reports import RequestedReport
from console.ledger.store import Ledger
from console.reading.detail import RunDetail
from flowspec import text
from remote import plainfile
from remote.globus.credentials import hidden, hidden_in

EVENTS = 5000  # the newest of the run
PART_BYTES = 400_000  # of a file; of a log its end
ALL_BYTES = 20_000_000
LINE_CELLS = 2000
PACKAGES = ("frib-flow-console", "textual", "rich", "globus-sdk", "globus-compute-sdk", "watchdog", "pydantic-settings")


class File(NamedTuple):
    name: str
    text: str


def of_run(
    ledger: Ledger, known: Dossier, detail: RunDetail, profile: Mapping[str, Any], status: Mapping[str, Any], log: Path
) -> list[File]:
    """The files of a run; `profile` are the settings, `status` is what `console status RUN --json` prints, `log` is
    that of the driver. The first file says what is there, and what was left out."""
    kept: list[File] = []
    left_out: list[str] = []
    room = ALL_BYTES
    for file in _files(ledger, known, detail, profile, status, log):
        if len(file.text) > room:
            left_out.append(file.name)
            continue
        room -= len(file.text)
        kept.append(file)
    return [File("README.txt", _contents(known.run.run, ledger.now(), kept, left_out)), *kept]


def _contents(run: int, at: float, kept: Iterable[File], left_out: Iterable[str]) -> str:
    lines = [
        f"What the console's ledger knew of run {run} at {text.moment(at)}. Secrets are replaced by ***.",
        "The flow log is as far as it was read: it stands in each attempt, as visits. Of a log its end is here.",
        "",
        *(f"{file.name}  {len(file.text):,} characters" for file in kept),
        *(f"{name}  left out: too much" for name in left_out),
    ]
    return "\n".join(lines) + "\n"


def _files(
    ledger: Ledger, known: Dossier, detail: RunDetail, profile: Mapping[str, Any], status: Mapping[str, Any], log: Path
) -> Iterator[File]:
    number = known.run.run
    yield _json("status.json", status)
    found = list(reversed(events.of_run(ledger, number, EVENTS)))
    yield _lines("events.txt", map(_event, found))
    yield _json("requests.json", shift.requests_of_run(ledger, number))
    for attempt in known.attempts:
        written = {name: value for name, value in asdict(attempt).items() if name != "body"}
        yield _json(f"attempts/{attempt.number}/attempt.json", written)
        yield _json(f"attempts/{attempt.number}/input.json", attempt.body)
    yield _json("evidence.json", [asdict(item) for item in known.evidence])
    yield _json("failures.json", [asdict(failure) for failure in failures.of_run(ledger, number)])
    yield _json("profile.json", profile)
    yield _json("versions.json", _versions(ledger))
    yield _log("driver.log", log)
    for report in detail.reports:
        yield from _job(report)


def _job(report: RequestedReport) -> Iterator[File]:
    place = report.stage.value if report.segment is None else f"{report.stage.value}-{report.segment:02d}"
    name = f"jobs/{report.number}-{place}"
    yield _json(f"{name}.json", asdict(report))
    if report.report is not None and report.report.log:
        yield _log(f"{name}.log", Path(report.report.log))


def _event(event: Event) -> str:
    return f"{text.moment(event.at)} {event.level:7} {event.actor}: {event.text}"


def _json(name: str, document: Any) -> File:
    written = json.dumps(hidden_in(document), indent=1, default=str)
    if len(written) <= PART_BYTES:
        return File(name, written + "\n")
    return File(name, f"{written[:PART_BYTES]}\n(cut: {len(written):,} characters)\n")


def _log(name: str, path: Path) -> File:
    """The end of a log on this machine, or why it is not there."""
    try:
        found = plainfile.read(path, PART_BYTES, end=True).decode(errors="replace")
    except OSError as error:
        return File(name, hidden(f"{path}: {error.strerror}\n"))
    return _lines(name, found.splitlines())


def _lines(name: str, lines: Iterable[str]) -> File:
    """Hidden as a whole, as a secret may be broken over lines; then each line made harmless."""
    written = hidden("\n".join(lines)).splitlines()
    return File(name, "".join(f"{text.clean(line, LINE_CELLS)}\n" for line in written)[-PART_BYTES:])


def _versions(ledger: Ledger) -> dict[str, Any]:
    driver = presence.driver(ledger.path)
    return {
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "driver": asdict(driver) if driver else None,
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"

"""What a job left at the site, as files on the DTN: its report and its log, read with care.

Nothing is believed of them: sizes are limited, numbers are numbers, and of the text only harmless lines are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.ledger.job_reports import JobReport
from flowspec import text
from remote import plainfile
from remote.globus.credentials import hidden

REPORT_BYTES = 64_000  # a larger one is none of ours
TAIL_BYTES, TAIL_LINES, LINE_CELLS = 64_000, 20, 400
SHOWN_BYTES = 4_000_000  # of a log that is read whole: the end of a longer one


def read(document: Path | None, log: Path | None, progress: Path | None = None) -> JobReport | None:
    """The report of a job, or else its progress, and the end of its log. Raises OSError and ValueError."""
    if document is None and log is None and progress is None:
        return None
    fields = {}
    if document is not None:
        fields = parse(plainfile.read(document, REPORT_BYTES))
    elif progress is not None:
        fields = parse_progress(plainfile.read(progress, REPORT_BYTES))
    tail = plainfile.read(log, TAIL_BYTES, end=True).decode("utf-8", "replace") if log is not None else ""
    lines = _lines(tail.splitlines())
    return JobReport(**{**fields, "lines": lines or fields.get("lines", ()), "log": str(log or "")})


@dataclass(frozen=True)
class Log:
    """The lines of a log, harmless; `left_out` counts the bytes before them that were not read."""

    lines: tuple[str, ...]
    left_out: int


def read_log(path: Path, most: int = SHOWN_BYTES) -> Log:
    """The log of a job, or as much of its end. Raises OSError."""
    size = path.stat().st_size
    found = plainfile.read(path, most, end=True)
    lines = found.decode("utf-8", "replace").splitlines()
    return Log(tuple(text.clean(hidden(line), LINE_CELLS) for line in lines), max(0, size - len(found)))


def parse_progress(raw: bytes) -> dict[str, Any]:
    """The fields of a JobReport from the progress file of a job. Raises ValueError when it is none."""
    document = _object(raw)
    return {
        "node": _words(document.get("node"), 80),
        "started": _number(document.get("started")),
        "bytes": _whole(document.get("bytes")),
        "lines": _lines([_words(document.get("last"))]),
        "running_at": _number(document.get("at")),
        "cpu_seconds": _number(document.get("cpu_seconds")),
        "stalled_since": _number(document.get("stalled_since")),
        "phase": _words(document.get("phase"), 20),
        "done": _whole(document.get("done")),
        "of": _whole(document.get("of")),
        "peak": _whole(document.get("peak")),
        "scratch": _whole(document.get("scratch")),
    }


def parse(raw: bytes) -> dict[str, Any]:
    """The fields of a JobReport from the bytes of a job's report, harmless. Raises ValueError when it is none."""
    document = _object(raw)
    tail = document.get("tail")
    return {
        "rc": _whole(document.get("rc")),
        "cause": _words(document.get("cause")),
        "node": _words(document.get("node"), 80),
        "job_id": _words(document.get("job_id"), 40),
        "started": _number(document.get("started")),
        "seconds": _number(document.get("seconds")),
        "bytes": _whole(document.get("bytes")),
        "sha256": _words(document.get("sha256"), 64),
        "cpu_seconds": _number(document.get("cpu")),
        "peak": _whole(document.get("peak")),
        "memory_limit": _whole(document.get("memory_limit")),
        "scratch": _whole(document.get("scratch")),
        "lines": _lines(line for line in tail if isinstance(line, str)) if isinstance(tail, list) else (),
    }


def _object(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the report cannot be read: {text.clean(str(error), 80)}") from None
    if not isinstance(document, dict):
        raise ValueError("the report is no JSON object")
    return document


def _lines(lines: Iterable[str]) -> tuple[str, ...]:
    """The last of the lines that say something."""
    spoken = [line for line in lines if line.strip()][-TAIL_LINES:]
    return tuple(text.clean(hidden(line), LINE_CELLS) for line in spoken)


def _words(value: object, width: int = LINE_CELLS) -> str:
    return (
        text.clean(hidden(str(value)), width) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return float(value)


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None else None

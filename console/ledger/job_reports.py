"""The rows of job reports: each was requested, and is being fetched, there or absent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from console.ledger.conditions import WHOLE_RUN
from console.ledger.store import Ledger
from flowspec import text
from flowspec.stages import STAGES, Stage
from flowspec.states import AttemptState


class ReportState(str, Enum):
    WANTED = "wanted"
    FETCHING = "fetching"
    THERE = "there"
    ABSENT = "absent"


PENDING = (ReportState.WANTED, ReportState.FETCHING)
LINE_CELLS = 400  # of what is kept of a line


@dataclass(frozen=True)
class JobReport:
    """What a job reported; None and '' where it did not. `lines` are the last of its log; `log` where that lies.

    Times are in seconds since the epoch by the clock of the node, `bytes` is the size of the output. What it used:
    `cpu_seconds`, and at most `peak` bytes of memory, where a worker has `memory_limit`, and `scratch` bytes on
    node-local space. Of a job that has left no report yet: how far it was at `running_at`, `done` of `of` bytes of its
    `phase`, and since when neither its output nor its CPU time grew.
    """

    rc: int | None = None
    cause: str = ""
    node: str = ""
    job_id: str = ""
    started: float | None = None
    seconds: float | None = None
    bytes: int | None = None
    sha256: str = ""
    lines: tuple[str, ...] = ()
    log: str = ""
    running_at: float | None = None
    cpu_seconds: float | None = None
    stalled_since: float | None = None
    peak: int | None = None
    memory_limit: int | None = None
    scratch: int | None = None
    phase: str = ""
    done: int | None = None
    of: int | None = None


@dataclass(frozen=True)
class RequestedReport:
    """A job report that was requested. `report` may be there from an earlier fetch.

    `number` is that of its attempt, which began at `attempt_started`.
    """

    attempt: int
    run: int
    number: int
    attempt_started: float | None
    stage: Stage
    segment: int | None
    state: ReportState
    why: str
    actor: str
    asked_at: float
    submission: str | None
    task: str | None
    fetched_at: float | None
    report: JobReport | None

    @property
    def whose(self) -> str:
        """For people: `fit of segment 07`."""
        return self.stage.value if self.segment is None else f"{self.stage.value} of segment {self.segment:02d}"

    @property
    def sentence(self) -> str:
        """Where it is, when it is not there."""
        if self.state in PENDING:
            return f"being fetched through Transfer{': ' if self.why else ''}{self.why}"
        return f"not there: {self.why}" if self.state is ReportState.ABSENT else ""


def of_run(ledger: Ledger, run: int) -> list[RequestedReport]:
    """The reports of a run: the newest attempt's first, each in the order of the work."""
    found = _rows(ledger, "reports.run = ?", run)
    return sorted(found, key=lambda r: (-r.number, STAGES.index(r.stage), -1 if r.segment is None else r.segment))


@dataclass(frozen=True)
class ReportPlace:
    """What a report is of. `segment` None: the whole run."""

    attempt: int
    run: int
    stage: Stage
    segment: int | None


def request(ledger: Ledger, places: Iterable[ReportPlace], actor: str) -> None:
    with ledger.change() as db:
        db.executemany(
            "INSERT INTO reports (attempt, run, stage, segment, state, actor, asked_at) VALUES (?,?,?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET state = excluded.state, actor = excluded.actor, asked_at = excluded.asked_at, "
            "why = '', submission = NULL, task = NULL",
            [
                (p.attempt, p.run, p.stage.value, _column(p.segment), ReportState.WANTED.value, actor, ledger.now())
                for p in places
            ],
        )


def pending(ledger: Ledger) -> list[RequestedReport]:
    """Those that were requested and have not been fetched yet."""
    return _rows(ledger, "reports.state IN (?,?)", *(state.value for state in PENDING))


def failed_without_report(ledger: Ledger, stages: Sequence[Stage], since: float, at_most: int) -> list[ReportPlace]:
    """The first failed places of each attempt that failed after `since`, but those whose report was requested."""
    failed = ledger.rows(
        "SELECT f.attempt, f.run, f.stage, f.segment, r.attempt AS asked FROM failures f "
        "JOIN attempts a USING (attempt) "
        "LEFT JOIN reports r ON r.attempt = f.attempt AND r.stage = f.stage AND r.segment = f.segment "
        f"WHERE a.state = ? AND a.ended_at > ? AND f.stage IN ({','.join('?' * len(stages))}) "
        "AND (f.segment != ? OR f.stage = ?) ORDER BY f.attempt, f.stage, f.segment",
        AttemptState.FAILED.value, since, *(s.value for s in stages), WHOLE_RUN, Stage.ANALYZE.value,
    )  # fmt: skip
    first: dict[int, list[sqlite3.Row]] = {}
    for row in failed:
        first.setdefault(row["attempt"], []).append(row)
    return [
        ReportPlace(row["attempt"], row["run"], Stage(row["stage"]), _segment(row["segment"]))
        for of_attempt in first.values()
        for row in of_attempt[:at_most]
        if row["asked"] is None
    ]


# ---- rows


def _rows(ledger: Ledger, where: str, *values: Any) -> list[RequestedReport]:
    rows = ledger.rows(
        "SELECT reports.*, number, started_at AS attempt_started "
        f"FROM reports JOIN attempts USING (attempt) WHERE {where}",
        *values,
    )
    return [_report(row) for row in rows]


def of_place(ledger: Ledger, place: ReportPlace) -> list[RequestedReport]:
    return _rows(
        ledger, "reports.attempt = ? AND reports.stage = ? AND segment = ?",
        place.attempt, place.stage.value, _column(place.segment),
    )  # fmt: skip


def _report(row: sqlite3.Row) -> RequestedReport:
    values = {name: row[name] for name in RequestedReport.__dataclass_fields__ if name != "report"}
    document = json.loads(row["document"])
    return RequestedReport(
        **values | {
            "stage": Stage(row["stage"]), "segment": _segment(row["segment"]), "state": ReportState(row["state"]),
            "report": JobReport(**{**document, "lines": tuple(document["lines"])}) if document else None,
        },
    )  # fmt: skip


def set_absent(ledger: Ledger, reports: Iterable[RequestedReport], why: str) -> None:
    set_reports(ledger, reports, state=ReportState.ABSENT.value, why=text.clean(why, LINE_CELLS))


def set_reports(ledger: Ledger, reports: Iterable[RequestedReport], **columns: Any) -> None:
    assignments = ", ".join(f"{name} = ?" for name in columns)
    with ledger.change() as db:
        db.executemany(
            f"UPDATE reports SET {assignments} WHERE attempt = ? AND stage = ? AND segment = ?",
            [(*columns.values(), r.attempt, r.stage.value, _column(r.segment)) for r in reports],
        )


def _column(segment: int | None) -> int:
    return WHOLE_RUN if segment is None else segment


def _segment(column: int) -> int | None:
    return None if column == WHOLE_RUN else column

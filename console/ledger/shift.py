"""What happened in the ledger since a time: for a report of a shift."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from console.ledger.store import Ledger
from flowspec.conditions import Reason
from flowspec.decisions import Acceptance, Decision, Waiver
from flowspec.stages import Stage
from flowspec.states import AttemptState


@dataclass(frozen=True)
class FailedPlace:
    """A place at which an attempt failed; `segment` None is the whole run. `mended`: it went well there since."""

    run: int
    stage: Stage
    segment: int | None
    reason: Reason
    at: float
    mended: bool


@dataclass(frozen=True)
class Asked:
    """What somebody asked of the driver; `state` is that of the request."""

    at: float
    actor: str
    verb: str
    run: int | None
    state: str


def failures(ledger: Ledger, at: float) -> list[FailedPlace]:
    rows = ledger.rows("SELECT * FROM failures WHERE at >= ? ORDER BY at, run, segment", at)
    return [
        FailedPlace(
            row["run"], Stage(row["stage"]), row["segment"] if row["segment"] >= 0 else None,
            Reason(row["code"], json.loads(row["parameters"])), row["at"], bool(row["mended"]),
        )
        for row in rows
    ]  # fmt: skip


def failed_otherwise(ledger: Ledger, at: float) -> list[tuple[int, Reason, float]]:
    """Run, reason and time of the attempts that failed at no place of their runs: as when they could not be started."""
    rows = ledger.rows(
        "SELECT run, code, parameters, ended_at FROM attempts WHERE state = ? AND ended_at >= ? "
        "AND NOT EXISTS (SELECT 1 FROM failures WHERE failures.attempt = attempts.attempt) ORDER BY ended_at",
        AttemptState.FAILED.value, at,
    )  # fmt: skip
    return [(row["run"], Reason(row["code"], json.loads(row["parameters"])), row["ended_at"]) for row in rows]


def requests(ledger: Ledger, at: float) -> list[Asked]:
    """Those that were to do something, oldest first."""
    rows = ledger.rows(
        "SELECT at, actor, verb, run, state FROM requests WHERE at >= ? "
        "AND json_extract(args, '$.dry') IS NULL ORDER BY request",
        at,
    )
    return [Asked(*row) for row in rows]


def requests_of_run(ledger: Ledger, run: int) -> list[dict[str, Any]]:
    """All that was asked of the driver about a run, with its answers, oldest first; as columns."""
    return [dict(row) for row in ledger.rows("SELECT * FROM requests WHERE run = ? ORDER BY request", run)]


def times(ledger: Ledger, begun_from: float, lately: float) -> tuple[tuple[float, ...], float, int, int]:
    """When the runs began that did from then on, oldest first; when the last one ended; and how many ended, and how
    many results came, lately."""
    begun = ledger.rows("SELECT started FROM runs WHERE started >= ? ORDER BY started", begun_from)
    (counted,) = ledger.rows(
        "SELECT max(ended) AS last, TOTAL(ended >= ?1) AS ended, "
        "TOTAL(state = 'done' AND finished_at >= ?1) AS results FROM runs",
        lately,
    )
    last = counted["last"] or 0.0
    return tuple(row["started"] for row in begun), last, int(counted["ended"]), int(counted["results"])


def decisions(ledger: Ledger, at: float) -> list[tuple[int, Decision]]:
    """Waivers and acceptances that were made, each with its run, oldest first."""
    rows = ledger.rows(
        "SELECT 'waived' AS what, run, segment, reason, actor, at FROM waivers WHERE at >= ?1 "
        "UNION ALL SELECT 'accepted', run, segment, reason, actor, at FROM acceptances WHERE at >= ?1 ORDER BY at",
        at,
    )
    kinds = {"waived": Waiver, "accepted": Acceptance}
    return [(row["run"], kinds[row["what"]](*tuple(row)[2:])) for row in rows]

"""What somebody is called for: each rule is a pure function of what is seen, and yields alerts."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.disk.space import SOON, Space
from console.ledger.endpoints import EndpointRow
from console.ledger.runs import Run
from console.ledger.sources import ASKED_ALWAYS, Source
from flowspec import catalogue, standing
from flowspec.conditions import Condition
from flowspec.states import RunState

SILENT_SECONDS = 600.0  # of a source or an endpoint, or without a driver: what is over sooner calls nobody
SOON_SECONDS = 12 * 3600.0  # a disk that is full, or a login that ends, within this shift or the next
BEAM_SECONDS = 24 * 3600.0  # beam is expected while RUNS_OF_BEAM runs began within it
RUNS_OF_BEAM, LEAST_PAUSE = 5, 1200.0  # seconds without a run that call nobody, however short the runs are
BACKLOG_SECONDS, LEAST_BACKLOG = 2 * 3600.0, 5
WAITING = (RunState.READY, RunState.QUEUED, RunState.RUNNING)


@dataclass(frozen=True)
class Alert:
    """`subject` tells it from others of its code: it fires once for each, until it is over."""

    code: str
    subject: str
    since: float
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What the rules go by, as it was at `at`; times are seconds since the epoch.

    `runs` are those that have not ended well, oldest first; `begun` the BEGIN_RUN times of those that began within
    BEAM_SECONDS, oldest first; `ended` and `results` count END_RUNs and results within BACKLOG_SECONDS. This driver
    watches since `began`; the one before it looked last at `looked`.
    """

    at: float
    began: float
    looked: float | None = None
    runs: tuple[Run, ...] = ()
    begun: tuple[float, ...] = ()
    last_end: float = 0.0
    ended: int = 0
    results: int = 0
    sources: tuple[tuple[Source, float | None], ...] = ()  # each with the time since when there is trouble with it
    endpoints: tuple[EndpointRow, ...] = ()
    space: Space | None = None
    tokens_end: float | None = None
    beam: bool = True  # whether runs are to come at all


Rule = Callable[[Seen], Iterator[Alert]]


def failed(seen: Seen) -> Iterator[Alert]:
    """Runs that failed, and are not retried by themselves."""
    for run in seen.runs:
        if run.state is RunState.FAILED and run.again_at is None:
            yield _of_run("alert.failed", run, seen.at)


def stuck(seen: Seen) -> Iterator[Alert]:
    """Runs under way that go on only when a person does something; what only the DAQ can mend is not one of them."""
    for run in seen.runs:
        if standing.stuck(run.state, run.conditions):
            yield _of_run("alert.stuck", run, seen.at)


def _of_run(code: str, run: Run, at: float) -> Alert:
    decisive = standing.decisive(run.state, run.conditions)
    first: Condition | None = decisive[0] if decisive else None
    cause = catalogue.nested(first.reason) if first else {"code": "words"}
    return Alert(code, str(run.run), first.since if first else at, {"run": run.run, "cause": cause})


def no_driver(seen: Seen) -> Iterator[Alert]:
    """Told by the driver that comes after: while there is none, only the ping that does not come can tell."""
    if seen.looked is not None and seen.began - seen.looked > SILENT_SECONDS > seen.at - seen.began:
        yield Alert("alert.no-driver", "", seen.looked, {"since": seen.looked, "until": seen.began})


def silent_source(seen: Seen) -> Iterator[Alert]:
    for source, failed_at in seen.sources:
        since = failed_at
        if since is None and source.name in ASKED_ALWAYS:
            since = max(source.ok_at or 0.0, seen.began)
        if since is not None and not source.login and seen.at - since > SILENT_SECONDS:
            yield Alert("alert.source", source.name, since, {
                "source": source.name, "since": since, "problem": source.problem,
            })  # fmt: skip


def no_new_run(seen: Seen) -> Iterator[Alert]:
    """Nothing for twice the usual time between two runs, while beam is expected and none is being recorded.

    What came while nobody drove is found first.
    """
    expected = seen.beam and len(seen.begun) >= RUNS_OF_BEAM and seen.at - seen.began > SILENT_SECONDS
    if not expected or any(run.state is RunState.TAKING for run in seen.runs):
        return
    usual = statistics.median(b - a for a, b in zip(seen.begun, seen.begun[1:], strict=False))
    since = max(seen.begun[-1], seen.last_end)
    if seen.at - since > max(2 * usual, LEAST_PAUSE):
        yield Alert("alert.no-run", "", since, {"since": since, "usual": usual})


def backlog(seen: Seen) -> Iterator[Alert]:
    """More runs come than go."""
    waiting = sum(run.state in WAITING for run in seen.runs)
    if min(waiting, seen.ended) >= LEAST_BACKLOG and 2 * seen.results < seen.ended:
        yield Alert("alert.backlog", "", seen.at, {
            "waiting": waiting, "ended": seen.ended, "results": seen.results, "seconds": BACKLOG_SECONDS,
        })  # fmt: skip


def disk(seen: Seen) -> Iterator[Alert]:
    space = seen.space
    if space is not None and (space.short or (space.full_in or SOON) < SOON_SECONDS):
        yield Alert("alert.disk", "", seen.at, {"space": str(space), "full_in": space.full_in})


def login(seen: Seen) -> Iterator[Alert]:
    if any(source.login for source, _ in seen.sources):
        yield Alert("alert.login", "", seen.at, {})
    elif seen.tokens_end is not None and seen.tokens_end - seen.at < SOON_SECONDS:
        yield Alert("alert.login", "", seen.at, {"ends": seen.tokens_end})


def endpoint(seen: Seen) -> Iterator[Alert]:
    for row in seen.endpoints:
        if not row.online and seen.at - row.since > SILENT_SECONDS:
            yield Alert("alert.endpoint", row.endpoint, row.since, {"endpoint": row.name, "since": row.since})


RULES: tuple[Rule, ...] = (failed, stuck, no_driver, silent_source, no_new_run, backlog, disk, login, endpoint)


def alerts(seen: Seen) -> list[Alert]:
    """What there is to call somebody for, by all rules."""
    return [alert for rule in RULES for alert in rule(seen)]

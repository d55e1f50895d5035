"""The report of a shift: what happened since a time, and what the next shift has to know. Facts only.

`console.reading.report_page` has the words.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from console.ledger import attempts as attempt_rows
from console.ledger import endpoints, job_reports, pause, presence, remarks, results, runs, shift, sources, waits
from console.ledger.pause import Pause
from console.ledger.remarks import Claim, Note
from console.ledger.runs import Run
from console.ledger.shift import Asked, FailedPlace
from console.ledger.store import Ledger
from console.ledger.waits import Wait
from console.reading import timing
from console.reading.detail import RETURNED
from flowspec import standing
from flowspec.conditions import Owner, Reason
from flowspec.decisions import Decision
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from flowspec.timeline import TRANSFERS

SHIFT_SECONDS = 8 * 3600.0
NEED_SOMEBODY = (RunState.FAILED, RunState.INCOMPLETE, RunState.ABNORMAL)
NOT_ENDED = (RunState.TAKING, RunState.ARRIVING, RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)


@dataclass(frozen=True)
class Taken:
    """A run that was recorded; times as the DAQ wrote them."""

    run: int
    title: str
    started: float | None
    ended: float | None
    segments: int
    bytes: int
    state: RunState


@dataclass(frozen=True)
class Result:
    """A result that came back `at`; `bytes` None: it was not looked at yet.

    `lacks` are the parameters that the sentence of the outcome has of it (`flowspec.decisions.made_of`).
    """

    run: int
    at: float
    path: str
    bytes: int | None
    lacks: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Alike:
    """Failures of the same stage and code, `first` to `last`; `mended` of the `places` went well since.

    `reason` is that of the newest. `stage` None: attempts that failed at no place of their run.
    """

    stage: Stage | None
    reason: Reason
    runs: tuple[int, ...]
    places: int
    mended: int
    first: float
    last: float


@dataclass(frozen=True)
class WaitedFor:
    """What runs waited for: `seconds` in all, `longest` of one run; `waiting` of the `runs` still do."""

    code: str
    owner: Owner
    reason: Reason
    runs: tuple[int, ...]
    waiting: int
    seconds: float
    longest: float


@dataclass(frozen=True)
class Delay:
    """From END_RUN to the result of one run, in seconds; the parts add up to `total`.

    `held`: before its launch, between attempts, until somebody acted. `queue`: none of its tasks worked. Where that
    cannot be told from `work`, it is in `work`. `orchestrator`: until Flows began or noticed something.
    `streamed`: some of it was done while the run was recorded; its attempts went side by side, so only `total` counts.
    """

    streamed: bool

    total: float
    held: float
    transfer: float
    queue: float
    work: float
    orchestrator: float


@dataclass(frozen=True)
class Spread:
    """The median and the 95th percentile of a part of the delays."""

    part: str
    p50: float
    p95: float


@dataclass(frozen=True)
class Open:
    """A run that somebody has to know of: `since` when it stands so, as far as is known."""

    run: int
    state: RunState
    stuck: bool
    held_by: str | None
    why: str
    since: float | None


@dataclass(frozen=True)
class Report:
    """Times are seconds since the epoch; lists are oldest first."""

    experiment: str
    since: float
    until: float
    taken: tuple[Taken, ...]
    results: tuple[Result, ...]
    failures: tuple[Alike, ...]
    waits: tuple[WaitedFor, ...]
    delays: tuple[Spread, ...]
    delayed: int  # the number of runs that these are of: those that were not streamed
    streamed: Spread | None  # the total of those that were; None: there are none
    delayed_streamed: int
    asked: tuple[Asked, ...]
    decisions: tuple[tuple[int, Decision], ...]
    notes: tuple[Note, ...]
    claims: tuple[Claim, ...]  # all there are
    open: tuple[Open, ...]
    ready: int  # runs that nobody has launched
    driver: bool
    auto: bool
    paused: Pause | None
    troubles: tuple[tuple[str, str], ...]  # source, and what is wrong with it
    offline: tuple[tuple[str, float], ...]  # endpoint, and since when


def report(ledger: Ledger, experiment: str, since: float) -> Report:
    """What the ledger says since a time."""
    now = ledger.now()
    seen = runs.since(ledger, since)
    done = [run for run in seen if run.state is RunState.DONE and (run.finished_at or 0) >= since]
    known = [delay for run in done if (delay := _delay(ledger, run, now)) is not None]
    delays, streamed = ([delay for delay in known if delay.streamed is how] for how in (False, True))
    return Report(
        experiment=experiment,
        since=since,
        until=now,
        taken=tuple(_taken(run) for run in seen if max(run.started or 0, run.ended or 0) >= since),
        results=tuple(sorted((_result(ledger, run) for run in done), key=lambda result: result.at)),
        failures=_alike(shift.failures(ledger, since), shift.failed_otherwise(ledger, since)),
        waits=_waited(waits.since(ledger, since), since, now),
        delays=_spreads(delays),
        delayed=len(delays),
        streamed=next(iter(_spreads(streamed)), None),
        delayed_streamed=len(streamed),
        asked=tuple(shift.requests(ledger, since)),
        decisions=tuple(shift.decisions(ledger, since)),
        notes=tuple(remarks.notes_since(ledger, since)),
        claims=tuple(remarks.claims(ledger)),
        open=tuple(_open(ledger)),
        ready=len(runs.runs(ledger, RunState.READY)),
        driver=presence.driver(ledger.path) is not None,
        auto=ledger.get("auto", "on") == "on",
        paused=pause.read(ledger),
        troubles=tuple((source.name, source.problem) for source in sources.read(ledger) if source.problem),
        offline=tuple((row.name, row.since) for row in endpoints.all_of(ledger) if not row.online),
    )


def _taken(run: Run) -> Taken:
    return Taken(run.run, run.title, run.started, run.ended, len(run.segments), run.bytes, run.state)


def _result(ledger: Ledger, run: Run) -> Result:
    judged = results.read(ledger, run.run)
    lacks = next((c.reason.parameters for c in run.conditions if c.code == RETURNED), {})
    return Result(run.run, run.finished_at or 0.0, run.result or "", judged.version.size if judged else None, lacks)


def _alike(places: Iterable[FailedPlace], others: Iterable[tuple[int, Reason, float]]) -> tuple[Alike, ...]:
    groups: dict[tuple[Stage | None, str], list[tuple[int, Reason, float, bool]]] = defaultdict(list)
    for place in places:
        groups[place.stage, place.reason.code].append((place.run, place.reason, place.at, place.mended))
    for run, reason, at in others:
        groups[None, reason.code].append((run, reason, at, False))
    found = []
    for (stage, _), items in groups.items():
        numbers = tuple(sorted({run for run, *_ in items}))
        times = [at for _, _, at, _ in items]
        newest = max(items, key=lambda item: item[2])[1]
        mended = sum(item[3] for item in items)
        found.append(Alike(stage, newest, numbers, len(items), mended, min(times), max(times)))
    return tuple(sorted(found, key=lambda alike: alike.first))


def _waited(found: Sequence[Wait], since: float, now: float) -> tuple[WaitedFor, ...]:
    """The longest first; only what lies after `since` counts."""
    groups: dict[str, list[Wait]] = defaultdict(list)
    for wait in found:
        groups[wait.reason.code].append(wait)
    summed = []
    for code, items in groups.items():
        of_run: dict[int, float] = defaultdict(float)
        for item in items:
            of_run[item.run] += max(0.0, (now if item.until is None else item.until) - max(since, item.since))
        waiting = len({item.run for item in items if item.until is None})
        total, longest = sum(of_run.values()), max(of_run.values())
        if longest >= waits.LEAST_SECONDS:
            numbers = tuple(sorted(of_run))
            summed.append(WaitedFor(code, items[-1].owner, items[-1].reason, numbers, waiting, total, longest))
    return tuple(sorted(summed, key=lambda one: -one.seconds))


# ---- from END_RUN to the result


def _delay(ledger: Ledger, run: Run, now: float) -> Delay | None:
    """None where a time is not known, or cannot be: clocks differ, and a run may be reprocessed years later."""
    if run.ended is None or run.finished_at is None or run.finished_at < run.ended:
        return None
    timings = timing.of_run(ledger, run.run, job_reports.of_run(ledger, run.run))
    all_of_them = attempt_rows.attempts(ledger, run.run)
    attempts = [a for a in all_of_them if a.intended_at >= run.ended]
    spent = [timings.get(a.attempt, timing.Timing()).spent(a, now) for a in attempts]
    stages = [stage for one in spent for stage in one.stages]
    transfer = sum(stage.together for stage in stages if stage.stage in TRANSFERS)
    computed = [stage for stage in stages if stage.stage not in TRANSFERS]
    queue = sum(stage.queued or 0.0 for stage in computed)
    work = sum(stage.worked if stage.worked is not None else stage.together for stage in computed)
    total = run.finished_at - run.ended
    orchestrator = sum(one.waited for one in spent)
    held = total - transfer - queue - work - orchestrator
    streamed = any(a.plan.early and a.state is AttemptState.SUCCEEDED for a in all_of_them)
    return Delay(streamed, total, max(0.0, held), transfer, queue, work, orchestrator)


PARTS = ("total", "held", "transfer", "queue", "work", "orchestrator")


def _spreads(delays: Sequence[Delay]) -> tuple[Spread, ...]:
    def spread(part: str) -> Spread:
        values = sorted(getattr(delay, part) for delay in delays)
        return Spread(part, _percentile(values, 50), _percentile(values, 95))

    return tuple(map(spread, PARTS)) if delays else ()


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """By the nearest rank: a value that occurred."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


# ---- what to hand over


def _open(ledger: Ledger) -> Iterable[Open]:
    for run in sorted(runs.runs(ledger, *NEED_SOMEBODY, *NOT_ENDED), key=lambda run: run.run):
        stuck = standing.stuck(run.state, run.conditions)
        if run.state in NEED_SOMEBODY or stuck or run.held_by:
            since = min((c.since for c in standing.decisive(run.state, run.conditions)), default=None)
            yield Open(run.run, run.state, stuck, run.held_by, run.why, since)

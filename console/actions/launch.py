"""Attempts: intent first, the flow run second, its id third.

An attempt is written to the ledger before Globus is asked for anything. Its tag travels with the flow run, so that
after a lost reply or a crash the flow run is looked up by its tag before a second one could be started.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from console.context import Context, Refused
from console.ledger import attempts, conditions, evidence, failures, pause, results, runs, sources
from console.ledger.attempts import Attempt
from console.ledger.dossier import Dossier
from console.ledger.moves import move, move_attempt
from console.ledger.runs import Run
from flowspec import catalogue, definition, inputs
from flowspec.causes import Kind
from flowspec.conditions import Reason, Topic, reason
from flowspec.plan import WHAT_IS_MISSING, Plan, Wish, repeated_later
from flowspec.quarantine import Failure
from flowspec.states import FAILED, INTENDED, NOT_STARTED, RECORDED, STARTED, AttemptState
from flowspec.text import short_id
from remote.globus.errors import RemoteError

# How long a flow run that was asked for may take to appear in the list of flow runs.
LOOKUP_SECONDS = 5.0
CLOCKS_DIFFER_SECONDS = 86_400.0
# Takes over what others have started; what kept it from seeing that, if anything did. `reconcile.look_once` makes it.
Look = Callable[[], "RemoteError | None"]


def write_intent(ctx: Context, known: Dossier, plan: Plan, actor: str, wish: Wish = WHAT_IS_MISSING) -> int:
    """Write the intent of the run's next attempt; returns its number.

    What the wish repeats becomes missing, so that of the wish only its segments are left to remember.
    """
    run = known.run
    number = known.newest.number + 1 if known.newest else 1
    label, tag, body = _document(ctx, known, plan, number)
    again = [*plan.places(), *repeated_later(plan, wish, known.changed)]
    with ctx.ledger.change():
        failures.set_mended(ctx.ledger, known.mended())  # now: the evidence of it goes
        evidence.mark_outdated(ctx.ledger, run.run, known.evidence, again)
        if plan.joins:
            results.forget(ctx.ledger, run.run)
        _tell_changed(ctx, known, plan)
        attempt = attempts.add_intent(ctx.ledger, plan, number, tag, body, label, ctx.flow_id, actor)
        move(
            ctx.ledger, run.run, INTENDED, actor=actor, about=Topic.PROGRESS,
            reasons=[reason("attempt.starting", number=number)], attempt=attempt,
            event={"number": number, "plan": plan.describe()},
            launched_fingerprint=run.fingerprint, launched_sizes=_launched_sizes(run, plan),
            **_launched_take(run, plan),
            wish=Wish(segments=wish.segments).to_json(), early={},
        )  # fmt: skip
        if run.retaken:
            runs.note_take(ctx.ledger, run.run)
    return number


def write_early_intent(ctx: Context, known: Dossier, plan: Plan) -> None:
    """Write the intent of an early attempt of a run; the run stays as it is."""
    run = known.run
    number = known.newest.number + 1 if known.newest else 1
    label, tag, body = _document(ctx, known, plan, number)
    with ctx.ledger.change():
        evidence.mark_outdated(ctx.ledger, run.run, known.evidence, plan.places())
        _tell_changed(ctx, known, plan)
        attempt = attempts.add_intent(ctx.ledger, plan, number, tag, body, label, ctx.flow_id, "driver")
        taken = {segment: run.closed[segment].version for segment in plan.expected}
        runs.set_run(ctx.ledger, run.run, early={**run.early, **taken})
        about = {"run": run.run, "number": number, "segments": list(plan.expected), "recorded": run.state in RECORDED}
        text = catalogue.sentence(reason("event.early", **about))
        ctx.ledger.event("info", text, actor="driver", run=run.run, attempt=attempt)


def _tell_changed(ctx: Context, known: Dossier, plan: Plan) -> None:
    """Tell of the segments of which an early attempt took another version; once, as this one takes it again."""
    taken = {segment for segment, version in known.run.early.items() if version}  # by us: it is known which version
    if changed := [segment for segment in plan.transfer if segment in taken & known.changed_since_early]:
        text = catalogue.sentence(reason("event.early-changed", run=known.run.run, segments=changed))
        ctx.ledger.event("warning", text, actor="driver", run=known.run.run)


def _document(ctx: Context, known: Dossier, plan: Plan, number: int) -> tuple[str, str, dict[str, Any]]:
    """Label, tag and input document of an attempt. Raises Refused."""
    run = known.run
    label = f"{ctx.experiment} run {run.run} attempt {number}"
    tag = f"frib-{run.run}-{number}-{secrets.token_hex(8)}"
    body = inputs.input_document(plan, ctx.places, Path(run.path).name, label, tag, known.acceptances)
    faults = inputs.problems(body, definition.analysis().schema)
    if faults:
        raise Refused(f"run {run.run}: the input document is not valid: {'; '.join(faults[:3])}")
    return label, tag, body


def _launched_sizes(run: Run, plan: Plan) -> dict[int, int]:
    """Bytes by segment as the attempts have or will have them: a late segment counts when an attempt works on it."""
    known = dict(run.launched_sizes)
    taken = [s for s in plan.expected if s in plan.convert or (s not in known and s not in plan.held)]
    return known | {s: run.sizes[s] for s in (*taken, *plan.waived) if s in run.sizes}


def _launched_take(run: Run, plan: Plan) -> dict[str, Any]:
    """BEGIN_RUN of what the attempts work on. As long as a segment of an earlier take is left as it is, it is that."""
    if run.retaken and plan.held:
        return {"launched_started": run.launched_started, "launched_title": run.launched_title}
    return {"launched_started": run.started, "launched_title": run.title}


@dataclass(frozen=True)
class Sent:
    """The attempts that are under way after the intents were sent, and the error after which there is no point in
    asking Globus for more now."""

    under_way: Sequence[Attempt]
    trouble: RemoteError | None = None


def send_intents(ctx: Context, unseen: RemoteError | None) -> Sent:
    """Start the flow run of every intent; one that may have been started before is looked up by its tag first.

    `unseen` kept a look from seeing what others have started: then none is started.
    None is started while it is not known what lies on the disk, while another console drives, or in a pause.
    """
    under_way = _open(ctx)
    intents = _intents(under_way)
    if intents and (held := ctx.holds()) is not None:
        for attempt in intents:
            why = reason("attempt.held", number=attempt.number, cause=catalogue.nested(held))
            _put(ctx, attempt, why)
        return Sent(list(under_way.values()))
    for attempt in intents:
        if ctx.elsewhere() is not None:  # each start may take its time: another console may have begun meanwhile
            break
        try:
            if unseen is not None:
                raise unseen
            flow_run = _send(ctx, attempt) if attempt.started_at is None else _settle(ctx, attempt)
            under_way[attempt.attempt] = replace(attempt, flow_run=flow_run)
        except RemoteError as error:
            _not_started(ctx, attempt, error)
            under_way = _open(ctx)
            if error.kind != "bug" or error is unseen:
                return Sent(list(under_way.values()), error)
    return Sent(list(under_way.values()))


def anything_to_send(ctx: Context) -> bool:
    intents = _intents(_open(ctx))
    if pause.read(ctx.ledger) is not None:
        intents = [attempt for attempt in intents if attempt.started_at is not None]
    return bool(intents) and ctx.holds() is None


def _put(ctx: Context, attempt: Attempt, why: Reason) -> None:
    """What keeps an attempt, or that nothing does."""
    if attempt.plan.early:
        conditions.put_early(ctx.ledger, attempt.run, attempt.attempt, attempt.plan.expected[0], why)
    else:
        conditions.put(ctx.ledger, attempt.run, Topic.PROGRESS, [why], attempt.attempt)


def paused(ctx: Context, run: int, number: int, attempt: Attempt | None = None) -> bool:
    """Whether launching is paused; then the run says that its attempt waits for the end of that.

    Asked before each single start: of many that are due, those not started yet wait as soon as a pause was asked for.
    """
    pausing = pause.read(ctx.ledger)
    if pausing is not None:
        why = reason("attempt.paused", number=number, cause=catalogue.nested(pausing.reason))
        if attempt is not None:
            _put(ctx, attempt, why)
        else:
            conditions.put(ctx.ledger, run, Topic.PROGRESS, [why])
    return pausing is not None


def _open(ctx: Context) -> dict[int, Attempt]:
    return {attempt.attempt: attempt for attempt in attempts.open_attempts(ctx.ledger)}


def _intents(under_way: Mapping[int, Attempt]) -> list[Attempt]:
    return [a for a in under_way.values() if a.state is AttemptState.INTENT and a.cancel_at is None]


def unsent(ctx: Context, attempt: Attempt) -> bool:
    """Whether its flow run was never asked for, or was looked for in vain: the next thing would be to start it."""
    if attempt.state is not AttemptState.INTENT or attempt.cancel_at is not None:
        return False
    return attempt.started_at is None or ctx.now() - attempt.started_at >= LOOKUP_SECONDS


def _send(ctx: Context, attempt: Attempt) -> str | None:
    """The only place that starts flow runs of the analysis. None: launching is paused."""
    if paused(ctx, attempt.run, attempt.number, attempt):
        return None
    # `started_at` without a flow run id: the start was or is being requested, the reply is not known.
    attempts.set_attempt(ctx.ledger, attempt.attempt, started_at=ctx.now())
    flow_run = ctx.remote.flows.start(
        attempt.flow_id, dict(attempt.body), attempt.label, [attempt.tag, "FRIB"], ctx.run_managers, ctx.run_monitors
    )
    sources.answered(ctx.ledger, "flows")
    started(ctx, attempt, flow_run.id)
    return flow_run.id


def _settle(ctx: Context, attempt: Attempt) -> str | None:
    """Find out whether the flow run that was asked for exists; ask again only when it does not. None: not yet."""
    if 0 <= ctx.now() - (attempt.started_at or 0) < LOOKUP_SECONDS:  # not when the clock was set back meanwhile
        return None
    flow_run = look_up(ctx, attempt)
    if flow_run is None:
        return _send(ctx, attempt)
    started(ctx, attempt, flow_run)
    return flow_run


def look_up(ctx: Context, attempt: Attempt) -> str | None:
    """The id of the flow run that carries the attempt's tag, if there is one."""
    # Flow runs are listed by the clock of Globus: even when that is off, the flow run must be found.
    since = datetime.fromtimestamp(attempt.intended_at - CLOCKS_DIFFER_SECONDS, timezone.utc).isoformat()
    found = ctx.remote.flows.find_by_tag(attempt.flow_id, attempt.tag, since)
    sources.answered(ctx.ledger, "flows")
    return found[0].id if found else None


def started(ctx: Context, attempt: Attempt, flow_run: str) -> None:
    """Globus has the flow run of this attempt."""
    with ctx.ledger.change():
        move_attempt(ctx.ledger, attempt.attempt, STARTED, flow_run=flow_run)
        text = f"run {attempt.run} attempt {attempt.number} started: flow run {short_id(flow_run)}"
        ctx.ledger.event("info", text, actor="driver", run=attempt.run, attempt=attempt.attempt)
        if attempt.cancel_at is None:
            _put(ctx, attempt, reason("attempt.started", number=attempt.number))


def _not_started(ctx: Context, attempt: Attempt, error: RemoteError) -> None:
    """A start that failed: for good only when Globus finds fault with what it was asked.

    What the service, the login or the rights do not allow now holds this run and those behind it until it is mended.
    """
    final = error.kind == "bug" and error.call == "start" and not error.ambiguous
    next_step = "tried again soon" if error.kind == "later" else error.next_step
    why = reason("attempt.waits", cause=error.cause, next_step=next_step)
    if why == attempt.reason and not final:
        return
    with ctx.ledger.change():
        if final:
            move_attempt(ctx.ledger, attempt.attempt, NOT_STARTED, why)
            if attempt.plan.early:
                conditions.put_early(ctx.ledger, attempt.run, attempt.attempt, attempt.plan.expected[0], None)
            else:
                failed = reason("outcome.failed", cause=catalogue.nested(why))
                move(ctx.ledger, attempt.run, FAILED, about=Topic.OUTCOME, reasons=[failed], again_at=None)
            cause = Failure(attempt.attempt, attempt.plan.start, None, Kind.STAYS, why)
            failures.record(ctx.ledger, attempt.run, [cause])
        else:
            attempts.set_reason(ctx.ledger, attempt.attempt, why)
            code = "attempt.refused" if error.kind == "operator" else "attempt.starting"
            _put(ctx, attempt, reason(code, number=attempt.number, **why.parameters))
        if not final and (attempt.reason.code, attempt.reason.parameters.get("next_step")) == (why.code, next_step):
            return  # the words of a service that is down change with each try: one event is enough
        text = f"run {attempt.run} attempt {attempt.number} {catalogue.sentence(why)}"
        ctx.ledger.event("bad" if final else "warning", text, actor="driver", run=attempt.run)

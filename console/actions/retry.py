"""Retry: a further attempt that does only what is missing or wished for, asked for by an operator or due by policy."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from console.actions import launch, resume
from console.actions.launch import write_intent
from console.actions.proposal import continuation, propose, whole
from console.actions.results import look_before_retry
from console.context import Context, Refused, dossier_of, permitted, run_of
from console.evidence.outputs import check_all_outputs
from console.ledger import conditions, dossier, evidence, pause, runs
from console.ledger.attempts import Attempt
from console.ledger.dossier import Dossier
from console.ledger.moves import move
from console.ledger.runs import Run
from console.ledger.store import Request
from console.settings.errors import SettingsError
from flowspec import backoff, catalogue, names
from flowspec.causes import Kind
from flowspec.conditions import Reason, Topic, reason
from flowspec.plan import Wish
from flowspec.quarantine import Failure
from flowspec.readiness import Verdict
from flowspec.retry_rules import rule_for
from flowspec.stages import Place
from flowspec.states import ASKED_FOR, ENDED, FAILED, FOUND_WHOLE, REPEATED, RETRIED, AttemptState, RunState

DRIVER = "driver"
PAUSES = (1.0, 5.0, 15.0)  # before the first, second, ... automatic retry, in units of policy.retry_pause
PAUSE_SPREAD = (0.8, 1.2)


# ---- on request


def check_first(ctx: Context, request: Request) -> None:
    """Check the outputs at the site and on the DTN before a retry is planned.

    Raises Refused when the disk of the results does not say what is there.
    """
    run = run_of(ctx, request)
    if run.state in ENDED:
        try:
            look_before_retry(ctx, run)
        except SettingsError as error:
            raise Refused(f"run {run.run}: {error}") from None


def retry(ctx: Context, request: Request) -> str:
    """A new attempt of a run that has ended, or with `dry` only what it would do, as JSON; `plan` null: nothing.

    `wish`: see flowspec.plan.Wish. `shown`: the digest of the plan that the operator agreed to. While launching is
    paused the run waits in the queue, and is planned anew when that is over.
    """
    known = dossier_of(ctx, request)
    run, wish, dry = known.run, wish_of(request), bool(request.args.get("dry"))
    if run.inactive and not dry:
        return resume.request_resume(ctx, known, request.actor)
    permitted("retry", run)
    if run.state not in ENDED:
        raise Refused(f"run {run.run} is under way: only when it has ended is known what is missing")
    proposal = propose(known, wish)
    plan = proposal.plan
    if plan is None:
        if dry:
            return json.dumps({"lines": [proposal.reason], "plan": None, "digest": ""})
        if whole(known):
            return finish(ctx, run)
        raise Refused(proposal.reason)
    if plan.transfer and run.verdict in (Verdict.TAKING.value, Verdict.ARRIVING.value):
        raise Refused(f"run {run.run} changes on the DTN just now: {run.reason}")
    if dry:
        return json.dumps({"lines": proposal.lines, "plan": asdict(plan), "digest": proposal.digest})
    if request.args.get("shown", proposal.digest) != proposal.digest:
        raise Refused(f"run {run.run} is not as it was when the plan was shown. Now: {'; '.join(proposal.lines)}")
    if (pausing := pause.read(ctx.ledger)) is not None:
        move(
            ctx.ledger, run.run, ASKED_FOR, actor=request.actor, about=Topic.QUEUE, reasons=[pausing.reason],
            wish=wish.to_json(), queued_by=request.id, event={"plan": plan.describe()},
        )  # fmt: skip
        return f"run {run.run} waits in the queue, {catalogue.sentence(pausing.reason)}; then: {plan.describe()}"
    number = write_intent(ctx, known, plan, request.actor, wish)
    return f"run {run.run} attempt {number}: {plan.describe()}"


def wish_of(request: Request) -> Wish:
    try:
        return Wish.from_json(request.args.get("wish") or {})
    except ValueError as error:
        raise Refused(str(error)) from None


def queue_retry(ctx: Context, run: Run, request: Request) -> str:
    """One of many: it waits for its turn, and what is missing is found out then. What no event tells of it."""
    if run.inactive:
        known = dossier.read(ctx.ledger, run.run)
        return resume.request_resume(ctx, known, request.actor) if known else ""
    move(
        ctx.ledger, run.run, RETRIED, actor=request.actor, about=Topic.QUEUE, reasons=[Reason("queue.again")],
        queued_by=request.id,
    )  # fmt: skip
    return ""


# ---- by the queue


def start_queued_run(ctx: Context, run: Run) -> None:
    """Start a queued run: what is missing, or what it was queued for. Raises Refused or RemoteError."""
    if run.launched_sizes or run.early:
        check_all_outputs(ctx, run)
    with ctx.ledger.change():
        known = dossier.read(ctx.ledger, run.run)
        if known is None or known.run.state is not RunState.QUEUED or pause.read(ctx.ledger) is not None:
            return  # its directory vanished, or launching was paused, a moment ago
        wish = Wish.from_json(run.wish)
        proposal = propose(known, wish)
        if proposal.plan is not None:
            write_intent(ctx, known, proposal.plan, _whose(ctx, run), wish)
        elif whole(known):
            finish(ctx, known.run)
        else:
            raise Refused(proposal.reason)


def _whose(ctx: Context, run: Run) -> str:
    """Who asked for a retry that has waited in the queue: the limit of automatic ones begins anew with it."""
    asked = ctx.ledger.request(run.queued_by) if run.launched_sizes and run.queued_by is not None else None
    return asked.actor if asked else DRIVER


def start_next_attempt(ctx: Context, run: Run) -> None:
    """Write the intent of the next attempt of a run whose segments do not fit in one."""
    known = dossier.read(ctx.ledger, run.run)
    if known is None or known.newest is None or launch.paused(ctx, run.run, known.newest.number + 1):
        return
    wish = Wish.from_json(run.wish)
    plan, quarantined = continuation(known, known.newest.plan, wish)
    if plan is not None:
        write_intent(ctx, known, plan, DRIVER, wish)
    else:
        held = reason("outcome.held", quarantined=_nested(quarantined))
        with ctx.ledger.change():
            move(ctx.ledger, run.run, FAILED, about=Topic.OUTCOME, reasons=[held], again_at=None)
            ctx.ledger.event("bad", f"run {run.run} failed: {catalogue.sentence(held)}", actor=DRIVER, run=run.run)


def finish(ctx: Context, run: Run) -> str:
    """A run of which everything turned out to be there is done without a further attempt."""
    result = ctx.results / names.sorted_file(run.run)
    back = reason("outcome.returned", file=result.name, found=True)
    with ctx.ledger.change():
        move(ctx.ledger, run.run, FOUND_WHOLE, about=Topic.OUTCOME, reasons=[back], result=str(result))
        evidence.refresh_progress(ctx.ledger, run.run)
    return f"run {run.run}: the result is back: {result.name}; every output was there"


# ---- by policy


def after_failure(ctx: Context, known: Dossier, attempt: Attempt, found: Iterable[Failure]) -> dict[str, Any]:
    """When a failed run is retried without anybody asking (`again_at`; not there: it is not), and what else a person
    has to know of what comes next: parameters of outcome.failed.

    A rule of the profile for the failure counts in place of the policy, the strictest of several. The limit,
    `policy.auto_retries`, counts twice. What failed more often at one place since it last went well there does not
    pass by itself: it waits for a person, and a person's attempt that fails there again arms no further retries. And
    no more than these follow each other until somebody asks, at whatever places they fail. Beside a segment that is
    quarantined now the others go on: those that failed, and those that this attempt left for a further one.
    """
    quarantined = known.quarantined()
    then: dict[str, Any] = {"quarantined": _nested(quarantined)}
    left = [failure for failure in found if failure.segment not in quarantined]
    rules = {failure.place: rule_for(ctx.retry_rules, failure) for failure in left}
    limits = {place: rule.times if rule else ctx.policy.auto_retries for place, rule in rules.items()}
    limit = min(limits.values(), default=ctx.policy.auto_retries)
    goes_on = bool(left or attempt.plan.left) and all(failure.kind is Kind.PASSES for failure in left)
    if limit == 0 or not goes_on:
        return then
    times = {failure.place: known.times_failed(failure.place) for failure in left}
    if too_often := {place: n for place, n in times.items() if n > limits[place]}:
        return then | {"again_and_again": _by_stage(too_often)}
    so_far = max([_automatic_retries(known.attempts, attempt), *(n - 1 for n in times.values())])
    if so_far >= limit:
        return then | {"count": so_far}
    ruled = [rule.pause for rule in rules.values() if rule is not None]
    pause = max(ruled) if ruled else backoff.pause(so_far + 1, PAUSES) * ctx.policy.retry_pause
    again_at = ctx.now() + backoff.jittered(pause, PAUSE_SPREAD, random.random)
    return then | {"again_at": again_at, "count": so_far, "limit": limit}


def _by_stage(times: Mapping[Place, int]) -> list[dict[str, Any]]:
    """[{"stage", "segments", "times"}] of places with how often each failed; of a stage as a whole without segments."""
    return [
        {
            "stage": stage.value,
            "times": n,
            "segments": [s for (at, s), m in times.items() if (at, m) == (stage, n) and s is not None],
        }
        for stage, n in dict.fromkeys((stage, n) for (stage, _), n in times.items())
    ]


def _nested(quarantined: Mapping[int, Reason]) -> list[dict[str, Any]]:
    return [catalogue.nested(why) for why in quarantined.values()]


def _automatic_retries(attempts: Iterable[Attempt], failed: Attempt) -> int:
    """How many attempts since somebody asked for one, or since the launch, only repeated one that had failed."""
    count = 0
    for attempt in sorted(attempts, key=lambda a: a.number, reverse=True):
        if attempt.number >= failed.number:
            if failed.actor != DRIVER:
                break
            continue
        if attempt.state is not AttemptState.FAILED:
            break
        count += 1
        if attempt.actor != DRIVER:
            break
    return count


def queue_what_is_due(ctx: Context) -> None:
    """Runs whose pause is over, or whose end was waited for, go into the queue; there they wait as others do."""
    for number in runs.due_again(ctx.ledger):
        move(ctx.ledger, number, REPEATED, about=Topic.QUEUE, reasons=[Reason("queue.again")])


def stop_automatic_retry(ctx: Context, run: Run, actor: str) -> str:
    """An operator does not want a run that has failed, or is being ended, to be done again by itself."""
    with ctx.ledger.change():
        runs.set_run(ctx.ledger, run.run, again_at=None)
        reasons = [c.reason for c in run.conditions if c.topic is Topic.OUTCOME]
        reasons = [Reason(r.code, {**r.parameters, "stopped_by": actor}) for r in reasons]
        conditions.put(ctx.ledger, run.run, Topic.OUTCOME, reasons)
    return f"run {run.run} is not done again by itself; r does what is missing"

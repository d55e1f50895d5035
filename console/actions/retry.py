"""Retry: a further attempt that does only what is missing or wished for, asked for by an operator or due by policy."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from console.actions import resume
from console.actions.launch import intend
from console.context import Context, Refused, run_of
from console.evidence.outputs import replaced_at_source, survey
from console.ledger import attempts as attempt_rows
from console.ledger import evidence, failures, runs
from console.ledger.attempts import Attempt
from console.ledger.runs import Run
from console.ledger.store import Ledger, Request
from flowspec import names, quarantine, text
from flowspec.causes import Kind
from flowspec.explanation import explain
from flowspec.late_segments import late_segments
from flowspec.numbers import ranges
from flowspec.plan import WHAT_IS_MISSING, Plan, Wish, is_done, plan_missing
from flowspec.quarantine import Failure
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import ENDED, AttemptState, RunState

DRIVER = "driver"
PAUSES = (1.0, 5.0, 15.0)  # before the first, second, ... automatic retry, in units of policy.retry_pause
JITTER = 0.2


@dataclass(frozen=True)
class Proposal:
    """What a further attempt would do. Without a plan there is nothing to do: then `reason` says why."""

    plan: Plan | None
    reason: str
    lines: tuple[str, ...]
    digest: str  # differs when the plan does, or what it overwrites


def propose(ledger: Ledger, run: Run, wish: Wish) -> Proposal:
    """The next attempt of a run, by the evidence in the ledger. Raises Refused for a wish that cannot be met."""
    waived = {s: waiver for s, waiver in failures.waivers(ledger, run.run).items() if s in run.members}
    _refuse_unknown(run, wish, waived)
    matrix = evidence.matrix(ledger, run)
    changed = {*late_segments(run.launched_sizes, run.sizes).changed}
    changed |= replaced_at_source(evidence.evidence(ledger, run.run)) & {*run.members}
    failed = failures.of_run(ledger, run.run)
    quarantined = quarantine.quarantine(failed, run.members, matrix, waived)
    quarantined = {s: why for s, why in quarantined.items() if s not in changed}
    doubtful = {s for s in run.members if matrix[(Stage.FIT, s)].bad} & {f.segment for f in failed if f.blames_input}
    expected = {*run.members} - waived.keys()
    analyzed = _analyzed(ledger, run.run)
    as_before = run.state is RunState.DONE and not changed and expected == analyzed and wish.again is None
    plan = None
    if not as_before:  # what was cleared away at the site after the result came back is not missing
        plan = plan_missing(
            run.run, run.members, matrix, wish=wish, quarantined=quarantined, waived=waived, changed=changed | doubtful,
            analyzed=analyzed if is_done(matrix, (Stage.ANALYZE, None)) else None,
        )  # fmt: skip
    named = wish.segments or ()
    left_out = [why for s, why in quarantined.items() if s not in named]
    if plan is None:
        return Proposal(None, _why_nothing(run, wish, left_out, bool(expected)), (), "")
    there = evidence.there(ledger, run.run)
    left_out += [f"segment {waiver}" for waiver in waived.values()]
    lines = explain(plan, matrix, there, left_out)
    overwritten = [[stage.value, s] for stage, s in plan.places() if (stage, s) in there]
    digest = hashlib.sha256(json.dumps([asdict(plan), overwritten]).encode()).hexdigest()[:16]
    return Proposal(plan, "", tuple(lines), digest)


def _refuse_unknown(run: Run, wish: Wish, waived: dict[int, quarantine.Waiver]) -> None:
    for segment in wish.segments or ():
        if segment not in run.members:
            raise Refused(f"run {run.run} has no segment {segment:02d}: it has {ranges(run.members)}")
        if segment in waived:
            undo = f"console waive {run.run} {segment} --undo"
            raise Refused(f"run {run.run}: segment {waived[segment]}; to take that back: {undo}")


def _analyzed(ledger: Ledger, run: int) -> set[int] | None:
    """The segments that the newest analysis was to be made of."""
    plans = [attempt.plan for attempt in attempt_rows.attempts(ledger, run)]
    return next((set(plan.expected) for plan in reversed(plans) if plan.analyze and plan.joins), None)


def _why_nothing(run: Run, wish: Wish, left_out: list[str], some_expected: bool) -> str:
    if left_out:
        return f"run {run.run}: {'; '.join(left_out)}"
    if not some_expected:
        return f"run {run.run}: every segment is waived, so there is nothing to analyze"
    what = f"of segment {ranges(wish.segments)}" if wish.segments else ""
    return " ".join(filter(None, (f"run {run.run}: nothing is missing", what, "(--from STAGE or --all does it again)")))


# ---- on request


def look_first(ctx: Context, request: Request) -> None:
    """A retry is judged by what lies at the site and on the DTN now."""
    run = run_of(ctx, request)
    if run.state in ENDED:
        survey(ctx, run)


def retry(ctx: Context, request: Request) -> str:
    """A new attempt of a run that has ended, or with `dry` only what it would do, as JSON.

    `wish`: see flowspec.plan.Wish. `shown`: the digest of the plan that the operator agreed to.
    """
    run = run_of(ctx, request)
    wish = wish_of(request)
    dry = bool(request.args.get("dry"))
    if resume.is_inactive(run) and not dry:
        return resume.intend(ctx, run, request.actor)
    if run.state not in ENDED:
        raise Refused(f"run {run.run} is {run.state.value}: only a run that has ended is retried")
    proposal = propose(ctx.ledger, run, wish)
    plan = proposal.plan
    if plan is None:
        if not dry and _all_there(ctx, run):
            return finish(ctx, run)
        raise Refused(proposal.reason)
    if plan.transfer and run.verdict in (Verdict.TAKING.value, Verdict.ARRIVING.value):
        raise Refused(f"run {run.run} changes on the DTN just now: {run.reason}")
    if dry:
        return json.dumps({"lines": proposal.lines, "plan": asdict(plan), "digest": proposal.digest})
    if request.args.get("shown", proposal.digest) != proposal.digest:
        raise Refused(f"run {run.run} is not as it was when the plan was shown. Now: {'; '.join(proposal.lines)}")
    number = intend(ctx, run, plan, request.actor, wish)
    return f"run {run.run} attempt {number}: {plan.describe()}"


def wish_of(request: Request) -> Wish:
    try:
        return Wish.from_json(request.args.get("wish") or {})
    except ValueError as error:
        raise Refused(str(error)) from None


def begin(ctx: Context, run: Run) -> None:
    """Start a queued run: what is missing, or what it was queued for. Raises Refused or RemoteError."""
    if attempt_rows.newest_attempt(ctx.ledger, run.run) is not None:
        survey(ctx, run)
    wish = Wish.from_json(run.wish)
    with ctx.ledger.change():
        proposal = propose(ctx.ledger, run, wish)
        if proposal.plan is not None:
            intend(ctx, run, proposal.plan, DRIVER, wish)
        elif _all_there(ctx, run):
            finish(ctx, run)
        else:
            raise Refused(proposal.reason)


def go_on(ctx: Context, run: Run) -> None:
    """The next attempt of a run whose segments do not fit in one; what arrived meanwhile is not part of it."""
    before = attempt_rows.newest_attempt(ctx.ledger, run.run)
    if before is None:
        return
    wish = Wish.from_json(run.wish)
    waived, matrix = before.plan.waived, evidence.matrix(ctx.ledger, run)
    members = (*before.plan.expected, *waived)
    quarantined = quarantine.quarantine(failures.of_run(ctx.ledger, run.run), members, matrix, waived)
    plan = plan_missing(run.run, members, matrix, wish=wish, quarantined=quarantined, waived=waived)
    if plan is not None:
        intend(ctx, run, plan, DRIVER, wish)
    else:
        why = "; ".join(quarantined.values()) or "not every output is there; r retries what is missing"
        runs.set_run(ctx.ledger, run.run, state=RunState.FAILED.value, why=why)


def _all_there(ctx: Context, run: Run) -> bool:
    matrix = evidence.matrix(ctx.ledger, run)
    waived = failures.waivers(ctx.ledger, run.run).keys()
    expected = {*run.members} - waived
    in_place = plan_missing(run.run, run.members, matrix, wish=WHAT_IS_MISSING, waived=waived) is None
    return run.state is not RunState.DONE and in_place and _analyzed(ctx.ledger, run.run) == expected


def finish(ctx: Context, run: Run) -> str:
    """A run of which everything turned out to be there is done without a further attempt."""
    result = ctx.results / names.sorted_file(run.run)
    why = f"the result is back: {result.name}; every output was there"
    with ctx.ledger.change():
        runs.set_run(
            ctx.ledger, run.run, state=RunState.DONE.value, why=why, result=str(result), finished_at=ctx.now(),
            again_at=None,
        )  # fmt: skip
        evidence.refresh_progress(ctx.ledger, run.run)
    return f"run {run.run}: {why}"


# ---- by policy


def after_failure(ctx: Context, attempt: Attempt, found: Iterable[Failure]) -> tuple[float | None, str]:
    """When a failed run is retried without anybody asking (None: it is not), and what to tell the operator."""
    limit = ctx.policy.auto_retries
    if limit == 0 or not all(failure.kind is Kind.PASSES for failure in found):
        return None, _in_quarantine(ctx, attempt.run) or "r retries what is missing"
    so_far = _automatic_retries(attempt_rows.attempts(ctx.ledger, attempt.run), attempt)
    if so_far >= limit:
        return None, f"Retried by itself {so_far} times; r retries what is missing"
    pause = PAUSES[min(so_far, len(PAUSES) - 1)] * ctx.policy.retry_pause
    again_at = ctx.now() + pause * random.uniform(1 - JITTER, 1 + JITTER)
    return again_at, f"Retried by itself at {text.clock(again_at)} ({so_far + 1} of {limit}); r does it now"


def _in_quarantine(ctx: Context, number: int) -> str:
    """What to do about segments that r leaves out from now on; '' when there are none."""
    run = runs.run(ctx.ledger, number)
    if run is None:
        return ""
    waived = failures.waivers(ctx.ledger, number).keys()
    matrix = evidence.matrix(ctx.ledger, run)
    return "; ".join(quarantine.quarantine(failures.of_run(ctx.ledger, number), run.members, matrix, waived).values())


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
    due = "SELECT run FROM runs WHERE state IN ('failed', 'cancelled') AND again_at <= ? ORDER BY run"
    for row in ctx.ledger.rows(due, ctx.now()):
        with ctx.ledger.change():
            runs.set_run(
                ctx.ledger, row["run"], state=RunState.QUEUED.value, again_at=None, ready_at=ctx.now(),
                why="is next: what is missing is done again",
            )  # fmt: skip
            ctx.ledger.event("info", f"run {row['run']} is retried by itself", actor=DRIVER, run=row["run"])


def stop_repeating(ctx: Context, run: Run, actor: str) -> str:
    """An operator does not want a run that has failed, or is being ended, to be done again by itself."""
    runs.set_run(ctx.ledger, run.run, again_at=None, why=f"{run.why}; {actor} stopped the automatic retry")
    return f"run {run.run} is not done again by itself; r does what is missing"

"""The progress of an attempt and its end, concluded from its outputs, not from what Globus calls success."""

from __future__ import annotations

from typing import Any

from console.actions import retry
from console.actions.conclusion import Conclusion, conclusion, first_failure, planned_cells
from console.context import Context
from console.evidence.hints import unnoticed
from console.evidence.outputs import copies_of_what_is_there
from console.ledger import attempts, conditions, dossier, events, evidence, failures, logins, runs
from console.ledger.attempts import Attempt
from console.ledger.dossier import Dossier
from console.ledger.errors import LedgerError
from console.ledger.moves import move, move_attempt
from flowspec import catalogue, names, quarantine
from flowspec.alike import failure_kind
from flowspec.conditions import Reason, Topic, reason
from flowspec.decisions import made_of
from flowspec.progress import Says, Witness
from flowspec.retry_rules import by_rules
from flowspec.stages import Stage
from flowspec.states import (
    CANCEL_ASKED,
    CANCEL_ENDED,
    ENDED_BADLY,
    ENDED_WELL,
    FAILED,
    GIVEN_UP,
    PART_DONE,
    RECORDED,
    RETURNED,
    Move,
    RunState,
)
from remote.globus.errors import demanded
from remote.globus.flows import FlowRun

ALIKE_SECONDS = 600.0  # after an alert, within which failures alike give none of their own
_LEVELS = {RETURNED: "good", PART_DONE: "good", FAILED: "bad", CANCEL_ENDED: "warning"}


def update_attempt(ctx: Context, attempt: Attempt, flow_run: FlowRun) -> bool:
    """Write the progress of the attempt; end it when its flow run has ended. Whether it goes on."""
    known = dossier.read(ctx.ledger, attempt.run)
    if known is None:
        raise LedgerError(f"attempt {attempt.attempt} is of run {attempt.run}, which the ledger does not have")
    evidence.store_progress(ctx.ledger, known.run, known.matrix)
    if flow_run.status == "INACTIVE" and not known.run.inactive:
        logins.demand(ctx.ledger, demanded(flow_run.details))
    found = conclusion(known, attempt, flow_run, unnoticed(ctx.ledger, attempt), ctx.now())
    if found.stage.value != attempt.stage:
        attempts.set_attempt(ctx.ledger, attempt.attempt, stage=found.stage.value)
    if attempt.plan.early:
        _conclude_early(ctx, known, attempt, found)
    elif found.progress is not None:
        _put_progress(ctx, attempt, found.progress)
    elif found.cancelled:
        _cancelled_elsewhere(ctx, attempt)
    elif found.failed is not None:
        _failed(ctx, known, attempt, found.stage, found.failed)
    else:
        _succeeded(ctx, known, attempt)
    return found.progress is not None


def _put_progress(ctx: Context, attempt: Attempt, progress: Reason) -> None:
    conditions.put(ctx.ledger, attempt.run, Topic.PROGRESS, [progress], attempt.attempt, ended=[Topic.POLL])


def end_attempt(
    ctx: Context, attempt: Attempt, how: Move, run_move: Move, why: Reason, about: Topic = Topic.OUTCOME, **columns: Any
) -> None:
    """Write that an attempt has ended, and where that leaves its run."""
    with ctx.ledger.change():
        _end(ctx, attempt, how, why)
        move(ctx.ledger, attempt.run, run_move, about=about, reasons=[why], attempt=attempt.attempt, **columns)
        evidence.refresh_progress(ctx.ledger, attempt.run)
        text = f"run {attempt.run} attempt {attempt.number} {how.targets[0].value}: {catalogue.sentence(why)}"
        _tell(ctx, attempt, _LEVELS[run_move], why, text)


def _end(ctx: Context, attempt: Attempt, how: Move, why: Reason) -> None:
    # Tasks that were running when the attempt ended are no longer polled: only their outputs count.
    evidence.forget_evidence(ctx.ledger, attempt, Witness.TASK, Says.PENDING, Says.RUNNING)
    evidence.forget_evidence(ctx.ledger, attempt, Witness.LOG, Says.RUNNING)
    move_attempt(ctx.ledger, attempt.attempt, how, why)


def _tell(ctx: Context, attempt: Attempt, level: str, why: Reason, text: str) -> None:
    """Of failures that are alike and come together only the first is an alert."""
    kind = failure_kind(why)
    key, since = kind.key if kind else "", ctx.now() - ALIKE_SECONDS
    first = events.first_alike(ctx.ledger, key, since, attempt.run)
    ctx.ledger.event(
        level if first is None else "info", text, actor="driver", run=attempt.run, attempt=attempt.attempt,
        kind=key, alike=first,
    )  # fmt: skip


# ---- how it ended


def _failed(ctx: Context, known: Dossier, attempt: Attempt, stage: Stage, cause: Reason) -> None:
    cells = planned_cells(known, attempt)
    found = by_rules(
        ctx.retry_rules,
        quarantine.found_in(attempt.attempt, attempt.plan, stage, cells, known.evidence, cause),
    )
    with ctx.ledger.change():
        failures.record(ctx.ledger, attempt.run, found)
        after = dossier.read(ctx.ledger, attempt.run) or known
        then = retry.after_failure(ctx, after, attempt, found)
        why = reason("outcome.failed", cause=catalogue.nested(cause), **then)
        end_attempt(ctx, attempt, ENDED_BADLY, FAILED, why, again_at=then.get("again_at"))


def _succeeded(ctx: Context, known: Dossier, attempt: Attempt) -> None:
    """Every planned output of the attempt is there; the run may need further attempts."""
    plan, run = attempt.plan, known.run
    if plan.left:
        end_attempt(ctx, attempt, ENDED_WELL, PART_DONE, reason("attempt.next", left=plan.left), Topic.PROGRESS)
    elif plan.held:
        found = quarantine.quarantine(known.blamed, run.members, known.matrix, plan.waived)
        held = [catalogue.nested(why) for s, why in found.items() if s in plan.held]
        left = sorted(set(plan.held) - found.keys())
        why = reason("outcome.held", quarantined=held, left=left)
        end_attempt(ctx, attempt, ENDED_WELL, FAILED, why, again_at=None)
    elif run.retaken and copies_of_what_is_there(run, known.evidence):
        end_attempt(ctx, attempt, ENDED_WELL, FAILED, reason("outcome.mixed"), again_at=None)
    else:
        result = ctx.results / names.sorted_file(run.run)
        of = made_of(plan, known.matrix, known.waivers, known.acceptances)
        back = reason("outcome.returned", file=result.name, **of)
        end_attempt(ctx, attempt, ENDED_WELL, RETURNED, back, result=str(result))


def _conclude_early(ctx: Context, known: Dossier, attempt: Attempt, found: Conclusion) -> None:
    """An early attempt moves its run nowhere: the run is still recorded, or waits for the last of them."""
    if found.progress is not None:
        conditions.put_early(ctx.ledger, attempt.run, attempt.attempt, attempt.plan.expected[0], found.progress)
    elif found.cancelled:
        _cancelled_elsewhere(ctx, attempt)
    elif found.failed is not None:
        cells = planned_cells(known, attempt)
        cause = first_failure(cells) or found.failed  # which its flow run goes past, without an analysis
        causes = quarantine.found_in(attempt.attempt, attempt.plan, found.stage, cells, known.evidence, cause)
        with ctx.ledger.change():
            failures.record(ctx.ledger, attempt.run, by_rules(ctx.retry_rules, causes))
            end_early(ctx, attempt, ENDED_BADLY, reason("attempt.early-failed", cause=catalogue.nested(cause)))
    else:
        done, recorded = list(attempt.plan.expected), known.run.state in RECORDED
        end_early(ctx, attempt, ENDED_WELL, reason("attempt.early-done", segments=done, recorded=recorded))


def end_early(ctx: Context, attempt: Attempt, how: Move, why: Reason) -> None:
    """Write that an early attempt has ended. When its run is being cancelled and this was the last, the run is, too."""
    with ctx.ledger.change():
        _end(ctx, attempt, how, why)
        conditions.put_early(ctx.ledger, attempt.run, attempt.attempt, attempt.plan.expected[0], None)
        run = runs.run(ctx.ledger, attempt.run)
        if run is not None and run.state is RunState.CANCELLING and not attempts.open_of(ctx.ledger, attempt.run):
            move(ctx.ledger, attempt.run, CANCEL_ENDED, about=Topic.OUTCOME, reasons=[why], attempt=attempt.attempt)
        evidence.refresh_progress(ctx.ledger, attempt.run)
        text = f"run {attempt.run} attempt {attempt.number} {how.targets[0].value}: {catalogue.sentence(why)}"
        _tell(ctx, attempt, {ENDED_WELL: "info", ENDED_BADLY: "bad"}.get(how, "warning"), why, text)


def _cancelled_elsewhere(ctx: Context, attempt: Attempt) -> None:
    """Cancelled in the Globus web app: its tasks are polled until they have ended, as after a cancel request."""
    who = "somebody at Globus"
    with ctx.ledger.change():
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=who, cancel_at=ctx.now())
        if not attempt.plan.early:
            why = reason("cancel.elsewhere", who=who)
            move(ctx.ledger, attempt.run, CANCEL_ASKED, about=Topic.PROGRESS, reasons=[why], attempt=attempt.attempt)
        text = f"run {attempt.run} attempt {attempt.number}: its flow run was cancelled by {who}"
        ctx.ledger.event("warning", text, actor="driver", run=attempt.run, attempt=attempt.attempt)


def end_cancelled(ctx: Context, attempt: Attempt, why: Reason) -> None:
    """The attempt was cancelled, and nothing of it runs any more."""
    if attempt.plan.early:
        end_early(ctx, attempt, GIVEN_UP, why)
        return
    end_attempt(ctx, attempt, GIVEN_UP, CANCEL_ENDED, why)

"""Flow runs that Globus has made INACTIVE, for want of a consent or a login: resumed once that was given.

The request is an intent in the ledger (`resumes`). The state of the flow run is read before it is resumed, so
that after a lost reply or a crash it is not resumed a second time.
"""

from __future__ import annotations

from console.context import Context, Refused
from console.ledger import attempts, conditions, logins, resumes, runs, sources
from console.ledger.dossier import Dossier
from console.ledger.runs import Run
from console.ledger.store import Ledger
from flowspec.conditions import Topic, reason
from flowspec.states import RunState
from flowspec.text import short_id
from remote.globus.errors import RemoteError


def inactive_runs(ledger: Ledger) -> list[Run]:
    may_be = (RunState.TAKING, RunState.ARRIVING, RunState.QUEUED, RunState.RUNNING)
    return [run for run in runs.runs(ledger, *may_be) if run.inactive]


def request_resume(ctx: Context, known: Dossier, actor: str) -> str:
    """Record the request to resume the flow run of this run; `send_resumes` carries it out."""
    run, under_way = known.run, [attempt for attempt in known.open if attempt.flow_run is not None]
    if not under_way:
        raise Refused(f"run {run.run} has no flow run to resume")
    for attempt in under_way:
        resumes.add(ctx.ledger, attempt.attempt, actor)
    named = ", ".join(str(attempt.flow_run) for attempt in under_way)
    return f"run {run.run} attempt {under_way[-1].number} is being resumed (flow run {named})"


def send_resumes(ctx: Context) -> None:
    """Resume the flow runs that are to be resumed; a refusal by Globus is an event, and then up to the operator."""
    wanted = resumes.wanted(ctx.ledger)
    under_way = {attempt.attempt: attempt for attempt in attempts.open_attempts(ctx.ledger)} if wanted else {}
    for resume in wanted:
        attempt = under_way.get(resume.attempt)
        if attempt is None or attempt.flow_run is None:  # it has ended
            resumes.remove(ctx.ledger, resume.attempt)
            continue
        try:
            status = ctx.remote.flows.run(attempt.flow_run).status
            sources.answered(ctx.ledger, "flows")
            if status != "INACTIVE":
                resumes.remove(ctx.ledger, resume.attempt)
                continue
            ctx.remote.flows.resume(attempt.flow_run, attempt.flow_id)
        except RemoteError as error:
            if error.kind == "later":
                raise
            with ctx.ledger.change():
                logins.demand(ctx.ledger, error.demand)
                resumes.remove(ctx.ledger, resume.attempt)
                problem = f"could not be resumed: {error.cause}; {error.next_step}"
                text = f"run {attempt.run} attempt {attempt.number} {problem}"
                ctx.ledger.event("bad", text, actor="driver", run=attempt.run, attempt=attempt.attempt)
            continue
        with ctx.ledger.change():
            resumes.remove(ctx.ledger, resume.attempt)
            resumed = reason("attempt.resumed", who=resume.actor)
            conditions.put(ctx.ledger, attempt.run, Topic.PROGRESS, [resumed], attempt.attempt)
            text = f"run {attempt.run} attempt {attempt.number} resumed: flow run {short_id(attempt.flow_run or '')}"
            ctx.ledger.event("info", text, actor=resume.actor, run=attempt.run, attempt=attempt.attempt)

"""Flow runs that Globus has made INACTIVE, for want of a consent or a login: resumed once that was given.

The request is an intent in the ledger's meta table. The flow run is looked at before it is resumed, so that after a
reply that was lost, or a crash, it is not resumed a second time.
"""

from __future__ import annotations

from console.context import Context, Refused
from console.ledger import attempts, runs
from console.ledger.runs import Run
from console.ledger.store import Ledger
from flowspec.states import INACTIVE, OPEN, RunState
from remote.globus.errors import RemoteError

HOW = "r resumes it"
HOW_WITH_CONSENT = "give it (console login), which resumes it, or r"
_INTENT = "resume:"  # + attempt; the value is who asked


def is_inactive(run: Run) -> bool:
    return run.state is RunState.RUNNING and run.why.startswith(INACTIVE)


def inactive_runs(ledger: Ledger) -> list[Run]:
    return [run for run in runs.runs(ledger, RunState.RUNNING) if is_inactive(run)]


def intend(ctx: Context, run: Run, actor: str) -> str:
    """Write down that the flow run of this run is to be resumed."""
    attempt = attempts.newest_attempt(ctx.ledger, run.run)
    if attempt is None or attempt.state not in OPEN or attempt.flow_run is None:
        raise Refused(f"run {run.run} has no flow run to resume")
    ctx.ledger.put(f"{_INTENT}{attempt.attempt}", actor)
    return f"run {run.run} attempt {attempt.number} is being resumed (flow run {attempt.flow_run})"


def see_through(ctx: Context) -> None:
    """Resume the flow runs that are to be resumed; what Globus refuses is told, and then up to the operator again."""
    for row in ctx.ledger.rows("SELECT key, value FROM meta WHERE key LIKE ?", f"{_INTENT}%"):
        attempt = next(
            (a for a in attempts.open_attempts(ctx.ledger) if f"{_INTENT}{a.attempt}" == row["key"]),
            None,
        )
        if attempt is None or attempt.flow_run is None:  # it has ended
            _settled(ctx, row["key"])
            continue
        try:
            if ctx.remote.flows.run(attempt.flow_run).status != "INACTIVE":
                _settled(ctx, row["key"])
                continue
            ctx.remote.flows.resume(attempt.flow_run, attempt.flow_id)
        except RemoteError as error:
            if error.kind == "later":
                raise
            with ctx.ledger.change():
                _settled(ctx, row["key"])
                problem = f"could not be resumed: {error.cause}; {error.next_step}"
                told = f"run {attempt.run} attempt {attempt.number} {problem}"
                ctx.ledger.event("bad", told, actor="driver", run=attempt.run, attempt=attempt.attempt)
            continue
        with ctx.ledger.change():
            _settled(ctx, row["key"])
            runs.set_run(ctx.ledger, attempt.run, why=f"resumed by {row['value']}")
            told = f"run {attempt.run} attempt {attempt.number} resumed: flow run {attempt.flow_run}"
            ctx.ledger.event("info", told, actor=row["value"], run=attempt.run, attempt=attempt.attempt)


def _settled(ctx: Context, key: str) -> None:
    with ctx.ledger.change() as db:
        db.execute("DELETE FROM meta WHERE key = ?", (key,))

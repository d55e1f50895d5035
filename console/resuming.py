"""Flow runs that Globus has made INACTIVE, for want of a consent or a login: resumed once that was given.

The request is an intent in the ledger's meta table. The flow run is looked at before it is resumed, so that after a
reply that was lost, or a crash, it is not resumed a second time.
"""

from __future__ import annotations

from console import records
from console.ledger import Ledger
from console.operations import Operations, Refused
from console.records import Run
from console.states import INACTIVE, OPEN, RunState
from remote.globus.errors import RemoteError

HOW = "r resumes it"
HOW_WITH_CONSENT = "give it (console login), which resumes it, or r"
_INTENT = "resume:"  # + attempt; the value is who asked


def is_inactive(run: Run) -> bool:
    return run.state is RunState.RUNNING and run.why.startswith(INACTIVE)


def inactive_runs(ledger: Ledger) -> list[Run]:
    return [run for run in records.runs(ledger, RunState.RUNNING) if is_inactive(run)]


def intend(ops: Operations, run: Run, actor: str) -> str:
    """Write down that the flow run of this run is to be resumed."""
    attempt = records.newest_attempt(ops.ledger, run.run)
    if attempt is None or attempt.state not in OPEN or attempt.flow_run is None:
        raise Refused(f"run {run.run} has no flow run to resume")
    ops.ledger.put(f"{_INTENT}{attempt.attempt}", actor)
    return f"run {run.run} attempt {attempt.number} is being resumed (flow run {attempt.flow_run})"


def see_through(ops: Operations) -> None:
    """Resume the flow runs that are to be resumed; what Globus refuses is told, and then up to the operator again."""
    for row in ops.ledger.rows("SELECT key, value FROM meta WHERE key LIKE ?", f"{_INTENT}%"):
        attempt = next(
            (a for a in records.open_attempts(ops.ledger) if f"{_INTENT}{a.attempt}" == row["key"]),
            None,
        )
        if attempt is None or attempt.flow_run is None:  # it has ended
            _settled(ops, row["key"])
            continue
        try:
            if ops.remote.flows.run(attempt.flow_run).status != "INACTIVE":
                _settled(ops, row["key"])
                continue
            ops.remote.flows.resume(attempt.flow_run, attempt.flow_id)
        except RemoteError as error:
            if error.kind == "later":
                raise
            with ops.ledger.change():
                _settled(ops, row["key"])
                problem = f"could not be resumed: {error.cause}; {error.next_step}"
                told = f"run {attempt.run} attempt {attempt.number} {problem}"
                ops.ledger.event("bad", told, actor="driver", run=attempt.run, attempt=attempt.attempt)
            continue
        with ops.ledger.change():
            _settled(ops, row["key"])
            records.set_run(ops.ledger, attempt.run, why=f"resumed by {row['value']}")
            told = f"run {attempt.run} attempt {attempt.number} resumed: flow run {attempt.flow_run}"
            ops.ledger.event("info", told, actor=row["value"], run=attempt.run, attempt=attempt.attempt)


def _settled(ops: Operations, key: str) -> None:
    with ops.ledger.change() as db:
        db.execute("DELETE FROM meta WHERE key = ?", (key,))

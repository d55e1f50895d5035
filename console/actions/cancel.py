"""Cancelling an attempt, and proving it: what belongs to it is told to end, and each of it is watched until it is gone.

Compute cannot cancel tasks. So the first step is a marker at the site, for which every job of the attempt looks; then
the flow run and its transfer tasks are cancelled. All steps may be done again, so a driver may die between any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from console.actions import conclude, launch
from console.context import Context, Refused
from console.evidence import poll, suspicion
from console.evidence.witnesses import planned
from console.ledger import attempts, cancel_lines, runs
from console.ledger.attempts import Attempt
from console.ledger.cancel_lines import CancelLine, LineKind, work
from console.ledger.runs import Run
from flowspec import flowlog
from flowspec.progress import Says
from flowspec.stages import Stage
from flowspec.states import OPEN, AttemptState, RunState
from remote.globus.compute import TaskStatus
from remote.globus.errors import RemoteError
from remote.globus.flows import FlowRun

ACTIVE = ("ACTIVE", "INACTIVE")
# How long a cancel waits to learn the id of an action that has just started: afterwards the log may never tell it.
UNTOLD_SECONDS = 10.0
# How long after its end a flow run's log may take to tell it.
LOG_SECONDS = 30.0
UNTOLD = "not told: "  # stands for the ids of tasks that are not known
_TRANSFERS = (Stage.TRANSFER, Stage.RETURN)


# ---- the request


def begin(ctx: Context, run: Run, actor: str) -> str:
    """Write that the newest attempt of a run is to be cancelled, or take the run from the queue; the answer for people.

    Changes the ledger only: `see_through` does the rest. Raises Refused when there is nothing to cancel.
    """
    if run.state is RunState.QUEUED:
        why = f"taken from the queue by {actor}"
        state = RunState.CANCELLED
        if run.result is not None:  # it was to be done once more
            state, why = RunState.DONE, f"{why}; the result is that of before"
        runs.set_run(ctx.ledger, run.run, state=state.value, why=why, wish={}, priority=0)
        return f"run {run.run} is no longer queued"
    if run.state is RunState.CANCELLING:
        return f"run {run.run} is being cancelled already: {run.why}"
    if run.state is not RunState.RUNNING:
        raise Refused(f"run {run.run} is {run.state.value}: there is nothing to cancel")
    attempt = attempts.newest_attempt(ctx.ledger, run.run)
    if attempt is None or attempt.state not in OPEN:  # between two attempts of a run that needs several
        why = f"cancelled by {actor} before its next attempt. r does what is missing"
        runs.set_run(ctx.ledger, run.run, state=RunState.CANCELLED.value, why=why, finished_at=ctx.now())
        return f"run {run.run} is cancelled: no further attempt is started"
    if attempt.state is AttemptState.INTENT and attempt.started_at is None:
        _end(ctx, attempt, actor, "Globus had not been asked to start it")
        return f"run {run.run} attempt {attempt.number} is cancelled: Globus had not been asked to start it"
    mark(ctx, attempt, actor)
    return f"run {run.run} attempt {attempt.number} is being cancelled: {_telling(attempt)}"


def mark(ctx: Context, attempt: Attempt, actor: str) -> None:
    """Write that an open attempt is to be cancelled."""
    with ctx.ledger.change():
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=actor, cancel_at=ctx.now())
        why = f"cancelled by {actor}; {_telling(attempt)}"
        runs.set_run(ctx.ledger, attempt.run, state=RunState.CANCELLING.value, why=why)


def _telling(attempt: Attempt) -> str:
    if attempt.flow_run is None:
        return "whether its flow run was started is being found out"
    return f"flow run {attempt.flow_run} and the site are being told"


# ---- seeing it through


def see_through(ctx: Context) -> None:
    """One round for every attempt that is being cancelled: tell what is left of it to end, and look what is gone.

    What fails does not stop the rest; raises the first RemoteError after the round: time for a pause.
    """
    wanted = [attempt.attempt for attempt in attempts.open_attempts(ctx.ledger) if attempt.cancel_at is not None]
    if not wanted:
        return
    errors: list[RemoteError] = []
    for key in wanted:
        with _going_on(errors):
            _mark_at_the_site(ctx, _again(ctx, key))
        with _going_on(errors):
            _end_flow_run(ctx, _again(ctx, key))
        with _going_on(errors):
            poll.name_tasks_now(ctx, [_again(ctx, key)])
        _name_lines(ctx, _again(ctx, key))
        for line in _open_lines(ctx, key, LineKind.TRANSFER_TASK):
            with _going_on(errors):
                _end_transfer(ctx, key, line)
    with _going_on(errors):
        _look_at_compute(ctx, [_again(ctx, key) for key in wanted])
    for key in wanted:
        with _going_on(errors):
            _look_at_the_untold(ctx, _again(ctx, key))
        _judge(ctx, _again(ctx, key))
    if errors:
        raise errors[0]


@contextmanager
def _going_on(errors: list[RemoteError]) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        errors.append(error)


def _again(ctx: Context, key: int) -> Attempt:
    """The attempt as the ledger has it now."""
    return next(attempt for attempt in attempts.open_attempts(ctx.ledger) if attempt.attempt == key)


def _open_lines(ctx: Context, key: int, kind: LineKind) -> list[CancelLine]:
    return [line for line in cancel_lines.read(ctx.ledger, key) if line.kind is kind and not line.gone]


def _see(ctx: Context, key: int, line: CancelLine, seen: str, *, gone: bool) -> None:
    cancel_lines.write(ctx.ledger, key, replace(line, seen=seen, gone_at=ctx.now() if gone else None))


@contextmanager
def _telling_why(ctx: Context, key: int, line: CancelLine, problem: str) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        _see(ctx, key, line, f"{problem}: {error.cause}", gone=False)
        raise


# ---- the marker


def _mark_at_the_site(ctx: Context, attempt: Attempt) -> None:
    path = _marker(attempt)
    if path is None:
        return
    line = CancelLine(LineKind.MARKER, path, "marker at the site")
    if _known(ctx, attempt, line).gone:
        return
    with _telling_why(ctx, attempt.attempt, line, "cannot be made"):
        ctx.remote.transfer.make_directories(ctx.places.site_collection, path)
    _see(ctx, attempt.attempt, line, "made", gone=True)


def _marked(ctx: Context, attempt: Attempt) -> bool:
    return any(line.kind is LineKind.MARKER and line.gone for line in cancel_lines.read(ctx.ledger, attempt.attempt))


def _marker(attempt: Attempt) -> str | None:
    """None for an attempt that was started before there were markers: its jobs look for none."""
    return dict(attempt.body.get("site") or {}).get("marker")


def _known(ctx: Context, attempt: Attempt, line: CancelLine) -> CancelLine:
    """The line as the ledger has it; written there when it is new."""
    known = cancel_lines.find(ctx.ledger, attempt.attempt, line.kind, line.id)
    if known is None:
        cancel_lines.write(ctx.ledger, attempt.attempt, line)
    return known or line


# ---- the flow run


def _end_flow_run(ctx: Context, attempt: Attempt) -> None:
    if attempt.flow_run is None:
        attempt = _settle(ctx, attempt)
        if attempt.flow_run is None:
            return
    line = CancelLine(LineKind.FLOW_RUN, attempt.flow_run, "flow run")
    if _known(ctx, attempt, line).gone:
        return
    with _telling_why(ctx, attempt.attempt, line, "cannot be ended"):
        seen, ended = _tell_flow_run(ctx, attempt, attempt.flow_run)
    _see(ctx, attempt.attempt, line, seen, gone=ended)
    ctx.ledger.heard("flows")


def _tell_flow_run(ctx: Context, attempt: Attempt, id: str) -> tuple[str, bool]:
    """What is seen of the flow run, and whether it has ended and everything that it has started is known."""
    flow_run = ctx.remote.flows.run(id)
    if flow_run.status in ACTIVE:
        poll.follow_log(ctx, attempt, flow_run)
        attempt = _again(ctx, attempt.attempt)
        if _untold(attempt) and ctx.now() - (attempt.cancel_at or 0) < UNTOLD_SECONDS:
            return f"{flow_run.status}, has just started an action", False
        ctx.remote.flows.cancel(id)
        flow_run = ctx.remote.flows.run(id)
    ended = flow_run.status not in ACTIVE and _read_to_the_end(ctx, attempt, flow_run)
    if ended:
        _find_transfers(ctx, attempt)
    return "cancelled" if flow_run.cancelled else flow_run.status, ended


def _settle(ctx: Context, attempt: Attempt) -> Attempt:
    """Find out whether the flow run that was asked for exists. It is not asked for again."""
    line = CancelLine(LineKind.FLOW_RUN, attempt.tag, "flow run with the tag", "it is not known whether it was started")
    if _known(ctx, attempt, line).gone or ctx.now() - (attempt.started_at or 0) < launch.LOOKUP_SECONDS:
        return attempt
    flow_run = launch.look_up(ctx, attempt)
    if flow_run is not None:
        launch.started(ctx, attempt, flow_run)
    _see(ctx, attempt.attempt, line, f"is flow run {flow_run}" if flow_run else "was never started", gone=True)
    return _again(ctx, attempt.attempt)


def _read_to_the_end(ctx: Context, attempt: Attempt, flow_run: FlowRun) -> bool:
    """Read the whole flow log once more, for what was submitted in the last moment. False: its end is not there yet."""
    entries = poll.follow_log(ctx, replace(attempt, log_after=None), flow_run)
    if entries and entries[-1].code.startswith("Flow") and entries[-1].code != "FlowStarted":
        return True
    return flow_run.completed is None or ctx.now() - flowlog.seconds(flow_run.completed) > LOG_SECONDS


def _untold(attempt: Attempt) -> list[Stage]:
    """The stages with compute tasks that have begun, of which the flow log has not told under which id."""
    return [
        stage
        for stage, visit in attempt.visits.items()
        if stage not in _TRANSFERS and visit.action is None and visit.says is Says.RUNNING
    ]


# ---- tasks


def _name_lines(ctx: Context, attempt: Attempt) -> None:
    """A line for each task that is known, and one for each stage whose compute tasks are not known at the end."""
    flow_run_gone = not _open_lines(ctx, attempt.attempt, LineKind.FLOW_RUN)
    with ctx.ledger.change():
        for stage, visit in attempt.visits.items():
            if stage in _TRANSFERS and visit.action:
                _known(ctx, attempt, CancelLine(LineKind.TRANSFER_TASK, visit.action, f"{stage.value} task"))
            places = planned(attempt.plan, stage)
            tasks = attempts.tasks(ctx.ledger, attempt.attempt, stage)
            for place, (task, _) in enumerate(tasks):
                segment = places[place] if place < len(places) else None
                _known(ctx, attempt, CancelLine(LineKind.COMPUTE_TASK, task, work(stage, segment)))
            nameless = CancelLine(LineKind.COMPUTE_TASK, f"{UNTOLD}{stage.value}", stage.value)
            if tasks:
                cancel_lines.forget(ctx.ledger, attempt.attempt, nameless.id)
            elif stage not in _TRANSFERS and flow_run_gone and (visit.action or visit.says is Says.RUNNING):
                _known(ctx, attempt, nameless)


def _find_transfers(ctx: Context, attempt: Attempt) -> None:
    """Those that the log may not tell, as they were submitted in the last moment: they bear the attempt's label."""
    for task in ctx.remote.transfer.under_way(attempt.label):
        _known(ctx, attempt, CancelLine(LineKind.TRANSFER_TASK, task.id, "transfer task"))


def _end_transfer(ctx: Context, key: int, line: CancelLine) -> None:
    with _telling_why(ctx, key, line, "cannot be ended"):
        task = ctx.remote.transfer.task(line.id)
        if task.status in ACTIVE:
            ctx.remote.transfer.cancel(line.id)
            task = ctx.remote.transfer.task(line.id)
    _see(ctx, key, line, task.status, gone=task.status not in ACTIVE)
    ctx.ledger.heard("transfer")


def _look_at_compute(ctx: Context, cancelling: Sequence[Attempt]) -> None:
    """One batch call for all tasks that have not ended."""
    replies = poll.ask_compute(ctx, cancelling)
    if replies is None:
        return
    with ctx.ledger.change():
        for attempt in cancelling:
            harmless = suspicion.lost_tasks(ctx, attempt) if _marked(ctx, attempt) else set()
            for line in _open_lines(ctx, attempt.attempt, LineKind.COMPUTE_TASK):
                reply = replies.get(line.id)
                if reply is not None and reply.status == "pending" and line.id in harmless:
                    # Compute would tell this of a lost task for ever; should it begin after all, it sees the marker.
                    _see(ctx, attempt.attempt, line, "was never begun, and the marker keeps it from it", gone=True)
                elif reply is not None:
                    _see(ctx, attempt.attempt, line, _ended(reply) or reply.status, gone=bool(_ended(reply)))
                elif _ended_before(ctx, line.id):
                    _see(ctx, attempt.attempt, line, "had ended", gone=True)


def _ended(reply: TaskStatus) -> str:
    """How a task has ended; '' while it has not."""
    if reply.status not in ("success", "failed"):
        return ""
    rc = reply.value.get("rc") if isinstance(reply.value, dict) else None
    return f"ended ({reply.status if rc is None else f'return code {rc}'})"


def _ended_before(ctx: Context, task: str) -> bool:
    row = ctx.ledger.row("SELECT ended FROM tasks WHERE task = ?", task)
    return row is not None and bool(row["ended"])


def _look_at_the_untold(ctx: Context, attempt: Attempt) -> None:
    """A job that has seen the marker leaves its name there: that is how tasks without an id are known to have ended."""
    marker = _marker(attempt)
    for line in _open_lines(ctx, attempt.attempt, LineKind.COMPUTE_TASK):
        if marker is None or not line.id.startswith(UNTOLD):
            continue
        stage = Stage(line.stage)
        names = {stage.value if s is None else f"{stage.value}-{s:02d}" for s in planned(attempt.plan, stage)}
        told = ctx.remote.transfer.ls(ctx.places.site_collection, marker) or {}
        missing = sorted(names - set(told))
        _see(ctx, attempt.attempt, line, f"the site has not told the end of {', '.join(missing)}", gone=not missing)


# ---- judging


def _judge(ctx: Context, attempt: Attempt) -> None:
    """Tell what is left; end the attempt when nothing is."""
    lines = cancel_lines.read(ctx.ledger, attempt.attempt)
    if _all_gone(attempt, lines):
        if _succeeded(attempt, lines):
            _withdraw(ctx, attempt)
        else:
            _end(ctx, attempt, str(attempt.cancel_by), "nothing of it runs any more")
        return
    why = f"cancelled by {attempt.cancel_by}, still running: "
    why += cancel_lines.left(lines, cancel_lines.offline_endpoints(ctx.ledger)) or cancel_lines.NOT_LOOKED_AT
    run = runs.run(ctx.ledger, attempt.run)
    if run is not None and run.why != why:
        runs.set_run(ctx.ledger, attempt.run, why=why)


def _all_gone(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """The marker is a means: when all the rest is gone, it does not matter whether it could be made."""
    seen = any(line.kind is LineKind.FLOW_RUN and line.id == (attempt.flow_run or attempt.tag) for line in lines)
    return seen and all(line.gone for line in lines if line.kind is not LineKind.MARKER)


def _succeeded(attempt: Attempt, lines: Sequence[CancelLine]) -> bool:
    """Whether the flow run was through before it could be cancelled, and with it the run."""
    seen = [line.seen for line in lines if line.kind is LineKind.FLOW_RUN]
    return "SUCCEEDED" in seen and attempt.plan.joins


def _withdraw(ctx: Context, attempt: Attempt) -> None:
    """The run was done before it could be cancelled: the pollers judge it as any other."""
    with ctx.ledger.change():
        cancel_lines.forget(ctx.ledger, attempt.attempt)
        attempts.set_attempt(ctx.ledger, attempt.attempt, cancel_by=None, cancel_at=None)
        why = "its flow run had succeeded before it could be cancelled"
        runs.set_run(ctx.ledger, attempt.run, state=RunState.RUNNING.value, why=why, again_at=None)
        text = f"run {attempt.run} attempt {attempt.number} is not cancelled: {why}"
        ctx.ledger.event("warning", text, actor="driver", run=attempt.run, attempt=attempt.attempt)


def _end(ctx: Context, attempt: Attempt, actor: str, proof: str) -> None:
    why = f"cancelled by {actor}: {proof}. r does what is missing"
    conclude.end(ctx, attempt, AttemptState.CANCELLED, RunState.CANCELLED, why)

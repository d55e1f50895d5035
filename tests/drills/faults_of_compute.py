"""The faults of compute calls at a desk: what the screen says, and what the operator does until the run comes home."""

from __future__ import annotations

import subprocess
import sys

from console.ledger import attempts
from flowspec.states import RunState
from tests.drills.desk import Desk
from tests.sandbox_records import records as sandbox_records
from tests.waiting import until

DONE, FAILED = RunState.DONE, RunState.FAILED


def endpoint_offline(desk: Desk) -> None:
    desk.world.hold(True)
    waiting = desk.deliver()
    until(lambda: sandbox_records(desk.world.sandbox.directory).working_on(waiting))
    desk.fault("endpoint-offline", endpoint="frib-convert")
    desk.see("compute endpoint frib-convert is OFFLINE: runs wait for it")
    behind = desk.deliver()
    desk.select(behind)
    desk.see("waits: compute endpoint frib-convert is offline since")
    desk.world.hold(False)
    desk.select(waiting)
    desk.see("convert 0/1: segment 00 waits for a worker since", ": frib-convert is offline since")
    desk.clear()
    desk.wait_for(DONE, waiting, behind)


def endpoint_slow(desk: Desk) -> None:
    desk.fault("endpoint-slow", run=desk.next_run, stage="fit", seconds=3)
    run = desk.deliver()
    desk.select(run)
    desk.see("fit 0/1: running since")
    desk.wait_for(DONE, run)


def worker_lost(desk: Desk) -> None:
    desk.fault("worker-lost", run=desk.next_run, stage="fit", segment=0)
    run = desk.deliver(segments=2)
    desk.select(run)
    desk.see("fit of segment 00 failed", "WorkerLost: Task failure due to loss of worker", "Retried by itself at")
    desk.wait_for(DONE, run)
    assert _executions(desk, run) == [1, 1, 3]


def _executions(desk: Desk, run: int) -> list[int]:
    """How often each fit of a run was executed."""
    calls = sandbox_records(desk.world.sandbox.directory).calls
    return sorted(call["executions"] for call in calls if call["run"] == run and call["function"] == "fit")


def block_lost(desk: Desk) -> None:
    """Nothing tells of it, and nobody has to do anything."""
    desk.world.hold(True)
    desk.fault("block-lost", run=desk.next_run, stage="fit", segment=1)
    run = desk.deliver(segments=2)
    until(lambda: max(_executions(desk, run), default=0) == 2)
    desk.world.hold(False)
    desk.wait_for(DONE, run)
    assert sandbox_records(desk.world.sandbox.directory).functions(run)["fit"] == 2


def user_endpoint_killed(desk: Desk) -> None:
    """What it had is never answered, and its programs go on until the marker of the cancel ends them."""
    desk.world.hold(True)
    desk.fault("user-endpoint-killed", run=desk.next_run, stage="fit")
    run = desk.deliver()
    desk.select(run)
    desk.see("fit 0/1: segment 00 running since", "usually fit takes", ": it may hang; r ends it and does it again")
    assert sandbox_records(desk.world.sandbox.directory).working_on(run)
    desk.press("r")
    desk.confirm(f"End run {run} and do it again?")
    until(lambda: len(_executions(desk, run)) == 2)
    desk.world.hold(False)
    desk.wait_for(DONE, run)


def sbatch_refused(desk: Desk) -> None:
    why = "a long queue at Slurm, or it gets no block: its log at the site says why"
    _begins_nothing(desk, "sbatch-refused", f"frib-fit-mpi has begun nothing since; {why}")


def user_endpoint_fails(desk: Desk) -> None:
    _begins_nothing(desk, "user-endpoint-fails", "frib-fit-mpi has begun nothing since")


def _begins_nothing(desk: Desk, name: str, told: str) -> None:
    desk.fault(name, endpoint="frib-fit-mpi")
    run = desk.deliver()
    desk.select(run)
    desk.see("fit 0/1: segment 00 waits for a worker since", told, "r ends it and does it again")
    desk.clear()
    desk.press("r")
    desk.confirm(f"End run {run} and do it again?")
    desk.wait_for(DONE, run)


def function_not_allowed(desk: Desk) -> None:
    desk.fault("function-not-allowed", run=desk.next_run, stage="fit")
    run = desk.deliver()
    desk.select(run)
    desk.see("fit of segment 00 failed: Function ", " not permitted on endpoint ", "r retries what is missing")
    assert _executions(desk, run) == [0]
    desk.clear()
    desk.retry(run)
    desk.wait_for(DONE, run)


def result_too_large(desk: Desk) -> None:
    """Of the analysis: after a fit the flow run would go on with what it has made, and succeed."""
    desk.fault("result-too-large", run=desk.next_run, stage="analyze")
    run = desk.deliver()
    desk.select(run)
    desk.see("analyze failed", "MaxResultSizeExceeded(", "r retries what is missing")
    desk.retry(run)
    desk.wait_for(DONE, run)


def task_lost(desk: Desk) -> None:
    desk.fault("task-lost", run=desk.next_run, stage="fit", segment=1)
    run = desk.deliver(segments=2)
    desk.select(run)
    desk.see(
        "fit 1/2: segment 01 waits for a worker since",
        "although another one was served at frib-fit-mpi since: it may be lost; r ends it and does it again",
    )
    desk.cancel(run)
    desk.see(f"run {run} cancelled")
    desk.retry(run)
    desk.wait_for(DONE, run)


def function_crash(desk: Desk) -> None:
    _fails_and_is_retried(desk, "function-crash", "return code 134")


def function_hang(desk: Desk) -> None:
    desk.fault("function-hang", run=desk.next_run, stage="fit")
    run = desk.deliver()
    desk.select(run)
    desk.see(
        "fit 0/1: segment 00 running since", "usually fit takes", ": it may hang; r ends it and does it again",
    )  # fmt: skip
    desk.cancel(run)
    desk.see(f"run {run} cancelled")
    assert sandbox_records(desk.world.sandbox.directory).working_on(run) == []
    desk.retry(run)
    desk.wait_for(DONE, run)


def silent_success(desk: Desk) -> None:
    _fails_and_is_retried(desk, "silent-success", "ended with return code 0 but left no output", who="program")
    _fails_and_is_retried(desk, "silent-success", "reported done, but its output is not there", who="function")


def disk_full(desk: Desk) -> None:
    """EventEditor waits for ever and ignores SIGTERM: it is ended by what its log says."""
    desk.world.quick(False)
    run = desk.next_run
    _fails_and_is_retried(desk, "disk-full", "Output thread write failed: No space left on device", events=20)
    assert sandbox_records(desk.world.sandbox.directory).working_on(run) == []


def root_spoilt(desk: Desk) -> None:
    desk.world.quick(False)
    _fails_and_is_retried(desk, "root-spoilt", "was never closed", "convert", events=20)
    desk.fault("root-spoilt", run=desk.next_run, stage="analyze")
    run = desk.deliver(events=20)
    desk.select(run)
    desk.see("analyze failed", "was never closed", "r retries what is missing")
    desk.retry(run)
    desk.wait_for(DONE, run)


def hits_lost(desk: Desk) -> None:
    desk.world.quick(False)
    _fails_and_is_retried(desk, "hits-lost", " hits lost", where="site", events=20)


def events_lost(desk: Desk) -> None:
    desk.world.quick(False)
    _fails_and_is_retried(desk, "events-lost", " hits lost", where="site", events=20)


def corrupt_segment(desk: Desk) -> None:
    """The only one that nothing mends: the operator decides to do without the segment."""
    desk.world.quick(False)
    desk.fault("corrupt-segment", run=desk.next_run, segment=1, where="dtn")
    run = desk.deliver(segments=2, events=20)
    desk.select(run)
    desk.see("fit of segment 01 failed", "r retries what is missing")
    desk.retry(run)
    until(lambda: len(attempts.attempts(desk.world.ledger, run)) == 2)
    desk.wait_for(FAILED, run)
    desk.see("segment 01 quarantined: failed twice at fit")
    waive = ["console", "--profile", str(desk.world.profile), "waive", str(run), "1", "--reason", "cut on the DTN"]
    subprocess.run([sys.executable, "-m", *waive], check=True, capture_output=True)
    desk.retry(run)
    desk.wait_for(DONE, run)
    desk.see("1/2 segments: 01 waived by", "cut on the DTN")
    desk.world.quick(True)


def _fails_and_is_retried(
    desk: Desk, name: str, cause: str, stage: str = "fit", events: int = 0, **args: str | int
) -> None:
    arguments = args if "where" in args else {"stage": stage, **args}  # damage is done to a file, before any stage
    desk.fault(name, run=desk.next_run, segment=1, **arguments)
    run = desk.deliver(segments=2, events=events)
    desk.select(run)
    desk.see(f"{stage} of segment 01 failed", cause, "r retries what is missing")
    desk.retry(run)
    desk.wait_for(DONE, run)
    assert sandbox_records(desk.world.sandbox.directory).functions(run)[stage] == 3


CASES = (
    endpoint_offline, endpoint_slow, worker_lost, block_lost, user_endpoint_killed, sbatch_refused, user_endpoint_fails,
    function_not_allowed, result_too_large, task_lost, function_crash, function_hang, silent_success, disk_full,
    root_spoilt, hits_lost, events_lost, corrupt_segment,
)  # fmt: skip

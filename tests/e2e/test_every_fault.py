"""Every fault of the sandbox, one after the other, in one running world with one screen.

Each time: the screen says what is the matter, the operator does what there is to do, the run comes home. At the end
nothing was lost, nothing doubled, nothing left over.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from console.ledger import attempts
from flowspec.states import RunState
from remote.sandbox.faults import FAULTS
from tests.drills.desk import Desk, desk_in
from tests.fire.verdict import judge
from tests.sandbox_records import records as sandbox_records
from tests.waiting import until

START = "POST /flows/*/run"
DONE, FAILED = RunState.DONE, RunState.FAILED


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    with desk_in(tmp_path_factory.mktemp("faults"), policy="max_in_flight = 10") as desk:
        desk.wait_for(DONE, desk.deliver())  # what follows is compared with it
        yield desk


# ---- compute


def endpoint_offline(desk: Desk) -> None:
    desk.world.hold(True)
    waiting = desk.deliver()
    until(lambda: sandbox_records(desk.world.sandbox.directory).working_on(waiting))
    desk.fault("endpoint-offline", endpoint="frib-convert")
    desk.see("compute endpoint frib-convert is OFFLINE: runs wait for it")
    behind = desk.deliver()
    desk.select(behind)
    desk.see("held: compute endpoint frib-convert is offline since")
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
    desk.see("fit of segment 00 failed", "WorkerLost", "Retried by itself at")
    desk.wait_for(DONE, run)
    assert sandbox_records(desk.world.sandbox.directory).functions(run)["fit"] == 3


def task_lost(desk: Desk) -> None:
    desk.fault("task-lost", run=desk.next_run, stage="fit", segment=1)
    run = desk.deliver(segments=2)
    desk.select(run)
    desk.see(
        "fit 1/2: segment 01 waits for a worker since",
        "although frib-fit-mpi has 2 idle workers: it may be lost; r ends it and does it again",
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


def _fails_and_is_retried(desk: Desk, name: str, cause: str, stage: str = "fit", events: int = 0, **args: str) -> None:
    arguments = args if "where" in args else {"stage": stage, **args}  # damage is done to a file, before any stage
    desk.fault(name, run=desk.next_run, segment=1, **arguments)
    run = desk.deliver(segments=2, events=events)
    desk.select(run)
    desk.see(f"{stage} of segment 01 failed", cause, "r retries what is missing")
    desk.retry(run)
    desk.wait_for(DONE, run)
    assert sandbox_records(desk.world.sandbox.directory).functions(run)[stage] == 3


# ---- transfer


def transfer_failed(desk: Desk) -> None:
    desk.fault("transfer-failed", run=desk.next_run, stage="transfer")
    run = desk.deliver()
    desk.select(run)
    desk.see("transfer of segment 00 failed", "ENDPOINT_ERROR", "r retries what is missing")
    desk.retry(run)
    desk.wait_for(DONE, run)


def transfer_stuck(desk: Desk) -> None:
    _goes_on_when_cleared(desk, "transfer-stuck", "CONNECT_FAILED: Globus tries again by itself, c gives it up")


def transfer_queued(desk: Desk) -> None:
    _goes_on_when_cleared(desk, "transfer-queued", "transfer 0/1: queued at Globus: only three transfers run at a time")


def missing_path(desk: Desk) -> None:
    _goes_on_when_cleared(desk, "missing-path", "FILE_NOT_FOUND: goes on when the file is there, c gives it up")


def quota_full(desk: Desk) -> None:
    told = "QUOTA_EXCEEDED: goes on when there is room at the destination, c gives it up"
    _goes_on_when_cleared(desk, "quota-full", told)


def _goes_on_when_cleared(desk: Desk, name: str, sentence: str) -> None:
    desk.fault(name, run=desk.next_run, stage="transfer")
    run = desk.deliver()
    desk.select(run)
    desk.see("transfer 0/1", sentence)
    desk.clear()
    desk.wait_for(DONE, run)


# ---- requests


def http_429(desk: Desk) -> None:
    _is_started_again(desk, "http-429", "the service answers 429 TOO_MANY_REQUESTS", seconds=1)


def http_500(desk: Desk) -> None:
    _is_started_again(desk, "http-500", "the service answers 500 INTERNAL_SERVER_ERROR", moment="after")


def http_502(desk: Desk) -> None:
    _is_started_again(desk, "http-502", "the service answers 502: Bad Gateway", moment="before")


def http_503(desk: Desk) -> None:
    _is_started_again(desk, "http-503", "the service answers 503 SERVICE_UNAVAILABLE", moment="after")


def timeout_before(desk: Desk) -> None:
    _is_started_again(desk, "timeout-before", "the service did not answer in time")


def timeout_after(desk: Desk) -> None:
    _is_started_again(desk, "timeout-after", "the service did not answer in time")


def connection_reset(desk: Desk) -> None:
    _is_started_again(desk, "connection-reset", "the line broke during the call", moment="after")


def garbage_reply(desk: Desk) -> None:
    _is_started_again(desk, "garbage-reply", "the answer is not what the service should send")


def clock_skew(desk: Desk) -> None:
    """The clock of Flows is behind: what began in a lost request is found all the same."""
    desk.fault("clock-skew", service="flows", seconds=-7200)
    _is_started_again(desk, "connection-reset", "the line broke during the call", moment="after")
    desk.clear()


def slow_reply(desk: Desk) -> None:
    desk.fault("slow-reply", seconds=1, times=4)
    run = desk.deliver()
    desk.select(run)
    desk.wait_for(DONE, run)
    desk.see(f"run {run} done: the result is back")


def token_expired(desk: Desk) -> None:
    desk.fault("token-expired")
    first = desk.deliver()
    told = "could not be started: the service answers 401 AUTHENTICATION_ERROR: The token has expired; "
    desk.select(first)
    desk.see(told + "log in to Globus again (console login)")
    behind = desk.deliver()
    desk.select(behind)
    desk.see(f"held: run {first} is before it and {told}")
    desk.clear()
    desk.wait_for(DONE, first, behind)


def _is_started_again(desk: Desk, name: str, cause: str, **args: str | int) -> None:
    desk.fault(name, service="flows", path=START, **args)
    run = desk.deliver()
    desk.select(run)
    desk.see(f"could not be started: {cause}", "; tried again soon")
    desk.wait_for(DONE, run)
    assert [attempt.number for attempt in attempts.attempts(desk.world.ledger, run)] == [1]


# ---- flows


def consent_missing(desk: Desk) -> None:
    desk.fault("consent-missing", stage="fit", run=desk.next_run)
    run = desk.deliver()
    desk.select(run)
    desk.see("the flow run is inactive: Globus asks for a consent that is missing", "give it (console login)")
    desk.clear()
    desk.press("r")
    desk.wait_for(DONE, run)


def flows_late(desk: Desk) -> None:
    """While it does not take hints either: else it is not late for long enough to be seen."""
    desk.fault("http-500", service="flows", path="POST /runs/*/resume", times=0)
    desk.fault("flows-late", seconds=5)
    run = desk.deliver()
    desk.select(run)
    desk.see(" done ", "Flows has not noticed yet (next look by")
    desk.clear()
    desk.wait_for(DONE, run)


CASES: dict[str, Callable[[Desk], None]] = {
    case.__name__.replace("_", "-"): case
    for case in (
        endpoint_offline, endpoint_slow, worker_lost, task_lost, function_crash, function_hang, silent_success,
        disk_full, root_spoilt, corrupt_segment, hits_lost, events_lost, transfer_failed, transfer_stuck,
        transfer_queued, missing_path, quota_full, http_429, http_500, http_502, http_503, timeout_before,
        timeout_after, connection_reset, garbage_reply, slow_reply, token_expired, consent_missing, flows_late,
        clock_skew,
    )
}  # fmt: skip


def test_none_is_forgotten() -> None:
    assert CASES.keys() == FAULTS.keys()


@pytest.mark.parametrize("name", CASES)
def test_fault(desk: Desk, name: str) -> None:
    try:
        CASES[name](desk)
    finally:
        desk.clear()
        desk.world.hold(False)
        desk.world.quick(True)


def test_nothing_was_lost_doubled_or_left_over(desk: Desk) -> None:
    verdict = judge(desk.world)
    assert verdict.good, verdict

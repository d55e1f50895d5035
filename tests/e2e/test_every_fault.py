"""Every fault of the sandbox, one after the other, in one running world with one screen.

Each time: the screen says what is the matter, the operator does what there is to do, the run comes home. At the end
nothing was lost, nothing doubled, nothing left over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from console.ledger import attempts
from flowspec.states import RunState
from remote.sandbox.faults import FAULTS
from tests.drills import faults_of_compute
from tests.drills.desk import Desk, desk_in
from tests.fire.verdict import judge

START = "POST /flows/*/run"
DONE = RunState.DONE


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[Desk]:
    with desk_in(tmp_path_factory.mktemp("faults"), policy="max_in_flight = 10") as desk:
        desk.wait_for(DONE, desk.deliver())  # what follows is compared with it
        yield desk


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


def short_login(desk: Desk) -> None:
    """Nothing for a console that has the token of its sandbox."""
    desk.fault("short-login", seconds=0)
    desk.wait_for(DONE, desk.deliver())


def token_expired(desk: Desk) -> None:
    desk.fault("token-expired")
    first = desk.deliver()
    told = "could not be started: the service answers 401 AUTHENTICATION_ERROR: The token has expired; "
    desk.select(first)
    desk.see(told + "log in to Globus again (console login)")
    behind = desk.deliver()
    desk.select(behind)
    desk.see(f"waits: run {first} is before it and {told}")
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
    wanted = "Globus asks for a consent that is missing"  # and its scope, which is longer than the line
    desk.see(f"Globus has stopped the flow run: {wanted}", f"console login: {wanted}")
    desk.clear()
    desk.press("r")
    desk.wait_for(DONE, run)


def session_required(desk: Desk) -> None:
    desk.fault("session-required", service="flows", path=START)
    run = desk.deliver()
    desk.select(run)
    desk.see("could not be started: Globus asks for a fresh login with multi-factor authentication", "console login")
    desk.clear()
    desk.wait_for(DONE, run)


def flows_late(desk: Desk) -> None:
    """While it does not take hints either: else it is not late for long enough to be seen."""
    desk.fault("http-500", service="flows", path="POST /runs/*/resume", times=0)
    desk.fault("flows-late", seconds=5)
    run = desk.deliver()
    desk.select(run)
    desk.see(" done ", "Globus has not noticed yet (looks by")
    desk.clear()
    desk.wait_for(DONE, run)


CASES: dict[str, Callable[[Desk], None]] = {
    case.__name__.replace("_", "-"): case
    for case in (
        *faults_of_compute.CASES,
        transfer_failed, transfer_stuck,
        transfer_queued, missing_path, quota_full, http_429, http_500, http_502, http_503, timeout_before,
        timeout_after, connection_reset, garbage_reply, slow_reply, short_login, token_expired, consent_missing,
        session_required, flows_late, clock_skew,
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

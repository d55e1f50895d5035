"""Only causes that are known to pass are retried without anybody; whatever is unknown waits for a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.causes import Kind, kind_of

PASS = [
    "parsl.executors.high_throughput.errors.WorkerLost: Task failure due to loss of worker 17 on host nid004012",
    "ManagerLost: Task failure due to loss of manager nid001",
    "fit of run 12 segment 03: stopped because its worker died",
    "slurmstepd: error: *** JOB 123 ON nid004 CANCELLED AT 2026-07-01T03:00:00 DUE TO TIME LIMIT ***",
    "DUE TO NODE FAILURE",
    "the service answers 503: Service Unavailable",
    "the service answers 502 BadGateway: bad gateway",
    "ActionUnableToRun: 429 Too Many Requests",
    "ENDPOINT_TOO_BUSY: too many connections",
    "CONNECTION_RESET: connection reset by peer",
    "GC_NOT_CONNECTED: the endpoint is not connected",
    "ActionTimeout: the action took longer than 172800 seconds",
    "EXPIRED: the deadline was exceeded",
    "the endpoint has restarted; task lost",
    "the service did not answer in time",
]
STAY = [
    "FILE_NOT_FOUND: No such file or directory: /runs/run12/run-0012-03.evt",
    "PERMISSION_DENIED: permission denied: /global/cfs/cdirs/m4386",
    "QUOTA_EXCEEDED: disk quota exceeded",
    "NO_SPACE_LEFT: no space left on device",
    "the service answers 403: no right to start this flow",
    "Missing required data_access consent",
    "fit of run 12 segment 03: return code 134: EventEditor aborted",
    "return code 137: Killed",
    "rc 134, no output",
    "fit of run 12 segment 03: output run-0012-03-fitted.evt is cut inside a ring item",
    "fit of run 12 segment 03: succeeded without output: there is no new run-0012-03-fitted.evt",
    "reported done, but its output is not there",
    "fit of run 12 segment 03: stopped at its time limit of 1740 s",
    "ModuleNotFoundError: No module named 'dill'",
    "the token has expired",
    "PERMISSION_DENIED, after the connection timed out",
    "the transfer task was cancelled",
    "",
]


@pytest.mark.parametrize("cause", PASS)
def test_causes_that_pass(cause):
    assert kind_of(cause) is Kind.PASSES


@pytest.mark.parametrize("cause", STAY)
def test_causes_that_stay(cause):
    assert kind_of(cause) is (Kind.STAYS if cause else Kind.UNKNOWN)


@given(st.text(), st.sampled_from([cause for cause in STAY if cause]), st.text())
def test_what_needs_somebody_needs_somebody_whatever_else_is_said(before, cause, after):
    assert kind_of(f"{before} {cause} {after}") is not Kind.PASSES


@pytest.mark.parametrize("cause", ["the flow run failed without a cause", "something new", "segment 503 of 504"])
def test_what_is_unknown_does_not_pass(cause):
    assert kind_of(cause) is Kind.UNKNOWN

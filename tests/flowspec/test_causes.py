"""Only causes that are known to pass are retried without anybody; whatever is unknown waits for a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.catalogue import sentence
from flowspec.causes import Kind, classify, kind_of, of_reply
from flowspec.conditions import Reason

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
    "fit of run 12 segment 03: input run-0012-03.evt is empty",
    "fit of run 12 segment 03: input run-0012-03.evt has no ring item at offset 145",
    "fit of run 12 segment 03: 2,000 of 12,000 hits lost (tolerated: 0.0001): 500 of 3,000 events are gone",
    "fit of run 12 segment 03: succeeded without output: there is no new run-0012-03-fitted.evt",
    "reported done, but its output is not there",
    "fit of run 12 segment 03: stopped at its time limit of 1740 s",
    "ModuleNotFoundError: No module named 'dill'",
    "the token has expired",
    "PERMISSION_DENIED, after the connection timed out",
    "the transfer task was cancelled",
    "",
]


def kind(cause: str) -> Kind:
    return kind_of(classify(cause).code)


@pytest.mark.parametrize("cause", PASS)
def test_causes_that_pass(cause):
    assert kind(cause) is Kind.PASSES


@pytest.mark.parametrize("cause", STAY)
def test_causes_that_stay(cause):
    assert kind(cause) is (Kind.STAYS if cause else Kind.UNKNOWN)


@given(st.text(), st.sampled_from([cause for cause in STAY if cause]), st.text())
def test_what_needs_somebody_needs_somebody_whatever_else_is_said(before, cause, after):
    assert kind(f"{before} {cause} {after}") is not Kind.PASSES


@pytest.mark.parametrize("cause", ["the flow run failed without a cause", "something new", "segment 503 of 504"])
def test_what_is_unknown_does_not_pass(cause):
    assert kind(cause) is Kind.UNKNOWN


# ---- replies of jobs


def test_a_reply_has_a_code_and_parameters():
    reply = {"segment": 3, "rc": 134, "code": "failed.abort", "parameters": {"rc": 134}, "cause": "return code 134: x"}
    assert of_reply(reply) == Reason("failed.abort", {"rc": 134, "words": "return code 134: x"})


def test_the_words_of_a_reply_with_a_code_are_not_judged():
    reply = {"rc": 1, "code": "failed.worker", "cause": "permission denied: return code 1: input x is missing"}
    assert kind_of(of_reply(reply).code) is Kind.PASSES


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("fit of run 12 segment 03: return code 134: EventEditor aborted", "failed.abort"),
        ("fit of run 12 segment 03: return code 137: Detected 1 oom_kill event", "failed.memory"),
        ("fit of run 12 segment 03: stopped at its time limit of 1740 s", "failed.time"),
        ("fit of run 12 segment 03: stopped because its worker died", "failed.worker"),
        ("fit of run 12 segment 03: input run-0012-03.evt is missing", "failed.input"),
        ("fit of run 12 segment 03: succeeded without output: there is no new x", "failed.silent"),
        (
            "fit of run 12 segment 03: return code 1: the program ended with return code 0 but left no output x",
            "failed.silent",
        ),
        ("fit of run 12 segment 03: output x is cut inside a ring item", "failed.spoilt"),
        ("convert of run 12 segment 03: output x of 5 bytes is no ROOT file", "failed.spoilt"),
        ("fit of run 12 segment 03: output x has 4 of 5 physics events", "failed.short"),
        ("fit of run 12 segment 03: output x has 2 END_RUN items, its input 1", "failed.short"),
        ("fit of run 12 segment 03: output x is no larger than its input: no fits in it", "failed.short"),
        ("fit of run 12 segment 03 could not be run: [Errno 28] No space left on device", "failed.space"),
        ("fit of run 12 segment 03 could not be run: [Errno 116] Stale file handle", "failed.site"),
        ("fit of run 12 segment 03 could not be run: [Errno 125] Operation canceled", "failed.stopped"),
        ("", "failed.unknown"),
    ],
)
@pytest.mark.parametrize("code_of_job", [None, "failed.unknown", "task.hang", "failed.X{y}"])
def test_a_reply_of_an_older_kit_or_without_a_usable_code_is_classified_by_its_words(cause, code, code_of_job):
    found = of_reply({"segment": 3, "rc": 1, "cause": cause, "code": code_of_job})
    assert found == Reason(code, {"words": cause or "replied without a return code"})


@pytest.mark.parametrize("how", ["cancelled", "cancelled before it was started"])
def test_an_older_kit_said_by_return_code_and_words_that_it_saw_the_cancel_marker(how):
    reply = {"segment": 3, "rc": 143, "cause": f"fit of run 12 segment 03: {how}"}
    assert of_reply(reply).code == "failed.cancelled"
    assert of_reply(reply | {"rc": 1}).code == "failed.stopped"
    assert of_reply(reply | {"cause": "fit of run 12: return code 143: it was cancelled"}).code == "failed.abort"


def test_the_segments_that_an_analysis_lacks_are_told():
    cause = "analyze of run 12: 2 of 4 converted segments missing"
    for reply in ({"code": "failed.input"}, {}):
        found = of_reply({"rc": 1, "cause": cause, "missing": [1, 4], **reply})
        assert found.code == "failed.input"
        assert sentence(found) == f"segments [1, 4] are not converted: {cause}"


@pytest.mark.parametrize("parameters", [None, [1], "x", {"a": {"code": "task.hang"}, "b": ["x" * 500]}])
def test_what_else_a_site_sends_as_parameters_is_left_out(parameters):
    found = of_reply({"rc": 1, "code": "failed.abort", "parameters": parameters, "cause": "x\n" * 500})
    assert found.parameters.keys() == {"words"}
    assert len(sentence(found)) == 300


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("failed.empty", {"file": "run-0012-03.evt"}),
        ("failed.garbage", {"offset": 145, "size": 4241}),
    ],
)
def test_what_a_fit_says_of_damaged_data_needs_somebody(code, parameters):
    found = of_reply({"segment": 3, "rc": 1, "code": code, "parameters": parameters, "cause": "so it is"})
    assert found == Reason(code, {**parameters, "words": "so it is"})
    assert (kind_of(found.code), sentence(found)) == (Kind.STAYS, "so it is")


def test_a_code_of_a_newer_kit_waits_for_a_person_and_keeps_its_words():
    found = of_reply({"rc": 1, "code": "failed.newer", "parameters": {"hits": 7}, "cause": "lost 7 hits"})
    assert kind_of(found.code) is Kind.UNKNOWN
    assert (found.code, sentence(found)) == ("failed.newer", "lost 7 hits")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            "Function f1 not permitted on endpoint e1",
            "failed.not-allowed",
            "Function f1 not permitted on endpoint e1 (for the facility engineer: allowed_functions)",
        ),
        (
            "MaxResultSizeExceeded(15581488, 10485760)",
            "failed.function",
            "MaxResultSizeExceeded(15581488, 10485760) (goes well when the functions of this version are registered)",
        ),
        (
            "User's group not permitted to use this file",
            "failed.permission",
            "User's group not permitted to use this file",
        ),
    ],
)
def test_what_compute_refuses_is_for_somebody_and_says_for_whom(text, code, words):
    found = classify(text)
    assert (found.code, kind_of(found.code), sentence(found)) == (code, Kind.STAYS, words)

"""Faults by name: the table, the routes that set them, and those at the edge, through the console's own clients."""

from __future__ import annotations

import http.client
import json
import urllib.error
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remote.globus import limits
from remote.globus.connection import Remote, connect
from remote.globus.errors import RemoteError
from remote.sandbox.faults import FAULTS, FaultError, Faults, checked
from tests import documents
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.sandbox_records import ask, clear_faults, records, set_fault, struck
from tests.waiting import HANGS_AFTER, until

__all__ = ["sandbox"]

FLOW = {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}
START = "POST /flows/*/run"


@pytest.fixture(scope="module")
def remote(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """Clients that give up after half a second and try once, so that each fault strikes one call."""
    token = tmp_path_factory.mktemp("login") / "token"
    token.touch(0o600)
    token.write_text(sandbox.token)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits, "_options", lambda seconds, retries, made=limits._options: made(0.5, 0))
        yield connect(token_file=token, service_url=sandbox.url)


@pytest.fixture(scope="module")
def flow(remote: Remote) -> str:
    return remote.flows.deploy("nothing", FLOW, {})


@pytest.fixture(autouse=True)
def no_faults(sandbox: RunningSandbox) -> Iterator[None]:
    yield
    clear_faults(sandbox.dir)


# ---- the table


def test_every_fault_of_the_list_is_there_and_documented():
    table = documents.rows(documents.section(documents.DOCS / "faults.md", "The faults"))
    told = {name.strip("`"): (set(documents.quoted(arguments)), text) for name, arguments, text, *_ in table}
    wanted = {}
    for fault in FAULTS.values():
        shown = {f"--{a.name} {a.metavar}" for a in fault.arguments}
        wanted[fault.name] = (shown, fault.help)
    assert told == wanted
    assert len(FAULTS) == 38
    assert all("\n" not in fault.help and fault.help for fault in FAULTS.values())


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("endpoint-ofline", {}, "did you mean endpoint-offline?"),
        ("!", {}, "there are endpoint-offline, "),
        ("function-crash", {"color": "red"}, "takes no 'color'; it takes stage, run, "),
        ("function-crash", {"run": "twelve"}, "function-crash --run 'twelve': expected a whole number"),
        ("function-crash", {"run": -1}, "expected a whole number, 0 or more"),
        ("function-crash", {"run": 1.5}, "expected a whole number"),
        ("function-crash", {"run": True}, "expected a whole number"),
        ("function-crash", {"stage": "return"}, "expected one of fit, convert, analyze"),
        ("slow-reply", {"seconds": "inf"}, "expected a number, 0 or more"),
        ("missing-path", {"path": ["x"]}, "expected a short text"),
        ("endpoint-offline", {"endpoint": "elsewhere"}, "expected one of frib-fit-mpi, "),
    ],
)
def test_what_cannot_be_set_is_refused_with_one_sentence(sandbox, name, args, sentence):
    with pytest.raises(FaultError) as refused:
        checked(name, args)
    assert sentence in str(refused.value)
    with pytest.raises(urllib.error.HTTPError) as answer:
        set_fault(sandbox.dir, name, **args)
    with answer.value as reply:
        assert (reply.code, json.load(reply)["message"]) == (400, str(refused.value))


@settings(max_examples=50)
@given(st.sampled_from(list(FAULTS)), st.dictionaries(st.text(max_size=9), st.none() | st.text(max_size=9)))
def test_whatever_is_given_is_checked_or_refused(name, args):
    try:
        found, refused = checked(name, args), ""
    except FaultError as error:
        found, refused = {}, str(error)
    assert refused.isprintable()
    assert refused or set(found) == {argument.name for argument in FAULTS[name].arguments}


def test_a_fault_strikes_what_it_names_and_as_often_as_it_says():
    faults = Faults()
    faults.set("function-crash", {"run": 7, "times": 2})
    event = {"stage": "fit", "segment": 0, "endpoint": "frib-fit-mpi"}
    assert faults.strike("function-crash", run=8, **event) is None
    assert faults.strike("function-hang", run=7, **event) is None
    assert [faults.strike("function-crash", run=7, **event) is not None for _ in range(3)] == [True, True, False]
    assert [(fault["struck"], fault["left"]) for fault in faults.documents()] == [(2, 0)]


def test_what_is_struck_stays_struck_until_the_fault_is_cleared():
    faults = Faults()
    faults.set("transfer-queued", {})
    assert faults.strike("transfer-queued", "task 1") is not None
    assert faults.strike("transfer-queued", "task 2") is None
    assert faults.strike("transfer-queued", "task 1") is not None
    assert faults.clear("transfer-queued") == 1
    assert faults.strike("transfer-queued", "task 1") is None


def test_faults_are_listed_and_taken_back(sandbox):
    set_fault(sandbox.dir, "endpoint-offline", endpoint="frib-convert")
    set_fault(sandbox.dir, "http-503", times="3")
    listed = ask(sandbox.dir, "GET", "faults")["faults"]
    assert [(f["name"], f["left"]) for f in listed] == [("endpoint-offline", None), ("http-503", 3)]
    assert listed[0]["args"] == {"endpoint": "frib-convert"}
    clear_faults(sandbox.dir, "http-503")
    assert [f["name"] for f in ask(sandbox.dir, "GET", "faults")["faults"]] == ["endpoint-offline"]


# ---- at the edge


def start(remote: Remote, flow: str, tag: str) -> str:
    return remote.flows.start(flow, {}, "a run", [tag]).id


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("http-429", "429 TOO_MANY_REQUESTS"),
        ("http-500", "500 INTERNAL_SERVER_ERROR"),
        ("http-502", "502"),
        ("http-503", "503 SERVICE_UNAVAILABLE"),
        ("timeout-before", "did not answer in time"),
        ("connection-reset", "the line broke"),
    ],
)
@pytest.mark.parametrize("service", ["flows", "transfer", "compute"])
def test_a_request_that_has_no_effect_may_be_made_later(remote, flow, sandbox, name, service, cause):
    set_fault(sandbox.dir, name, service=service)
    ask_for = {
        "flows": lambda: start(remote, flow, f"{service} {name}"),
        "transfer": lambda: remote.transfer.ls(sandbox.dtn, "/runs"),
        "compute": lambda: remote.compute.endpoint_status(sandbox.info["endpoints"]["frib-convert"]),
    }
    with pytest.raises(RemoteError, match=cause) as refused:
        ask_for[service]()
    assert (refused.value.kind, refused.value.service) == ("later", service)
    assert records(sandbox.dir).tagged(f"{service} {name}") == []
    ask_for[service]()  # the fault is used up
    assert struck(sandbox.dir, name) == 1


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("timeout-after", {}),
        ("connection-reset", {"moment": "after"}),
        ("http-502", {"moment": "after"}),
        ("garbage-reply", {}),
        ("slow-reply", {"seconds": 1}),
    ],
)
def test_a_reply_that_is_lost_leaves_one_flow_run_that_is_found_by_its_tag(remote, flow, sandbox, name, args):
    set_fault(sandbox.dir, name, path=START, **args)
    with pytest.raises(RemoteError) as lost:
        start(remote, flow, f"{name}-after")
    assert (lost.value.kind, lost.value.ambiguous) == ("later", True)
    (found,) = remote.flows.find_by_tag(flow, f"{name}-after")
    assert records(sandbox.dir).tagged(f"{name}-after") == [found.id]


def test_a_fault_strikes_only_the_requests_that_it_names(remote, flow, sandbox):
    set_fault(sandbox.dir, "http-503", path=START)
    assert remote.flows.runs([flow]) is not None
    assert remote.transfer.ls(sandbox.dtn, "/runs") is not None
    with pytest.raises(RemoteError):
        start(remote, flow, "named")


def test_a_request_that_waits_keeps_no_other_waiting(remote, flow, sandbox):
    set_fault(sandbox.dir, "timeout-before", path=START, times=5)
    with pytest.raises(RemoteError):
        start(remote, flow, "waits")
    for _ in range(5):
        remote.flows.runs([flow])  # else it would not be answered in time


def test_the_line_is_dropped_when_the_time_is_over(remote, sandbox):
    set_fault(sandbox.dir, "timeout-before", service="transfer", seconds=0.1)
    with pytest.raises(RemoteError, match="the line broke"):
        remote.transfer.ls(sandbox.dtn, "/runs")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_reset_is_one_of_the_system(sandbox, moment):
    set_fault(sandbox.dir, "connection-reset", service="flows", moment=moment)
    line = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=HANGS_AFTER)
    line.request("POST", "/flows", json.dumps({"title": "x" * 100_000}), {"Authorization": f"Bearer {sandbox.token}"})
    with pytest.raises(ConnectionResetError):
        line.getresponse()
    line.close()


def test_an_expired_token_is_the_operators(remote, flow, sandbox):
    set_fault(sandbox.dir, "token-expired")
    for call in (lambda: remote.flows.runs([flow]), lambda: remote.transfer.ls(sandbox.dtn, "/")):
        with pytest.raises(RemoteError, match="log in") as refused:
            call()
        assert refused.value.kind == "operator"
    clear_faults(sandbox.dir, "token-expired")
    remote.flows.runs([flow])


def test_a_missing_consent_of_the_console_itself_is_named(remote, sandbox):
    set_fault(sandbox.dir, "consent-missing", service="transfer")
    with pytest.raises(RemoteError, match=r"a consent that is missing: urn:globus:auth:scope:transfer"):
        remote.transfer.ls(sandbox.dtn, "/")


@pytest.mark.parametrize("seconds", [1800, -1800])
def test_a_clock_that_is_off_shows_in_all_times_and_filters(remote, flow, sandbox, seconds):
    set_fault(sandbox.dir, "clock-skew", service="flows", seconds=seconds)
    run_id = start(remote, flow, f"skew {seconds}")
    run = until(lambda: now if (now := remote.flows.run(run_id)).completed else None)
    off = datetime.fromisoformat(run.started) - datetime.now(timezone.utc)
    assert abs(off.total_seconds() - seconds) < 10
    before, after = (datetime.fromisoformat(run.started) + timedelta(seconds=s) for s in (-1, 1))
    assert run_id in [r.id for r in remote.flows.runs([flow], before.isoformat())]
    assert run_id not in [r.id for r in remote.flows.runs([flow], after.isoformat())]
    clear_faults(sandbox.dir)
    assert remote.flows.run(run_id).started != run.started


def test_the_routes_of_the_sandbox_want_its_token_and_are_not_struck(sandbox, tmp_path):
    Path(tmp_path, "sandbox.json").write_text(json.dumps({**sandbox.info, "token": "wrong"}))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        records(tmp_path)
    set_fault(sandbox.dir, "token-expired")
    assert struck(sandbox.dir, "token-expired") == 0

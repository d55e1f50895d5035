"""Answers without an end, of real servers: each ends in time, in little memory, with one sentence."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib

import globus_sdk
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from remote.globus import paging, transport
from remote.globus.auth import StoredLogin
from remote.globus.errors import RemoteError, calling, missing_consent
from tests.raw_service import HEAD, endless, raw_service, whole
from tests.remote_fixture import RUN, connected, failure
from tests.scripted_service import ScriptedService

__all__ = ["connected"]

FLOW = "babd88e5-d31d-48c7-b3a0-b765389b5c22"
DOCUMENT = {"run_id": RUN, "flow_id": FLOW, "status": "ACTIVE", "start_time": "2026-11-23T10:00:00+00:00"}
ANSWER_SECONDS = 0.5  # in place of 10; the retry comes after at most 2 more
MOST_SECONDS = 2 * ANSWER_SECONDS + 2 + 1


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    monkeypatch.setattr("remote.globus.limits.ANSWER_SECONDS", ANSWER_SECONDS)
    monkeypatch.setattr("remote.globus.auth.ANSWER_SECONDS", ANSWER_SECONDS)
    monkeypatch.setattr("remote.globus.limits.SUBMIT_SECONDS", ANSWER_SECONDS)


DRIPS = {
    "a body of the length that was told": endless(HEAD + b"Content-Length: 100000\r\n\r\n", b" ", 0.02),
    "a body without a length": endless(HEAD + b"\r\n", b" ", 0.02),
    "a body until the line is closed": endless(HEAD + b"Connection: close\r\n\r\n", b" ", 0.02),
    "a body in chunks": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.02),
    "the length of a chunk": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 0.02),
    "a packed body": endless(
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\0\0\0\xff\xff", 0.02
    ),
    "a header": endless(HEAD + b"X-Slow: ", b"x", 0.02),
    "headers": endless(HEAD, b"X: y\r\n", 0.1),
    "the first line": endless(b"HTTP/1.1 ", b" ", 0.02),
    "answers that announce another": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    "nothing": lambda connection: threading.Event().wait(MOST_SECONDS),
}


@pytest.mark.parametrize("what", DRIPS)
def test_what_drips_ends_within_the_time_of_the_call(connected, what):
    with raw_service(DRIPS[what]) as service:
        began = time.monotonic()
        error = failure(connected(service.url))
        assert time.monotonic() - began < MOST_SECONDS
        assert (error.kind, error.cause) == ("later", "the service did not answer in time")
        assert service.connections == 2


def test_a_start_that_drips_is_asked_for_once_and_ambiguous(connected):
    with raw_service(DRIPS["a body without a length"]) as service:
        with pytest.raises(RemoteError) as caught:
            connected(service.url).flows.start(FLOW, {}, "label", ["tag"])
        assert (caught.value.ambiguous, service.connections) == (True, 1)


def test_a_connection_that_is_used_again_has_its_limit_again(connected):
    body = json.dumps(DOCUMENT).encode()

    def talk(connection: socket.socket) -> None:
        if service.connections == 1:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            connection.recv(65536)
        endless(HEAD + b"\r\n", b" ", 0.02)(connection)

    with raw_service(talk) as service:
        remote = connected(service.url)
        assert remote.flows.run(RUN).id == RUN
        began = time.monotonic()
        assert failure(remote).cause == "the service did not answer in time"
        assert time.monotonic() - began < MOST_SECONDS
        assert service.connections == 2, "the first was not used again"


def test_the_limit_of_a_call_ends_nothing_after_it(connected):
    with raw_service(whole(json.dumps(DOCUMENT).encode())) as service:
        remote, before = connected(service.url), threading.active_count()
        assert remote.flows.run(RUN).id == RUN
        waiting = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
        for thread in waiting:
            thread.join(ANSWER_SECONDS)
        assert threading.active_count() <= before + 1  # that of the service, for the connection that is kept


BOMB = gzip.compress(b" " * 400_000_000, 1)
FLOODS = {
    "without an end": endless(HEAD + b"\r\n", b" " * 65536),
    "in chunks": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "a bomb of gzip": whole(BOMB, b"Content-Encoding: gzip"),
    "a bomb of deflate": whole(zlib.compress(b" " * 400_000_000, 1), b"Content-Encoding: deflate"),
    "a bomb in a bomb": whole(gzip.compress(BOMB), b"Content-Encoding: gzip, gzip"),
    "packed in what we cannot read": whole(b"x", b"Content-Encoding: br"),
    "packed and empty, for ever": endless(
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\0\0\0\xff\xff" * 10_000
    ),
    "not packed as it says": whole(b"{}", b"Content-Encoding: gzip"),
}


@pytest.mark.parametrize("how", FLOODS)
def test_an_answer_of_any_size_is_refused_in_little_memory(connected, how, monkeypatch):
    monkeypatch.setattr("remote.globus.limits.ANSWER_SECONDS", 10.0)  # it is the size that ends it
    with raw_service(FLOODS[how]) as service:
        tracemalloc.start()
        try:
            error = failure(connected(service.url))
            assert tracemalloc.get_traced_memory()[1] < 4 * transport.MOST_BYTES
        finally:
            tracemalloc.stop()
        assert error.kind == "later"
        assert error.cause.startswith(("the answer is larger than 32 MB", "the answer is packed", "the answer says"))
        assert service.connections == 1, "asking again would be no better"


@pytest.mark.parametrize("packing", ["gzip", "x-gzip", "deflate", "identity"])
def test_an_answer_that_is_packed_is_read(connected, packing):
    body = json.dumps(DOCUMENT).encode()
    sent = {"identity": body, "deflate": zlib.compress(body)}.get(packing) or gzip.compress(body)
    with raw_service(whole(sent, b"Content-Encoding: " + packing.encode())) as service:
        assert connected(service.url).flows.run(RUN).id == RUN


def test_an_answer_that_was_cut_is_asked_for_again(connected):
    with raw_service(lambda c: c.sendall(HEAD + b"Content-Length: 100\r\n\r\n{}")) as service:
        assert failure(connected(service.url)).cause.startswith("the line broke")
        assert service.connections == 2


@pytest.mark.parametrize("location", [b"http://portal.example/login?from=x", b"/elsewhere", b"http://[::1", b""])
def test_an_answer_that_sends_us_elsewhere_is_the_operators(connected, location):
    with raw_service(
        lambda c: c.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
    ) as service:
        remote = connected(service.url)
        error = failure(remote)
        if location:
            assert error.kind == "operator"
            assert "something else answers in place of the service" in error.cause


# ---- lists


def page(items: str, *documents: object, **more: object) -> dict[str, object]:
    return {items: list(documents), "limit": 100, **more}


ENDLESS = {
    "the same marker": lambda n: {"has_next_page": True, "marker": "m"},
    "no marker": lambda n: {"has_next_page": True},
    "a marker that is null": lambda n: {"has_next_page": True, "marker": None},
    "an empty marker": lambda n: {"has_next_page": True, "marker": ""},
    "markers in a circle": lambda n: {"has_next_page": True, "marker": f"m{n % 3}"},
    "ever new markers": lambda n: {"has_next_page": True, "marker": f"m{n}"},
    "a marker that is an object": lambda n: {"has_next_page": True, "marker": {"n": n}},
}


@pytest.mark.parametrize("call", ["runs", "log"])
@pytest.mark.parametrize("how", ENDLESS)
def test_a_list_without_an_end_ends(connected, monkeypatch, how, call):
    monkeypatch.setattr(paging, "MOST_PAGES", 20)
    service = ScriptedService()
    path, items = {"runs": ("/runs", "runs"), "log": (f"/runs/{RUN}/log", "entries")}[call]
    service.will("GET", path, *(page(items, **ENDLESS[how](n)) for n in range(50)))
    try:
        flows = connected(service.url).flows
        with pytest.raises(RemoteError) as caught:
            flows.runs([FLOW]) if call == "runs" else flows.log(RUN)
    finally:
        service.close()
    assert caught.value.kind == "later"
    assert "no end" in caught.value.cause or "not what the service should send" in caught.value.cause
    assert len(service.requests) <= 20


def test_the_files_of_a_transfer_without_an_end_end_too(connected, monkeypatch):
    service = ScriptedService()
    service.will("GET", f"/v0.10/task/{RUN}/successful_transfers", {"DATA": [], "next_marker": "m"})
    with pytest.raises(RemoteError, match="no end"):
        connected(service.url).transfer.successful(RUN)
    service.close()
    assert len(service.requests) == 2


@pytest.mark.parametrize(("limit", "value"), [("MOST_BYTES", 1000), ("MOST_SECONDS", -1.0)])
def test_a_list_ends_by_its_bytes_and_its_time_too(connected, monkeypatch, limit, value):
    monkeypatch.setattr(paging, limit, value)
    service = ScriptedService()
    document = DOCUMENT | {"label": "x" * 600}
    service.will("GET", "/runs", *(page("runs", document, has_next_page=True, marker=f"m{n}") for n in range(9)))
    with pytest.raises(RemoteError, match="no end"):
        connected(service.url).flows.runs([FLOW])
    service.close()
    assert len(service.requests) <= 2


def test_the_tasks_of_transfer_are_asked_for_once_whatever_it_says(connected):
    service = ScriptedService()
    service.will("GET", "/v0.10/task_list", {"DATA": [], "total": 10**9, "limit": 1000, "offset": 0})
    assert connected(service.url).transfer.under_way("label") == []
    service.close()
    assert len(service.requests) == 1


# ---- documents

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["code", "message", "error", "errors", "detail", "authorization_parameters", "required_scopes",
                         "required_scope", "session_message", "request_id", "reason", "loc", "msg", "a"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
ERRORS = (globus_sdk.FlowsAPIError, globus_sdk.TransferAPIError, globus_sdk.AuthAPIError, globus_sdk.GlobusAPIError)


def api_error(of: type[globus_sdk.GlobusAPIError], status: int, body: bytes, kind: str) -> globus_sdk.GlobusAPIError:
    reply = requests.Response()
    reply.status_code, reply._content, reply.reason, reply.url = status, body, "No", "http://x/"
    reply.headers["Content-Type"] = kind
    reply.request = requests.Request("GET", "http://x/").prepare()
    return of(reply)


@given(values, st.sampled_from(ERRORS), st.sampled_from([400, 401, 403, 404, 407, 409, 429, 500]),
       st.sampled_from(["application/json", "application/vnd.api+json", "text/html"]))  # fmt: skip
def test_an_error_of_any_document_is_classified(document, of, status, kind):
    said = api_error(of, status, json.dumps(document).encode(), kind)
    with pytest.raises(RemoteError) as caught, calling("flows", "run"):
        raise said
    if status == 400 and of is not globus_sdk.AuthAPIError and missing_consent(said) is None:
        assert caught.value.kind == "bug"
    assert caught.value.cause


BODIES = {"5": b"5", "null": b"null", "[]": b"[]", "text": b'"text"', "true": b"true", "infinite": b"1e400",
          "empty": b"", "binary": b"\xff", "deep": b"[" * 100_000}  # fmt: skip


@pytest.mark.parametrize("what", BODIES)
def test_a_403_stays_a_403_whatever_its_body_is(connected, what):
    body = BODIES[what]
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
    with raw_service(lambda c: c.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)) as service:
        error = failure(connected(service.url))
    if what == "deep":
        assert (error.kind, "RecursionError" in error.cause) == ("later", True)
    else:
        assert (error.kind, error.cause) == ("operator", "the service answers 403: Forbidden")


@given(values)
def test_details_of_any_kind_ask_for_no_consent_or_name_it(details):
    assert isinstance(missing_consent(details), str | None)  # type: ignore[arg-type]


NO_FLOW_RUNS = {"deep": b"[" * 100_000, "deeper": b'{"a":' * 100_000, "5": b"5", "[]": b"[]", "null": b"null",
                "digits": b"9" * 5000, "half": b'{"run_id": 5}'}  # fmt: skip


@pytest.mark.parametrize("what", NO_FLOW_RUNS)
def test_an_answer_that_is_no_flow_run_is_asked_for_again(connected, what):
    with raw_service(whole(NO_FLOW_RUNS[what])) as service:
        error = failure(connected(service.url))
    assert error.kind == "later"
    assert error.cause.startswith("the answer is not what the service should send (")


def test_the_consents_of_a_login_are_asked_for_within_the_same_limits(tmp_path, monkeypatch):
    from globus_sdk.token_storage import JSONTokenStorage, TokenStorageData

    from remote.globus.auth import COMPUTE, FLOWS, TRANSFER

    scopes = {"auth.globus.org": "openid", FLOWS: "https://auth.globus.org/scopes/eec9b274-0c81-4334-bdc2-54e90e689b9a/all",
              TRANSFER: "urn:globus:auth:scope:transfer.api.globus.org:all",
              COMPUTE: "https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all"}  # fmt: skip
    storage = JSONTokenStorage(tmp_path / "tokens.json")
    storage.store_token_data_by_resource_server(
        {
            name: TokenStorageData(name, RUN, scope, "access-1234", "refresh-1234", 2**31, "Bearer")
            for name, scope in scopes.items()
        }
    )
    storage.close()
    with raw_service(DRIPS["a body without a length"]) as service:
        monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", service.url)
        login = StoredLogin(FLOW, tmp_path / "tokens.json", [], [RUN])
        began = time.monotonic()
        with pytest.raises(RemoteError, match="in time"), calling("transfer", "ls"):
            login.authorizer(TRANSFER).get_authorization_header()
        assert time.monotonic() - began < MOST_SECONDS
        assert service.connections == 2

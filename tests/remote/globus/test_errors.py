from __future__ import annotations

import socket

import pytest
from globus_sdk.token_storage.validating_token_storage import MissingTokenError
from hypothesis import given
from hypothesis import strategies as st

from remote.globus import credentials
from remote.globus.auth import StoredLogin
from remote.globus.connection import Remote, connect
from remote.globus.errors import RemoteError, calling, clean, missing_consent
from tests.remote_fixture import RUN, TOKEN, connected, failure
from tests.scripted_service import RESET, SILENCE, Reply, ScriptedService

__all__ = ["connected"]

FLOW = "babd88e5-d31d-48c7-b3a0-b765389b5c22"


@pytest.fixture(autouse=True)
def no_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests have logins whose tokens are the names of services."""
    monkeypatch.setattr(credentials, "_known", credentials._Known())
    credentials._hidden.cache_clear()


@pytest.fixture
def service():
    service = ScriptedService()
    yield service
    service.close()


@pytest.fixture
def remote(service, connected):
    return connected(service.url)


def failure_of_get(service: ScriptedService, remote: Remote, *replies: Reply) -> RemoteError:
    service.will("GET", f"/runs/{RUN}", *replies)
    return failure(remote)


def failure_of_start(remote: Remote) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        remote.flows.start(FLOW, {}, "label", ["tag"])
    return caught.value


def flows_error(status: int, code: str, message: str) -> Reply:
    return Reply({"error": {"code": code, "detail": message, "message": message}, "debug_id": "d"}, status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "operator"), (403, "operator"), (404, "operator"), (423, "operator"), (429, "later"), (500, "later"),
     (502, "later"), (503, "later"), (400, "bug"), (422, "bug"), (413, "bug")],
)  # fmt: skip
def test_the_status_decides_who_has_to_act(service, remote, status, kind):
    error = failure_of_get(service, remote, flows_error(status, "SOME_CODE", "some message"))
    assert error.kind == kind
    assert (error.service, error.call) == ("flows", "run")
    assert "SOME_CODE" in error.cause
    assert "some message" in error.cause
    assert error.next_step
    assert not error.ambiguous, "reading twice does no harm"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ExternalError.DirListingFailed.LoginFailed", "operator"),
        ("ExternalError.DirListingFailed.PermissionDenied", "operator"),
        ("ExternalError.DirListingFailed.GCPaused", "operator"),
        ("ExternalError.DirListingFailed.GCDisconnected", "later"),
        ("ExternalError.DirListingFailed", "later"),
        ("ExternalError.DirListingFailed.SomethingNew", "later"),
    ],
)
def test_a_gateway_that_passes_on_what_a_person_has_to_end_says_so(service, remote, code, kind):
    path = f"/v0.10/operation/endpoint/{FLOW}/ls"
    service.will("GET", path, Reply({"code": code, "message": "no", "request_id": "r", "resource": path}, 502))
    with pytest.raises(RemoteError) as caught:
        remote.transfer.ls(FLOW, "/x")
    assert (caught.value.kind, caught.value.cause) == (kind, f"the service answers 502 {code}: no")


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        ({"detail": "bad configuration", "reason": "no such key"}, "bad configuration: no such key"),
        ({"detail": "the same", "reason": "the same"}, "the same"),
        ({"reason": "no such key"}, "no such key"),
        ({"detail": "bad configuration"}, "bad configuration"),
    ],
)
def test_the_reason_that_compute_gives_is_told(service, remote, document, cause):
    path = f"/v2/endpoints/{FLOW}/status"
    service.will("GET", path, Reply(document, 422))
    with pytest.raises(RemoteError, match=f"answers 422.*: {cause}"):
        remote.compute.endpoint_status(FLOW)


@pytest.mark.parametrize("broken", [flows_error(502, "BAD_GATEWAY", "upstream"), RESET, Reply("<html>", 200)])
def test_a_start_that_may_have_happened_is_ambiguous_and_never_repeated(service, remote, broken):
    service.will("POST", f"/flows/{FLOW}/run", broken)
    assert failure_of_start(remote).ambiguous
    assert len(service.asked("POST", f"/flows/{FLOW}/run")) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_a_start_that_was_refused_is_not_ambiguous(service, remote, status):
    service.will("POST", f"/flows/{FLOW}/run", flows_error(status, "NO", "no"))
    assert not failure_of_start(remote).ambiguous
    assert len(service.asked("POST", f"/flows/{FLOW}/run")) == 1


def test_a_start_that_never_reached_the_service_is_not_ambiguous(connected):
    with socket.socket() as unused:  # bound but not listening: the connection is refused
        unused.bind(("127.0.0.1", 0))
        error = failure_of_start(connected(f"http://127.0.0.1:{unused.getsockname()[1]}"))
    assert (error.kind, error.ambiguous) == ("later", False)


def test_a_service_that_says_nothing_ends_the_call_in_time(service, remote, monkeypatch):
    monkeypatch.setattr("remote.globus.limits.SUBMIT_SECONDS", 0.3)
    service.will("POST", f"/flows/{FLOW}/run", SILENCE)
    error = failure_of_start(remote)
    assert (error.kind, error.ambiguous) == ("later", True)
    assert "in time" in error.cause
    assert len(service.asked("POST", f"/flows/{FLOW}/run")) == 1


def test_what_may_be_repeated_is_repeated_once(service, remote):
    document = {"run_id": RUN, "flow_id": FLOW, "status": "ACTIVE", "start_time": "2026-11-23T10:00:00+00:00"}
    service.will("GET", f"/runs/{RUN}", RESET, Reply(document))
    assert remote.flows.run(RUN).status == "ACTIVE"
    assert len(service.asked("GET", f"/runs/{RUN}")) == 2


def test_an_answer_that_makes_no_sense_is_asked_for_again(service, remote):
    error = failure_of_get(service, remote, Reply({"unexpected": True}))
    assert error.kind == "later"
    assert "the answer is not what the service should send (KeyError" in error.cause


def test_a_missing_consent_is_named(service, remote):
    scope = "urn:globus:auth:scope:transfer.api.globus.org:all[*https://auth.globus.org/scopes/abc/data_access]"
    document = {"code": "ConsentRequired", "message": "Missing required data_access consent",
                "required_scopes": [scope], "request_id": "x", "resource": "/y"}  # fmt: skip
    service.will("GET", "/v0.10/operation/endpoint/abc/ls", Reply(document, 403))
    with pytest.raises(RemoteError) as caught:
        remote.transfer.ls("abc", "/")
    assert caught.value.kind == "operator"
    assert scope in caught.value.cause
    assert "console login" in caught.value.next_step


def test_the_details_of_an_inactive_flow_run_name_their_consent():
    details = {"code": "ConsentRequired", "description": "Missing", "required_scope": "flow[transfer[data_access]]"}
    sentence = missing_consent(details)
    assert sentence is not None
    assert "flow[transfer[data_access]]" in sentence
    session = {"code": "AuthorizationParameters", "authorization_parameters": {"session_required_mfa": True}}
    assert "multi-factor" in str(missing_consent(session))
    assert missing_consent({"code": "FlowStarting", "description": "x"}) is None


def test_no_login_is_the_operators_and_asks_nothing_in_the_call(service, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a login was started from inside a call"))
    login = StoredLogin(FLOW, tmp_path / "none.json", [FLOW], [RUN])
    assert login.expires_at() == 0
    with pytest.raises(RemoteError) as caught:
        connect(client_id=FLOW, token_store=tmp_path / "none.json", service_url=service.url, flow_ids=[FLOW]).flows.run(
            RUN
        )
    assert caught.value.kind == "operator"
    assert "console login" in caught.value.next_step
    assert service.requests == []


def test_other_exceptions_are_bugs_and_keep_their_traceback():
    with pytest.raises(RemoteError) as caught, calling("compute", "x", repeatable=False):
        raise ZeroDivisionError("division by zero")
    assert (caught.value.kind, caught.value.ambiguous) == ("bug", True)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_lookup_error_of_the_login_is_no_bug():
    with pytest.raises(RemoteError) as caught, calling("flows", "x"):
        raise MissingTokenError("No token data", resource_server=FLOW)
    assert caught.value.kind == "operator"


def test_the_token_reaches_the_service_but_no_text(service, remote):
    echo = flows_error(500, "OOPS", f"header was 'Authorization: Bearer {TOKEN}', access_token={TOKEN}")
    error = failure_of_get(service, remote, echo)
    assert service.requests[0].token == f"Bearer {TOKEN}"
    assert TOKEN not in str(error)
    assert TOKEN not in repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_file_that_others_may_read_is_refused(tmp_path, mode):
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    token_file.chmod(mode)
    with pytest.raises(RemoteError, match="chmod 600") as caught:
        connect(token_file=token_file, service_url="http://127.0.0.1:1")
    assert caught.value.kind == "operator"
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("content", ["", "two words", "\udcff"])
def test_a_token_file_without_a_token_is_refused(tmp_path, content):
    token_file = tmp_path / "token"
    token_file.touch(0o600)
    token_file.write_text(content, errors="surrogateescape")
    with pytest.raises(RemoteError, match="token file"):
        connect(token_file=token_file)
    with pytest.raises(RemoteError, match="cannot be read"):
        connect(token_file=tmp_path / "missing")


@given(st.text())
def test_causes_are_one_printable_line(text):
    line = clean(text)
    assert len(line) <= 300
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in line)

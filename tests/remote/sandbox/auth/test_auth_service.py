"""Auth by itself: what its clock ends, and scopes as clients may write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remote.sandbox.auth import scopes
from remote.sandbox.auth.errors import Refusal
from remote.sandbox.auth.service import ACCESS_SECONDS, CODE_SECONDS, REFRESH_SECONDS, AuthService
from remote.sandbox.faults import Faults

LOGIN = {
    "client_id": "a client",
    "redirect_uri": "http://127.0.0.1/",
    "response_type": "code",
    "scope": "openid",
    "access_type": "offline",
}
EXCHANGE = ("a client", "http://127.0.0.1/", "")


@pytest.fixture
def clock() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def auth(clock: list[float]) -> AuthService:
    return AuthService("secret", lambda: clock[0], Faults())


def test_a_code_that_waited_too_long_is_refused(auth, clock):
    code, _ = auth.authorize(LOGIN)
    clock[0] += CODE_SECONDS + 1
    with pytest.raises(Refusal, match="expired"):
        auth.exchange(code, *EXCHANGE, trusted=True)


def test_a_code_without_a_challenge_is_for_a_client_that_has_shown_its_secret(auth):
    code, _ = auth.authorize(LOGIN)
    with pytest.raises(Refusal, match="somebody else"):
        auth.exchange(code, *EXCHANGE, trusted=False)
    code, _ = auth.authorize(LOGIN)
    assert auth.exchange(code, *EXCHANGE, trusted=True)["access_token"]


def test_a_refresh_token_ends_when_it_was_not_used_for_half_a_year(auth, clock):
    code, _ = auth.authorize(LOGIN)
    reply = auth.exchange(code, *EXCHANGE, trusted=True)
    clock[0] += ACCESS_SECONDS
    assert auth.find(reply["access_token"]) is None
    for used_after in (0, REFRESH_SECONDS - 1, REFRESH_SECONDS - 1):
        clock[0] += used_after
        assert auth.refresh(reply["refresh_token"], "a client")["access_token"]
    clock[0] += REFRESH_SECONDS
    with pytest.raises(Refusal, match="expired"):
        auth.refresh(reply["refresh_token"], "a client")
    assert auth.find("secret") is not None


def test_scopes_have_dependencies():
    text = f"{scopes.TRANSFER_ALL}[*{scopes.data_access('a')} {scopes.data_access('b')}[openid]] email"
    transfer, email = scopes.parse(text)
    first, second = transfer.dependencies
    assert (first.name, first.optional, second.optional) == (scopes.data_access("a"), True, False)
    assert [one.name for one in second.dependencies] == ["openid"]
    assert scopes.by_server([transfer, email, email]) == {
        scopes.TRANSFER: [scopes.TRANSFER_ALL],
        scopes.AUTH: ["email"],
    }


@pytest.mark.parametrize(
    "text", ["", " ", "[", "]", "*", "**", "openid[", "openid[]", "openid]", "[openid]", "openid[email", "openid *",
             "x", "openid[" * 30 + "email" + "]" * 30],
)  # fmt: skip
def test_what_is_no_scope_is_refused(text):
    with pytest.raises(Refusal):
        scopes.parse(text)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["openid", "email", "[", "]", "*", " ", "x"]), max_size=12))
def test_whatever_is_asked_for_is_read_or_refused(parts: list[str]) -> None:
    with contextlib.suppress(Refusal):
        assert scopes.parse("".join(parts))

"""Proxies of the environment: never for this machine; for Globus a bad one is the operator's, with its variable."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from remote.globus.errors import RemoteError
from remote.globus.proxies import is_this_machine
from tests.raw_service import RawService, raw_service
from tests.remote_fixture import RUN, connected, failure
from tests.scripted_service import ScriptedService
from tests.waiting import HANGS_AFTER

__all__ = ["connected"]

DOCUMENT = {"run_id": RUN, "flow_id": RUN, "status": "ACTIVE", "start_time": "2026-11-23T10:00:00+00:00"}
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
NOBODY = "127.0.0.1:9"  # the port of discard, which nobody serves


@pytest.fixture(autouse=True)
def no_proxy_of_our_own(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr("remote.globus.limits.ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("remote.globus.limits.SUBMIT_SECONDS", 0.5)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "proxy", [f"http://{NOBODY}", "http://no.such.proxy.invalid:3128", "socks5://h:1", "nonsense://", "["]
)
def test_what_goes_to_this_machine_goes_by_no_proxy(connected, monkeypatch, variable, proxy):
    monkeypatch.setenv(variable, proxy)
    service = ScriptedService()
    service.will("GET", f"/runs/{RUN}", DOCUMENT)
    for host in ("127.0.0.1", "localhost"):
        assert connected(service.url.replace("127.0.0.1", host)).flows.run(RUN).id == RUN
    service.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_names_and_addresses(host):
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["127.0.0.1.evil.org", "localhost.evil.org", "10.0.0.1", "", None, "0x7f.1", "::2"])
def test_what_only_looks_like_loopback(host):
    assert not is_this_machine(host)


def says(text: bytes) -> RawService:
    return raw_service(lambda connection: connection.sendall(text))


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Forbidden", "503 Service Unavailable"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_refuses_is_the_operators_and_named(connected, monkeypatch, variable, status):
    with says(b"HTTP/1.1 " + status.encode() + b"\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv(variable, f"http://anna:pass-word-of-anna@{proxy.address}")
        error = failure(connected())
    assert error.kind == "operator"
    assert error.cause == f"the proxy of {variable} ({proxy.address}) does not serve: {status}"
    assert variable in error.next_step
    assert not error.ambiguous
    assert "pass-word-of-anna" not in str(error)


@pytest.mark.parametrize(
    "proxy",
    [f"http://{NOBODY}", f"https://{NOBODY}", "no.such.proxy.invalid:3128", "socks5://127.0.0.1:9", "ftp://h:1",
     "http://", "http://[::1", "http://h:99999", "[", "http://h:port"],
)  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_the_operators_and_named(connected, monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(RemoteError) as caught:
        connected().flows.start(RUN, {}, "label", ["tag"])
    assert (caught.value.kind, caught.value.ambiguous) == ("operator", False)
    assert caught.value.cause.startswith("the proxy of HTTPS_PROXY (")
    assert "HTTPS_PROXY" in caught.value.next_step


def test_a_proxy_that_says_nothing_or_nonsense_is_named(connected, monkeypatch):
    done = threading.Event()

    def mute(connection: socket.socket) -> None:
        done.wait(HANGS_AFTER)

    for service in (raw_service(mute), says(b"SSH-2.0-OpenSSH\r\n"), says(b"HTTP/1.1 200 OK\r\n\r\n")):
        with service as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            error = failure(connected())
            assert "HTTPS_PROXY" in error.cause
            assert "HTTPS_PROXY" in error.next_step or error.kind == "operator"
    done.set()


def test_who_is_named_in_no_proxy_is_asked_directly(connected, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://{NOBODY}")
    monkeypatch.setenv("NO_PROXY", "unreachable.invalid")
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_FLOWS", "https://unreachable.invalid")
    error = failure(connected())
    assert (error.kind, error.cause) == ("later", "the service cannot be reached (no connection)")


def test_a_command_that_ends_does_not_promise_to_try_again(connected):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failure(connected(f"http://127.0.0.1:{unused.getsockname()[1]}"))
    assert error.next_step == "the console tries again by itself"
    assert str(error) == "flows run: the service cannot be reached (no connection); try it again later"


def test_the_sandbox_starts_and_does_its_work_behind_a_proxy_that_is_not_there(monkeypatch, tmp_path):
    for name in VARIABLES[:3]:
        monkeypatch.setenv(name.upper(), f"http://{NOBODY}")
    command = [
        sys.executable,
        "-m",
        "screens",
        "sandbox",
        "--keep",
        str(tmp_path / "sandbox"),
        "--until-done",
        "--json",
    ]
    command += ["--runs", "1", "--segments", "1", "--events", "50"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * HANGS_AFTER, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    fault = [sys.executable, "-m", "screens", "sandbox", "fault", "--list", "--dir", str(tmp_path / "sandbox")]
    told = subprocess.run(fault, capture_output=True, text=True, timeout=HANGS_AFTER, stdin=subprocess.DEVNULL)
    assert "no sandbox" in told.stderr, "it has ended by now"

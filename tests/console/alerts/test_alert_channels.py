"""Messages leave this machine: by the real Apprise to a real HTTP and a real SMTP server, by a command, by a ping."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from console.alerts import limited
from console.alerts.channels import channels, ping
from console.alerts.message import Message
from console.ledger.errors import Trouble
from console.settings.model import Alerts
from remote.sandbox.compute.environment import environment
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
TOLD = Message("e21062", "e21062: 2 alerts", "run 1300 failed: aborted\nfrib-fit-mpi is offline\n")
SECRET = "correct-horse-battery-staple"


class Sink(BaseHTTPRequestHandler):
    """Keeps what is sent to it."""

    got: ClassVar[list[tuple[str, str, bytes]]] = []

    def _take(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.got.append((self.command, self.path, self.rfile.read(length)))
        code = 500 if "broken" in self.path else 200
        self.send_response(code)
        self.end_headers()

    do_GET = do_POST = _take

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def sink() -> Iterator[int]:
    Sink.got.clear()
    with serving(HTTPServer(("127.0.0.1", 0), Sink)) as port:
        yield port


@pytest.fixture(scope="module")
def apprise() -> Path:
    """The program, of the pinned version, in an environment of its own that is kept for the next time."""
    return environment(lambda _: None, ROOT / ".ci/requirements-alerts.txt") / "bin/apprise"


class Mail(socketserver.StreamRequestHandler):
    """As much of an SMTP server as it takes to be given a mail."""

    mails: ClassVar[list[str]] = []

    def handle(self) -> None:
        self._say("220 sink")
        while line := self.rfile.readline():
            verb = line.strip().upper()
            if verb == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.mails.append(b"".join(lines).decode())
            if verb == b"QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


def test_apprise_reaches_an_http_server(apprise: Path, sink: int) -> None:
    channels(Alerts(apprise=apprise, urls=(f"json://127.0.0.1:{sink}/shift",)))["apprise"](TOLD)
    ((command, path, body),) = Sink.got
    assert (command, path) == ("POST", "/shift")
    sent = json.loads(body)
    assert sent["title"] == TOLD.title
    assert "frib-fit-mpi is offline" in sent["message"]


def test_apprise_reaches_a_mail_server(apprise: Path) -> None:
    Mail.mails.clear()
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)) as port:
        url = f"mailto://127.0.0.1:{port}?from=console@frib.example&to=shift@frib.example"
        channels(Alerts(apprise=apprise, urls=(url,)))["apprise"](TOLD)
    (mail,) = Mail.mails
    assert "Subject: e21062: 2 alerts" in mail
    assert "run 1300 failed: aborted" in mail


def test_what_apprise_cannot_send_is_a_trouble_without_its_secrets(apprise: Path, sink: int) -> None:
    url = f"json://anna:{SECRET}@127.0.0.1:{sink}/broken"
    with pytest.raises(Trouble, match=r"alerts.urls: .*return code") as trouble:
        channels(Alerts(apprise=apprise, urls=(url,)))["apprise"](TOLD)
    assert SECRET not in str(trouble.value)


def test_apprise_that_is_not_here_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Trouble, match="apprise is not here"):
        channels(Alerts(urls=("json://127.0.0.1/",)))["apprise"](TOLD)


def script(path: Path, body: str) -> str:
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_the_addresses_are_no_arguments_of_a_program(tmp_path: Path) -> None:
    """Everybody on the machine can read those."""
    out = tmp_path / "out"
    program = script(
        tmp_path / "apprise", f"import os, sys; open({str(out)!r}, 'w').write(repr((sys.argv, os.environ)))"
    )
    channels(Alerts(apprise=Path(program), urls=(f"json://anna:{SECRET}@127.0.0.1/",)))["apprise"](TOLD)
    argv, _, environ = out.read_text().partition("], environ")
    assert SECRET not in argv
    assert SECRET in environ


def test_a_command_gets_the_facts_on_its_stdin(tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = script(tmp_path / "page", f"import sys; open({str(out)!r}, 'w').write(sys.argv[1] + sys.stdin.read())")
    channels(Alerts(hook=(program, "shift; rm -rf /")))["hook"](TOLD)
    words, _, document = out.read_text().partition("{")
    assert words == "shift; rm -rf /", "a list, for no shell"
    assert json.loads("{" + document)["text"] == TOLD.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import sys; sys.exit('no pager: token=" + SECRET + "')", "return code 1: no pager: token=[*]{3}"),
        ("import os, time; os.fork(); time.sleep(1e6)", "took longer than 1 s"),
    ],
    ids=["fails", "hangs"],
)
def test_a_command_that_fails_or_hangs_is_a_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    monkeypatch.setattr(limited, "SECONDS", 1.0)
    pids = tmp_path / "pids"
    program = script(tmp_path / "page", f"import os; open({str(pids)!r}, 'w').write(str(os.getpgid(0)))\n{body}")
    with pytest.raises(Trouble, match=words):
        channels(Alerts(hook=(program,)))["hook"](TOLD)
    if "fork" in body:
        until(lambda: not alive(int(pids.read_text())))


def alive(group: int) -> bool:
    """Whether a process of this group still runs; a zombie that nobody has buried does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of) == group and state != "Z":
            return True
    return False


def test_a_command_that_is_not_there_is_a_trouble() -> None:
    with pytest.raises(Trouble, match="cannot be started: No such file"):
        channels(Alerts(hook=("/no/such/program",)))["hook"](TOLD)


def test_the_ping_is_a_get_and_its_address_is_not_told(sink: int) -> None:
    ping(Alerts(ping=f"http://127.0.0.1:{sink}/ping/{SECRET}"))
    assert Sink.got == [("GET", f"/ping/{SECRET}", b"")]
    with pytest.raises(Trouble, match=r"alerts.ping: 127.0.0.1: ") as trouble:
        ping(Alerts(ping=f"http://127.0.0.1:{sink}/broken/{SECRET}"))
    assert SECRET not in str(trouble.value)


def test_nothing_is_asked_for_where_nothing_is_set(sink: int) -> None:
    ping(Alerts())
    assert channels(Alerts()) == {}
    assert Sink.got == []


def test_addresses_are_secrets_of_the_settings() -> None:
    alerts = Alerts(urls=(f"json://x:{SECRET}@h/",), ping=f"https://h/{SECRET}")
    assert SECRET not in repr(alerts) + str(alerts.model_dump(mode="json"))
    with pytest.raises(ValueError, match="not an address of the web"):
        Alerts(ping="file:///etc/passwd")

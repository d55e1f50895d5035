"""A whole driver: its ping ends with it, it fires alerts, and tells systemd how it is."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from console.cli.parser import main
from console.driver import systemd
from console.ledger import alerts
from console.ledger.store import Ledger
from flowspec.conditions import reason
from flowspec.readiness import Verdict
from flowspec.states import RunState
from tests.driver_fixture import Experiment, experiment_in
from tests.ledger_fixture import DemoLedger, stand
from tests.waiting import until


@pytest.fixture
def pings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    got: list[str] = []

    class Watcher(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Watcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("FRIB_CONSOLE__ALERTS__PING", f"http://127.0.0.1:{server.server_address[1]}/alive")
    monkeypatch.setenv("FRIB_CONSOLE__ALERTS__PING_INTERVAL", "0.1")
    yield got
    server.shutdown()
    server.server_close()


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    with experiment_in(tmp_path / "e") as made:
        yield made


def test_the_ping_comes_again_and_again_and_ends_with_the_driver(pings: list[str], experiment: Experiment) -> None:
    driver = experiment.started()
    until(lambda: len(pings) >= 3)
    assert set(pings) == {"/alive"}
    driver.kill()
    driver.wait()
    told = len(pings)
    experiment.started()
    until(lambda: len(pings) > told + 1)
    driver = experiment._processes[-1]
    driver.terminate()
    driver.wait()
    told = len(pings)
    with socket.create_server(("127.0.0.1", 0)) as nobody:  # ten intervals, in which something would have come
        nobody.settimeout(1.0)
        with pytest.raises(TimeoutError):
            nobody.accept()
    assert len(pings) == told


def test_a_driver_looks_for_what_to_call_somebody_for(experiment: Experiment) -> None:
    demo = DemoLedger(experiment.ledger, at=time.time())
    alerts.set_looked(demo.ledger)  # it is not the first look of all
    demo.found(1300, Verdict.READY, "is complete", 2, ended=60)
    stand(demo.ledger, 1300, RunState.FAILED, reason("failed.abort", words="aborted"))
    demo.ledger.close()
    experiment.started()
    with closing(Ledger(experiment.ledger)) as ledger:
        (alert,) = until(lambda: [a for a in alerts.open_ones(ledger) if a.code == "alert.failed"])
    assert alert.subject == "1300"


def test_systemd_is_told_that_it_is_ready_alive_and_stopping(
    tmp_path: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(str(path))
        hearing.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        driver = experiment.started()
        heard = [hearing.recv(100).decode() for _ in range(3)]
        assert heard == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        driver.terminate()
        while (word := hearing.recv(100).decode()) == "WATCHDOG=1":
            pass
        assert word == "STOPPING=1"
        assert driver.wait() == 0


@pytest.mark.parametrize("path", ["", "relative", "/no/such/socket", "@frib-console-nobody-listens"])
def test_without_a_systemd_that_listens_nothing_is_done(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    systemd.notify(systemd.ALIVE)


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"frib-console-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(f"\0{name}")
        hearing.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        systemd.notify(systemd.READY)
        assert hearing.recv(100) == b"READY=1"


def test_the_unit_runs_this_console_with_this_profile(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--profile", str(experiment.profile), "watch", "--print-unit"]) == 0
    unit = capsys.readouterr().out
    assert "\nType=notify\n" in unit
    assert "\nWatchdogSec=60\n" in unit
    assert f"--profile {experiment.profile} watch\n" in unit
    assert experiment.present() is None, "it only prints"

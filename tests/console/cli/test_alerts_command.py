"""`console alerts`: what somebody was called for; whether a call arrives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.parser import main
from console.ledger import alerts
from console.ledger.store import Ledger
from tests.driver_fixture import Experiment, experiment_in


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    with experiment_in(tmp_path / "e") as made:
        ledger = Ledger(made.ledger)
        alerts.fire(ledger, "alert.endpoint", "e", 0.0, {"endpoint": "frib-fit-mpi", "since": 0.0}, told=True)
        alerts.fire(ledger, "alert.login", "", 0.0, {}, told=False)
        alerts.acknowledge(ledger, "anna@daq1")
        alerts.end(ledger, [1])
        ledger.close()
        yield made


def console(experiment: Experiment, *words: str) -> int:
    return main(["--profile", str(experiment.profile), "alerts", *words])


def test_the_newest_are_listed_with_who_has_seen_them(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert console(experiment, "list") == 0
    login, endpoint = capsys.readouterr().out.splitlines()
    assert "OPEN, seen by anna@daq1, not told yet: Globus asks for a login: console login" in login
    assert " over " in endpoint
    assert console(experiment, "list", "--json") == 0
    assert [alert["code"] for alert in json.loads(capsys.readouterr().out)["alerts"]] == [
        "alert.login", "alert.endpoint",
    ]  # fmt: skip


def test_a_test_says_what_was_sent(
    experiment: Experiment, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert console(experiment, "test") == 2
    assert "nobody would be called" in capsys.readouterr().err
    monkeypatch.setenv("FRIB_CONSOLE__ALERTS__HOOK", '["grep", "-q", "console alerts test"]')
    assert console(experiment, "test") == 0
    assert capsys.readouterr().out == "sent: hook. Has it arrived?\n"
    monkeypatch.setenv("FRIB_CONSOLE__ALERTS__HOOK", '["false"]')
    assert console(experiment, "test") == 1
    assert "alerts.hook: false ended with return code 1: it said nothing" in capsys.readouterr().err

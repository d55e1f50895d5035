"""What `console site` makes of replies that no kit of ours sends, of tasks that fail, and of those that never end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from console import connect
from console.cli import compute_calls, site
from console.cli.parser import main
from console.settings.paths import deployed_file
from console.settings.profiles import write_deployed
from remote.globus.compute import EndpointStatus, TaskStatus
from tests.driver_fixture import Experiment, experiment_in

FUNCTION = "00000000-0000-4000-8000-00000000000f"


@dataclass
class Globus:
    """Its Compute executes nothing: task n has the n-th of the ends, which are told one look after another."""

    ends: list[list[TaskStatus]] = field(default_factory=list)
    looks: int = 0
    calls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def compute(self) -> Globus:
        return self

    def endpoint_status(self, endpoint: str) -> EndpointStatus:
        return EndpointStatus(endpoint, True, "online", {})

    def submit(self, endpoint: str, function: str, calls: list[dict[str, Any]]) -> list[str]:
        assert function == FUNCTION
        self.calls = list(calls)
        return [f"task-{number}" for number in range(len(self.calls))]

    def batch_status(self, tasks: list[str]) -> dict[str, TaskStatus]:
        told = self.ends[min(self.looks, len(self.ends) - 1)]
        self.looks += 1
        return dict(zip(tasks, told, strict=True))


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    with experiment_in(tmp_path / "e") as made:
        names = ("fit", "convert", "analyze", "site_status")
        write_deployed(deployed_file(made.ledger), {"compute": {name: {"function": FUNCTION} for name in names}})
        yield made


@pytest.fixture
def globus(monkeypatch: pytest.MonkeyPatch) -> Globus:
    globus = Globus()
    monkeypatch.setattr(connect, "remote", lambda settings: globus)
    monkeypatch.setattr(compute_calls, "PAUSES", (0.0,))
    return globus


def status(text: str, value: Any = None, exception: str = "") -> TaskStatus:
    return TaskStatus("task", text, value=value, exception=exception)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (status("success", {"rc": 0, "schema": 1}), "cannot read"),
        (status("success", {"rc": 1, "code": "failed.function", "cause": "no\x1b[2J module"}), "is the kit of this"),
        (status("success", []), "without a return code"),
        (status("success", None, "the service no longer has the result"), "no longer has the result"),
        (status("failed", None, "Traceback\nFunction F not permitted on endpoint E"), "not permitted"),
    ],
)
def test_a_status_that_is_none_is_one_line(
    experiment: Experiment, globus: Globus, end: TaskStatus, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    globus.ends = [[end]]
    assert main(["--profile", str(experiment.profile), "site", "status"]) == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert (out, said in line, line.isprintable()) == ("", True, True)


def test_a_status_that_no_worker_takes_says_so_after_its_time(
    experiment: Experiment, globus: Globus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site, "STATUS_SECONDS", 0.0)
    globus.ends = [[status("pending")]]
    assert main(["--profile", str(experiment.profile), "site", "status"]) == 1
    assert "0 running, 1 waiting after 0 s; no worker has taken them" in capsys.readouterr().err


def test_fits_are_waited_for_until_all_have_ended_and_told_in_order(
    experiment: Experiment, globus: Globus, capsys: pytest.CaptureFixture[str]
) -> None:
    good = status("success", {"rc": 0, "node": "n1", "seconds": 660.0, "bytes": 3_000_000_000, "hits": [9, 9]})
    lost = status("failed", None, "Task failure due to loss of worker 0 on host n2")
    globus.ends = [[status("pending")] * 2, [good, status("running")], [good, lost]]
    assert main(["--profile", str(experiment.profile), "site", "test-fit", "--run", "7", "--segments", "3", "1"]) == 1
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == "fit 03: return code 0, on n1, 11 m, 3.0 G"
    assert second.startswith("fit 01: no reply, ")
    assert "loss of worker 0" in second
    assert [call["segment"] for call in globus.calls] == [3, 1]
    assert globus.looks == 3


def test_fits_that_are_still_running_after_their_time_go_on(
    experiment: Experiment, globus: Globus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site, "FIT_SECONDS", 0.0)
    globus.ends = [[status("running")]]
    assert main(["--profile", str(experiment.profile), "site", "test-fit", "--run", "7", "--segments", "3"]) == 1
    assert "1 running, 0 waiting after 0 s; they go on at the site" in capsys.readouterr().err


@pytest.mark.parametrize(
    "reply",
    [
        None,
        [],
        {},
        {"rc": "0"},
        {"rc": False},
        {"rc": 0.0, "seconds": "x"},
        {"rc": 1, "cause": 7, "node": ["n"], "bytes": -1, "hits": {}},
    ],
)
def test_a_reply_of_another_kind_is_a_fit_that_failed(
    experiment: Experiment, globus: Globus, reply: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    globus.ends = [[status("success", reply)]]
    profile = ["--profile", str(experiment.profile)]
    assert main([*profile, "site", "test-fit", "--run", "7", "--segments", "3", "--json"]) == 1
    (fit,) = json.loads(capsys.readouterr().out)["fits"]
    assert fit["why"] != ""

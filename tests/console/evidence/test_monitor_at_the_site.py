"""What the site's monitor sees is brought by Transfer when it is new, and told as long as it lasts. On a sandbox."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.driver.loop import chores
from console.evidence import monitor
from console.evidence.monitor import MonitorWatch
from console.ledger import site
from console.ledger.errors import Trouble
from remote.globus.errors import RemoteError
from tests.flowspec.test_monitorstatus import document, endpoint
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.sandbox_records import records
from tests.waiting import until

REFUSED = {"at": 1e9, "words": "sbatch: error: Invalid license specification"}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(tmp_path_factory.mktemp("monitor") / "sandbox", auto_launch=False) as pipeline:
        yield pipeline


class Watched:
    """A monitor's files at the site, and the watch of a driver."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.watch = pipeline, MonitorWatch(pipeline.make_context())
        self.logs = Path(pipeline.settings.site.top) / "logs"
        self.logs.mkdir(exist_ok=True)
        self.at = time.time() - 100

    def writes(self, told: Any) -> None:
        text = told if isinstance(told, str) else json.dumps(told)
        (self.logs / "monitor.json").write_text(text)
        (self.logs / "monitor.alive").touch()
        self.at += 1  # Globus tells whole seconds
        os.utime(self.logs / "monitor.json", (self.at, self.at))

    def said(self) -> str:
        """What it says once the file has been brought."""
        until(lambda: self.trouble() is not None and not self.watch._task)
        return self.trouble() or ""

    def trouble(self) -> str | None:
        try:
            self.watch.look()
        except Trouble as trouble:
            return str(trouble)
        return None if self.watch._task else ""

    def transfers(self) -> int:
        return len(records(self.pipeline.sandbox.directory).transfers)


@pytest.fixture
def watched(pipeline: Pipeline) -> Iterator[Watched]:
    made = Watched(pipeline)
    yield made
    for path in made.logs.glob("monitor.*"):
        path.unlink()


def test_where_no_monitor_is_nothing_is_said_or_brought(watched: Watched) -> None:
    assert watched.trouble() == ""
    assert watched.transfers() == 0


def test_a_refusal_of_slurm_is_told_until_it_is_over_and_brought_once(watched: Watched) -> None:
    before = watched.transfers()
    waiting = [{"state": "PENDING", "reason": "Priority"}]
    watched.writes(document(endpoint(refused=REFUSED, blocks=waiting)))
    assert REFUSED["words"] in watched.said()
    assert site.pending(watched.pipeline.ledger).parameters["reasons"] == {"Priority": 1}
    assert REFUSED["words"] in watched.said()
    assert watched.transfers() == before + 1
    watched.writes(document(endpoint()))
    assert watched.said() == ""
    assert site.pending(watched.pipeline.ledger).code == ""
    assert watched.transfers() == before + 2


@pytest.mark.parametrize("told", ["no json", "[" * 100_000, json.dumps({"schema": 2})], ids=["text", "deep", "other"])
def test_what_cannot_be_read_is_told(watched: Watched, told: str) -> None:
    watched.writes(told)
    assert "what the site's monitor says cannot be read" in watched.said()


def test_a_transfer_that_globus_does_not_know_is_begun_anew(watched: Watched) -> None:
    watched.writes(document(endpoint(refused=REFUSED)))
    watched.watch.look()
    watched.watch._task = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(RemoteError):
        watched.watch.look()
    assert REFUSED["words"] in watched.said()


def test_a_monitor_whose_files_are_gone_is_none(watched: Watched) -> None:
    watched.writes("no json")
    assert watched.said() != ""
    for path in watched.logs.glob("monitor.*"):
        path.unlink()
    assert watched.trouble() == ""


def test_a_monitor_that_is_silent_is_told(watched: Watched) -> None:
    watched.writes(document(endpoint()))
    os.utime(watched.logs / "monitor.alive", (time.time() - 3600,) * 2)
    assert "the site's monitor is silent since" in watched.said()


def test_the_driver_of_an_experiment_looks_and_that_of_a_sandbox_does_not(pipeline: Pipeline) -> None:
    of_real, of_sandbox = (chores(pipeline.make_context(), real=real)[1] for real in (True, False))
    (added,) = {chore.chore for chore in of_real} - {chore.chore for chore in of_sandbox}
    assert (added, [chore.seconds for chore in of_real if chore.chore == added]) == ("monitor", [monitor.LOOK_SECONDS])

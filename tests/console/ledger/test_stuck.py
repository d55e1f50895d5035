"""A run that gets stuck is told once, whoever is to end it; what comes and goes does not ring all night."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.ledger import conditions, runs, stuck
from flowspec.conditions import Reason, Topic, reason
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.ledger_fixture import DemoLedger, stand

CELL = {"code": "words", "parameters": {"words": "no such file"}}
STAGE = {"stage": "transfer", "done": 0, "total": 2, "cell": CELL}
MISSING, OFFLINE = Reason("flow.waits", STAGE), Reason("flow.waits-site", STAGE)
WELL = Reason("flow.stage", STAGE)
LASTING = 60.0


class Bench:
    """Run 7 is under way; each look of the driver comes 5 s after the last."""

    def __init__(self, path: Path) -> None:
        self.demo = DemoLedger(path)
        self.ledger = self.demo.ledger
        self.demo.launched(7, RunState.RUNNING, "", Stage.TRANSFER)

    def look(self, why: Reason, topic: Topic = Topic.PROGRESS, after: float = 5.0) -> None:
        self.demo.at += after
        conditions.put(self.ledger, 7, topic, [why])
        stuck.tell(self.ledger, LASTING)

    def told(self) -> list[str]:
        rows = self.ledger.rows("SELECT text, alert FROM events WHERE alert <> ''")
        return [f"{row['alert']}: {row['text']}" for row in rows]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "ledger.db")


def test_it_is_told_once_as_long_as_it_lasts(bench: Bench) -> None:
    for _ in range(200):
        bench.look(MISSING)
    assert bench.told() == ["flow.waits: run 7 is STUCK: transfer 0/2: no such file"]


def test_what_comes_and_goes_is_told_once_in_ten_minutes(bench: Bench) -> None:
    for _ in range(59):
        bench.look(MISSING)
        bench.look(WELL)
    assert len(bench.told()) == 1
    bench.look(MISSING, after=20.0)
    bench.look(MISSING)
    assert len(bench.told()) == 2, "it is stuck again, and what was told is long ago"


def test_what_the_site_may_end_by_itself_is_told_when_it_lasts(bench: Bench) -> None:
    bench.look(OFFLINE)
    bench.look(OFFLINE, after=LASTING - 1)
    assert bench.told() == []
    bench.look(OFFLINE)
    assert len(bench.told()) == 1


def test_what_is_no_longer_the_reason_and_what_is_shared_is_not_told(bench: Bench) -> None:
    """A queued run waits for what has an event of its own, as its endpoint; one that has ended has its own as well."""
    stand(bench.ledger, 7, RunState.QUEUED)
    bench.look(reason("queue.disk", space="full", path="/results"), Topic.QUEUE)
    stand(bench.ledger, 7, RunState.FAILED)
    bench.look(MISSING)
    bench.look(reason("outcome.failed", cause=CELL), Topic.OUTCOME)
    assert bench.told() == []


def test_what_stands_wrong_on_disk_is_told_while_it_is_recorded(bench: Bench) -> None:
    stand(bench.ledger, 7, RunState.TAKING)
    bench.look(reason("run.recording.foreign", file="run-0008-00.evt", other=8), Topic.DISK)
    assert bench.told() == []  # the DAQ may end it
    bench.look(reason("run.recording.foreign", file="run-0008-00.evt", other=8), Topic.DISK, after=LASTING)
    assert len(bench.told()) == 1


def test_the_event_of_an_incomplete_run_calls_once(bench: Bench) -> None:
    for verdict in (Verdict.INCOMPLETE, Verdict.ARRIVING, Verdict.INCOMPLETE):
        bench.demo.at += 5.0
        bench.demo.found(8, verdict, "segment 03 is missing", [0, 1, 2, 4])
    rows = bench.ledger.rows("SELECT level, alert FROM events WHERE run = 8 AND level = 'warning'")
    assert [row["alert"] for row in rows] == ["run.incomplete.words", ""]


def test_the_event_of_a_late_segment_calls(bench: Bench) -> None:
    with bench.ledger.change():
        runs.set_run(bench.ledger, 7, launched_sizes={0: 10, 1: 10}, launched_fingerprint="as launched")
    bench.demo.found(7, Verdict.READY, "is complete", [0, 1, 2], size=10)
    with bench.ledger.change() as db:
        db.execute("UPDATE runs SET fingerprint = 'other' WHERE run = 7")
    bench.demo.found(7, Verdict.READY, "is complete", [0, 1, 2], size=10)
    assert [text.partition(":")[0] for text in bench.told()] == [runs.LATE]

"""The ledger of a long campaign, and a stand-in for its driver: `python -m tests.benchmarks.campaign_ledger FILE RATE`.

The stand-in holds the driver's lock and beats; it changes RATE of the runs under way every second, one at a time, as
the driver does when tasks end, and refuses what it is asked. It ends with its standard input.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from pathlib import Path

from console.ledger import evidence, sources
from console.ledger import runs as run_rows
from console.ledger.presence import DriverLock
from console.ledger.store import Ledger
from flowspec.conditions import NO_REASON
from flowspec.progress import Evidence, Says, Witness
from flowspec.stages import RUN_STAGES, SEGMENT_STAGES, Stage
from flowspec.states import AttemptState, RunState
from tests.ledger_fixture import DemoLedger, stand
from tests.reasons import words

FIRST = 1001
UNDER_WAY = 20
SEGMENTS = 20
WITH_EVIDENCE = 10_000
DONE, FAILED, RUNNING = 1, 2, 3  # templates; removed when all is copied


def make(path: Path, runs: int) -> None:
    """A ledger with so many runs of 20 segments: the newest 20 under way, every 40th failed, all others done.

    Only the newest 10,000 have evidence: it is read of one run at a time, and would be most of the work.
    """
    demo = DemoLedger(path, time.time())
    last = FIRST + runs - 1
    with demo.ledger.change() as db:
        _templates(demo)
        db.execute("CREATE TEMP TABLE campaign (new_run INTEGER PRIMARY KEY, template INTEGER, at REAL)")
        for run in range(FIRST, last + 1):
            older = last + 1 - UNDER_WAY - run  # than those under way
            template = RUNNING if older <= 0 else FAILED if run % 40 == 0 else DONE
            db.execute("INSERT INTO campaign VALUES (?, ?, ?)", (run, template, demo.at - 600.0 * max(0, older)))
        path_of, flow_run = (
            "'/data/e21062/stagearea/run' || new_run",
            "printf('0d3c5f1e-0000-4000-8000-%012d', new_run)",
        )
        _copy(db, "runs", path=path_of, ended="campaign.at", updated="campaign.at")
        _copy(db, "conditions")
        _copy(db, "attempts", attempt="NULL", tag="'run-' || new_run", flow_run=flow_run)
        db.execute("DELETE FROM campaign WHERE new_run <= ?", (last - WITH_EVIDENCE,))
        _copy(db, "evidence")
        for table in ("evidence", "attempts", "conditions", "runs"):
            db.execute(f"DELETE FROM {table} WHERE run < {FIRST}")
        db.execute("DROP TABLE campaign")
        for name, stage in (("frib-fit-mpi", Stage.FIT), ("frib-convert", Stage.CONVERT)):
            demo.endpoint(name, stage, True, 40_000, json.dumps({"total_workers": 40, "idle_workers": 2}))
    demo.ledger.close()


def _templates(demo: DemoLedger) -> None:
    ended = {"attempt_state": AttemptState.SUCCEEDED, "segments": SEGMENTS, "since": 9000.0, "ended": 8000.0}
    demo.launched(DONE, RunState.DONE, "result returned and verified", Stage.RETURN, **ended)
    for stage in SEGMENT_STAGES:
        demo.files(DONE, stage, range(SEGMENTS))
    for stage in RUN_STAGES:
        demo.files(DONE, stage, [None])
    ended["attempt_state"] = AttemptState.FAILED
    demo.launched(FAILED, RunState.FAILED, "failed at fit: segment 07, rc 134", Stage.FIT, **ended)
    demo.files(FAILED, Stage.TRANSFER, range(SEGMENTS))
    demo.says(FAILED, Stage.FIT, [7], Witness.TASK, Says.FAILED, "EventEditor aborted (rc 134), no output")
    demo.launched(RUNNING, RunState.RUNNING, "fit 1/20: 19 pending", Stage.FIT, segments=SEGMENTS)
    demo.files(RUNNING, Stage.TRANSFER, range(SEGMENTS))
    demo.says(RUNNING, Stage.FIT, range(SEGMENTS), Witness.TASK, Says.PENDING, "pending, Slurm Priority")


def _copy(db: sqlite3.Connection, table: str, **own: str) -> None:
    """Copy the rows of each run's template; `own` are SQL of columns that differ from the template's."""
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    values = {column: f"{table}.{column}" for column in columns} | {"run": "new_run"} | own
    chosen = ", ".join(values[column] for column in columns)
    db.execute(f"INSERT INTO {table} SELECT {chosen} FROM campaign JOIN {table} ON {table}.run = template")


def drive(path: Path, rate: float) -> None:
    """Be the driver until the standard input ends: a heartbeat, and `rate` changes a second."""
    lock, ledger = DriverLock(path), Ledger(path)
    assert lock.take("background")
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    number, began = 0, time.monotonic()
    under_way = [run.run for run in run_rows.runs(ledger, RunState.RUNNING)]
    print("ready", flush=True)
    while not ended.wait(max(0.0, began + number / (rate or 1) - time.monotonic())):
        lock.beat()
        for request in ledger.asked():  # else whoever asks waits for an answer that never comes
            ledger.answer(request.id, "refused", "this is a stand-in for a driver: it does nothing")
        if rate:
            _one_more(ledger, under_way[number % len(under_way)], number // len(under_way))
        else:
            for source in ("disk", "flows", "compute"):
                sources.answered(ledger, source)
        if number % max(1, round(rate)) == 0:
            for source in ("disk", "flows", "compute"):
                sources.answered(ledger, source)
        number += 1


def _one_more(ledger: Ledger, run: int, turn: int) -> None:
    """A segment was fitted; when all are, it begins anew."""
    segment = turn % SEGMENTS
    says = Says.DONE if turn // SEGMENTS % 2 == 0 else Says.PENDING
    why = NO_REASON if says is Says.DONE else words("pending, Slurm Priority")
    with ledger.change():
        size = 1_900_000_000 if says is Says.DONE else None
        evidence.record_evidence(
            ledger, run, [Evidence(Stage.FIT, segment, Witness.FILE, says, why, size, ledger.now())]
        )
        evidence.refresh_progress(ledger, run)
        done = segment + 1 if says is Says.DONE else SEGMENTS - segment - 1
        stand(ledger, run, why=f"fit {done}/{SEGMENTS}: {SEGMENTS - done} pending")


if __name__ == "__main__":
    drive(Path(sys.argv[1]), float(sys.argv[2]))

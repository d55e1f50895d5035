"""A driver without waiting: `python -m tests.benchmarks.remembering COUNT...` prints its memory after so many runs.

Its parts have a connection to the ledger each, as its threads have; a Globus in memory does at once what it is asked.
"""

from __future__ import annotations

import gc
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from console.actions.results import ResultWatch
from console.context import Context
from console.disk import space
from console.disk.discovery import Discovery
from console.disk.listener import LedgerListener
from console.disk.pace import PACE
from console.driver.loop import chores
from console.ledger import runs
from console.ledger.store import EPOCH, Ledger
from console.settings.model import Policy
from flowspec import names
from flowspec.states import RunState
from remote.globus.transfer import RemoteFile
from tests.cancel_fixture import ID
from tests.discovery_fixture import begin, end, item
from tests.fake_globus import PLACES, Clock
from tests.rootfiles import root_file
from tests.shift_fixture import SIZE, Globus, Stage, iso

SEGMENTS, STEP = 20, 5.0
GOOD = {"rc": 0, "seconds": 2.0, "bytes": 2 * SIZE}


class Ended(Globus):
    """One flow run after the other: each has ended well when it is looked at first."""

    def remote(self) -> SimpleNamespace:
        made = super().remote()
        made.login = SimpleNamespace(expires_at=lambda: None, grants=frozenset)
        made.flows.start = self.start
        return made

    def start(self, flow: str, body: dict[str, object], label: str, tags: Sequence[str], *roles: object) -> object:
        self.log.clear(), self.tasks.clear(), self.groups.clear(), self.transfers.clear(), self.files.clear()
        self.flow_run = replace(self._start(flow, body, label, tags), id=f"flow run of {label}")
        run, every = int(label.split()[2]), range(SEGMENTS)
        for segment in every:
            self._lies(f"{PLACES.rawdata(run)}/{names.segment_file(run, segment)}", len(content(run, segment)))
            self._lies(f"{PLACES.fitted(run)}/{names.fitted_file(run, segment)}", 2 * SIZE)
            self._lies(f"{PLACES.converted(run)}/{names.converted_file(run, segment)}", 2 * SIZE)
        self._lies(f"{PLACES.analyzed()}/{names.sorted_file(run)}", 2 * SIZE)
        self.has_copied(Stage.TRANSFER)
        for stage in (Stage.FIT, Stage.CONVERT):
            self.begins(stage, SEGMENTS)
            self.replies(stage, *(GOOD | {"segment": s} for s in every))
        self.begins(Stage.ANALYZE, 1)
        self.replies(Stage.ANALYZE, GOOD)
        self.has_copied(Stage.RETURN)
        self.ends("SUCCEEDED", "FlowSucceeded")
        (self.results / names.sorted_file(run)).write_bytes(root_file(2 * SIZE))
        return self.flow_run

    def _lies(self, path: str, size: int) -> None:
        self.files[path] = RemoteFile("file", size, iso(self.clock()))


def content(run: int, segment: int) -> bytes:
    head, tail = begin(run) if segment == 0 else b"", end(run) if segment == SEGMENTS - 1 else b""
    return head + item(30, b"\0" * 36) + tail


class Driver:
    """Discovery, chores and the watch of results, on directories below `base`."""

    def __init__(self, base: Path) -> None:
        self.clock, self.runs, results = Clock(), base / "runs", base / "results"
        self.runs.mkdir()
        results.mkdir()
        Ledger(base / "ledger.db").put(EPOCH, "1")
        disk, globus, watch, room = (Ledger(base / "ledger.db", now=self.clock, epoch=1) for _ in range(4))
        for ledger in (disk, globus, watch, room):
            ledger.row("PRAGMA synchronous=OFF")
        end = Ended(clock=self.clock)
        end.results = results
        policy = Policy(auto_launch=True, poll_interval=STEP)
        ctx = Context(globus, end.remote(), PLACES, "e21062", results, ID, {Stage.FIT: ID}, policy)  # type: ignore[arg-type]
        self.ledger, self.room, self.results = globus, room, results
        self.discovery = Discovery(
            self.runs, LedgerListener(disk, lambda: None), policy, clock=self.clock, wall_clock=self.clock
        )
        self.watch = ResultWatch(watch, results, lambda: False, self.clock)
        self.chores = [chore for some in chores(ctx, real=False, clock=self.clock) for chore in some]

    def step(self) -> None:
        self.clock.time += STEP
        self.discovery.look()
        while self.discovery.next_due <= self.clock.time:
            self.discovery.look_at(())
        for chore in self.chores:
            chore.run(self.ledger)
        self.watch.look()
        space.check(self.room, self.results)

    def take(self, run: int) -> None:
        folder = self.runs / f"run{run}"
        folder.mkdir()
        for segment in range(SEGMENTS):
            (folder / names.segment_file(run, segment)).write_bytes(content(run, segment))
        for _ in range(math.ceil(PACE.active / STEP)):
            self.step()
            known = runs.run(self.ledger, run)
            if known is not None and known.state is RunState.DONE:
                return
        raise RuntimeError(f"run {run} is {known and known.state}: {known and known.why}")


def memory() -> int:
    """Resident memory of this process that is not shared with files, in bytes."""
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(status["RssAnon"].split()[0])


def main(arguments: Sequence[str]) -> None:
    counts, found = [int(count) for count in arguments], []
    with tempfile.TemporaryDirectory(prefix="remembering-") as base:
        driver = Driver(Path(base))
        for run in range(1, max(counts) + 1):
            driver.take(run)
            if run in counts:
                found.append(memory())
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])

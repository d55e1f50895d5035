"""What discovery reports of the runs on disk, and how that gets into the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from console.disk.mounted import Before, Identity
from console.ledger import runs, sources
from console.ledger.store import Ledger
from flowspec.conditions import Reason, reason
from flowspec.readiness import Judgement

SOURCE = "disk"  # the name of this source of data in the ledger
DIRECTORY, LOOKED = (
    "runs_directory",
    "runs_looked_at",
)  # in the ledger's meta: its identity, and the epoch of who looked
AT_ONCE = 500  # runs in a transaction


class Known(NamedTuple):
    """What was judged of a run before this process began."""

    path: str
    verdict: str
    fingerprint: str


class Listener(Protocol):
    """Called by discovery, in its thread, with what it finds."""

    def judged(self, path: Path, judgement: Judgement, sizes: Mapping[int, int]) -> None:
        """The judgement of a run changed; `sizes` are bytes by segment."""

    def removed(self, runs: Collection[int]) -> None:
        """No directory claims these runs any longer."""

    def listed(self, problem: str | None, identity: Identity | None) -> None:
        """The runs of the directory `identity` were listed, and all that is known was compared with what is there;
        `problem` is a sentence when that could not be."""

    def before(self) -> Before:
        """What was there when the runs could last be listed, by this process or one before it."""

    def known(self, run: int) -> Known | None:
        """What was judged before; a complete run that is unchanged since is not examined again."""


class LedgerListener:
    """Writes what is found into the ledger, and calls `wake` when there may be something to do."""

    def __init__(self, ledger: Ledger, wake: Callable[[], None]) -> None:
        self._ledger = ledger
        self._wake = wake
        self._told: object = None
        if ledger.get(LOOKED) == str(ledger.epoch):  # the disk's thread of this driver begins once more
            ledger.put(LOOKED, "")

    def judged(self, path: Path, judgement: Judgement, sizes: Mapping[int, int]) -> None:
        runs.record_judgement(self._ledger, str(path), judgement, sizes)
        self._wake()

    def removed(self, runs_gone: Collection[int]) -> None:
        left = iter(sorted(runs_gone))
        while some := [*islice(left, AT_ONCE)]:
            with self._ledger.change():
                for run in some:
                    runs.record_gone(self._ledger, run)
        self._wake()

    def listed(self, problem: str | None, identity: Identity | None) -> None:
        if problem:
            sources.failed(self._ledger, SOURCE, problem)
        else:
            sources.answered(self._ledger, SOURCE)
            if identity != self._told:
                with self._ledger.change():
                    self._ledger.put(DIRECTORY, json.dumps(identity))
                    self._ledger.put(LOOKED, str(self._ledger.epoch))
        if (problem or identity) != self._told:
            self._told = problem or identity
            self._wake()

    def before(self) -> Before:
        known = json.loads(self._ledger.get(DIRECTORY, "null"))
        return Before((known[0], known[1]) if known else None, runs.on_disk(self._ledger))

    def known(self, run: int) -> Known | None:
        before = runs.run(self._ledger, run)
        return Known(before.path, before.verdict, before.fingerprint) if before else None


def holds(ledger: Ledger) -> Reason | None:
    """Why nothing may be launched: it is not known whether what the ledger has of the runs is still true."""
    if problem := sources.problem(ledger, SOURCE):
        return reason("queue.unlisted", words=problem)
    if ledger.epoch is not None and ledger.get(LOOKED) != str(ledger.epoch):
        return Reason("queue.unlooked")
    return None

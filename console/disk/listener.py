"""What discovery reports of the runs on disk, and how that gets into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from console.ledger import runs
from console.ledger.store import Ledger
from flowspec.readiness import Judgement

SOURCE = "disk"  # the name of this source of data in the ledger


class Known(NamedTuple):
    """What was judged of a run before this process began."""

    path: str
    verdict: str
    fingerprint: str


class Listener(Protocol):
    """Called by discovery, in its thread, with what it finds."""

    def judged(self, path: Path, judgement: Judgement, sizes: Mapping[int, int]) -> None:
        """The judgement of a run changed; `sizes` are bytes by segment."""

    def removed(self, run: int) -> None:
        """No directory claims this run any longer."""

    def listed(self, problem: str | None) -> None:
        """The runs were listed; `problem` is a sentence when they could not be."""

    def known(self, run: int) -> Known | None:
        """What was judged before; a complete run that is unchanged since is not examined again."""


class LedgerListener:
    """Writes what is found into the ledger, and calls `wake` when there may be something to do."""

    def __init__(self, ledger: Ledger, wake: Callable[[], None]) -> None:
        self._ledger = ledger
        self._wake = wake

    def judged(self, path: Path, judgement: Judgement, sizes: Mapping[int, int]) -> None:
        runs.record_judgement(self._ledger, str(path), judgement, sizes)
        self._wake()

    def removed(self, run: int) -> None:
        runs.record_gone(self._ledger, run)
        self._wake()

    def listed(self, problem: str | None) -> None:
        if problem:
            self._ledger.source_failed(SOURCE, problem)
        else:
            self._ledger.source_answered(SOURCE)

    def known(self, run: int) -> Known | None:
        before = runs.run(self._ledger, run)
        return Known(before.path, before.verdict, before.fingerprint) if before else None

"""Results that came back are looked at now and then, in turns: a run is done as long as its result is there, whole, and
what the site made.

A look costs a stat. A file is opened only when it has changed, and read through only when the site gave its digest.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.context import Context
from console.disk import resultfile
from console.disk.rotation import Rotation
from console.evidence.outputs import check_all_outputs
from console.evidence.returned import returned
from console.ledger import dossier, evidence, results, runs
from console.ledger.moves import move
from console.ledger.results import Judged
from console.ledger.runs import Run
from console.ledger.store import Ledger
from console.settings.errors import SettingsError
from flowspec import catalogue, names
from flowspec.conditions import Topic, reason
from flowspec.progress import COMPARING, Evidence, Says
from flowspec.stages import CellState, Stage
from flowspec.standing import LOST
from flowspec.states import FOUND_WHOLE, RESULT_LOST, RunState

LOOK_SECONDS = 0.2
LIST_SECONDS = 5.0  # from one question to the ledger which runs are done to the next
ROUND_SECONDS, PER_SECOND = 600.0, 50.0  # all within ten minutes; of more than 30,000 so many each second
WORK_SECONDS = 0.2  # at one look, but for the reading of a large file
MANY = 3  # results that are all gone at once: their disk is not mounted, and none is lost


class AllGone(SettingsError):
    """None of the results is where they should all be."""


class ResultWatch:
    """Looks at the results in `folder`, for one ledger; `stop` ends the reading of a large one."""

    def __init__(
        self, ledger: Ledger, folder: Path, stop: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._folder, self._stop, self._clock = ledger, folder, stop, clock
        self._turns: Rotation[int] = Rotation()
        self._next: deque[int] = deque()
        self._listed: list[int] = []
        self._lost: set[int] = set()
        self._listed_at: float | None = None
        self._unseen: dict[int, SettingsError] = {}  # those that could not be looked at last time

    def look(self) -> None:
        """Read what has come back and is to be compared, then look at those whose turn it is, for a while.

        Raises SettingsError when the disk of the results does not say what is there; then no run is called lost.
        """
        now = self._clock()
        for run in [*self._unseen, *results.to_compare(self._ledger)]:
            self._judge(run)
        self._take_turns(now)
        while self._next and not self._stop() and self._clock() - now < WORK_SECONDS:
            self._look_at(self._next[0])
            self._next.popleft()
        for trouble in self._unseen.values():
            raise trouble

    def _take_turns(self, now: float) -> None:
        """Those that are done since the last look come first, and all of them when the driver has just begun."""
        if self._listed_at is None or now - self._listed_at >= LIST_SECONDS:
            lost, known = results.lost(self._ledger), set(self._listed)
            self._lost, listed = set(lost), [*lost, *results.back(self._ledger)]
            self._next.extend(run for run in listed if run not in known)
            if listed != self._listed:
                self._turns.keep(dict.fromkeys(listed))
            self._listed, self._listed_at = listed, now
        self._next.extend(self._turns.take(now, max(ROUND_SECONDS, len(self._listed) / PER_SECOND)))

    def _look_at(self, run: int) -> None:
        try:
            seen = resultfile.version(self._folder / names.sorted_file(run))
        except SettingsError as error:
            self._unseen[run] = error
            return
        before = results.read(self._ledger, run)
        if seen is None or before is None or before.version != seen or run in self._lost:
            self._judge(run)

    def _judge(self, run: int) -> None:
        """Judge a result that has changed, or was not judged yet."""
        self._unseen.pop(run, None)
        try:
            said, judged = self._read(run)
            write(self._ledger, self._folder, run, said, judged)
        except AllGone:
            raise
        except SettingsError as error:
            self._unseen[run] = error

    def _read(self, run: int) -> tuple[Evidence, Judged | None]:
        said, judged = returned(self._ledger, self._folder, run)
        if said.reason.code != COMPARING:
            return said, judged
        digested = resultfile.digest(self._folder / names.sorted_file(run), self._stop)
        if digested is None:  # it changes just now, or the driver ends: another time
            return said, None
        return returned(self._ledger, self._folder, run, Judged(*digested))


def look_before_retry(ctx: Context, run: Run) -> None:
    """Check every output of a run that has ended; its state follows when its result is lost, or there again.

    Raises SettingsError when the disk of the results does not say what is there.
    """
    said, _ = returned(ctx.ledger, ctx.results, run.run)
    write(ctx.ledger, ctx.results, run.run, said)
    check_all_outputs(ctx, run)


def write(ledger: Ledger, folder: Path, number: int, said: Evidence, judged: Judged | None = None) -> None:
    """Write what the result of a run says: a run that is done and has lost it is failed, and done when it is back.

    Raises AllGone, before anything is written, when so many are gone that their disk cannot be there.
    """
    run = runs.run(ledger, number)
    if said.says is Says.ABSENT and run is not None and run.state is RunState.DONE:
        _refuse_when_all_are_gone(ledger, folder)
    with ledger.change():
        if judged is not None:
            results.put(ledger, number, judged)
        if evidence.record_evidence(ledger, number, [said]):
            evidence.refresh_progress(ledger, number)
        known = dossier.read(ledger, number)
        if known is None:
            return
        cell = known.matrix[(Stage.RETURN, None)]
        if known.run.state is RunState.DONE and not known.result_is_back:
            cause = catalogue.nested(cell.reason)
            lost = reason(LOST, cause=cause, **_lacks(known.run))
            move(ledger, number, RESULT_LOST, level="bad", about=Topic.OUTCOME, reasons=[lost], event={"cause": cause})
        elif known.run.has(LOST) and cell.state is CellState.DONE:
            _found(ledger, folder, known.run)


def _found(ledger: Ledger, folder: Path, run: Run) -> None:
    """The result that was lost is there again, without the driver: a disk was mounted, or somebody brought it."""
    result = folder / names.sorted_file(run.run)
    back = reason("outcome.returned", file=result.name, **_lacks(run))
    move(ledger, run.run, FOUND_WHOLE, about=Topic.OUTCOME, reasons=[back], result=str(result))
    text = catalogue.sentence(reason("event.back", run=run.run, file=result.name))
    ledger.event("good", text, actor="driver", run=run.run)


def _lacks(run: Run) -> dict[str, Any]:
    """What the result lacks, as the run has it: parameters of outcome.returned (flowspec.decisions.made_of)."""
    told = next((c.reason.parameters for c in run.conditions if c.topic is Topic.OUTCOME), {})
    return {name: value for name, value in told.items() if name not in ("file", "found", "cause")}


def _refuse_when_all_are_gone(ledger: Ledger, folder: Path) -> None:
    done, there = results.back(ledger), resultfile.names_in(folder)
    if len(done) >= MANY and not any(names.sorted_file(run) in there for run in done):
        raise AllGone(f"none of {len(done)} results is in {folder} (dtn.results): is its disk mounted?")

"""All that the ledger knows of one run, read at once: what planning, judging and explaining are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from console.ledger import attempts as attempt_rows
from console.ledger import decisions, runs
from console.ledger import evidence as evidence_rows
from console.ledger import failures as failure_rows
from console.ledger.attempts import Attempt
from console.ledger.runs import Run
from console.ledger.store import Ledger
from flowspec.cells import LOSSES
from flowspec.conditions import Reason
from flowspec.decisions import Acceptance, Waiver
from flowspec.late_segments import LateSegments, late_segments
from flowspec.plan import is_done
from flowspec.progress import COMPARING, Evidence, Matrix, Says, Witness, fold, replaced_at_source
from flowspec.quarantine import Failure, is_mended, quarantine, times_at
from flowspec.stages import CellState, Place, Stage
from flowspec.states import OPEN, AttemptState, RunState


@dataclass(frozen=True)
class Dossier:
    """A run as it was at one moment. `attempts` and `failures` are oldest first, waivers and acceptances by segment.

    What can be derived from these is derived when it is first asked for.
    """

    run: Run
    attempts: tuple[Attempt, ...]
    evidence: tuple[Evidence, ...]
    failures: tuple[Failure, ...]
    waivers: Mapping[int, Waiver]
    acceptances: Mapping[int, Acceptance]

    @cached_property
    def matrix(self) -> Matrix:
        """Segment x stage, folded from all evidence."""
        return fold(self.run.members, self.evidence, self.run.sizes)

    @property
    def newest(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def open(self) -> tuple[Attempt, ...]:
        """The attempts that have not ended: one at most, but of early ones several."""
        return tuple(attempt for attempt in self.attempts if attempt.state in OPEN)

    @property
    def waived(self) -> dict[int, Waiver]:
        """The waivers of segments that the run has."""
        return {segment: waiver for segment, waiver in self.waivers.items() if segment in self.run.members}

    @property
    def expected(self) -> set[int]:
        """The segments that the result is to be made of."""
        return {*self.run.members} - self.waivers.keys()

    @cached_property
    def late(self) -> LateSegments:
        """What differs on the DTN now from what was launched."""
        return late_segments(self.run.launched_sizes, self.run.sizes)

    @cached_property
    def changed(self) -> set[int]:
        """The segments that changed on the DTN after they were transferred: all, when the run was taken again."""
        if self.run.retaken:
            return {*self.run.members}
        replaced = replaced_at_source(self.evidence) & {*self.run.members}
        return {*self.late.changed} | replaced | self.changed_since_early

    @property
    def changed_since_early(self) -> set[int]:
        """The segments of which an attempt took another version while the run was recorded."""
        closed = {segment: found.version for segment, found in self.run.closed.items()}
        return {segment for segment, version in self.run.early.items() if closed.get(segment) != version}

    @cached_property
    def there(self) -> set[Place]:
        """The places at which a file exists, good or not, by the newest evidence."""
        return {(e.stage, e.segment) for e in self.evidence if e.witness is Witness.FILE and e.says is Says.DONE}

    @property
    def analyzed(self) -> set[int] | None:
        """The segments that the newest analysis was to be made of."""
        plans = [attempt.plan for attempt in self.attempts]
        return next((set(plan.expected) for plan in reversed(plans) if plan.analyze and plan.joins), None)

    @property
    def analysis_is_there(self) -> bool:
        return is_done(self.matrix, (Stage.ANALYZE, None))

    @property
    def lossy(self) -> set[int]:
        """The segments that have failed because too many hits were lost in their fit."""
        return {s for s in self.run.members if self.matrix[(Stage.FIT, s)].reason.code == LOSSES}

    @property
    def blamed(self) -> list[Failure]:
        """The failures that count: losses that somebody has accepted do not."""
        return [f for f in self.failures if f.reason.code != LOSSES or f.segment not in self.acceptances]

    @cached_property
    def _wanted(self) -> Matrix:
        return {place: cell for place, cell in self.matrix.items() if place[1] not in self.waivers}

    def mended(self) -> list[Failure]:
        """The failures at whose places it went well since, and of which that is not written yet."""
        return [f for f in self.failures if not f.mended and is_mended(f, self._wanted)]

    def times_failed(self, place: Place) -> int:
        """How many attempts failed at a place since it last went well there, whoever asked for them."""
        return times_at(place, self.failures, self._wanted)

    @property
    def came_back(self) -> bool:
        """Whether the result came back once, and nothing was made since: what was cleared away at the site after that
        is not missing."""
        made = [attempt for attempt in self.attempts if attempt.plan.analyze or attempt.plan.convert]
        joined = bool(made) and made[-1].state is AttemptState.SUCCEEDED and made[-1].plan.joins
        return self.run.state is RunState.DONE or joined

    @property
    def result_is_back(self) -> bool:
        """Whether the result is on the DTN, so far as it was compared."""
        cell = self.matrix[(Stage.RETURN, None)]
        return cell.state is CellState.DONE or cell.reason.code == COMPARING

    def quarantined(self) -> dict[int, Reason]:
        """The segments that a retry leaves out, each with the reason."""
        found = quarantine(self.blamed, self.run.members, self.matrix, self.waived)
        return {segment: why for segment, why in found.items() if segment not in self.changed}


def read(ledger: Ledger, number: int) -> Dossier | None:
    """Everything of a run, to be called in a transaction where it must hold together.

    Five queries, three while there was no attempt yet: nothing can be there or have failed then.
    """
    run = runs.run(ledger, number)
    if run is None:
        return None
    attempts = tuple(attempt_rows.attempts(ledger, number))
    return Dossier(
        run,
        attempts,
        tuple(evidence_rows.evidence(ledger, number)) if attempts else (),
        tuple(failure_rows.of_run(ledger, number)) if attempts else (),
        *decisions.of_run(ledger, number),
    )

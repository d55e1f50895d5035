"""The truth matrix of a run for people: equal segments in one row, and what every witness says. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.reading.detail import RunDetail, SegmentRow
from flowspec.cells import Cell
from flowspec.progress import Evidence, Witness
from flowspec.stages import SEGMENT_STAGES, Place, Stage


@dataclass(frozen=True)
class Group:
    """Segments without a gap of which the same is to be said; mostly one."""

    rows: tuple[SegmentRow, ...]

    @property
    def first(self) -> int:
        return self.rows[0].segment

    @property
    def last(self) -> int:
        return self.rows[-1].segment

    @property
    def label(self) -> str:
        return f"{self.first:02d}" if len(self.rows) == 1 else f"{self.first:02d}-{self.last:02d}"

    @property
    def bad(self) -> bool:
        return self.rows[0].bad

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.rows[0].cells

    @property
    def bytes(self) -> int | None:
        """All of them together; None when they are not on the DTN."""
        sizes = [row.bytes for row in self.rows if row.bytes is not None]
        return sum(sizes) if sizes else None


def grouped(rows: Iterable[SegmentRow], *, merge: bool = True) -> list[Group]:
    """The rows in their order, equal neighbours together. Not merged, each is a group of its own."""
    groups: list[list[SegmentRow]] = []
    for row in rows:
        before = groups[-1][-1] if groups else None
        if merge and before is not None and before.segment + 1 == row.segment and _same(before, row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [Group(tuple(group)) for group in groups]


def _same(one: SegmentRow, other: SegmentRow) -> bool:
    """What a row says, but for the sizes: those differ always and mean nothing."""
    return (
        one.note == other.note
        and (one.bytes is None) is (other.bytes is None)
        and all(a.state is b.state for a, b in zip(one.cells, other.cells, strict=True))
    )


@dataclass(frozen=True)
class Statement:
    """What one witness says of one stage of a group (None: of the run), or that none has said anything (`witness` '').

    `since` is when the one that speaks longest said so first; `size` is "812 B" or a range, left to be formatted.
    """

    group: Group | None
    stage: str  # of flowspec.stages.Stage, or RAW
    cell: Cell | None
    witness: str
    says: str
    sizes: tuple[int, int] | None
    since: float | None
    note: str

    @property
    def bad(self) -> bool:
        return self.cell is not None and self.cell.bad


RAW = "raw"  # stands for what lies on the DTN


def statements(detail: RunDetail, groups: Sequence[Group]) -> list[Statement]:
    """Every witness of every place, in the order of segments and work; the stages of the run last."""
    evidence: dict[Place, dict[Witness, Evidence]] = {}
    for item in detail.evidence:
        evidence.setdefault((item.stage, item.segment), {})[item.witness] = item
    found: list[Statement] = []
    for group in groups:
        found.append(_on_disk(group))
        for stage, cell in zip(SEGMENT_STAGES, group.cells, strict=True):
            places: list[Place] = [(stage, row.segment) for row in group.rows]
            found += _of_places(group, stage, cell, places, evidence)
    for stage, cell in ((Stage.ANALYZE, detail.analyze), (Stage.RETURN, detail.returned)):
        found += _of_places(None, stage, cell, [(stage, None)], evidence)
    return found


def _on_disk(group: Group) -> Statement:
    sizes = [row.bytes for row in group.rows if row.bytes is not None]
    says, spread = ("done", (min(sizes), max(sizes))) if sizes else ("absent", None)
    return Statement(group, RAW, None, "file", says, spread, None, "on the DTN" if sizes else "no longer on the DTN")


def _of_places(
    group: Group | None,
    stage: Stage,
    cell: Cell,
    places: Sequence[Place],
    evidence: Mapping[Place, Mapping[Witness, Evidence]],
) -> list[Statement]:
    found = []
    for witness in Witness:
        said = [evidence[place][witness] for place in places if witness in evidence.get(place, {})]
        if said:
            sizes = [item.size for item in said if item.size is not None]
            spread = (min(sizes), max(sizes)) if sizes else None
            since = min(item.at for item in said)
            found.append(
                Statement(group, stage.value, cell, witness.value, _says(said, places), spread, since, _note(said))
            )
    return found or [Statement(group, stage.value, cell, "", "", None, None, "nothing is known of it yet")]


def _says(said: Sequence[Evidence], places: Sequence[Place]) -> str:
    """`done`, or `30 done, 2 running` when they differ or some are silent."""
    counts = Counter(item.says.value for item in said)
    if len(counts) == 1 and len(said) == len(places):
        return said[0].says.value
    return ", ".join(f"{count} {says}" for says, count in counts.items())


def _note(said: Sequence[Evidence]) -> str:
    """The sentence of a witness; of an output without one when it was written."""
    notes = {item.words or (f"written {item.modified}" if item.modified else "") for item in said}
    return notes.pop() if len(notes) == 1 else f"{len(notes)} different notes: e shows each segment"

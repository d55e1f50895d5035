"""What is assumed of FRIB, the line, the site and Globus. Times in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass

MB, GB = 1e6, 1e9


@dataclass(frozen=True)
class Blocks:
    """An endpoint at the site: its workers come in blocks of Slurm.

    `seconds` of work for a task. A block is there `wait` after a task needs it, takes tasks for `serves` and is given
    back after `idle` without one.
    """

    seconds: float
    workers: int
    most: int
    serves: float
    wait: float
    idle: float


@dataclass(frozen=True)
class Assumptions:
    segments: int = 42
    segment: float = 1.9 * GB
    daq: float = 200 * MB
    line: float = 200 * MB
    result: float = 0.2 * GB
    transfer_starts: float = 5.0
    fit: float = 520.0
    convert: float = 95.0
    analyze: float = 180.0
    fit_workers: int = 40
    block_wait: float = 25.0
    serves: float = 30.0
    request: float = 0.2
    listing: float = 1.0
    hints: bool = True

    @property
    def period(self) -> float:
        """Between the ends of two segments."""
        return self.segment / self.daq

    @property
    def recording(self) -> float:
        return self.segments * self.period

    @property
    def unavoidable(self) -> float:
        """The work of the last segment and the analysis: what no streaming can spare."""
        return self.fit + self.convert + self.analyze

    def endpoints(self) -> dict[str, Blocks]:
        """By stage."""
        return {
            "fit": Blocks(self.fit, 2, self.fit_workers // 2, self.serves, self.block_wait, 30.0),
            "convert": Blocks(self.convert, 256, 5, self.serves, self.block_wait, 30.0),
            "analyze": Blocks(self.analyze, 5, 5, self.serves, self.block_wait, 30.0),
        }


FACTS = (
    ("segments of a run; bytes of each", "42; 1.9 GB", "given for this model"),
    ("the DAQ writes", "200 MB/s", "FRIBDAQ, sustained (indico.global/event/6805, contribution 58352)"),
    ("the line, shared by all transfers", "200 MB/s", "as much as the DAQ writes; FRIB has two of 100 Gbit/s"),
    ("transfers at a time", "3 of a user", "Globus: task behavior; the sandbox, too"),
    ("until a transfer moves bytes", "5 s", "a guess; no source"),
    ("fit of a segment", "520 s", "given for this model; e21062's blocks had a walltime of 30 min"),
    ("conversion of a segment", "95 s", "a guess: 20 MB/s on one core; no source, no timing of e21062 is public"),
    ("analysis of the run", "180 s", "a guess; no source"),
    ("result", "0.2 GB", "a guess; no source"),
    ("workers for fits", "40: 20 blocks of 2", "e21062's endpoint"),
    ("workers for conversions, for analyses", "5 blocks of 256, 5 of 5", "e21062's endpoints"),
    ("wait for a block", "25 s", "the real endpoint's first task on a Slurm without a queue: 18 to 25 s"),
    ("a block takes tasks for", "30 s", "`endpoints.conf.example`: walltime less time limit and start"),
    ("a block without a task is given back after", "30 s", "e21062's endpoints and our template"),
    ("Flows polls an action after", "1, 2, 4 ... s, up to 600 s", "Globus: authoring flows; the 1 s is a guess"),
    ("a hint makes Flows poll at once", "yes", "documented for resume; for active flow runs not known"),
    ("a request; a listing", "0.2 s; 1 s", "a guess; the console's own experience of listings"),
)
"""What, how much, and from where."""

"""What the jobs of a stage used, as a reason of the catalogue: the peak of their memory and its trend. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from flowspec.conditions import Reason, reason
from flowspec.stages import Stage

GB = 1_000_000_000  # as files are counted
# A trend is told of so many jobs at least, whose inputs differ by so many bytes.
LEAST_JOBS, LEAST_SPREAD = 5, GB // 10


@dataclass(frozen=True)
class JobUse:
    """`peak` of its memory and size of its `input`, in bytes."""

    peak: int
    input: int


def used(stage: Stage, jobs: Sequence[JobUse]) -> Reason:
    """Of one job at least. `per_gb`: bytes of memory more for each GB of input; None where that cannot be told."""
    peak = max(job.peak for job in jobs)
    return reason("site.used", stage=stage.value, count=len(jobs), peak=peak, per_gb=_per_gb(jobs))


def _per_gb(jobs: Sequence[JobUse]) -> int | None:
    inputs = [job.input for job in jobs]
    if len(jobs) < LEAST_JOBS or max(inputs) - min(inputs) < LEAST_SPREAD:
        return None
    return round(GB * statistics.linear_regression(inputs, [job.peak for job in jobs]).slope)

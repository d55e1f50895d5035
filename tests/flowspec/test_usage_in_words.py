"""What the jobs of a stage used, in words: the peak, and a trend where there is one."""

from __future__ import annotations

import pytest

from flowspec import catalogue
from flowspec.stages import Stage
from flowspec.usage import GB, JobUse, used

MEMORY_GB = 1 << 30


def said(*jobs: tuple[float, float]) -> str:
    """Of jobs with so many GB of input, and so many GB of memory at their peak."""
    return catalogue.sentence(used(Stage.FIT, [JobUse(int(peak * MEMORY_GB), int(size * GB)) for size, peak in jobs]))


def test_the_peak_is_that_of_the_largest_job_and_the_trend_that_of_all() -> None:
    jobs = [(size, 3 + 2 * size) for size in (0.5, 1, 1.5, 1.9, 1.9)]
    assert said(*jobs) == "fit used 6.8 GB of memory at most, in 5 jobs; 2.0 GB more for each GB of input"


def test_memory_that_does_not_grow_is_said_not_to() -> None:
    jobs = [(size, 3) for size in (0.5, 1, 1.5, 1.9, 1.9)]
    assert said(*jobs) == "fit used 3.0 GB of memory at most, in 5 jobs; no more for larger input"


@pytest.mark.parametrize("sizes", [(1.9,), (0.5, 1, 1.5, 1.9), (1.9, 1.9, 1.9, 1.9, 1.9), (1.9, 1.9, 1.9, 1.9, 1.88)])
def test_few_jobs_and_inputs_that_are_alike_have_no_trend(sizes: tuple[float, ...]) -> None:
    told = said(*((size, 3) for size in sizes))
    assert told.startswith("fit used 3.0 GB of memory at most, in ")
    assert ";" not in told

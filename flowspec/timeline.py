"""Where the time of an attempt went: into work, into queues, and into waiting until the orchestrator noticed.

The flow log has the begin of a stage and when Flows noticed its end; tasks have their ends and how long they worked.
Times are seconds since the epoch. They come from several clocks, so what cannot be is cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flowspec.flowlog import Visit, seconds
from flowspec.stages import Stage

TRANSFERS = (Stage.TRANSFER, Stage.RETURN)


@dataclass(frozen=True)
class Job:
    """A task of a stage: when it began to work and when its end was observed; None: not yet, or not known."""

    began: float | None
    ended: float | None


@dataclass(frozen=True)
class StageTime:
    """A stage of an attempt. `ended` is None while it is under way; the other three add up to its length.

    `queued`: none of its tasks worked; `unnoticed`: all had ended, Flows did not know it. `worked` and `queued` are
    None when they cannot be distinguished: `together` is always both.
    """

    stage: Stage
    began: float
    ended: float | None
    worked: float | None
    queued: float | None
    unnoticed: float
    together: float


@dataclass(frozen=True)
class AttemptTime:
    """The same of a whole attempt; `together` is only what cannot be distinguished.

    What no stage accounts for went by at the orchestrator, before, between and after them: it is in `waited`.
    """

    total: float
    worked: float
    queued: float
    together: float
    waited: float
    stages: tuple[StageTime, ...]


def attempt_time(
    intended: float,
    ended: float | None,
    visits: Mapping[Stage, Visit],
    jobs: Mapping[Stage, Sequence[Job]],
    action_ends: Mapping[Stage, float],
    now: float,
) -> AttemptTime:
    """From the intent to the end (None: it goes on).

    `action_ends` is when the action of a stage ended: it counts where no jobs are known.
    """
    end = now if ended is None else ended
    stages = tuple(
        stage_time(stage, visit, jobs.get(stage, ()), action_ends.get(stage), end) for stage, visit in visits.items()
    )
    worked = sum(stage.worked or 0.0 for stage in stages)
    queued = sum(stage.queued or 0.0 for stage in stages)
    together = sum(stage.together for stage in stages if stage.worked is None)
    total = max(0.0, end - intended)
    waited = max(0.0, total - worked - queued - together)
    return AttemptTime(total, worked, queued, together, waited, stages)


def stage_time(stage: Stage, visit: Visit, jobs: Sequence[Job], action_end: float | None, now: float) -> StageTime:
    """Of transfers it is not known how long they queued: that counts as work."""
    began = seconds(visit.started)
    ended = seconds(visit.ended) if visit.ended is not None else None
    end = max(began, ended if ended is not None else now)
    over = min(max(began, _over(jobs, action_end, end)), end)
    together = over - began
    worked = queued = None
    if stage in TRANSFERS:
        worked, queued = together, 0.0
    elif any(job.began is not None for job in jobs):
        known = ((job.began, over if job.ended is None else job.ended) for job in jobs if job.began is not None)
        worked = covered((max(began, a), min(over, b)) for a, b in known)
        queued = together - worked
    elif jobs and all(job.ended is None for job in jobs):
        worked, queued = 0.0, together
    return StageTime(stage, began, ended, worked, queued, end - over, together)


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of the union of these spans; one that ends before it begins is empty."""
    length, reached = 0.0, float("-inf")
    for began, ended in sorted(spans):
        length += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return length


def _over(jobs: Sequence[Job], action_end: float | None, otherwise: float) -> float:
    """When the last job had ended; `otherwise` when some have not, or it is not known."""
    ends = [job.ended for job in jobs if job.ended is not None]
    if ends and len(ends) == len(jobs):
        return max(ends)
    return action_end if action_end is not None and not jobs else otherwise

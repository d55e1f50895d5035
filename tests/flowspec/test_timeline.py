"""Where the time of an attempt went."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.flowlog import Visit
from flowspec.progress import Says
from flowspec.stages import Stage
from flowspec.timeline import Job, attempt_time, covered, stage_time

START = 1_782_914_602.0


def visit(began: float, ended: float | None) -> Visit:
    """A visit with times in seconds after START."""

    def iso(at: float) -> str:
        return datetime.fromtimestamp(START + at, timezone.utc).isoformat()

    return Visit(Says.RUNNING if ended is None else Says.DONE, iso(began), ended=None if ended is None else iso(ended))


def job(began: float | None, ended: float | None) -> Job:
    return Job(*(None if at is None else START + at for at in (began, ended)))


def split(stage, seen, jobs, action_end=None, now=1000.0):
    ended = None if action_end is None else START + action_end
    time = stage_time(stage, seen, jobs, ended, START + now)
    return time.worked, time.queued, time.unnoticed, time.together


def test_two_waves_of_work_with_a_queue_before_and_between_and_flows_late() -> None:
    jobs = [job(30, 90), job(40, 100), job(150, 200)]
    assert split(Stage.FIT, visit(0, 260), jobs) == (120, 80, 60, 200)


def test_what_still_runs_works_until_now() -> None:
    assert split(Stage.FIT, visit(0, None), [job(10, 20), job(50, None), job(None, None)], now=80) == (40, 40, 0, 80)


def test_all_have_ended_and_flows_has_not_noticed_yet() -> None:
    assert split(Stage.CONVERT, visit(0, None), [job(0, 20), job(5, 50)], now=170) == (50, 0, 120, 50)


def test_nothing_has_begun() -> None:
    assert split(Stage.FIT, visit(0, None), [job(None, None)] * 3, now=70) == (0, 70, 0, 70)


@pytest.mark.parametrize(("jobs", "action_end"), [([], 50), ([job(None, 50)], None)], ids=["hint", "failed job"])
def test_without_times_of_work_it_is_not_told_apart_from_the_queue(jobs, action_end) -> None:
    assert split(Stage.FIT, visit(0, 80), jobs, action_end) == (None, None, 30, 50)


def test_of_a_transfer_all_counts_as_work_until_it_ended() -> None:
    assert split(Stage.TRANSFER, visit(0, 80), [job(None, 30), job(None, 50)]) == (50, 0, 30, 50)


def test_clocks_that_differ_make_no_negative_times() -> None:
    assert split(Stage.FIT, visit(100, 160), [job(0, 20), job(10, 500)]) == (60, 0, 0, 60)
    assert split(Stage.FIT, visit(100, 90), [job(120, 130)]) == (0, 0, 0, 0)


times = st.floats(0, 1000, allow_nan=False)
jobs_of_a_stage = st.lists(st.builds(job, st.none() | times, st.none() | times), max_size=6)


@given(
    st.lists(st.tuples(times, times), min_size=5, max_size=5),
    st.lists(jobs_of_a_stage, min_size=5, max_size=5),
    st.none() | times,
)
def test_the_parts_of_an_attempt_add_up(lengths, jobs, last) -> None:
    """Stages one after another, with pauses between them; of the last one the end may not be known."""
    at, visits = 0.0, {}
    for stage, (pause, length) in zip(Stage, lengths, strict=True):
        visits[stage] = visit(at + pause, at + pause + length)
        at += pause + length
    end = at + (last or 0)
    if last is not None:
        visits[Stage.RETURN] = visit(at - lengths[-1][1], None)
    found = attempt_time(START, START + end, visits, dict(zip(Stage, jobs, strict=True)), {}, now=0)
    parts = (found.worked, found.queued, found.together, found.waited)
    assert all(part >= 0 for part in parts)
    assert sum(parts) == pytest.approx(found.total, abs=1e-3)
    for time in found.stages:
        assert time.unnoticed >= 0
        assert time.together >= 0
        if time.worked is not None:
            assert time.queued is not None
            assert time.queued >= -1e-6
            assert time.worked + time.queued == pytest.approx(time.together, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8))
def test_spans_that_overlap_count_once(spans) -> None:
    seconds = {second for began, ended in spans for second in range(began, ended)}
    assert covered(spans) == len(seconds)

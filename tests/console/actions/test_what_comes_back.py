"""What passes by itself and comes back at the same place does not pass: it is limited per place, whoever asks."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.ledger import evidence, failures
from flowspec.stages import CellState, Stage
from flowspec.states import RunState
from tests.retry_fixture import ABORTED, World

NODE_LOST = "WorkerLost: Task failure due to loss of worker 17 on host nid004012"
TIME_LIMIT = "slurmstepd: error: *** JOB 123 ON nid004 CANCELLED AT 2026-07-01T03:00:00 DUE TO TIME LIMIT ***"
REFUSED = "ActionUnableToRun: 503 Service Unavailable"
LIMIT = 3  # policy.auto_retries
WORKER_LOST = (
    "segment 07 quarantined: its worker was lost in two attempts at fit while the other segments went well; "
    "it may need more memory than a worker has; fewer workers per node give it more; "
    "enter shows it: x there waives it, r tries it once more"
)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def at_fit(cause: str, *segments: int) -> dict[tuple[Stage, int | None], str]:
    return {(Stage.FIT, segment): cause for segment in segments}


def by_itself(world: World) -> int:
    """The pause of the run is over; the number of its newest attempt."""
    again_at = world.run(5).again_at
    assert again_at is not None, world.run(5).why
    world.clock.time = again_at
    world.round()
    return world.attempt(5).number


# ---- lost with its worker


def test_a_segment_that_loses_its_worker_twice_is_quarantined_while_the_others_went_well(world):
    assert world.failed(at_fit(NODE_LOST, 7)).again_at is not None
    assert by_itself(world) == 2
    run = world.works(5, at_fit(NODE_LOST, 7))
    assert (run.state, run.again_at) == (RunState.FAILED, None)
    assert run.why == f"fit of segment 07 failed: {NODE_LOST}. {WORKER_LOST}"
    assert world.ask("retry", 5).answer == f"run 5: {WORKER_LOST}"


def test_a_named_segment_is_tried_once_and_quarantined_again_at_once(world):
    world.failed(at_fit(NODE_LOST, 7))
    by_itself(world)
    world.works(5, at_fit(NODE_LOST, 7))
    for attempt, times in ((3, 3), (4, 4)):
        assert world.ask("retry", 5, wish={"segments": [7]}).state == "done"
        run = world.works(5, at_fit(NODE_LOST, 7))
        assert (world.attempt(5).number, run.again_at) == (attempt, None)
        assert f"its worker was lost in {times} attempts at fit" in run.why
    world.ask("retry", 5, wish={"segments": [7]})
    assert world.works(5).state is RunState.DONE


def test_the_others_go_on_by_themselves_beside_a_quarantined_one(world):
    world.failed(at_fit(NODE_LOST, 7))
    by_itself(world)
    world.works(5, at_fit(NODE_LOST, 7))
    del (
        world.files["/top/converted/run5/run-0005-02-fitted.root"],
        world.files["/top/fitted/run5/run-0005-02-fitted.evt"],
    )
    world.ask("retry", 5)
    run = world.works(5, at_fit(TIME_LIMIT, 2))
    assert "(1 of 3); r does it now; segment 07 quarantined: its worker was lost" in run.why
    assert by_itself(world) == 4
    assert world.attempt(5).plan.fit == (2,)
    assert world.works(5).why == WORKER_LOST


def test_what_did_not_fit_in_the_attempt_goes_on_beside_a_quarantined_segment(world):
    world.failed(at_fit(NODE_LOST, 7), segments=400)
    assert by_itself(world) == 2
    assert world.attempt(5).plan.left
    assert WORKER_LOST in world.works(5, at_fit(NODE_LOST, 7)).why
    assert by_itself(world) == 3
    assert (world.attempt(5).plan.held, world.attempt(5).plan.left) == ((7,), 0)
    assert world.works(5).why == WORKER_LOST


def test_when_every_segment_loses_its_worker_it_is_the_block_and_the_retries_are_limited(world):
    run = world.failed(at_fit(NODE_LOST, 0, 1, 2), segments=3)
    for number in range(2, 2 + LIMIT):
        assert by_itself(world) == number
        run = world.works(5, at_fit(NODE_LOST, 0, 1, 2))
    assert run.again_at is None
    assert "Failed 4 times at fit of segment 00-02, so it does not pass by itself; r tries once more" in run.why
    assert world.ask("retry", 5).state == "done"


def test_neighbours_that_are_lost_together_are_limited_and_neither_is_accused(world):
    run = world.failed(at_fit(NODE_LOST, 3, 7))
    for _ in range(LIMIT):
        by_itself(world)
        run = world.works(5, at_fit(NODE_LOST, 3, 7))
    assert run.again_at is None
    assert run.why.endswith("Failed 4 times at fit of segment 03, 07, so it does not pass by itself; r tries once more")
    world.ask("retry", 5, wish={"segments": [7]})
    assert "segment 07 quarantined: its worker was lost in two attempts" in world.works(5, at_fit(NODE_LOST, 7)).why
    assert world.ask("retry", 5).state == "done"  # the other one may have been innocent
    assert world.attempt(5).plan.fit == (3,)


# ---- any cause that passes


def test_a_retry_that_somebody_asked_for_arms_no_more_at_the_same_place(world):
    run = world.failed(at_fit(TIME_LIMIT, 7))
    for _ in range(LIMIT):
        by_itself(world)
        run = world.works(5, at_fit(TIME_LIMIT, 7))
    for times in (5, 6):
        assert world.ask("retry", 5).state == "done"
        run = world.works(5, at_fit(TIME_LIMIT, 7))
        assert run.again_at is None
        assert f"Failed {times} times at fit of segment 07" in run.why


def test_a_place_at_which_it_went_well_meanwhile_is_counted_from_the_start(world):
    world.failed(at_fit(TIME_LIMIT, 7))
    for _ in range(LIMIT):
        by_itself(world)
        world.works(5, at_fit(TIME_LIMIT, 7))
    world.ask("retry", 5)
    assert world.works(5).state is RunState.DONE
    world.ask("retry", 5, wish={"from": "fit"})
    assert "(1 of 3)" in world.works(5, at_fit(TIME_LIMIT, 7)).why
    assert [f.mended for f in failures.of_run(world.ledger, 5)] == [True] * (LIMIT + 1) + [False]


def test_another_place_is_counted_apart(world):
    world.failed(at_fit(TIME_LIMIT, 7))
    for _ in range(LIMIT):
        by_itself(world)
        world.works(5, at_fit(TIME_LIMIT, 7))
    world.ask("retry", 5)
    assert "(1 of 3)" in world.works(5, {(Stage.ANALYZE, None): TIME_LIMIT}).why


def test_places_that_failed_too_often_are_told_with_how_often_each_did(world):
    world.failed(at_fit(TIME_LIMIT, 0, 3, 7))
    for _ in range(LIMIT):
        by_itself(world)
        run = world.works(5, at_fit(TIME_LIMIT, 0, 3, 7))
    world.ask("retry", 5, wish={"segments": [7]})
    world.works(5, at_fit(TIME_LIMIT, 7))
    world.ask("retry", 5)
    run = world.works(5, at_fit(TIME_LIMIT, 0, 3, 7))
    assert "Failed 5 times at fit of segment 00, 03, 6 times at fit of segment 07, so it does not pass" in run.why


def test_a_failure_of_a_stage_as_a_whole_is_of_the_stage_at_which_the_attempt_ended(world):
    world.found(5, range(2))
    world.round()
    world._does(world.attempt(5), Stage.TRANSFER, [0, 1], {}, {})
    world.works(5, log=REFUSED)
    assert [failure.place for failure in failures.of_run(world.ledger, 5)] == [(Stage.FIT, None)]


def test_a_stage_that_is_refused_as_a_whole_is_limited_too(world):
    world.found(5, range(2))
    world.round()
    run = world.works(5, log=REFUSED)
    for _ in range(LIMIT):
        by_itself(world)
        run = world.works(5, log=REFUSED)
    assert run.why.endswith("Failed 4 times at transfer, so it does not pass by itself; r tries once more")
    world.ask("retry", 5)
    assert world.works(5, log=REFUSED).again_at is None


def test_the_run_as_a_whole_is_limited_when_it_fails_at_another_place_each_time(world):
    world.found(5, range(8))
    world.round()
    run = world.works(5, log=REFUSED)
    for place in ((Stage.FIT, 7), (Stage.ANALYZE, None), (Stage.RETURN, None)):
        assert run.again_at is not None
        by_itself(world)
        run = world.works(5, {place: TIME_LIMIT})
    assert run.again_at is None
    assert run.why.endswith("Retried by itself 3 times; r retries what is missing")


# ---- whatever happens

PLACES = [(Stage.FIT, 0), (Stage.FIT, 1), (Stage.FIT, 2), (Stage.ANALYZE, None), (Stage.RETURN, None)]
CAUSES = st.dictionaries(
    st.sampled_from(PLACES), st.sampled_from([NODE_LOST, TIME_LIMIT, TIME_LIMIT, ABORTED]), min_size=1, max_size=2
)
STEPS = st.tuples(st.one_of(st.just({}), st.just({}), CAUSES), st.sampled_from(["wait", "wait", "r", "name"]))


@settings(max_examples=30, deadline=None)
@given(stubborn=CAUSES, history=st.lists(STEPS, min_size=6, max_size=14))
def test_automatic_retries_of_a_place_never_exceed_the_limit_whoever_asks_meanwhile(stubborn, history):
    directory = Path(tempfile.mkdtemp())
    try:
        _go_through(World(directory), [(causes or stubborn, what) for causes, what in history])
    finally:
        shutil.rmtree(directory)


def _go_through(world: World, history: list[tuple[dict[tuple[Stage, int | None], str], str]]) -> None:
    """Each attempt fails with the causes of its places, if it has any of them; then somebody asks, or waits."""
    automatic: Counter[tuple[Stage, int | None]] = Counter()  # retries of a place since it last went well there
    in_a_row = 0
    world.found(5, range(3))
    world.round()
    for causes, what in history:
        plan = world.attempt(5).plan
        run = world.works(5, {place: cause for place, cause in causes.items() if place in plan.places()})
        for place, cell in evidence.matrix(world.ledger, run).items():
            if cell.state is CellState.DONE:
                del automatic[place]
        if what == "wait" and run.again_at is not None:
            by_itself(world)
            automatic.update(
                f.place for f in failures.of_run(world.ledger, 5) if f.attempt == world.attempt(5).attempt - 1
            )
            in_a_row += 1
            assert max([in_a_row, *automatic.values()]) <= LIMIT
        else:
            world.ask("retry", 5, wish={"segments": [0, 1, 2]} if what == "name" else {})
            in_a_row = 0
        if world.run(5).state is not RunState.RUNNING:  # it is done, or what is left is in quarantine
            return

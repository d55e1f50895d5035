"""A run number that is taken again is told as such, and r analyzes the new take, all of it."""

from __future__ import annotations

import json

import pytest

from console.cli.status import status_json
from console.reading.snapshot import snapshot
from flowspec import text
from flowspec.plan import SEGMENTS_PER_ATTEMPT
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.retry_fixture import FIT_7, World

NEW = (5_000, "Fe-60")
MIXED = "its files were replaced while they were transferred: the result may be of both takes; r makes it anew"
TOLD = (
    f"taken again since: launched was the take that began {text.moment(1)} ('t'), on disk is one that began "
    f"{text.moment(5_000)} ('Fe-60'); r analyzes the new one"
)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def taken_again(world, segments=range(8), run=5, took=NEW, **sizes):
    """Its directory was made anew."""
    world.clock.time += 60
    found = world.found(run, segments, took=took, **sizes)
    for segment in segments:
        world.touched(run, segment, world.clock.time)
    return found


def events(world):
    return [row["text"] for row in world.ledger.rows("SELECT text FROM events WHERE run = 5 AND level = 'warning'")]


@pytest.mark.parametrize("sizes", [{}, {"s3": 2000}], ids=["of the same size", "of another size"])
def test_a_run_that_is_taken_again_after_it_was_done_says_so_and_r_does_all_of_it(world, sizes):
    world.done(5)
    run = taken_again(world, **sizes)
    assert (run.state, run.why) == (RunState.DONE, TOLD)
    assert events(world) == [f"run 5 {TOLD}"]
    row = snapshot(world.ledger).run(5)
    assert (row.late, row.because) == ("", "r: taken again since, analyzes the take of 01:23")
    plan = json.loads(world.ask("retry", 5, dry=True).answer)["plan"]
    assert (plan["transfer"], plan["convert"], plan["analyze"]) == (list(range(8)), list(range(8)), True)
    told = [segment["transfer"]["why"] for segment in status_json(world.ledger, 5)["run"]["segments"]]
    assert set(told) <= {"what lies there is older than what it was copied from", "1,000 of 2,000 bytes there"}
    world.ask("retry", 5)
    run = world.works(5)
    assert (run.state, run.why) == (RunState.DONE, "the result is back: run-0005-sorted.root")
    assert "nothing is missing" in world.ask("retry", 5, dry=True).answer


def test_a_take_of_another_number_of_segments_is_another_take(world):
    world.done(5)
    assert taken_again(world, range(3)).why == TOLD


def test_a_run_that_was_taken_again_with_the_same_title_tells_the_times_only(world):
    world.done(5)
    why = taken_again(world, took=(5_000, "t")).why
    assert why.startswith(f"taken again since: launched was the take that began {text.moment(1)}, on disk is one that")


def test_a_copy_that_was_made_once_more_is_no_other_take(world):
    world.done(5)
    run = taken_again(world, took=(1, "t"))
    assert run.why == "the result is back: run-0005-sorted.root"


def test_the_first_take_that_was_put_back_ends_it(world):
    world.done(5)
    taken_again(world)
    assert taken_again(world, took=(1, "t")).why == "the result is back: run-0005-sorted.root"


def test_while_the_new_take_is_recorded_the_old_one_is_not_mixed_with_it(world):
    world.done(5)
    world.clock.time += 60
    world.found(5, range(2), Verdict.TAKING, took=NEW)
    assert world.run(5).why == TOLD
    assert "changes on the DTN just now" in world.ask("retry", 5).answer


def test_a_new_take_of_which_the_beginning_is_read_once_more_is_told_once(world):
    world.done(5)
    taken_again(world)
    taken_again(world, took=(None, ""), s0=500)
    assert taken_again(world, s0=600).why == TOLD
    assert events(world).count(f"run 5 {TOLD}") == 1


def test_what_failed_and_is_taken_again_says_both(world):
    world.failed(FIT_7)
    why = taken_again(world).why
    assert "fit of segment 07 failed" in why
    assert why.endswith(TOLD)


def test_a_result_of_segments_that_were_replaced_on_their_way_is_not_done(world):
    world.found(5, range(8))
    world.round()
    taken_again(world)  # before the transfer has come to it, so that the site has the new one, or a mix
    assert world.run(5).why == TOLD
    run = world.works(5)
    assert run.state is RunState.FAILED
    assert run.why == f"{MIXED}; {TOLD}"
    plan = json.loads(world.ask("retry", 5, dry=True).answer)["plan"]
    assert plan["transfer"] == list(range(8))


def test_a_result_of_what_was_transferred_before_the_new_take_came_is_done_and_says_of_which(world):
    world.found(5, range(8))
    world.round()
    attempt = world.attempt(5)
    world.works(5, {(Stage.ANALYZE, None): "return code 1: it fails"})
    world.ask("retry", 5)
    assert world.attempt(5).number == attempt.number + 1
    taken_again(world)
    run = world.works(5)
    assert (run.state, run.why) == (RunState.DONE, TOLD)


def test_of_a_new_take_a_part_alone_is_not_taken_for_all_of_it(world):
    world.done(5)
    taken_again(world)
    world.ask("retry", 5, wish={"segments": [3]})
    world.works(5)
    assert world.run(5).why.endswith(TOLD)
    assert json.loads(world.ask("retry", 5, dry=True).answer)["plan"]["transfer"] == list(range(8))


def test_a_new_take_of_more_segments_than_fit_in_one_attempt_is_transferred_in_all_of_them(world):
    segments = range(SEGMENTS_PER_ATTEMPT + 5)
    world.done(5, len(segments))
    taken_again(world, segments)
    world.ask("retry", 5)
    transferred = [*world.attempt(5).plan.transfer]
    world.works(5)
    world.round()
    transferred += world.attempt(5).plan.transfer
    assert transferred == list(segments)
    assert world.works(5).why == "the result is back: run-0005-sorted.root"

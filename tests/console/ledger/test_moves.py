"""The table of states: whole, without a state that cannot be left or reached, and held by whoever moves."""

from __future__ import annotations

import pytest

from console.ledger.moves import ImpossibleMove, move, move_attempt
from flowspec import catalogue, states
from flowspec.stages import Stage
from flowspec.states import ATTEMPT_MOVES, ENDED, OPEN, RUN_MOVES, AttemptState, RunState
from tests.ledger_fixture import DemoLedger, known_run


def test_each_state_can_be_reached_and_a_run_can_always_go_on() -> None:
    reached = {state for how in RUN_MOVES for state in how.targets}
    assert reached == set(RunState)
    assert {state for how in RUN_MOVES for state in how.sources} == set(RunState)
    assert {state for how in ATTEMPT_MOVES for state in how.targets} == set(AttemptState) - {AttemptState.INTENT}
    assert {state for how in ATTEMPT_MOVES for state in how.sources} == set(OPEN), "an attempt that has ended is over"


def test_moves_have_names_of_their_own_and_events_that_can_be_told() -> None:
    moves = (*RUN_MOVES, *ATTEMPT_MOVES)
    assert len({how.name for how in moves}) == len(moves)
    assert {how.event for how in moves if how.event} <= catalogue.ENTRIES.keys()


def test_whatever_ends_a_run_says_when() -> None:
    into = [how for how in RUN_MOVES if set(how.targets) <= set(ENDED) and how is not states.UNQUEUED]
    assert all("finished_at" in how.stamps for how in into)


def test_a_move_that_is_not_in_the_table_changes_nothing(tmp_path) -> None:
    demo = DemoLedger(tmp_path / "ledger.db")
    demo.launched(7, RunState.DONE, "back", Stage.RETURN, attempt_state=AttemptState.SUCCEEDED)
    before, events = known_run(demo.ledger, 7), demo.ledger.row("SELECT count(*) AS n FROM events")["n"]
    with pytest.raises(ImpossibleMove, match="run 7 is done: there is no way to cancelling by 'cancel asked'"):
        move(demo.ledger, 7, states.CANCEL_ASKED)
    with pytest.raises(ImpossibleMove, match="there is no way to failed by 'reprocessed'"):
        move(demo.ledger, 7, states.REPROCESSED, RunState.FAILED, priority=1, wish={})
    with pytest.raises(ImpossibleMove, match="'reprocessed' needs priority, wish"):
        move(demo.ledger, 7, states.REPROCESSED)
    with pytest.raises(ImpossibleMove, match="run 8 is not known"):
        move(demo.ledger, 8, states.REPEATED)
    with pytest.raises(ImpossibleMove, match="attempt 1 is succeeded"):
        move_attempt(demo.ledger, 1, states.GIVEN_UP)
    assert known_run(demo.ledger, 7) == before
    assert demo.ledger.row("SELECT count(*) AS n FROM events")["n"] == events


def test_a_move_clears_what_held_in_the_state_before(tmp_path) -> None:
    demo = DemoLedger(tmp_path / "ledger.db")
    demo.launched(7, RunState.DONE, "back", Stage.RETURN, attempt_state=AttemptState.SUCCEEDED)
    move(demo.ledger, 7, states.REPROCESSED, priority=1, wish={"everything": True})
    queued = known_run(demo.ledger, 7)
    assert (queued.state, queued.priority, queued.wish, queued.ready_at) == (
        RunState.QUEUED, 1, {"everything": True}, demo.at,
    )  # fmt: skip
    move(demo.ledger, 7, states.UNQUEUED, RunState.DONE)
    back = known_run(demo.ledger, 7)
    assert (back.state, back.priority, back.wish, back.held_by) == (RunState.DONE, 0, {}, None)

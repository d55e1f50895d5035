import pytest

from console.reading.snapshot import RunRow
from flowspec.conditions import Condition, Topic, reason
from flowspec.states import RunState
from screens.keys.action import READ_ONLY, Action, why_not
from screens.keys.actions import (
    ACCEPT,
    ACKNOWLEDGE,
    ACTIONS,
    AUTO,
    CANCEL,
    CLAIM,
    DETAIL,
    DOCTOR,
    FETCH,
    HOLD,
    LAUNCH,
    LOGIN,
    NOTE,
    PAUSE,
    PREFLIGHT,
    RESTART,
    RETRY,
    STREAM,
    UNDO,
    WAIVE,
)
from screens.widgets.moves import MOVES

REASONS = tuple(Condition(topic, reason("words", words="a reason")) for topic in Topic)


def run(state: RunState, segments: int = 12) -> RunRow:
    return RunRow(1218, state, segments, 1, "title", None, None, REASONS, {}, 0, None)


@pytest.mark.parametrize(
    ("action", "usable"),
    [
        (LAUNCH, {RunState.READY, RunState.INCOMPLETE, RunState.ABNORMAL}),
        (RETRY, {RunState.FAILED, RunState.CANCELLED, RunState.DONE}),
        (CANCEL, {RunState.RUNNING, RunState.QUEUED}),
        (HOLD, {RunState.QUEUED}),
        (DETAIL, set(RunState)),
    ],
    ids=lambda value: value.name if isinstance(value, Action) else "",
)
def test_what_cannot_be_done_says_why_and_to_which_run(action: Action, usable: set[RunState]) -> None:
    for state in RunState:
        refusal = why_not(action, run(state), read_only=False)
        assert (refusal is None) == (state in usable), state
        assert refusal is None or "run 1218" in refusal
    assert why_not(action, None, read_only=False) == "no run is selected"


def test_a_run_without_segments_cannot_be_launched() -> None:
    refusal = why_not(LAUNCH, run(RunState.INCOMPLETE, segments=0), read_only=False)
    assert refusal == "run 1218 has no segment to analyze"


def test_a_read_only_console_only_looks() -> None:
    for action in ACTIONS:
        refusal = why_not(action, run(RunState.READY), read_only=True)
        assert (refusal == READ_ONLY) == (
            action
            in (
                LAUNCH,
                RETRY,
                CANCEL,
                HOLD,
                STREAM,
                NOTE,
                CLAIM,
                AUTO,
                PAUSE,
                RESTART,
                ACKNOWLEDGE,
                UNDO,
                DOCTOR,
                PREFLIGHT,
                LOGIN,
                FETCH,
                ACCEPT,
                WAIVE,
            )
        )


def test_what_is_hard_to_undo_is_asked_first_naming_run_and_consequence() -> None:
    asked = {
        (action.name, state) for action in ACTIONS for state in RunState if action.question(run(state)) is not None
    }
    assert asked == {(name, state) for name in ("launch", "cancel", "stream") for state in RunState}
    for action, state in ((CANCEL, RunState.RUNNING), (CANCEL, RunState.QUEUED), (LAUNCH, RunState.INCOMPLETE)):
        asking = action.question(run(state))
        assert asking is not None
        assert "1218" in asking.title
        assert "1218" in asking.yes
        assert asking.consequence


def test_no_key_means_two_things() -> None:
    keys = [key for entry in (*ACTIONS, *MOVES) for key in entry.keys.split(",")]
    assert len(keys) == len(set(keys))

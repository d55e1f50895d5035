"""One key for many runs: which of them it can be used on, and what is asked before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from console.report import RunRow
from screens.keys import CANCEL, FORCED, LAUNCH, READ_ONLY, Action, Question, why_not

NAMED = 8  # so many runs are named one by one

CONSEQUENCES = {
    "launch": "Each gets a new attempt of all its segments.",
    "retry": "Each gets a new attempt of what is missing only; what is done stays.",
    "cancel": "Their flow runs and their work at the site are told to end; r continues with what is missing.",
}


def usable(action: Action, runs: Sequence[RunRow], read_only: bool) -> list[RunRow]:
    """The runs on which the key can be used without a question of their own."""
    return [run for run in runs if why_not(action, run, read_only) is None and not _asks_by_itself(action, run)]


def why_none(action: Action, runs: Sequence[RunRow], read_only: bool) -> str:
    """The reason when the key can be used on none of them."""
    if action.acts and read_only:
        return READ_ONLY
    return f"nothing to {action.name} among the {len(runs)} marked runs: {_states(runs)}"


def question_many(action: Action, runs: Sequence[RunRow], marked: Sequence[RunRow]) -> Question:
    """What to ask before the key is used on `runs`, those of the marked ones on which it can be."""
    words = f"{action.name} {len(runs)} run{'s' if len(runs) > 1 else ''}"
    consequence = [_named(runs), f"Now: {_states(runs)}. {sum(run.segments for run in runs)} segments on disk."]
    consequence.append(CONSEQUENCES[action.name])
    left_out = [run for run in marked if run not in runs]
    if left_out:
        consequence.append(f"Left out, as it cannot be used on them together: {_named(left_out)} ({_states(left_out)})")
    return Question(f"{words.capitalize()}?", tuple(consequence), f"Yes, {words}")


def _asks_by_itself(action: Action, run: RunRow) -> bool:
    """An incomplete or abnormal run is launched one at a time, its reason read."""
    return (action is LAUNCH and run.state in FORCED) or (action is CANCEL and run.again_at is not None)


def _named(runs: Sequence[RunRow]) -> str:
    names = ", ".join(str(run.run) for run in runs[:NAMED])
    return f"{names} and {len(runs) - NAMED} more" if len(runs) > NAMED else names


def _states(runs: Sequence[RunRow]) -> str:
    return ", ".join(f"{count} {state}" for state, count in Counter(run.state.value for run in runs).items())

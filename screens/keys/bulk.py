"""One key for many runs: which of them it can be used on, and what is asked before. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from console.reading.snapshot import RunRow
from flowspec import permits, text
from flowspec.stages import SEGMENT_STAGES, STAGES, CellState, Stage
from flowspec.states import RunState
from screens.keys.action import READ_ONLY, Action
from screens.keys.action import why_not as why_not_one
from screens.keys.actions import CANCEL, HOLD, LAUNCH, RETRY, STREAM
from screens.question import Question

TOGETHER = (LAUNCH, RETRY, CANCEL, HOLD, STREAM)  # can be done to many runs at once
NAMED = 8  # so many runs are named one by one


def usable(action: Action, runs: Sequence[RunRow]) -> list[RunRow]:
    """The runs on which the key can be used without a question of their own. Those that are held are released
    together only when there is none left to hold; so with those that are streamed."""
    found = [run for run in runs if action.why_not(run) is None and not _asks_by_itself(action, run)]
    return [run for run in found if verb(action, run) == action.name] or found


def verb(action: Action, run: RunRow) -> str:
    """What is asked of the driver."""
    if action is STREAM and run.streams:
        return "unstream"
    return "release" if action is HOLD and run.held_by else action.name


def why_not(action: Action, run: RunRow | None, marked: Sequence[RunRow], read_only: bool) -> str | None:
    """Why the key cannot be used now, on the marked runs or, without any, on the selected one; None when it can."""
    if not marked or action not in TOGETHER:
        return why_not_one(action, run, read_only)
    if read_only:
        return READ_ONLY
    if usable(action, marked):
        return None
    return f"nothing to {action.name} among the {len(marked)} marked runs: {_states(marked)}"


def question_many(action: Action, runs: Sequence[RunRow], marked: Sequence[RunRow]) -> Question:
    """What to ask before the key is used on `runs`, those of the marked ones on which it can be."""
    done = verb(action, runs[0])
    words = f"{done} {text.counted(len(runs), 'run')}"
    consequence = [
        _named(runs),
        f"Now: {_states(runs)}. {text.counted(sum(run.segments for run in runs), 'segment')} on disk.",
    ]
    consequence += CONSEQUENCES[done](runs)
    left_out = [run for run in marked if run not in runs]
    if left_out:
        consequence.append(f"Left out, as it cannot be used on them together: {_named(left_out)} ({_states(left_out)})")
    word = action.name if action is CANCEL else ""  # what many hours of work hang on is not done by a slip
    return Question(f"{words.capitalize()}?", tuple(consequence), f"Yes, {words}", word=word)


def _of_launch(runs: Sequence[RunRow]) -> list[str]:
    return ["Each gets an attempt of all its segments. u takes back those that have not started."]


def _of_retry(runs: Sequence[RunRow]) -> list[str]:
    """The plans themselves are made by the driver, one for each run, when it carries them out."""
    missing = {stage: sum(_missing(run, stage) for run in runs) for stage in STAGES}
    of = {stage: "segment" if stage in SEGMENT_STAGES else "run" for stage in STAGES}
    counts = ", ".join(
        f"{stage.value} {text.counted(number, of[stage])}" for stage, number in missing.items() if number
    )
    return [
        f"Missing by what is known now: {counts or 'nothing'}.",
        "Each waits for its turn and gets a new attempt of what is missing then; what is done stays.",
    ]


def _of_cancel(runs: Sequence[RunRow]) -> list[str]:
    queued = sum(run.state is RunState.QUEUED for run in runs)
    under_way = len(runs) - queued
    lines = []
    if under_way:
        lines.append(
            f"{text.counted(under_way, 'flow run')}: told to end, with the work at the site, and watched until it has."
        )
    if queued:
        lines.append(f"{text.counted(queued, 'run')}: taken from the queue, and not launched.")
    return [*lines, "What is done stays; r continues with what is missing."]


def _of_hold(runs: Sequence[RunRow]) -> list[str]:
    return ["They stay in the queue, and are not launched until somebody releases them with h."]


def _of_release(runs: Sequence[RunRow]) -> list[str]:
    return [f"They are launched in their turn. Held by {', '.join(sorted({run.held_by or '-' for run in runs}))}."]


def _of_stream(runs: Sequence[RunRow]) -> list[str]:
    return ["What is closed of them is worked on while they are recorded; b stops that, what has started goes on."]


def _of_unstream(runs: Sequence[RunRow]) -> list[str]:
    return ["Nothing more of them is begun before their end. What has started goes on."]


CONSEQUENCES: dict[str, Callable[[Sequence[RunRow]], list[str]]] = {
    "launch": _of_launch,
    "retry": _of_retry,
    "cancel": _of_cancel,
    "hold": _of_hold,
    "release": _of_release,
    "stream": _of_stream,
    "unstream": _of_unstream,
}


def _missing(run: RunRow, stage: Stage) -> int:
    """In how many places of a stage the work is not done."""
    if stage.value not in run.progress:  # nothing is known yet
        return run.segments if stage in SEGMENT_STAGES else 1
    return sum(count for state, count in run.progress[stage.value].items() if state != CellState.DONE.value)


def _asks_by_itself(action: Action, run: RunRow) -> bool:
    """An incomplete or abnormal run, one that may hang, one that would be repeated: its reason is to be read."""
    forced, repeated = action is LAUNCH and permits.forced(run), action is CANCEL and run.again_at is not None
    return forced or repeated or (action is RETRY and run.suspected)


def _named(runs: Sequence[RunRow]) -> str:
    names = ", ".join(str(run.run) for run in runs[:NAMED])
    return f"{names} and {len(runs) - NAMED} more" if len(runs) > NAMED else names


def _states(runs: Sequence[RunRow]) -> str:
    return ", ".join(f"{count} {state}" for state, count in Counter(run.state.word for run in runs).items())

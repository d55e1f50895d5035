"""The one table of what keys do. Bindings, the footer, the help screen and the reasons why not all come from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.report import RunRow
from console.states import RunState

READ_ONLY = "--read-only: this console only looks"
NO_RUN = "no run is selected"
FORCED = (RunState.INCOMPLETE, RunState.ABNORMAL)


@dataclass(frozen=True)
class Action:
    """What a key does: `label` for the footer ('' keeps it out), `help` for the help screen.

    `acts` marks what changes something. `why_not` gives the reason why the key cannot be used on the selected run now.
    """

    name: str
    keys: str  # as Textual names them, separated by commas
    shown: str  # how the footer and the help screen write them
    label: str
    help: str
    acts: bool = False
    why_not: Callable[[RunRow | None], str | None] = lambda run: None


@dataclass(frozen=True)
class Question:
    """What to ask before something is done: the consequence in sentences, and what the two answers are called."""

    title: str
    consequence: tuple[str, ...]
    yes: str
    no: str = "No, go back"


def _launch(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state in (RunState.TAKING, RunState.ARRIVING):
        return f"run {run.run} is {run.state.value} ({run.because}): it can be launched when it is complete"
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return f"run {run.run} is {run.state.value}: r retries what is missing"
    if run.state not in (RunState.READY, *FORCED):
        return f"run {run.run} is {run.state.value}: nothing to launch"
    if not run.segments:
        return f"run {run.run} has no segment to analyze"
    return None


def _retry(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state in (RunState.FAILED, RunState.CANCELLED):
        return None
    hint = "; l launches it" if run.state in (RunState.READY, *FORCED) else ""
    return f"run {run.run} is {run.state.value}: nothing to retry{hint}"


def _cancel(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state is RunState.CANCELLING:
        return f"run {run.run} is being cancelled already"
    if run.state not in (RunState.RUNNING, RunState.QUEUED):
        return f"run {run.run} is {run.state.value}: nothing to cancel"
    return None


def _detail(run: RunRow | None) -> str | None:
    return NO_RUN if run is None else None


LAUNCH = Action(
    "launch", "l", "l", "launch", "launch the selected run; asks first when it is incomplete or abnormal", True, _launch
)
RETRY = Action("retry", "r", "r", "retry", "a new attempt of the selected run, of what is missing only", True, _retry)
CANCEL = Action("cancel", "c", "c", "cancel", "cancel the selected run; asks first", True, _cancel)
AUTO = Action("auto", "a", "a", "auto", "switch auto-launch on or off: with it, runs are launched when complete", True)
DETAIL = Action("detail", "enter", "enter", "detail", "all that is known of the selected run", False, _detail)
NEXT = Action("next_pane", "tab", "tab", "pane", "go to the next pane; on a narrow screen it unfolds")
PREVIOUS = Action("previous_pane", "shift+tab", "shift+tab", "", "go to the previous pane")
HELP = Action("help", "question_mark,f1", "?", "help", "this help")
BACK = Action("back", "escape", "esc", "", "back; clears the message in the status line")
SUSPEND = Action("suspend", "ctrl+z", "ctrl+z", "", "suspend this console; `fg` brings it back")
QUIT = Action("quit", "q,ctrl+q", "q", "quit", "close this console; the driver goes on working, but not in the sandbox")

ACTIONS = (LAUNCH, RETRY, CANCEL, AUTO, DETAIL, NEXT, PREVIOUS, HELP, BACK, SUSPEND, QUIT)


@dataclass(frozen=True)
class Move:
    name: str
    keys: str
    shown: str
    label: str


MOVES = (
    Move("up", "up,k", "up k", "one row up"),
    Move("down", "down,j", "down j", "one row down"),
    Move("page_up", "pageup", "pgup", "a page up"),
    Move("page_down", "pagedown", "pgdn", "a page down"),
    Move("first", "home,g", "home g", "the first row"),
    Move("last", "end,G", "end G", "the last row"),
)


def why_not(action: Action, run: RunRow | None, read_only: bool) -> str | None:
    """Why the key cannot be used now; None when it can."""
    if action.acts and read_only:
        return READ_ONLY
    return action.why_not(run)


def question(action: Action, run: RunRow) -> Question | None:
    """What must be asked before the action is done; None when it can be done at once."""
    if action is CANCEL and run.state is RunState.QUEUED:
        consequence = ("It is taken from the queue and is not launched.", "r launches it again.")
        return Question(f"Cancel run {run.run} (queued)?", consequence, f"Yes, cancel run {run.run}")
    if action is CANCEL:
        lasting = (
            f"Now: {run.because}",
            "Its flow run is cancelled; work that runs at the site ends by itself.",
            "What is done stays; r continues with what is missing.",
        )
        return Question(f"Cancel run {run.run}?", lasting, f"Yes, cancel run {run.run}")
    if action is LAUNCH and run.state in FORCED:
        forced = (
            f"It is {run.state.value}: {run.because}",
            f"The {run.segments} segments that are on disk are analyzed as they are.",
        )
        return Question(f"Launch run {run.run} all the same?", forced, f"Yes, launch run {run.run}")
    return None

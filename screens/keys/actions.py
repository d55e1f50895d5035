"""The one table of what keys do. Bindings, the footer, the help screen and the reasons why not all come from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.reading.snapshot import RunRow
from flowspec.states import ENDED, RunState

READ_ONLY = "--read-only: this console only looks"
NO_RUN = "no run is selected"
FORCED = (RunState.INCOMPLETE, RunState.ABNORMAL)
MOST_LINES, LONGEST_LINE = 8, 110  # of a plan in a question


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
    """What to ask before something is done: the consequence in sentences, and what the two answers are called.

    With a `word`, yes is to type that word and press enter.
    """

    title: str
    consequence: tuple[str, ...]
    yes: str
    no: str = "No, go back"
    word: str = ""


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
    if run.state in ENDED or run.inactive or run.suspected:
        return None
    hint = "; l launches it" if run.state in (RunState.READY, *FORCED) else ""
    return f"run {run.run} is {run.state.value}: nothing to retry{hint}"


def _cancel(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state is RunState.CANCELLING and run.again_at is None:
        return f"run {run.run} is being cancelled already"
    if run.state not in (RunState.RUNNING, RunState.QUEUED) and run.again_at is None:
        return f"run {run.run} is {run.state.value}: nothing to cancel"
    return None


def _hold(run: RunRow | None) -> str | None:
    if run is None:
        return NO_RUN
    if run.state is not RunState.QUEUED:
        return f"run {run.run} is {run.state.value}: only a queued run can be held"
    return None


def _detail(run: RunRow | None) -> str | None:
    return NO_RUN if run is None else None


LAUNCH = Action(
    "launch", "l", "l", "launch", "launch the selected run; asks first when it is incomplete or abnormal", True, _launch
)
RETRY = Action(
    "retry", "r", "r", "retry", "a new attempt of the selected run, of what is missing only; shows it and asks first",
    True, _retry,
)  # fmt: skip
CANCEL = Action("cancel", "c", "c", "cancel", "cancel the selected run; asks first", True, _cancel)
HOLD = Action("hold", "h", "h", "hold", "hold the queued run back, or release it", True, _hold)
UNDO = Action("undo", "u", "u", "", "undo your last hold, release or switch of auto-launch", True)
AUTO = Action("auto", "A", "A", "auto", "switch auto-launch on or off: with it, runs are launched when complete", True)
ACKNOWLEDGE = Action(
    "acknowledge", "a", "a", "", "you have seen the new failures: takes their mark away, here and on all consoles", True
)
DETAIL = Action("detail", "enter", "enter", "detail", "all that is known of the selected run", False, _detail)
FILTER = Action(
    "filter", "slash", "/", "filter",
    "show only rows with these words: `text`, `state:failed`, `run:1200-1250`, `!` before a word inverts it",
)  # fmt: skip
PROBLEMS = Action("problems", "p", "p", "problems", "show only rows that need somebody, or all again")
SORT = Action("sort", "s", "s", "", "sort by the next column; after the last, the usual order")
REVERSE = Action("reverse", "S", "S", "", "turn the order around")
MARK = Action("mark", "space", "space", "mark", "mark the run: what acts, acts on all marked runs, and asks first")
MARK_ALL = Action("mark_all", "asterisk", "*", "", "mark all runs that are shown, or none")
ZOOM = Action("zoom", "z", "z", "", "give the pane the whole screen, or its place again")
WIDER = Action("wider", "greater_than_sign", ">", "", "make the pane wider")
NARROWER = Action("narrower", "less_than_sign", "<", "", "make the pane narrower")
HIGHER = Action("higher", "plus", "+", "", "make the pane higher")
LOWER = Action("lower", "minus", "-", "", "make the pane lower")
REDRAW = Action("redraw", "ctrl+l", "ctrl+l", "", "draw the whole screen again, when something else wrote on it")
COPY = Action("copy", "y", "y", "copy", "show the path or id of the row, and copy it where the terminal allows that")
COMMAND = Action("command", "colon", ":", "", "type a command: `:run 1217`, `:filter text`, `:launch`, `:q`")
PALETTE = Action("palette", "ctrl+p", "ctrl+p", "", "all commands by name: type to find one, enter does it")
NEXT = Action("next_pane", "tab", "tab", "pane", "go to the next pane; on a narrow screen it unfolds")
PREVIOUS = Action("previous_pane", "shift+tab", "shift+tab", "", "go to the previous pane")
HELP = Action("help", "question_mark,f1", "?", "help", "this help")
BACK = Action("back", "escape", "esc", "", "back; clears the marks, the filter and sorting, or the message")
SUSPEND = Action("suspend", "ctrl+z", "ctrl+z", "", "suspend this console; `fg` brings it back")
QUIT = Action("quit", "q,ctrl+q", "q", "quit", "close this console; the driver goes on working, but not in the sandbox")

EVENTS = Action("events", "v", "v", "events", "the event log: what happened, who asked for what, and what came of it")

FETCH = Action(
    "fetch", "f", "f", "fetch", "in the detail of a run: fetch the report and log of the job through Transfer", True
)
WITNESSES = Action(
    "witnesses", "w", "w", "witnesses", "in the detail of a run: what every witness says, or the segments"
)
EACH = Action("each", "e", "e", "", "in the detail of a run: a row for each segment, or equal ones together again")
SECTIONS = tuple(
    Action(f"section_{number}", str(number), str(number), "", f"in the detail of a run: {name}")
    for number, name in enumerate(
        ("segments", "witnesses", "timeline", "flow log", "input document", "job reports", "events"), start=1
    )
)
OF_DETAIL = (FETCH, WITNESSES, EACH, *SECTIONS)

OF_RUN = (LAUNCH, RETRY, CANCEL, HOLD)  # act on the run that is selected
SIZING = (WIDER, NARROWER, HIGHER, LOWER)
SEEING = (FILTER, COMMAND, COPY, PROBLEMS, SORT, REVERSE, MARK, MARK_ALL, ZOOM, *SIZING, REDRAW)  # change what is seen
ACTING = (*OF_RUN, AUTO, ACKNOWLEDGE, UNDO)
ACTIONS = (*ACTING, DETAIL, EVENTS, *OF_DETAIL, NEXT, PREVIOUS, *SEEING, PALETTE, HELP, BACK, SUSPEND, QUIT)

EVERYWHERE = tuple(action for action in ACTIONS if action not in (*OF_DETAIL, BACK, COMMAND, PALETTE))  # by name


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


def plan_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """What fits of a plan into a question on a small terminal; the rest is told by the command line."""
    short = [line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…" for line in lines]
    if len(short) <= MOST_LINES:
        return tuple(short)
    more = f"and {len(short) - MOST_LINES + 1} lines more: console retry --dry-run tells all"
    return (*short[: MOST_LINES - 1], more)


def question(action: Action, run: RunRow) -> Question | None:
    """What must be asked before the action is done; None when it can be done at once."""
    if action is CANCEL and run.state is RunState.QUEUED:
        consequence = ("It is taken from the queue and is not launched.", "r launches it again.")
        return Question(f"Cancel run {run.run} (queued)?", consequence, f"Yes, cancel run {run.run}")
    if action is CANCEL and run.again_at is not None:
        stopped = (f"Now: {run.because}", "Nothing is done again until somebody presses r.")
        return Question(f"Do not repeat run {run.run}?", stopped, "Yes, stop it")
    if action is CANCEL:
        lasting = (
            f"Now: {run.because}",
            "Its flow run and its work at the site are told to end, and watched until they have.",
            "What is done stays; r continues with what is missing.",
        )
        return Question(f"Cancel run {run.run}?", lasting, f"Yes, cancel run {run.run}")
    if action is RETRY and run.suspected:
        again = (
            f"Now: {run.because}",
            "Its flow run and its work at the site are told to end, and watched until they have.",
            "Then a new attempt does what is missing; what is done stays.",
        )
        return Question(f"End run {run.run} and do it again?", again, f"Yes, do run {run.run} again")
    if action is LAUNCH and run.state in FORCED:
        forced = (
            f"It is {run.state.value}: {run.because}",
            f"The {run.segments} segments that are on disk are analyzed as they are.",
        )
        return Question(f"Launch run {run.run} all the same?", forced, f"Yes, launch run {run.run}")
    return None

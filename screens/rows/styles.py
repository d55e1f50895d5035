"""How states look: a word or glyph, and the name of a style. The colours are in styles.tcss and screens.themes."""

from __future__ import annotations

from flowspec.cells import Cell
from flowspec.stages import CellState
from flowspec.standing import MAY_STAND_STILL
from flowspec.states import AttemptState, RunState

Piece = tuple[str, str]  # text, style name

# Styles that a pane can draw with; styles.tcss gives each a colour as `.pane--NAME`.
STYLES = ("plain", "dim", "good", "busy", "warn", "bad", "alarm", "title", "focus", "head", "cursor", "frame")

_RUN_STYLES = {
    RunState.TAKING: "busy",
    RunState.ARRIVING: "busy",
    RunState.INCOMPLETE: "warn",
    RunState.ABNORMAL: "warn",
    RunState.READY: "plain",
    RunState.QUEUED: "plain",
    RunState.RUNNING: "busy",
    RunState.CANCELLING: "warn",
    RunState.DONE: "good",
    RunState.FAILED: "bad",
    RunState.CANCELLED: "dim",
    RunState.GONE: "dim",
}
_ATTEMPT_STYLES = {
    AttemptState.INTENT: "plain",
    AttemptState.STARTED: "busy",
    AttemptState.SUCCEEDED: "good",
    AttemptState.FAILED: "bad",
    AttemptState.CANCELLED: "dim",
}
SAYS_STYLES = {"pending": "plain", "running": "busy", "done": "good", "failed": "bad", "absent": "warn"}
LEVEL_STYLES = {"info": "plain", "good": "good", "warning": "warn", "bad": "bad"}

# Glyph, style, meaning; the help screen lists them.
GLYPHS = {
    CellState.DONE: ("ok", "good", "done: the output is there, whole"),
    CellState.RUNNING: (">>", "busy", "running"),
    CellState.WAITING: ("..", "plain", "waiting for its turn"),
    CellState.FAILED: ("!!", "bad", "failed"),
    CellState.DISAGREES: ("??", "bad", "reported done, but the output says otherwise"),
}
STUCK = "STUCK"
NOTHING = ("-", "dim", "not done, and nothing is under way")


def run_state(state: RunState, stuck: bool = False) -> tuple[str, str]:
    """The word for a run's state and its style; what needs the operator is in capitals."""
    if stuck and state in MAY_STAND_STILL:
        return STUCK, "bad"
    if stuck and state is RunState.TAKING:
        return state.word, "warn"
    word = state.word.upper() if state in (RunState.FAILED, RunState.ABNORMAL, RunState.INCOMPLETE) else state.word
    return word, _RUN_STYLES[state]


def attempt_state(state: AttemptState) -> tuple[str, str]:
    return (state.value.upper() if state is AttemptState.FAILED else state.value), _ATTEMPT_STYLES[state]


def glyph(cell: Cell, active: bool) -> tuple[str, str]:
    """The glyph of a place of the matrix; `active` tells whether an attempt is under way that may come to it."""
    word, style, _ = NOTHING if cell.state is CellState.WAITING and not active else GLYPHS[cell.state]
    return word, style


def bar(done: int, total: int, width: int = 8) -> str:
    """`######..`: full only when everything is done."""
    filled = done * width // total if total else 0
    return "#" * filled + "." * (width - filled)

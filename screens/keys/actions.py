"""The table of keys: all that the keys can do, each entry with what does it."""

from __future__ import annotations

from screens.keys import rules
from screens.keys import run_handlers as runs
from screens.keys import screen_handlers as shown
from screens.keys.action import Action
from screens.keys.screen_handlers import on_host, on_markable, on_panes, on_sections

# ---- a run

LAUNCH = Action(
    "launch", "l", "l", "launch", "launch the selected run; asks first",
    runs.launch, changes=True, why_not=rules.may("launch"), question=rules.before_launch,
)  # fmt: skip
RETRY = Action(
    "retry", "r", "r", "retry", "a new attempt of the selected run, of what is missing or from a stage on; asks first",
    runs.retry, changes=True, why_not=rules.may("retry"), question=rules.before_retry,
)  # fmt: skip
CANCEL = Action(
    "cancel", "c", "c", "cancel", "cancel the selected run; asks first",
    runs.cancel, changes=True, why_not=rules.may("cancel"), question=rules.before_cancel,
)  # fmt: skip
HOLD = Action(
    "hold", "h", "h", "hold", "hold the queued run back, or release it; asks before it releases",
    runs.hold_or_release, changes=True, why_not=rules.hold_or_release, question=rules.before_hold_or_release,
)  # fmt: skip
STREAM = Action(
    "stream", "b", "b", "", "work on the run while it is still recorded, or only after its end; asks before it begins",
    runs.stream_or_not, changes=True, why_not=rules.may("stream"), question=rules.before_stream,
)  # fmt: skip
NOTE = Action(
    "note", "n", "n", "", "write a note on the selected run; it stands beside the run and in the report of the shift",
    runs.note, changes=True, why_not=rules.detail,
)  # fmt: skip
CLAIM = Action(
    "claim", "m", "m", "", "the selected run is yours (others see it), or nobody's again; asks for your name once",
    runs.claim, changes=True, why_not=rules.detail,
)  # fmt: skip
DETAIL = Action(
    "detail", "enter", "enter", "detail", "all that is known of the selected run; there, the whole log of the job",
    runs.open_detail, why_not=rules.detail,
)  # fmt: skip

# ---- the driver

AUTO = Action(
    "auto", "o", "o", "auto", "switch auto-launch on, after a question, or off: it launches what is complete",
    runs.switch_auto, changes=True,
)  # fmt: skip
PAUSE = Action(
    "pause", "H", "H", "pause", "pause launching in the whole experiment, for a reason, or resume it; asks first",
    runs.pause_or_resume, changes=True,
)  # fmt: skip
RESTART = Action(
    "endpoint", "E", "E", "", "restart the endpoint under the cursor, else one in trouble, at the site; asks why",
    runs.restart_endpoint, changes=True,
)  # fmt: skip
ACKNOWLEDGE = Action(
    "acknowledge", "a", "a", "", "you have seen what failed or is stuck: takes the mark away, here and on all consoles",
    runs.acknowledge, changes=True,
)  # fmt: skip
UNDO = Action(
    "undo", "u", "u", "", "undo your last launch, hold, release, stream, pause or auto-launch; what started goes on",
    runs.undo, changes=True,
)  # fmt: skip

DOCTOR = Action(
    "doctor", "D", "D", "", "is everything there that a shift needs? each thing that was looked at, and what to do",
    on_host(lambda host: host.open_checks("doctor")), changes=True,
)  # fmt: skip
PREFLIGHT = Action(
    "preflight", "F", "F", "", "send a segment through the whole pipeline, beside the runs, and clean up; asks first",
    on_host(lambda host: host.open_checks("preflight")), changes=True,
)  # fmt: skip
LOGIN = Action(
    "login", "L", "L", "", "log in to Globus: shows an address for a browser, and takes the code that is shown there",
    shown.login, changes=True,
)  # fmt: skip

# ---- the rows of a pane

FILTER = Action(
    "filter", "slash", "/", "filter",
    "show only rows with these words: `text`, `state:failed`, `run:1200-1250`, `!` before a word inverts it",
    shown.type_filter,
)  # fmt: skip
COMMAND = Action(
    "command", "colon", ":", "", "type a command: `:run 1217`, `:filter text`, `:launch`, `:q`",
    on_panes(lambda panes: panes.type_command()),
)  # fmt: skip
COPY = Action(
    "copy", "y", "y", "copy", "copy path, result, log, id, link or sentence of the row, where the terminal allows that",
    on_panes(lambda panes: panes.copy_row()),
)  # fmt: skip
PROBLEMS = Action(
    "problems", "p", "p", "problems", "show only rows that need somebody, or all again", shown.only_problems
)  # fmt: skip
SORT = Action("sort", "s", "s", "", "sort by the next column; after the last, the usual order", shown.sort)
REVERSE = Action("reverse", "S", "S", "", "turn the order around", shown.reverse)
MARK = Action(
    "mark", "space", "space", "mark", "mark the run, in its detail the segment: what acts, acts on all that are",
    on_markable(lambda pane: pane.mark()),
)  # fmt: skip
MARK_ALL = Action(
    "mark_all", "asterisk", "*", "", "mark all runs or segments that are shown, or none",
    on_markable(lambda pane: pane.mark_all()),
)  # fmt: skip

# ---- the panes

NEXT = Action(
    "next_pane", "tab", "tab", "pane", "go to the next pane; on a narrow screen it unfolds",
    on_panes(lambda panes: panes.step_focus(1)),
)  # fmt: skip
PREVIOUS = Action(
    "previous_pane", "shift+tab", "shift+tab", "", "go to the previous pane",
    on_panes(lambda panes: panes.step_focus(-1)),
)  # fmt: skip
ZOOM = Action(
    "zoom", "z", "z", "", "give the pane the whole screen, or its place again",
    on_panes(lambda panes: panes.toggle_zoom()),
)  # fmt: skip
WIDER = Action(
    "wider", "greater_than_sign", ">", "", "make the pane wider",
    on_panes(lambda panes: panes.resize_columns(grow=True)),
)  # fmt: skip
NARROWER = Action(
    "narrower", "less_than_sign", "<", "", "make the pane narrower",
    on_panes(lambda panes: panes.resize_columns(grow=False)),
)  # fmt: skip
HIGHER = Action(
    "higher", "plus", "+", "", "make the pane higher", on_panes(lambda panes: panes.resize_rows(grow=True))
)  # fmt: skip
LOWER = Action(
    "lower", "minus", "-", "", "make the pane lower", on_panes(lambda panes: panes.resize_rows(grow=False))
)  # fmt: skip

# ---- the detail of a run

FETCH = Action(
    "fetch", "f", "f", "fetch", "in the detail of a run: fetch the report and log of the job through Transfer",
    on_sections(lambda sections: sections.fetch_report()), changes=True,
)  # fmt: skip
WITNESSES = Action(
    "evidence", "w", "w", "evidence", "in the detail of a run: what file, task and flow log say, or the segments",
    on_sections(lambda sections: sections.toggle_witnesses()),
)  # fmt: skip
EACH = Action(
    "each", "e", "e", "", "in the detail of a run: a row for each segment, or equal ones together again",
    on_sections(lambda sections: sections.toggle_merging()),
)  # fmt: skip
ACCEPT = Action(
    "accept", "t", "t", "", "in the detail of a run: take the segment as it is although its fit lost hits, or not",
    on_sections(lambda sections: sections.accept_segment()), changes=True,
)  # fmt: skip
WAIVE = Action(
    "waive", "x", "x", "", "in the detail of a run: make the result without the segment, or with it again",
    on_sections(lambda sections: sections.waive_segment()), changes=True,
)  # fmt: skip


def _section(number: int, name: str) -> Action:
    return Action(
        f"section_{number}", str(number), str(number), "", f"in the detail of a run: {name}",
        on_sections(lambda sections: sections.show_section(number - 1)),
    )  # fmt: skip


SECTIONS = tuple(
    _section(number, name)
    for number, name in enumerate(
        ("segments", "evidence", "timeline", "flow log", "input document", "job reports", "events"), start=1
    )
)

# ---- the screens and the application

EVENTS = Action(
    "events", "v", "v", "events", "the event log: what happened, who asked for what, and what came of it",
    on_host(lambda host: host.open_events()),
)  # fmt: skip
REPORT = Action(
    "report", "R", "R", "", "the report of the shift: what happened in the last 8 hours, and what to hand over",
    on_host(lambda host: host.open_report()),
)  # fmt: skip
PREVIEW = Action(
    "preview", "P", "P", "preview", "preview the result of the selected run: its spectra against the run before it",
    runs.open_preview, why_not=rules.preview,
)  # fmt: skip
PALETTE = Action(
    "palette", "ctrl+p", "ctrl+p", "", "all commands by name: type to find one, enter does it",
    on_host(lambda host: host.open_palette()),
)  # fmt: skip
HELP = Action("help", "question_mark,f1", "?", "help", "this help", on_host(lambda host: host.open_help()))
BACK = Action("back", "escape", "esc", "", "back; clears the marks, the filter and sorting, or the message", shown.back)
REDRAW = Action(
    "redraw", "ctrl+l", "ctrl+l", "", "draw the whole screen again, when something else wrote on it",
    on_host(lambda host: host.repaint()),
)  # fmt: skip
SUSPEND = Action(
    "suspend", "ctrl+z", "ctrl+z", "", "suspend this console; `fg` brings it back",
    on_host(lambda host: host.action_suspend_process()),
)  # fmt: skip
QUIT = Action(
    "quit", "q,ctrl+q", "q", "quit", "close this console; the driver goes on working, but not in the sandbox",
    on_host(lambda host: host.exit(0)),
)  # fmt: skip

# ---- all of them, in the order of the footer and the help

OF_RUN = (LAUNCH, RETRY, CANCEL, HOLD)
OF_DETAIL = (FETCH, WITNESSES, EACH, ACCEPT, WAIVE, *SECTIONS)
ACTIONS = (
    *OF_RUN, STREAM, NOTE, CLAIM, AUTO, PAUSE, RESTART, ACKNOWLEDGE, UNDO, DOCTOR, PREFLIGHT, LOGIN, DETAIL, EVENTS,
    REPORT, PREVIEW, *OF_DETAIL, NEXT, PREVIOUS, FILTER, COMMAND, COPY, PROBLEMS, SORT, REVERSE, MARK, MARK_ALL, ZOOM,
    WIDER, NARROWER, HIGHER, LOWER, REDRAW, PALETTE, HELP, BACK, SUSPEND, QUIT,
)  # fmt: skip
BY_NAME = {action.name: action for action in ACTIONS}
EVERYWHERE = tuple(action for action in ACTIONS if action not in (*OF_DETAIL, BACK, COMMAND, PALETTE))  # by name

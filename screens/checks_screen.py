"""What the doctor or a preflight finds, as it finds it. Another process looks, and goes on when the screen is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.message import Message

from console.doctor.apart import Apart
from console.doctor.finding import Finding, Verdict, is_go, outcome
from flowspec import text
from screens.host import Host
from screens.keys.action import Action
from screens.keys.actions import CANCEL, DOCTOR, FILTER, HELP, PREFLIGHT, QUIT
from screens.question import Question
from screens.viewer import Viewer
from screens.widgets.piece import Piece
from screens.widgets.table import Column

COLUMNS = (Column("", 2), Column("CHECK", 10), Column("WHAT WAS FOUND", 0))
BESIDE = 17  # cells of a row that are not those of the last column
MOST_LINES = 12  # of a finding
STYLES = {Verdict.OK: "good", Verdict.WARN: "warn", Verdict.BAD: "bad"}
WORST_FIRST = (Verdict.BAD, Verdict.WARN, Verdict.OK)


@dataclass(frozen=True)
class Kind:
    """`verb` is that of the command, `under_way` what it does; `in_order` is one whose lines follow one another."""

    verb: str
    action: Action
    under_way: str
    go: str
    no_go: str
    in_order: bool = False
    question: Question | None = None


_OF_PREFLIGHT = Question(
    "Send a segment through the whole pipeline?",
    (
        "The smallest segment of a whole run is sent as run 9999999: transfer, fit, convert, analyze, return.",
        "It takes one place of Transfer and a worker of each stage, beside the runs of the experiment, and as long as "
        "Slurm lets it wait. Then all of it is deleted.",
        "It ends when this console is closed, or by c; esc leaves it at work.",
    ),
    "Yes, send a segment",
)
KINDS = {
    kind.verb: kind
    for kind in (
        Kind("doctor", DOCTOR, "looking", "all that a shift needs is there", "mend what is marked NO"),
        Kind("preflight", PREFLIGHT, "under way", "a segment gets through", "see the line that is marked NO",
             in_order=True, question=_OF_PREFLIGHT),
    )
}  # fmt: skip


class Came(Message):
    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


class Over(Message):
    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class ChecksScreen(Viewer):
    FOOTER: ClassVar[Sequence[Action]] = (FILTER, HELP, QUIT)

    def __init__(self, host: Host, kind: Kind) -> None:
        super().__init__(host, COLUMNS, kind.verb)
        self.kind = kind
        self._found: list[Finding] = []
        self._apart: Apart | None = None  # while it goes on
        self._began = 0.0  # on the monotonic clock
        self._ended: float | None = None  # by the host's clock
        self._ending = self._seen = False
        self._problem = ""

    @property
    def due(self) -> bool:
        """Whether there is nothing to see that was not seen."""
        return self._apart is None and (self._ended is None or self._seen)

    def begin(self) -> None:
        self._found, self._ended, self._began = [], None, time.monotonic()
        self._ending, self._seen, self._problem = False, False, ""
        self.host.notice = None
        profile = self.host.options.profile or self.host.options.ledger.with_name("profile.toml")  # that of a sandbox
        try:
            self._apart = Apart(
                self.kind.verb, profile, lambda finding: self.post_message(Came(finding)),
                lambda code: self.post_message(Over(code)),
            )  # fmt: skip
        except OSError as error:
            self._ended, self._problem = self.host.now(), f"cannot be started: {error.strerror}"
        self.refill()

    def on_came(self, message: Came) -> None:
        self._found.append(message.finding)
        if not self.kind.in_order:
            self._found.sort(key=lambda finding: WORST_FIRST.index(finding.verdict))
        self.refill()

    def on_over(self, message: Over) -> None:
        self._apart, self._ended = None, self.host.now()
        if message.code and not self._ending:
            self._problem = f"ended before its end (return code {message.code})"
        if not self.is_current:
            words, style = self._outcome()
            self.host.say(f"{self.kind.verb}: {words}; {self.kind.action.shown} shows it", style)
        self.refill()

    # ---- what is shown

    def selected_run(self) -> None:
        return None

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.refill)

    def fill(self) -> None:
        self._seen = self._seen or (self._ended is not None and self.is_current)
        rows: list[Sequence[Piece]] = [(("", "plain"), ("", "plain"), self._outcome())]
        for finding in self._found:
            rows += _rows(finding, max(20, self.size.width - BESIDE))
        self.show_lines(list(enumerate(rows)), self._title())

    def _title(self) -> str:
        name, key = self.kind.verb.capitalize(), self.kind.action.shown
        if self._ended is not None:
            return f"{name} at {text.clock(self._ended)} ({key}: once more, esc goes back)"
        return f"{name} ({'' if self._ending else 'c ends it, '}esc goes back and leaves it at work)"

    def _outcome(self) -> Piece:
        """How it stands, or how it ended: never GO before it is at its end."""
        if self._apart is not None:
            how = "ending, and cleaning up" if self._ending else self.kind.under_way
            took = text.span(time.monotonic() - self._began)
            return f"{how}, {took}: {text.counted(len(self._found), 'line')} so far", "busy"
        if self._ending:
            return f"told to end, and ended: {self.kind.action.shown} begins once more", "warn"
        if self._problem:
            return f"NO-GO: it {self._problem}; console {self.kind.verb} in a shell says more", "alarm"
        if not is_go(self._found):
            return f"{outcome(self._found)}: {self.kind.no_go}", "alarm"
        return f"{outcome(self._found)}: {self.kind.go}", "good"

    def sentence(self) -> Piece:
        item = self.lines.cursor_item
        return item[1][2] if item else ("", "plain")

    # ---- keys

    def press(self, action: Action) -> None:
        if action is CANCEL:
            self._end()
        elif action is self.kind.action and self._apart is not None:
            self.host.say(f"the {self.kind.verb} is {self.kind.under_way}: c ends it", "warn")
        else:
            super().press(action)

    def _end(self) -> None:
        if self._apart is None:
            self.host.say("nothing is under way here", "warn")
        else:
            self._ending = True
            self._apart.end()
            self.refill()


def _rows(finding: Finding, width: int) -> list[Sequence[Piece]]:
    """What was found, then what is to do, whole: nothing of it is cut."""
    style = STYLES[finding.verdict]
    words = "plain" if finding.verdict is Verdict.OK else style
    lines: list[Piece] = [(line, words) for line in text.wrap(finding.said, width, MOST_LINES) if line]
    if finding.next_step:
        lines += [(line, "title") for line in text.wrap(f"-> {finding.next_step}", width, MOST_LINES) if line]
    first: list[Sequence[Piece]] = [((finding.verdict.mark, style), (finding.check, style), lines[0])]
    return first + [(("", "plain"), ("", "plain"), line) for line in lines[1:]]

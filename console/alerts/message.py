"""A message of several alerts: those alike in one line, as text and as JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.ledger.alerts import Fired
from flowspec import text
from flowspec.numbers import ranges
from remote.globus.credentials import hidden, hidden_in

MOST_LINES = 30
VERBS = {"alert.failed": "failed alike", "alert.stuck": "are stuck alike"}


@dataclass(frozen=True)
class Message:
    """`text` has a line for each thing; both are without secrets, and cleaned."""

    experiment: str
    title: str
    text: str
    alerts: tuple[Fired, ...] = ()

    def as_json(self) -> str:
        """What a command is given on stdin."""
        told = [
            {"code": a.code, "subject": a.subject, "since": a.since, "fired_at": a.fired_at, "words": a.words}
            | {"parameters": dict(a.parameters)}
            for a in self.alerts
        ]
        document = {"schema": 1, "experiment": self.experiment, "title": self.title, "text": self.text, "alerts": told}
        return json.dumps(hidden_in(document))


def message(experiment: str, alerts: Sequence[Fired]) -> Message:
    lines = [_clean(line) for line in _lines(alerts)]
    count = f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'}"
    title = f"{experiment}: {lines[0] if len(lines) == 1 else count}"
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"and {len(lines) - MOST_LINES + 1} more: console alerts list"]
    return Message(experiment, _clean(title, 120), "\n".join(lines) + "\n", tuple(alerts))


def trial_message(experiment: str) -> Message:
    words = "console alerts test: this is what an alert looks like, nothing is wrong"
    return Message(experiment, f"{experiment}: test", f"{words}\n")


def _clean(words: str, width: int = 400) -> str:
    return text.clean(hidden(words), width)


def _lines(alerts: Sequence[Fired]) -> list[str]:
    groups: dict[tuple[str, Any], list[Fired]] = defaultdict(list)
    for alert in alerts:
        cause = alert.parameters.get("cause", {}).get("code") if "run" in alert.parameters else alert.subject
        groups[alert.code, cause].append(alert)
    return [_line(code, group) for (code, _), group in groups.items()]


def _line(code: str, group: Sequence[Fired]) -> str:
    if len(group) == 1:
        return group[0].words
    numbers = ranges(alert.parameters["run"] for alert in group)
    return f"{len(group)} runs {VERBS[code]} ({numbers}); the last: {group[-1].words}"

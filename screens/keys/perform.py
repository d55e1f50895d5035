"""From a key to its effect: why not, what is asked before, one run or all that are marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.reading.snapshot import RunRow
from screens.keys import bulk
from screens.keys.action import Action, Target
from screens.requests import about_each

if TYPE_CHECKING:
    from screens.host import Host


def perform(action: Action, host: Host, target: Target) -> None:
    """Do it, or say why not, or ask first."""
    reason = bulk.why_not(action, target.run, target.marked, host.options.read_only)
    if reason is not None:
        host.say(reason, "warn")
    elif target.marked and action in bulk.TOGETHER:
        _perform_on_all(action, host, target.marked)
    elif target.run is not None and (question := action.question(target.run)) is not None:
        host.confirm(question, lambda: action.run(host, target))
    else:
        action.run(host, target)


def _perform_on_all(action: Action, host: Host, marked: Sequence[RunRow]) -> None:
    runs = bulk.usable(action, marked)
    request = about_each(bulk.verb(action, runs[0]), runs)
    host.confirm(bulk.question_many(action, runs, marked), lambda: host.ask(request))

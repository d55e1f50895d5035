"""What an operator asks for in this console, and how it is undone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.reading.snapshot import RunRow

_OPPOSITES = {"hold": "release", "release": "hold", "stream": "unstream", "unstream": "stream"}


@dataclass(frozen=True)
class Request:
    """As `Ledger.ask` takes it. `undoes` marks one that takes another back: it is not undone itself.

    About many runs its arguments have `each`: {run: the state in which it was shown}; about one `state`, where the
    driver is to do nothing when that has changed.
    """

    verb: str
    run: int | None
    args: Mapping[str, Any] = field(default_factory=dict)
    undoes: bool = False

    @property
    def words(self) -> str:
        if self.verb == "auto":
            return f"switch auto-launch {'on' if self.args['on'] else 'off'}"
        if self.verb in ("pause", "resume"):
            return f"{self.verb} launching"
        if self.verb == "take-back":
            return "take back what has not started"
        if "each" in self.args:
            return f"{self.verb} {len(self.args['each'])} runs"
        if self.verb == "note":
            return f"note on run {self.run}"
        return f"{self.verb} run {self.run}"

    @property
    def dry(self) -> bool:
        """Whether it asks only what would be done."""
        return bool(self.args.get("dry"))

    def inverse(self, number: int) -> Request | None:
        """What undoes it, which stands in the ledger under this number; None when nothing does."""
        if self.undoes:
            return None
        if (opposite := _OPPOSITES.get(self.verb)) is not None:
            return Request(opposite, self.run, self.args, undoes=True)
        if self.verb == "launch" or (self.verb == "auto" and self.args["on"]):
            return Request("take-back", None, {"request": number}, undoes=True)
        if self.verb == "auto":
            return Request("auto", None, {"on": True}, undoes=True)
        if self.verb == "pause":
            return Request("resume", None, {"was": self.args["reason"]}, undoes=True)
        if self.verb == "resume":
            return Request("pause", None, {"reason": self.args["was"]}, undoes=True)
        return None


def about_each(verb: str, runs: Sequence[RunRow]) -> Request:
    """One request about all of these, with the states in which they are shown."""
    return Request(verb, None, {"each": {str(run.run): run.state.value for run in runs}})


class Requests:
    """Those of this console: which have no answer yet, and which were done and can be undone."""

    def __init__(self) -> None:
        self._open: dict[int, Request] = {}
        self._undone_by: list[Request] = []

    def written(self, number: int, request: Request) -> None:
        """It is in the ledger under this number."""
        self._open[number] = request

    def answered(self, number: int, state: str) -> Request | None:
        """The request that has just got its answer; None when it has none, had it before, or is not ours."""
        if state == "asked":
            return None
        request = self._open.pop(number, None)
        if request is not None and state == "done" and (inverse := request.inverse(number)) is not None:
            self._undone_by.append(inverse)
        return request

    def undo(self) -> Request | None:
        """What undoes the last one that was done, which is then no longer the last."""
        return self._undone_by.pop() if self._undone_by else None

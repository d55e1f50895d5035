"""What an operator asks for in this console, and how it is undone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """As `Ledger.ask` takes it. `undoes` marks one that takes another back: it is not undone itself."""

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
        return f"{self.verb} run {self.run}"

    @property
    def dry(self) -> bool:
        """Whether it asks only what would be done."""
        return bool(self.args.get("dry"))

    @property
    def inverse(self) -> Request | None:
        """What undoes it; None when nothing does."""
        if self.verb in ("hold", "release") and not self.undoes:
            return Request("release" if self.verb == "hold" else "hold", self.run, undoes=True)
        if self.verb == "auto" and not self.undoes:
            return Request("auto", None, {"on": not self.args["on"]}, undoes=True)
        if self.verb == "pause" and not self.undoes:
            return Request("resume", None, {"was": self.args["reason"]}, undoes=True)
        if self.verb == "resume" and not self.undoes:
            return Request("pause", None, {"reason": self.args["was"]}, undoes=True)
        return None


class Requests:
    """Those of this console: which have no answer yet, and which were done and can be undone."""

    def __init__(self) -> None:
        self._open: dict[int, Request] = {}
        self._done: list[Request] = []

    def written(self, number: int, request: Request) -> None:
        """It is in the ledger under this number."""
        self._open[number] = request

    def answered(self, number: int, state: str) -> Request | None:
        """The request that has just got its answer; None when it has none, had it before, or is not ours."""
        if state == "asked":
            return None
        request = self._open.pop(number, None)
        if request is not None and request.inverse is not None and state == "done":
            self._done.append(request)
        return request

    def undo(self) -> Request | None:
        """What undoes the last one that was done, which is then no longer the last."""
        return self._done.pop().inverse if self._done else None

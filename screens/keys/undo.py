"""What an operator asked for in this console, and how it is undone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Act:
    """A request: as `Ledger.ask` takes it. `undoes` marks one that takes another back: it is not undone itself."""

    verb: str
    run: int | None
    args: Mapping[str, Any] = field(default_factory=dict)
    undoes: bool = False

    @property
    def words(self) -> str:
        if self.verb == "auto":
            return f"switch auto-launch {'on' if self.args['on'] else 'off'}"
        return f"{self.verb} run {self.run}"

    @property
    def inverse(self) -> Act | None:
        """What undoes it; None when nothing does."""
        if self.verb in ("hold", "release") and not self.undoes:
            return Act("release" if self.verb == "hold" else "hold", self.run, undoes=True)
        if self.verb == "auto" and not self.undoes:
            return Act("auto", None, {"on": not self.args["on"]}, undoes=True)
        return None


class Undo:
    """The acts of this console that can still be undone, the last one first."""

    def __init__(self) -> None:
        self._asked: dict[int, Act] = {}
        self._done: list[Act] = []

    def asked(self, request: int, act: Act) -> None:
        if act.inverse is not None:
            self._asked[request] = act

    def answered(self, request: int, state: str) -> None:
        """Only what was done can be undone."""
        act = self._asked.pop(request, None)
        if act is not None and state == "done":
            self._done.append(act)

    def take(self) -> Act | None:
        """What undoes the last act, which is then no longer the last."""
        return self._done.pop().inverse if self._done else None

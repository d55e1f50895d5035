"""Going round many things a few at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Rotation(Generic[Name]):
    """Names that are taken in turn; each comes within the time of a round, however many there are."""

    def __init__(self) -> None:
        self._names: deque[Name] = deque()
        self._credit = 0.0  # of names, not taken yet
        self._taken_at: float | None = None

    def keep(self, names: Collection[Name]) -> None:
        """From now on these; those that stay keep their place, new ones have just had their turn."""
        staying = [name for name in self._names if name in names]
        known = set(staying)
        self._names = deque([*staying, *(name for name in names if name not in known)])

    def take(self, now: float, seconds: float) -> list[Name]:
        """Who is next, as many as a round of `seconds` asks for after the time since the last call."""
        since = 0.0 if self._taken_at is None else now - self._taken_at
        self._taken_at = now
        self._credit = min(len(self._names), self._credit + len(self._names) * since / seconds)
        taken = [self._names.popleft() for _ in range(int(self._credit))]
        self._credit -= len(taken)
        self._names.extend(taken)
        return taken

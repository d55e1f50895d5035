"""A row of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowspec.conditions import Owner, Severity


@dataclass(frozen=True)
class Entry:
    """`words` is a template for the parameters, or a function of them where parts of the sentence depend on one."""

    code: str
    words: str | Callable[..., str]
    severity: Severity = Severity.NORMAL
    owner: Owner = Owner.NOBODY

    def sentence(self, parameters: Mapping[str, Any]) -> str:
        if callable(self.words):
            try:
                return self.words(**parameters)
            except TypeError:  # parameters of another version
                return str(parameters.get("words") or self.code)
        return self.words.format_map(_Known(parameters))


class _Known(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "?"

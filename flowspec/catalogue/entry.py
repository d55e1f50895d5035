"""A row of the catalogue, and reasons within reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowspec.conditions import Owner, Reason, Severity


@dataclass(frozen=True)
class Entry:
    """`words` is a template for the parameters, or a function of them where parts of the sentence depend on one.

    `row` is what of it stands in a column beside the state; '' for all of it.
    """

    code: str
    words: str | Callable[..., str]
    severity: Severity = Severity.NORMAL
    owner: Owner = Owner.NOBODY
    row: str = ""

    def sentence(self, parameters: Mapping[str, Any]) -> str:
        try:
            if callable(self.words):
                return self.words(**parameters)
            return self.words.format_map(_Known(parameters))
        except (TypeError, ValueError):  # parameters of another version
            return str(parameters.get("words") or self.code)

    def short(self, parameters: Mapping[str, Any]) -> str:
        return self.row.format_map(_Known(parameters)) if self.row else self.sentence(parameters)


class _Known(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "?"


def nested(reason: Reason) -> dict[str, Any]:
    """A reason as a parameter of another one."""
    return {"code": reason.code, **({"parameters": dict(reason.parameters)} if reason.parameters else {})}


def unnested(parameter: Mapping[str, Any]) -> Reason:
    """The reason that `nested` made a parameter of."""
    return Reason(str(parameter["code"]), dict(parameter.get("parameters") or {}))


def words_of(parameter: Mapping[str, Any] | None) -> str:
    """The sentence of a nested reason; '' for none."""
    from flowspec import catalogue  # it is made of the tables, which need this

    return catalogue.sentence(unnested(parameter)) if parameter else ""

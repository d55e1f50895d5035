"""A row of the catalogue, and reasons within reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowspec import text
from flowspec.conditions import Owner, Reason, Severity


@dataclass(frozen=True)
class Entry:
    """`words` is a template for the parameters, or a function of them where parts of the sentence depend on one.

    `row`, likewise, is what of it stands in a column beside the state, with the key to press or the deed first, as the
    column may be 40 wide; '' for all of it. Of a reason within another one it completes `fit of 07 ...`.

    `way` is what to do, where it depends on whether the reason stands alone: within another one it is left out.
    """

    code: str
    words: str | Callable[..., str]
    severity: Severity = Severity.NORMAL
    owner: Owner = Owner.NOBODY
    row: str | Callable[..., str] = ""
    way: str = ""

    def sentence(self, parameters: Mapping[str, Any], *, within: bool = False) -> str:
        said = self._made(self.words, parameters)
        return said if within or not self.way else f"{said}; {self.way}"

    def short(self, parameters: Mapping[str, Any]) -> str:
        return self._made(self.row or self.words, parameters)

    def _made(self, words: str | Callable[..., str], parameters: Mapping[str, Any]) -> str:
        try:
            return words(**parameters) if callable(words) else words.format_map(_Known(parameters))
        except (TypeError, ValueError, LookupError, AttributeError):  # parameters of another version
            return str(parameters.get("words") or self.code)


class _Known(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return "?"


def start_it(here: bool) -> str:
    """What to do with an endpoint that is offline. `here`: the site starts it for who asks."""
    return "E starts it again at the site" if here else "start it at the site"


def offline_row(endpoint: str, since: float, here: bool) -> str:
    """The same in a row."""
    when = f"offline since {text.clock(since)}"
    return f"E: {endpoint} {when}" if here else f"start {endpoint}: {when}"


def nested(reason: Reason) -> dict[str, Any]:
    """A reason as a parameter of another one."""
    return {"code": reason.code, **({"parameters": dict(reason.parameters)} if reason.parameters else {})}


def unnested(parameter: Mapping[str, Any]) -> Reason:
    """The reason that `nested` made a parameter of."""
    return Reason(str(parameter["code"]), dict(parameter.get("parameters") or {}))


def words_of(parameter: Mapping[str, Any] | None) -> str:
    """The sentence of a nested reason; '' for none."""
    from flowspec import catalogue  # it is made of the tables, which need this

    if not parameter:
        return ""
    reason = unnested(parameter)
    return catalogue.entry(reason.code).sentence(reason.parameters, within=True)


def row_of(parameter: Mapping[str, Any] | None) -> str:
    """The short form of a nested reason; '' for none."""
    from flowspec import catalogue

    return catalogue.row(unnested(parameter)) if parameter else ""

"""The rules of a Choice state: operators over single values of the state, combined by And, Or and Not.

As in the Amazon States Language, a comparison with a value of another type is false, and a missing Variable is an
error for every operator except IsPresent.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from flowspec.grammar import CHOICE_OPERATORS
from remote.sandbox.flows import paths
from remote.sandbox.flows.errors import runtime

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_COMPARISON = re.compile(r"(String|Numeric|Timestamp|Boolean)(\w+?)(Path)?$")


def matches(rule: dict[str, Any], data: Any) -> bool:
    """Does the rule hold for this state (with its `_context`)?"""
    if "And" in rule:
        return all(matches(inner, data) for inner in rule["And"])
    if "Or" in rule:
        return any(matches(inner, data) for inner in rule["Or"])
    if "Not" in rule:
        return not matches(rule["Not"], data)
    name = next((key for key in rule if key in CHOICE_OPERATORS), None)
    if name is None:
        raise runtime(f"The choice rule {rule} has no operator that Flows knows.")
    variable, operand = rule["Variable"], rule[name]
    if name == "IsPresent":
        return paths.present(data, variable) is operand
    value = paths.find(data, variable, "Variable")
    if name.startswith("Is"):
        return _IS[name](value) is operand
    if name == "StringMatches":
        return isinstance(value, str) and _wildcards(operand).fullmatch(value) is not None
    kind, comparison, path = _COMPARISON.match(name).groups()  # type: ignore[union-attr]  # all names have this form
    other = paths.find(data, operand, name) if path else operand
    left, right = _AS[kind](value), _AS[kind](other)
    return left is not None and right is not None and _COMPARE[comparison](left, right)


def _wildcards(pattern: str) -> re.Pattern[str]:
    """`*` stands for any text, `\\*` for an asterisk."""
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", pattern)
    return re.compile(
        "".join(".*" if p == "*" else re.escape(p[1:] if len(p) == 2 and p[0] == "\\" else p) for p in parts), re.DOTALL
    )


def as_time(value: Any) -> datetime | None:
    """The moment that an RFC 3339 text names; None if it is not one."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value))
    except ValueError:
        return None
    return moment.astimezone(timezone.utc) if moment.tzinfo else None


def _as_number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


_AS: dict[str, Callable[[Any], Any]] = {
    "String": lambda value: value if isinstance(value, str) else None,
    "Numeric": _as_number,
    "Timestamp": as_time,
    "Boolean": lambda value: value if isinstance(value, bool) else None,
}
_IS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": lambda value: _as_number(value) is not None,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: as_time(value) is not None,
}

"""Filters, order and paging of lists. A marker holds the whole query, so other arguments beside it are ignored."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone
from typing import Any, TypeVar

from remote.sandbox.flows.choices import as_time
from remote.sandbox.flows.errors import FlowsError
from remote.sandbox.flows.roles import RUN_ROLES
from remote.sandbox.flows.runs import ENDED, FlowRun

Query = Mapping[str, str]
T = TypeVar("T")

PER_PAGE = 20
LOG_PER_PAGE = 10
LARGEST_PAGE = 100
_ROLE_WORDS = frozenset({*RUN_ROLES, *(f"{role}s" for role in RUN_ROLES)})
_STATUSES = frozenset({"SUCCEEDED", "FAILED", "ENDED", "ACTIVE", "INACTIVE"})


@dataclass(frozen=True)
class Position:
    """Where a page starts: the query, how many items come before it, and how much there was at the first page.

    `as_of` keeps the pages of one listing together while new items arrive: a time for runs, a count for log entries.
    """

    query: Query
    offset: int
    as_of: float

    @classmethod
    def of(cls, query: Query, as_of: float) -> Position:
        """Raises 422 for a marker that this service has not given out."""
        if "marker" not in query:
            return cls(query, 0, as_of)
        try:
            kept = json.loads(base64.urlsafe_b64decode(query["marker"]))
            asked, offset, as_of = kept["query"], kept["offset"], float(kept["as_of"])
            ours = all(isinstance(text, str) for text in asked.values()) and type(offset) is int and offset >= 0
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            ours = False
        if not ours or not math.isfinite(as_of):
            raise refused("marker", "is not a marker of this service")
        return cls(asked, offset, as_of)

    def marker(self, offset: int) -> str:
        kept = {"query": dict(self.query), "offset": offset, "as_of": self.as_of}
        return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()


def refused(name: str, why: str) -> FlowsError:
    detail = [{"loc": ["query", name], "msg": why, "type": "value_error"}]
    return FlowsError(422, "UNPROCESSABLE_ENTITY", f"1 validation error in query. {name}: {why}", detail)


def page(items: Sequence[T], at: Position, size: int) -> tuple[Sequence[T], dict[str, Any]]:
    """The items of the page, and the paging fields of the reply (`marker` is null on the last page)."""
    end = at.offset + size
    more = end < len(items)
    fields = {"limit": size, "has_next_page": more, "marker": at.marker(end) if more else None}
    return items[at.offset : end], fields


def page_size(query: Query, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise refused(name, f"must be a number from 1 to {LARGEST_PAGE}")
    return int(text)


def flag(query: Query, name: str) -> bool:
    """A boolean as clients write it: Python's True, JSON's true, 1."""
    text = query.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise refused(name, "must be true or false")
    return text in ("true", "1")


def words(query: Query, name: str, allowed: Iterable[str] | None = None) -> set[str]:
    """A comma-separated filter; empty if it is not given."""
    given = {word.strip() for word in query.get(name, "").split(",") if word.strip()}
    if allowed is not None and given - set(allowed):
        raise refused(name, f"unknown: {', '.join(sorted(given - set(allowed)))}")
    return given


def run_filter(query: Query, roles_of: Callable[[FlowRun], list[str]]) -> Callable[[FlowRun], bool]:
    """Without filter_roles only the caller's own flow runs pass, as at the service."""
    # The service's own documents spell some roles of runs as plurals.
    wanted_roles = {role.removesuffix("s") for role in words(query, "filter_roles", _ROLE_WORDS)} or {"run_owner"}
    statuses = words(query, "filter_status", _STATUSES)
    if "ENDED" in statuses:
        statuses |= set(ENDED)
    flow_ids, labels = words(query, "filter_flow_id"), words(query, "filter_label")
    titles = words(query, "filter_flow_title")
    started, completed = _period(query, "filter_start_time"), _period(query, "filter_completion_time")

    def passes(run: FlowRun) -> bool:
        return (
            bool(wanted_roles & set(roles_of(run)))
            and (not statuses or run.status in statuses)
            and (not flow_ids or run.flow_id in flow_ids)
            and (not labels or _has_any(run.label, labels))
            and (not titles or _has_any(run.flow_title, titles))
            and (started is None or started(run.started))
            and (completed is None or (run.completed is not None and completed(run.completed)))
        )

    return passes


def _has_any(text: str, parts: Iterable[str]) -> bool:
    return any(part.lower() in text.lower() for part in parts)


def _period(query: Query, name: str) -> Callable[[float], bool] | None:
    """`T1,T2`: from T1 up to, not including, T2; one of them may be left out."""
    if name not in query:
        return None
    limits = []
    for text in [*query[name].split(","), ""][:2]:
        moment = as_time(text.strip()) or as_time(text.strip() + "T00:00:00Z")
        if text.strip() and moment is None:
            raise refused(name, f"{text!r} is not an ISO 8601 time with a zone")
        limits.append(moment.astimezone(timezone.utc).timestamp() if moment else None)
    first, last = limits
    return lambda moment: (first is None or moment >= first) and (last is None or moment < last)


def ordered(items: Iterable[T], query: Query, keys: Mapping[str, Callable[[T], Any]], default: str) -> list[T]:
    """By `orderby`, like "start_time DESC,label ASC". What has no value (a time of completion) comes last."""
    result = list(items)
    for criterion in reversed(query.get("orderby", default).split(",")):
        name, _, direction = criterion.strip().partition(" ")
        if name not in keys or direction.strip() not in ("ASC", "DESC"):
            raise refused("orderby", f"{criterion!r}: use one of {', '.join(keys)} and ASC or DESC")
        key = keys[name]
        known = [item for item in result if key(item) is not None]
        unknown = [item for item in result if key(item) is None]
        result = sorted(known, key=key, reverse=direction.strip() == "DESC") + unknown
    return result

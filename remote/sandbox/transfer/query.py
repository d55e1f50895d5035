"""The `filter` and `orderby` parameters of Transfer, for directory listings and task lists.

`name:~run-*.evt/type:file` - clauses are joined by "/", values by ","; a value may begin with "=" (exact), "~" (glob,
letter case ignored), "!" (not) or "!~"; `size:>1000` compares; a time field takes `FROM,TO`, either of them empty; a
truth is 0 or 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone
from fnmatch import fnmatch
from typing import Any

from remote.sandbox.transfer.collection import Document, TransferError

_TIMES = frozenset({"last_modified", "request_time", "completion_time"})
_COMPARISON = re.compile(r"(>=|<=|>|<|=)?([0-9]{1,18})")


def select(documents: Iterable[Document], filters: Iterable[str], fields: frozenset[str]) -> list[Document]:
    """The documents that match every clause. Raises TransferError 400 for a clause that is not understood."""
    clauses = [_parse(clause, fields) for text in filters for clause in text.split("/") if clause]
    return [document for document in documents if all(_matches(document, *clause) for clause in clauses)]


def order(documents: list[Document], orderby: str | None, fields: frozenset[str]) -> list[Document]:
    """Ordered by `"field [ASC|DESC],field ..."`; documents without a value come first."""
    for term in reversed([term for term in (orderby or "").split(",") if term.strip()]):
        field, _, direction = term.strip().partition(" ")
        if field not in fields or direction.upper() not in ("", "ASC", "DESC"):
            raise TransferError(400, "ClientError.BadRequest", f"orderby: cannot order by {term.strip()!r}")
        documents = sorted(
            documents,
            key=lambda document, field=field: (document[field] is not None, document[field]),  # type: ignore[misc]
            reverse=direction.upper() == "DESC",
        )
    return documents


def _parse(clause: str, fields: frozenset[str]) -> tuple[str, list[str]]:
    field, colon, values = clause.partition(":")
    if not colon or field not in fields:
        raise TransferError(400, "ClientError.BadRequest", f"filter: clause {clause!r} is not understood")
    parts = values.split(",")
    for part in parts:  # refused here, before anything is compared
        if field == "size":
            _comparison(part)
        elif field in _TIMES:
            _time(part)
    return field, parts


def _matches(document: Document, field: str, values: list[str]) -> bool:
    actual = document[field]
    if field == "size":
        return all(_compares(actual, value) for value in values)
    if field in _TIMES:
        return _in_range(actual, values)
    allowed = [value for value in values if not value.startswith("!")]
    denied = [value[1:] for value in values if value.startswith("!")]
    if any(_same(actual, value) for value in denied):
        return False
    return not allowed or any(_same(actual, value) for value in allowed)


def _same(actual: Any, value: str) -> bool:
    text = "" if actual is None else str(int(actual) if isinstance(actual, bool) else actual)
    if value.startswith("~"):
        return fnmatch(text.lower(), value[1:].lower())
    return text == value.removeprefix("=")


def _compares(size: int, value: str) -> bool:
    operator, limit = _comparison(value)
    return {
        ">": size > limit,
        "<": size < limit,
        ">=": size >= limit,
        "<=": size <= limit,
    }.get(operator, size == limit)


def _comparison(text: str) -> tuple[str, int]:
    """(operator, limit); without an operator the size is meant exactly."""
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise TransferError(400, "ClientError.BadRequest", f"filter: {text!r} is no comparison of sizes")
    return match[1] or "=", int(match[2])


def _in_range(actual: str | None, values: list[str]) -> bool:
    if actual is None:
        return False
    moment, start = _time(actual), _time(values[0])
    end = _time(values[1]) if len(values) > 1 else None
    return (start is None or start <= moment) and (end is None or moment <= end)  # type: ignore[operator]


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise TransferError(400, "ClientError.BadRequest", f"filter: {text!r} is no time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)

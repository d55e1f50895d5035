"""What an operator makes of a table: which rows are shown and in what order. Pure: rows in, rows out.

A filter is words, all of which must hold: `text` is looked for in the row's name and in all that is text;
`state:failed` in one field; `run:1214`, `run:1200-1250` and `run:1200-` compare numbers; `!` before a word inverts it.
Upper and lower case are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Value = Callable[[Any], Any]  # of a row: str, number or None


@dataclass(frozen=True)
class Column:
    """A column of `width` cells; width 0 takes what is left (one column, the last).

    `value` is what rows are sorted by in this column and filtered by under its name; without it they cannot be.
    `extra` is shown only where a profile asks for it.
    """

    name: str
    width: int
    right: bool = False
    value: Value | None = None
    extra: bool = False


def column_places(columns: Sequence[Column], wanted: Sequence[str] | None) -> list[int]:
    """Which columns are shown, in what order; with None the usual ones.

    The first, which names the row, and the last, which says why it is as it is, are always shown.
    Raises ValueError when there is no such column.
    """
    last = len(columns) - 1
    names = {columns[place].name.casefold(): place for place in range(1, last)}
    if wanted is None:
        wanted = [name for name, place in names.items() if not columns[place].extra]
    for name in wanted:
        if name.casefold() not in names:
            raise ValueError(f"there is no column {name!r}, there are {', '.join(names)}")
    return list(dict.fromkeys((0, *(names[name.casefold()] for name in wanted), last)))


@dataclass(frozen=True)
class Term:
    """A word of a filter: looked for in one field, or anywhere when `field` is ''."""

    field: str
    wanted: str
    inverse: bool


@dataclass(frozen=True)
class View:
    """How the operator wants to see a table; `sort` is a column's name, '' leaves the rows in their own order."""

    filter: str = ""
    only_problems: bool = False
    sort: str = ""
    descending: bool = False

    @property
    def narrows(self) -> bool:
        """Whether rows may be missing."""
        return self.only_problems or bool(self.filter.strip())

    def describe(self) -> str:
        """For the title of the table; '' when it shows everything in its own order."""
        found = f"/{self.filter}" if self.filter.strip() else ""
        order = f"by {self.sort} {'down' if self.descending else 'up'}" if self.sort else ""
        return "  ".join(filter(None, (found, "problems only" if self.only_problems else "", order)))

    def next_sort(self, columns: Sequence[Column]) -> View:
        """Sorted by the next column that can be sorted by; after the last one, the rows' own order again."""
        names = ["", *(column.name for column in columns if column.value)]
        return replace(self, sort=names[(names.index(self.sort) + 1) % len(names)], descending=False)


def parse_filter(words: str, fields: Mapping[str, Value]) -> tuple[Term, ...]:
    """The terms of a filter. A name that is no field is text like any other: causes are full of colons."""
    terms = []
    for word in words.casefold().split():
        inverse = word.startswith("!")
        word = word.removeprefix("!")
        name, colon, wanted = word.partition(":")
        known = bool(colon) and name in fields
        if word and (wanted or not known):  # `state:` is still being typed
            terms.append(Term(name if known else "", wanted if known else word, inverse))
    return tuple(terms)


def accepts(terms: Sequence[Term], row: Any, fields: Mapping[str, Value]) -> bool:
    """Whether all terms hold for a row."""
    return all(_holds(term, row, fields) is not term.inverse for term in terms)


def _holds(term: Term, row: Any, fields: Mapping[str, Value]) -> bool:
    if not term.field:
        name, *others = (value(row) for value in fields.values())
        return any(term.wanted in text.casefold() for text in (str(name), *others) if isinstance(text, str))
    found = fields[term.field](row)
    if isinstance(found, (int, float)):
        bounds = _range(term.wanted)
        return bounds is not None and bounds[0] <= found <= bounds[1]
    return found is not None and term.wanted in str(found).casefold()


_NUMBERS = re.compile(r"(\d+)|(\d*)-(\d*)")


def _range(wanted: str) -> tuple[float, float] | None:
    """`1214`, `1200-1250`, `1200-` and `-1250` as lowest and highest; None when it is none of these."""
    match = _NUMBERS.fullmatch(wanted)
    if match is None:
        return None
    if match[1]:
        return float(match[1]), float(match[1])
    return float(match[2] or "-inf"), float(match[3] or "inf")


def ordered(rows: Sequence[Any], by: Value, descending: bool) -> list[Any]:
    """Sorted by a value; rows without one come last either way, equal rows keep their order."""
    known = [row for row in rows if by(row) is not None]
    return sorted(known, key=by, reverse=descending) + [row for row in rows if by(row) is None]


class Table:
    """Rows as an operator sees them, and which of them are marked.

    `key` tells rows apart; `problem` says which need somebody (None: that is not known of these rows). `columns` are
    those that are shown (`wanted`, see `column_places`), `places` where they stand among all; filters know the others
    as well.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        key: Callable[[Any], Hashable],
        problem: Callable[[Any], bool] | None = None,
        wanted: Sequence[str] | None = None,
    ) -> None:
        self.places = column_places(columns, wanted)
        self.columns, self.key, self.problem = [columns[place] for place in self.places], key, problem
        self.fields = {column.name.casefold(): column.value for column in columns if column.value}
        self.view = View()
        self.all_rows: Sequence[Any] = ()
        self.rows: Sequence[Any] = ()
        self._marks: set[Hashable] = set()
        self._judged: dict[Hashable, tuple[Any, bool]] = {}

    def fill(self, rows: Sequence[Any]) -> None:
        """These are the rows now. Told the same object again, nothing is done."""
        if rows is not self.all_rows:
            self.all_rows = rows
            self._arrange()

    def set_view(self, view: View) -> None:
        """Show the same rows in another way."""
        self.view, self._judged = view, {}
        self._arrange()

    def place(self, key: Hashable, near: int = 0) -> int | None:
        """Where the row with this key stands, looked for first where it stood before; None when it is not shown."""
        if near < len(self.rows) and self.key(self.rows[near]) == key:
            return near
        return next((place for place, row in enumerate(self.rows) if self.key(row) == key), None)

    # ---- marks

    def is_marked(self, row: Any) -> bool:
        return bool(self._marks) and self.key(row) in self._marks

    def toggle(self, row: Any) -> None:
        """Mark a row, or take its mark away."""
        self._marks ^= {self.key(row)}

    def mark(self, keys: Iterable[Hashable]) -> None:
        """Mark the rows with these keys, which are about to be shown, and no others."""
        self._marks = {*keys}

    def toggle_all(self) -> None:
        """Mark all rows that are shown; when they are, none."""
        shown = set(map(self.key, self.rows))
        self._marks = set() if self._marks == shown else shown

    def unmark(self) -> None:
        self._marks = set()

    @property
    def marked(self) -> list[Any]:
        """The marked rows, in the order in which they are shown."""
        return [row for row in self.rows if self.is_marked(row)] if self._marks else []

    # ---- what is shown

    def _arrange(self) -> None:
        rows = self._narrowed() if self.view.narrows else self.all_rows
        if self.view.sort:
            rows = ordered(rows, self.fields[self.view.sort.casefold()], self.view.descending)
        self.rows = rows
        if self._marks:  # what is acted on is what is seen
            self._marks &= set(map(self.key, rows))

    def _narrowed(self) -> list[Any]:
        """A row is judged again only when it is another object than before: most of thousands are not."""
        terms = parse_filter(self.view.filter, self.fields)
        problem = self.problem if self.view.only_problems else None
        judged, self._judged = self._judged, {}
        for row in self.all_rows:
            key = self.key(row)
            verdict = judged.get(key)
            if verdict is None or verdict[0] is not row:
                verdict = row, (problem is None or problem(row)) and accepts(terms, row, self.fields)
            self._judged[key] = verdict
        return [row for row, shown in self._judged.values() if shown]

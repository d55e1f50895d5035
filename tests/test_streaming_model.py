"""docs/streaming-model.md shows the very figures of the model, which are those of the project's own code."""

from __future__ import annotations

import pytest

from tests.documents import DOCS
from tests.model import tables
from tests.model.tables import Case

PAGE = (DOCS / "streaming-model.md").read_text().splitlines()


@pytest.mark.parametrize(
    "case", [tables.OFF, tables.DEFAULTS, tables.WIDER, tables.KEPT_UP], ids=lambda case: case.name
)
def test_the_page_has_the_figures_of_one_run(case: Case) -> None:
    told = tables.line(case.row())
    assert told in PAGE, f"docs/streaming-model.md wants: {told}"


def test_the_page_has_a_row_for_every_case_and_no_other() -> None:
    """All of them are measured by `python -m tests.model --series`: too long for each change."""
    assert _rows(tables.head(tables.HEAD)) == [case.name for case in tables.CASES]
    assert _rows(tables.head(tables.HEAD_OF_SERIES)) == [case.name for case in tables.SERIES_CASES]


@pytest.mark.parametrize("table", [tables.facts, tables.rates], ids=["assumptions", "rates"])
def test_the_page_has_what_is_assumed_and_what_follows_of_it(table) -> None:
    assert "\n".join(table()) in "\n".join(PAGE), "\n".join(["docs/streaming-model.md wants:", *table()])


def _rows(head: str) -> list[str]:
    """The names of the rows below a head."""
    _, found, below = "\n".join(PAGE).partition(head + "\n")
    assert found, head
    return [row.strip("|").split("|")[0].strip() for row in below.split("\n\n")[0].splitlines()]

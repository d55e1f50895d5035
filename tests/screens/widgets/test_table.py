from dataclasses import dataclass, replace
from operator import attrgetter

import pytest

from screens.widgets.table import Column, Table, Term, View, accepts, ordered, parse_filter


@dataclass(frozen=True)
class Run:
    run: int
    state: str
    size: int | None = 100
    title: str = "60Cr beta decay"
    why: str = ""


COLUMNS = (
    Column("RUN", 5, value=attrgetter("run")),
    Column("STATE", 5, value=attrgetter("state")),
    Column("SIZE", 5, value=attrgetter("size")),
    Column("BAR", 8),
    Column("TITLE", 20, value=attrgetter("title"), extra=True),
    Column("WHY", 0, value=attrgetter("why")),
)
RUNS = (
    Run(1219, "taking", None),
    Run(1214, "failed", 80, why="fit: segment 07 aborted (rc 134)"),
    Run(1213, "incomplete", 80),
    Run(1202, "failed", 20, why="transfer: Permission denied"),
    Run(1201, "done", 12, title="Calibration SOURCE"),
)


def table() -> Table:
    made = Table(COLUMNS, attrgetter("run"), lambda run: run.state in ("failed", "incomplete"))
    made.fill(RUNS)
    return made


def shown(table: Table) -> list[int]:
    return [run.run for run in table.rows]


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        ("", [1219, 1214, 1213, 1202, 1201]),
        ("source", [1201]),
        ("state:failed", [1214, 1202]),
        ("STATE:Fail", [1214, 1202]),
        ("!state:failed", [1219, 1213, 1201]),
        ("run:1202-1213", [1213, 1202]),
        ("run:1213-", [1219, 1214, 1213]),
        ("run:-1201", [1201]),
        ("run:1214", [1214]),
        ("run:121", []),  # a number is a number
        ("1214", [1214]),
        ("121", [1219, 1214, 1213]),  # but as text it is looked for in the row's name
        ("80", []),  # and not in other numbers
        ("state:failed run:1210-1220", [1214]),
        ("state:failed !rc", [1202]),
        ("fit: segment", [1214]),  # `fit` is no field
        ("title:calib", [1201]),
        ("state:", [1219, 1214, 1213, 1202, 1201]),  # still being typed
        ("!", [1219, 1214, 1213, 1202, 1201]),
        ("size:0-50", [1202, 1201]),  # what has no size is in no range
        ("!size:0-50", [1219, 1214, 1213]),
        ("run:abc", []),
        ("nothing like it", []),
    ],
)
def test_filters(words: str, runs: list[int]) -> None:
    made = table()
    made.set_view(View(filter=words))
    assert shown(made) == runs


def test_terms() -> None:
    fields = table().fields
    assert parse_filter("!state:Done  a:b x", fields) == (
        Term("state", "done", True),
        Term("", "a:b", False),
        Term("", "x", False),
    )
    assert accepts((), RUNS[0], fields)


@pytest.mark.parametrize("down", [False, True])
def test_sorting_keeps_equal_rows_in_their_order_and_the_unknown_last(down: bool) -> None:
    runs = [run.run for run in ordered(RUNS, attrgetter("size"), down)]
    assert runs == ([1214, 1213, 1202, 1201, 1219] if down else [1201, 1202, 1214, 1213, 1219])


def test_the_sort_key_goes_through_the_columns_that_can_be_sorted_by_and_back() -> None:
    view, seen = View(descending=True), []
    for _ in range(5):
        view = view.next_sort(table().columns)
        assert not view.descending
        seen.append(view.sort)
    assert seen == ["RUN", "STATE", "SIZE", "WHY", ""]


def test_only_problems() -> None:
    made = table()
    made.set_view(View(only_problems=True, filter="!permission"))
    assert shown(made) == [1214, 1213]
    made.set_view(View())
    assert shown(made) == [run.run for run in RUNS]


def test_what_changes_is_judged_again() -> None:
    made = table()
    made.set_view(View(filter="state:failed", sort="RUN"))
    assert shown(made) == [1202, 1214]
    made.fill((Run(1220, "failed"), replace(RUNS[0], state="failed"), replace(RUNS[1], state="running"), *RUNS[2:]))
    assert shown(made) == [1202, 1219, 1220]


def test_only_rows_that_changed_are_judged_again() -> None:
    judged: list[int] = []

    def problem(run: Run) -> bool:
        judged.append(run.run)
        return True

    made = Table(COLUMNS, attrgetter("run"), problem)
    made.fill(RUNS)
    made.set_view(View(only_problems=True))
    judged.clear()
    made.fill((RUNS[0], replace(RUNS[1], state="running"), *RUNS[2:]))
    assert judged == [1214]


def test_marks_stay_on_their_rows_while_those_are_seen() -> None:
    made = table()
    made.toggle(RUNS[1])
    made.toggle(RUNS[4])
    made.fill((Run(1220, "taking"), *RUNS))
    assert [run.run for run in made.marked] == [1214, 1201]
    made.set_view(View(filter="state:failed"))  # 1201 is no longer seen: it must not be acted on
    made.set_view(View())
    assert [run.run for run in made.marked] == [1214]
    made.toggle(RUNS[1])
    assert made.marked == []


def test_all_that_is_shown_is_marked_at_once_and_unmarked() -> None:
    made = table()
    made.set_view(View(only_problems=True))
    made.toggle_all()
    assert [run.run for run in made.marked] == [1214, 1213, 1202]
    made.toggle_all()
    assert made.marked == []


def test_a_row_is_found_where_it_stood_or_elsewhere() -> None:
    made = table()
    assert made.place(1214, near=1) == 1
    assert made.place(1214, near=4) == 1
    assert made.place(999) is None


def test_what_the_title_says() -> None:
    assert View().describe() == ""
    assert View("state:failed", True, "SIZE", True).describe() == "/state:failed  problems only  by SIZE down"

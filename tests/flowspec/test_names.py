"""Names: what we write is what we read, and nothing that a directory may contain makes the parsers stumble."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowspec import names

numbers = st.integers(0, names.LARGEST_NUMBER)
texts = st.text(st.characters(), max_size=40) | st.text("run-0123456789.evtfioscd\n~", max_size=30)


@given(run=numbers, segment=numbers)
def test_every_file_name_is_read_back(run: int, segment: int) -> None:
    assert names.parse_run_directory(names.run_directory(run)) == run
    assert names.parse_segment(names.segment_file(run, segment)) == (run, segment)
    assert names.parse_fitted(names.fitted_file(run, segment)) == (run, segment)
    assert names.parse_converted(names.converted_file(run, segment)) == (run, segment)
    assert names.parse_sorted(names.sorted_file(run)) == run


@given(name=texts)
@example("run1217\n")
@example("run-1217-00.evt\n")
@example("run٣")
@example("run-٣٣٣٣-٣٣.evt")
@example("run" + "9" * 5000)
@example("run-" + "0" * 5000 + "-00.evt")
def test_any_name_is_either_what_we_would_write_or_not_ours(name: str) -> None:
    segment = names.parse_segment(name)
    assert segment is None or names.segment_file(*segment) == name
    fitted, converted, whole = names.parse_fitted(name), names.parse_converted(name), names.parse_sorted(name)
    assert fitted is None or names.fitted_file(*fitted) == name
    assert converted is None or names.converted_file(*converted) == name
    assert whole is None or names.sorted_file(whole) == name
    run = names.parse_run_directory(name)
    assert run is None or (name.isascii() and name.startswith("run") and int(name[3:]) == run)
    names.is_temporary(name)
    names.resembles_segment(name)


def test_the_names_of_a_run() -> None:
    assert names.segment_file(1217, 0) == "run-1217-00.evt"
    assert names.segment_file(89, 7) == "run-0089-07.evt"
    assert names.segment_file(12170, 100) == "run-12170-100.evt"
    assert names.fitted_file(1217, 0) == "run-1217-00-fitted.evt"
    assert names.converted_file(1217, 0) == "run-1217-00-fitted.root"
    assert names.sorted_file(89) == "run-0089-sorted.root"
    assert names.checksum_file(1217) == "run-1217.sha512"
    assert names.run_directory(89) == "run89"


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("run1217", 1217),
        ("run0089", 89),
        ("run0", 0),
        ("run000", 0),
        ("run", None),
        ("Run12", None),
        ("run-12", None),
        ("run12a", None),
        ("run 12", None),
        ("current", None),
        (f"run{names.LARGEST_NUMBER + 1}", None),
    ],
)
def test_run_directories(name: str, run: int | None) -> None:
    assert names.parse_run_directory(name) == run


@pytest.mark.parametrize(
    "name",
    ["run-217-00.evt", "run-01217-00.evt", "run-1217-0.evt", "run-1217-000.evt", "RUN-1217-00.EVT", "run1217-00.evt"],
)
def test_a_name_that_we_would_write_otherwise_is_doubtful(name: str) -> None:
    assert names.parse_segment(name) is None
    assert names.resembles_segment(name)


@pytest.mark.parametrize("name", ["run-1217.sha512", "run-1217-00.evt.bak", "scalers.evt", "notes.txt", ".started"])
def test_other_files_are_not_taken_for_segments(name: str) -> None:
    assert not names.resembles_segment(name)


def test_segments_sort_by_number() -> None:
    files = [names.segment_file(1217, n) for n in (100, 2, 10, 99)]
    found = sorted(s for s in map(names.parse_segment, files) if s)
    assert [s.segment for s in found] == [2, 10, 99, 100]


@pytest.mark.parametrize(
    ("name", "temporary"),
    [
        (".run-1217-00.evt.qbRli9", True),
        (".~tmp~", True),
        (".run-1217.sha512.qbRli9", False),
        ("run-1217-00.evt", False),
        (".run-1217-00.evt.qbRli90", False),
        (".run-1217-00.evt.qbRli9\n", False),
    ],
)
def test_rsync_temporaries(name: str, temporary: bool) -> None:
    assert names.is_temporary(name) is temporary


@given(text=st.text(st.characters()), limit=st.integers(2, 100))
def test_outside_text_is_shown_as_one_printable_line(text: str, limit: int) -> None:
    line = names.shown(text, limit)
    assert line.isprintable()
    assert len(line) <= limit
    line.encode("utf-8")  # no lone surrogates of names that are no UTF-8


def test_harmless_text_is_shown_unchanged() -> None:
    assert names.shown("¹⁵⁶Eu β decay, target #3 [new]") == "¹⁵⁶Eu β decay, target #3 [new]"
    assert names.shown("\x1b[31mred\nalert\udcff") == "\\x1b[31mred\\nalert\\udcff"

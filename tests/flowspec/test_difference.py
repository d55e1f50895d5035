"""Where two documents differ."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec import definition
from flowspec.difference import differences

documents = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=10,
)


def told(here: Any, deployed: Any) -> list[str]:
    return [str(difference) for difference in differences(here, deployed)]


@pytest.mark.parametrize(
    ("here", "deployed", "lines"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["$.a.b[1]: here 2, deployed 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["$.a[1]: here nothing, deployed 2"]),
        ({"a b": 1}, {}, ['$["a b"]: here 1, deployed nothing']),
        ({"a": True}, {"a": 1}, ["$.a: here true, deployed 1"]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": None}, {}, ["$.a: here null, deployed nothing"]),
        ({"a": [1]}, {"a": {"0": 1}}, ['$.a: here [1], deployed {"0": 1}']),
        ({"a": "x" * 99}, {"a": "x"}, [f'$.a: here "{"x" * 56}..., deployed "x"']),
    ],
)
def test_each_place_that_differs_is_told_by_its_path(here: Any, deployed: Any, lines: list[str]) -> None:
    assert told(here, deployed) == lines


def test_one_changed_number_of_the_analysis_is_one_difference() -> None:
    deployed = copy.deepcopy(definition.analysis().definition)
    deployed["States"]["Fit"]["WaitTime"] += 1
    (difference,) = differences(definition.analysis().definition, deployed)
    assert difference.path == "$.States.Fit.WaitTime"
    assert difference.document()["deployed"] == difference.document()["here"] + 1


def kinds(value: Any) -> Any:
    """The value with the kinds of its numbers: in Python true equals 1."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    return [kinds(item) for item in value] if isinstance(value, list) else (type(value), value)


@given(documents, documents)
def test_there_is_no_difference_exactly_between_equal_documents(here: Any, deployed: Any) -> None:
    assert bool(told(here, deployed)) == (kinds(here) != kinds(deployed))
    assert not told(here, copy.deepcopy(here))

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote.sandbox.flows import choices, paths
from remote.sandbox.flows.errors import StateError
from remote.sandbox.flows.expressions import evaluate, pathsplit, public, resolve

STATE: dict[str, Any] = {
    "run": 1217,
    "segments": [0, 7, 12],
    "source": {"path": "/runs/run1217/", "collection": "dtn"},
    "files": [{"name": "a.evt", "size": 3}, {"name": "b.log", "size": 5}],
    "_context": {"run_id": "the-run"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("run + 1", 1218),
        ("source.path + 'x'", "/runs/run1217/x"),
        ("'run-%04d-%s.evt' % (run, '7'.zfill(2))", "run-1217-07.evt"),
        ("[{'p': source.path + str(s).zfill(2)} for s in segments if s > 9]", [{"p": "/runs/run1217/12"}]),
        ("[f.name.upper() for f in files if f.name.endswith('.evt')]", ["A.EVT"]),
        ("[a + b for a in segments for b in segments][0:2]", [0, 7]),
        ("'big' if files[1].size > 4 else 'small'", "big"),
        ("is_present('source.path') and not is_present('source.nothing')", True),
        ("getattr('nothing', 10) + getattr('files[0].size')", 13),
        ("getattr('nothing')", None),
        ("pathsplit(source.path)", ["/runs", "run1217"]),
        ("_context.run_id", "the-run"),
        ("segments + [99]", [0, 7, 12, 99]),
        ("  run ", 1217),
        ("(1, 2)", [1, 2]),
        ("str(len(segments)) + ' of ' + str(`$.run`)", "3 of 1217"),
        ("`$.files[1]['name']` or `$.run`", "b.log"),
        ("'`$.run` stays ' + \"as `it` is\"", "`$.run` stays as `it` is"),
        ("[`$.run` + s for s in segments]", [1217, 1224, 1229]),
    ],
)  # fmt: skip
def test_expressions(text: str, value: Any) -> None:
    assert evaluate(text, STATE) == value


def test_a_path_in_backticks_must_be_there() -> None:
    with pytest.raises(StateError) as caught:
        evaluate("1 + `$.source.nothing`", STATE, "n.=")
    assert "'$.source.nothing' specified for the field 'n.=' could not be found" in caught.value.cause


@pytest.mark.parametrize(
    "text",
    [
        *("nothing + 1", "source.nothing", "1 +", "", "segments[9]", "1 / 0", "len(run)", "max(segments)", "rand"),
        *("'a' + 1", "`run`", "`$.run", "`$.files[*]`"),
        *("source.__class__", "run; 2", "lambda: 1", "[x for x in run]", "files[0].keys", "{1, 2}", "'%d' % 'x'"),
        *("2 ** 9999999999", "'a' * 10000000", "__import__('os')", "10.0 ** 1000"),
    ],
)
def test_a_bad_expression_is_a_runtime_error_that_names_it(text: str) -> None:
    with pytest.raises(StateError) as caught:
        evaluate(text, STATE, "DATA.=")
    assert caught.value.name == "States.Runtime"
    assert f"'{text}'" in caught.value.cause
    assert "'DATA.='" in caught.value.cause


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # what Python says of `1if` and `1()`, which are refused
@given(st.text(alphabet="runfilesgt .[](){}'+-*/%=,:0123456789@\\\n", max_size=30))
def test_any_text_gives_json_or_a_state_error(text: str) -> None:
    with contextlib.suppress(StateError):  # any other exception fails the test
        json.dumps(evaluate(text, STATE))


def test_an_expression_does_not_change_the_state() -> None:
    state = {"list": [3, 1], "object": {"a": 1}}
    evaluate("list", state).append(9)
    evaluate("list.append(5)", state)
    evaluate("getattr('list').append(5)", state)
    evaluate("object.update({'a': 2})", state)
    assert state == {"list": [3, 1], "object": {"a": 1}}


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/foo/bar/blech", ["/foo/bar", "blech"]),
        ("/~/path", ["/~/", "path"]),
        ("/~/a/b", ["/~/a", "b"]),
        ("/~/", ["/~/", ""]),
        ("/file", ["/", "file"]),
        ("file", ["", "file"]),
    ],
)
def test_pathsplit(path: str, parts: list[str]) -> None:
    assert pathsplit(path) == parts


def test_parameters_are_resolved_at_every_depth_and_private_ones_are_not_shown() -> None:
    parameters = {
        "constant": [1, {"n.$": "$.run"}],
        "path.$": "$.source.path",
        "secret.=": "'s' + source.collection",
        "inner": {"token": "t", "user": "u", "__Private_Parameters": ["token"]},
        "__Private_Parameters": ["secret"],
    }
    body = resolve(parameters, STATE)
    assert body == {
        "constant": [1, {"n": 1217}],
        "path": "/runs/run1217/",
        "secret": "sdtn",
        "inner": {"token": "t", "user": "u"},
    }
    assert public(parameters, body) == {"constant": [1, {"n": 1217}], "path": "/runs/run1217/", "inner": {"user": "u"}}


def test_a_missing_path_is_reported_in_the_words_of_the_service() -> None:
    with pytest.raises(StateError) as caught:
        resolve({"subject.$": "$.destination.path"}, STATE)
    assert caught.value.cause == (
        "The path '$.destination.path' specified for the field 'subject.$' could not be found in the state input."
    )


steps = st.lists(st.text("abc", min_size=1, max_size=2), max_size=4)
states = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
)


@given(states.filter(lambda state: isinstance(state, dict)), steps, st.integers())
def test_what_is_put_is_found_and_the_old_state_stays(state: Any, way: list[str], value: int) -> None:
    before = json.dumps(state)
    path = "$" + "".join(f".{step}" for step in way)
    try:
        after = paths.put(state, path, value)
    except StateError:  # something on the way is neither object nor missing
        return
    assert paths.find(after, path, "x") == value
    assert json.dumps(state) == before


def test_private_keys_are_not_visible() -> None:
    state = {"_private": {"a": 1}, "_private_key": 2, "list": [{"_private_x": 1, "y": 2}], "_other": 3}
    assert paths.visible(state) == {"list": [{"y": 2}], "_other": 3}


VALUES = {
    "s": "run-1217.evt", "star": "a*b", "n": 2, "f": 2.0, "b": True, "null": None, "n3": 3,
    "t": "2024-03-01T12:00:00Z", "t2": "2024-03-01T14:00:00+02:00", "later": "2024-03-02T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"Variable": "$.s", "StringEquals": "run-1217.evt"}, True),
        ({"Variable": "$.s", "StringEqualsPath": "$.star"}, False),
        ({"Variable": "$.s", "StringLessThan": "s"}, True),
        ({"Variable": "$.s", "StringGreaterThanEquals": "run-1217.evt"}, True),
        ({"Variable": "$.s", "StringMatches": "run-*.evt"}, True),
        ({"Variable": "$.s", "StringMatches": "*.log"}, False),
        ({"Variable": "$.s", "StringMatches": "run-1217.evt*"}, True),
        ({"Variable": "$.s", "StringMatches": "run.1217*"}, False),
        ({"Variable": "$.star", "StringMatches": r"a\*b"}, True),
        ({"Variable": "$.s", "StringMatches": r"run-\*"}, False),
        ({"Variable": "$.n", "NumericEquals": 2.0}, True),
        ({"Variable": "$.n", "NumericLessThanPath": "$.n3"}, True),
        ({"Variable": "$.n", "NumericGreaterThan": 2}, False),
        ({"Variable": "$.n", "NumericLessThanEquals": 2}, True),
        ({"Variable": "$.s", "NumericEquals": 2}, False),
        ({"Variable": "$.b", "NumericEquals": 1}, False),
        ({"Variable": "$.b", "BooleanEquals": True}, True),
        ({"Variable": "$.n", "BooleanEquals": True}, False),
        ({"Variable": "$.b", "BooleanEqualsPath": "$.b"}, True),
        ({"Variable": "$.t", "TimestampEqualsPath": "$.t2"}, True),
        ({"Variable": "$.t", "TimestampLessThan": "2024-03-01T12:00:01Z"}, True),
        ({"Variable": "$.later", "TimestampGreaterThanPath": "$.t"}, True),
        ({"Variable": "$.s", "TimestampLessThan": "2024-03-01T12:00:01Z"}, False),
        ({"Variable": "$.null", "IsNull": True}, True),
        ({"Variable": "$.n", "IsNull": False}, True),
        ({"Variable": "$.nothing.at.all", "IsPresent": False}, True),
        ({"Variable": "$.null", "IsPresent": True}, True),
        ({"Variable": "$.f", "IsNumeric": True}, True),
        ({"Variable": "$.b", "IsNumeric": True}, False),
        ({"Variable": "$.s", "IsString": True}, True),
        ({"Variable": "$.b", "IsBoolean": True}, True),
        ({"Variable": "$.t", "IsTimestamp": True}, True),
        ({"Variable": "$.s", "IsTimestamp": True}, False),
        ({"And": [{"Variable": "$.b", "BooleanEquals": True}, {"Variable": "$.n", "NumericEquals": 2}]}, True),
        ({"Or": [{"Variable": "$.n", "NumericEquals": 1}, {"Variable": "$.n", "NumericEquals": 2}]}, True),
        ({"Not": {"Variable": "$.n", "NumericEquals": 2}}, False),
    ],
)
def test_choice_rules(rule: dict[str, Any], holds: bool) -> None:
    assert choices.matches(rule, VALUES) is holds


def test_a_missing_variable_is_an_error() -> None:
    with pytest.raises(StateError, match=r"'\$\.nothing'"):
        choices.matches({"Variable": "$.nothing", "NumericEquals": 1}, VALUES)

"""Every code that is used is in the catalogue, and has a sentence with the parameters that it is given."""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowspec import catalogue, causes
from flowspec.catalogue import nested
from flowspec.cells import SUSPICIONS
from flowspec.conditions import Reason, reason

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ("flowspec", "remote", "console", "screens")
CAUSE = {"code": "file.empty"}
# What a parameter may be, where it is no number.
SAMPLES = {
    "stage": ["fit"],
    "stages": [["fit", "convert"]],
    "fault": ["FILE_NOT_FOUND"],
    "note": ["so it is"],
    "cause": [CAUSE, "so it is"],
    "cell": [CAUSE],
    "quarantined": [[CAUSE]],
    "segments": [[1, 4], 2],
    "left": [[1, 4], 2],
    "jobs": [["fit-03"]],
    "files": [["job.py"]],
    "lines": [["2 GB of 5 GB"], []],
    "states": [{"running": 2}, {}],
    "reasons": [{"Priority": 2}],
    "pending": [{"Priority": 1}, {}],
    "programs": [{"EventEditor": "/usr/bin/EventEditor"}],
}


def uses() -> Iterator[tuple[str, str, list[str] | None]]:
    """Where a reason is made of a literal code, the code, and the names of its parameters (None: not literal).

    Codes without a dot are parts of one: tests/flowspec/test_readiness_codes.py has these.
    """
    for path in (path for folder in HOUSE for path in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            code = node.args[0].value
            if name in ("reason", "Reason") and isinstance(code, str) and ("." in code or code == "words"):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", code, names(node)


def names(call: ast.Call) -> list[str] | None:
    if len(call.args) == 1:
        found = [keyword.arg for keyword in call.keywords]
    elif isinstance(call.args[1], ast.Dict):
        found = [key.value if isinstance(key, ast.Constant) else None for key in call.args[1].keys]
    else:
        found = [None]
    return None if None in found else [str(name) for name in found]


USES = list(uses())


def test_the_uses_are_found() -> None:
    found = {code: parameters for _, code, parameters in USES}
    assert {"task.hang", "file.there", "segment.quarantined"} <= found.keys()
    assert found["task.hang"] == ["since", "stage", "usual"]


@pytest.mark.parametrize(("where", "code", "names"), USES, ids=[f"{where} {code}" for where, code, _ in USES])
def test_a_code_that_is_used_has_a_sentence_with_these_parameters(where, code, names):
    assert code in catalogue.ENTRIES, where
    if names is None:
        return
    values = itertools.product(*(SAMPLES.get(name, [7]) for name in names))
    sentences = [catalogue.sentence(Reason(code, dict(zip(names, value, strict=True)))) for value in values]
    made = [words for words in sentences if words not in ("", code)]
    assert made, "no sentence, or not with these parameters"
    assert not any("?" in words for words in made), "the sentence names a parameter that is not given"


def test_every_code_of_a_cause_is_in_the_catalogue():
    assert {*causes._KINDS, causes.UNKNOWN, *SUSPICIONS} <= catalogue.ENTRIES.keys()


def test_no_code_has_two_entries():
    assert len(catalogue.ENTRIES) == sum(len(table) for table in catalogue.TABLES)


@pytest.mark.parametrize("code", [*catalogue.ENTRIES, "of.a-newer-console", ""])
def test_a_sentence_is_made_of_whatever_parameters_there_are(code):
    for parameters in ({}, {"words": "so it is"}, {"since": "x", "size": None, "stage": 7, "x": []}):
        assert isinstance(catalogue.sentence(Reason(code, parameters)), str)


def test_a_reason_may_be_a_parameter_of_another():
    cause = reason("segment.quarantined", segment=3, times=2, stages=["fit"], cause=nested(reason("file.empty")))
    why = reason("work.failed", stage="convert", segments=[3, 4], more=2, cause=nested(cause))
    assert catalogue.sentence(Reason(why.code, json.loads(why.dump()))) == (
        "convert of segments 03-04 and 2 more failed: segment 03 quarantined: failed twice at fit: "
        "the output is empty; enter shows it: x there waives it, r tries it once more"
    )

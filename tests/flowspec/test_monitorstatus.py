"""What the site's monitor says, in the console's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec import catalogue
from flowspec.monitorstatus import SILENT_SECONDS, answer, pending, problem, restartable, troubles

NOW = 1_000_000.0
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)
)


def endpoint(**other: Any) -> dict[str, Any]:
    return {"name": "frib-fit-mpi", "problem": "", "given_up": False, "refused": None, "blocks": [], **other}


def document(*endpoints: dict[str, Any], **other: Any) -> dict[str, Any]:
    told = {"schema": 1, "at": NOW, "ended": False, "problem": "", "endpoints": list(endpoints), "orphans": []}
    return {**told, **other}


def test_of_endpoints_that_are_well_nothing_is_said() -> None:
    assert problem(document(endpoint())) == ""
    assert troubles(document(endpoint()), NOW, NOW + SILENT_SECONDS) == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            document(endpoint(refused={"at": NOW, "words": "sbatch: error: Invalid license specification"})),
            "sbatch: error: Invalid license specification; mend account, qos or licences in endpoints.conf there",
        ),
        (
            document(endpoint(given_up=True, problem="given up after 5 restarts")),
            "see to frib-fit-mpi at the site: given up after 5 restarts",
        ),
        (document(problem="no squeue here"), "see to Slurm at the site: no squeue here"),
        (
            document(orphans=[{"job": "77", "child": "uep.1.2"}]),
            "block 77 is of uep.1.2, which is dead: scancel 77 at the site",
        ),
        (document(endpoint(), ended=True), "start it there, console site monitor"),
        (document(endpoint(problem="\x1b[2J gone")), "see to frib-fit-mpi at the site: "),
    ],
)
def test_what_is_wrong_is_one_sentence(told: dict[str, Any], words: str) -> None:
    assert problem(told) == ""
    (found,) = troubles(told, NOW, NOW)
    assert words in catalogue.sentence(found)
    assert "\x1b" not in catalogue.sentence(found)


def test_a_monitor_without_a_sign_of_life_is_silent() -> None:
    (found,) = troubles(document(endpoint()), NOW, NOW + SILENT_SECONDS + 1)
    assert "the site's monitor is silent since" in catalogue.sentence(found)


def test_the_reasons_of_blocks_that_wait_are_counted() -> None:
    blocks = [
        {"state": state, "reason": reason} for state, reason in [("PENDING", "Priority")] * 2 + [("RUNNING", "None")]
    ]
    assert pending(document(endpoint(blocks=blocks), endpoint(blocks=blocks[:1]))) == {"Priority": 3}


@given(JSON)
def test_what_no_monitor_writes_is_told_as_such(told: Any) -> None:
    assert problem(told) != ""


@pytest.mark.parametrize("key", document())
def test_a_document_that_lacks_something_is_none(key: str) -> None:
    told = document(endpoint())
    del told[key]
    assert key in problem(told)


def test_what_is_restarted_for_who_asks_is_told_by_a_monitor_that_lives() -> None:
    takes, older = endpoint(id="uuid", restarts_asked=True, given_up=True), endpoint(name="frib-convert", id="other")
    told = document(takes, older)
    assert problem(told) == ""
    assert restartable(told, NOW, NOW) == {"uuid": "frib-fit-mpi"}
    assert "E restarts frib-fit-mpi: given up" in catalogue.sentence(troubles(told, NOW, NOW)[0])
    assert restartable(told, NOW, NOW + SILENT_SECONDS + 1) == {}
    assert restartable(document(takes, ended=True), NOW, NOW) == {}
    assert restartable(document(endpoint(id="uuid", restarts_asked=False)), NOW, NOW) == {}


def test_an_answer_is_that_of_what_was_asked() -> None:
    told = document(endpoint(asked={"id": "one", "at": NOW, "done": True, "said": ""}))
    assert problem(told) == ""
    assert (answer(told, "one"), answer(told, "two"), answer(document(endpoint()), "one")) == ("", None, None)
    failed = document(endpoint(asked={"id": "one", "at": NOW, "done": False, "said": "runs on login07"}))
    assert answer(failed, "one") == "runs on login07"


@pytest.mark.parametrize("name", ["../../run1217/run-1217-00.evt", "frib-fit-mpi\n", ""])
def test_a_name_that_is_none_makes_no_path(name: str) -> None:
    assert problem(document(endpoint(name=name))) != ""

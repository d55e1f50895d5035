"""Every command of globus-cli that the sandbox serves: exit code, text and JSON, by the table."""

from __future__ import annotations

import json
import re
import shlex
from types import EllipsisType
from typing import Any

import pytest

from remote.sandbox.ids import DTN_COLLECTION, GUEST_COLLECTION, IDENTITY, SITE_COLLECTION
from tests import globus_cli_table, globus_cli_table_of_transfer
from tests.globus_cli_fixture import ASKING, Globus, globus  # noqa: F401  (fixture)
from tests.globus_cli_table import LEFT_OUT, Row
from tests.waiting import until

PASSING = {"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}}
WRONG = {"StartAt": "Go", "States": {"Go": {"Type": "Pass"}}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
PARTS = {
    "who": globus_cli_table.WHO,
    "flows": globus_cli_table.FLOWS + globus_cli_table.RUNS + globus_cli_table.GONE,
    "files": globus_cli_table_of_transfer.FILES,
    "transfers": globus_cli_table_of_transfer.TRANSFERS,
    "collections": globus_cli_table_of_transfer.COLLECTIONS,
}


@pytest.fixture(scope="module")
def known(globus, tmp_path_factory):
    """What stands in braces in the table."""
    documents = {"pass": PASSING, "wrong": WRONG, "schema": SCHEMA, "asking": ASKING}
    folder = tmp_path_factory.mktemp("documents")
    paths = {name: folder / f"{name}.json" for name in documents}
    for name, path in paths.items():
        path.write_text(json.dumps(documents[name]))
    results = globus.sandbox.dir / "dtn/results"
    for path in (
        "tree/a.root",
        "tree/below/b.root",
        *(f"rm-{form}/{n}.root" for form in ("text", "json") for n in "ab"),
    ):
        (results / path).parent.mkdir(parents=True, exist_ok=True)
        (results / path).write_bytes(b"root")
    for form in ("text", "json"):
        (results / f"rm-{form}/.hidden.root").write_bytes(b"root")
        (results / f"rm-{form}/kept.txt").write_bytes(b"text")
    ids = {"dtn": DTN_COLLECTION, "site": SITE_COLLECTION, "guest": GUEST_COLLECTION, "identity": IDENTITY}
    return {"nowhere": "00000000-0000-4000-8000-000000000000", "root": globus.sandbox.site_root, **ids, **paths}


@pytest.fixture(scope="module")
def asked(globus, known):
    """A flow run that waits for an answer, and its web input."""
    flow = globus.json("flows", "create", "Asking", known["asking"])["id"]
    known["begun"] = globus.json("flows", "start", flow)["run_id"]
    blocked = ("flows", "run", "show", known["begun"])
    known["input"] = until(lambda: globus.json(*blocked)["blocking_web_input_id"])


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.usefixtures("asked")
def test_the_commands_of_the_table(globus, known, part):
    found = []
    for row in PARTS[part]:
        if row.soon:
            until(lambda row=row: not ask(globus, row, known))
        else:
            found += ask(globus, row, known)
    assert not found, "\n".join(found)


def ask(globus: Globus, row: Row, known: dict[str, Any]) -> list[str]:
    """What is otherwise than the row has it."""
    forms = ["text", "json"] if row.json is not None else ["text"]
    found = []
    for form in forms:
        known["form"] = form
        words = shlex.split(row.words.format_map(known))
        done = globus.run(*words, *(["-F", "json"] if form == "json" else []), given=row.given)
        said = f"{done.stdout}{done.stderr}"
        where = f"globus {shlex.join(words)} ({form})"
        if done.returncode != row.code or "Traceback" in said:
            found.append(f"{where}: exit code {done.returncode}: {said}")
        elif form == "text":
            plain = " ".join(said.split())
            found += [f"{where}: no {one!r} in {plain}" for one in wanted(row.says, known) if one not in plain]
        else:
            document = json.loads(done.stdout or done.stderr)
            if not holds(document, wanted(row.json, known)):
                found.append(f"{where}: {document}")
            else:
                known |= {name: document[key] for name, key in row.keep}
    return found


def wanted(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return value.format_map(known)
    if isinstance(value, dict):
        return {key: wanted(one, known) for key, one in value.items()}
    return [wanted(one, known) for one in value] if isinstance(value, list | tuple) else value


def holds(document: Any, part: Any) -> bool:
    if isinstance(part, EllipsisType):
        return document is not None
    if isinstance(part, dict):
        return isinstance(document, dict) and all(key in document and holds(document[key], part[key]) for key in part)
    if isinstance(part, list):
        found = isinstance(document, list) and all(any(holds(one, value) for one in document) for value in part)
        return found and bool(part) == bool(document)
    return bool(document == part)


def test_every_command_is_in_the_table_or_left_out_for_a_reason(globus, capsys):
    there = re.findall(r"^    globus (.+)$", globus("list-commands"), re.MULTILINE)
    rows = [row.words for part in PARTS.values() for row in part]
    asked = {command for command in there if any(f"{row} ".startswith(f"{command} ") for row in rows)}
    left = {command for command in there if any(f"{command} ".startswith(f"{group} ") for group in LEFT_OUT)} - asked
    assert set(there) == asked | left
    assert len(asked) >= 30
    with capsys.disabled():
        print(f"\n{len(asked)} of {len(there)} commands, in {len(rows)} rows")

"""docs/from-the-scripts.md: each script of 2024 is there, the commands beside it exist, and so do the tests."""

from __future__ import annotations

import ast
import re
import shlex
from collections import Counter

import pytest

from tests import documents
from tests.docs_shift import name_of, parsed
from tests.documents import DOCS, ROOT, Documented

PAGE = DOCS / "from-the-scripts.md"
ROWS = documents.rows(PAGE.read_text())
# What the repository of 2024 had for its users, and how its README says it is called.
SCRIPTS = (
    *("venvcmd", "transfer_compute_mpi.py --rundir", "transfer_compute_mpi.py --watchdir", "--trigger-delay"),
    *("--dry-run", "dirwatch.py", "transfer_resorted.py", "deploy_flow.py", "--flowid", "flows_service.py"),
    *("fit_mpi.py --register-batch", "fit_mpi.py --register-callback", "convert.py --register-batch"),
    *("convert.py --register-callback", "analyze.py --register", "run_compute_fit_mpi.sh", "run_compute_convert.sh"),
    *("run_compute_analyze.sh", "run_compute_fit_mpi.sl", "run_compute_convert.sl", "run_compute_analyze.sl"),
    *("test_fit_mpi.py", "ep_launch/create.sh", "ep_launch/delete.py", "ep_launch/monitor.py", "ep_launch/gce"),
    *("config-frib-fit-mpi.yaml", "config-frib-convert.yaml", "config-frib-analysis.yaml", "transfer/"),
    *("transfer_compute/", "requirements.txt", "globus_flows/"),
)
# What the page says where nothing of ours does it, so that nothing can be tested.
NOTHING_YET = re.compile("by hand|none|templates to copy")
WITH_VALUES = {
    "ID": "00000000-0000-4000-8000-000000000000",
    "F": "definition.json",
    "T": "title",
    "FILE": "definition.json",
}


def test_each_script_of_2024_is_in_the_page() -> None:
    then = " ".join(row[0] for row in ROWS)
    assert [script for script in SCRIPTS if script not in then] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0] or row[2])
def test_the_commands_beside_a_script_are_those_of_the_console(row: tuple[str, ...]) -> None:
    _, _, now, _ = row
    quoted = documents.quoted(now)
    commands = [words for words in quoted if words.startswith("console ")]
    for words in commands:
        given = tuple(WITH_VALUES.get(word, word) for word in shlex.split(words))
        assert name_of(parsed(Documented(PAGE.name, given)))
    options = [words for words in quoted if words.startswith("--")]
    assert not options or commands, "options of what?"
    told = documents.section(DOCS / "commands.md", " ".join(commands[0].split()[:2])) if options else ""
    assert [option for option in options if f"`{option}" not in told] == []
    files = [words for words in quoted if words.startswith(("remote/", "flowspec/"))]
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0] or row[2])
def test_a_test_runs_what_stands_beside_a_script(row: tuple[str, ...]) -> None:
    _, _, now, tests = row
    named = documents.quoted(tests)
    assert bool(named) or NOTHING_YET.search(now), "no test, and not by hand"
    assert [name for name in named if DEFINED[name] != 1] == []


def _tests() -> Counter[str]:
    """How often each name of a test is defined."""
    found = Counter[str]()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                found[node.name] += 1
    return found


DEFINED = _tests()

"""Facts are columns: SQL has its room, no program reads a sentence back, and a state is written in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEDGER = ROOT / "console" / "ledger"
SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(CREATE|ALTER|DROP)\s+TABLE|PRAGMA)\b",
    re.DOTALL,
)
# What is made of codes for people. Text that came from outside has other names: cause, description, exception.
SENTENCES = {"why", "because", "sentence", "words", "note", "reason", "answer", "problem", "told"}
READING = {
    "startswith",
    "endswith",
    "removeprefix",
    "removesuffix",
    "partition",
    "rpartition",
    "find",
    "index",
    "split",
}
# Where the answer to a request is JSON (`dry`), or a line of a form is typed by the operator.
ALLOWED: set[str] = set()


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "tools/bin" not in str(path) and "site/kit" not in str(path):
                yield path, ast.parse(path.read_text(), str(path))


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """String literals; of an f-string all literal parts together."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part for part in node.values if isinstance(part, ast.Constant)]
            inside |= {id(part) for part in parts}
            yield node.lineno, "?".join(str(part.value) for part in parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_sql_is_in_the_ledger_only() -> None:
    found = [
        where(path, line)
        for path, tree in sources("console", "screens", "flowspec")
        if LEDGER not in path.parents
        for line, text in strings(tree)
        if SQL.match(text)
    ]
    assert found == []


def _reads_a_sentence(node: ast.AST) -> bool:
    """`x.why.startswith(...)`, `"..." in x.why`, `re.search(pattern, x.why)`."""

    def sentence(value: ast.AST) -> bool:
        return (isinstance(value, ast.Attribute) and value.attr in SENTENCES) or (
            isinstance(value, ast.Subscript)
            and isinstance(value.slice, ast.Constant)
            and value.slice.value in SENTENCES
        )

    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in READING and sentence(node.func.value):
            return True
        return node.func.attr in ("search", "match", "fullmatch", "findall") and any(map(sentence, node.args))
    if isinstance(node, ast.Compare):
        return any(
            isinstance(op, ast.In | ast.NotIn) and sentence(value)
            for op, value in zip(node.ops, node.comparators, strict=True)
        )
    return False


def test_no_program_reads_a_sentence_back() -> None:
    found = [
        where(path, node.lineno)
        for path, tree in sources("console", "screens", "flowspec")
        for node in ast.walk(tree)
        if _reads_a_sentence(node) and where(path, node.lineno).partition(":")[0] not in ALLOWED
    ]
    assert found == []


def test_no_query_searches_in_words() -> None:
    found = [
        where(path, line)
        for path, tree in sources("console")
        for line, text in strings(tree)
        if re.search(r"\binstr\s*\(|\bLIKE\b|\bGLOB\b", text) and SQL.match(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "snippet", ['run.why.startswith("x")', '"x" in row["why"]', "P.search(cell.why)", "a.note not in b.note"]
)
def test_the_check_finds_what_it_looks_for(snippet: str) -> None:
    assert any(map(_reads_a_sentence, ast.walk(ast.parse(snippet))))


def test_a_state_is_written_by_a_move_only() -> None:
    """Also not as a column of `set_run`, `set_attempt`, `update`; rows begin with the first state in their INSERT."""
    found = []
    for path, tree in sources("console"):
        for node in ast.walk(tree):
            if path == LEDGER / "moves.py" or not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("set_run", "set_attempt", "update") and any(k.arg == "state" for k in node.keywords):
                found.append(where(path, node.lineno))
        for line, text in strings(tree):
            if re.match(r"\s*UPDATE (runs|attempts) SET[^;]*\bstate\b", text):
                found.append(where(path, line))
    assert found == []

"""docs/developers.md tells the truth: what it names is there, each step names its file, each term stands once."""

from __future__ import annotations

import ast
import builtins
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from flowspec import catalogue
from flowspec.conditions import Topic
from tests import documents
from tests.documents import DOCS, PAGES, ROOT

PAGE = DOCS / "developers.md"
HOUSE = ("flowspec", "remote", "console", "screens")
_PATH = re.compile(rf"(?:{'|'.join(HOUSE)}|tests|docs|\.ci)/[\w./-]*")
_FILE = re.compile(r"[\w-]+\.(?:py|sql|toml|md)")
WAYS = ("One run's way, from disk to screen", "One key's way, from press to effect")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_that_the_docs_name_are_there(page: Path) -> None:
    named = [words for words in documents.quoted(page.read_text()) if _PATH.fullmatch(words)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_files_that_are_named_without_a_path_are_there() -> None:
    """At the root, or in the folder that the same paragraph begins with: "In `flowspec/`: ..."."""
    missing = []
    for paragraph in PAGE.read_text().split("\n\n"):
        quoted = documents.quoted(paragraph)
        folders = [ROOT, *(ROOT / words for words in quoted[:1] if words.endswith("/"))]
        files = [words for words in quoted if _FILE.fullmatch(words)]
        missing += [file for file in files if not any((folder / file).exists() for folder in folders)]
    assert missing == []


@pytest.mark.parametrize("way", WAYS)
def test_each_step_of_a_way_through_the_house_names_its_file(way: str) -> None:
    steps = re.findall(r"^\d+\. (.*?)(?=^\d+\. |\n\n)", documents.section(PAGE, way), re.M | re.S)
    assert len(steps) > 5
    assert [step for step in steps if not re.search(r"`[\w/]+\.(?:py|json)`", step)] == []


# ---- names of the code


@functools.cache
def names() -> dict[str, set[str]]:
    """What each module and each class of the house defines, by their bare names."""
    found: dict[str, set[str]] = {}
    for path in (path for folder in HOUSE for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text())
        module = path.parent.name if path.name == "__init__.py" else path.stem
        found.setdefault(module, set()).update(_defined(tree.body))
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(_defined(node.body))
    return found


def _defined(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
            if isinstance(target, ast.Name):
                yield target.id


def test_functions_that_are_named_are_where_they_are_said_to_be() -> None:
    quoted = (words for words in documents.quoted(PAGE.read_text()) if not _FILE.fullmatch(words))
    dotted = [found.groups() for words in quoted if (found := re.fullmatch(r"(\w+)\.(\w+)", words))]
    of_the_house = [(a, b) for a, b in dotted if a in names() and f"{a}.{b}" not in catalogue.ENTRIES]
    assert len(of_the_house) > 10
    assert [f"{owner}.{name}" for owner, name in of_the_house if name not in names()[owner]] == []


def test_classes_and_constants_that_are_named_are_there() -> None:
    everything = set(dir(builtins)).union(*names().values())
    quoted = documents.quoted(PAGE.read_text())
    named = [words for words in quoted if re.fullmatch(r"(?:[A-Z][a-z]+)+|[A-Z]+(?:_[A-Z]+)+|[A-Z]{6,}", words)]
    assert len(named) > 10
    assert [name for name in named if name not in everything] == []


# ---- tables


def test_terms_stand_in_the_glossary_once_and_in_order() -> None:
    terms = [term.lower() for term, _ in documents.rows(documents.section(PAGE, "Glossary"))]
    assert len(terms) > 60
    assert terms == sorted(set(terms))


def test_topics_are_those_of_conditions() -> None:
    topics = documents.rows(documents.section(PAGE, "States, conditions and sentences"))
    assert [topic.strip("`") for topic, *_ in topics] == [topic.value for topic in Topic]


def test_rooms_are_those_of_console() -> None:
    rooms = [room.strip("`") for room, _ in documents.rows(documents.section(PAGE, "The house"))]
    folders = {f"console/{path.parent.name}/" for path in (ROOT / "console").glob("*/__init__.py")}
    files = {f"console/{path.name}" for path in (ROOT / "console").glob("[a-z]*.py")}
    assert sorted(rooms) == sorted(folders | files)

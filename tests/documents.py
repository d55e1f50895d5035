"""The documentation as data: its commands, sections, tables and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")))

_COMMAND = re.compile(r"\s*(\./venvcmd|console) ")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Documented:
    """A command as the documentation tells it; `words` are without ./venvcmd."""

    where: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.where}: {' '.join(self.words)}"


def commands() -> list[Documented]:
    """Every command in a code block, once."""
    found: dict[tuple[str, ...], Documented] = {}
    for page in PAGES:
        for number, line in _code_lines(page):
            if _COMMAND.match(line):
                words = tuple(shlex.split(line, comments=True))
                words = words[1:] if words[0] == "./venvcmd" else words
                found.setdefault(words, Documented(f"{page.relative_to(ROOT)}:{number}", words))
    return list(found.values())


def _code_lines(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of code blocks, fenced or indented, with their numbers."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def section(page: Path, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    text = page.read_text()
    found = re.search(rf"^(#+) {re.escape(heading)}\n", text, re.M)
    assert found, f"{page.name} has no section {heading!r}"
    end = re.compile(rf"^#{{1,{len(found[1])}}} ", re.M).search(text, found.end())
    return text[found.end() : end.start() if end else len(text)]


def headings(page: Path, level: int) -> list[str]:
    return re.findall(rf"^#{{{level}}} (.*)$", page.read_text(), re.M)


def rows(text: str) -> list[tuple[str, ...]]:
    """The rows of all tables in a text, without their heads."""
    found: list[tuple[str, ...]] = []
    for line in text.splitlines():
        if re.fullmatch(r"[|\s:-]+", line) and line.startswith("|"):
            found.pop()  # the line before it was the head
        elif line.startswith("|"):
            found.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return found


def quoted(text: str) -> list[str]:
    """What stands in backticks, without their line breaks."""
    return [
        " ".join(piece.split())
        for piece in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    ]


def links(page: Path) -> list[str]:
    return _LINK.findall(page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as code hosts make them."""
    found = (heading for level in range(1, 5) for heading in headings(page, level))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}

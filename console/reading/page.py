"""A page of headings, lines and tables, as text, Markdown or HTML. What stands in it may have come from outside."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from flowspec import text

LEAST_WIDTH = 16  # cells of the last column, which takes what the others leave


@dataclass(frozen=True)
class Section:
    """Lines, then a table; `aligned` has an `r` at the place of each column that stands at the right."""

    heading: str
    lines: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    aligned: str = ""


@dataclass(frozen=True)
class Page:
    title: str
    sections: tuple[Section, ...]


def as_text(page: Page, width: int) -> list[str]:
    """Lines of at most `width` cells; the last column of a table is wrapped."""
    lines = _wrapped(page.title, width)
    for section in page.sections:
        lines += ["", *_wrapped(section.heading.upper(), width)]
        for line in section.lines:
            lines += _wrapped(line, width)
        lines += _table(section, width)
    return lines


def _wrapped(words: str, width: int) -> list[str]:
    """Every word of it; a word that is longer than a line is cut."""
    found = text.wrap(words, width, 1 + text.cells(text.clean(words)))
    return [line for line in found if line] or [""]


def _table(section: Section, width: int) -> list[str]:
    if not section.rows:
        return []
    rows = [section.heads, *section.rows]
    widths = [max(text.cells(text.clean(row[place])) for row in rows) for place in range(len(section.heads) - 1)]
    rest = max(LEAST_WIDTH, width - sum(widths) - 2 * len(widths))
    lines = []
    for row in rows:
        fitted = [
            text.fit(words, cells, right=section.aligned[place : place + 1] == "r")
            for place, (words, cells) in enumerate(zip(row[:-1], widths, strict=True))
        ]
        last = _wrapped(row[-1], rest)
        indent = " " * (sum(widths) + 2 * len(widths))
        lines.append("  ".join([*fitted, last[0]]).rstrip())
        lines += [f"{indent}{line}" for line in last[1:]]
    return lines


def as_markdown(page: Page) -> str:
    parts = [f"# {_marked(page.title)}"]
    for section in page.sections:
        parts += ["", f"## {_marked(section.heading)}", ""]
        parts += [f"- {_marked(line)}" for line in section.lines]
        if section.rows:
            rule = ["---:" if section.aligned[i : i + 1] == "r" else "---" for i in range(len(section.heads))]
            parts += [""] if section.lines else []
            parts += [_row(section.heads), f"| {' | '.join(rule)} |", *map(_row, section.rows)]
    return "\n".join(parts) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_marked(cell) or '-' for cell in cells)} |"


def _marked(words: str) -> str:
    """Text that Markdown takes as it is: neither markup, nor HTML, nor a further column."""
    return "".join(f"\\{c}" if c in "\\`*_[]|#~" else html.escape(c, quote=False) for c in text.clean(words))


_STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}"
    "table{border-collapse:collapse;margin:.5rem 0}td,th{padding:.15rem .8rem .15rem 0;text-align:left;"
    "vertical-align:top;border-bottom:1px solid #ddd}.r{text-align:right}h2{font-size:1.1rem;margin-top:1.6rem}"
)


def as_html(page: Page) -> str:
    """One file that needs no other and runs nothing."""
    parts = [
        "<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_escaped(page.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_escaped(page.title)}</h1>",
    ]  # fmt: skip
    for section in page.sections:
        parts.append(f"<h2>{_escaped(section.heading)}</h2>")
        parts += [f"<p>{_escaped(line)}</p>" for line in section.lines]
        if section.rows:
            parts += ["<table>", _cells("th", section.heads, section.aligned)]
            parts += [_cells("td", row, section.aligned) for row in section.rows]
            parts.append("</table>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _cells(tag: str, row: Sequence[str], aligned: str) -> str:
    made = (
        f'<{tag} class="r">{_escaped(c)}</{tag}>' if aligned[i : i + 1] == "r" else f"<{tag}>{_escaped(c)}</{tag}>"
        for i, c in enumerate(row)
    )
    return f"<tr>{''.join(made)}</tr>"


def _escaped(words: str) -> str:
    return html.escape(text.clean(words))

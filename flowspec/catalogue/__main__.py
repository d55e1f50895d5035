"""Prints docs/sentences.md: `python -m flowspec.catalogue`. The times in it are those of UTC."""

from __future__ import annotations

import os
import time

from flowspec import catalogue
from flowspec.catalogue import cancel, failures, outcomes, queue, readiness, site, work
from flowspec.catalogue.entry import Entry
from flowspec.catalogue.examples import examples
from flowspec.conditions import Severity

_PAGE = """# The sentences

Printed by `./venvcmd python -m flowspec.catalogue`; a test holds this page and the code together. For each reason: its
code; whether it is slow or **stuck** (goes on only when a person acts), and who can end it; the short form, which
stands in WHY of the run; and below it the whole sentence. Names, numbers and times are examples. What to do is in
[operators](operators.md).

{groups}
"""
_GROUPS = (
    ("What lies in the run directory", readiness.TABLE),
    ("What a queued run waits for, and its attempt", queue.TABLE),
    ("What is said of one stage of one segment", work.TABLE),
    ("Why work failed", failures.TABLE),
    ("How attempts and runs end, and the events", outcomes.TABLE),
    ("What is seen of a cancelled attempt", cancel.TABLE),
    ("How the site is", site.TABLE),
)


def page() -> str:
    """docs/sentences.md."""
    return _PAGE.format(groups="\n\n".join(_group(title, table) for title, table in _GROUPS))


def _group(title: str, table: tuple[Entry, ...]) -> str:
    head = "| code | | in short, and whole |\n|---|---|---|"
    return f"## {title}\n\n{head}\n" + "\n".join(_row(entry) for entry in table)


def _row(entry: Entry) -> str:
    severity = {Severity.NORMAL: "", Severity.SLOW: "slow", Severity.STUCK: "**stuck**"}[entry.severity]
    said = " <br> ".join(_said(catalogue.row(one), catalogue.sentence(one)) for one in examples(entry))
    return f"| `{entry.code}` | {', '.join(filter(None, (severity, entry.owner.value)))} | {said} |"


def _said(short: str, whole: str) -> str:
    cells = [whole] if short == whole else [short, whole]
    return "<br>".join(f"`{cell}`".replace("|", "\\|") for cell in cells)


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    print(page(), end="")

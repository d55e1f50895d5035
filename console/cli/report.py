"""`console report`: what happened in a shift, to hand over."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict

from console.cli.asking import as_json, settings_of
from console.cli.events import since_of
from console.ledger.store import Ledger
from console.reading.page import as_html, as_markdown, as_text
from console.reading.report import report as read_report
from console.reading.report_page import page

WIDTHS = (40, 120)  # cells of the text: as wide as the terminal, within these


def report(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    ledger = Ledger(settings.ledger, read_only=True)
    found = read_report(ledger, settings.experiment, since_of(options.since, ledger.now()))
    if options.format == "json":
        print(as_json({"schema": 1, **asdict(found)}))
    elif options.format == "html":
        print(as_html(page(found)), end="")
    elif options.format == "md":
        print(as_markdown(page(found)), end="")
    else:
        print("\n".join(as_text(page(found), _width())))
    return 0


def _width() -> int:
    return min(max(shutil.get_terminal_size((100, 24)).columns, WIDTHS[0]), WIDTHS[1])

"""The arguments of the commands that tell what happened, and of those with which people tell each other."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

FORMATS = ("text", "md", "html", "json")
Number = Callable[[str], int]


def add_events(command: argparse.ArgumentParser, run: Number) -> None:
    command.add_argument("--follow", action="store_true", help="go on with what happens, until ctrl+c")
    command.add_argument("--since", metavar="TIME", help="8h, 30m, 00:00 or a date (8h; of a run: all)")
    command.add_argument("--run", type=run, metavar="N", help="only of this run")


def add_dossier(command: argparse.ArgumentParser, run: Number) -> None:
    command.add_argument("run", type=run, metavar="RUN")
    command.add_argument("--output", type=Path, metavar="FILE", help="the file (run-RUN-dossier.tar.gz)")


def add_preview(command: argparse.ArgumentParser, run: Number) -> None:
    command.add_argument("run", type=run, metavar="RUN")
    command.add_argument(
        "--previous", type=lambda given: given if given == "none" else run(given), metavar="RUN",
        help="the run to compare with, or none (the last done run before it)",
    )  # fmt: skip


def add_note(command: argparse.ArgumentParser, run: Number) -> None:
    command.add_argument("run", type=run, metavar="RUN")
    command.add_argument("text", nargs="+", metavar="TEXT")


def add_claim(command: argparse.ArgumentParser, run: Number) -> None:
    command.add_argument("run", type=run, metavar="RUN")
    command.add_argument("--undo", action="store_true", help="it is nobody's again")


def add_report(command: argparse.ArgumentParser) -> None:
    command.add_argument("--since", metavar="TIME", default="8h", help="8h, 30m, 00:00 or a date (8h)")
    command.add_argument("--format", choices=FORMATS, default="text", help="text, Markdown, HTML or JSON (text)")

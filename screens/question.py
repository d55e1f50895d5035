"""A question that is asked before something is done. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_LINES, LONGEST_LINE = 8, 110  # of a plan in a question


@dataclass(frozen=True)
class Question:
    """What to ask before something is done: the consequence in sentences, and what the two answers are called.

    With a `word`, yes is to type that word and press enter. `others` are further answers, beside yes and no; without
    `yes` there are only those.
    """

    title: str
    consequence: tuple[str, ...]
    yes: str
    no: str = "No, go back"
    word: str = ""
    others: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """All but no, as they are numbered for who asked."""
        return tuple(filter(None, (self.yes, *self.others)))


def plan_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """What fits of a plan into a question on a small terminal; the command line shows the rest."""
    short = [line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…" for line in lines]
    if len(short) <= MOST_LINES:
        return tuple(short)
    more = f"and {len(short) - MOST_LINES + 1} lines more: console retry --dry-run tells all"
    return (*short[: MOST_LINES - 1], more)

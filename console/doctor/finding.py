"""What a check has found: one line, the same for command, JSON and screen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from flowspec import text

NAME_WIDTH = 9  # of a check; its name may be longer


class Verdict(Enum):
    """`WARN`: work goes on with it, and somebody should know."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"

    @property
    def mark(self) -> str:
        return {Verdict.OK: "ok", Verdict.WARN: "!", Verdict.BAD: "NO"}[self]


@dataclass(frozen=True)
class Finding:
    """`check` is the name of the check, a word; `next_step` is what ends it, of one that is not ok."""

    check: str
    verdict: Verdict
    said: str
    next_step: str = ""

    @property
    def words(self) -> str:
        return text.clean("; ".join(filter(None, (self.said, self.next_step))))

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Finding:
        return cls(**{**document, "verdict": Verdict(document["verdict"])})


def ok(check: str, said: str) -> Finding:
    return Finding(check, Verdict.OK, said)


def warn(check: str, said: str, next_step: str) -> Finding:
    return Finding(check, Verdict.WARN, said, next_step)


def bad(check: str, said: str, next_step: str) -> Finding:
    return Finding(check, Verdict.BAD, said, next_step)


def is_go(findings: Iterable[Finding]) -> bool:
    return all(finding.verdict is not Verdict.BAD for finding in findings)


def outcome(findings: Sequence[Finding]) -> str:
    """`GO`, or `NO-GO`, with how many lines are not well."""
    found = [finding.verdict for finding in findings]
    wrong, doubtful = found.count(Verdict.BAD), found.count(Verdict.WARN)
    counts = [f"{wrong} bad"] * bool(wrong) + [text.counted(doubtful, "warning")] * bool(doubtful)
    return ", ".join(["NO-GO" if wrong else "GO", *counts])


def line(finding: Finding) -> str:
    return f"{finding.verdict.mark:2}  {finding.check:{NAME_WIDTH}}  {finding.words}"

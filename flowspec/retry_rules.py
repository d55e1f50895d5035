"""Which failures are done again without a person, and how often: rules of a site beside those of `causes.py`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from flowspec.causes import Kind
from flowspec.quarantine import Failure


@dataclass(frozen=True)
class RetryRule:
    """Failures with this code, at this stage or (None) at any, are done again `times` in a row, `pause` s apart.

    0 times: never by themselves, also where the cause passes by itself.
    """

    code: str
    times: int
    pause: float
    stage: str | None = None


def rule_for(rules: Sequence[RetryRule], failure: Failure) -> RetryRule | None:
    """The first rule that fits."""
    fitting = (r for r in rules if r.code == failure.reason.code and r.stage in (None, failure.stage.value))
    return next(fitting, None)


def by_rules(rules: Sequence[RetryRule], found: Iterable[Failure]) -> list[Failure]:
    """The failures, each of the kind that its rule makes it: what is to be done again passes by itself."""
    ruled = []
    for failure in found:
        rule = rule_for(rules, failure)
        kind = failure.kind if rule is None else Kind.PASSES if rule.times else Kind.STAYS
        ruled.append(replace(failure, kind=kind))
    return ruled

"""The first rule that fits says whether a failure is done again by itself."""

from __future__ import annotations

from flowspec.causes import Kind
from flowspec.conditions import Reason
from flowspec.quarantine import Failure
from flowspec.retry_rules import RetryRule, by_rules, rule_for
from flowspec.stages import Stage

AT_FIT = RetryRule("failed.abort", 2, 5.0, "fit")
NEVER = RetryRule("failed.worker", 0, 5.0)
ANYWHERE = RetryRule("failed.abort", 9, 60.0)


def failure(stage: Stage, code: str, kind: Kind) -> Failure:
    return Failure(1, stage, 7, kind, Reason(code))


def test_the_first_rule_of_code_and_stage_counts() -> None:
    rules = (AT_FIT, NEVER, ANYWHERE)
    assert rule_for(rules, failure(Stage.FIT, "failed.abort", Kind.STAYS)) is AT_FIT
    assert rule_for(rules, failure(Stage.CONVERT, "failed.abort", Kind.STAYS)) is ANYWHERE
    assert rule_for(rules, failure(Stage.FIT, "failed.time", Kind.STAYS)) is None


def test_what_a_rule_has_done_again_passes_by_itself_and_what_it_never_has_stays() -> None:
    found = [
        failure(Stage.FIT, "failed.abort", Kind.STAYS),
        failure(Stage.FIT, "failed.worker", Kind.PASSES),
        failure(Stage.FIT, "failed.site", Kind.PASSES),
    ]
    assert [f.kind for f in by_rules((AT_FIT, NEVER), found)] == [Kind.PASSES, Kind.STAYS, Kind.PASSES]

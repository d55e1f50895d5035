"""Failures are alike by stage, code and words, whatever run and segment they are of."""

from __future__ import annotations

from flowspec.alike import failure_kind
from flowspec.catalogue import nested
from flowspec.conditions import Reason, reason


def failed(run: int, words: str, stage: str = "fit", code: str = "failed.fitconf", rc: int = 134) -> Reason:
    said = f"{stage} of run {run} segment {run % 7:02d}: return code {rc}: {words} (/e21062/run{run}/x.evt)"
    at_the_place = reason(code, words=said, rc=rc)
    cause = reason("work.failed", stage=stage, segments=[run % 7], more=0, cause=nested(at_the_place))
    return reason("outcome.failed", cause=nested(cause), count=run % 3)


def test_run_segment_path_and_count_do_not_matter() -> None:
    one, other = (failure_kind(failed(run, "insufficient data points")) for run in (1213, 1304))
    assert one == other
    assert one is not None
    assert (one.stage, one.code) == ("fit", "failed.fitconf")


def test_another_stage_code_return_code_or_cause_is_another_kind() -> None:
    kinds = {
        failure_kind(failed(1213, "insufficient data points")),
        failure_kind(failed(1213, "insufficient data points", stage="convert")),
        failure_kind(failed(1213, "insufficient data points", code="failed.abort")),
        failure_kind(failed(1213, "insufficient data points", rc=139)),
        failure_kind(failed(1213, "Failed to find endpoint")),
    }
    assert len(kinds) == 5


def test_only_a_failure_of_an_attempt_has_a_kind() -> None:
    assert failure_kind(Reason("outcome.held")) is None
    whole = failure_kind(reason("outcome.failed", cause=nested(reason("failed.login", words="consent is missing"))))
    assert whole is not None
    assert (whole.stage, whole.code, whole.signature) == ("", "failed.login", "consent is missing")

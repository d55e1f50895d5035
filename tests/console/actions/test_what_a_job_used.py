"""What a job used, from its report to the lines of the run's detail."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from console.actions.report_files import parse
from console.ledger.job_reports import JobReport, ReportState, RequestedReport
from flowspec.stages import Stage
from screens.rows.sections import job_rows

USED: dict[str, Any] = {"peak": 42_735_067_955, "memory_limit": 40 << 30, "cpu": 1800.5, "scratch": 5_100_000_000}


def shown(told: JobReport) -> str:
    asked = RequestedReport(1, 12, 1, 5.0, Stage.FIT, 3, ReportState.THERE, "", "driver", 5.0, None, None, 5.0, told)
    return "".join(words for row in job_rows(SimpleNamespace(jobs=(), reports=[asked]), 3) for words, _ in row.pieces)


def test_what_a_job_used_is_shown_of_how_much_there_was() -> None:
    told = JobReport(**parse(json.dumps(USED).encode()))
    assert (told.peak, told.memory_limit, told.cpu_seconds, told.scratch) == tuple(USED.values())
    assert "  cpu 30 m  memory 39.8 GB of 40.0 GB  scratch 5.1 G" in shown(told)


@pytest.mark.parametrize("value", [None, True, "40 GB", [], 1e300, float("nan")])
def test_what_is_no_number_was_not_told(value: object) -> None:
    told = JobReport(**parse(json.dumps(dict.fromkeys(USED, value)).encode()))
    assert told == JobReport()
    assert "memory" not in shown(told)

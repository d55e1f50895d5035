"""Somebody has one run worked on while it is recorded, though the profile does not, and stops that again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.ledger import runs
from flowspec.states import AttemptState, RunState
from tests.pipeline_fixture import Pipeline, console  # noqa: F401  (a fixture)
from tests.streaming_fixture import early, recording, streaming_pipeline
from tests.waiting import until


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with streaming_pipeline(tmp_path / "sandbox", streaming=False) as opened:
        opened.start_driver()
        yield opened


def _closed(pipeline: Pipeline) -> list[int]:
    found = runs.run(pipeline.ledger, 7)
    return sorted(found.closed) if found else []


def test_one_run_is_streamed_and_then_not(pipeline: Pipeline, console: Callable[..., str]) -> None:
    taking = recording(pipeline, 7, segments=5)
    for segment in (0, 1):
        taking.write(segment)
    taking.write(2, part=0.5)
    until(lambda: _closed(pipeline) == [0, 1])
    assert json.loads(console("status", "7", "--json"))["run"]["streams"] is False
    assert early(pipeline, 7) == []
    assert console("stream", "7").startswith("run 7 is streamed")
    until(lambda: early(pipeline, 7) == [((0, 1), AttemptState.SUCCEEDED)], told=lambda: str(early(pipeline, 7)))
    seen = json.loads(console("status", "7", "--json"))["run"]
    assert (seen["streaming"], seen["gauge"]["closed"], seen["gauge"]["converted"]) == (True, 2, 2)
    assert "work: keeps up, 2 of 2 closed segments converted" in console("status", "7")
    assert "nothing more of it is begun before its end" in console("unstream", "7")
    taking.write(2)
    taking.write(3)
    taking.write(4, part=0.5)
    until(lambda: _closed(pipeline) == [0, 1, 2, 3])
    taking.end()
    pipeline.wait_for(7, RunState.DONE)
    assert early(pipeline, 7) == [((0, 1), AttemptState.SUCCEEDED)]
    assert "run 7 is done: only a run that is still recorded can be streamed or not" in console("stream", "7", code=1)
    report = json.loads(console("report", "--format", "json"))
    assert (report["delayed"], report["delayed_streamed"]) == (0, 1)

"""A pipeline that works on what is closed of runs while they are recorded, and what of it there is to ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console.ledger import attempts
from flowspec.states import AttemptState, RunState
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.recording import Recording
from tests.sandbox_records import records


@contextmanager
def streaming_pipeline(directory: Path, *, policy: str = "", **options: Any) -> Iterator[Pipeline]:
    """Two closed segments make an early attempt. Its driver is to be started; `options` are those of the sandbox."""
    with running_pipeline(directory, **options) as opened:
        profile = opened.profile.read_text()
        profile = profile.replace("look_interval = 1.0", "look_interval = 0.3")
        policy = f"[policy]\nstreaming = true\nstreaming_segments = 2\nsettle = 0.3\n{policy}"
        opened.profile.write_text(profile.replace("[policy]\n", policy))
        yield opened


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with streaming_pipeline(tmp_path / "sandbox") as opened:
        opened.start_driver()
        yield opened


def recording(pipeline: Pipeline, run: int, segments: int) -> Recording:
    return Recording(pipeline.sandbox.directory / "daq", pipeline.settings.dtn.runs, run, segments)


def early(pipeline: Pipeline, run: int) -> list[tuple[tuple[int, ...], AttemptState]]:
    """The segments of each early attempt of a run, and where it stands."""
    return [(a.plan.expected, a.state) for a in attempts.attempts(pipeline.ledger, run) if a.plan.early]


def converted(pipeline: Pipeline, run: int) -> list[int]:
    """The segments that early attempts have converted."""
    return sorted(n for expected, state in early(pipeline, run) if state is AttemptState.SUCCEEDED for n in expected)


def ended_with(pipeline: Pipeline, run: int, **functions: int) -> None:
    """It is done, and the site was asked for each function so often."""
    pipeline.wait_for(run, RunState.DONE)
    assert records(pipeline.sandbox.directory).functions(run) == functions

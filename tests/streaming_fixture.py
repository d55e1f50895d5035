"""A pipeline that works on what is closed of runs while they are recorded, and what is to be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uproot

from console.ledger import attempts, events, runs
from flowspec import names
from flowspec.ringitems import ItemType
from flowspec.states import AttemptState, RunState
from remote.sandbox.tools.eeconverter import TREE
from tests.pipeline_fixture import Pipeline, running_pipeline
from tests.recording import Recording, items
from tests.sandbox_records import records


@contextmanager
def streaming_pipeline(
    directory: Path, *, streaming: bool = True, policy: str = "", **options: Any
) -> Iterator[Pipeline]:
    """Two closed segments make an early attempt. Its driver is to be started; `options` are those of the sandbox."""
    with running_pipeline(directory, **options) as opened:
        profile = opened.profile.read_text()
        profile = profile.replace("look_interval = 1.0", "look_interval = 0.3")
        policy = f"[policy]\nstreaming = {str(streaming).lower()}\nstreaming_segments = 2\nsettle = 0.3\n{policy}"
        opened.profile.write_text(profile.replace("[policy]\n", policy))
        yield opened


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with streaming_pipeline(tmp_path / "sandbox") as opened:
        opened.start_driver()
        yield opened


def recording(pipeline: Pipeline, run: int, segments: int, events: int = 20) -> Recording:
    return Recording(pipeline.sandbox.directory / "daq", pipeline.settings.dtn.runs, run, segments, events)


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


def told(pipeline: Pipeline, run: int) -> list[str]:
    """The events of a run, oldest first: as the screen and `console events` have them."""
    return [event.text for event in reversed(events.of_run(pipeline.ledger, run, 1000))]


def of_what_is_there(pipeline: Pipeline, run: int) -> bool:
    """Whether each segment was converted from the file that is at the DTN now: it has as many events."""
    found = runs.run(pipeline.ledger, run)
    assert found is not None
    converted = pipeline.sandbox.directory / "site" / "converted" / names.run_directory(run)
    for segment in found.segments:
        data = (Path(found.path) / names.segment_file(run, segment)).read_bytes()
        with uproot.open({converted / names.converted_file(run, segment): TREE}) as tree:
            if tree.num_entries != sum(kind == ItemType.PHYSICS_EVENT for _, kind in items(data)):
                return False
    return True

"""A shift on two workers, once worked on while its runs are recorded and once not: the results are the same.

SHIFT_RUNS is how many runs. A whole shift:

    SHIFT_RUNS=20 ./venvcmd python -m pytest tests/e2e/test_shift_streamed.py
"""

from __future__ import annotations

import os
from pathlib import Path

import uproot

from console.ledger import runs
from flowspec.states import RunState
from tests.sandbox_records import records
from tests.streaming_fixture import early, of_what_is_there, recording, streaming_pipeline
from tests.waiting import until

RUNS, SEGMENTS, EVENTS = int(os.environ.get("SHIFT_RUNS", "4")), 3, 5


def test_the_results_of_a_shift_are_the_same_whether_it_is_streamed_or_not(tmp_path: Path) -> None:
    streamed, not_streamed = shift(tmp_path / "streamed", True), shift(tmp_path / "not-streamed", False)
    assert streamed.keys() == not_streamed.keys()
    assert [run for run, result in streamed.items() if result != not_streamed[run]] == []


def shift(directory: Path, streamed: bool) -> dict[int, dict[str, bytes]]:
    """What is in the result of each run of a shift that was taken and has come to its end."""
    with streaming_pipeline(directory, streaming=streamed, workers=2) as pipeline:
        pipeline.start_driver()
        for run in range(1, RUNS + 1):
            taking = recording(pipeline, run, SEGMENTS, EVENTS)
            taking.write_but_for_the_end()
            if streamed:
                until(lambda run=run: early(pipeline, run))
            taking.end()
        for run in range(1, RUNS + 1):
            pipeline.wait_for(run, RunState.DONE)
            done = {"fit": SEGMENTS, "convert": SEGMENTS, "analyze": 1}
            assert records(pipeline.sandbox.directory).functions(run) == done
            assert bool(early(pipeline, run)) is streamed
            assert of_what_is_there(pipeline, run)
        return {run.run: contents(Path(run.result or "")) for run in runs.runs(pipeline.ledger, RunState.DONE)}


def contents(result: Path) -> dict[str, bytes]:
    """Every object of a ROOT file, byte for byte. ROOT writes into each file when it was made, and an id of its own:
    these are beside the objects."""
    with uproot.open(result) as file:
        return {name: _bytes(file.key(name)) for name in file.iterkeys()}


def _bytes(key: uproot.reading.ReadOnlyKey) -> bytes:
    chunk, cursor = key.get_uncompressed_chunk_cursor()
    return bytes(cursor.bytes(chunk, key.data_uncompressed_bytes, None))

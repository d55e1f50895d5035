import json
from pathlib import Path

import pytest

from console.cli.status import status_json, status_text
from console.ledger import attempts, overview
from console.ledger.presence import DriverLock
from console.ledger.sources import Source
from console.reading import run_list, snapshot
from console.reading.snapshot import SnapshotReader
from flowspec.plan import plan_early
from flowspec.readiness import Verdict
from flowspec.stages import Stage
from flowspec.states import AttemptState, RunState
from tests.ledger_fixture import NOW, DemoLedger, demo_ledger, stand


@pytest.fixture
def demo(tmp_path: Path) -> DemoLedger:
    return demo_ledger(tmp_path / "ledger")


def test_runs_are_newest_first_with_what_the_overview_needs(demo: DemoLedger) -> None:
    seen = snapshot.snapshot(demo.ledger)
    assert [row.run for row in seen.runs] == sorted((row.run for row in seen.runs), reverse=True)
    assert {row.state for row in seen.runs} == set(RunState)
    run = seen.run(1217)
    assert run is not None
    assert (run.segments, run.attempts, run.progress["fit"]) == (42, 1, {"done": 38, "waiting": 4})
    assert seen.run(1) is None
    taken = seen.run(1219)
    assert taken is not None
    assert (taken.why, taken.because) == ("segment 02 is growing", "segment 02 is growing")


def test_flow_runs_are_the_open_ones_then_the_newest_ended(demo: DemoLedger) -> None:
    flow_runs = snapshot.snapshot(demo.ledger).flow_runs
    states = [row.state is AttemptState.STARTED for row in flow_runs]
    assert states == sorted(states, reverse=True)
    assert {row.run for row in flow_runs if row.state is AttemptState.STARTED} == {1217, 1216, 1208}
    first = next(row for row in flow_runs if row.run == 1217)
    assert (first.stage, first.done, first.total) == (Stage.FIT, 38, 42)
    ended = [row.attempt for row in flow_runs if row.state is not AttemptState.STARTED]
    assert ended == sorted(ended, reverse=True)


def test_each_early_attempt_counts_its_own_segments(demo: DemoLedger) -> None:
    demo.found(1301, Verdict.TAKING, "is being recorded", 6)
    for number, segments in ((1, (0, 1, 2)), (2, (3, 4))):
        plan = plan_early(1301, segments)
        attempt = attempts.add_intent(demo.ledger, plan, number, f"early-{number}", {}, "", "flow", "driver")
        attempts.set_attempt(demo.ledger, attempt, stage="fit")
        demo.files(1301, Stage.FIT, segments[1:])
    rows = [row for row in snapshot.snapshot(demo.ledger).flow_runs if row.run == 1301]
    assert [(row.early, row.done, row.total) for row in rows] == [((0, 1, 2), 2, 3), ((3, 4), 1, 2)]
    assert [row.why for row in rows] == ["segment 00-02, as far as convert", "segment 03-04, as far as convert"]


def test_rows_that_have_not_changed_are_the_same_objects(demo: DemoLedger) -> None:
    reader = SnapshotReader(demo.ledger)
    before = reader.snapshot()
    stand(demo.ledger, 1218, state=RunState.QUEUED, why="is next")
    after = reader.snapshot()
    changed = [new.run for old, new in zip(before.runs, after.runs, strict=True) if old is not new]
    assert changed == [1218]


def test_only_runs_written_lately_are_read_again(demo: DemoLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SnapshotReader(demo.ledger)
    reader.snapshot()
    read: list[int] = []
    monkeypatch.setattr(overview, "_RUNS", overview._RUNS.replace("SELECT run,", "SELECT note(run),"))
    demo.ledger._db.create_function("note", 1, lambda run: read.append(run) or run)
    demo.at = NOW + 60
    stand(demo.ledger, 1218, state=RunState.QUEUED, why="is next")
    assert reader.snapshot().run(1218).why == "is next"  # type: ignore[union-attr]
    assert 1218 in read
    assert 1200 not in read


def test_the_newest_runs_can_be_had_first_and_then_all(demo: DemoLedger) -> None:
    reader = SnapshotReader(demo.ledger, first=3)
    assert [row.run for row in reader.snapshot().runs] == [1219, 1218, 1217]
    assert not reader.complete
    assert reader.snapshot() == SnapshotReader(demo.ledger).snapshot()
    assert reader.complete


def test_a_clock_that_is_set_back_hides_nothing(demo: DemoLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SnapshotReader(demo.ledger)
    demo.at = NOW + 3600
    stand(demo.ledger, 1218, why="is next")
    reader.snapshot()
    demo.at = NOW  # of the screen and the driver alike
    stand(demo.ledger, 1218, why="is next but one")
    assert reader.snapshot().run(1218).why == "is next but one"  # type: ignore[union-attr]
    with demo.ledger.change() as db:  # by a driver on another machine
        db.execute("UPDATE runs SET title = 'last', updated = ? WHERE run = 1218", (NOW - 3600,))
    monkeypatch.setattr(run_list, "READ_AGAIN_SECONDS", 0.0)
    assert reader.snapshot().run(1218).title == "last"  # type: ignore[union-attr]


def test_nobody_drives_until_somebody_does(demo: DemoLedger) -> None:
    assert snapshot.snapshot(demo.ledger).driver is None
    lock = DriverLock(demo.ledger.path)
    assert lock.take("background")
    driver = snapshot.snapshot(demo.ledger).driver
    assert driver is not None
    assert driver.here
    lock.release()


def test_auto_launch_is_on_until_it_is_switched_off(demo: DemoLedger) -> None:
    assert snapshot.snapshot(demo.ledger).auto
    demo.ledger.put("auto", "off")
    assert not snapshot.snapshot(demo.ledger).auto


def test_a_source_is_stale_when_it_was_not_heard_or_has_a_problem() -> None:
    assert not Source("flows", NOW, NOW - 10, "").stale(NOW)
    assert Source("flows", NOW, NOW - 16, "").stale(NOW)
    assert Source("flows", NOW, None, "").stale(NOW)
    assert Source("flows", NOW, NOW - 1, "timeout").stale(NOW)
    assert not Source("transfer", NOW - 600, NOW - 600, "").stale(NOW)  # asked only while something is transferred
    assert Source("transfer", NOW, NOW - 1, "timeout").stale(NOW)


def test_answers_are_read_with_their_request(demo: DemoLedger) -> None:
    number = demo.ledger.ask("launch", 1218, actor="me@here")
    assert snapshot.snapshot(demo.ledger).answers[0].state == "asked"
    demo.ledger.answer(number, "done", "run 1218 is queued")
    answer = snapshot.snapshot(demo.ledger).answers[0]
    assert (answer.request, answer.state, answer.answer) == (number, "done", "run 1218 is queued")


def test_status_json_is_one_plain_document(demo: DemoLedger) -> None:
    document = json.loads(json.dumps(status_json(demo.ledger)))
    assert document["schema"] == 1
    assert document["driver"] is None
    failed = next(run for run in document["runs"] if run["run"] == 1214)
    assert (failed["state"], failed["segments"], failed["attempts"]) == ("failed", 42, 1)
    assert {endpoint["name"] for endpoint in document["endpoints"]} >= {"frib-fit-mpi", "frib-analysis"}


def test_status_json_of_one_run_has_its_segments_and_attempts(demo: DemoLedger) -> None:
    run = json.loads(json.dumps(status_json(demo.ledger, 1214)))["run"]
    assert run["segments"][7]["fit"] == {"state": "failed", "why": "EventEditor aborted (rc 134), no output"}
    assert run["attempts"][0]["state"] == "failed"
    with pytest.raises(KeyError):
        status_json(demo.ledger, 1)


def test_status_text_keeps_its_columns_and_shows_hostile_text_harmlessly(demo: DemoLedger) -> None:
    demo.found(1220, Verdict.INCOMPLETE, "segment \x1b[31m03\nis\u202e missing", [0, 1])
    overview = status_text(demo.ledger)
    row = next(line for line in overview.splitlines() if line.startswith("1220"))
    assert "segment 03 is missing" in row
    heading = next(line for line in overview.splitlines() if "STATE" in line)
    assert row.index("segment") == heading.index("WHY")
    assert "NONE" in overview
    assert all(line.isprintable() for line in status_text(demo.ledger, 1215).splitlines())


def test_reading_thousands_of_runs_takes_a_handful_of_statements(tmp_path: Path) -> None:
    demo = DemoLedger(tmp_path / "ledger")
    columns = "run, path, verdict, segments, state, updated"
    with demo.ledger.change() as db:
        rows = [(n, "/d", "ready", json.dumps(list(range(20))), "done", 0) for n in range(2000)]
        db.executemany(f"INSERT INTO runs ({columns}) VALUES (?,?,?,?,?,?)", rows)
    statements: list[str] = []
    demo.ledger._db.set_trace_callback(statements.append)
    assert len(SnapshotReader(demo.ledger).snapshot().runs) == 2000
    assert len(statements) < 25  # not one per run


def test_flow_runs_of_runs_that_are_not_read_yet_are_there_at_once(demo: DemoLedger) -> None:
    first = SnapshotReader(demo.ledger, first=1).snapshot()
    assert len(first.runs) == 1
    assert first.flow_runs == snapshot.snapshot(demo.ledger).flow_runs

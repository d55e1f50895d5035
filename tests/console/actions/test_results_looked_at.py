"""A run is done as long as its result is on the DTN, whole, and what the site made: looks find what became of it."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from console.actions.results import AllGone
from console.cli.status import status_json
from console.disk import resultfile
from console.ledger import evidence
from console.settings.errors import SettingsError
from flowspec import names
from flowspec.progress import Says, Witness
from flowspec.stages import Stage
from flowspec.states import RunState
from tests.retry_fixture import PLACES, SIZE, World
from tests.rootfiles import root_file

OTHER = root_file(2 * SIZE, b"x")  # as large as the result, and another one


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were read through."""
    files, digest = [], resultfile.digest
    monkeypatch.setattr(resultfile, "digest", lambda path, stop: files.append(path.name) or digest(path, stop))
    return files


def with_digest(world, content=None):
    world.digest = hashlib.sha256(content or world.content).hexdigest()
    return world


def bad_events(world):
    return [row["text"] for row in world.ledger.rows("SELECT text FROM events WHERE level = 'bad'")]


def looks(world, seconds=0.0):
    world.clock.time += seconds
    world.watch.look()


def done_and_looked_at(world, *runs):
    for run in runs or (5,):
        world.done(run)
    looks(world, 10)


# ---- lost


SPOILT = {
    "deleted": (None, "its result is no longer on the DTN disk"),
    "cut": (root_file(2 * SIZE)[:500], "a ROOT file that is cut: 500 of 2,000 bytes"),
    "emptied": (b"", "0 bytes that are no ROOT file"),
    "overwritten": (b"not found" * 100, "900 bytes that are no ROOT file"),
    "another": (root_file(3000), "the result differs from what the site made (3,000 bytes, not 2,000)"),
}


@pytest.mark.parametrize(("content", "told"), SPOILT.values(), ids=SPOILT)
def test_a_result_that_is_lost_fails_its_run_which_says_so_everywhere_and_r_brings_it_back(world, content, told):
    done_and_looked_at(world)
    if content is None:
        world.result(5).unlink()
    else:
        world.result(5).write_bytes(content)
    looks(world, 700)
    run = world.run(5)
    assert (run.state, run.result, run.why) == (RunState.FAILED, None, f"{told}: r brings it back")
    shown = status_json(world.ledger, 5)["run"]
    assert told in shown["return"]["why"]
    assert shown["why"] == run.why
    looks(world, 700)
    assert bad_events(world) == [f"run 5: {run.why}"]  # once
    assert json.loads(world.ask("retry", 5, dry=True).answer)["lines"][:2] == [
        "starts at return", "return the result; the analysis is there",
    ]  # fmt: skip
    world.ask("retry", 5)
    assert world.work() == (0, 0, 0, 0, 1)
    assert world.works(5).state is RunState.DONE
    looks(world, 700)
    assert world.run(5).why == "the result is back: run-0005-sorted.root"


def test_a_retry_finds_a_lost_result_before_a_look_does(world):
    done_and_looked_at(world)
    world.result(5).unlink()
    assert "return the result; the analysis is there" in world.ask("retry", 5, dry=True).answer
    assert world.run(5).why == "its result is no longer on the DTN disk: r brings it back"


def test_what_was_cleared_away_at_the_site_is_not_made_again_for_a_lost_result(world):
    done_and_looked_at(world)
    world.files = {name: file for name, file in world.files.items() if name.startswith(PLACES.analyzed())}
    world.result(5).unlink()
    looks(world, 700)
    world.ask("retry", 5)
    assert world.work() == (0, 0, 0, 0, 1)


def test_without_its_analysis_at_the_site_a_lost_result_is_analyzed_again(world):
    done_and_looked_at(world)
    del world.files[f"{PLACES.analyzed()}/{names.sorted_file(5)}"]
    world.result(5).unlink()
    looks(world, 700)
    world.ask("retry", 5)
    assert world.work() == (0, 0, 0, 1, 1)


def test_a_lost_result_that_is_there_again_makes_its_run_done(world):
    done_and_looked_at(world)
    world.result(5).rename(world.results / "aside")
    looks(world, 700)
    assert world.run(5).state is RunState.FAILED
    (world.results / "aside").rename(world.result(5))
    looks(world, 700)
    run = world.run(5)
    assert (run.state, run.why) == (RunState.DONE, "the result is back: run-0005-sorted.root")
    assert run.result == str(world.result(5))


def test_a_result_made_without_a_segment_says_so_again_when_it_is_back(world):
    world.found(5, range(2))
    world.round()
    world.works(5, {(Stage.FIT, 1): "return code 1: it fails"})
    world.ask("waive", 5, segment=1, reason="beam was off")
    world.ask("retry", 5)
    why = world.works(5).why
    assert "01 waived by anna@daq1: beam was off" in why
    looks(world, 10)
    content = world.result(5).read_bytes()
    world.result(5).unlink()
    looks(world, 700)
    world.result(5).write_bytes(content)
    looks(world, 700)
    assert world.run(5).why == why


# ---- what is not lost


def test_results_that_are_all_gone_are_not_lost_but_their_disk(world, tmp_path):
    done_and_looked_at(world, 5, 6, 7)
    before = [world.run(run) for run in (5, 6, 7)]
    world.results.rename(tmp_path / "unmounted")
    world.results.mkdir()
    (world.results / "lost+found").mkdir()
    for _ in range(3):
        with pytest.raises(AllGone, match=r"none of 3 results is in .*: is its disk mounted\?"):
            looks(world, 700)
    assert "is its disk mounted?" in world.ask("retry", 5, dry=True).answer
    assert [world.run(run) for run in (5, 6, 7)] == before
    with pytest.raises(AllGone):  # also by a driver that begins now
        world.new_watch().look()
    shutil.rmtree(world.results)
    with pytest.raises(SettingsError, match="mounted"):
        looks(world, 700)
    (tmp_path / "unmounted").rename(world.results)
    looks(world, 700)
    assert [world.run(run) for run in (5, 6, 7)] == before
    assert "nothing is missing" in world.ask("retry", 5, dry=True).answer


def test_a_result_that_cannot_be_looked_at_is_told_as_long_as_that_lasts_and_holds_up_no_other(world, monkeypatch):
    done_and_looked_at(world, 5, 6, 7)
    look, refused = resultfile.look, [names.sorted_file(6)]

    def refuses(path):
        if path.name in refused:
            raise SettingsError(f"{path} cannot be looked at: Input/output error")
        return look(path)

    monkeypatch.setattr(resultfile, "look", refuses)
    monkeypatch.setattr("console.evidence.returned.resultfile.look", refuses)
    for run in (5, 6):
        world.result(run).write_bytes(b"overwritten")
    for _ in range(3):
        with pytest.raises(SettingsError, match=r"run-0006-sorted.root cannot be looked at: Input/output error"):
            looks(world, 700)
    assert [world.run(run).state for run in (5, 6, 7)] == [RunState.FAILED, RunState.DONE, RunState.DONE]
    refused.clear()
    looks(world, 1)
    assert world.run(6).state is RunState.FAILED


# ---- compared with what the site made


def test_a_result_is_compared_with_the_digest_that_its_job_reported_before_its_run_is_done(world, read):
    with_digest(world).found(5, range(2))
    world.round()
    run = world.works(5)
    assert run.state is RunState.RUNNING
    assert run.why == "return: 2,000 bytes there; being compared with what the site made"
    looks(world)
    assert world.ends(5).state is RunState.DONE
    for _ in range(3):
        looks(world, 700)
    assert read == [names.sorted_file(5)]  # once


def test_a_result_that_differs_from_what_the_site_made_is_not_done_and_r_returns_it_again(world, read):
    with_digest(world, OTHER).found(5, range(2))
    world.round()
    world.works(5)
    looks(world)
    run = world.ends(5)
    assert run.state is RunState.FAILED
    assert "the result differs from what the site made (digest)" in run.why
    assert "return the result; the analysis is there" in world.ask("retry", 5, dry=True).answer
    world.ask("retry", 5)
    assert world.work() == (0, 0, 0, 0, 1)
    kept = world.result(5).stat()
    world.content = OTHER  # into the same file, with the same time
    world.clock.time = kept.st_mtime - 60
    assert world.works(5).state is RunState.RUNNING
    assert world.result(5).stat().st_mtime_ns == kept.st_mtime_ns
    looks(world)
    assert world.ends(5).state is RunState.DONE
    assert len(read) == 2


def test_a_result_is_not_read_while_it_is_under_way(world, read):
    with_digest(world).found(5, range(2))
    world.round()
    world.works(5)
    said = [e for e in evidence.evidence(world.ledger, 5) if (e.stage, e.witness) == (Stage.RETURN, Witness.TASK)]
    with world.ledger.change() as db:
        db.execute("UPDATE evidence SET says = 'running' WHERE stage = 'return' AND witness = 'task'")
    looks(world)
    assert (said[0].says, read) == (Says.DONE, [])


def test_a_result_that_was_restored_as_it_was_is_read_once_more_and_stays_done(world, read):
    with_digest(world).found(5, range(2))
    world.round()
    world.works(5)
    looks(world)
    world.ends(5)
    copied = world.results / "copy"
    copied.write_bytes(world.result(5).read_bytes())
    copied.rename(world.result(5))
    looks(world, 700)
    looks(world, 700)
    assert (world.run(5).state, len(read)) == (RunState.DONE, 2)


def test_a_result_of_the_same_size_that_was_replaced_is_found_by_its_digest(world):
    with_digest(world).found(5, range(2))
    world.round()
    world.works(5)
    looks(world)
    world.ends(5)
    world.result(5).write_bytes(OTHER)
    looks(world, 700)
    run = world.run(5)
    assert (run.state, run.why) == (
        RunState.FAILED, "the result differs from what the site made (digest): r brings it back",
    )  # fmt: skip


def test_a_driver_that_ends_leaves_a_large_result_for_the_next(world, read):
    with_digest(world).found(5, range(2))
    world.round()
    world.works(5)
    world.stopped = True
    looks(world)
    assert world.ends(5).state is RunState.RUNNING
    world.stopped = False
    world.new_watch().look()
    assert world.ends(5).state is RunState.DONE


# ---- in turns


def test_every_result_has_its_turn_within_ten_minutes_and_few_at_once(world, monkeypatch):
    runs = range(5, 45)
    for run in runs:
        world.done(run, segments=1)
    looked, version = [], resultfile.version
    monkeypatch.setattr(resultfile, "version", lambda path: looked.append(path.name) or version(path))
    looks(world)
    assert sorted(looked) == [names.sorted_file(run) for run in runs]  # at first all
    looked.clear()
    for _ in range(61):
        before = len(looked)
        looks(world, 10)
        assert len(looked) - before <= 2
    assert {*looked} == {names.sorted_file(run) for run in runs}

"""`console preview RUN`: plots as text, and all of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.parser import main
from tests.driver_fixture import Experiment, experiment_in
from tests.ledger_fixture import demo_ledger, stand
from tests.rootfiles import write_sorted


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    """The results of runs 1211 and 1215 are there, that of 1205 is not."""
    with experiment_in(tmp_path / "e") as made:
        demo = demo_ledger(made.ledger)
        for run, shift, counts in ((1211, 480.0, 50), (1215, 0.0, 100)):
            path = tmp_path / f"run-{run}-sorted.root"
            write_sorted(path, shift, counts)
            stand(demo.ledger, run, "done", result=str(path))
        for run in (1212, 1213, 1214):
            stand(demo.ledger, run, "failed", result=None)
        demo.ledger.close()
        yield made


def printed(experiment: Experiment, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["--read-only", "--profile", str(experiment.profile), "preview", *words]) == code
    out, err = capsys.readouterr()
    return err if code else out


def test_it_prints_each_plot_and_what_differs(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    first, *others = printed(experiment, capsys, "1215").split("\n\n")
    title, words, marks, *drawn = first.splitlines()
    assert title == "energy: Energy"
    assert words == "entries 400, run 1211: 200 (100 % more); mean 1,500, run 1211: 1,980 (24.2 % less)"
    assert marks == "# run 1215   o run 1211, drawn with as many counts"
    assert any("#" in line and "o" in line for line in drawn)
    assert [plot.split("\n", 1)[0].split(" of ")[0] for plot in others] == [
        "time_difference: Energy", "entries per second", "entries",
    ]  # fmt: skip


def test_all_of_it_is_there_for_programs(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(experiment, capsys, "1215", "--json"))
    assert (found["schema"], found["run"], found["previous"], found["problem"]) == (1, 1215, 1211, "")
    assert (found["spectra"][0]["mean"], found["spectra"][0]["previous"]["mean"]) == (1500, 1980)
    assert found["rates"][-1]["run"] == 1215
    alone = json.loads(printed(experiment, capsys, "1215", "--previous", "none", "--json"))
    assert (alone["previous"], alone["spectra"][0]["previous"]) == (None, None)
    other = json.loads(printed(experiment, capsys, "1215", "--previous", "1205", "--json"))
    assert other["problem"].endswith("run-1205-sorted.root is not there")


def test_without_a_result_it_fails_in_one_line(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(experiment, capsys, "1217", code=1) == "console: run 1217 has no result\n"
    assert printed(experiment, capsys, "1205", code=1).endswith("run-1205-sorted.root is not there\n")

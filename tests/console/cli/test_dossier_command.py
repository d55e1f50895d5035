"""`console dossier RUN`: one archive with what an expert needs, private, of bounded size, without secrets."""

from __future__ import annotations

import json
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.parser import main
from console.driver.process import driver_log
from console.ledger import attempts, job_reports
from console.ledger.job_reports import ReportPlace, ReportState
from console.ledger.store import Ledger
from console.reading import dossier_files
from console.settings.profiles import load
from flowspec.stages import Stage
from tests.driver_fixture import Experiment, experiment_in
from tests.ledger_fixture import DemoLedger, demo_ledger, stand

OPAQUE = "AgZx93kd8Q7wPq2LmN5vTt1YbC6hJ4"
TOKEN = "correct-horse-battery-staple"  # looks like words: known, because it stands in the token file
RUN = 1214


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    with experiment_in(tmp_path / "e") as made:
        demo = demo_ledger(made.ledger)
        token = load(made.profile).globus.token_file
        assert token is not None
        token.write_text(f"{TOKEN}\n")
        _plant(demo, tmp_path)
        demo.ledger.close()
        yield made


def _plant(demo: DemoLedger, tmp_path: Path) -> None:
    """Secrets wherever something from outside is kept."""
    secret = f"Bearer {OPAQUE} {TOKEN}"
    ledger = demo.ledger
    with ledger.change() as db:
        row = (demo.at, "driver", "bad", RUN, secret)
        db.execute("INSERT INTO events (at, actor, level, run, text) VALUES (?,?,?,?,?)", row)
    ledger.ask("waive", RUN, actor="anna@daq1", segment=7, reason=secret)
    attempt = attempts.newest_attempt(ledger, RUN)
    assert attempt is not None
    attempts.set_attempt(ledger, attempt.attempt, body={"run": RUN, "note": secret}, label=secret)
    stand(ledger, RUN, title=secret, why=secret)
    log = tmp_path / "fit.log"
    log.write_text(f"begin\n\x1b[31m{TOKEN[:9]}\n{TOKEN[9:]} broken over lines\n{secret}\nend of the log\n")
    place = ReportPlace(attempt.attempt, RUN, Stage.FIT, 7)
    job_reports.request(ledger, [place], "anna@daq1")
    (report,) = job_reports.of_place(ledger, place)
    document = json.dumps({"rc": 134, "cause": secret, "lines": [secret, "terminate called"], "log": str(log)})
    job_reports.set_reports(ledger, [report], state=ReportState.THERE.value, document=document)
    driver_log(ledger.path).write_text(f"driver began\n{secret}\n")


def unpacked(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert {member.mode for member in members} == {0o600}
        assert all(member.isreg() and member.name.startswith(f"run-{RUN}-dossier/") for member in members)
        found = {member.name.partition("/")[2]: archive.extractfile(member) for member in members}
        return {name: file.read().decode() for name, file in found.items() if file is not None}


def made(experiment: Experiment, tmp_path: Path, *options: str) -> dict[str, str]:
    path = tmp_path / "d.tar.gz"
    words = [*options, "--profile", str(experiment.profile), "dossier", str(RUN), "--output", str(path)]
    assert main(words) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return unpacked(path)


def test_it_has_what_an_expert_asks_for(experiment: Experiment, tmp_path: Path) -> None:
    files = made(experiment, tmp_path)
    assert set(files) == {
        "README.txt", "status.json", "events.txt", "requests.json", "attempts/1/attempt.json", "attempts/1/input.json",
        "evidence.json", "failures.json", "profile.json", "versions.json", "driver.log", "jobs/1-fit-07.json",
        "jobs/1-fit-07.log",
    }  # fmt: skip
    assert json.loads(files["attempts/1/input.json"])["run"] == RUN
    assert json.loads(files["attempts/1/attempt.json"])["flow_run"].startswith("0d3c5f1e")
    assert json.loads(files["versions.json"])["packages"]["textual"] != "not installed"
    assert "run 1214 FAILED at fit" in files["events.txt"]
    assert files["driver.log"].startswith("driver began")
    assert files["jobs/1-fit-07.log"].endswith("end of the log\n")
    assert json.loads(files["jobs/1-fit-07.json"])["report"]["rc"] == 134
    assert all(name in files["README.txt"] for name in files if name != "README.txt")


def test_no_planted_secret_and_no_escape_is_in_any_file(experiment: Experiment, tmp_path: Path) -> None:
    for name, text in made(experiment, tmp_path).items():
        assert OPAQUE not in text, name
        assert TOKEN not in text, name
        assert TOKEN[9:] not in text, name
        assert "\x1b" not in text, name
        assert "\\u001b" not in text, name


def test_who_only_looks_makes_one_and_nothing_else(experiment: Experiment, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    assert made(experiment, tmp_path, "--read-only")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "d.tar.gz"}


def test_it_has_bounds(experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver_log(experiment.ledger).write_text("x y\n" * 500_000 + "the end\n")
    files = made(experiment, tmp_path)
    assert files["driver.log"].endswith("the end\n")
    assert max(map(len, files.values())) <= dossier_files.PART_BYTES + 100
    monkeypatch.setattr(dossier_files, "ALL_BYTES", 300_000)
    files = made(experiment, tmp_path)
    assert "driver.log" not in files
    assert "driver.log  left out: too much" in files["README.txt"]
    assert "jobs/1-fit-07.log" in files


def test_a_log_that_is_not_here_says_so(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "fit.log").unlink()
    assert "No such file" in made(experiment, tmp_path)["jobs/1-fit-07.log"]


def test_a_run_that_is_not_known_has_none(
    experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--profile", str(experiment.profile), "dossier", "99", "--output", str(tmp_path / "d.tar.gz")]
    assert main(given) == 1
    assert "run 99 is not known" in capsys.readouterr().err
    assert not (tmp_path / "d.tar.gz").exists()


def test_the_ledger_is_not_changed(experiment: Experiment, tmp_path: Path) -> None:
    before = experiment.ledger.read_bytes()
    made(experiment, tmp_path)
    assert experiment.ledger.read_bytes() == before
    Ledger(experiment.ledger).close()

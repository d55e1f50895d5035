"""The kit as one file, from the console's bundle to a site that is checked, with nothing of the console there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from console.cli.parser import main
from console.cli.site_bundle import packed
from tests.site_fixture import KIT, TOOLS, path_without_slurm
from tests.waiting import HANGS_AFTER

PACKAGE = "globus_compute_endpoint-4.19.0"


class Login:
    """An account at the site: a directory in which the bundle was unpacked, and a place for the kit."""

    def __init__(self, root: Path) -> None:
        self.root, self.top = root, root / "top of 'it'"
        self.kit = self.top / "kit"
        self.top.mkdir()
        with tarfile.open(fileobj=io.BytesIO(packed(KIT))) as archive:
            archive.extractall(root, filter="data")
        self.environment = {
            "PATH": f"{TOOLS}:{path_without_slurm(root / 'only')}", "HOME": str(root), "FRIB_PYTHON": sys.executable,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }  # fmt: skip

    def install(self, answers: str | None, *more: str) -> subprocess.CompletedProcess[str]:
        given = []
        if answers is not None:
            (self.root / "answers").write_text(answers)
            given = ["--answers", "answers"]
        return subprocess.run(
            [sys.executable, "frib-kit/install.py", *given, str(self.kit), *more],
            cwd=self.root, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=HANGS_AFTER,
        )  # fmt: skip

    def setting(self, name: str) -> list[str]:
        ask = f'kit=${{1%/*}}; . "$1"; printf "%s\\n" "${{{name}[@]}}"'
        argv = ["bash", "-euc", ask, "bash", str(self.kit / "site.conf")]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()

    @property
    def answers(self) -> str:
        return f"# of this machine\nTOP={self.top}\nCONTAINER=none\nRANKS=8\nFIT_CONFIGFILE=fit.conf\n"

    def without_launcher(self) -> None:
        conf = self.kit / "site.conf"
        conf.write_text(conf.read_text() + "LAUNCHER=()\n")


def bad(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What doctor.py calls bad."""
    return [" ".join(line.split()[1:]) for line in done.stdout.splitlines() if line.startswith("BAD ")]


@pytest.fixture
def login(tmp_path: Path) -> Login:
    return Login(tmp_path)


def test_the_bundle_is_one_file_with_the_same_bytes_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["site", "bundle"]) == 0
    assert "tar xzf kit.tar.gz && python3 frib-kit/install.py" in capsys.readouterr().out
    assert main(["site", "bundle", "--output", "again.tgz", "--json"]) == 0
    assert (tmp_path / "kit.tar.gz").read_bytes() == (tmp_path / "again.tgz").read_bytes()
    assert (tmp_path / "kit.tar.gz").read_bytes()[4:8] == bytes(4), "no time of its making"
    with tarfile.open(tmp_path / "kit.tar.gz") as archive:
        names = archive.getnames()
    assert {"frib-kit/job.py", "frib-kit/install.py", "frib-kit/site.conf.example"} <= set(names)
    assert not any(name.endswith((".pyc", "/site.conf")) for name in names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.tgz", "kit.tar.gz"]


def test_a_bundle_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "bundle", "--output", str(tmp_path)]) == 1
    assert "is a directory" in capsys.readouterr().err
    assert main(["site", "bundle", "--output", str(tmp_path / "no" / "kit.tar.gz")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_a_site_is_installed_from_answers_and_checked(login: Login) -> None:
    done = login.install(login.answers)
    assert (done.returncode, done.stderr) == (1, ""), done
    assert bad(done) == ["fit program no mpirun in PATH there; correct PATH or the image in site.conf"]
    assert login.setting("TOP") == [str(login.top)]
    assert login.setting("RANKS") == ["8"]
    login.without_launcher()
    again = login.install("")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines()[-1] == "nothing is bad"
    assert login.setting("RANKS") == ["8"]
    done = subprocess.run(
        ["bash", str(login.kit / "run_compute_convert.sl"), "7", "0"], env=login.environment, cwd=login.root,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "input run-0007-00-fitted.evt is missing" in done.stdout


def test_what_the_site_has_made_of_its_settings_is_kept(login: Login) -> None:
    login.install(login.answers)
    login.without_launcher()
    (login.kit / "fit.conf").write_text("# mine\n")
    (login.kit / "job.py").write_text("# of an older kit\n")
    before = (login.kit / "site.conf").read_text()
    assert login.install("RANKS=16\n").returncode == 0
    after = (login.kit / "site.conf").read_text()
    assert after == before.replace("RANKS=8", "RANKS=16")
    assert (login.kit / "site.conf.before").read_text() == before
    assert (login.kit / "fit.conf").read_text() == "# mine\n"
    assert (login.kit / "job.py").read_bytes() == (KIT / "job.py").read_bytes()


def test_hostile_answers_are_words(login: Login) -> None:
    hostile = "a b'; touch pwned; $(touch pwned) `touch pwned` {x} \\"
    login.install(f"IMAGE={hostile}\nVOLUMES=/a:/b '/c d:/$(touch pwned)'\nCONTAINER=none\nTOP={login.top}\n")
    assert login.setting("IMAGE") == [hostile]
    assert login.setting("VOLUMES") == ["/a:/b", "/c d:/$(touch pwned)"]
    assert login.setting("FIT_VERSION") == ["6.4"]
    assert not list(login.root.rglob("pwned"))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (None, "there is no terminal to ask: --answers FILE, with lines such as TOP=/path"),
        ("TOP\n", "answers line 1: expected NAME=VALUE, with one of TOP, "),
        ("\nPATH=/x\n", "answers line 2: expected NAME=VALUE, with one of TOP, "),
        ("VOLUMES=/a:/b 'x\n", "VOLUMES: No closing quotation: /a:/b 'x"),
        ("IMAGE=\x1b[2J\n", "IMAGE: not a line of text"),
    ],
)
def test_answers_that_cannot_be_used_are_told_in_one_line(login: Login, answers: str | None, words: str) -> None:
    done = login.install(answers)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"install.py: {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            "TOP=/no/such/place\nCONTAINER=none\n",
            "top /no/such/place is not there; make it, or correct TOP in site.conf",
        ),
        ("CONTAINER=shifter\n", "fit container bash: there is no program shifter (CONTAINER in site.conf; image "),
        ("CONTAINER=none\nFIT_VERSION=7.x\n", "fit.conf FIT_VERSION is no version as 6.4: '7.x'; mend fit.conf or "),
        ("CONTAINER=none\nFIT_CONFIGFILE=/none\n", "fit.conf Unable to open the configuration file: /none; mend "),
    ],
)
def test_what_is_wrong_at_the_site_is_a_bad_check(login: Login, answers: str, words: str) -> None:
    done = login.install(login.answers + answers)
    assert done.returncode == 1
    assert any(line.startswith(words) for line in bad(done)), done.stdout


def test_the_environment_of_the_endpoints_is_made_once(login: Login) -> None:
    wheels = login.root / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / f"{PACKAGE}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("endpoint.py", "def main(): print('here')\n")
        about = f"{PACKAGE}.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: globus-compute-endpoint\nVersion: 4.19.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/entry_points.txt", "[console_scripts]\nglobus-compute-endpoint = endpoint:main\n")
        wheel.writestr(f"{about}/RECORD", "")
    login.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(login.root / "none"), "PYTHONPATH": ""}
    answers = login.answers + "ENVIRONMENT_DIRECTORY=~/gce\n"
    failed = login.install(answers)
    assert failed.returncode == 2
    assert "install.py: globus-compute-endpoint==4.19.0 could not be installed in " in failed.stderr
    login.environment["PIP_FIND_LINKS"] = str(wheels)
    assert "making " in login.install(answers).stdout
    program = [login.root / "gce/bin/globus-compute-endpoint"]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == "here\n"
    assert "making " not in login.install(answers).stdout

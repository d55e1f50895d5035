"""`console init`: a profile from answers. It is a process with a clean home; at a sandbox where Globus is asked."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli.init_checks import Draft, Wrong
from console.cli.init_questions import ALERTS, FILE, QUESTIONS
from console.settings.profile_text import KEYS, profile_text
from console.settings.profiles import load, read_toml, write_sandbox_profile
from remote.globus.auth import StoredLogin
from remote.globus.login_flow import LoginFlow
from remote.sandbox.ids import DTN_COLLECTION, ENDPOINTS, SITE_COLLECTION
from tests.auth_fixture import CLIENT, authorize
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.waiting import HANGS_AFTER

__all__ = ["sandbox"]
ROOT = Path(__file__).parents[3]
E21062 = ROOT / "docs" / "profiles" / "e21062.toml"
ENDPOINT = ENDPOINTS["frib-convert"]
GROUP = "urn:globus:groups:id:a936c054-d004-11ee-8305-01ad603c66f1"


@dataclass
class Desk:
    """A home, and directories of an experiment on this machine."""

    home: Path
    runs: Path
    results: Path

    @property
    def profile(self) -> Path:
        return self.home / "e23035.toml"

    def answers(self, **others: str | Sequence[str]) -> list[str]:
        """Those to all questions when nobody is logged in; `others` by the last words of a key."""
        usual: dict[str, str | Sequence[str]] = {
            "experiment": "e23035", "file": "", "runs": str(self.runs), "results": str(self.results), "ledger": "",
            "client_id": CLIENT, "client_secret_file": "", "dtn": DTN_COLLECTION, "dtn_mapped": "n", "strip_prefix": "",
            "name": "", "site": SITE_COLLECTION, "site_mapped": "y", "top": "/e23035", "kit": "",
            "fit": ENDPOINT, "convert": ENDPOINT, "analyze": ENDPOINT,
            "run_monitors": GROUP, "run_managers": "", "urls": "",
        }  # fmt: skip
        assert set(others) <= set(usual)
        return [line for each in (usual | others).values() for line in ([each] if isinstance(each, str) else each)]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRIB_", "XDG_"))}
        return {**kept, "HOME": str(self.home), "PYTHONPATH": str(ROOT)}

    def init(self, answers: Sequence[str] | bytes, *words: str, code: int = 0) -> str:
        """What it said, on either stream."""
        typed = answers if isinstance(answers, bytes) else "".join(f"{line}\n" for line in answers).encode()
        command = [sys.executable, "-m", "console", "init", *words]
        done = subprocess.run(command, cwd=self.home, env=self.environment(), input=typed, capture_output=True,
                              timeout=HANGS_AFTER)  # fmt: skip
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == code, said
        return said

    def written(self) -> list[str]:
        return sorted(path.name for path in self.home.rglob("*.toml"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "home", tmp_path / "dtn" / "runs", tmp_path / "dtn" / "results")
    made.home.mkdir(mode=0o700)
    for directory in (made.runs / "run1217", made.results):
        directory.mkdir(parents=True)
    return made


def test_answers_become_a_profile_that_loads(desk: Desk) -> None:
    said = desk.init(desk.answers())
    settings = load(desk.profile)
    assert (settings.experiment, settings.dtn.runs, settings.site.name) == ("e23035", desk.runs, "NERSC")
    assert (settings.site.kit, settings.run_monitors, settings.run_managers) == ("/e23035/kit", (GROUP,), ())
    assert settings.globus.mapped_collections == (SITE_COLLECTION,)
    assert settings.ledger == desk.home / ".local/state/frib-flow-console/e23035/ledger.db"
    assert desk.profile.stat().st_mode & 0o777 == 0o600
    assert "1 run there" in said
    assert "nobody is logged in yet" in said
    assert f"export FRIB_CONSOLE_PROFILE={desk.profile}\n    console login\n" in said


def test_what_is_wrong_is_told_and_asked_again(desk: Desk) -> None:
    (desk.results / "file").touch()
    said = desk.init(desk.answers(
        experiment=["", "no blanks", "e23035"],
        file=["relative.toml", "~nobody-there/x.toml", str(desk.home / "nowhere" / "x.toml"), ""],
        runs=["runs", "/nowhere", "", f"/{'x' * 5000}", str(desk.runs)],
        results=[str(desk.results / "file"), "n", str(desk.results)],
        ledger=[str(desk.home), ""],
        client_id=["59f19e1e", CLIENT],
        client_secret_file=["/nowhere/secret", "n", "-"],
        dtn=["FRIB DTN", DTN_COLLECTION],
        dtn_mapped=["maybe", "n"],
        strip_prefix=["/cephfs", ""],
        top=["work", "/e23035"],
        run_monitors=["anna", GROUP],
        urls=["shift@example.org", ""],
    ))  # fmt: skip
    for words in (
        "is needed", "File name too long",
        "expected a name of letters", "expected an absolute path on this machine", "there is no directory",
        "there is no such directory: mkdir -p /nowhere", "is a directory; expected a file", "not an id of Globus",
        "the secret file /nowhere/secret cannot be read", "nobody is logged in to look up a name", "expected y or n",
        "dtn.runs does not begin with it", "expected an absolute path in the site's collection",
        "expected a list of urn:globus:groups:id:UUID", "expected addresses such as mailtos://",
    ):  # fmt: skip
        assert words in said
    assert load(desk.profile).dtn.runs == desk.runs


def test_what_is_not_there_yet_can_be_taken_all_the_same(desk: Desk) -> None:
    said = desk.init(desk.answers(results=["/nowhere/results", "y"]))
    assert load(desk.profile).dtn.results == Path("/nowhere/results")
    assert "console doctor looks: dtn.results" in said


@pytest.mark.parametrize("lines", [0, 20])
def test_who_leaves_writes_nothing(desk: Desk, lines: int) -> None:
    assert "console: nothing was written" in desk.init(desk.answers()[:lines], code=1)
    assert list(desk.home.iterdir()) == []


@pytest.mark.parametrize(("key", "code"), [(b"\x04", 1), (b"\x03", 130)], ids=["ctrl+d", "ctrl+c"])
def test_keys_that_leave_a_terminal(desk: Desk, key: bytes, code: int) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "console", "init"], stdin=theirs, stdout=theirs, stderr=theirs,
                               cwd=desk.home, env=desk.environment(), preexec_fn=_own_terminal)  # fmt: skip
    os.close(theirs)
    said = b""
    try:
        for awaited, typed in (
            (b"Name of the experiment: ", b"e23035\r"),
            (b"]: ", key),
            (b"nothing was written", b""),
        ):
            while awaited not in said:
                said += os.read(ours, 4096)
            said = b"" if typed else said
            os.write(ours, typed)
        assert process.wait(HANGS_AFTER) == code
    finally:
        process.kill()
        os.close(ours)
    assert list(desk.home.iterdir()) == []


def _own_terminal() -> None:
    os.setsid()
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # becomes the terminal whose ctrl+c is ours
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_profile_that_is_there_stays_as_it_is(desk: Desk) -> None:
    desk.profile.write_text("mine")
    said = desk.init(desk.answers(file=["", str(desk.home / "another.toml")]))
    assert "is there already, and stays as it is" in said
    assert desk.profile.read_text() == "mine"
    assert desk.written() == ["another.toml", "e23035.toml"]
    answers = desk.answers(file=[str(desk.home / "third.toml")])
    desk.init(answers, "--profile", "another.toml")
    assert desk.written() == ["another.toml", "e23035.toml", "third.toml"]


def test_a_profile_in_a_directory_of_all_is_refused(desk: Desk, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    said = desk.init(desk.answers(file=[""]), "--profile", str(shared / "x.toml"))
    assert f"others may write {shared}" in said
    assert desk.written() == ["e23035.toml"]


def test_what_is_no_text_is_refused(desk: Desk) -> None:
    lines = b"\xff\xfe\n\x1b[2Je23035\n" + "\n".join(desk.answers()).encode() + b"\n"
    said = desk.init(lines)
    assert said.count("has characters that cannot be shown") == 2
    assert "\x1b" not in said
    assert load(desk.profile).experiment == "e23035"


def test_another_profile_is_offered(desk: Desk) -> None:
    old = desk.home / "old.toml"
    old.write_text(E21062.read_text() + '[alerts]\nurls = ["mailtos://console:hunter2@example.org"]\n')
    answers = desk.answers(client_id="", dtn="", dtn_mapped="n", site="", site_mapped="", top="", kit="",
                           fit="", convert="", analyze="", run_monitors="-", strip_prefix="-")  # fmt: skip
    said = desk.init(answers[:-1], "--from", str(old))
    assert "hunter2" not in said
    before, after = load(E21062), load(desk.profile)
    assert after.alerts.urls[0].get_secret_value() == "mailtos://console:hunter2@example.org"
    assert (after.site, after.globus, after.policy) == (before.site, before.globus, before.policy)
    assert after.compute.fit.endpoint == before.compute.fit.endpoint
    assert (after.flows.analysis, after.run_monitors, after.dtn.strip_prefix) == (None, (), "")
    assert after.ledger != before.ledger


def test_a_profile_that_cannot_be_offered_is_bad_use(desk: Desk) -> None:
    assert "cannot be read" in desk.init([], "--from", "nowhere.toml", code=2)
    (desk.home / "odd.toml").write_text(E21062.read_text() + "auto_lunch = true\n")
    assert "did you mean 'auto_launch'" in desk.init([], "--from", "odd.toml", code=2)


# ---- Globus is asked


@pytest.fixture
def offered(desk: Desk, sandbox: RunningSandbox) -> Path:
    """The profile of a sandbox, at which somebody is logged in from this home."""
    store = desk.home / ".local/state/frib-flow-console" / f"{CLIENT}-tokens.json"
    store.parent.mkdir(parents=True, mode=0o700)
    flow = LoginFlow(StoredLogin(CLIENT, store, (), (DTN_COLLECTION, SITE_COLLECTION), sandbox.url), {})
    flow.exchange(authorize(flow.address))
    flow.keep()
    folder = desk.home / "sandbox"
    folder.mkdir(mode=0o700)
    write_sandbox_profile(folder / "offered.toml", sandbox.info, sandbox.dir)
    return folder / "offered.toml"


def logged_in(desk: Desk, **others: str | Sequence[str]) -> list[str]:
    known = dict.fromkeys(("runs", "results", "strip_prefix", "name", "dtn", "site", "top", "kit"), "")
    return desk.answers(
        **{**known, "dtn_mapped": [], "site_mapped": [], "fit": "", "convert": "", "analyze": "", **others}
    )


def test_collections_are_found_by_name_and_what_is_not_there_is_told(desk: Desk, offered: Path) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    said = desk.init(logged_in(
        desk, dtn=["sandbox", "no such name", "frib dtn"], site=[nobody, "n", ""],
        top=[f"{offered.parent}/nowhere", "n", ""], convert=[nobody, "n", ""],
    ), "--from", str(offered))  # fmt: skip
    for words in (
        "several are called so", "no collection is called so", f"is {DTN_COLLECTION}, FRIB DTN (sandbox)",
        "the collection has /runs and /results", "404", "is frib-fit-mpi",
    ):  # fmt: skip
        assert words in said
    assert "console doctor looks" not in said
    settings = load(desk.profile)
    assert settings.dtn.collection == DTN_COLLECTION
    assert settings.globus.service_url is not None
    assert settings.globus.token_file is None
    assert settings.compute.convert.endpoint == ENDPOINTS["frib-convert"]


def test_globus_that_does_not_answer_holds_up_nobody(desk: Desk, offered: Path) -> None:
    offered.write_text("\n".join(
        'service_url = "http://127.0.0.1:1"' if line.startswith("service_url") else line
        for line in offered.read_text().splitlines()
    ))  # fmt: skip
    said = desk.init(logged_in(desk, dtn_mapped="y", site_mapped="y"), "--from", str(offered))
    assert "console doctor looks: dtn.collection" in " ".join(said.split())


# ---- whatever is answered


@given(st.sampled_from(["site.name", "site.top", "experiment", "run_monitors", ALERTS, "site.kit", "dtn.strip_prefix"]),
       st.text() | st.text("\"'\\\n\x1b[]{}=# \x7f\u2028é/", max_size=30))  # fmt: skip
def test_whatever_is_answered_is_refused_or_read_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, key: str, answer: str
) -> None:
    (question,) = (each for each in QUESTIONS if each.key == key)
    values = {
        "site.collection": SITE_COLLECTION,
        "dtn.collection": DTN_COLLECTION,
        "dtn.runs": answer,
        "dtn.results": answer,
    }
    try:
        taken = question.look(answer, Draft({}, dict(values)))
    except Wrong:
        return
    if taken.value is None:
        return
    file = tmp_path_factory.mktemp("profile") / "profile.toml"
    file.write_text(profile_text({key: taken.value}))
    found = read_toml(file)
    for step in key.split("."):
        found = found[step]
    assert found == taken.value


def test_questions_are_about_keys_of_the_profile() -> None:
    keys = [question.key for question in QUESTIONS if question.key not in ("", FILE)]
    assert len(keys) == len(set(keys))
    assert set(keys) <= set(KEYS)

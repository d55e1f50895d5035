from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from console.settings.errors import SettingsError
from console.settings.paths import deployed_file
from console.settings.profiles import load, read_deployed, write_deployed, write_sandbox_profile
from flowspec.retry_rules import RetryRule
from flowspec.stages import Stage
from remote.globus.connection import connect

E21062 = Path(__file__).parents[3] / "docs" / "profiles" / "e21062.toml"
FUNCTION = "42e3e64f-4d1e-4681-9a3e-cc9533d7933e"
FLOW = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def state_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def profile(tmp_path):
    """A function that writes the e21062 profile with pieces of its text replaced, and returns its path."""

    def write(*replacements: tuple[str, str]) -> Path:
        text = E21062.read_text()
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "profile.toml"
        path.write_text(text)
        return path

    return write


def refusal(path: Path | None, overrides: dict[str, object] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, overrides)
    return str(caught.value)


def test_rules_of_retries_are_read_in_their_order(profile):
    rules = """
[[retry.rule]]
code = "failed.abort"
stage = "fit"
times = 2
pause = 30.0
[[retry.rule]]
code = "failed.worker"
times = 0
"""
    path = profile()
    path.write_text(path.read_text() + rules)
    assert load(path).retry_rules() == (
        RetryRule("failed.abort", 2, 30.0, "fit"),
        RetryRule("failed.worker", 0, 60.0),
    )
    path.write_text(path.read_text().replace("failed.worker", "failed.wrker"))
    assert "retry.rule.1.code" in refusal(path)


def test_the_shipped_profile_loads_as_it_stands(state_home):
    settings = load(E21062)
    assert settings.experiment == "e21062"
    assert settings.ledger == state_home / "frib-flow-console" / "e21062" / "ledger.db"
    assert settings.dtn.collection_path(Path("/cephfs/mnt/sci-dtn/e21062_2/run7")) == "/mnt/sci-dtn/e21062_2/run7"
    assert settings.flows.analysis is not None
    assert not settings.policy.auto_launch
    assert settings.token_store.name == "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9-tokens.json"


@pytest.mark.parametrize(
    ("prefix", "path", "there"),
    [("/cephfs", "/cephfs/a", "/a"), ("/cephfs/", "/cephfs/a", "/a"), ("/cephfs", "/cephfs2/a", "/cephfs2/a"),
     ("", "/a", "/a"), ("/a", "/a", "/"), ("/cephfs", "/mnt/a", "/mnt/a")],
)  # fmt: skip
def test_paths_on_the_collection(prefix, path, there):
    dtn = load(E21062, {"dtn": {"strip_prefix": prefix}}).dtn
    assert dtn.collection_path(Path(path)) == there


def test_flags_win_over_the_environment_and_that_over_the_profile(profile, monkeypatch):
    path = profile(("max_in_flight = 3", "max_in_flight = 4"), ("settle = 1.0", "settle = 2.0"))
    assert load(path).policy.max_in_flight == 4
    monkeypatch.setenv("FRIB_CONSOLE__POLICY__MAX_IN_FLIGHT", "5")
    monkeypatch.setenv("FRIB_CONSOLE__POLICY__AUTO_LAUNCH", "true")
    monkeypatch.setenv("FRIB_CONSOLE__RUN_MANAGERS", json.dumps([f"urn:globus:auth:identity:{FLOW}"]))
    settings = load(path, {"policy": {"max_in_flight": 6}})
    assert settings.policy.max_in_flight == 6
    assert settings.policy.auto_launch
    assert settings.policy.settle == 2.0
    assert settings.run_managers == (f"urn:globus:auth:identity:{FLOW}",)


def test_a_tilde_is_the_home_directory(profile, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load(profile(('runs = "/cephfs/mnt/sci-dtn/e21062_2"', 'runs = "~/runs"')))
    assert settings.dtn.runs == tmp_path / "runs"


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("max_in_flight = 3", "max_inflight = 3", "policy.max_inflight", "did you mean 'max_in_flight'"),
        ("max_in_flight = 3", "max_in_flight = 0", "policy.max_in_flight", "1 to 100"),
        ("settle = 1.0", "settle = inf", "policy.settle", "seconds"),
        ("auto_launch = false", 'auto_launch = "perhaps"', "policy.auto_launch", "true or false"),
        ("9656eff2-8105-445c-8501-154dfe1d88e5", "9656eff2", "dtn.collection", "a UUID"),
        ('runs = "/cephfs/mnt/sci-dtn/e21062_2"', 'runs = "runs"', "dtn.runs", "absolute path"),
        ('top = "/global/cfs/cdirs/m4386/e21062_flows"', 'top = "/a/../b"', "site.top", "absolute path"),
        ('name = "NERSC"', "", "site.name", "missing"),
        ("[site]", "[sites]", "sites", "did you mean 'site'"),
        ('experiment = "e21062"', 'experiment = "../e21062"', "experiment", "letters"),
        ("urn:globus:groups:id:a936c054-d004-11ee-8305-01ad603c66f1", "frib", "run_monitors.0", "urn:globus:groups:id"),
        ('client_id = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"', "", "globus", "client_id"),
        ("[globus]", '[globus]\ntoken_file = "/tmp/token"', "globus", "service_url"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_key_and_expectation(profile, old, new, key, expected):
    path = profile((old, new))
    lines = refusal(path).splitlines()
    (line,) = [text for text in lines if text.startswith(f"{path}: {key}: ")]
    assert expected in line


@pytest.mark.parametrize("url", ["https://flows.globus.org", "http://10.0.0.1:1", "http://127.0.0.1.evil.org:1"])
def test_the_token_of_a_sandbox_is_never_sent_elsewhere(profile, url):
    path = profile(("[globus]", f'[globus]\nservice_url = "{url}"\ntoken_file = "/tmp/token"'))
    assert "127.0.0.1" in refusal(path)


def test_the_source_of_a_wrong_value_is_named(monkeypatch):
    assert refusal(E21062, {"policy": {"settle": -1}}).startswith("command line: policy.settle: -1: ")
    monkeypatch.setenv("FRIB_CONSOLE__DTN__COLLECTION", "nonsense")
    assert refusal(E21062).startswith("environment: dtn.collection: 'nonsense': ")
    monkeypatch.delenv("FRIB_CONSOLE__DTN__COLLECTION")
    monkeypatch.setenv("FRIB_CONSOLE__POLICIES__SETTLE", "2")
    assert "did you mean 'policy'" in refusal(E21062)


def test_profiles_that_cannot_be_read(tmp_path):
    assert "cannot be read (No such file" in refusal(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text('experiment = "e1"\n[dtn\n')
    assert refusal(bad).startswith(f"{bad}: is not TOML: ")
    assert "line 2" in refusal(bad)
    bad.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refusal(bad)
    assert "dtn: missing" in refusal(None, {"experiment": "e1"})


def test_what_was_deployed_lies_below_the_profile(profile):
    path = profile(('analysis = "babd88e5-d31d-48c7-b3a0-b765389b5c22"', "# analysis"))
    settings = load(path)
    assert settings.flows.analysis is None
    with pytest.raises(SettingsError, match=r"compute\.fit\.function.*functions register"):
        settings.places()
    file = deployed_file(settings.ledger)
    write_deployed(file, {"flows": {"analysis": FLOW, "transfer": FLOW}})
    write_deployed(file, {"compute": {stage: {"function": FUNCTION} for stage in ("fit", "convert", "analyze")}})
    settings = load(path)
    assert settings.flows.analysis == FLOW
    assert settings.flows.transfer == "47557a0b-75ba-4df1-8a85-f5fb556c31a4", "the profile's own id wins"
    places = settings.places()
    assert places.compute[Stage.FIT] == ("ff16dcd1-0632-4fdd-8b0c-d239d4f1b889", FUNCTION)
    assert places.runs == "/mnt/sci-dtn/e21062_2"
    assert set(read_deployed(file)) == {"flows", "compute"}
    write_deployed(file, {"flows": {"analysis": "broken"}})
    assert refusal(path).startswith(f"{file}: flows.analysis: 'broken': ")
    file.write_text("{")
    assert str(file) in refusal(path)


def test_folders_that_are_not_there_are_refused(tmp_path, profile):
    settings = load(profile(), {"dtn": {"runs": str(tmp_path), "results": str(tmp_path / "none")}})
    with pytest.raises(SettingsError, match=r"dtn\.results: .*none.*expected a directory"):
        settings.check_paths()
    load(profile(), {"dtn": {"runs": str(tmp_path), "results": str(tmp_path)}}).check_paths()


def test_the_profile_of_a_sandbox(tmp_path):
    folder = tmp_path / 'Größe "x"\\y'
    folder.mkdir()
    sandbox = {
        "schema": 1, "url": "http://127.0.0.1:4711", "token": "secret", "pid": 1, "identity": FLOW,
        "collections": {"dtn": {"id": FLOW, "root": "/"}, "site": {"id": FUNCTION, "root": "/"}},
        "endpoints": {"frib-fit-mpi": FLOW, "frib-convert": FLOW, "frib-analysis": FLOW}, "kit": "/site/kit",
    }  # fmt: skip
    path = folder / "profile.toml"
    write_sandbox_profile(path, sandbox, folder, auto_launch=True, settle=0.5)
    settings = load(path)
    assert settings.dtn.collection_path(settings.dtn.runs) == "/runs"
    assert settings.site.top == str(folder / "site")
    assert settings.policy.auto_launch
    assert settings.policy.settle == 0.5
    assert settings.globus.token_file is not None
    assert stat.S_IMODE(settings.globus.token_file.stat().st_mode) == 0o600
    assert "secret" not in path.read_text()
    connect(token_file=settings.globus.token_file, service_url=settings.globus.service_url)

"""Profiles, what was deployed, token stores and environments of any content: one sentence, no traceback, no wait."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from console.settings.errors import SettingsError
from console.settings.model import Settings
from console.settings.paths import deployed_file
from console.settings.profiles import load
from console.settings.validated import screen_settings
from remote.globus.auth import StoredLogin, TokenFileLogin
from remote.globus.errors import RemoteError
from tests.odd_files import ODD, odd_files
from tests.waiting import HANGS_AFTER

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

E21062 = Path(__file__).parents[3] / "docs" / "profiles" / "e21062.toml"
CLIENT = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"


@pytest.fixture(autouse=True)
def state_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def profile(folder: Path, old: str, new: str) -> Path:
    path = folder / "profile.toml"
    text = E21062.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


RUNS = 'runs = "/cephfs/mnt/sci-dtn/e21062_2"'
NAME = 'experiment = "e21062"'


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (NAME, "experiment = 21062", "experiment"),
        (NAME, "experiment = 2026-11-26", "experiment"),
        (NAME, "experiment = true", "experiment"),
        (NAME, 'experiment = ["e21062"]', "experiment"),
        (NAME, f"experiment = 0x{'F' * 6000}", "experiment"),
        (NAME, f"{NAME}\nledger = 5", "ledger"),
        (NAME, f'{NAME}\nledger = ""', "ledger"),
        (NAME, f'{NAME}\nledger = "~nobody-of-that-name/l.db"', "ledger"),
        (NAME, f'{NAME}\nledger = "/a\\u0000b"', "ledger"),
        (RUNS, 'runs = "~nobody-of-that-name/x"', "dtn.runs"),
        (RUNS, 'runs = "/a\\u0000b"', "dtn.runs"),
        (RUNS, "runs = 7", "dtn.runs"),
        ("max_in_flight = 3", "max_in_flight = [[3]]", "policy.max_in_flight"),
        ("settle = 1.0", "settle = 1e999", "policy.settle"),
        ("[policy]", "[[policy]]", "policy"),
    ],
)
def test_a_value_of_another_kind_is_told_by_its_key(tmp_path, old, new, key):
    path = profile(tmp_path, old, new)
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert any(line.startswith(f"{path}: {key}: ") for line in str(caught.value).splitlines()), caught.value


TEXTS = {
    "deep lists": "a = " + "[" * 30_000,
    "deep tables": "a = " + "{a=" * 10_000,
    "a deep key": ".".join(["a"] * 5_000) + " = 1",
    "a deep header": "[" + ".".join(["a"] * 5_000) + "]",
    "a number of thousands of digits": "a = " + "9" * 30_000,
    "no text": "\0" * 1000,
    "too large": "#" * 40_001,
    "empty": "",
    "JSON": "{}",
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_profile_of_any_text_is_refused_in_one_line(tmp_path, what):
    path = tmp_path / "profile.toml"
    path.write_text(TEXTS[what])
    for read in (lambda: load(path), lambda: screen_settings(path, keep=True)):
        with pytest.raises(SettingsError) as caught:
            read()
        assert all(len(line) < 500 + len(str(path)) for line in str(caught.value).splitlines())


@pytest.mark.parametrize("what", ODD)
def test_a_profile_that_is_no_file_is_refused_at_once(tmp_path, what):
    path = odd_files(tmp_path)[what]
    for read in (lambda: load(path), lambda: screen_settings(path, keep=True)):
        with pytest.raises(SettingsError, match="cannot be read"):
            read()


@pytest.mark.parametrize("what", [odd for odd in ODD if odd != "missing"])
def test_deployed_ids_that_are_no_file_are_refused_at_once(tmp_path, what):
    file = deployed_file(load(E21062).ledger)
    file.parent.mkdir(parents=True)
    file.symlink_to(odd_files(tmp_path)[what])
    with pytest.raises(SettingsError, match=r"deployed\.json: cannot be read"):
        load(E21062)


DEPLOYED = {"deep": "[" * 100_000, "deeper": '{"a":' * 100_000, "a number": "5", "null": "null",
            "an unknown section": '{"x": {}}', "digits": "9" * 5000, "too large": " " * 1_000_001}  # fmt: skip


@pytest.mark.parametrize("what", DEPLOYED)
def test_deployed_ids_of_any_text_are_told_by_their_file(what):
    file = deployed_file(load(E21062).ledger)
    file.parent.mkdir(parents=True)
    file.write_text(DEPLOYED[what])
    with pytest.raises(SettingsError) as caught:
        load(E21062)
    assert str(caught.value).startswith(str(file))


def test_a_deep_variable_of_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("FRIB_CONSOLE__POLICY", "[" * 50_000)
    with pytest.raises(SettingsError, match=r"^environment: "):
        load(E21062)


ADDRESSES = [
    r"http://evil.com\@127.0.0.1:1", "http://evil.com/@127.0.0.1:1", "http://evil.com?@127.0.0.1:1",
    "http://u:p@127.0.0.1:1", "http://evil.com#@127.0.0.1:1", "http://127.0.0.1:1@evil.com",
    r"http://127.0.0.1:1\.evil.com", "http://127.0.0.1 :1", "http://127.0.0.1:1/path", "http://127.0.0.1:1?x",
    "http://127.0.0.1:1#x", "http://127.0.0.1", "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://127.0.0.1:\u0663",
    "http://127.1:1", "http://2130706433:1", "http://0x7f.1:1", "http://[::1:1", "http://[::ffff:10.0.0.1]:1",
    "https://127.0.0.1:1", "//127.0.0.1:1", "127.0.0.1:1", "http:127.0.0.1:1", "http://\t127.0.0.1:1",
    "http://127.0.0.1:1\nHost: evil.com", "http://localhost.evil.com:1", "http://127.0.0.1%2eevil.com:1", "", "http://",
    "http://:1",
]  # fmt: skip


def with_address(address: str) -> Settings:
    return load(E21062, {"globus": {"service_url": address, "token_file": "/tmp/token"}})


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_another_library_may_read_otherwise_is_refused(address):
    with pytest.raises(SettingsError, match=r"globus\.service_url: .*http://127\.0\.0\.1:PORT"):
        with_address(address)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:4711", "http://localhost:1", "http://[::1]:8000", "http://127.0.0.1:1/"]
)
def test_the_address_of_a_sandbox_is_taken(address):
    assert with_address(address).globus.service_url == address.rstrip("/")


@given(
    st.text(max_size=30),
    st.sampled_from(["http://", "", "http://127.0.0.1:1", "http://evil.com", "@127.0.0.1:1"]),
    st.text(max_size=10),
)
def test_no_address_but_loopback_comes_through(before, middle, after):
    try:
        found = with_address(before + middle + after).globus.service_url
    except SettingsError:
        return
    host, _, port = str(found).removeprefix("http://").rpartition(":")
    assert host in ("127.0.0.1", "localhost", "[::1]")
    assert port.isascii()
    assert port.isdigit()


# ---- logins

STORES = {
    "deep": "[" * 100_000, "no JSON": "{", "a number": "5", "a list": "[]", "null": "null", "empty": "",
    "another format": '{"format_version": "9"}', "no data": '{"format_version": "2.0"}',
    "data of another kind": '{"format_version": "2.0", "data": 5}',
    "a token that is a number": json.dumps({"format_version": "2.0", "globus-sdk.version": "4", "data": {
        "DEFAULT": {"x": {"access_token": 5, "refresh_token": None}}}}),
    "no token": '{"format_version": "2.0", "data": {"DEFAULT": {"x": {}}}}',
    "binary": "\ufffd\0", "too large": " " * 1_000_001,
}  # fmt: skip


@pytest.mark.parametrize("what", STORES)
def test_a_token_store_that_is_none_is_set_aside_and_told_once(tmp_path, what):
    store = tmp_path / "tokens.json"
    login = StoredLogin(CLIENT, store, [], [])
    assert login.expires_at() == 0
    store.touch(0o600)
    store.write_text(STORES[what])
    with pytest.raises(RemoteError, match="is damaged") as caught:
        login.expires_at()
    assert (caught.value.kind, caught.value.login) == ("operator", True)
    (aside,) = [path for path in tmp_path.iterdir() if path.name not in ("tokens.json.lock",)]
    assert str(store) in caught.value.cause
    assert str(aside) in caught.value.cause
    assert aside.read_text() == STORES[what]
    assert login.expires_at() == 0, "no login, and not the answer of a service"


@pytest.mark.parametrize("what", [odd for odd in ODD if odd not in ("folder", "missing")])
def test_a_token_that_is_no_file_is_refused_at_once(tmp_path, what):
    path = odd_files(tmp_path)[what]
    for open_it in (lambda: TokenFileLogin(path), StoredLogin(CLIENT, path, [], []).expires_at):
        with pytest.raises(RemoteError) as caught:
            open_it()
        assert caught.value.kind == "operator"
        assert str(path) in str(caught.value)


def test_commands_and_the_screen_do_not_wait_for_a_fifo(tmp_path):
    fifo = odd_files(tmp_path)["fifo"]
    for arguments in (["status"], ["driver", "start"], ["flows", "validate"], ["watch"]):
        command = [sys.executable, "-m", "screens", "--profile", str(fifo), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER, stdin=subprocess.DEVNULL)
        assert done.returncode == 2
        assert done.stderr == f"console: {fifo}: cannot be read (not a plain file); expected a profile in TOML\n"


# ---- anything

BASE = tomllib.loads(E21062.read_text())
KEYS = [(key,) for key in BASE]
KEYS += [(key, part) for key, section in BASE.items() if isinstance(section, dict) for part in section]
KEYS += [
    ("ledger",),
    ("globus", "service_url"),
    ("globus", "token_file"),
    ("globus", "token_store"),
    ("screen", "keys"),
]
KEYS += [("screen", "columns"), ("compute", "fit", "endpoint"), ("policy", "sources"), ("run_managers",), ("x\n",)]
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.datetimes()
    | st.just(6000).map(lambda digits: 15**digits)
    | st.sampled_from(["~nobody-of-that-name/x", "a\0b", "/a\0", "~", ".", "/", "~/x", "x" * 5000])
)  # fmt: skip
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@hypothesis_settings(deadline=None)
@given(st.sampled_from(KEYS), anything)
def test_any_value_at_any_key_is_taken_or_refused(key, value):
    document = value
    for part in reversed(key):
        document = {part: document}
    with suppress(SettingsError):
        load(E21062, document)

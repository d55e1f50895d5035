"""Two people log in at once, each in a process, while a driver in a third one reads the store and renews its tokens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remote.globus.auth import FLOWS, StoredLogin
from remote.globus.login_flow import LoginFlow
from remote.sandbox.ids import DTN_COLLECTION, IDENTITY, OTHER_IDENTITIES
from tests.auth_fixture import CLIENT, authorize
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.sandbox_records import set_fault

__all__ = ["sandbox"]

ROOT = Path(__file__).parents[3]
ANNA = OTHER_IDENTITIES[0]


def stored(url: str, store: str) -> StoredLogin:
    return StoredLogin(CLIENT, Path(store), [], [DTN_COLLECTION], url)


def whose(login: StoredLogin) -> str | None:
    """Fails when the file is not one whole login, for this account alone."""
    store = login.store()
    assert set(login.scopes()) <= set(store.get_token_data_by_resource_server())
    assert {tokens.identity_id for tokens in store.get_token_data_by_resource_server().values()} == {store.identity}
    assert login.path.stat().st_mode & 0o777 == 0o600
    return store.identity


def log_in(url: str, store: str, identity: str) -> None:
    """A process: it has a code when it says so, and keeps the login at a line of its input."""
    while True:
        flow = LoginFlow(stored(url, store), {})
        flow.exchange(authorize(flow.address, identity))
        print("ready", flush=True)
        if not sys.stdin.readline():
            return
        flow.keep()
        print("kept", flush=True)


def drive(url: str, store: str) -> None:
    """A process: at each line of its input it uses the login, whose tokens it has to renew each time."""
    login = stored(url, store)
    while sys.stdin.readline():
        for _ in range(5):
            whose(login)
            assert login.authorizer(FLOWS).get_authorization_header()
        print("driven", flush=True)


class Process:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout

    def go(self) -> None:
        print(file=self._to, flush=True)

    def says(self, words: str) -> None:
        assert self._from.readline() == f"{words}\n"


@contextmanager
def process(what: str, *arguments: str) -> Iterator[Process]:
    code = f"import sys; from tests.remote.globus.test_logins_at_once import {what} as work; work(*sys.argv[1:])"
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield Process(running)
    assert running.returncode == 0


def test_the_last_of_two_logins_is_the_one_that_is_there_whole_and_a_driver_takes_none_back(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    where = sandbox.url, str(tmp_path / "tokens.json")
    login = stored(*where)
    set_fault(sandbox.dir, "short-login", token="access", seconds=30)  # the SDK renews a minute before
    with process("log_in", *where, IDENTITY) as operator, process("log_in", *where, ANNA) as anna:
        operator.says("ready")
        operator.go()
        operator.says("kept")
        assert whose(login) == IDENTITY
        with process("drive", *where) as driver:
            for _ in range(5):
                operator.says("ready")
                anna.says("ready")
                for each in (driver, operator, anna):
                    each.go()
                operator.says("kept")
                anna.says("kept")
                driver.says("driven")
                assert whose(login) in (IDENTITY, ANNA)
            for last, identity in ((operator, IDENTITY), (anna, ANNA), (operator, IDENTITY)):
                last.says("ready")
                driver.go()
                last.go()
                last.says("kept")
                driver.says("driven")
                assert whose(login) == identity
    assert {path.name for path in tmp_path.iterdir()} == {"tokens.json", "tokens.json.lock"}

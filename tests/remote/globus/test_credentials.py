"""No door lets a secret out that the process knows: errors, the log, the ledger, what commands print."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from globus_sdk.token_storage import JSONTokenStorage, TokenStorageData

from console.ledger import events, sources
from console.ledger.store import Ledger
from console.settings.profiles import load
from remote.globus import credentials
from remote.globus.auth import COMPUTE, StoredLogin
from remote.globus.connection import Remote, connect
from remote.globus.errors import RemoteError
from tests.flowspec.test_hiding import SHAPES, shows
from tests.scripted_service import Reply, ScriptedService
from tests.waiting import HANGS_AFTER

TOKEN = "Agq4Xw7Lm2Zr9Kd1Tn6Vb3Pc8Sf5Gh0Jy-eU_iOaRnQzBxMt"
RUN = "11111111-2222-4333-8444-555555555555"
CLIENT = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"


@pytest.fixture
def service(monkeypatch):
    service = ScriptedService()
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", service.url)
    yield service
    service.close()


@pytest.fixture
def token_file(tmp_path) -> Path:
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(TOKEN + "\n")
    return file


@pytest.fixture
def remote(service, token_file) -> Remote:
    return connect(token_file=token_file, service_url=service.url)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


def document(text: str) -> dict[str, object]:
    return {"error": {"code": "AUTHENTICATION_ERROR", "detail": text, "message": text}, "debug_id": "d"}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_401_that_echoes_the_live_token_tells_it_to_nobody(service, remote, ledger, shape):
    service.will("GET", f"/runs/{RUN}", Reply(document(f"{SHAPES[shape](TOKEN)} was sent for flow run {RUN}"), 401))
    with pytest.raises(RemoteError) as caught:
        remote.flows.run(RUN)
    assert service.requests[0].token == f"Bearer {TOKEN}"
    told = f"{caught.value} {caught.value!r} {caught.value.cause} {caught.value.next_step}"
    assert not shows(told, TOKEN)
    assert RUN in told
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("kind", ["html", "headers", "text"])
def test_an_answer_that_is_no_document_tells_nothing_either(service, remote, kind):
    body = {"html": f"<h1>401</h1>{TOKEN}", "text": TOKEN, "headers": "x"}[kind]
    headers = {"Content-Type": "text/html", "WWW-Authenticate": f"Bearer error={TOKEN}"}
    service.will("GET", f"/runs/{RUN}", Reply(body, 401, headers))
    with pytest.raises(RemoteError) as caught:
        remote.flows.run(RUN)
    assert not shows(str(caught.value), TOKEN)


def test_what_services_say_in_words_comes_in_without_the_token(service, remote):
    words = f"PermissionError: 'Authorization: Bearer {TOKEN}' in task {RUN}"
    service.will("GET", f"/runs/{RUN}/log", {"limit": 1, "has_next_page": False, "entries": [
        {"time": "2026-11-23T10:00:00+00:00", "code": "ActionFailed", "description": words, "details": {"a": [words]}}
    ]})  # fmt: skip
    service.will("POST", "/v2/batch_status", {"results": {"t": {"status": "failed", "exception": words}}})
    service.will("GET", f"/v0.10/task/{RUN}", {"task_id": RUN, "status": "FAILED", "nice_status_details": words,
                                                "fatal_error": {"code": "X", "description": words}})  # fmt: skip
    service.will("GET", f"/v0.10/task/{RUN}/event_list", {"DATA": [{"description": words, "details": words}]})
    (entry,) = remote.flows.log(RUN)
    known = [entry.description, entry.details["a"][0], remote.compute.batch_status(["t"])["t"].exception]
    task, (event,) = remote.transfer.task(RUN), remote.transfer.events(RUN)
    known += [task.nice_status_details, task.fatal_error, event.description, event.details]
    assert [text for text in known if shows(text, TOKEN) or RUN not in text] == []


def test_events_sources_and_answers_keep_no_secret(remote, ledger):
    words = f"token {TOKEN} of run 1217, flow run {RUN}"
    ledger.event("bad", words, actor="driver")
    sources.failed(ledger, "flows", words)
    number = ledger.ask("retry", 1217, actor="anna@daq1")
    ledger.answer(number, "refused", words)
    kept = [event.text for event in events.newest(ledger, 9)]
    kept += [sources.problem(ledger, "flows"), ledger.request(number).answer]
    assert len(kept) == 4
    assert [text for text in kept if shows(text, TOKEN) or RUN not in text] == []
    stored = b"".join(path.read_bytes() for path in Path(ledger.path.parent).glob("ledger.db*"))
    assert TOKEN.encode() not in stored


def test_the_log_writes_a_traceback_without_the_secret(remote):
    try:
        raise ValueError(f"sent {TOKEN}\nand {TOKEN[:20]}\n{TOKEN[20:]}")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "with %s", (TOKEN,), sys.exc_info())
    written = credentials.LogFormatter("%(levelname)s %(message)s").format(record)
    assert written.startswith("ERROR with ***")
    assert "Traceback (most recent call last)" in written
    assert not shows(written, TOKEN)


def test_the_drivers_log_has_this_formatter(tmp_path):
    # A driver's main with a profile that cannot be loaded: logging is set up before.
    code = f"""if True:
        import logging
        from console.driver import main
        from remote.globus.credentials import know
        def load():
            know({TOKEN!r})
            logging.getLogger("globus_sdk.x").warning("sent %s", {TOKEN!r})
            logging.getLogger("console.driver.loop").error("%s", {SHAPES["broken over lines"](TOKEN)!r})
            raise SystemExit(0)
        main.drive(load, mode="foreground", lifeline=False)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.stderr.count("***") == 2
    assert not shows(done.stderr, TOKEN)


def stored(store: Path, refresh: str, access: str = TOKEN, seconds: float = 3600) -> None:
    storage = JSONTokenStorage(store)
    storage.store_token_data_by_resource_server({
        server: TokenStorageData(server, None, "openid", access, refresh, int(time.time() + seconds), "Bearer")
        for server in ("auth.globus.org", COMPUTE)
    })  # fmt: skip
    storage.close()


def test_tokens_and_refresh_tokens_of_the_store_are_known(tmp_path):
    refresh = "AgRefreshq8Wm3Xk5Lp7Zt2Vn9"
    stored(tmp_path / "tokens.json", refresh)
    StoredLogin(CLIENT, tmp_path / "tokens.json", [], []).expires_at()  # the first use of it
    assert not shows(credentials.hidden(f"a {refresh} b {SHAPES['hex'](refresh)} c {TOKEN[5:40]} d"), refresh)


def test_a_token_that_was_renewed_is_known_from_then_on(service, tmp_path):
    scope = "https://auth.globus.org/scopes/facd7ccc-c5f4-42aa-916b-a0e270e2c2a9/all"
    renewed = "AgRenewed-p2Kx9Vb4Tn7Wq1Zc6"
    service.will("POST", "/v2/oauth2/token", {
        "access_token": renewed, "refresh_token": renewed[::-1], "scope": scope, "resource_server": COMPUTE,
        "expires_in": 3600, "token_type": "Bearer", "other_tokens": [],
    })  # fmt: skip
    service.will("GET", "/v2/taskgroup/g", Reply({"status": "Failed", "reason": f"{renewed} {renewed[::-1]}"}, 403))
    store = tmp_path / "tokens.json"
    storage = JSONTokenStorage(store)
    storage.store_token_data_by_resource_server({
        "auth.globus.org": TokenStorageData("auth.globus.org", RUN, "openid", "a" * 20, "r" * 20, 2**31, "Bearer"),
        COMPUTE: TokenStorageData(COMPUTE, RUN, scope, "old-token-1234", "old-refresh-1234", 1, "Bearer"),
    })  # fmt: skip
    storage.close()
    login = StoredLogin(CLIENT, store, [], [])
    from remote.globus.compute import Compute

    with pytest.raises(RemoteError) as caught:
        Compute(login.authorizer(COMPUTE), service.url).task_group("g")
    assert service.requests[-1].token == f"Bearer {renewed}"
    told = credentials.hidden(f"{caught.value} {renewed[:14]} {renewed[::-1][:14]}")
    assert not shows(told, renewed)
    assert not shows(told, renewed[::-1])


def test_secrets_of_the_environment_are_known(monkeypatch, token_file):
    monkeypatch.setenv("GLOBUS_COMPUTE_CLIENT_SECRET", "of-the-environment-1")
    monkeypatch.setenv("https_proxy", "http://anna:pass%21word-of-anna@proxy:3128")
    monkeypatch.setenv("all_proxy", "http://[nonsense")
    connect(token_file=token_file)
    assert credentials.hidden("x of-the-environment-1 y pass!word-of-anna z") == "x *** y *** z"


def test_a_command_prints_what_the_driver_kept_and_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    example = Path(__file__).parents[3] / "docs" / "profiles" / "e21062.toml"
    ledger = Ledger(load(example).ledger)
    with ledger.change() as db:  # as an older version may have left it
        words = f"the service answers 401: Bearer {TOKEN}"
        db.execute("INSERT INTO sources (name, tried_at) VALUES ('flows', 1)")
        db.execute("INSERT INTO troubles (source, chore, at, problem, login) VALUES ('flows', '', 1, ?, 0)", (words,))
    ledger.close()
    command = [sys.executable, "-m", "screens", "--profile", str(example), "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER)
    (source,) = json.loads(done.stdout)["sources"]
    assert source["problem"] == "the service answers 401: Bearer ***"
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(example.read_text().replace(CLIENT, TOKEN))
    done = subprocess.run([*command[:4], str(wrong), "status"], capture_output=True, text=True, timeout=HANGS_AFTER)
    assert done.returncode == 2
    assert "globus.client_id: '***': not an id of Globus" in done.stderr

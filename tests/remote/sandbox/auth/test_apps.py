"""The SDK's own apps, as they are, log in at a sandbox: UserApp with its printed address and prompt, ClientApp."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import globus_sdk
import pytest
from globus_sdk.scopes import GCSCollectionScopes, TransferScopes
from globus_sdk.token_storage import JSONTokenStorage
from globus_sdk.token_storage.validating_token_storage import IdentityMismatchError, UnmetScopeRequirementsError

from remote.sandbox.ids import DTN_COLLECTION, IDENTITY, OTHER_IDENTITIES
from tests.auth_fixture import CLIENT, authorize, services
from tests.sandbox_fixture import sandbox
from tests.sandbox_records import ask

__all__ = ["sandbox", "services"]
pytestmark = pytest.mark.usefixtures("services")

NEEDS = {
    "transfer.api.globus.org": TransferScopes.all.with_dependency(
        GCSCollectionScopes(DTN_COLLECTION).data_access.with_optional(True)
    )
}


class Browser:
    """Answers the prompt of a login with the code of the page at the address that was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.identity: str | None = None
        self.logins = 0
        self._capsys = capsys

    def __call__(self, prompt: str) -> str:
        self.logins += 1
        (address,) = re.findall(r"^http://\S+$", self._capsys.readouterr().out, re.MULTILINE)
        return authorize(address, self.identity)


@pytest.fixture
def browser(capsys, monkeypatch) -> Browser:
    browser = Browser(capsys)
    monkeypatch.setattr("builtins.input", browser)
    return browser


def user_app(store: Path, **options: Any) -> globus_sdk.UserApp:
    storage = JSONTokenStorage(store)
    config = globus_sdk.GlobusAppConfig(token_storage=storage, request_refresh_tokens=True, **options)
    return globus_sdk.UserApp("test", client_id=CLIENT, scope_requirements=NEEDS, config=config)


def listing(app: globus_sdk.GlobusApp) -> int:
    return globus_sdk.TransferClient(app=app).operation_ls(DTN_COLLECTION, path="/").http_status


def test_a_person_logs_in_once(browser, tmp_path):
    store = tmp_path / "tokens.json"
    assert listing(user_app(store)) == 200
    again = user_app(store)
    assert listing(again) == 200
    assert browser.logins == 1
    assert again.token_storage.identity_id == IDENTITY


def test_tokens_that_are_over_are_renewed_without_a_login(sandbox, browser, tmp_path):
    app = user_app(tmp_path / "tokens.json")
    assert listing(app) == 200
    ask(sandbox.dir, "DELETE", "logins/access")
    assert listing(app) == 200
    assert browser.logins == 1


def test_a_login_that_was_revoked_is_asked_for_again(sandbox, browser, tmp_path):
    app = user_app(tmp_path / "tokens.json")
    assert listing(app) == 200
    ask(sandbox.dir, "DELETE", "logins")
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        listing(app)
    assert (caught.value.http_status, caught.value.raw_json["error"]) == (400, "invalid_grant")
    app.login(force=True)
    assert listing(app) == 200
    assert browser.logins == 2


def test_logging_out_revokes(browser, tmp_path):
    app = user_app(tmp_path / "tokens.json")
    app.login()
    token = app.get_authorizer("transfer.api.globus.org").access_token
    app.logout()
    with pytest.raises(globus_sdk.TransferAPIError) as caught:
        globus_sdk.TransferClient(authorizer=globus_sdk.AccessTokenAuthorizer(token)).task_list()
    assert caught.value.http_status == 401


def test_another_identity_is_noticed(browser, tmp_path):
    app = user_app(tmp_path / "tokens.json", token_validation_error_handler=None)
    app.login()
    browser.identity = "anna@msu.example"
    with pytest.raises(IdentityMismatchError) as caught:
        app.login(force=True)
    assert (caught.value.stored_id, caught.value.new_id) == (IDENTITY, OTHER_IDENTITIES[0])


def test_a_consent_that_was_withdrawn_is_noticed(browser, tmp_path):
    app = user_app(tmp_path / "tokens.json", token_validation_error_handler=None)
    app.login()
    auth = globus_sdk.AuthClient(authorizer=app.get_authorizer("auth.globus.org"))
    below = [one for one in auth.get_consents(IDENTITY)["consents"] if len(one["dependency_path"]) > 1]
    auth.delete(f"/v2/api/identities/{IDENTITY}/consents/{below[0]['id']}")
    with pytest.raises(UnmetScopeRequirementsError):
        listing(user_app(tmp_path / "tokens.json", token_validation_error_handler=None))
    app.login(force=True)
    assert listing(app) == 200


def test_a_client_logs_in_by_itself_and_again_when_its_token_is_over(sandbox):
    app = globus_sdk.ClientApp(
        "test", client_id=str(uuid.uuid4()), client_secret=sandbox.token, scope_requirements=NEEDS,
        config=globus_sdk.GlobusAppConfig(token_storage="memory"),
    )  # fmt: skip
    assert listing(app) == 200
    ask(sandbox.dir, "DELETE", "logins")
    assert listing(app) == 200

"""The login screen against a sandbox's Auth; the browser is played."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from console.connect import remote
from console.ledger import logins
from console.settings.profiles import load
from remote.globus.auth import StoredLogin
from remote.globus.errors import RemoteError
from remote.globus.login_flow import LoginFlow
from remote.globus.token_store import TokenStore
from remote.sandbox.ids import IDENTITY, OTHER_IDENTITIES
from screens import login_screen
from screens.app import ConsoleApp
from screens.login_screen import Address, LoginScreen
from screens.terminal.driver import TypedAtOnce
from tests.auth_fixture import authorize
from tests.ledger_fixture import DemoLedger
from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.sandbox_records import set_fault
from tests.screen_driver import make_app, settled, shown, until, until_shown

__all__ = ["sandbox"]

E21062 = Path(__file__).parents[2] / "docs" / "profiles" / "e21062.toml"
CLIENT = 'client_id = "59f19e1e-f1ce-4cb1-973c-8d893e89c0a9"'
ANNA = OTHER_IDENTITIES[0]
SMALL, LOW = (80, 24), (60, 14)
WAITS = "The code: _"


class Place:
    """A profile of a person's login at the sandbox, and where the tokens are kept."""

    def __init__(self, directory: Path, url: str, demo: DemoLedger) -> None:
        self.demo, self.store = demo, directory / "tokens.json"
        self.profile = directory / "e21062.toml"
        globus = f'{CLIENT}\ntoken_store = "{self.store}"\nservice_url = "{url}"'
        text = E21062.read_text().replace(CLIENT, globus).replace('["9d6d994a-6d04-11e5-ba46-22000b92c6ec"]', "[]")
        self.profile.write_text(f'ledger = "{demo.ledger.path}"\n{text}')

    @property
    def identity(self) -> str | None:
        return TokenStore(self.store).identity

    def app(self) -> ConsoleApp:
        return make_app(self.demo.ledger.path, profile=self.profile)


@pytest.fixture
def place(tmp_path: Path, sandbox: RunningSandbox, demo: DemoLedger) -> Place:
    return Place(tmp_path, sandbox.url, demo)


async def opened(pilot: Pilot[Any]) -> str:
    """The address that the login screen shows."""
    await settled(pilot)
    await pilot.press("L")
    await until_shown(pilot, WAITS)
    return pilot.app.screen.query_one(Address).words


async def given(pilot: Pilot[Any], code: str) -> None:
    pilot.app.post_message(events.Paste(code))
    await until_shown(pilot, f"The code: {code.strip()}")
    await pilot.press("enter")


async def closed(pilot: Pilot[Any], *words: str) -> None:
    await until(pilot, lambda: not isinstance(pilot.app.screen, LoginScreen))
    await until_shown(pilot, *words)


@pytest.mark.parametrize("size", [SMALL, LOW], ids=str)
async def test_the_address_stands_whole_and_the_code_logs_in(place: Place, size: tuple[int, int]) -> None:
    app = place.app()
    async with app.run_test(size=size) as pilot:
        address = await opened(pilot)
        lines = shown(app).splitlines()
        assert max(map(len, lines)) <= size[0]
        begin = next(place for place, line in enumerate(lines) if line.startswith("http"))
        seen = "".join(lines[begin:-1]).rstrip()
        assert address.startswith(seen)
        if size == SMALL:
            assert seen == address
            links = [segment.style.link for segment in app.screen.query_one(Address).render_line(0) if segment.style]
            assert set(links) == {address}
        else:
            assert "up and down: all of it" in shown(app)
            await pilot.press("pagedown")
            await until(pilot, lambda: address[-10:] in shown(app))
            await pilot.press("pageup")
            await until(pilot, lambda: "http" in shown(app))
        await given(pilot, authorize(address) + "\n")
        await closed(pilot, "logged in as operator@sandbox: what waited for it goes on")
    assert place.identity == IDENTITY
    assert stat.S_IMODE(place.store.stat().st_mode) == 0o600


async def test_what_globus_has_asked_for_stands_above_and_is_done(place: Place) -> None:
    logins.demand(place.demo.ledger, {"session_required_mfa": True, "session_required_single_domain": ["sandbox"]})
    app = place.app()
    async with app.run_test(size=SMALL) as pilot:
        address = await opened(pilot)
        await until_shown(
            pilot, "Globus asks for a fresh login with an identity of sandbox with multi-factor authentication: this"
        )
        assert "session_required_mfa=True" in address
        await given(pilot, authorize(address))
        await closed(pilot, "logged in as operator@sandbox")
    assert logins.demands(place.demo.ledger) == {}


async def test_a_code_that_is_none_is_told_and_another_one_is_asked_for(place: Place) -> None:
    app = place.app()
    async with app.run_test(size=SMALL) as pilot:
        address = await opened(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "no code was given", WAITS)
        used = authorize(address)
        spend(place, used)
        for code in ("wrong", used):
            await given(pilot, code)
            await until_shown(pilot, "Globus does not take this code", "open the address again for another", WAITS)
        assert not place.store.exists()
        await given(pilot, authorize(address))
        await closed(pilot, "logged in as operator@sandbox")


async def test_esc_leaves_and_nothing_has_changed(
    place: Place, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back = recorded(monkeypatch, "give_back")
    app = place.app()
    async with app.run_test(size=SMALL) as pilot:
        address = await opened(pilot)
        await pilot.press("w", "escape")
        await closed(pilot, "nobody has logged in: L tries again")
        address = await opened(pilot)
        set_fault(sandbox.dir, "slow-reply", service="auth", path="/v2/oauth2/token", seconds=3.0)
        await given(pilot, authorize(address))
        await until_shown(pilot, "asking Globus who that is")
        await pilot.press("escape")
        await closed(pilot, "nobody has logged in: L tries again")
        await until(pilot, lambda: given_back or place.store.exists())
    assert not place.store.exists()


async def test_another_identity_is_explained_and_asked_for(place: Place) -> None:
    app = place.app()
    async with app.run_test(size=SMALL) as pilot:
        await given(pilot, authorize(await opened(pilot)))
        await closed(pilot, "logged in as operator@sandbox")
        for key, said, identity in (
            ("enter", f"nothing has changed: the login is still that of {IDENTITY}", IDENTITY),
            ("y", "logged in as anna@msu.example", ANNA),
        ):
            await given(pilot, authorize(await opened(pilot), identity=ANNA))
            await until_shown(
                pilot, "is another identity", "are not seen at all", "Be this identity from now on? [y/N]"
            )
            app.post_message(TypedAtOnce([events.Key("y", "y")]))  # a paste is no answer
            await pilot.pause()
            assert place.identity == IDENTITY
            await pilot.press(key)
            await closed(pilot, said)
            assert place.identity == identity


async def test_y_copies_the_address_and_is_a_letter_in_a_code(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    app, copied = place.app(), []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=SMALL) as pilot:
        address = await opened(pilot)
        await pilot.press("y")
        await until_shown(pilot, "copied, if your terminal allows", WAITS)
        app.post_message(TypedAtOnce([events.Key(letter, letter) for letter in "yab"]))
        await until_shown(pilot, "The code: yab_")
        await pilot.press("y", "q")
        await until_shown(pilot, "The code: yabyq_")
    assert copied == [address]


async def test_what_does_not_answer_is_left_alone(
    place: Place, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_screen, "LIMIT_SECONDS", 0.5)
    given_back = recorded(monkeypatch, "give_back")
    app = place.app()
    async with app.run_test(size=SMALL) as pilot:
        address = await opened(pilot)
        set_fault(sandbox.dir, "slow-reply", service="auth", path="/v2/oauth2/token", seconds=3.0)
        await given(pilot, authorize(address))
        await closed(pilot, "Globus has not answered in 0 s: nobody has logged in")
        await until(pilot, lambda: given_back or place.store.exists())
    assert not place.store.exists()


async def test_who_needs_no_login_is_told_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRIB_CONSOLE__GLOBUS__CLIENT_SECRET", "not-so-secret")
    app = place.app()
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.press("L")
        await closed(pilot, "this profile is of a service account, which needs no login")


def spend(place: Place, code: str) -> None:
    """A code serves once, whoever had it."""
    login = remote(load(place.profile)).login
    assert isinstance(login, StoredLogin)
    with pytest.raises(RemoteError):
        LoginFlow(login, {}).exchange(code)


def recorded(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    calls: list[str] = []
    real: Callable[..., Any] = getattr(LoginFlow, name)

    def call(flow: LoginFlow, *given: Any) -> Any:
        calls.append(name)
        return real(flow, *given)

    monkeypatch.setattr(LoginFlow, name, call)
    return calls

from __future__ import annotations

import dataclasses
import errno
import json
import os
import stat
from pathlib import Path

import pytest

from console.settings import profiles
from console.settings.errors import SettingsError
from console.settings.paths import deployed_file, state_home
from console.settings.profiles import load, write_deployed
from console.settings.validated import ScreenSettings, screen_settings

E21062 = Path(__file__).parents[3] / "docs" / "profiles" / "e21062.toml"
SCREEN = '[screen]\ntheme = "contrast"\nkeys = { launch = ["f5"] }\ncolumns = { runs = ["state", "tries"] }\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.toml"
    path.write_text(E21062.read_text() + SCREEN)
    return path


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The profiles that were validated."""
    calls: list[Path] = []

    def counted(profile: Path) -> object:
        calls.append(profile)
        return load(profile)

    monkeypatch.setattr(profiles, "load", counted)
    return calls


def kept(home: Path) -> Path:
    (file,) = home.rglob("profile-*.json")
    return file


def plain(settings: ScreenSettings) -> object:
    return json.loads(json.dumps(dataclasses.asdict(settings), default=str))


def test_a_profile_is_validated_once(profile: Path, validated: list[Path]) -> None:
    first = screen_settings(profile, keep=True)
    assert plain(screen_settings(profile, keep=True)) == plain(first) == plain(ScreenSettings.of(load(profile)))
    assert (first.theme, first.columns) == ("contrast", {"runs": ("state", "tries")})
    assert validated == [profile]


def test_what_is_kept_is_private(profile: Path, home: Path) -> None:
    screen_settings(profile, keep=True)
    assert stat.S_IMODE(kept(home).stat().st_mode) == 0o600
    assert stat.S_IMODE(state_home().stat().st_mode) == 0o700


def test_who_only_looks_leaves_nothing_behind(profile: Path, home: Path, validated: list[Path]) -> None:
    screen_settings(profile, keep=False)
    assert not home.exists()
    screen_settings(profile, keep=True)
    screen_settings(profile, keep=False)
    assert len(validated) == 2  # what somebody kept is good for those who only look


def test_it_is_validated_again_when_anything_has_changed(
    profile: Path, validated: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert screen_settings(profile, keep=True).theme == "contrast"
    status = profile.stat()
    profile.write_text(profile.read_text().replace('"contrast"', '"frib"    '))
    os.utime(profile, ns=(status.st_atime_ns, status.st_mtime_ns))  # as long and as old as before
    assert screen_settings(profile, keep=True).theme == "frib"
    monkeypatch.setenv("FRIB_CONSOLE__SCREEN__THEME", "ansi-dark")
    settings = screen_settings(profile, keep=True)
    assert settings.theme == "ansi-dark"
    write_deployed(deployed_file(settings.ledger), {"flows": {"analysis": "11111111-2222-4333-8444-555555555555"}})
    screen_settings(profile, keep=True)
    assert len(validated) == 4
    screen_settings(profile, keep=True)
    assert len(validated) == 4


def test_a_fault_is_told_although_the_profile_was_good_before(profile: Path) -> None:
    settings = screen_settings(profile, keep=True)
    deployed_file(settings.ledger).parent.mkdir(parents=True, exist_ok=True)
    deployed_file(settings.ledger).write_text("no JSON")
    with pytest.raises(SettingsError, match="expected JSON as the console writes it"):
        screen_settings(profile, keep=True)
    deployed_file(settings.ledger).unlink()
    profile.write_text(profile.read_text().replace("[screen]", "[scren]"))
    with pytest.raises(SettingsError, match="did you mean 'screen'"):
        screen_settings(profile, keep=True)
    profile.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        screen_settings(profile, keep=True)


@pytest.mark.parametrize(
    "damage", [lambda text: "", lambda text: text[:-9], lambda text: text.replace("e21062", "e21063")]
)
def test_a_damaged_file_is_ignored_and_written_anew(
    damage: object, profile: Path, home: Path, validated: list[Path]
) -> None:
    screen_settings(profile, keep=True)
    whole = kept(home).read_text()
    kept(home).write_text(damage(whole))  # type: ignore[operator]
    assert screen_settings(profile, keep=True).experiment == "e21062"
    assert len(validated) == 2
    assert kept(home).read_text() == whole


def test_a_newer_console_validates_again(profile: Path, validated: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    screen_settings(profile, keep=True)
    monkeypatch.setattr("console.settings.validated.VALIDATING", ("model.py", "profiles.py"))
    screen_settings(profile, keep=True)
    assert len(validated) == 2


def test_where_nothing_can_be_kept_the_screen_opens_all_the_same(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(profiles, "write_file", full)
    assert screen_settings(profile, keep=True).experiment == "e21062"

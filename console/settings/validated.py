"""The settings that the screen needs, kept as they were validated.

Validating a profile takes pydantic, whose import takes as long as Textual's. So the result is kept in the state
directory together with all that it was made from; when anything of that has changed, or the file is damaged or absent,
the profile is validated again.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.settings.constants import ENVIRONMENT_PREFIX
from console.settings.paths import STATE_BYTES, check_folders, deployed_file, state_home
from console.settings.private import refuse_shared
from remote import plainfile

if TYPE_CHECKING:
    from console.settings.model import Settings

VALIDATING = ("model.py", "profiles.py", "validated.py")  # a newer console may judge, or need, something else
PLACES = ("HOME", "XDG_STATE_HOME")  # variables that settings depend on, besides their own


@dataclass(frozen=True)
class ScreenSettings:
    """Those of `console.settings.model.Settings` that the screen needs; `runs` and `results` are folders of the DTN."""

    experiment: str
    site: str
    ledger: Path
    runs: Path
    results: Path
    theme: str
    keys: Mapping[str, Sequence[str]]
    columns: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, settings: Settings) -> ScreenSettings:
        dtn, screen = settings.dtn, settings.screen
        return cls(
            settings.experiment, settings.site.name, settings.ledger, dtn.runs, dtn.results,
            screen.theme, screen.keys, dict(screen.columns.items()),
        )  # fmt: skip

    def check_paths(self) -> None:
        """Raises SettingsError when a folder on this machine is not there (or its file system is not mounted)."""
        check_folders(self.runs, self.results)


def screen_settings(profile: Path, *, keep: bool) -> ScreenSettings:
    """The settings of a profile, validated now or before; `keep` the result if it had to be validated now.

    Raises SettingsError as `console.settings.profiles.load` does.
    """
    before = _sources(profile)
    kept = _kept(profile, before)
    if kept is not None:
        return kept
    from console.settings.profiles import load, write_file

    settings = ScreenSettings.of(load(profile))
    if keep and before is not None:
        document = json.dumps({
            "sources": before, "deployed": _text(deployed_file(settings.ledger)), "settings": asdict(settings),
        }, default=str)  # fmt: skip
        with contextlib.suppress(OSError):  # the next start takes a little longer, that is all
            write_file(_file(profile), f"{_checksum(document)}\n{document}\n", 0o600)
    return settings


def _file(profile: Path) -> Path:
    return state_home() / f"profile-{zlib.crc32(os.fsencode(profile)):08x}.json"


def _sources(profile: Path) -> dict[str, Any] | None:
    """All that the settings are made from, but for the ids that were deployed; None when it cannot be read."""
    text = _text(profile)
    if not text:
        return None
    code = [Path(__file__).with_name(name).stat() for name in VALIDATING]
    return {
        "profile": [str(profile), text],
        "environment": {name: value for name, value in os.environ.items() if _matters(name)},
        "code": [[status.st_mtime_ns, status.st_size] for status in code],
    }


def _matters(variable: str) -> bool:
    own = variable.upper().startswith(ENVIRONMENT_PREFIX) and not variable.upper().endswith("__CLIENT_SECRET")
    return variable in PLACES or own  # that secret concerns no screen, and is kept nowhere


def _kept(profile: Path, sources: dict[str, Any] | None) -> ScreenSettings | None:
    """What was kept, if it was made from the same; None also when it is damaged."""
    try:
        refuse_shared(_file(profile).parent)  # else anybody may have written it
    except OSError:
        return None
    checksum, _, document = (_text(_file(profile)) or "").rstrip("\n").partition("\n")
    if not document or checksum != _checksum(document):
        return None
    kept = json.loads(document)
    if kept.get("sources") != sources:
        return None
    folders = {name: Path(kept["settings"][name]) for name in ("ledger", "runs", "results")}
    settings = ScreenSettings(**{**kept["settings"], **folders})
    return settings if kept["deployed"] == _text(deployed_file(settings.ledger)) else None


def _checksum(document: str) -> str:
    return f"{zlib.crc32(document.encode()):08x}"


def _text(file: Path) -> str | None:
    """The text of a file; None when there is none, '' when it cannot be read: validating says why."""
    try:
        return plainfile.read(file, STATE_BYTES).decode()
    except FileNotFoundError:
        return None
    except (OSError, ValueError):  # also a path that holds what no path may
        return ""

"""The files that settings come from: profiles, what the console deployed, the sandbox's own profile."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from console.settings.constants import ENVIRONMENT_PREFIX
from console.settings.errors import SettingsError
from console.settings.model import Settings
from console.settings.paths import PROFILE_BYTES, STATE_BYTES, default_ledger, deployed_file
from console.settings.private import kept_mode, make_directory, told
from console.settings.profile_text import toml
from remote import plainfile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_USELESS_PREFIX = re.compile(r"^(Value error|Assertion failed), ")


class Layer(NamedTuple):
    """Where values come from, to be named in an error, and the values as nested dicts."""

    name: str
    values: Mapping[str, Any]


def load(profile: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings from `profile`, under the environment (FRIB_CONSOLE__DTN__RUNS=...), under `overrides`.

    `overrides` are nested dicts ({"policy": {"auto_launch": True}}). What `console flows deploy` and `console functions
    register` wrote down lies below all of them.

    Raises SettingsError, which names the source, the key and what was expected of it.
    """
    layers = [Layer("environment", _environment()), Layer("command line", overrides or {})]
    if profile is not None:
        layers.insert(0, Layer(str(profile), read_toml(profile)))
    values = _merged(layers)
    ledger, experiment = values.get("ledger"), values.get("experiment")
    if ledger is None and isinstance(experiment, str) and re.fullmatch(r"[\w.-]+", experiment):
        values["ledger"] = ledger = str(default_ledger(experiment))
    deployed = _deployed_beside(ledger)
    if deployed is not None:
        layers.insert(0, Layer(str(deployed), read_deployed(deployed)))
        values = _merged([layers[0], Layer("", values)])
    try:
        return Settings(**values)
    except ValidationError as exc:
        faults = dict.fromkeys(_fault(error, layers) for error in exc.errors())
        raise SettingsError("\n".join(faults)) from None


def valid(key: str, value: Any) -> Any:
    """What a profile's key ("dtn.runs") is with this value. Raises SettingsError, which says what was expected."""
    model: Any = Settings
    for step in key.split("."):
        field = model.model_fields[step]
        model = field.annotation
    try:
        return TypeAdapter(Annotated[model, field]).validate_python(value)
    except ValidationError as exc:
        problem = _USELESS_PREFIX.sub("", exc.errors()[0]["msg"])
        raise SettingsError(f"expected {field.description}" if field.description else problem) from None


def _deployed_beside(ledger: Any) -> Path | None:
    """None when this cannot be a ledger's path: validating says why."""
    try:
        return deployed_file(Path(ledger).expanduser()) if isinstance(ledger, str) and "\0" not in ledger else None
    except (RuntimeError, ValueError):  # of an unknown user; without a name
        return None


def read_deployed(path: Path) -> dict[str, Any]:
    """The ids in deployed.json, as a profile would have them; empty when nothing was deployed yet."""
    try:
        values = json.loads(plainfile.read(path, STATE_BYTES))
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be read: {told(exc)}") from None
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"{path}: cannot be read ({exc}); expected JSON as the console writes it") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected a JSON object as the console writes it")
    return values


def write_deployed(path: Path, values: Mapping[str, Any]) -> None:
    """Add ids ({"flows": {"analysis": id}} or {"compute": {"fit": {"function": id}}}) to deployed.json."""
    merged = _merged([Layer("", read_deployed(path)), Layer("", values)])
    write_file(path, json.dumps(merged, indent=2) + "\n", kept_mode(path))


def write_sandbox_profile(path: Path, sandbox: Mapping[str, Any], directory: Path, **policy: Any) -> None:
    """Write the profile of a running sandbox, and its token beside it (mode 0600).

    `sandbox` is the content of the sandbox's sandbox.json, `directory` the sandbox's folder; `policy` are settings of
    that section.
    """
    token_file = path.with_name("token")
    write_file(token_file, sandbox["token"] + "\n", 0o600)
    endpoints = sandbox["endpoints"]
    sections: dict[str, dict[str, Any]] = {
        "dtn": {
            "collection": sandbox["collections"]["dtn"]["id"],
            "runs": str(directory / "dtn" / "runs"),
            "results": str(directory / "dtn" / "results"),
            "strip_prefix": str(directory / "dtn"),
        },
        "site": {
            "name": "loopback",
            "collection": sandbox["collections"]["site"]["id"],
            "top": str(directory / "site"),
            "kit": sandbox["kit"],
        },
        "compute.fit": {"endpoint": endpoints["frib-fit-mpi"]},
        "compute.convert": {"endpoint": endpoints["frib-convert"]},
        "compute.analyze": {"endpoint": endpoints["frib-analysis"]},
        "globus": {"service_url": sandbox["url"], "token_file": str(token_file)},
        "policy": policy,
    }
    lines = ["# Made by the console for its sandbox; gone with it.", 'experiment = "sandbox"']
    lines.append(f"ledger = {toml(str(directory / 'ledger.db'))}")
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {toml(value)}" for key, value in values.items())]
    write_file(path, "\n".join(lines) + "\n", 0o644)


def write_file(path: Path, text: str, mode: int, *, new: bool = False) -> None:
    """Write a file at once: whoever reads it sees the old text or the new, and never with another mode.

    Raises OSError; NotOurs when others may write in its directory; FileExistsError for a `new` one that is there.
    """
    make_directory(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, mode)
        file.write(text)
    if new:
        try:
            path.hardlink_to(name)  # which, unlike a rename, replaces nothing
        finally:
            Path(name).unlink()
    else:
        Path(name).replace(path)


def read_toml(profile: Path) -> dict[str, Any]:
    """What a profile says, as it stands there. Raises SettingsError."""
    try:
        profile = profile.expanduser()
        values: dict[str, Any] = tomllib.loads(plainfile.read(profile, PROFILE_BYTES).decode())
    except OSError as exc:
        raise SettingsError(f"{profile}: cannot be read ({_why(exc)}); expected a profile in TOML") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{profile}: is not text in UTF-8; expected a profile in TOML") from None
    except ValueError as exc:  # besides what TOML forbids, a number of thousands of digits
        raise SettingsError(f"{profile}: is not TOML: {exc}") from None
    except RecursionError:
        raise SettingsError(f"{profile}: is nested too deeply; expected a profile in TOML") from None
    except RuntimeError:
        raise SettingsError(f"{profile}: no such user; expected a profile in TOML") from None
    return values


def _why(error: OSError) -> str:
    return told(error) if isinstance(error, PermissionError) else str(error.strerror)


def _environment() -> dict[str, Any]:
    for name in os.environ:
        key = name[len(ENVIRONMENT_PREFIX) :].split("__")[0].lower()
        if name.upper().startswith(ENVIRONMENT_PREFIX) and key not in Settings.model_fields:
            raise SettingsError(f"environment: {name}: unknown key {key!r}; {_one_of(key, Settings.model_fields)}")
    try:
        return EnvSettingsSource(Settings)()
    except UnreadableVariable as exc:
        raise SettingsError(f"environment: {exc}; expected JSON for a list or a section") from None
    except RecursionError:
        raise SettingsError(
            "environment: a variable is nested too deeply; expected JSON for a list or a section"
        ) from None


def _merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """The later layers over the earlier, section by section."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.values.items():
            below = merged.get(key)
            if isinstance(value, Mapping) and isinstance(below, Mapping):
                value = _merged([Layer("", below), Layer("", value)])
            merged[key] = value
    return merged


def _fault(error: Any, layers: list[Layer]) -> str:
    """One line for one fault that pydantic found: source, key, what was wrong, what was expected."""
    loc: tuple[Any, ...] = error["loc"]
    key = ".".join(str(step) for step in loc)
    source = next((layer.name for layer in reversed(layers) if _has(layer.values, loc)), _profile_name(layers))
    siblings, expected = _known(loc)
    if error["type"] == "extra_forbidden":
        return f"{source}: {key}: unknown key; {_one_of(str(loc[-1]), siblings)}"
    expectation = f"; expected {expected}" if expected else ""
    if error["type"] == "missing":
        return f"{source}: {key}: missing{expectation}"
    problem = _USELESS_PREFIX.sub("", error["msg"])
    return f"{source}: {key}: {_shown(error['input'])}{problem}{expectation}"


def _shown(value: Any) -> str:
    try:
        return f"{value!r:.100}: " if isinstance(value, (str, int, float, Path)) else ""
    except ValueError:  # Python does not write a number of thousands of digits
        return ""


def _profile_name(layers: list[Layer]) -> str:
    named = [layer.name for layer in layers if layer.name.endswith(".toml")]
    return named[0] if named else "settings"


def _has(values: Any, loc: tuple[Any, ...]) -> bool:
    for step in loc:
        if isinstance(values, Mapping) and step in values:
            values = values[step]
        else:
            return isinstance(step, int) and isinstance(values, (list, tuple))
    return True


def _known(loc: tuple[Any, ...]) -> tuple[list[str], str]:
    """The keys that may stand where `loc` points, and the description of what belongs there."""
    model: Any = Settings
    siblings: list[str] = []
    expected = ""
    for step in loc:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            break
        siblings = list(model.model_fields)
        field = model.model_fields.get(step)
        model = field.annotation if field else None
        expected = field.description or "" if field else ""
        if isinstance(model, type) and issubclass(model, BaseModel) and not expected:
            expected = f"a section with {', '.join(model.model_fields)}"
    return siblings, expected


def _one_of(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"

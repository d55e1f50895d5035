"""A profile as text: every key with what it means; those without a value commented out, with an example. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

HEAD = """\
# Written by console init. A line #key = value (without a blank) is a setting that is not made: it shows the default,
# or an example. A wrong key, path or id is refused at start. A leading ~ is your home directory."""


class Key(NamedTuple):
    """`example`: its default, where it has one."""

    name: str
    meaning: str
    example: Any


class Section(NamedTuple):
    name: str
    keys: tuple[Key, ...]

    def path(self, key: Key) -> str:
        """Such as dtn.runs."""
        return f"{self.name}.{key.name}" if self.name else key.name


_UUID = "9656eff2-8105-445c-8501-154dfe1d88e5"
_GROUP = ["urn:globus:groups:id:a936c054-d004-11ee-8305-01ad603c66f1"]
_FUNCTION = Key("function", "Id of its function; else that of console functions register.", _UUID)


def _stage(name: str, what: str) -> Section:
    return Section(f"compute.{name}", (Key("endpoint", f"Id of the compute endpoint that {what}.", _UUID), _FUNCTION))


SECTIONS = (
    Section("", (
        Key("experiment", "Name of the experiment.", "e21062"),
        Key("ledger", "The durable record of this experiment, on a disk of this machine.", "~/e21062/ledger.db"),
        Key("run_monitors", "Who may see the flow runs: groups and identities of Globus.", _GROUP),
        Key("run_managers", "Who may also cancel and update them.", _GROUP),
    )),
    Section("dtn", (
        Key("collection", "FRIB's data transfer node: id of its collection.", _UUID),
        Key("runs", "Directory in which run<N> appear, as this machine sees it.", "/cephfs/e21062"),
        Key("results", "Directory for the results, as this machine sees it.", "/cephfs/e21062/results"),
        Key("strip_prefix", "Head of these paths that the collection does not have.", "/cephfs"),
    )),
    Section("site", (
        Key("name", "Name of the compute site, for the header.", "NERSC"),
        Key("collection", "Id of its collection.", _UUID),
        Key("top", "Directory at the site; rawdata, fitted, converted, analyzed and logs are made in it.", "/e21062"),
        Key("kit", "Directory of the kit at the site.", "/e21062/kit"),
    )),
    _stage("fit", "fits"),
    _stage("convert", "converts"),
    _stage("analyze", "analyzes"),
    Section("compute.site_status", (_FUNCTION,)),
    Section("compute.canary", (_FUNCTION,)),
    Section("flows", (
        Key("analysis", "Id of the analysis flow; else that of console flows deploy.", _UUID),
        Key("transfer", "Id of the transfer flow; else that of console flows deploy.", _UUID),
    )),
    Section("globus", (
        Key("client_id", "The native app with which a person logs in, or the service account.", _UUID),
        Key("client_secret_file", "File of mode 0600 with the secret of the service account.", "~/secret"),
        Key("client_secret", "The same secret. Better in that file: it is no place for a secret here.", "..."),
        Key("token_store", "Where a person's login is kept (mode 0600).", "~/tokens.json"),
        Key("mapped_collections", "Mapped collections, which want a consent of their own; never a guest one.", [_UUID]),
        Key("service_url", "Address of a sandbox on this machine, which is used in place of Globus.",
            "http://127.0.0.1:8080"),
        Key("token_file", "The sandbox's token, in place of a login at that address.", "~/token"),
    )),
    Section("policy", (
        Key("auto_launch", "Whether complete runs are launched without asking, at the very first start.", False),
        Key("settle", "Seconds for which a complete run must not change before it is ready.", 1.0),
        Key("stalled_after", "Seconds without change after which a run that lacks something is INCOMPLETE.", 900.0),
        Key("look_interval", "Seconds between looks at the disk.", 5.0),
        Key("poll_interval", "Seconds between polls of the flow runs.", 5.0),
        Key("order", "Which queued run is next: the oldest or the newest.", "oldest"),
        Key("max_in_flight", "Flow runs at the same time; Transfer serves three tasks of a user.", 3),
        Key("stuck_gives_slot_back", "Seconds after which a run that is stuck keeps no other from its launch.", 1800.0),
        Key("streaming", "Whether closed segments are worked on while their run is being recorded.", False),
        Key("streaming_segments", "So many of them at once...", 4),
        Key("streaming_seconds", "...or what there is after so many seconds.", 60.0),
        Key("auto_retries", "How often a failed run is retried by itself when the cause passes by itself.", 3),
        Key("retry_pause", "Seconds before the first such retry.", 60.0),
        Key("sources", "Data sources of the event builder, when BEGIN_RUN items do not tell.", 2),
    )),
    Section("retry", (
        Key("rule", "Failures that are done again without a person, and how often.",
            [{"code": "failed.abort", "times": 2}]),
    )),
    Section("screen", (
        Key("theme", "The colours: auto, frib, contrast, colour-blind, ansi-dark, ansi-light.", "auto"),
        Key("keys", "For an action further keys.", {"launch": ["f5"]}),
        Key("columns", "For a pane its columns.", {"runs": ["state", "seg", "ended", "tries", "title"]}),
    )),
    Section("alerts", (
        Key("urls", "Whom the driver calls: addresses as Apprise takes them.", ["mailtos://console:PASSWORD@example.org"]),
        Key("apprise", "Path of the program apprise, where it is not in PATH.", "~/apprise/bin/apprise"),
        Key("hook", "A command that is given each message as JSON.", ["/usr/local/bin/page-the-shift"]),
        Key("ping", "An address that the driver asks for again and again, for an outside watcher.",
            "https://watcher.example.org/ping/ID"),
        Key("ping_interval", "Seconds between two pings.", 60.0),
        Key("per_hour", "Messages in an hour, at most.", 6),
        Key("beam", "Whether runs are to come; false when no beam is expected.", True),
    )),
)  # fmt: skip
KEYS = tuple(section.path(key) for section in SECTIONS for key in section.keys)


def profile_text(values: Mapping[str, Any]) -> str:
    """The profile with these values, by key: {"dtn.runs": "/runs"}. Other keys than KEYS are not written."""
    return "\n".join([HEAD, *(line for section in SECTIONS for line in _lines(section, values))]) + "\n"


def _lines(section: Section, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if section.name:
        yield f"[{section.name}]"
    for key in section.keys:
        path = section.path(key)
        yield f"# {key.meaning}"
        yield f"{key.name} = {toml(values[path])}" if path in values else f"#{key.name} = {toml(key.example)}"


def toml(value: Any) -> str:
    """A text, number, truth, list or table of these in TOML."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{toml(name)} = {toml(each)}' for name, each in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # else the same as in JSON


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a profile was read as, by key."""
    found = {}
    for path in KEYS:
        *sections, name = path.split(".")
        table: Any = values
        for section in sections:
            table = table.get(section, {})
        if name in table:
            found[path] = table[name]
    return found

"""What `console init` asks, in order: as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.cli import init_checks as checks
from console.cli.init_checks import Check, Draft, Taken, Wrong, as_profile, several
from console.settings.paths import default_ledger
from console.settings.private import told
from flowspec.text import clean

FILE = "file"  # in place of a key: where the profile is written
LOGIN = "globus.client_secret_file"  # when it is answered, it is known who asks Globus
ALERTS = "alerts.urls"  # hold passwords: those of another profile are taken over without being shown
_WHO = "urn:globus:groups:id:UUID or urn:globus:auth:identity:UUID"


def _offered(key: str, otherwise: str = "") -> Callable[[Draft], str]:
    def offered(draft: Draft) -> str:
        value = draft.before.get(key, otherwise)
        return value if isinstance(value, str) else " ".join(value)

    return offered


@dataclass(frozen=True)
class Question:
    """`offered`: what enter takes ('': nothing); `asked`: whether it is, after the answers before."""

    key: str
    words: str
    check: Check = as_profile
    offered: Callable[[Draft], str] | None = None
    heading: str = ""
    needed: bool = True
    asked: Callable[[Draft], bool] = lambda draft: True

    def default(self, draft: Draft) -> str:
        return (self.offered or _offered(self.key))(draft)

    def look(self, answer: str, draft: Draft) -> Taken:
        """Raises Wrong."""
        if not answer.isprintable():
            raise Wrong("has characters that cannot be shown")
        if self.needed and not answer:
            raise Wrong("is needed")
        try:
            return self.check(self.key, answer, draft)
        except OSError as error:
            raise Wrong(clean(told(error))) from None


def _is_mapped(whose: str) -> Question:
    """Asked when Transfer could not be."""

    def check(key: str, answer: str, draft: Draft) -> Taken:
        if answer.lower() not in ("y", "yes", "n", "no"):
            raise Wrong("expected y or n: its page at app.globus.org says mapped or guest")
        draft.mapped[draft.values[whose]] = answer.lower().startswith("y")
        return Taken(None)

    def offered(draft: Draft) -> str:
        return "y" if draft.values[whose] in draft.before.get("globus.mapped_collections", ()) else ""

    return Question(
        "", "Is it a mapped collection (y), or a guest collection (n)?", check, offered,
        asked=lambda draft: draft.values[whose] not in draft.mapped,
    )  # fmt: skip


QUESTIONS = (
    Question("experiment", "Name of the experiment", offered=lambda draft: ""),
    Question(FILE, "File of the profile", checks.new_file,
             lambda draft: str(Path.home() / f"{draft.values['experiment']}.toml")),
    Question("dtn.runs", "Directory in which run<N> appear", checks.runs, heading="This machine"),
    Question("dtn.results", "Directory for the results", checks.results),
    Question("ledger", "File of the ledger, on a local disk", checks.ledger,
             lambda draft: str(default_ledger(draft.values["experiment"]))),
    Question("globus.client_id", "Id of the native app to log in with, or of a service account", heading="Globus"),
    Question(LOGIN, "File with the secret, for a service account only", checks.secret, needed=False),
    Question("dtn.collection", "Collection of the DTN: id, or name", checks.collection, heading="The DTN"),
    _is_mapped("dtn.collection"),
    Question("dtn.strip_prefix", "Head of the directories above that the collection does not have, as /cephfs",
             checks.prefix, needed=False),
    Question("site.name", "Name of the site", offered=_offered("site.name", "NERSC"), heading="The compute site"),
    Question("site.collection", "Collection of the site: id, or name", checks.collection),
    _is_mapped("site.collection"),
    Question("site.top", "Directory for the work at the site", checks.site_directory),
    Question("site.kit", "Directory of the kit at the site", checks.site_directory,
             lambda draft: _offered("site.kit", f"{draft.values['site.top']}/kit")(draft)),
    *(Question(f"compute.{stage}.endpoint", f"Id of the compute endpoint that {does}", checks.endpoint)
      for stage, does in (("fit", "fits"), ("convert", "converts"), ("analyze", "analyzes"))),
    Question("run_monitors", f"Who may see the flow runs: {_WHO}", several, needed=False, heading="People"),
    Question("run_managers", "Who may also cancel them: the same", several, needed=False),
    Question(ALERTS, "Whom the driver calls at night: addresses as Apprise takes them", checks.addresses,
             needed=False, asked=lambda draft: ALERTS not in draft.values),
)  # fmt: skip
ASKED = frozenset(question.key for question in QUESTIONS) - {ALERTS}
# Not taken over from another profile: what belongs to that experiment, or to who logs in there.
OF_ANOTHER = ("ledger", "flows.", "compute.", "globus.token_", "globus.client_secret")

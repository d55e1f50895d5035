"""How the compute site is: its kit, directories, queue, programs: the lines of `console site status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowspec import text
from flowspec.catalogue.entry import Entry, words_of
from flowspec.conditions import Owner, Severity

SLOW, STUCK = Severity.SLOW, Severity.STUCK
SITE = Owner.SITE
NAMED = 4  # files; the others are counted
_AGAIN = ": start it there, console site monitor"
_RESTART_THERE = (
    "gce restart {endpoint}, at the site: no monitor there says that it restarts {endpoint} for who asks from here"
)
_RESTART_UNANSWERED = "gce restart {endpoint}, at the site: asked for that, its monitor has not answered in 30 min"


def _host(host: str, python: str, job_id: str = "") -> str:
    return f"asked on {host}{f' in Slurm job {job_id}' if job_id else ', outside of Slurm'}, Python {python}"


def _outdated(files: Sequence[str] = ()) -> str:
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    which = f" ({', '.join(files[:NAMED])}{more})" if files else ""
    return (
        f"the kit at the site is of another version than this console{which}: copy it when no run is under way, then "
        "console site status"
    )


def _path(name: str, path: str, free: int, total: int, files_free: int | None = None) -> str:
    files = "" if files_free is None else f", {files_free} files"
    return f"{name} {path}: {text.size(free)} of {text.size(total)} free{files}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _queue(states: Mapping[str, int], pending: Mapping[str, int]) -> str:
    why = f" (pending: {_counts(pending)})" if pending else ""
    return f"Slurm: {_counts(states) or 'no job of ours'}{why}"


def _pending(at: float, reasons: Mapping[str, int]) -> str:
    return f"pending in Slurm at {text.clock(at)}: {_counts(reasons)}"


def _stage(stage: str, programs: Mapping[str, str], container: str = "") -> str:
    where = f"in {container}" if container else "without a container"
    return f"{stage} {where}: {', '.join(programs.values())}"


def _stage_fails(stage: str, cause: Mapping[str, object]) -> str:
    return f"{stage}: no job of it can run, {words_of(cause)}: run doctor.py of the kit at the site"


def _no_input(directory: str, cause: Mapping[str, object]) -> str:
    return f"{words_of(cause)}; a test fit takes what lies in {directory}, and a launch brings it there"


def _block_refused(endpoint: str, at: float, words: str) -> str:
    refused = f"{endpoint}: Slurm refused a block at {text.clock(at)}: {words}"
    return f"{refused}; mend account, qos or licences in endpoints.conf there"


def _endpoint_problem(endpoint: str, words: str, here: bool = False) -> str:
    way = f"E restarts {endpoint}" if here else f"see to {endpoint} at the site"
    return f"{way}: {words} (says its monitor)"


def _restart_asked(endpoint: str, who: str, at: float) -> str:
    return f"{endpoint} is being restarted: {who} asked the site for it at {text.clock(at)}"


def _used(stage: str, count: int, peak: int, per_gb: int | None = None) -> str:
    of = f"{count} jobs" if count > 1 else "1 job"
    trend = ""
    if per_gb is not None:
        trend = f"; {text.memory(per_gb)} more for each GB of input" if per_gb > 0 else "; no more for larger input"
    return f"{stage} used {text.memory(peak)} of memory at most, in {of}{trend}"


def _differs(kit: str) -> str:
    return f"registered by another version, or for another kit than {kit}: console functions register"


TABLE = (
    Entry("site.host", _host),
    Entry("site.kit", "the kit is that of this console: {digest}"),
    Entry("site.kit-outdated", _outdated, SLOW, SITE),
    Entry("site.path", _path),
    Entry("site.path-missing", "{name} {path} is not there: make it, or correct site.conf", STUCK, SITE),
    Entry("site.path-readonly", "{name} {path} cannot be written by the endpoint: mend its rights", STUCK, SITE),
    Entry("site.path-full", lambda cause: f"no room left, make some: {words_of(cause)}", STUCK, SITE),
    Entry("site.path-unseen", lambda name, path, cause: f"see to {name} {path}: {words_of(cause)}", STUCK, SITE),
    Entry("site.quota", lambda command, lines: f"{command}: {' | '.join(lines) or 'says nothing'}"),
    Entry("site.queue", _queue),
    Entry("site.pending", _pending),
    Entry("site.stage", _stage),
    Entry("site.stage-fails", _stage_fails, STUCK, SITE),
    Entry("site.program-missing", "{stage}: no {program} where its jobs run: PATH or image in site.conf", STUCK, SITE),
    Entry("site.fitconf", "fit.conf: {said}"),
    Entry("site.fitconf-wrong", "fit.conf: {said}; mend it before a launch", STUCK, SITE),
    Entry("function.unregistered", "not registered: console functions register", STUCK, Owner.OPERATOR),
    Entry("function.unknown", "Compute knows no such function: console functions register", STUCK, Owner.OPERATOR),
    Entry("function.differs", _differs, SLOW, Owner.OPERATOR),
    Entry("function.forbidden", "endpoint {endpoint} does not allow it: add it to allowed_functions", STUCK, SITE),
    Entry("site.no-input", _no_input, STUCK, Owner.OPERATOR),
    Entry("monitor.refused", _block_refused, STUCK, SITE),
    Entry("monitor.endpoint", _endpoint_problem, STUCK, SITE),
    Entry("monitor.slurm", "see to Slurm at the site: {words} (says its monitor)", STUCK, SITE),
    Entry("monitor.orphan", "block {job} is of {child}, which is dead: scancel {job} at the site", SLOW, SITE),
    Entry("monitor.ended", lambda at: f"the site's monitor ended at {text.clock(at)}{_AGAIN}", SLOW, SITE),
    Entry("monitor.silent", lambda at: f"the site's monitor is silent since {text.clock(at)}{_AGAIN}", SLOW, SITE),
    Entry("restart.not-offered", _RESTART_THERE),
    Entry("restart.asked", _restart_asked),
    Entry("restart.done", "{endpoint} was restarted at the site, as {who} asked"),
    Entry("restart.failed", "{endpoint} was not restarted; see to it at the site: {words}", SLOW, SITE),
    Entry("restart.unanswered", _RESTART_UNANSWERED, SLOW, SITE),
    Entry("site.used", _used),
    Entry("site.no-command", "no {command} here"),
    Entry("site.hung", "{command} has not answered in {seconds} s", SLOW, SITE),
    Entry("site.refused", "{command} ended with return code {rc}: {said}", SLOW, SITE),
    Entry("site.unreadable", "{command} says what cannot be read: {said}", SLOW, SITE),
)  # fmt: skip

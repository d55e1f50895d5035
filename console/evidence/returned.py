"""The result on the DTN as evidence: is it there, whole, and what the site made?

A file is read through only once, and not here: until that was done (`console.actions.results`) it is being compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from console.disk import resultfile
from console.ledger import evidence, results
from console.ledger.results import Judged
from console.ledger.store import Ledger
from flowspec import names
from flowspec.conditions import NO_REASON, Reason, reason
from flowspec.progress import COMPARING, Evidence, Says, Witness
from flowspec.stages import Stage

GONE = reason("result.gone")


def returned(
    ledger: Ledger, folder: Path, run: int, read: Judged | None = None, known: Iterable[Evidence] | None = None
) -> tuple[Evidence, Judged | None]:
    """What the returned file of a run says: DONE with what is wrong with it, or ABSENT; and what was judged of it.

    `read` has its digest, when it was read just now. `known` is the evidence of the run, when it was read already.
    Raises SettingsError when the file system does not say.
    """
    at, seen = ledger.now(), resultfile.look(folder / names.sorted_file(run))
    known = list(evidence.evidence(ledger, run) if known is None else known)
    if seen is None:
        last = next((e for e in known if e.stage is Stage.RETURN and e.witness is Witness.FILE), None)
        gone = last is not None and (last.says is Says.DONE or last.reason == GONE)
        return Evidence(Stage.RETURN, None, Witness.FILE, Says.ABSENT, GONE if gone else NO_REASON, at=at), None
    (version, spoilt), before = seen, results.read(ledger, run)
    judged = next((one for one in (read, before) if one is not None and one.version == version), Judged(version))
    why = spoilt or _unlike(judged, known) or NO_REASON
    modified = str(datetime.fromtimestamp(version.modified_ns // 1_000_000_000, timezone.utc))
    said = Evidence(Stage.RETURN, None, Witness.FILE, Says.DONE, why, version.size, at, modified=modified)
    return said, judged


def _unlike(result: Judged, known: Iterable[Evidence]) -> Reason | None:
    """How it differs from what the site made, as its job reported it, or else as it lies there."""
    size, digest = result.version.size, result.sha256
    made = {e.witness: e for e in known if e.stage is Stage.ANALYZE and e.says is Says.DONE}
    task, file = made.get(Witness.TASK), made.get(Witness.FILE)
    reported = task.size if task is not None and task.size is not None else file.size if file is not None else None
    if reported is not None and reported != size:
        return reason("file.unlike", size=size, made=reported)
    wanted = task.reason.parameters.get("sha256") if task is not None else None
    if wanted and not digest:
        return Reason(COMPARING, {"size": size})
    return reason("file.unlike", size=size) if wanted and wanted != digest else None

"""Each row of docs/programs.md: what a program does with some data or on some machine, and what is said of it.

The stand-ins end as FRIB's programs were seen to (tests/remote/sandbox/tools); here the kit runs them, and the console
judges its reply.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from console.evidence.witnesses import of_compute
from flowspec.cells import Cell
from flowspec.ddas import Fragment
from flowspec.plan import plan_all
from flowspec.progress import Evidence, Says, Witness, fold
from flowspec.ringframes import BodyHeader, Frame, ItemType
from flowspec.ringitems import GlomInfo
from flowspec.stages import CellState, Stage
from remote.globus.compute import TaskStatus
from tests import documents
from tests.odd_events import (
    BAD_HEADER,
    HIT,
    NOT_DDAS,
    NOT_DDAS_BUT_CONSISTENT,
    SCALERS,
    UNDECODABLE,
    built,
    fragment,
    traced,
)
from tests.site_fixture import Site
from tests.synthetic_run import event, hit, ordinary_events, segment

PAGE = documents.DOCS / "programs.md"
GOOD = ordinary_events(4)  # two hits each
UNBUILT = [Frame(ItemType.PHYSICS_EVENT, HIT.encode(), BodyHeader(5, 0)).encode()] * 4


class Row(NamedTuple):
    """`prepare` makes the site as the row has it, before the job of the stage is run."""

    stage: Stage
    prepare: Callable[[Site], None]
    good: bool = False


def fits(*events: bytes, cut: int = 0, conf: str = "", **environment: str) -> Callable[[Site], None]:
    """Of a segment of these events, without its last `cut` bytes, with `conf` in site.conf."""

    def prepare(site: Site) -> None:
        data = segment(events, 7)
        site.add_raw(7, 0, data[: len(data) - cut])
        (site.kit / "site.conf").write_text(conf)
        site.environment.update(environment)

    return prepare


def raw(data: bytes) -> Callable[[Site], None]:
    return lambda site: void(site.add_raw(7, 0, data))


def void(_: object) -> None:
    """For what is done for its effect."""


def fit_conf(line: str) -> Callable[[Site], None]:
    def prepare(site: Site) -> None:
        fits(*GOOD)(site)
        (site.kit / "fit.conf").write_text(line)

    return prepare


def fitted(site: Site) -> Path:
    site.add_raw(7, 0, segment(GOOD, 7))
    assert site.run("fit", 7, 0)["rc"] == 0
    return site.top / "fitted" / "run7" / "run-0007-00-fitted.evt"


def converted(site: Site) -> Path:
    fitted(site)
    assert site.run("convert", 7, 0)["rc"] == 0
    return site.top / "converted" / "run7" / "run-0007-00-fitted.root"


def after(stage: Callable[[Site], Path], then: Callable[[Site, Path], None]) -> Callable[[Site], None]:
    return lambda site: then(site, stage(site))


def cut(site: Site, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def full(site: Site, path: Path) -> None:
    site.environment["FRIB_SANDBOX_FAULT"] = "full"


def fewer_entries(site: Site, path: Path) -> None:
    """As of an input that was cut, had it not been looked at."""
    tools = Path(site.environment["PATH"].split(":")[1])
    site.fake("eeconverter", f'exec "{tools}/eeconverter" "$@" -c 4\n')


def another_name(site: Site, path: Path) -> None:
    tools = Path(site.environment["PATH"].split(":")[1])
    site.fake("betasort", f'"{tools}/betasort" "${{@:1:4}}" && mv "$2run-0007-sorted.root" "$2sorted_$5.root"\n')
    command = "ANALYZE_COMMAND=(betasort '{input}/' '{output}/' '{run}' '{segments}' beta 12.5)\n"
    (site.kit / "site.conf").write_text(command + "ANALYZE_RESULT='sorted_*.root'\n")


ROWS = {
    "other items, larger body headers, events without fragments, channels that are not fitted": Row(
        Stage.FIT,
        fits(
            SCALERS,
            Frame(42, GlomInfo(1000, 1, 0).encode(), no_header=0).encode(),
            Frame(0x8001, b"12345678").encode(),
            built(HIT.fragment(), header=BodyHeader(5, 10, 0, bytes(8))),
            event([]),
            event([hit(None, channel=5)]),
            *GOOD,
        ),
        good=True,
    ),
    "a trace that is short, flat or of zeros": Row(
        Stage.FIT, fits(traced([400] * 60), traced([400] * 130), traced([0] * 130)), good=True
    ),
    "ABNORMAL_ENDRUN": Row(Stage.FIT, fits(*GOOD, Frame(ItemType.ABNORMAL_ENDRUN, b"").encode()), good=True),
    "the segment is cut inside an item": Row(Stage.FIT, fits(*GOOD, cut=40), good=True),
    "hits that do not decode, up to the tolerance": Row(
        Stage.FIT, fits(built(UNDECODABLE, HIT.fragment()), *GOOD, conf="FIT_LOSS_TOLERATED=0.2\n"), good=True
    ),
    "hits that do not decode": Row(Stage.FIT, fits(built(UNDECODABLE, HIT.fragment()), *GOOD)),
    "a fragment that is no PHYSICS_EVENT": Row(
        Stage.FIT, fits(built(HIT.fragment(), Fragment(5, 0, SCALERS), HIT.fragment()), *GOOD)
    ),
    "a fragment with a bad body header": Row(Stage.FIT, fits(built(HIT.fragment(), BAD_HEADER), *GOOD)),
    "fragments that are not DDAS": Row(Stage.FIT, fits(built(NOT_DDAS, HIT.fragment()), *GOOD)),
    "fragments that are not DDAS, with lengths like those of a hit": Row(
        Stage.FIT, fits(built(NOT_DDAS_BUT_CONSISTENT), *GOOD)
    ),
    "a physics event without body header": Row(Stage.FIT, fits(built(HIT.fragment(), header=None), *GOOD)),
    "a fragment without body header": Row(Stage.FIT, fits(built(fragment(HIT.encode(), None)), *GOOD)),
    "too few samples below saturation": Row(Stage.FIT, fits(traced([400] * 5 + [65535] * 125), *GOOD)),
    "fit.conf of another version of DDASToys": Row(Stage.FIT, fit_conf("0 2 0 0 129 65530\n")),
    "hits that were never built": Row(Stage.FIT, fits(*UNBUILT)),
    "a segment of 0 bytes": Row(Stage.FIT, raw(b"")),
    "a segment that is zeros from its middle on": Row(Stage.FIT, raw(segment(GOOD, 7)[:-400] + bytes(4096))),
    "the disk of the fitted file is full": Row(Stage.FIT, fits(*GOOD, FRIB_SANDBOX_FAULT="full")),
    "threads without endpoints, or more of them than clumps": Row(
        Stage.FIT, fits(*GOOD, conf="LAUNCHER=()\nFIT_WORKERS=8\n"), good=True
    ),
    "the disk of the converted file is full": Row(Stage.CONVERT, after(fitted, full)),
    "the fitted file was cut": Row(Stage.CONVERT, after(fitted, cut)),
    "fewer entries than events": Row(Stage.CONVERT, after(fitted, fewer_entries)),
    "a converted segment is spoilt": Row(Stage.ANALYZE, after(converted, cut)),
    "a converted segment is missing": Row(Stage.ANALYZE, after(converted, lambda site, path: path.unlink())),
    "the disk of the sorted file is full": Row(Stage.ANALYZE, after(converted, full)),
    "further arguments, and another name of the result": Row(Stage.ANALYZE, after(converted, another_name), good=True),
}


def judged(stage: Stage, reply: dict[str, Any]) -> Cell:
    """What the console makes of a reply: in a cell of the matrix."""
    plan = plan_all(7, [0])
    told = of_compute(SimpleNamespace(plan=plan), stage, ["t"], {"t": TaskStatus("t", "success", reply)}, 1.0)
    there = Evidence(stage, told[0].segment, Witness.FILE, Says.DONE, size=reply.get("bytes"))
    return fold([0], [*told, *([there] if reply["rc"] == 0 else [])], {0: 1})[(stage, told[0].segment)]


def rows() -> dict[str, tuple[str, str, str]]:
    """Of the page, by what happens: what the program does, the kit's code, the console's words."""
    return {row[0]: row[1:4] for row in documents.rows(PAGE.read_text()) if len(row) == 4 and row[0] not in ("", "---")}


def test_the_page_has_these_rows_and_no_others() -> None:
    assert [name for name in rows() if "what happens" not in name] == list(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_program_fools_nobody(tmp_path: Path, name: str) -> None:
    site, row = Site(tmp_path), ROWS[name]
    _, code, words = rows()[name]
    row.prepare(site)
    reply = site.run(row.stage.value, 7, [0] if row.stage is Stage.ANALYZE else 0)
    assert f"`{reply.get('code', 'good')}`" == code, reply
    cell = judged(row.stage, reply)
    assert cell.state is (CellState.DONE if row.good else CellState.FAILED)
    pattern = ".*".join(map(re.escape, re.split(" ?… ?", words.strip("`"))))
    assert re.search(pattern, cell.why), cell.why

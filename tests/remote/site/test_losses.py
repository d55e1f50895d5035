"""What a fit has lost is counted and tolerated by rule. The outputs are as FRIB's EventEditor leaves them, with 0."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import evidence
import numpy as np
import pytest
import uproot

from flowspec.ddas import NULL_EXTENSION, FitInfo, Fragment, Hit, encode_event
from flowspec.ringframes import BodyHeader, Frame, ItemType
from flowspec.ringitems import Scalers
from tests.site_fixture import Site
from tests.synthetic_run import hit, segment

LOST, SHORT = "failed.losses", "failed.short"
HITS = [hit(channel=channel, ticks=1000 + channel) for channel in range(4)]
SCALERS = Frame(ItemType.PERIODIC_SCALERS, Scalers(0, 1, 1, 1000, (7,), original_sid=0).encode(), BodyHeader())
SCALER_FRAGMENT = Fragment(5, 0, SCALERS.encode())
UNDECODABLE = Fragment(5, 0, Frame(ItemType.PHYSICS_EVENT, b"\xff" * 24, BodyHeader(5, 0)).encode())


def raw(*parts: Hit | Fragment, header: BodyHeader | None = None) -> bytes:
    fragments = [part if isinstance(part, Fragment) else part.fragment() for part in parts]
    return Frame(ItemType.PHYSICS_EVENT, encode_event(fragments), header or BodyHeader(1000, 10)).encode()


def fitted(*parts: Hit | Fragment, extension: bytes = NULL_EXTENSION) -> bytes:
    return raw(*(replace(part, extension=extension) if isinstance(part, Hit) else part for part in parts))


def judged(
    directory: Path, given: Sequence[bytes], made: Sequence[bytes], tolerated: float = 1e-4
) -> tuple[evidence.Fault | None, dict[str, Any]]:
    paths = [directory / "run-0007-03.evt", directory / "run-0007-03-fitted.evt"]
    for path, events in zip(paths, (given, made), strict=True):
        path.write_bytes(segment([*events, SCALERS.encode()]))
    wrong, seen = evidence.look("fit", {3: paths[0]})
    assert wrong is None
    return evidence.judge("fit", *paths, seen, evidence.Rules(tolerated))


RAW, GOOD = [raw(*HITS)] * 10, [fitted(*HITS)] * 10
UNBUILT = [Frame(ItemType.PHYSICS_EVENT, h.encode(), BodyHeader(h.coarse_ns, 0)).encode() for h in HITS]
COPY = len(segment([*RAW, SCALERS.encode()]))
CASES = {
    "no channel is configured": (RAW, GOOD, None, {}),
    "all channels are": (RAW, [fitted(*HITS, extension=FitInfo().encode())] * 10, None, {}),
    "fits of older versions": (RAW, [fitted(*HITS, extension=bytes(152))] * 10, None, {}),
    "scalers only": ([], [], None, {}),
    "an event without fragments": ([raw(), *RAW], [raw(), *GOOD], None, {}),
    "unbuilt data passed through": (UNBUILT, UNBUILT, None, {}),
    "a hit that does not decode": (
        [raw(UNDECODABLE, HITS[1]), *RAW],
        [fitted(HITS[1]), *GOOD],
        LOST,
        {"lost": 1, "hits": 42, "events": 0},
    ),
    "the only hit of an event": (
        [raw(UNDECODABLE), *RAW],
        [fitted(), *GOOD],
        LOST,
        {"lost": 1, "hits": 41, "events": 0},
    ),
    "all behind a fragment that is no physics": (
        [raw(HITS[0], SCALER_FRAGMENT, *HITS[1:]), *RAW],
        [fitted(HITS[0]), *GOOD],
        LOST,
        {"lost": 4, "hits": 45, "events": 0},
    ),
    "an event with a bad body header": (RAW, GOOD[1:], LOST, {"lost": 4, "hits": 40, "events": 1}),
    "all events": (RAW, [], LOST, {"lost": 40, "hits": 40, "events": 10}),
    "an event that cannot be walked": ([*UNBUILT[:1], *RAW], GOOD, LOST, {"lost": 1, "hits": 40, "events": 1}),
    "unbuilt events dropped": (UNBUILT, [], LOST, {"lost": 4, "hits": 4, "events": 4}),
    "unbuilt events that have shrunk": (
        UNBUILT,
        [Frame(ItemType.PHYSICS_EVENT, b"", BodyHeader(h.coarse_ns, 0)).encode() for h in HITS],
        SHORT,
        {"bytes": 4 * 28, "given": 4 * 52},
    ),
    "only copied": (RAW, RAW, SHORT, {"bytes": COPY, "given": COPY}),
    "more hits than there were": (RAW, [*GOOD[1:], fitted(*HITS, *HITS)], SHORT, {"hits": 44, "events": 10}),
    "more events than there were": (RAW, [*GOOD, fitted()], SHORT, {"hits": 40, "events": 11}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_fit_lost_is_counted(tmp_path: Path, case: str) -> None:
    given, made, code, parameters = CASES[case]
    wrong, facts = judged(tmp_path, given, made)
    assert (wrong.code if wrong else None) == code
    assert (wrong.parameters if wrong else {}) == parameters
    assert facts["events"] == [len(given), len(made)]
    assert wrong is None or ("no fits in it" in wrong.cause) is (case == "only copied")


@pytest.mark.parametrize(
    ("tolerated", "lost", "good"),
    [(1e-4, 0, True), (0.0, 0, True), (0.0, 1, False), (0.025, 1, True), (0.024, 1, False), (1.0, 40, True)],
)
def test_up_to_the_tolerance_a_loss_is_only_told(tmp_path: Path, tolerated: float, lost: int, good: bool) -> None:
    made = [fitted(*HITS[: 4 - max(0, min(4, lost - 4 * n))]) for n in range(10)]
    wrong, facts = judged(tmp_path, RAW, made, tolerated)
    assert (wrong is None, facts["hits"]) == (good, [40, 40 - lost])


def test_a_fit_that_lost_a_few_hits_and_fitted_none_is_no_good_fit(tmp_path: Path) -> None:
    wrong, _ = judged(tmp_path, RAW, [*RAW[1:], raw(*HITS[1:])], 0.5)
    assert wrong is not None
    assert (wrong.code, "no fits in it" in wrong.cause) == (SHORT, True)
    # Lost hits may have been larger than what the others grew by.
    big = hit(np.full(16_000, 500.0), 5)
    wrong, facts = judged(tmp_path, [*RAW, raw(big)], [*GOOD, fitted()], 0.5)
    assert (wrong, facts["hits"]) == (None, [41, 40])


def test_a_tolerance_that_is_no_number_tolerates_nothing(tmp_path: Path) -> None:
    wrong, _ = judged(tmp_path, RAW, GOOD[1:], float("nan"))
    assert wrong is not None


def test_the_sentence_has_the_counts_and_the_rule(tmp_path: Path) -> None:
    wrong, _ = judged(tmp_path, RAW * 300, GOOD * 250, 1e-4)
    assert wrong is not None
    assert wrong.cause == "2,000 of 12,000 hits lost (tolerated: 0.0001): 500 of 3,000 events are gone"


def test_items_that_are_no_events_may_never_be_lost(tmp_path: Path) -> None:
    given, made = tmp_path / "given", tmp_path / "made"
    given.write_bytes(segment([*RAW, SCALERS.encode()]))
    made.write_bytes(segment(GOOD))
    wrong, _ = evidence.judge("fit", given, made, evidence.look("fit", {3: given})[1], evidence.Rules(1.0))
    assert wrong is not None
    assert (wrong.code, wrong.parameters) == (SHORT, {"items": 2, "given": 3})


def test_an_input_that_has_changed_since_the_look_is_read_again(tmp_path: Path) -> None:
    given, made = tmp_path / "given", tmp_path / "made"
    given.write_bytes(segment(RAW))
    made.write_bytes(segment(GOOD))
    _, seen = evidence.look("fit", {3: given})
    given.write_bytes(segment([*RAW, raw(*HITS)]))
    wrong, facts = evidence.judge("fit", given, made, seen, evidence.Rules())
    assert wrong is not None
    assert (wrong.code, facts["events"]) == (LOST, [11, 10])


# ---- as a job


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def event_editor(site: Site, made: Sequence[bytes], said: str = "") -> None:
    """One that leaves this output and ends with 0. `ran` has a line for each time."""
    (site.fakes / "made").write_bytes(segment(made, 7))
    find_output = "for out; do [[ $out == file://*fitted.evt ]] && out=${out#file://} && break; done\n"
    body = f"echo again >>{site.fakes}/ran; printf '%b' {json.dumps(said)}; cp {site.fakes}/made \"$out\"\n"
    site.fake("EventEditor", find_output + body)


def times_run(site: Site) -> int:
    return len((site.fakes / "ran").read_text().splitlines())


def fitted_file(site: Site) -> Path:
    return site.top / "fitted" / "run7" / "run-0007-03-fitted.evt"


def test_a_loss_above_the_tolerance_is_a_reply_and_the_report_has_what_the_log_says(site: Site) -> None:
    site.add_raw(7, 3, segment(RAW, 7))
    log = "User's fragment editing code threw an exception:\\nx\\n\\nThis fragment will be removed from the output\\n"
    log += "Going on to the next event, the fragments so far will be output\\n" + " Skipping this event\\n" * 2
    event_editor(site, GOOD[2:], log)
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, LOST)
    assert reply["parameters"] == {"lost": 8, "hits": 40, "events": 2}
    assert reply["cause"].startswith("8 of 40 hits lost (tolerated: 0.0001)")
    report = site.report(7, "fit-03.json")
    assert [*report["losses_logged"].values()] == [1, 1, 2]
    assert (report["hits"], report["events"]) == ([40, 32], [10, 8])
    assert not fitted_file(site).exists()


def test_the_site_says_what_is_tolerated(site: Site) -> None:
    site.add_raw(7, 3, segment(RAW, 7))
    event_editor(site, GOOD[2:])
    (site.kit / "site.conf").write_text("FIT_LOSS_TOLERATED=0.2\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["hits"], reply["events"]) == (0, [40, 32], [10, 8])
    assert "accepted" not in reply


@pytest.mark.parametrize("earlier", [False, True])
def test_an_accepted_segment_is_good_whatever_it_lost(site: Site, earlier: bool) -> None:
    """When the output is there that an earlier attempt found to have lost too much, it is not fitted again."""
    site.add_raw(7, 3, segment(RAW, 7))
    event_editor(site, GOOD[2:], "Skipping this event\\n" * 2)
    if earlier:
        assert site.run("fit", 7, 3)["code"] == LOST
    site.accepted = [1, 3]
    reply = site.run("fit", 7, 3)
    assert reply.pop("seconds") >= 0
    assert {name: value for name, value in reply.items() if name not in ("peak", "cpu", "scratch")} == {
        "node": socket.gethostname(),
        "segment": 3,
        "rc": 0,
        "bytes": len(segment(GOOD[2:], 7)),
        "hits": [40, 32],
        "events": [10, 8],
        "accepted": True,
    }
    assert times_run(site) == 1
    report = site.report(7, "fit-03.json")
    assert ("code" in report, report["accepted"], report["losses_logged"]["Skipping this event"]) == (False, True, 2)
    assert [path.name for path in fitted_file(site).parent.iterdir()] == [fitted_file(site).name]
    assert site.run("convert", 7, 3)["entries"] == 8


@pytest.mark.parametrize("changed", ["input", "output", "report", "nothing"])
def test_an_earlier_output_is_taken_only_if_it_is_the_one_that_was_judged(site: Site, changed: str) -> None:
    raw_file = site.add_raw(7, 3, segment(RAW, 7))
    event_editor(site, GOOD[2:])
    assert site.run("fit", 7, 3)["code"] == LOST
    if changed == "input":
        raw_file.write_bytes(segment([*RAW, raw(*HITS)], 7))
    elif changed == "output":
        fitted_file(site).with_name(f".{fitted_file(site).name}.old").write_bytes(segment(GOOD, 7))
    elif changed == "report":
        (site.top / "logs" / "run7" / "fit-03.json").write_text('{"code": "failed.losses"}')
    site.accepted = [3]
    assert site.run("fit", 7, 3)["accepted"] is True
    assert times_run(site) == (1 if changed == "nothing" else 2)


def test_only_losses_can_be_accepted(site: Site) -> None:
    site.add_raw(7, 3, segment(RAW, 7))
    site.accepted = [3]
    event_editor(site, RAW)
    assert site.run("fit", 7, 3)["code"] == SHORT
    event_editor(site, [*GOOD[1:], bytes(4)])
    assert site.run("fit", 7, 3)["code"] == "failed.spoilt"
    event_editor(site, GOOD)
    assert "accepted" not in site.run("fit", 7, 3), "there was nothing to accept"
    site.accepted = [4]
    event_editor(site, GOOD[2:])
    assert site.run("fit", 7, 3)["code"] == LOST


@pytest.mark.parametrize(("entries", "code"), [(10, None), (7, SHORT), (0, SHORT), (11, SHORT)])
def test_a_converted_file_has_an_entry_for_each_physics_event(site: Site, entries: int, code: str | None) -> None:
    """eeconverter makes less of what it cannot read, and ends with 0."""
    fitted_file(site).parent.mkdir(parents=True)
    fitted_file(site).write_bytes(segment(GOOD, 7))
    with uproot.recreate(site.fakes / "made.root") as file:
        file.mktree("DDASFit", {"x": "i8"}).extend({"x": list(range(entries))})
    site.fake("eeconverter", f'cp {site.fakes}/made.root "$4"\n')
    reply = site.run("convert", 7, 3)
    assert (reply.get("code"), site.report(7, "convert-03.json")["entries"]) == (code, entries)
    if code is None:
        assert reply["entries"] == 10
    else:
        assert reply["parameters"] == {"entries": entries, "events": 10}
        assert f"has {entries} entries, its input 10 physics events" in reply["cause"]


def test_entries_that_cannot_be_told_are_left_out_of_the_reply(site: Site) -> None:
    fitted_file(site).parent.mkdir(parents=True)
    fitted_file(site).write_bytes(segment(GOOD, 7))
    with uproot.recreate(site.fakes / "made.root") as file:
        file["DDASFit"] = {"x": [1, 2, 3]}
        assert file.classnames()["DDASFit;1"] == "ROOT::RNTuple"
    site.fake("eeconverter", f'cp {site.fakes}/made.root "$4"\n')
    reply = site.run("convert", 7, 3)
    assert (reply["rc"], "entries" in reply, site.report(7, "convert-03.json")["entries"]) == (0, False, None)

"""A restart that somebody asks for is brought to the site's monitor once, and its answer is told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from console.actions.requests import answer
from console.context import Context
from console.evidence import restarts as carried
from console.evidence.monitor import MonitorWatch
from console.ledger import endpoints, events, restarts
from console.ledger.endpoints import EndpointRow
from console.ledger.errors import Trouble
from console.ledger.store import Ledger
from console.settings.model import Policy
from flowspec.conditions import reason
from remote.globus.transfer import RemoteFile, TransferTask
from tests import fake_globus
from tests.flowspec.test_monitorstatus import document, endpoint

SITE_COLLECTION = "the-site"
FIT = "frib-fit-mpi"


@dataclass
class Transfer:
    """Copies at once; who submits with an id twice gets the same task."""

    copied: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    ids: int = 0
    files: dict[str, RemoteFile] = field(default_factory=dict)

    def submission_id(self) -> str:
        self.ids += 1
        return f"submission-{self.ids}"

    def copy(self, submission: str, source: str, destination: str, files: list[tuple[str, str]], **_: Any) -> str:
        if submission not in self.copied:
            self.copied[submission] = files
            self.texts += [Path(path).read_text() for path, _ in files if destination == SITE_COLLECTION]
        return f"task of {submission}"

    def task(self, task: str) -> TransferTask:
        return TransferTask(task, "SUCCEEDED", "", 1, 1, 0, 1, 1.0, 0, "OK", "", None, "", None, None)

    def stat(self, collection: str, path: str) -> RemoteFile | None:
        return self.files.get(path.rpartition(".")[2])


class Site:
    """What a monitor of a site says, and the driver that asks it."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path / "ledger")
        globus = fake_globus.Remote()
        self.transfer = globus.transfer = Transfer()
        made = fake_globus.make_context(self.ledger, globus, Policy())
        self.results = path / "results"
        self.results.mkdir()
        places = replace(made.places, results=str(self.results), site_collection=SITE_COLLECTION)
        self.ctx: Context = replace(made, results=self.results, places=places)
        self.uuid = next(iter(self.ctx.endpoints.values()))
        endpoints.record(self.ledger, EndpointRow(self.uuid, FIT, "fit", False, time.time(), {}))
        restarts.offer(self.ledger, {self.uuid: FIT})

    def asks(self, why: str = "the night stands still", endpoint: str = "") -> tuple[str, str]:
        """What comes of the request: its state and the answer."""
        self.ledger.ask("restart-endpoint", None, actor="anna@daq1", endpoint=endpoint or self.uuid, reason=why)
        (request,) = self.ledger.asked()
        answer(self.ctx, request)
        said = self.ledger.request(request.id)
        assert said is not None
        return said.state, said.answer

    @property
    def asked(self) -> restarts.Restart | None:
        return restarts.read(self.ledger).asked.get(self.uuid)

    def carries_out(self, **told: Any) -> None:
        carried.carry_out(self.ctx, document(endpoint(id=self.uuid, restarts_asked=True, **told)))

    def told(self) -> tuple[str, str]:
        (event,) = events.newest(self.ledger, 1)
        return event.level, event.text

    def transfers(self) -> int:
        return len(self.transfer.copied)

    def left(self) -> list[Path]:
        return list(self.results.glob("site/*restart-*"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.ledger.close()


def test_what_is_asked_comes_to_the_site_once_and_its_answer_is_told(site: Site) -> None:
    state, said = site.asks()
    assert state == "done"
    assert said == f"{FIT}: the site's monitor is asked, and answers within minutes: the night stands still"
    state, said = site.asks()
    assert state == "refused"
    assert said.startswith(f"{FIT} is being restarted: anna@daq1 asked the site for it at ")
    site.carries_out()
    site.carries_out(asked={"id": "another", "done": True, "said": ""})
    assert site.transfers() == 1
    assert site.asked is not None
    (files,) = site.transfer.copied.values()
    assert [destination for _, destination in files] == [f"{site.ctx.places.top}/logs/restart-{FIT}.json"]
    brought = json.loads(site.transfer.texts[0])
    assert brought == {"id": site.asked.id, "by": "anna@daq1", "at": site.asked.at, "reason": "the night stands still"}
    site.carries_out(asked={"id": brought["id"], "done": True, "said": ""})
    assert site.told() == ("good", f"{FIT} was restarted at the site, as anna@daq1 asked")
    assert (site.asked, site.left()) == (None, [])


def test_a_driver_that_dies_after_it_has_asked_for_the_transfer_asks_for_no_second_one(site: Site) -> None:
    site.asks()
    site.carries_out()
    assert site.asked is not None
    sent = site.asked
    restarts.put(site.ledger, replace(sent, task=""))  # as it was when the driver died
    site.carries_out()
    assert site.asked == sent
    assert (site.transfers(), site.transfer.ids) == (1, 1)


def test_a_refusal_of_the_site_is_told_in_its_words(site: Site) -> None:
    site.asks()
    assert site.asked is not None
    site.carries_out(asked={"id": site.asked.id, "done": False, "said": f"{FIT} runs on login07: \x1b[2Jdo it there"})
    level, text = site.told()
    assert (level, site.asked) == ("bad", None)
    assert text.startswith(f"{FIT} was not restarted; see to it at the site: {FIT} runs on login07: ")
    assert "\x1b" not in text


def test_what_is_not_answered_is_given_up_and_not_sent_later(site: Site) -> None:
    site.asks()
    assert site.asked is not None
    restarts.put(site.ledger, replace(site.asked, at=time.time() - carried.ANSWER_SECONDS - 1))
    site.carries_out()
    assert site.told()[0] == "warning"
    assert "its monitor has not answered in 30 min" in site.told()[1]
    assert (site.asked, site.transfers()) == (None, 0)


def test_a_disk_that_cannot_be_written_is_told_and_tried_again(site: Site) -> None:
    site.asks()
    place = site.results / "site"
    place.write_text("no directory")
    with pytest.raises(Trouble, match="exists"):
        site.carries_out()
    place.unlink()
    site.carries_out()
    assert site.asked is not None
    assert site.asked.task


@pytest.mark.parametrize(
    ("offered", "words"),
    [(False, f"gce restart {FIT}, at the site: no monitor there says that it restarts {FIT}"), (True, "for a reason")],
)
def test_what_the_site_does_not_take_and_what_has_no_reason_is_refused(site: Site, offered: bool, words: str) -> None:
    restarts.offer(site.ledger, {site.uuid: FIT} if offered else {})
    state, said = site.asks(why=" " if offered else "why not")
    assert state == "refused"
    assert words in said
    assert site.asked is None


def test_an_endpoint_that_nobody_knows_and_one_of_another_console_are_refused(site: Site) -> None:
    assert site.asks(endpoint="nobody") == ("refused", "there is no such compute endpoint")
    site.ctx = replace(site.ctx, elsewhere=lambda: reason("words", words="another drives"))
    assert site.asks()[0] == "refused"


def test_what_the_monitor_offers_is_known_as_long_as_it_lives(site: Site) -> None:
    restarts.offer(site.ledger, {})
    watch = MonitorWatch(site.ctx)
    file = site.results / "site/monitor.json"
    file.parent.mkdir()
    file.write_text(json.dumps(document(endpoint(id=site.uuid, restarts_asked=True), at=time.time())))
    site.transfer.files = {"json": RemoteFile("file", 1, "2026-07-01"), "alive": RemoteFile("file", 1)}
    watch.look()
    assert restarts.read(site.ledger).offered == {}
    watch.look()
    assert restarts.read(site.ledger).offered == {site.uuid: FIT}
    site.transfer.files = {}
    watch.look()
    assert restarts.read(site.ledger).offered == {}

"""The definitions that Globus shows as examples, in their shapes: what the lint says of each, and how each ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowspec.lint import lint
from remote.sandbox.flows.service import FlowsService, principal
from remote.sandbox.transfer.collection import GUEST, Collection
from remote.sandbox.transfer.service import TransferService
from tests.flows_fakes import ENDPOINT, FUNCTION, OWNER, FakeCompute, FakeOutcome
from tests.official_shapes_with_work import shapes
from tests.waiting import until

ME = principal(OWNER)
LAB, HUB, SHARED = (f"cccccccc-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
SHAPES = shapes({"collection": HUB, "endpoint": ENDPOINT, "function": FUNCTION}, [ME])
FIELDS = ("WaitTime", "ResultPath", "ExceptionOnActionFailure")


class ComputeAtOnce(FakeCompute):
    """Its tasks have ended when they are submitted; their function is `work`."""

    work: Callable[..., Any]

    def submit_calls(self, endpoint: str, calls: list[Any], task_group_id: str | None = None) -> tuple[str, list[str]]:
        group, ids = super().submit_calls(endpoint, calls, task_group_id)
        for task_id, (_, _, kwargs) in zip(ids, calls, strict=True):
            self.outcomes[task_id] = FakeOutcome("success", self.work(**kwargs))
        return group, ids


class World:
    """A Flows and a Transfer over three collections, each a directory, with the stand-in for Compute."""

    def __init__(self, root: Path) -> None:
        self.lab, self.hub, self.shared = root / "lab", root / "hub", root / "shared"
        places = {LAB: self.lab, HUB: self.hub, SHARED: self.shared}
        for place in places.values():
            place.mkdir()
        collections = {id_: Collection(place, place, place.name) for id_, place in places.items()}
        collections[SHARED] = Collection(self.shared, self.shared, "shared", GUEST)
        self.compute = ComputeAtOnce()
        self.compute.work = self.pack
        self.transfer = TransferService(collections, now=time.time, owner_id=OWNER, retry_seconds=0.1)
        self.flows = FlowsService(self.transfer, self.compute, speed=2000.0)  # type: ignore[arg-type]

    def close(self) -> None:
        self.flows.close()
        self.transfer.close()

    def pack(self, src_paths: list[str], dest_path: str, gcs_base_path: str) -> str:
        path = f"{dest_path}packed.tar.gz"
        names = [p for p in src_paths if (self.hub / p.lstrip("/")).exists()]
        (self.hub / path.lstrip("/")).write_text(" ".join(names))
        return path

    def start(self, shape: str, body: dict[str, Any]) -> str:
        flow = self.flows.create_flow(ME, {"title": shape, "definition": SHAPES[shape], "input_schema": {}})
        return str(self.flows.start_run(ME, flow["id"], {"body": body})["run_id"])

    def show(self, run: str) -> dict[str, Any]:
        return self.flows.get_run(ME, run, {})

    def run(self, shape: str, body: dict[str, Any], *choices: str) -> dict[str, Any]:
        """The flow run when it has ended; `choices` are made of its web inputs, one after the other."""
        run = self.start(shape, body)
        answered: list[Any] = [None]
        for choice in choices:
            asked = until(lambda: {self.show(run)["blocking_web_input_id"]} - set(answered)).pop()
            self.choose(asked, choice)
            answered.append(asked)
        return until(lambda: self.ended(run))

    def choose(self, asked: str, choice: str) -> None:
        options = self.flows.get_web_input(ME, asked)["options"]
        (chosen,) = [option["option_id"] for option in options if option["label"] == f"Choose {choice}"]
        self.flows.respond_to_web_input(ME, asked, {"response": {"value": chosen}})

    def ended(self, run: str) -> dict[str, Any] | None:
        document = self.show(run)
        return document if document["status"] in ("SUCCEEDED", "FAILED") else None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def at(collection: str, path: str) -> dict[str, str]:
    return {"id": collection, "path": path}


def why(run: dict[str, Any]) -> str:
    details = run["details"]["details"]
    return f"{details['exception']}: {details['cause']}"


# ---- the lint

# Nothing that the service would refuse. What is advised, by the field that an action has not set.
ADVICE = {
    "simple": (0, 1, 1),
    "move": (2, 0, 4),
    "two_hop": (4, 0, 7),
    "transfer_share": (3, 0, 3),
    "looping_batched_move": (3, 0, 3),
    "tar_and_transfer 1": (4, 0, 4),
    "tar_and_transfer 2": (5, 0, 5),
    "collection_transfer_requires_flow 1": (4, 0, 4),
    "collection_transfer_requires_flow 2": (5, 0, 5),
    "admin_signoff": (2, 1, 2),
    "approved_publishing": (2, 1, 2),
    "evaluate_preliminary_results": (1, 0, 1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_lint_advises_and_refuses_none(shape: str) -> None:
    found = lint(SHAPES[shape])
    assert [str(finding) for finding in found if finding.severity == "error"] == []
    by_field = Counter(finding.where[-1] for finding in found)
    assert tuple(by_field.pop(field, 0) for field in FIELDS) == ADVICE[shape]
    assert by_field == {}


# ---- how each ends


def test_simple(world: World) -> None:
    (world.lab / "a").write_text("a")
    assert world.run("simple", {"source": at(LAB, "/a"), "target": at(HUB, "/b")})["status"] == "SUCCEEDED"
    assert (world.hub / "b").read_text() == "a"


def test_simple_takes_a_whole_collection_by_its_root(world: World) -> None:
    (world.lab / "d").mkdir()
    (world.lab / "d/a").write_text("a")
    assert world.run("simple", {"source": at(LAB, "/"), "target": at(HUB, "/all/")})["status"] == "SUCCEEDED"
    assert (world.hub / "all/d/a").read_text() == "a"


@pytest.mark.parametrize(
    ("source", "target", "arrives"), [("/a", "/new", "new"), ("/a", "/d/", "d/a"), ("/e/", "/d/", "d/x")]
)
def test_move(world: World, source: str, target: str, arrives: str) -> None:
    (world.lab / "a").write_text("a")
    (world.lab / "e").mkdir()
    (world.lab / "e/x").write_text("a")
    (world.hub / "d").mkdir()
    ended = world.run("move", {"source": at(LAB, source), "target": at(HUB, target)})
    assert ended["details"]["output"]["Said"] == {"message": "moved"}
    assert (world.hub / arrives).read_text() == "a"
    assert not (world.lab / source.strip("/")).exists()


def test_move_refuses_a_directory_onto_a_file_and_fails_without_a_source(world: World) -> None:
    (world.lab / "d").mkdir()
    (world.hub / "f").touch()
    assert "DirOnFile" in why(world.run("move", {"source": at(LAB, "/d/"), "target": at(HUB, "/f")}))
    missing = why(world.run("move", {"source": at(LAB, "/none"), "target": at(HUB, "/f")}))
    assert missing.startswith("States.Runtime: The expression 'FromStat.details.type")


@pytest.mark.parametrize("source", ["/a", "/e/", "/"])
def test_two_hop(world: World, source: str) -> None:
    (world.lab / "a").write_text("a")
    (world.lab / "e").mkdir()
    (world.lab / "e/a").write_text("a")
    (world.hub / "way").mkdir()
    target = at(SHARED, "/a" if source == "/a" else "/to/")
    body = {"source": at(LAB, source), "middle": at(HUB, "/way/"), "target": target}
    assert world.run("two_hop", body)["status"] == "SUCCEEDED"
    assert (world.shared / target["path"].lstrip("/") / ("" if source == "/a" else "a")).read_text() == "a"
    assert list((world.hub / "way").iterdir()) == []


def test_two_hop_needs_a_directory_between(world: World) -> None:
    (world.lab / "a").touch()
    body = {"source": at(LAB, "/a"), "middle": at(HUB, "/none/"), "target": at(SHARED, "/a")}
    assert "NoMiddle" in why(world.run("two_hop", body))


def test_transfer_share(world: World) -> None:
    (world.lab / "a").write_text("a")
    whom = {"type": "identity", "id": OWNER}
    body = {"source": at(LAB, "/a"), "target": at(SHARED, "/a"), "whom": whom}
    made = world.run("transfer_share", body)["details"]["output"]["Permitted"]["details"]
    (rule,) = world.transfer.access_list(SHARED)
    assert made["access_id"] == rule["id"]
    assert (rule["path"], rule["permissions"], rule["principal"]) == ("/a", "r", OWNER)
    refused = world.run("transfer_share", {**body, "target": at(HUB, "/a")})
    assert "NoGuestCollection" in why(refused)


def test_looping_batched_move_goes_on_until_nothing_is_left(world: World) -> None:
    for name in "abc":
        (world.lab / name).write_text(name)
    assert world.run("looping_batched_move", {"source": at(LAB, "/"), "target": at(HUB, "/")})["status"] == "SUCCEEDED"
    assert sorted(path.name for path in world.hub.iterdir()) == ["a", "b", "c"]
    assert list(world.lab.iterdir()) == []


def test_looping_batched_move_never_ends_with_a_directory_which_delete_refuses(world: World) -> None:
    (world.lab / "d").mkdir()
    run = world.start("looping_batched_move", {"source": at(LAB, "/"), "target": at(HUB, "/")})

    def removals() -> list[dict[str, Any]]:
        entries = world.flows.get_run_logs(ME, run, {"limit": "100"})["entries"]
        ended = [entry for entry in entries if entry["code"] == "ActionCompleted"]
        return [entry["details"]["output"] for entry in ended if entry["details"]["state_name"] == "Remove"]

    removed = until(lambda: removals() if len(removals()) > 1 else None)
    world.flows.cancel_run(ME, run)
    assert removed[0]["status"] == "FAILED"
    assert removed[0]["details"]["fatal_error"]["code"] == "IS_A_DIRECTORY"
    assert (world.lab / "d").is_dir()


@pytest.mark.parametrize(
    ("shape", "there"),
    [
        ("tar_and_transfer 1", HUB),
        ("tar_and_transfer 2", LAB),
        ("collection_transfer_requires_flow 1", HUB),
        ("collection_transfer_requires_flow 2", LAB),
    ],
)
def test_tar_and_transfer(world: World, shape: str, there: str) -> None:
    place = world.hub if there == HUB else world.lab
    (place / "f").touch()
    (place / "d").mkdir()
    (place / "d/x").touch()

    def body(*paths: str) -> dict[str, Any]:
        if shape.startswith("tar"):
            ends = {"source_endpoint": there, "destination_endpoint_id": SHARED}
            return {"source_paths": list(paths), "destination_path": "/out.tar.gz", **ends}
        items = [{"source_path": path, "DATA_TYPE": "transfer_item", "recursive": path.endswith("/")} for path in paths]
        ends = {"source_endpoint": there, "destination_endpoint": SHARED}
        return {"settings": {"DATA": items, **ends}, "destination_path": "/out.tar.gz"}

    ended = world.run(shape, body("/f", "/d/"))
    assert ended["status"] == "SUCCEEDED"
    packed = (world.shared / "out.tar.gz").read_text().split()
    assert [Path(name).name for name in packed] == ["f", "d"]
    assert not (world.hub / ended["run_id"]).exists()
    unnamed = body("/f")
    del unnamed["destination_path"]
    assert world.run(shape, unnamed)["status"] == "SUCCEEDED"
    assert (world.shared / "packed.tar.gz").exists()
    assert why(world.run(shape, body("/f", "/"))) == "BadPath: A source path is not allowed."


@pytest.mark.parametrize(("choice", "status"), [("approve", "SUCCEEDED"), ("deny", "FAILED")])
def test_admin_signoff(world: World, choice: str, status: str) -> None:
    (world.lab / "a").touch()
    items = [{"source_path": "/a", "destination_path": "/b"}]
    settings = {"source_endpoint": LAB, "destination_endpoint": HUB, "DATA": items}
    ended = world.run("admin_signoff", {"settings": settings}, choice)
    assert ended["status"] == status
    assert (world.hub / "b").exists() is (choice == "approve")


@pytest.mark.parametrize(("choice", "visible_to"), [("public", ["public"]), ("private", ["a group"])])
def test_approved_publishing(world: World, choice: str, visible_to: list[str]) -> None:
    world.compute.work = lambda id, path: {"title": "Fits", "date": "2026-11-27", "low": 2, "high": 7, "deviation": 1}
    ended = world.run("approved_publishing", {"place": at(LAB, "/")}, choice)
    assert ended["status"] == "SUCCEEDED"
    (effect,) = world.flows.effects()
    assert (effect["url"], effect["body"]["visible_to"]) == ("https://actions.globus.org/search/ingest", visible_to)
    assert effect["body"]["content"] == {"date": "2026-11-27", "place": LAB}


@pytest.mark.parametrize(
    ("choices", "status"),
    [(["continue"], "SUCCEEDED"), (["halt"], "FAILED"), (["retry", "continue"], "SUCCEEDED")],
)
def test_evaluate_preliminary_results(world: World, choices: list[str], status: str) -> None:
    looked: list[str] = []
    world.compute.work = lambda experiment: looked.append(experiment) or {"noise": 3}
    assert world.run("evaluate_preliminary_results", {"experiment": "e21062"}, *choices)["status"] == status
    assert looked == ["e21062"] * len(choices)

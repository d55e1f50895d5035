"""Transfer's operations on a collection: what can be reached, ls, mkdir, delete; and what is not accepted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote.sandbox.transfer.collection import Collection
from remote.sandbox.transfer.service import TransferError
from tests.transfer_fixture import Side, ended, side
from tests.waiting import until

__all__ = ["side"]


def test_nothing_outside_a_collection_is_reached(side: Side) -> None:
    service = side.service()
    (side.root / "secret").write_text("secret")
    (side.dtn / "way_out").symlink_to(side.root)
    (side.dtn / "a").write_text("a")
    (side.site / "way_out").symlink_to(side.root)
    for source, destination in [("/way_out/secret", "stolen"), ("/a", "way_out/planted"), ("/a", "../planted")]:
        task_id = side.transfer(service, (source, destination))
        until(lambda task_id=task_id: service.task(task_id)["faults"])
        assert service.task(task_id)["nice_status"] in ("PERMISSION_DENIED", "INVALID_PATH_NAME")
        service.cancel(task_id)
    assert side.files() == {}
    assert not (side.root / "planted").exists()
    for refused in ("/way_out", "/way_out/secret"):
        with pytest.raises(TransferError) as error:
            service.stat("dtn", refused)
        assert (error.value.status, error.value.code) == (403, "EndpointPermissionDenied")
    with pytest.raises(TransferError, match="EndpointPermissionDenied"):
        service.ls("site", "/")
    [link] = [f for f in service.ls("dtn", "/")["DATA"] if f["name"] == "way_out"]
    assert link["type"] == "invalid_symlink"


@given(st.text(max_size=20))
def test_no_path_leads_out(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    root = tmp_path_factory.getbasetemp()
    collection = Collection(root, root, "C")
    try:
        place = collection.locate(path)
    except OSError:
        return
    assert root.resolve() in (place.resolve(), *place.resolve().parents)


def test_ls_filters_orders_and_pages(side: Side) -> None:
    service = side.service()
    for number, name in enumerate(["b.evt", "a.evt", ".hidden.evt", "c.txt"]):
        (side.dtn / name).write_bytes(bytes(number * 10))
    (side.dtn / "d.evt").mkdir()

    def names(**options: Any) -> list[str]:
        return [file["name"] for file in service.ls("dtn", "/", **options)["DATA"]]

    assert names() == [".hidden.evt", "a.evt", "b.evt", "c.txt", "d.evt"]
    assert names(show_hidden=False) == ["a.evt", "b.evt", "c.txt", "d.evt"]
    assert names(filters=("name:~*.EVT/type:file",)) == [".hidden.evt", "a.evt", "b.evt"]
    assert names(filters=("name:!~.*,!c.txt", "type:file")) == ["a.evt", "b.evt"]
    assert names(filters=("name:a.evt,=c.txt",)) == ["a.evt", "c.txt"]
    assert names(filters=("size:>=10,<30/type:file",)) == [".hidden.evt", "a.evt"]
    assert names(filters=("last_modified:,2001-01-01",)) == []
    assert names(filters=("type:file",), orderby="size DESC,name") == ["c.txt", ".hidden.evt", "a.evt", "b.evt"]
    assert names(orderby="type,name DESC") == ["d.evt", "c.txt", "b.evt", "a.evt", ".hidden.evt"]
    assert names(limit=2, offset=1) == ["a.evt", "b.evt"]
    for bad in ("nonsense", "colour:red", "size:big"):
        with pytest.raises(TransferError) as error:
            names(filters=(bad,))
        assert error.value.status == 400


def test_mkdir_makes_one_directory_once(side: Side) -> None:
    service = side.service()
    assert service.mkdir("site", f"{side.site}/new")["code"] == "DirectoryCreated"
    assert (side.site / "new").is_dir()
    with pytest.raises(TransferError) as error:
        service.mkdir("site", f"{side.site}/new")
    assert (error.value.status, error.value.code) == (502, "ExternalError.MkdirFailed.Exists")
    with pytest.raises(TransferError) as error:
        service.mkdir("site", f"{side.site}/no/parent")
    assert error.value.status == 404


def test_delete_does_not_follow_links(side: Side) -> None:
    service = side.service()
    (side.dtn / "keep").mkdir()
    (side.dtn / "keep/a").write_text("a")
    (side.dtn / "d/sub").mkdir(parents=True)
    (side.dtn / "d/link").symlink_to(side.dtn / "keep")
    (side.dtn / "link").symlink_to(side.dtn / "keep")
    items = [{"path": "/d"}, {"path": "/link"}, {"path": "/missing"}]
    document = {"DATA_TYPE": "delete", "submission_id": service.submission_id(), "endpoint": "dtn", "DATA": items}
    reply = service.submit({**document, "recursive": True, "ignore_missing": True})
    task = ended(service, reply["task_id"])
    assert (task["type"], task["status"], task["destination_endpoint_id"]) == ("DELETE", "SUCCEEDED", None)
    assert sorted(p.name for p in side.dtn.iterdir()) == ["keep"]
    assert (side.dtn / "keep/a").exists()


@pytest.mark.parametrize("path", ["/", "/~/"])
def test_delete_refuses_the_base(side: Side, path: str) -> None:
    service = side.service()
    (side.dtn / "d").mkdir()
    document = {"DATA_TYPE": "delete", "submission_id": "1", "endpoint": "dtn", "DATA": [{"path": path}]}
    reply = service.submit({**document, "recursive": True})
    until(lambda: service.task(reply["task_id"])["faults"])
    assert (side.dtn / "d").exists()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"DATA": []}, 400),
        ({"DATA": [{"source_path": "/a"}]}, 400),
        ({"DATA": ["/a"]}, 400),
        ({"submission_id": None}, 400),
        ({"source_endpoint": "elsewhere"}, 404),
        ({"sync_level": 7}, 400),
        ({"sync_level": [3]}, 400),
        ({"deadline": "soon"}, 400),
        ({"filter_rules": [{"method": "maybe", "name": "*"}]}, 400),
        ({"delete_destination_extra": True}, 400),
    ],
)
def test_a_bad_document_makes_no_task(side: Side, change: dict[str, Any], status: int) -> None:
    service = side.service()
    item = {"source_path": "/a", "destination_path": "/b"}
    ends = {"source_endpoint": "dtn", "destination_endpoint": "site"}
    with pytest.raises(TransferError) as error:
        service.submit({"DATA_TYPE": "transfer", "submission_id": "1", **ends, "DATA": [item], **change})
    assert error.value.status == status
    assert service.tasks()["total"] == 0

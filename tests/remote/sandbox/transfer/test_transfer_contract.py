"""Transfer over HTTP with the real TransferClient; replies have the shape of the SDK's registered examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import globus_sdk
import pytest
from globus_sdk import DeleteData, TransferClient, TransferData

from tests.sandbox_fixture import RunningSandbox, sandbox
from tests.sandbox_records import clear_faults, set_fault, struck
from tests.sdk_fixtures import assert_like, registered
from tests.waiting import until

__all__ = ["sandbox"]


class Transfers:
    """A TransferClient, and the two directories that it moves files between."""

    def __init__(self, sandbox: RunningSandbox, name: str) -> None:
        authorizer = globus_sdk.AccessTokenAuthorizer(sandbox.token)
        self.client = TransferClient(authorizer=authorizer, base_url=sandbox.url)
        self.ids = (sandbox.dtn, sandbox.site)
        self.name = name
        self.dtn = sandbox.dir / "dtn" / name
        self.site = sandbox.site_root / name
        self.dtn.mkdir()

    def data(self, *names: str, **options: Any) -> TransferData:
        data = TransferData(*self.ids, **options)
        for name in names:
            data.add_item(f"/{self.name}/{name}", f"{self.site}/{name}")
        return data

    def finished(self, reply: Any) -> dict[str, Any]:
        until(lambda: self.client.get_task(reply["task_id"])["status"] != "ACTIVE")
        return self.client.get_task(reply["task_id"]).data


@pytest.fixture
def transfers(sandbox: RunningSandbox, request: pytest.FixtureRequest) -> Transfers:
    return Transfers(sandbox, request.node.name.replace("/", "_"))


def refusal(call: Any, *args: Any, **options: Any) -> globus_sdk.TransferAPIError:
    with pytest.raises(globus_sdk.TransferAPIError) as error:
        call(*args, **options)
    return error.value


def test_submit_and_watch(transfers: Transfers) -> None:
    client = transfers.client
    assert_like(client.get_submission_id().data, registered("transfer.get_submission_id"))
    (transfers.dtn / "a").write_text("data")
    data = transfers.data("a", label="hello", sync_level="checksum", verify_checksum=True)
    data.add_filter_rule("*.tmp", type="file")
    reply = client.submit_transfer(data)
    assert reply.http_status == 202
    assert_like(reply.data, registered("transfer.submit_transfer"))
    assert client.submit_transfer(data)["code"] == "Duplicate"

    task = transfers.finished(reply)
    assert task["status"] == "SUCCEEDED"
    assert (transfers.site / "a").read_text() == "data"
    assert_like(task, registered("transfer.task_list")["DATA"][0])
    assert (task["label"], task["sync_level"], task["filter_rules"][0]["name"]) == ("hello", 3, "*.tmp")
    events = list(client.task_event_list(reply["task_id"]))
    assert [event["code"] for event in events] == ["SUCCEEDED", "PROGRESS", "STARTED"]
    assert set(events[0]) == {"DATA_TYPE", "time", "code", "description", "details", "is_error"}
    [moved] = client.task_successful_transfers(reply["task_id"])
    example = registered("transfer.endpoint_manager_task_successful_transfers")
    assert_like(client.task_successful_transfers(reply["task_id"]).data, example)
    assert moved["destination_path"] == f"{transfers.site}/a"
    assert list(client.task_skipped_errors(reply["task_id"])) == []
    assert client.task_pause_info(reply["task_id"])["pause_rules"] == []


def test_submit_refused(transfers: Transfers) -> None:
    error = refusal(transfers.client.submit_transfer, transfers.data())
    example = registered("transfer.submit_transfer", "failure")
    assert (error.http_status, error.code) == (400, example["code"])
    assert_like(error.raw_json, example)
    assert error.request_id
    error = refusal(transfers.client.submit_transfer, {"submission_id": "1", "DATA": "x", "source_endpoint": 3})
    assert error.http_status == 400


@pytest.mark.parametrize("label", ["x" * 129, "two\nlines", " ends", "ends ", "a:b", 3])
def test_a_label_that_transfer_does_not_take_is_refused(transfers: Transfers, label: Any) -> None:
    assert refusal(transfers.client.submit_transfer, transfers.data("a", label=label)).http_status == 400


@pytest.mark.parametrize("key", ["source_endpoint", "destination_endpoint", "DATA"])
def test_a_submission_without_what_it_needs_is_refused(transfers: Transfers, key: str) -> None:
    document = dict(transfers.data("a"), submission_id="of a test")
    del document[key]
    error = refusal(transfers.client.submit_transfer, document)
    assert error.http_status == 400
    assert str(error.code).startswith("ClientError.BadRequest")


def test_the_names_in_a_directory_are_deleted_by_a_pattern(transfers: Transfers) -> None:
    for name in ("a.root", "b.root", ".c.root", "d*.root", "keep"):
        (transfers.dtn / name).write_text("")
    for pattern in ("[ab].root", "d\\*.root"):
        data = DeleteData(transfers.ids[0], interpret_globs=True)
        data.add_item(f"/{transfers.name}/{pattern}")
        assert transfers.finished(transfers.client.submit_delete(data))["status"] == "SUCCEEDED"
    assert sorted(path.name for path in transfers.dtn.iterdir()) == [".c.root", "keep"]
    data = DeleteData(transfers.ids[0], interpret_globs=True)
    data.add_item(f"/{transfers.name}/*.root")
    reply = transfers.client.submit_delete(data)
    until(lambda: transfers.client.get_task(reply["task_id"])["nice_status"] == "FILE_NOT_FOUND")
    transfers.client.cancel_task(reply["task_id"])


def test_task_list_pages_and_filters(transfers: Transfers) -> None:
    client = transfers.client
    (transfers.dtn / "a").write_text("data")
    tasks = [client.submit_transfer(transfers.data("a", label=f"{transfers.name}{n}"))["task_id"] for n in range(3)]
    for task_id in tasks:
        transfers.finished({"task_id": task_id})
    listing = client.task_list(filter={"task_id": tasks}, orderby="label DESC", limit=2)
    assert_like(listing.data, registered("transfer.task_list"))
    assert [task["task_id"] for task in listing] == tasks[:0:-1]
    assert (listing["length"], listing["limit"], listing["total"]) == (2, 2, 3)
    pages = client.paginated.task_list(filter={"task_id": tasks, "status": "SUCCEEDED"}).items()
    assert {task["task_id"] for task in pages} == set(tasks)
    none = client.task_list(filter={"task_id": tasks, "status": ["ACTIVE", "INACTIVE"], "type": "TRANSFER"})
    assert none["total"] == 0
    assert refusal(client.task_list, filter="colour:red").http_status == 400


def test_cancel_and_update(transfers: Transfers) -> None:
    client = transfers.client
    reply = client.submit_transfer(transfers.data("never"))
    until(lambda: client.get_task(reply["task_id"])["nice_status"] == "FILE_NOT_FOUND")
    client.update_task(reply["task_id"], {"label": "new"})
    assert client.get_task(reply["task_id"])["label"] == "new"
    assert_like(client.cancel_task(reply["task_id"]).data, registered("transfer.cancel_task"))
    assert transfers.finished(reply)["status"] == "FAILED"
    assert client.cancel_task(reply["task_id"])["code"] == "TaskComplete"
    assert refusal(client.update_task, reply["task_id"], {"label": "newer"}).http_status == 409


def test_unknown_ids(transfers: Transfers) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    client = transfers.client
    for call in (client.get_task, client.cancel_task, client.task_event_list, client.task_successful_transfers):
        assert refusal(call, nobody).http_status == 404
    assert refusal(client.operation_ls, nobody, "/").code == "EndpointNotFound"


def test_ls_and_stat(transfers: Transfers) -> None:
    client, (dtn, _) = transfers.client, transfers.ids
    (transfers.dtn / "run-0001-00.evt").write_bytes(bytes(10))
    (transfers.dtn / "run-0001-01.evt").write_bytes(bytes(20))
    (transfers.dtn / ".hidden").write_bytes(b"")
    (transfers.dtn / "d").mkdir()
    listing = client.operation_ls(dtn, f"/{transfers.name}/", show_hidden=False, orderby=["type", "size DESC"])
    assert [f["name"] for f in listing] == ["d", "run-0001-01.evt", "run-0001-00.evt"]
    assert_like(listing["DATA"], [registered("transfer.operation_stat")])
    found = client.operation_ls(dtn, f"/{transfers.name}", filter={"name": "~*.evt", "type": "file"}, limit=1)
    assert ([f["name"] for f in found], found["total"]) == (["run-0001-00.evt"], 2)

    file = client.operation_stat(dtn, f"/{transfers.name}/run-0001-01.evt").data
    assert_like(file, registered("transfer.operation_stat"))
    assert (file["size"], file["type"]) == (20, "file")


@pytest.mark.parametrize(("path", "case", "status"), [("/~/foo", "not_found", 404), ("/out", "permission_denied", 403)])
def test_stat_refused(transfers: Transfers, path: str, case: str, status: int) -> None:
    (transfers.dtn / "out").symlink_to("/")
    path = path.replace("/out", f"/{transfers.name}/out")
    error = refusal(transfers.client.operation_stat, transfers.ids[0], path)
    example = registered("transfer.operation_stat", case)
    assert (error.http_status, error.code) == (status, example["code"])
    assert_like(error.raw_json, example)
    assert error.message is not None
    assert error.message.startswith(example["message"].split(",")[0])


def test_mkdir_and_rename(transfers: Transfers, sandbox: RunningSandbox) -> None:
    client, (_, site) = transfers.client, transfers.ids
    path = str(transfers.site)
    assert_like(client.operation_mkdir(site, path).data, registered("transfer.operation_mkdir"))
    set_fault(sandbox.dir, "slow-reply", service="transfer", seconds=0, times=0)  # does nothing but count
    error = refusal(client.operation_mkdir, site, path)
    assert (error.http_status, error.code) == (502, "ExternalError.MkdirFailed.Exists")
    assert struck(sandbox.dir, "slow-reply") == 1, "the SDK retried an error of the endpoint"
    clear_faults(sandbox.dir)
    assert_like(client.operation_rename(site, path, path + "2").data, registered("transfer.operation_rename"))
    assert Path(path + "2").is_dir()


def test_delete(transfers: Transfers) -> None:
    client, (dtn, _) = transfers.client, transfers.ids
    (transfers.dtn / "d").mkdir()
    data = DeleteData(dtn, recursive=True)
    data.add_item(f"/{transfers.name}/d")
    reply = client.submit_delete(data)
    assert_like(reply.data, registered("transfer.submit_delete"))
    assert transfers.finished(reply)["type"] == "DELETE"
    assert list(transfers.dtn.iterdir()) == []


def test_get_endpoint(transfers: Transfers) -> None:
    endpoint = transfers.client.get_endpoint(transfers.ids[0])
    example = {**registered("transfer.get_endpoint"), "DATA": []}
    assert_like(endpoint.data, example)
    assert endpoint["display_name"] == "FRIB DTN (sandbox)"


def test_hostile_names_are_data(transfers: Transfers) -> None:
    name = "a b\n[red]\x1b[31m;$(reboot) ü.evt"
    (transfers.dtn / name).write_text("x")
    transfers.finished(transfers.client.submit_transfer(transfers.data(name)))
    [file] = transfers.client.operation_ls(transfers.ids[1], str(transfers.site))
    assert file["name"] == name

"""The Transfer service in process: what it does to files, and what it says meanwhile."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote.sandbox.transfer import copying
from remote.sandbox.transfer.access import AccessRules
from remote.sandbox.transfer.collection import GUEST, Collection, TransferError
from remote.sandbox.transfer.copying import wanted
from tests.transfer_fixture import Side, codes, ended, side
from tests.waiting import until

__all__ = ["side"]


def test_a_file_arrives_whole_with_its_parent_directories(side: Side) -> None:
    service = side.service()
    (side.dtn / "a.evt").write_bytes(os.urandom(3 << 20))
    task_id = side.transfer(service, ("/a.evt", "rawdata/run1/a.evt"), label="run 1", verify_checksum=True)
    task = ended(service, task_id)
    assert (side.site / "rawdata/run1/a.evt").read_bytes() == (side.dtn / "a.evt").read_bytes()
    assert task["status"] == "SUCCEEDED"
    assert (task["files"], task["files_transferred"], task["bytes_transferred"]) == (1, 1, 3 << 20)
    assert task["bytes_checksummed"] == 3 << 20
    assert (task["subtasks_total"], task["subtasks_succeeded"], task["subtasks_pending"]) == (2, 2, 0)
    assert (task["label"], task["nice_status"], task["fatal_error"]) == ("run 1", None, None)
    assert codes(service, task_id) == ["STARTED", "PROGRESS", "SUCCEEDED"]
    destination = f"{side.site}/rawdata/run1/a.evt"
    assert [(f["source_path"], f["destination_path"]) for f in service.successful_transfers(task_id)] == [
        ("/a.evt", destination)
    ]


def test_the_same_submission_id_makes_one_task(side: Side) -> None:
    service = side.service()
    (side.dtn / "a").write_text("a")
    item = {"source_path": "/a", "destination_path": f"{side.site}/a"}
    document = {
        "DATA_TYPE": "transfer",
        "submission_id": service.submission_id(),
        "source_endpoint": "dtn",
        "destination_endpoint": "site",
        "DATA": [item],
    }
    first, second = service.submit(document), service.submit(document)
    assert (first["code"], second["code"]) == ("Accepted", "Duplicate")
    assert first["task_id"] == second["task_id"]
    assert service.tasks()["total"] == 1


def test_a_missing_source_is_a_fault_that_is_retried_until_it_appears(side: Side) -> None:
    service = side.service()
    (side.dtn / "here").write_text("here")
    task_id = side.transfer(service, ("/late", "late"), ("/here", "here"))
    until(lambda: service.task(task_id)["faults"] >= 2)
    task = service.task(task_id)
    assert task["status"] == "ACTIVE"
    assert (task["nice_status"], task["is_ok"], task["subtasks_retrying"]) == ("FILE_NOT_FOUND", False, 1)
    assert side.files() == {"here": "here"}
    event = next(e for e in service.events(task_id) if e["code"] == "FILE_NOT_FOUND")
    assert event["is_error"]
    assert "/late" in json.loads(event["details"])["error"]
    (side.dtn / "late").write_text("late")
    assert ended(service, task_id)["status"] == "SUCCEEDED"
    assert side.files() == {"here": "here", "late": "late"}


def test_a_fault_ends_at_the_deadline(side: Side) -> None:
    service = side.service()
    soon = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 2))
    task = ended(service, side.transfer(service, ("/never", "never"), deadline=soon))
    assert task["status"] == "FAILED"
    assert task["fatal_error"]["code"] == "EXPIRED"
    assert "FILE_NOT_FOUND" in task["fatal_error"]["description"]
    assert task["subtasks_expired"] == 1


def test_skip_source_errors_goes_on_without_the_missing(side: Side) -> None:
    service = side.service()
    (side.dtn / "here").write_text("here")
    task_id = side.transfer(service, ("/never", "never"), ("/here", "here"), skip_source_errors=True)
    task = ended(service, task_id)
    assert (task["status"], task["subtasks_skipped_errors"], task["files_transferred"]) == ("SUCCEEDED", 1, 1)
    [skipped] = service.skipped_errors(task_id)
    assert (skipped["source_path"], skipped["error_code"]) == ("/never", "FILE_NOT_FOUND")


def test_an_error_of_the_destination_is_not_skipped(side: Side) -> None:
    service = side.service()
    (side.dtn / "a").write_text("a")
    (side.site / "file").write_text("in the way")
    task_id = side.transfer(service, ("/a", "file/a"), skip_source_errors=True)
    until(lambda: service.task(task_id)["faults"])
    assert service.task(task_id)["nice_status"] == "NOT_A_DIRECTORY"
    assert service.skipped_errors(task_id) == []


def test_three_tasks_run_at_a_time_and_others_are_queued(side: Side) -> None:
    service = side.service()
    blocked = [side.transfer(service, (f"/late{n}", f"late{n}")) for n in range(3)]
    until(lambda: all(service.task(task_id)["faults"] for task_id in blocked))
    (side.dtn / "a").write_text("a")
    fourth = side.transfer(service, ("/a", "a"))
    task = service.task(fourth)
    assert (task["status"], task["nice_status"], task["is_ok"]) == ("ACTIVE", "Queued", True)
    assert codes(service, fourth) == []
    (side.dtn / "late1").write_text("b")
    assert ended(service, fourth)["status"] == "SUCCEEDED"
    assert service.task(blocked[0])["status"] == "ACTIVE"


def test_progress_is_visible_and_cancel_leaves_no_trace(side: Side) -> None:
    service = side.service(rate=400_000)
    (side.dtn / "a.evt").write_bytes(bytes(4_000_000))
    task_id = side.transfer(service, ("/a.evt", "run1/a.evt"))
    until(lambda: service.task(task_id)["bytes_transferred"] >= 80_000)
    task = service.task(task_id)
    assert task["status"] == "ACTIVE"
    assert 0 < task["bytes_transferred"] < 4_000_000
    assert 0 < task["effective_bytes_per_second"] < 1_000_000
    assert (task["files"], task["files_transferred"]) == (1, 0)
    assert service.cancel(task_id)["code"] == "Canceled"
    assert service.cancel(task_id)["code"] == "TaskComplete"
    task = service.task(task_id)
    assert (task["status"], task["fatal_error"]["code"]) == ("FAILED", "CANCELED")
    until(lambda: not list((side.site / "run1").iterdir()))
    assert codes(service, task_id)[-1] == "CANCELED"


def test_a_queued_task_can_be_cancelled(side: Side) -> None:
    service = side.service()
    for n in range(3):
        side.transfer(service, (f"/late{n}", f"late{n}"))
    (side.dtn / "a").write_text("a")
    queued = side.transfer(service, ("/a", "a"))
    service.cancel(queued)
    (side.dtn / "late0").write_text("b")
    until(lambda: (side.site / "late0").exists())
    assert service.task(queued)["status"] == "FAILED"
    assert codes(service, queued) == ["CANCELED"]
    assert not (side.site / "a").exists()


def test_closing_the_service_leaves_no_half_copied_file(side: Side) -> None:
    service = side.service(rate=400_000)
    (side.dtn / "a.evt").write_bytes(bytes(4_000_000))
    task_id = side.transfer(service, ("/a.evt", "run1/a.evt"))
    until(lambda: service.task(task_id)["bytes_transferred"])
    service.close()
    assert list((side.site / "run1").iterdir()) == []


@pytest.mark.parametrize(
    ("level", "copied"),
    [(None, "same newer older size other"), (0, ""), (1, "size"), (2, "newer size"), (3, "newer older size other")],
)
def test_sync_levels(side: Side, level: int | None, copied: str) -> None:
    """Each name tells how the source differs from what is at the destination already; "other" only in content."""
    service = side.service()
    for name in ("same", "newer", "older", "size", "other"):
        (side.dtn / name).write_text("ours!" if name == "size" else "same" if name == "same" else "ours")
        (side.site / name).write_text("same" if name == "same" else "them")
        shift = {"newer": 100, "older": -100}.get(name, 0)
        os.utime(side.dtn / name, (1e9 + shift, 1e9 + shift))
        os.utime(side.site / name, (1e9, 1e9))
    options = {} if level is None else {"sync_level": level}
    names = [(f"/{name}", name) for name in ("same", "newer", "older", "size", "other")]
    task_id = side.transfer(service, *names, **options)
    task = ended(service, task_id)
    assert " ".join(f["source_path"][1:] for f in service.successful_transfers(task_id)) == copied
    assert (task["files"], task["files_skipped"]) == (5, 5 - len(copied.split()))
    assert task["sync_level"] == level


def test_a_directory_with_filter_rules(side: Side) -> None:
    service = side.service()
    for name in (
        "run1/run-0001-00.evt",
        "run1/run-0001-00.evt.sha512",
        "run1/old/x.evt",
        "run1/sub/y.evt",
        "other.evt",
    ):
        (side.dtn / name).parent.mkdir(parents=True, exist_ok=True)
        (side.dtn / name).write_text(name)
    (side.dtn / "run1/empty").mkdir()
    (side.dtn / "run1/link.evt").symlink_to(side.dtn / "other.evt")
    rules = [
        {"DATA_TYPE": "filter_rule", "method": "exclude", "name": "old", "type": "dir"},
        {"DATA_TYPE": "filter_rule", "method": "include", "name": "*.evt", "type": "file"},
        {"DATA_TYPE": "filter_rule", "method": "exclude", "name": "*", "type": "file"},
    ]
    task = ended(service, side.transfer(service, ("/run1/", "rawdata/run1/"), filter_rules=rules))
    assert set(side.files()) == {"rawdata/run1/run-0001-00.evt", "rawdata/run1/sub/y.evt"}
    assert (side.site / "rawdata/run1/empty").is_dir()
    assert (task["files"], task["directories"], task["symlinks"]) == (2, 3, 1)


@given(st.text(alphabet="ab.[]*?", max_size=6), st.sampled_from(["file", "dir"]))
def test_the_first_matching_rule_decides(name: str, kind: str) -> None:
    include = {"method": "include", "name": "*"}
    exclude = {"method": "exclude", "name": "*"}
    other = "dir" if kind == "file" else "file"
    assert wanted(name, kind, [])
    assert wanted(name, kind, [include, exclude])
    assert not wanted(name, kind, [exclude, include])
    assert wanted(name, kind, [{**exclude, "type": other}])
    assert not wanted(name, kind, [{**exclude, "type": kind}])


@pytest.mark.parametrize(
    ("recursive", "source", "code"), [(True, "/file", "NOT_A_DIRECTORY"), (False, "/d", "IS_A_DIRECTORY")]
)
def test_recursive_must_fit_the_source(side: Side, recursive: bool, source: str, code: str) -> None:
    service = side.service()
    (side.dtn / "file").write_text("")
    (side.dtn / "d").mkdir()
    item = {"source_path": source, "destination_path": f"{side.site}/x", "recursive": recursive}
    task_id = side.transfer(service, DATA=[item])
    until(lambda: service.task(task_id)["faults"])
    assert service.task(task_id)["nice_status"] == code


def test_a_copy_that_differs_is_not_delivered(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are spoilt on the way to the disk, as a bad controller does; verify_checksum has to see it."""
    real, spoil = copying._copy_bytes, threading.Event()
    spoil.set()

    def spoilt(source: Path, temporary: Path, chunk: int, on_moved: Callable[[int], None]) -> str:
        digest = real(source, temporary, chunk, on_moved)
        if spoil.is_set():
            temporary.write_bytes(b"x" * source.stat().st_size)
        return digest

    monkeypatch.setattr(copying, "_copy_bytes", spoilt)
    service = side.service()
    (side.dtn / "a").write_text("good")
    task_id = side.transfer(service, ("/a", "a"), verify_checksum=True)
    until(lambda: service.task(task_id)["faults"])
    assert service.task(task_id)["nice_status"] == "VERIFY_CHECKSUM"
    assert side.files() == {}
    assert service.task(task_id)["bytes_transferred"] == 0
    spoil.clear()
    assert ended(service, task_id)["status"] == "SUCCEEDED"
    assert side.files() == {"a": "good"}


def test_a_source_that_grows_meanwhile_is_copied_again(side: Side) -> None:
    service = side.service(rate=1_000_000)
    source = side.dtn / "a.evt"
    source.write_bytes(b"a" * 400_000)
    task_id = side.transfer(service, ("/a.evt", "a.evt"))
    until(lambda: service.task(task_id)["bytes_transferred"])
    with source.open("ab") as file:
        file.write(b"b" * 1000)
    ended(service, task_id)
    assert "FILE_SIZE_CHANGED" in codes(service, task_id)
    assert (side.site / "a.evt").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("preserve", [True, False])
def test_preserve_timestamp(side: Side, preserve: bool) -> None:
    service = side.service()
    (side.dtn / "a").write_text("a")
    os.utime(side.dtn / "a", (1e9, 1e9))
    ended(service, side.transfer(service, ("/a", "a"), preserve_timestamp=preserve))
    assert ((side.site / "a").stat().st_mtime == 1e9) == preserve


def test_the_root_of_a_collection_is_a_path_like_any_other(side: Side) -> None:
    service = side.service()
    (side.dtn / "d").mkdir()
    (side.dtn / "d/a").write_text("a")
    task_id = side.transfer(service, ("/", "all/"), label="all")
    assert ended(service, task_id)["status"] == "SUCCEEDED"
    assert (side.site / "all/d/a").read_text() == "a"
    assert [f["source_path"] for f in service.successful_transfers(task_id)] == ["/d/a"]


def test_a_file_with_a_slash_at_its_end_is_no_directory(side: Side) -> None:
    service = side.service()
    (side.dtn / "file").write_text("")
    with pytest.raises(TransferError) as caught:
        service.stat("dtn", "/file/")
    assert caught.value.code == "ExternalError.StatFailed.NotDirectory"
    assert service.stat("dtn", "/")["type"] == "dir"


def test_a_directory_is_not_deleted_without_recursive_and_the_task_says_so(side: Side) -> None:
    service = side.service()
    (side.dtn / "d").mkdir()
    document = {"DATA_TYPE": "delete", "submission_id": service.submission_id(), "endpoint": "dtn"}
    task_id = service.submit({**document, "DATA": [{"path": "/d"}]})["task_id"]
    task = ended(service, task_id)
    assert (task["status"], task["fatal_error"]["code"]) == ("FAILED", "IS_A_DIRECTORY")
    assert service.events(task_id)[0]["is_error"]
    assert (side.dtn / "d").is_dir()


def test_a_listing_names_its_directory_with_a_slash(side: Side) -> None:
    service = side.service()
    (side.dtn / "d").mkdir()
    listing = service.ls("dtn", "/d")
    assert (listing["path"], listing["absolute_path"]) == ("/d/", None)


def test_only_a_guest_collection_has_permissions_and_each_is_checked(side: Side) -> None:
    service = side.service()
    rule = {"path": "/", "permissions": "r", "principal_type": "all_authenticated_users", "principal": ""}
    with pytest.raises(TransferError, match="no guest collection"):
        service.create_access("dtn", rule)
    rules = AccessRules()
    guest = Collection(side.dtn, side.dtn, "shared", GUEST)
    made = rules.create("guest", guest, rule)["access_id"]
    assert rules.update("guest", made, {"permissions": "rw"})["code"] == "Updated"
    assert [one["permissions"] for one in rules.listed("guest")] == ["rw"]
    for wrong in ({"permissions": "x"}, {"principal_type": "people"}, {"path": "a"}):
        with pytest.raises(TransferError, match=next(iter(wrong))):
            rules.create("guest", guest, {**rule, **wrong})
    assert rules.delete("guest", made)["code"] == "Deleted"
    with pytest.raises(TransferError, match="AccessRuleNotFound"):
        rules.delete("guest", made)

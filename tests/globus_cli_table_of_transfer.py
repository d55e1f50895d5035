"""The rows of globus-cli's table (`tests/globus_cli_table.py`) that ask Transfer."""

from __future__ import annotations

from tests.globus_cli_table import Json, Row

ACCEPTED: Json = {"code": "Accepted", "task_id": ...}

FILES = [
    Row("mkdir {dtn}:/results/{form}", ("The directory was created successfully",), {"code": "DirectoryCreated"}),
    Row(
        "mkdir {dtn}:/results/{form}",
        ("502", "ExternalError.MkdirFailed.Exists"),
        {"code": "ExternalError.MkdirFailed.Exists"},
        code=1,
    ),
    Row("ls {dtn}:/results/tree", ("a.root below/",), {"DATA": [{"name": "below", "type": "dir"}]}),
    Row("ls -l {dtn}:/results/tree", ("| 4 |", "| file | a.root"), {"DATA": [{"name": "a.root", "size": 4}]}),
    Row("ls -r {dtn}:/results/tree", ("a.root below/ below/b.root",), {"DATA": [{"name": "below/b.root"}]}),
    Row("ls {dtn}:/results/tree --filter '~*.root'", ("a.root",), {"DATA": [{"name": "a.root"}]}),
    Row("ls {dtn}:/results/tree --orderby name:DESC", ("below/ a.root",), {"DATA": [...]}),
    Row(
        "ls {dtn}:/nowhere",
        ("404", "ClientError.NotFound"),
        {"code": "ClientError.NotFound", "request_id": ...},
        code=1,
    ),
    Row("ls {nowhere}:/", ("404", "EndpointNotFound"), {"code": "EndpointNotFound"}, code=1),
    Row(
        "ls {dtn}:/results/tree/a.root",
        ("502", "NotDirectory"),
        {"code": "ExternalError.DirListingFailed.NotDirectory"},
        code=1,
    ),
    Row("stat {dtn}:/results/tree/a.root", ("Type: file", "Size: 4"), {"name": "a.root", "type": "file", "size": 4}),
    Row("stat {dtn}:/nowhere", ("Nothing found at /nowhere",), {"code": "NotFound"}),
    Row("rename {dtn} /results/{form} /results/{form}-new", ("renamed successfully",), {"code": "FileRenamed"}),
    Row("rename {dtn} /results/{form} /results/x", ("404",), {"code": "ClientError.NotFound"}, code=1),
    Row(
        "rm {dtn}:/results/rm-{form}/*.root", ('Delete task submitted under ID "',), {"status": "SUCCEEDED", "files": 2}
    ),
    Row("ls -a {dtn}:/results/rm-{form}", (".hidden.root kept.txt",), {"DATA": [{"name": "kept.txt"}]}),
    Row("rm {dtn}:/results/rm-{form}/kept.txt", ('Delete task submitted under ID "',), {"status": "SUCCEEDED"}),
    Row("rm {dtn}:/results/nowhere --ignore-missing", ("Delete task submitted",), {"status": "SUCCEEDED", "files": 0}),
    Row("rm {dtn}:/results/nowhere --timeout 1", ("Task has yet to complete after 1 seconds",), code=1),
    Row(
        "delete -r {dtn}:/results/{form}-new",
        ("The delete has been accepted",),
        ACCEPTED,
        keep=(("deletion", "task_id"),),
    ),
    Row("task wait {deletion}", (), {"status": "SUCCEEDED", "type": "DELETE"}),
    Row("delete {dtn}:/results/tree --dry-run", ("/results/tree",), {"DATA_TYPE": "delete", "endpoint": "{dtn}"}),
]

TRANSFERS = [
    Row("task generate-submission-id", (), {"value": ...}, keep=(("submission", "value"),)),
    Row(
        "transfer {dtn}:/results/tree {site}:{root}/tree -r --dry-run",
        ("/results/tree | {root}/tree",),
        {"DATA_TYPE": "transfer"},
    ),
    Row(
        "transfer {dtn}:/results/tree/a.root {site}:{root}/one-{form} --label one --submission-id {submission}-{form}",
        ("The transfer has been accepted",),
        ACCEPTED,
        keep=(("one", "task_id"),),
    ),
    Row(
        "transfer {dtn}:/results/tree/a.root {site}:{root}/one-{form} --label one --submission-id {submission}-{form}",
        ("Task ID:",),
        {"code": "Duplicate", "task_id": ...},
    ),
    Row(
        "transfer {dtn}:/results/tree {site}:{root}/{form} -r --exclude *.tmp -s checksum --notify off",
        ("accepted",),
        ACCEPTED,
        keep=(("tree", "task_id"),),
    ),
    Row(
        "transfer {dtn}:/results/tree {site}:{root}/batch-{form} --batch -",
        ("accepted",),
        ACCEPTED,
        keep=(("batch", "task_id"),),
        given="a.root a.root\n-r below below-new\n",
    ),
    Row(
        "transfer {dtn}:/results/tree {nowhere}:/x -r",
        ("404", "EndpointNotFound"),
        {"code": "EndpointNotFound"},
        code=1,
    ),
    Row(
        "transfer {dtn}:/results/tree {site}:{root}/x -r --label a:b",
        ("400", "label"),
        {"code": "ClientError.BadRequest"},
        code=1,
    ),
    Row("task wait {tree}", (), {"status": "SUCCEEDED", "files": 2}),
    Row("task wait {batch}", (), {"status": "SUCCEEDED", "files": 2}),
    Row("task wait {one}", (), {"status": "SUCCEEDED", "label": "one"}),
    Row(
        "task show {tree}",
        ("Status: SUCCEEDED", "Source Endpoint: FRIB DTN (sandbox)", "Files: 2"),
        {"task_id": "{tree}", "sync_level": 3},
    ),
    Row("task show {nowhere}", ("404", "TaskNotFound"), {"code": "TaskNotFound"}, code=1),
    Row(
        "task show {one} --successful-transfers",
        ("/results/tree/a.root | {root}/one-json | 4 |",),
        {"DATA": [{"size": 4}]},
    ),
    Row("task show {one} --skipped-errors", ("Source Path | Destination Path | Error Code",), {"DATA": []}),
    Row(
        "task list",
        ("{tree} | SUCCEEDED | TRANSFER | FRIB DTN (sandbox) | Compute site (sandbox)",),
        {"DATA": [{"task_id": "{tree}"}]},
    ),
    Row(
        "task list --filter-status SUCCEEDED --filter-label on* --inexact", ("{one}",), {"DATA": [{"task_id": "{one}"}]}
    ),
    Row("task list --filter-task-id {nowhere}", ("Task ID | Status",), {"DATA": []}),
    Row("task event-list {one}", ("| SUCCEEDED | False |", "| STARTED | False |"), {"DATA": [{"code": "STARTED"}]}),
    Row("task event-list {one} --filter-errors", ("Time | Code",), {"DATA": []}),
    Row("task update {one} --label later", ("409", "Conflict"), {"code": "Conflict"}, code=1),
    Row("task cancel {one}", ("completed before the cancel request",), {"code": "TaskComplete"}),
    Row("task pause-info {one}", ("is not paused",), {"pause_rules": []}),
    Row("transfer {dtn}:/results/nowhere {site}:{root}/never", ("accepted",), ACCEPTED, keep=(("never", "task_id"),)),
    Row(
        "task event-list {never} --filter-errors",
        ("| FILE_NOT_FOUND | True |",),
        {"DATA": [{"code": "FILE_NOT_FOUND", "is_error": True}]},
        soon=True,
    ),
    Row("task update {never} --label later", ("Success",), {"code": "Updated"}),
    Row("task wait {never} --timeout 1 --timeout-exit-code 77", ("Task has yet to complete after 1 seconds",), code=77),
    Row("task cancel --all", ("The task has been cancelled successfully.",)),
    Row("task show {never}", ("Status: FAILED", "Label: later"), {"status": "FAILED"}),
]

COLLECTIONS = [
    Row("endpoint search DTN", ("{dtn} | operator@sandbox | FRIB DTN (sandbox)",), {"DATA": [{"id": "{dtn}"}]}),
    Row(
        "endpoint search sandbox --filter-entity-type GCSv5_mapped_collection",
        ("{site}",),
        {"DATA": [{"id": "{dtn}"}, {"id": "{site}"}]},
    ),
    Row("endpoint search 'nothing like it'", ("ID | Owner | Display Name",), {"DATA": []}),
    Row(
        "endpoint show {dtn} --skip-endpoint-type-check",
        ("Display Name: FRIB DTN (sandbox)",),
        {"id": "{dtn}", "entity_type": "GCSv5_mapped_collection"},
    ),
    Row("endpoint show {dtn}", ("globus gcs collection show {dtn}",), code=3),
    Row("endpoint show {nowhere}", ("404", "EndpointNotFound"), {"code": "EndpointNotFound"}, code=1),
    Row(
        "endpoint permission create {guest}:/{form}/ --permissions r --identity operator@sandbox",
        ("Access rule created successfully.",),
        {"code": "Created", "DATA_TYPE": "access_create_result"},
        keep=(("rule", "access_id"),),
    ),
    Row(
        "endpoint permission create {dtn}:/ --permissions r --all-authenticated", ("409",), {"code": "Conflict"}, code=1
    ),
    Row(
        "endpoint permission list {guest}",
        ("{rule} | r | operator@sandbox | /json/",),
        {"DATA": [{"id": "{rule}", "path": "/json/"}]},
    ),
    Row(
        "endpoint permission show {guest} {rule}",
        ("Permissions: r", "Shared With: operator@sandbox"),
        {"permissions": "r"},
    ),
    Row("endpoint permission update {guest} {rule} --permissions rw", ("updated successfully",), {"code": "Updated"}),
    Row("endpoint permission show {guest} {rule}", ("Permissions: rw",), {"permissions": "rw"}),
    Row("endpoint permission delete {guest} {rule}", ("deleted successfully",)),
    Row(
        "endpoint permission show {guest} {rule}", ("404", "AccessRuleNotFound"), {"code": "AccessRuleNotFound"}, code=1
    ),
]

"""What globus-cli is asked at a sandbox and what it must answer, as text and as JSON: one table.

A row is asked in both forms, in the order of its part. `{name}` in words and answers is what the test knows or what a
row has kept, `{form}` is text or json. With `json` None the command has no such form, or no answer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]


class Row(NamedTuple):
    """`says`: parts of the text, white space counting as one blank. `json`: a part of the document, `...` any value, a
    list's members found somewhere in it. `keep`: names for values of the JSON form, with their keys. `soon`: asked
    until it is so. `given`: the stdin."""

    words: str
    says: tuple[str, ...] = ()
    json: Json | list[Any] | None = None
    code: int = 0
    keep: tuple[tuple[str, str], ...] = ()
    soon: bool = False
    given: str = ""


PASSED: Json = {"status": "SUCCEEDED", "run_id": "{run}"}
CLIENTS = "Client identities do not need to log in"

WHO = [
    Row("whoami", ("operator@sandbox",), {"preferred_username": "operator@sandbox", "sub": "{identity}"}),
    Row("whoami --linked-identities", ("operator@sandbox",), [{"sub": "{identity}"}]),
    Row("get-identities operator@sandbox", ("{identity}",), {"identities": [{"username": "operator@sandbox"}]}),
    Row("get-identities {nowhere}", ("NO_SUCH_IDENTITY",), {"identities": []}),
    Row("session show", ("Username | ID | Auth Time",), {"authentications": {}}),
    Row("session consent urn:globus:auth:scope:transfer.api.globus.org:all", (CLIENTS,), code=1),
    Row("session update --all", (CLIENTS,), code=1),
    Row("cli-profile-list", ("{identity}",)),
    Row("api auth GET /v2/oauth2/userinfo", ('"preferred_username":"operator@sandbox"',)),
    Row("logout --yes", ("You have successfully revoked all CLI tokens for this client identity",)),
]

FLOWS = [
    Row("flows validate {pass}", ("No scopes discovered",), {"scopes": {}}),
    Row("flows validate {wrong}", ("422", "UNPROCESSABLE_ENTITY"), {"error": {"detail": [...]}}, code=1),
    Row(
        "flows create Passing {pass} --input-schema {schema}",
        ("Title: Passing",),
        {"title": "Passing"},
        keep=(("flow", "id"),),
    ),
    Row("flows create Wrong {wrong}", ("422", '"End": true'), {"error": {"code": "UNPROCESSABLE_ENTITY"}}, code=1),
    Row("flows list", ("{flow} | Passing | operator@sandbox",), {"flows": [{"id": "{flow}"}]}),
    Row(
        "flows list --filter-role flow_owner --filter-fulltext passing --orderby title:ASC",
        ("{flow}",),
        {"flows": [...]},
    ),
    Row(
        "flows show {flow}",
        ("Owner: operator@sandbox",),
        {"definition": {"StartAt": "Go"}, "input_schema": {"type": "object"}},
    ),
    Row(
        "flows show {nowhere}",
        ("404", "FLOW_NOT_FOUND"),
        {"error": {"code": "FLOW_NOT_FOUND"}, "debug_id": ...},
        code=1,
    ),
    Row(
        "flows update {flow} --subtitle 'of 2026' --keywords a,b",
        ("Subtitle: of 2026", "Keywords: a, b"),
        {"keywords": ["a"]},
    ),
    Row("flows update {flow} --viewers nobody", ("422",), {"error": {"code": "UNPROCESSABLE_ENTITY"}}, code=1),
]

RUNS = [
    Row(
        "flows start {flow} --input '{{\"n\": 1}}' --label {form} --tag b",
        ("Run Label: text", "Run Tags: b"),
        {"tags": ["b"]},
        keep=(("run", "run_id"),),
    ),
    Row(
        'flows start {flow} --input \'{{"n": "x"}}\'',
        ("400", "FLOW_INPUT_ERROR"),
        {"error": {"detail": [{"loc": ...}]}},
        code=1,
    ),
    Row("flows start {nowhere}", ("404", "FLOW_NOT_FOUND"), {"error": {"code": "FLOW_NOT_FOUND"}}, code=1),
    Row("flows run show {run}", ("Status: SUCCEEDED", "Run Owner: operator@sandbox"), PASSED, soon=True),
    Row("flows run show {nowhere}", ("404", "RUN_NOT_FOUND"), {"error": {"code": "RUN_NOT_FOUND"}}, code=1),
    Row("flows run list", ("{run} | Passing",), {"runs": [PASSED]}),
    Row(
        "flows run list --filter-flow-id {flow} --filter-role run_owner", ("{run}",), {"runs": [{"flow_id": "{flow}"}]}
    ),
    Row("flows run list --filter-flow-id {nowhere}", ("Run ID | Flow Title | Run Label | Status",), {"runs": []}),
    Row(
        "flows run show-logs {run}",
        ("PassCompleted | State Go of type Pass completed",),
        {"entries": [{"code": "FlowSucceeded"}]},
    ),
    Row(
        "flows run show-logs {run} --details --reverse --limit 1",
        ('Details: {{"output": {{"n": 1}}}}',),
        [{"code": "FlowSucceeded"}],
    ),
    Row(
        "flows run show-definition {run}", ('"StartAt": "Go"',), {"definition": {"StartAt": "Go"}, "flow_id": "{flow}"}
    ),
    Row(
        "flows run update {run} --label done --tags p,q",
        ("Run Label: done", "Run Tags: p, q"),
        {"label": "done", "tags": ["q"]},
    ),
    Row("flows run cancel {run}", ("Status: SUCCEEDED",), PASSED),
    Row("flows run resume {run}", ("Status: SUCCEEDED",), PASSED),
    Row("flows run delete {begun}", ("409", "STATE_CONFLICT"), {"error": {"code": "STATE_CONFLICT"}}, code=1),
    Row("flows web-input list", ("{input} | open", "Go on?"), {"web_input_summaries": [{"id": "{input}"}]}),
    Row("flows web-input show {input}", ("Title: Go on?",), {"id": "{input}"}),
    Row("flows web-input respond {input} {nowhere}", ("422",), {"error": {"code": ...}}, code=1),
    Row("flows run cancel {begun}", ("Status: FAILED",), {"details": {"code": "FlowCanceled"}}),
]
GONE = [
    Row("flows run delete {run}", ("Run ID: {run}",)),
    Row("flows run show {run}", ("404", "RUN_NOT_FOUND"), code=1),
    Row("flows delete {flow}", ("Deleted: True",)),
    Row("flows show {flow}", ("404", "FLOW_NOT_FOUND"), code=1),
]

LEFT_OUT = {
    "bookmark": "the sandbox keeps no bookmarks",
    "collection": "asks the collection's own server, by https",
    "gcs": "asks the collection's own server, by https",
    "gcp": "the sandbox has no Globus Connect Personal",
    "endpoint delete": "the sandbox's collections cannot be changed",
    "endpoint update": "the sandbox's collections cannot be changed",
    "endpoint set-subscription-id": "the sandbox has no subscriptions",
    "endpoint local-id": "asks this machine only",
    "endpoint my-shared-endpoint-list": "the sandbox's guest collection is of no server of its own",
    "endpoint role": "the sandbox's collections have an owner and no roles",
    "endpoint storage-gateway": "asks the collection's own server, by https",
    "endpoint user-credential": "asks the collection's own server, by https",
    "flows registered-api": "the sandbox has none",
    "api": "what the other commands ask, by hand; of Auth in the table",
    "group": "the sandbox has no Groups",
    "search": "the sandbox has no Search",
    "streams": "the sandbox has no streams",
    "timer": "the sandbox has no Timers",
    "list-commands": "asks nobody; the table is compared with it",
    "update": "asks the package index",
    "version": "asks the package index",
    "login": "in tests/remote/sandbox/test_globus_cli_login.py",
}
"""Commands, and groups of them, that the table has not, with the reason."""

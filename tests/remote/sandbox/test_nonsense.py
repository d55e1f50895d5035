"""Whatever is asked of the sandbox's services, it is refused or done; what was stored breaks no listing."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from remote.sandbox.ids import DTN_COLLECTION, GUEST_COLLECTION
from remote.sandbox.server import SandboxConfig, build_world, create_app, serve
from remote.sandbox.world import World
from tests.waiting import HANGS_AFTER

NONSENSE = [
    None, 7, -1, 1e300, True, "x", "", "x" * 5000, "a:b", "\x1b[2J", "\ud800", [], [1], [None], [[1]], ["x", 7], {},
    {"a": 1}, [{"b": 1}],
]  # fmt: skip
NUMBERS = ["-1", "-0", "1e3", "", "9" * 5000, "٣", "x", "1.5", "%00", "+1", " 1"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
FLOW = {"title": "t", "definition": PASS, "input_schema": {}}
TRANSFER = {
    "source_endpoint": DTN_COLLECTION,
    "destination_endpoint": DTN_COLLECTION,  # the site's has all of this machine
    "DATA": [{"source_path": "/a", "destination_path": "/b"}],
}
LISTINGS = [
    "/flows", "/flows?filter_fulltext=a", "/flows?orderby=title+ASC", "/runs", "/runs?orderby=label+ASC",
    "/runs?filter_label=a", "/v0.10/task_list", "/v0.10/task_list?orderby=label", "/v0.10/task_list?filter=label:~a*",
]  # fmt: skip


class Asked:
    """A sandbox in this process; `ask` returns status and document."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._client: FlaskClient = create_app(world).test_client()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.world.token}"}
        reply = self._client.open(path, method=method, headers=headers, json=body)
        assert reply.status_code < 500, f"{method} {path} {body!r}: {reply.get_data(as_text=True)}"
        return reply.status_code, reply.get_json()

    def submit(self, kind: str, document: dict[str, Any]) -> tuple[int, Any]:
        _, given = self.ask("GET", "/v0.10/submission_id")
        return self.ask("POST", f"/v0.10/{kind}", {"submission_id": given["value"], **document})

    def list_everything(self) -> None:
        for path in LISTINGS:
            assert self.ask("GET", path)[0] == 200


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    world = build_world(SandboxConfig(tmp_path_factory.mktemp("nonsense"), workers=1, requests_per_10s=10**9))
    yield Asked(world)
    world.close()


FLOW_FIELDS = [
    *("title", "subtitle", "description", "keywords", "definition", "input_schema"),
    *("flow_viewers", "flow_starters", "flow_administrators", "run_managers", "run_monitors"),
    *("subscription_id", "authentication_policy_id"),
]


@pytest.mark.parametrize("field", FLOW_FIELDS)
def test_a_flow_with_nonsense_breaks_no_listing(asked: Asked, field: str) -> None:
    for value in NONSENSE:
        status, document = asked.ask("POST", "/flows", {**FLOW, field: value})
        if status == 201:
            asked.list_everything()
            asked.ask("PUT", f"/flows/{document['id']}", {field: value})
            asked.ask("DELETE", f"/flows/{document['id']}")


@pytest.mark.parametrize("keywords", ["x", 7, None, [7], [None], [["x"]], {"a": 1}, ["x" * 1025]])
def test_keywords_that_are_no_strings_are_refused(asked: Asked, keywords: Any) -> None:
    status, document = asked.ask("POST", "/flows", {**FLOW, "keywords": keywords})
    assert (status, document["error"]["detail"][0]["loc"]) == (422, ["keywords"])


@pytest.mark.parametrize("field", ["body", "label", "tags", "run_managers", "run_monitors"])
def test_a_flow_run_with_nonsense_breaks_no_listing(asked: Asked, field: str) -> None:
    _, flow = asked.ask("POST", "/flows", FLOW)
    for value in NONSENSE:
        asked.ask("POST", f"/flows/{flow['id']}/validate_run", {"body": {}, field: value})
        status, document = asked.ask("POST", f"/flows/{flow['id']}/run", {"body": {}, field: value})
        if status == 201:
            for tail in ("", "/log", "/definition"):
                asked.ask("GET", f"/runs/{document['run_id']}{tail}")
            asked.ask("PUT", f"/runs/{document['run_id']}", {field: value})
        asked.list_everything()


@pytest.mark.parametrize("kind", ["transfer", "delete"])
def test_a_transfer_task_with_nonsense_breaks_no_listing(asked: Asked, kind: str) -> None:
    good = TRANSFER if kind == "transfer" else {"endpoint": DTN_COLLECTION, "DATA": [{"path": "/a"}]}
    fields = [*good, "label", "submission_id", "deadline", "sync_level", "filter_rules", "recursive", "verify_checksum"]
    for field in fields:
        for value in NONSENSE:
            status, document = asked.submit(kind, {**good, field: value})
            asked.submit(kind, {**good, "DATA": [{**good["DATA"][0], field: value, "source_path": value}]})
            if status == 202:
                asked.ask("PUT", f"/v0.10/task/{document['task_id']}", {"label": value, "deadline": value})
                asked.ask("POST", f"/v0.10/task/{document['task_id']}/cancel", {})
    asked.list_everything()


@pytest.mark.parametrize("field", ["path", "permissions", "principal_type", "principal"])
def test_a_permission_with_nonsense_breaks_no_listing(asked: Asked, field: str) -> None:
    rules = f"/v0.10/endpoint/{GUEST_COLLECTION}/access"
    for value in NONSENSE:
        rule = {"path": "/", "permissions": "r", "principal_type": "anonymous", "principal": "", field: value}
        status, made = asked.ask("POST", rules, rule)
        if status == 201:
            asked.ask("PUT", f"{rules}/{made['access_id']}", {"permissions": value})
            asked.ask("DELETE", f"{rules}/{made['access_id']}")
        assert asked.ask("GET", f"{rules}_list")[0] == 200


def test_a_client_or_an_owner_that_is_nonsense_is_refused(asked: Asked) -> None:
    _, flow = asked.ask("POST", "/flows", FLOW)
    for value in NONSENSE:
        client = {"template_id": "x", "name": "x"}
        for body in (value, {"client": value}, {"client": {**client, "name": value}}):
            assert asked.ask("POST", "/v2/api/clients", body)[0] == 403 or isinstance(value, str)
        assert asked.ask("PUT", f"/flows/{flow['id']}", {"flow_owner": value})[0] == 422
        pattern = {"endpoint": DTN_COLLECTION, "interpret_globs": True, "DATA": [{"path": f"/none/{value}["}]}
        _, task = asked.submit("delete", pattern)
        asked.ask("POST", f"/v0.10/task/{task.get('task_id')}/cancel", {})


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(FLOW_FIELDS), ANYTHING)
def test_any_flow_is_refused_or_listed(asked: Asked, field: str, value: Any) -> None:
    status, document = asked.ask("POST", "/flows", {**FLOW, field: value})
    asked.list_everything()
    if status == 201:
        asked.ask("DELETE", f"/flows/{document['id']}")


def marker(kept: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode().replace("=", "%3D")


@pytest.mark.parametrize("path", ["/runs", "/flows", "/runs/RUN/log"])
@pytest.mark.parametrize(
    "kept",
    [
        {"query": {}, "offset": -5, "as_of": 1e9},
        {"query": {}, "offset": 1.5, "as_of": 1e9},
        {"query": {}, "offset": True, "as_of": 1e9},
        {"query": {}, "offset": 0, "as_of": float("nan")},
        {"query": {}, "offset": float("inf"), "as_of": 1},
        {"query": {"per_page": 5}, "offset": 0, "as_of": 1},
        {"query": {"orderby": 7, "filter_roles": [1]}, "offset": 0, "as_of": 1},
        {"query": [["a", 1]], "offset": 0, "as_of": 1},
        [], 7, None, "x",
    ],
)  # fmt: skip
def test_a_marker_that_was_not_given_out_is_refused(asked: Asked, path: str, kept: Any) -> None:
    _, flow = asked.ask("POST", "/flows", FLOW)
    _, run = asked.ask("POST", f"/flows/{flow['id']}/run", {"body": {}})
    status, document = asked.ask("GET", f"{path.replace('RUN', run['run_id'])}?marker={marker(kept)}")
    assert (status, document["error"]["detail"][0]["loc"]) == (422, ["query", "marker"])


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_is_none_is_refused(asked: Asked, number: str) -> None:
    listing = f"/v0.10/operation/endpoint/{DTN_COLLECTION}/ls"
    for path in ("/runs?per_page=", "/flows?per_page=", "/v0.10/task_list?limit=", "/v0.10/task_list?offset=",
                 f"{listing}?limit=", f"{listing}?offset=", f"{listing}?filter=size:"):  # fmt: skip
        assert asked.ask("GET", path + number)[0] in (400, 422)


@pytest.mark.parametrize("length", [b"-1", b"-5", b"x", b"1e3", b"9" * 30, b"+2", b"0x2"])
@pytest.mark.parametrize("path", ["/flows", "/v0.10/transfer", "/v2/batch_status", "/v2/oauth2/token"])
def test_a_length_of_a_body_that_is_none_is_refused_at_once(asked: Asked, path: str, length: bytes) -> None:
    server = serve(asked.world, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=HANGS_AFTER) as line:
            line.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n{}" % (path.encode(), length))
            assert line.recv(20).startswith(b"HTTP/1.1 400 ")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("label", ["x" * 129, "a: b", "a\nb", 7, ["x"]])
def test_a_label_that_globus_would_not_take_is_refused(asked: Asked, label: Any) -> None:
    _, flow = asked.ask("POST", "/flows", FLOW)
    assert asked.ask("POST", f"/flows/{flow['id']}/run", {"body": {}, "label": label})[0] == 422
    assert asked.submit("transfer", {**TRANSFER, "label": label})[0] == 400

"""Collections as Transfer shows them, and who else may read or write below a path of a guest collection.

Access rules are kept and shown; they let nobody in, as the sandbox has one identity only.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

from remote.sandbox.transfer.collection import GUEST, Collection, Document, TransferError
from remote.sandbox.transfer.document import bad_request

_PRINCIPALS = ("identity", "group", "all_authenticated_users", "anonymous")


class AccessRules:
    """Thread-safe. Methods raise TransferError."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[str, dict[str, Document]] = {}  # by collection and id

    def listed(self, collection_id: str) -> list[Document]:
        with self._lock:
            return list(self._rules.get(collection_id, {}).values())

    def show(self, collection_id: str, rule_id: Any) -> Document:
        with self._lock:
            return dict(self._find(collection_id, rule_id))

    def create(self, collection_id: str, collection: Collection, rule: Document) -> Document:
        if collection.entity_type != GUEST:
            raise TransferError(409, "Conflict", f"'{collection.name}' is no guest collection: it has no permissions")
        for key, allowed in (("principal_type", _PRINCIPALS), ("permissions", ("r", "rw"))):
            if rule.get(key) not in allowed:
                raise bad_request(f"{key} must be one of {', '.join(allowed)}")
        if not isinstance(rule.get("path"), str) or not rule["path"].startswith("/"):
            raise bad_request("path must be absolute")
        kept = {key: rule.get(key) for key in ("path", "permissions", "principal_type", "principal")}
        rule_id = str(uuid.uuid4())
        with self._lock:
            rules = self._rules.setdefault(collection_id, {})
            rules[rule_id] = {"DATA_TYPE": "access", "id": rule_id, "role_id": None, "expiration_date": None, **kept}
        message = "Access rule created successfully."
        return {"DATA_TYPE": "access_create_result", "code": "Created", "access_id": rule_id, "message": message}

    def update(self, collection_id: str, rule_id: Any, changes: Document) -> Document:
        """Only the permissions of a rule can change."""
        if changes.get("permissions") not in ("r", "rw"):
            raise bad_request("permissions must be one of r, rw")
        with self._lock:
            self._find(collection_id, rule_id)["permissions"] = changes["permissions"]
        return _result("Updated", rule_id)

    def delete(self, collection_id: str, rule_id: Any) -> Document:
        with self._lock:
            del self._rules[collection_id][self._find(collection_id, rule_id)["id"]]
        return _result("Deleted", rule_id)

    def _find(self, collection_id: str, rule_id: Any) -> Document:
        rule = self._rules.get(collection_id, {}).get(str(rule_id))
        if rule is None:
            raise TransferError(404, "AccessRuleNotFound", f"No access rule with id '{rule_id}'")
        return rule


def _result(code: str, rule_id: Any) -> Document:
    message = f"Access rule '{rule_id}' permissions {code.lower()} successfully"
    return {"DATA_TYPE": "result", "code": code, "message": message}


def endpoint_document(collection_id: str, collection: Collection, owner: str) -> Document:
    """An endpoint document with the keys of the registered fixture; what the sandbox does not have is null or false."""
    nothing = (
        "globus_connect_setup_key gcp_connected gcp_paused s3_url host_endpoint_id host_path"
        " myproxy_server myproxy_dn non_functional_endpoint_display_name non_functional_endpoint_id oauth_server"
        " default_directory keywords info_link contact_email contact_info department subscription_id canonical_name"
        " gcs_manager_url tlsftp_server local_user_info_available"
    )
    no = (
        "public french_english_bilingual is_globus_connect s3_owner_activated disable_verify"
        " disable_anonymous_writes force_verify force_encryption mfa_required non_functional activated shareable"
        " in_use high_assurance"
    )
    return {
        "DATA_TYPE": "endpoint",
        "id": collection_id,
        "display_name": collection.name,
        "username": "sandbox",
        "organization": "sandbox",
        "owner_id": owner,
        "description": "A directory on this machine.",
        "entity_type": collection.entity_type,
        "owner_string": "operator@sandbox",
        "expires_in": -1,
        "expire_time": "2100-01-01 00:00:00+00:00",
        **dict.fromkeys(nothing.split()),
        **dict.fromkeys(no.split(), False),
        "acl_available": collection.entity_type == GUEST,
        "acl_editable": collection.entity_type == GUEST,
        "DATA": [],
    }

"""The shapes of the twelve definitions of globus/globus-flows-examples (of August 2026), written anew.

The same types of states in the same order, with the same fields left out and the same forms of expressions; names,
texts and paths are ours. Those that need only Transfer;
the others, and all by name, are in tests/official_shapes_with_work.py.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

TRANSFER_AP = "https://transfer.actions.globus.org"
LONG = 172_800


def action(kind: str, parameters: Document, result: str | None, following: str | None, **more: Any) -> Document:
    state = {"Type": "Action", "ActionUrl": f"{TRANSFER_AP}/{kind}", "Parameters": parameters, **more}
    return state | ({"ResultPath": f"$.{result}"} if result else {}) | _onward(following)


def _onward(following: str | None) -> Document:
    return {"Next": following} if following else {"End": True}


def reckon(parameters: Document, result: str, following: str) -> Document:
    return {"Type": "ExpressionEval", "Parameters": parameters, "ResultPath": f"$.{result}", "Next": following}


def truth(variable: str, value: bool) -> Document:
    return {"Variable": f"$.{variable}", "BooleanEquals": value}


def fail(cause: str, error: str | None = None) -> Document:
    return {"Type": "Fail", "Cause": cause, **({"Error": error} if error else {})}


def _stat(of: str, result: str, following: str) -> Document:
    return action("stat", {"endpoint_id.$": f"$.{of}.id", "path.$": f"$.{of}.path"}, result, following)


def copying(
    source: str, target: str, item: Document, result: str | None, following: str | None, **more: Any
) -> Document:
    ends = {"source_endpoint.$": source, "destination_endpoint.$": target}
    return action("transfer", {**ends, "DATA": [item]}, result, following, **more)


def removing(collection: str, path: str, result: str, following: str | None, **more: Any) -> Document:
    what = {"endpoint.$": collection, "recursive": True, "DATA": [{"path.$": path}]}
    return action("delete", what, result, following, **more)


HEAR: Document = {
    "Type": "AwaitWebInput",
    "Parameters": {"web_input_id.$": "$.asked.web_input_id"},
    "ResultPath": "$.heard",
}
"""Waits for the answer to the web input that a state has made before; `Next` or `End` is to be added."""

SIMPLE = {
    "StartAt": "Copy",
    "States": {
        "Copy": copying(
            "$.source.id",
            "$.target.id",
            {"source_path.$": "$.source.path", "destination_path.$": "$.target.path"},
            None,
            None,
            WaitTime=900,
        )
    },
}

_KINDS = {
    "from_dir.=": "FromStat.details.type == 'dir'",
    "to_dir.=": "'type' in ToStat.details and ToStat.details.type == 'dir'",
    "to_there.=": "'code' not in ToStat.details or ToStat.details.code != 'NotFound'",
}
MOVE = {
    "StartAt": "LookAtSource",
    "States": {
        "LookAtSource": _stat("source", "FromStat", "LookAtTarget"),
        "LookAtTarget": _stat("target", "ToStat", "Kinds"),
        "Kinds": reckon(_KINDS, "Kinds", "Judge"),
        "Judge": {
            "Type": "Choice",
            "Choices": [
                {**truth("Kinds.to_there", False), "Next": "AsAsked"},
                {"And": [truth("Kinds.from_dir", True), truth("Kinds.to_dir", False)], "Next": "Refuse"},
                {"And": [truth("Kinds.from_dir", False), truth("Kinds.to_dir", True)], "Next": "Inside"},
            ],
            "Default": "AsAsked",
        },
        "Inside": reckon({"path.=": "target.path + source.path.rpartition('/')[2]"}, "Where", "Copy"),
        "AsAsked": reckon({"path.$": "$.target.path"}, "Where", "Copy"),
        "Copy": copying(
            "$.source.id",
            "$.target.id",
            {"source_path.$": "$.source.path", "destination_path.$": "$.Where.path"},
            "Copied",
            "Remove",
            WaitTime=LONG,
        ),
        "Remove": removing("$.source.id", "$.source.path", "Removed", "Say", WaitTime=LONG),
        "Refuse": fail("DirOnFile", "A directory cannot replace a file."),
        "Say": {"Type": "Pass", "Parameters": {"message": "moved"}, "ResultPath": "$.Said", "End": True},
    },
}

_NAME = (
    "source.path.rpartition('/')[2] if not Kinds.from_dir else 'HOME' if Kinds.from_home"
    " else 'TOP' if Kinds.from_top else source.path.split('/')[-2]"
)
_HOP = "middle.path.rstrip('/') + '/' + _context.run_id + '/'"
TWO_HOP = {
    "StartAt": "LookAtSource",
    "States": {
        "LookAtSource": _stat("source", "FromStat", "LookAtMiddle"),
        "LookAtMiddle": _stat("middle", "MiddleStat", "LookAtTarget"),
        "LookAtTarget": _stat("target", "ToStat", "Kinds"),
        "Kinds": reckon(
            {
                **_KINDS,
                "middle_dir.=": "'type' in MiddleStat.details and MiddleStat.details.type == 'dir'",
                "from_home.=": "source.path == '/~/'",
                "from_top.=": "source.path == '/'",
            },
            "Kinds",
            "Judge",
        ),
        "Judge": {
            "Type": "Choice",
            "Choices": [
                {**truth("Kinds.middle_dir", False), "Next": "NoMiddle"},
                {**truth("Kinds.to_there", False), "Next": "Name"},
                {"And": [truth("Kinds.from_dir", True), truth("Kinds.to_dir", False)], "Next": "Refuse"},
                {"And": [truth("Kinds.from_dir", False), truth("Kinds.to_dir", True)], "Next": "Refuse"},
            ],
            "Default": "Name",
        },
        "Name": reckon({"name.=": _NAME}, "Name", "Places"),
        "Places": reckon({"dir.=": _HOP, "path.=": f"{_HOP} + Name.name"}, "Hop", "MakeDir"),
        "MakeDir": action("mkdir", {"endpoint_id.$": "$.middle.id", "path.$": "$.Hop.dir"}, "Made", "Forth"),
        "Forth": copying(
            "$.source.id",
            "$.middle.id",
            {"source_path.$": "$.source.path", "destination_path.$": "$.Hop.path"},
            "ForthResult",
            "On",
            WaitTime=LONG,
        ),
        "On": copying(
            "$.middle.id",
            "$.target.id",
            {"source_path.=": "Hop.path", "destination_path.$": "$.target.path"},
            "OnResult",
            "Remove",
            WaitTime=LONG,
        ),
        "Remove": removing("$.middle.id", "$.Hop.dir", "Removed", "Say", WaitTime=LONG),
        "Refuse": fail("KindsDiffer", "Source and target must both be files, or both directories."),
        "NoMiddle": fail("NoMiddle", "The place between must be a directory."),
        "Say": {"Type": "Pass", "Parameters": {"message": "there"}, "ResultPath": "$.Said", "End": True},
    },
}

_GUESTS = [
    {"Variable": "$.Info.details.entity_type", "StringEquals": f"{kind}_guest_collection"} for kind in ("GCP", "GCSv5")
]
SHARE = {
    "StartAt": "LookAtTarget",
    "States": {
        "LookAtTarget": action("collection_info", {"endpoint_id.$": "$.target.id"}, "Info", "Judge"),
        "Judge": {"Type": "Choice", "Choices": [{"Or": _GUESTS, "Next": "Copy"}], "Default": "Refuse"},
        "Copy": copying(
            "$.source.id",
            "$.target.id",
            {"DATA_TYPE": "transfer_item", "source_path.$": "$.source.path", "destination_path.$": "$.target.path"},
            "Copied",
            "Permit",
        ),
        "Permit": action(
            "manage_permission",
            {
                "endpoint_id.$": "$.target.id",
                "path.$": "$.target.path",
                "operation": "CREATE",
                "permissions": "r",
                "principal_type.$": "$.whom.type",
                "principal.$": "$.whom.id",
            },
            "Permitted",
            None,
        ),
        "Refuse": fail("NoGuestCollection", "Only a guest collection can be shared."),
    },
}

_EACH = "for item in found.details.DATA]"
LOOP = {
    "StartAt": "List",
    "States": {
        "List": action("ls", {"endpoint_id.$": "$.source.id", "path.$": "$.source.path", "limit": 2}, "found", "Judge"),
        "Judge": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.found.details.total", "NumericEquals": 0, "Next": "Done"}],
            "Default": "Pairs",
        },
        "Done": {"Type": "Pass", "End": True},
        "Pairs": reckon(
            {
                "DATA.=": "[{'source_path': source.path.rstrip('/') + '/' + item.name,"
                f" 'destination_path': target.path.rstrip('/') + '/' + item.name}} {_EACH}"
            },
            "made",
            "Copy",
        ),
        "Copy": action(
            "transfer",
            {"DATA.$": "$.made.DATA", "source_endpoint.$": "$.source.id", "destination_endpoint.$": "$.target.id"},
            "copied",
            "Names",
        ),
        "Names": reckon(
            {"DATA.=": f"[{{'path': source.path.rstrip('/') + '/' + item.name}} {_EACH}"}, "made", "Remove"
        ),
        "Remove": action("delete", {"DATA.$": "$.made.DATA", "endpoint.$": "$.source.id"}, "removed", "List"),
    },
}

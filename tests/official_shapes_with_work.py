"""The shapes of Globus's examples (tests/official_shapes.py) in which something is computed, or people are asked."""

from __future__ import annotations

from tests.official_shapes import (
    HEAR,
    LOOP,
    MOVE,
    SHARE,
    SIMPLE,
    TRANSFER_AP,
    TWO_HOP,
    Document,
    action,
    copying,
    fail,
    reckon,
    removing,
    truth,
)

COMPUTE_V3 = "https://compute.actions.globus.org/v3"


def _tar(of_collection: bool, by_way_of: bool, site: Document) -> Document:
    """The four of tar_and_transfer: for transfers that a collection wants made by a flow, or not; and with the files
    brought to the place of work first, or there already."""
    items, path = ("settings.DATA", "item.source_path") if of_collection else ("source_paths", "item")
    source = "$.settings.source_endpoint" if of_collection else "$.source_endpoint"
    target = "$.settings.destination_endpoint" if of_collection else "$.destination_endpoint_id"
    home = source if of_collection and not by_way_of else "$.vars.collection"
    here = f"vars.dir + pathsplit({path}.rstrip('/'))[1] + '/' if {path}.endswith('/') else vars.dir + pathsplit({path})[1]"  # noqa: E501
    recursive = "item.recursive" if of_collection else f"True if {path}.endswith('/') else False"
    first = "Collect" if by_way_of or of_collection else "MakeDir"
    paths = "$.gathered.paths" if first == "Collect" else "$.source_paths"
    gathered = {"paths.=": f"[{here if by_way_of else path} for item in {items}]"}
    if by_way_of:
        gathered["DATA.="] = (
            f"[{{'source_path': {path}, 'destination_path': {here}, 'recursive': {recursive}}} for item in {items}]"
        )
    bring = {"source_endpoint.$": source, "destination_endpoint.$": home, "DATA.$": "$.gathered.DATA"}
    call = {
        "function_id.$": "$.vars.function",
        "args": [],
        "kwargs": {"src_paths.$": paths, "dest_path.$": "$.vars.dir", "gcs_base_path.$": "$.vars.base"},
    }
    states = {
        "Vars": reckon(
            {
                "collection": site["collection"],
                "base": "/",
                "endpoint": site["endpoint"],
                "function": site["function"],
                "dir.=": "'/' + _context.run_id + '/'",
                "valid.=": f"['~' in {path} or {path} == '/' for item in {items}] == [False] * len({items})",
            },
            "vars",
            "Judge",
        ),
        "Judge": {"Type": "Choice", "Choices": [{**truth("vars.valid", False), "Next": "Refuse"}], "Default": first},
        "Refuse": fail("A source path is not allowed.", "BadPath"),
        "Collect": reckon(gathered, "gathered", "MakeDir"),
        "MakeDir": action(
            "mkdir",
            {"endpoint_id.$": home, "path.$": "$.vars.dir"},
            "made",
            "Bring" if by_way_of else "Pack",
        ),
        "Bring": action("transfer", bring, "brought", "Pack"),
        "Pack": {
            "Type": "Action",
            "ActionUrl": COMPUTE_V3,
            "Parameters": {"endpoint_id.$": "$.vars.endpoint", "tasks": [call]},
            "ResultPath": "$.packed",
            "Next": "Where",
        },
        "Where": reckon(
            {"path.=": "getattr('destination_path', '/~/' + pathsplit(packed.details.result[0])[1])"}, "where", "Send"
        ),
        "Send": copying(
            home,
            target,
            {"source_path.=": "packed.details.result[0]", "destination_path.$": "$.where.path"},
            "sent",
            "Remove",
        ),
        "Remove": removing(home, "$.vars.dir", "removed", None),
    }
    unused = ({"Collect"} if first == "MakeDir" else set()) | (set() if by_way_of else {"Bring"})
    return {"StartAt": "Vars", "States": {name: state for name, state in states.items() if name not in unused}}


def _ask(title: Document, rows: list[Document], options: Document, respondents: list[str], following: str) -> Document:
    return {
        "Type": "CreateWebInput",
        "Parameters": {
            "InputType": "Selection",
            "Context": {"PresentationStyle": "Table", **title, "Rows": rows},
            **options,
            "RespondentUrns": respondents,
        },
        "ResultPath": "$.asked",
        "Next": following,
    }


def _hear(expired: str | None) -> Document:
    catch = [{"ErrorEquals": ["Flows.WebInputExpired"], "Next": expired, "ResultPath": "$.heard"}]
    return {**HEAR, "Next": "Judge", **({"Catch": catch} if expired else {})}


def _when(**following: str) -> list[Document]:
    return [{"Variable": "$.heard.response", "StringEquals": value, "Next": to} for value, to in following.items()]


def _option(value: str) -> Document:
    return {"Value": value, "Label": f"Choose {value}", "Description": f"What {value} means."}


def _compute(site: Document, kwargs: Document, result: str, following: str) -> Document:
    return {
        "Type": "Action",
        "Handler": {"Type": "ActionProvider", "Url": COMPUTE_V3},
        "Parameters": {
            "endpoint_id": site["endpoint"],
            "tasks": [{"function_id": site["function"], "kwargs": kwargs}],
        },
        "ResultPath": f"$.{result}",
        "Next": following,
    }


def _rehome(of: str, following: str) -> Document:
    result = {"InputPath": f"$.{of}.details.results[0].output", "ResultPath": f"$.{of}"}
    return {"Type": "Pass", **result, "Next": following}


def _sign_off(respondents: list[str]) -> Document:
    rows = [
        {
            "Field": "Who",
            "Value.=": "(`$._context.email` or `$._context.username`) + ' (' + `$._context.user_id` + ')'",
        },
        {"Field": "From", "Value.=": "`$.Info.details.display_name` + ' (' + `$.settings.source_endpoint` + ')'"},
        {"Field": "Items", "Value.=": "str(len(`$.settings.DATA`))"},
        {
            "Field": "First",
            "Value.=": "`$.settings.DATA[0].source_path` + ' > ' + `$.settings.DATA[0].destination_path`",
        },
    ]
    options = {"Options": [_option("approve"), _option("deny")]}
    return {
        "StartAt": "LookAtSource",
        "States": {
            "LookAtSource": action("collection_info", {"endpoint_id.$": "$.settings.source_endpoint"}, "Info", "Ask"),
            "Ask": _ask({"Title": "May this come in?"}, rows, options, respondents, "Hear"),
            "Hear": _hear(None),
            "Judge": {"Type": "Choice", "Choices": _when(approve="Copy"), "Default": "Refuse"},
            "Refuse": fail("Nobody allowed it."),
            "Copy": {
                "Type": "Action",
                "ActionUrl": f"{TRANSFER_AP}/transfer",
                "InputPath": "$.settings",
                "End": True,
            },
        },
    }


def _publish(site: Document, respondents: list[str]) -> Document:
    numbers = "'[' + str(`$.report.low`) + ', ' + str(`$.report.high`) + '], ' + str(`$.report.deviation`)"
    rows = [{"Field": "Date", "Value.$": "$.report.date"}, {"Field": "Range", "Value.=": numbers}]
    options = {"Options": [_option("public"), _option("private")]}
    kept = {f"{key}.$": f"$.entry.{key}" for key in ("content", "search_index", "subject")}
    return {
        "StartAt": "Work",
        "States": {
            "Work": _compute(site, {"id.$": "$.place.id", "path.$": "$.place.path"}, "report", "Rehome"),
            "Rehome": _rehome("report", "Ask"),
            "Ask": _ask({"Title.=": "'Show \"' + `$.report.title` + '\"?'"}, rows, options, respondents, "Prepare"),
            "Prepare": reckon(
                {
                    "search_index": site["endpoint"],
                    "subject.$": "$.report.title",
                    "visible_to": ["a group"],
                    "content": {"date.$": "$.report.date", "place.$": "$.place.id"},
                },
                "entry",
                "Hear",
            ),
            "Hear": _hear("Judge"),
            "Judge": {"Type": "Choice", "Choices": _when(public="Open"), "Default": "Ingest"},
            "Open": reckon({"visible_to": ["public"], **kept}, "entry", "Ingest"),
            "Ingest": {
                "Type": "Action",
                "Handler": {"Type": "ActionProvider", "Url": "https://actions.globus.org/search/ingest"},
                "InputPath": "$.entry",
                "End": True,
            },
        },
    }


def _evaluate(site: Document, respondents: list[str]) -> Document:
    def options(*values: str) -> Document:
        return {"Type": "Pass", "Parameters": {"options": [_option(v) for v in values]}, "ResultPath": "$.state"}

    rows = [{"Field": "Experiment", "Value.$": "$.experiment"}, {"Field": "Noise", "Value.$": "$.seen.noise"}]
    title = {"Title.=": "'Does \"' + `$.experiment` + '\" go on?'"}
    return {
        "StartAt": "Init",
        "States": {
            "Init": {**options("continue", "retry", "halt"), "Next": "Look"},
            "Look": _compute(site, {"experiment.$": "$.experiment"}, "seen", "Rehome"),
            "Rehome": _rehome("seen", "Ask"),
            "Ask": _ask(title, rows, {"Options.$": "$.state.options"}, respondents, "OnlyOnce"),
            "OnlyOnce": {**options("continue", "halt"), "Next": "Hear"},
            "Hear": _hear("Halt"),
            "Judge": {"Type": "Choice", "Choices": _when(**{"continue": "GoOn", "retry": "Wait"}), "Default": "Halt"},
            "GoOn": {"Type": "Pass", "End": True},
            "Halt": fail("Halted by a person."),
            "Wait": {"Type": "Wait", "Seconds": 1800, "Next": "Look"},
        },
    }


def shapes(site: Document, respondents: list[str]) -> dict[str, Document]:
    """All twelve, by the names of their folders. `site`: {"collection", "endpoint", "function"} that definitions name
    as constants; `respondents`: principals who answer web inputs."""
    return {
        "simple": SIMPLE,
        "move": MOVE,
        "two_hop": TWO_HOP,
        "transfer_share": SHARE,
        "looping_batched_move": LOOP,
        "tar_and_transfer 1": _tar(False, False, site),
        "tar_and_transfer 2": _tar(False, True, site),
        "collection_transfer_requires_flow 1": _tar(True, False, site),
        "collection_transfer_requires_flow 2": _tar(True, True, site),
        "admin_signoff": _sign_off(respondents),
        "approved_publishing": _publish(site, respondents),
        "evaluate_preliminary_results": _evaluate(site, respondents),
    }

"""With which kit the site works: a canary tells it, so that one that is out of date is known before a launch.

A canary costs a node for a moment. So it is sent when this console's kit has not been seen there, and then once a day.
"""

from __future__ import annotations

from console.context import Context
from console.ledger import endpoints, sources
from console.ledger import site as known
from console.ledger.store import Ledger
from flowspec import catalogue, sitestatus
from flowspec.conditions import NO_REASON, reason
from flowspec.stages import Stage
from remote.site import shipped

AGAIN_SECONDS = 86400.0  # between canaries when the kit is this console's
MENDED_SECONDS = 3600.0  # when it is not, or nothing was heard of the last
NO_DIGEST = "failed.function"  # code of a canary whose kit cannot tell its digest: an older one, or a damaged one
STAGE = Stage.FIT  # whose endpoint executes it: the first that a launch wakes


def look_at_kit(ctx: Context) -> None:
    """Judge the kit by what is known of it; ask for the canary that is under way, or send one. Raises RemoteError."""
    _judge(ctx.ledger)
    sent = known.canary(ctx.ledger)
    if sent is not None and sent.task and 0 <= ctx.now() - sent.at < AGAIN_SECONDS:
        _hear(ctx, sent.task)
    elif ctx.canary is not None and _due(ctx.ledger, sent):
        endpoint = endpoints.find(ctx.ledger, ctx.endpoints[STAGE])
        if endpoint is not None and endpoint.online:
            (task,) = ctx.remote.compute.submit(endpoint.endpoint, ctx.canary, [{"kit": ctx.places.kit}])
            known.record_canary(ctx.ledger, task)


def _judge(ledger: Ledger) -> None:
    """Whether the kit at the site is this console's, as far as was heard; a change is an event."""
    kit, before = known.kit(ledger), known.outdated(ledger)
    if kit is None:
        return
    ours = shipped.digest()
    now = NO_REASON if kit.digest == ours else sitestatus.of_kit(kit.digest, kit.files, shipped.files())
    if now == before:
        return
    with ledger.change():
        known.set_outdated(ledger, now)
        if not before.code:
            ledger.event("warning", catalogue.sentence(now), actor="driver")
        elif not now.code:
            ledger.event("good", catalogue.sentence(reason("site.kit", digest=ours)), actor="driver")


def _due(ledger: Ledger, sent: known.Canary | None) -> bool:
    kit, now = known.kit(ledger), ledger.now()
    pause = AGAIN_SECONDS if kit is not None and kit.digest == shipped.digest() else MENDED_SECONDS
    heard = max(kit.at if kit is not None else 0.0, sent.at if sent is not None else 0.0)
    return not 0 <= now - heard < pause


def _hear(ctx: Context, task: str) -> None:
    status = ctx.remote.compute.batch_status([task])[task]
    sources.answered(ctx.ledger, "compute")
    if status.status in ("pending", "running"):
        return
    reply = status.value if isinstance(status.value, dict) else {}
    digest = reply.get("digest", "")
    with ctx.ledger.change():
        known.record_canary(ctx.ledger, "")
        if isinstance(digest, str) and (digest or reply.get("code") == NO_DIGEST):
            known.record_kit(ctx.ledger, digest, {})
            _judge(ctx.ledger)

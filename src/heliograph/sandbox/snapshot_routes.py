"""`POST BASE/sandbox/v1:export`: the world as one document (docs/sandbox.md, "Snapshots")."""

from starlette.requests import Request
from starlette.responses import Response

from heliograph.sandbox.snapshot import write_snapshot
from heliograph.sandbox.snapshots import snapshot_of
from heliograph.sandbox.world import World


async def export(world: World, _request: Request) -> object:
    """The snapshot."""
    return Response(write_snapshot(await snapshot_of(world)), media_type="application/json; charset=UTF-8")

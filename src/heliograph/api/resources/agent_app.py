"""`/agent.apk` and `/heliograph/v1/agent`: what a phone that is being set up downloads, and what it is.

Heliograph's own: not in AMAPI. Anyone who reaches the server may read both: a factory-fresh phone has no credential.
"""

from starlette.requests import Request
from starlette.routing import Router

from heliograph.api.http.byte_ranges import File, file_response
from heliograph.api.http.side_routes import side_router
from heliograph.domain.agent_app import MEDIA_TYPE, PATH, AgentApp
from heliograph.protojson.errors import NotFound

RESOURCE = "/heliograph/v1/agent"


class NoAgent(NotFound):
    """This server has no agent to give to phones: start it with --agent-apk FILE (docs/android.md)."""

    reason = "NO_AGENT"


def agent_app(agent: AgentApp | None) -> Router:
    """The ASGI app for PATH and RESOURCE."""
    file = None if agent is None else File(
        content=agent.content, media_type=MEDIA_TYPE, entity_tag=f'"{agent.sha256}"', name=f"{agent.package_name}-{agent.version_code}.apk"
    )  # fmt: skip

    async def download(request: Request) -> object:
        if file is None:
            raise NoAgent
        return file_response(file, request.headers)

    async def describe(_request: Request) -> object:
        if agent is None:
            raise NoAgent
        return _view(agent)

    return side_router((("GET", PATH, download), ("GET", RESOURCE, describe)))


def _view(agent: AgentApp) -> dict[str, object]:
    return {
        "packageName": agent.package_name,
        "versionCode": agent.version_code,
        "versionName": agent.version_name,
        "adminComponent": agent.admin_component,
        "signatureChecksum": agent.signature_checksum,
        "sha256": agent.sha256,
        "sizeBytes": len(agent.content),
        "safe": agent.safe,
    }

"""Answers of the routes beside AMAPI that Starlette serves: the sandbox's, and the operator's desk for keys."""

from typing import Any

import msgspec
from starlette.responses import Response

from heliograph.api.errors import UnknownPath, error_answer
from heliograph.domain.errors import HeliographError


def json_response(answer: object) -> Response:
    """200 with this JSON, indented."""
    return Response(msgspec.json.format(msgspec.json.encode(answer), indent=2), media_type="application/json")


def error_response(error: HeliographError) -> Response:
    """The error in Google's form."""
    status, headers, body = error_answer(error)
    response = Response(msgspec.json.format(body, indent=2), status, media_type="application/json")
    response.raw_headers += headers
    return response


async def not_found(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """404 for every path."""
    await error_response(UnknownPath(scope["path"]))(scope, receive, send)

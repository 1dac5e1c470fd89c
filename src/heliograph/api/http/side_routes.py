"""Answers of the routes beside AMAPI that Starlette serves: the sandbox's, and the operator's desk for keys."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from heliograph.api.http.errors import MethodNotAllowed, UnknownPath, error_answer
from heliograph.asgi import ClientGone, indented
from heliograph.protojson.errors import HeliographError

Endpoint = Callable[[Request], Awaitable[object]]
"""Gives what is sent as JSON, or a Response; errors are answered in Google's form."""


def side_router(rows: Iterable[tuple[str, str, Endpoint]]) -> Router:
    """A router of these HTTP methods, paths and endpoints; it refuses everything else in Google's form."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for http_method, path, endpoint in rows:
        by_path.setdefault(path, {})[http_method] = endpoint
    routes = [_PathRoute(path, _by_method(endpoints), methods=[*endpoints]) for path, endpoints in by_path.items()]
    return Router(routes, default=not_found, redirect_slashes=False)


class _PathRoute(Route):
    """A route with a 405 that is not plain text."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if self.methods and scope["method"] not in self.methods:
            await error_response(MethodNotAllowed(sorted(self.methods)))(scope, receive, send)
        else:
            await super().handle(scope, receive, send)


def _by_method(endpoints: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            given = await endpoints["GET" if request.method == "HEAD" else request.method](request)
        except HeliographError as error:
            return error_response(error)
        except ClientGone:
            return Response(status_code=400)  # nobody reads it
        return given if isinstance(given, Response) else json_response(given)

    return answer


def json_response(answer: object) -> Response:
    """200 with this JSON, indented."""
    return Response(indented(msgspec.json.encode(answer)), media_type="application/json")


def error_response(error: HeliographError) -> Response:
    """The error in Google's form."""
    status, headers, body = error_answer(error)
    response = Response(body, status)
    response.raw_headers += headers
    return response


async def not_found(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """404 for every path."""
    await error_response(UnknownPath(scope["path"]))(scope, receive, send)

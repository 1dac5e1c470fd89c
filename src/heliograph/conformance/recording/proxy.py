"""The proxy before the real thing: requests and answers pass through byte for byte, and what is recorded of them is redacted.

Only a discovery document is changed: clients find the server's address in it, and are to come back to the proxy.
"""

import asyncio
import gzip
import json
import signal
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from heliograph.conformance.recording.exchange import Recorder, Seen
from heliograph.machine import on_signal
from heliograph.protojson.errors import Code

BODY_MAX_BYTES: Final = 64 * 1_024 * 1_024
TIMEOUT_S: Final = 90
_HOP_BY_HOP: Final = frozenset(
    {
        "connection", "content-length", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Of one connection, not of the message; aiohttp writes its own.  Source: RFC 9110 §7.6.1."""
_DISCOVERY: Final = ("/$discovery/rest", "/discovery/v1/apis/")
_OWN_ADDRESS: Final = ("rootUrl", "baseUrl", "mtlsRootUrl")


class Proxy:
    """Sends each request on to `upstream`, and hands a line of JSON about it to `write`."""

    def __init__(self, upstream: str, session: aiohttp.ClientSession, write: Callable[[str], None]) -> None:
        self._upstream = upstream.rstrip("/")
        self._session = session
        self._write = write
        self._recorder = Recorder()

    async def answer(self, request: web.Request) -> web.Response:
        """The upstream server's answer; 502 if it cannot be reached."""
        if not request.raw_path.startswith("/"):
            return _rejection(400, Code.INVALID_ARGUMENT, "The proxy takes requests for its own address only.")
        sent, headers = await request.read(), _passed_on(request.headers)
        path, _, query = request.raw_path.partition("?")
        is_discovery = path.startswith(_DISCOVERY)
        if is_discovery:
            headers["Accept-Encoding"] = "identity"
        try:
            async with self._session.request(
                request.method,
                URL(self._upstream + request.raw_path, encoded=True),
                data=sent if request.body_exists else None,
                headers=headers,
                allow_redirects=False,
            ) as upstream:
                got, status, got_headers = await upstream.read(), upstream.status, _passed_on(upstream.headers)
        except (aiohttp.ClientError, TimeoutError):
            return _rejection(502, Code.UNAVAILABLE, "The server behind the proxy cannot be reached.")
        if is_discovery:
            got = _with_address(got, f"{request.scheme}://{request.host}/")
        else:
            seen = Seen(
                http=request.method,
                path=path,
                query=query,
                request=_plain(sent, request.headers),
                status=status,
                headers={name.lower(): value for name, value in got_headers.items()},
                answer=_plain(got, got_headers),
            )
            self._write(msgspec.json.encode(self._recorder.exchange(seen)).decode() + "\n")
        return web.Response(status=status, body=got, headers=got_headers)


@asynccontextmanager
async def proxying(upstream: str, write: Callable[[str], None], *, port: int) -> AsyncIterator[str]:
    """The proxy's address on the loopback interface, for as long as the block lasts; port 0: a free one.

    Raises: ValueError: `upstream` is not the address of a server; OSError: the port is taken.
    """
    parts = urlsplit(upstream)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{upstream!r} is not the address of a server: write one such as https://androidmanagement.googleapis.com")
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    own = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
    async with aiohttp.ClientSession(
        timeout=timeout, auto_decompress=False, skip_auto_headers=own, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        app = web.Application(client_max_size=BODY_MAX_BYTES)
        app.router.add_route("*", "/{path:.*}", Proxy(upstream, session, write).answer)
        runner = web.AppRunner(app, auto_decompress=False, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def record(upstream: str, write: Callable[[str], None], *, port: int, ready: Callable[[str], None]) -> None:
    """Record until SIGINT or SIGTERM; `ready(url)` is called once requests are answered.  Raises: as `proxying` does."""
    ended = asyncio.Event()
    async with proxying(upstream, write, port=port) as url:
        # A shell that starts programs in the background has them ignore SIGINT, unless they ask for it.
        with on_signal(signal.SIGINT, ended.set), on_signal(signal.SIGTERM, ended.set):
            ready(url)
            await ended.wait()


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


def _plain(body: bytes, headers: Mapping[str, str]) -> bytes:
    """The body without its gzip; one that is not valid stays as it is, and is hidden as no JSON."""
    if headers.get("Content-Encoding", "").lower() != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return body


def _with_address(document: bytes, url: str) -> bytes:
    try:
        found = json.loads(document)
    except ValueError:
        return document
    if not isinstance(found, dict):
        return document
    return json.dumps(found | {name: url for name in _OWN_ADDRESS if name in found}).encode()


def _rejection(status: int, code: Code, message: str) -> web.Response:
    return web.json_response({"error": {"code": status, "message": message, "status": code.name}}, status=status)

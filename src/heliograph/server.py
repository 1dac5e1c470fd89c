"""The composition root: the only place that picks adapters, reads the real clock and rolls real dice."""

import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog
import uvicorn

from heliograph.api.address import Addresses
from heliograph.api.app import rest_app
from heliograph.api.gate import Gate
from heliograph.api.http_protocol import Http11
from heliograph.api.service_keys import PREFIX, KeyDesk, keys_app
from heliograph.api.sign_up_page import sign_up_app
from heliograph.api.token import token_app
from heliograph.channel.app import Channel
from heliograph.notifications.by_destination import Watch, publisher_for
from heliograph.protocol import MESSAGE_MAX_BYTES
from heliograph.service.authenticate_caller import Callers
from heliograph.service.create_signup_url import PATH as SIGN_UP
from heliograph.service.delete_enterprise import finish_deletions
from heliograph.service.expire_operations import expire_operations
from heliograph.service.offer_command import OfferBook
from heliograph.service.ports import Clock, Ports
from heliograph.service.publish_notifications import publish_notifications
from heliograph.service.retire_operations import retire_operations
from heliograph.service.sign_in import SignIn
from heliograph.settings import Admission, Settings, require_loopback
from heliograph.storage.operator_file import OperatorFile, operator_file
from heliograph.storage.sqlite import SqliteStore, exit_at_once
from heliograph.storage.vault import FileVault

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

SLEEP_MOST_S = 3_600.0
"""A sleeper looks at the clock at least this often: a suspended machine's timers stand still while CLOCK_BOOTTIME goes on."""
STEP_US = 500_000
"""A difference to the wall clock from which on it is called a step and logged."""
DEAD_PEER_MS = 60_000
"""A peer that reads nothing for so long is cut off by the kernel; nobody above can abort such a socket."""
SLEW_SHARE = 100
"""A step is made good at 1 % of the time that passes: durations stay true to within that."""


class SystemClock:
    """Wall time at start plus CLOCK_BOOTTIME since: never goes back, goes on through suspend; later steps are logged and slewed."""

    def __init__(self) -> None:
        self._wall_us = time.time_ns() // 1_000
        self._boot_us = self._last_boot_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
        self._slewed_us = 0
        self._step_logged = False

    def now_us(self) -> int:
        """The time."""
        boot_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
        since_us = boot_us - self._last_boot_us
        if since_us >= 1_000_000:  # noqa: PLR2004 - once a second is often enough to look at the wall clock
            self._slew(boot_us, since_us)
        return self._wall_us + (boot_us - self._boot_us) + self._slewed_us

    def _slew(self, boot_us: int, since_us: int) -> None:
        self._last_boot_us = boot_us
        off_us = time.time_ns() // 1_000 - (self._wall_us + (boot_us - self._boot_us) + self._slewed_us)
        if abs(off_us) < STEP_US:
            self._step_logged = False
        elif not self._step_logged:
            self._step_logged = True
            log.warning("clock.stepped", off_ms=off_us // 1_000)
        most_us = since_us // SLEW_SHARE
        self._slewed_us += max(-most_us, min(most_us, off_us))

    async def sleep_until(self, at_us: int) -> None:
        """Returns at `at_us` or just after, never before."""
        while (left_us := at_us - self.now_us()) > 0:  # noqa: ASYNC110 - nothing else would wake it
            await asyncio.sleep(min(left_us / 1_000_000, SLEEP_MOST_S))


class RandomIds:
    """Names and secrets from the operating system's randomness."""

    def device_id(self) -> str:
        """16 hex digits."""
        return secrets.token_hex(8)

    def enterprise_id(self) -> str:
        """`LC` and eight characters."""
        return "LC" + "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(8))

    def token_id(self) -> str:
        """22 characters, as AMAPI's look."""
        return secrets.token_urlsafe(16).replace("-", "a").replace("_", "b")

    def token_value(self) -> str:
        """20 upper-case letters: short enough to type into a phone, 94 bits."""
        return "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(20))


API = "/v1/"


def by_prefix(routes: Mapping[str, Asgi], default: Asgi) -> Asgi:
    """An app that hands each request to the app whose path prefix it has, else to `default`."""
    prefixes = tuple(routes.items())

    def dispatch(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> Awaitable[None]:
        path = scope.get("path", "")
        for prefix, app in prefixes:
            if path.startswith(prefix):
                return app(scope, receive, send)
        return default(scope, receive, send)

    return dispatch


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A server without its socket: what the sandbox steers."""

    store: SqliteStore
    ports: Ports
    channel: Channel
    app: Asgi


@contextlib.asynccontextmanager
async def assembled(settings: Settings, *, clock: Clock, operator_secret: str | None = None, watch: Watch = None) -> AsyncIterator[Parts]:
    """A server's parts, wired and with its timers running; on leaving, everything accepted is durable.

    `operator_secret`: what opens the desk for keys; None: where strangers are admitted nothing is needed, elsewhere it stays closed.
    `watch` sees every notification to the push endpoint, which need not exist then.  Raises: PubsubMissing, InvalidArgument: no URL.
    """
    publisher = publisher_for(push_endpoint=settings.push_endpoint, pubsub=settings.pubsub, watch=watch)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    vault = FileVault(settings.key)
    channel = Channel(clock)
    store = SqliteStore.open(settings.database, clock=clock, ring=channel.doorbell.ring)
    ports = Ports(
        store=store, doorbell=channel.doorbell, clock=clock, ids=RandomIds(), vault=vault, limits=settings.limits,
        offers=OfferBook(), presence=channel.presence, page_secret=vault.derive("page tokens"),
        expose_enterprises=settings.expose_enterprises, destinations=publisher.destinations,
    )  # fmt: skip
    timers: list[asyncio.Task[NoReturn]] = []
    try:
        await finish_deletions(ports)
        sending = publish_notifications(ports, publisher, chance=secrets.SystemRandom().random)
        timers += [asyncio.create_task(timer) for timer in (expire_operations(ports), retire_operations(ports), sending)]
        for timer in timers:
            timer.add_done_callback(_must_live)
        sign_in = SignIn(
            keys=store.service_keys, secret=vault.derive("access tokens"), now_us=SystemClock().now_us,
            admits_strangers=settings.admission is not Admission.KEYS,
        )  # fmt: skip
        routes = _api(settings, ports, sign_in, operator_secret)
        app = by_prefix({**routes, "/device/v1/": channel.app(ports)}, routes[API])
        yield Parts(store=store, ports=ports, channel=channel, app=app)
    finally:
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)
        await publisher.close()
        await store.close()


def _api(settings: Settings, ports: Ports, sign_in: SignIn, operator_secret: str | None) -> dict[str, Asgi]:
    """The callers' side by path prefix, hottest first: the API behind its gate, the token endpoint, the operator's desk for keys."""
    callers, address_of = Callers(sign_in), Addresses(settings.trusted_proxies).of
    gate = None if settings.admission is Admission.UNCHECKED else Gate(callers, address_of=address_of)
    rest = rest_app(ports, gate=gate, trusted_proxies=settings.trusted_proxies, cors_origins=settings.cors_origins)
    if operator_secret is None and not sign_in.admits_strangers:
        operator_secret = secrets.token_urlsafe(32)  # nobody knows it
    desk = keys_app(KeyDesk(ports=ports, sign_in=sign_in, callers=callers, secret=operator_secret))
    token = token_app(sign_in, address_of=address_of, otherwise=rest)
    return {API: rest, "/token": token, "/oauth2/": token, PREFIX: desk, SIGN_UP: sign_up_app(ports, otherwise=rest)}


def _must_live(timer: asyncio.Task[NoReturn]) -> None:
    """A server without its timers would promise what it cannot keep: it ends, and its supervisor starts another."""
    if not timer.cancelled() and (error := timer.exception()) is not None:
        exit_at_once(error)


class _Listener(uvicorn.Server):
    """uvicorn, which leaves signals to us: it would end the process by the signal's default before the store is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound, listening TCP socket; `port` 0 takes a free one.  Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
    # Inherited by every connection. An event loop does this by itself only for sockets that it made: without it, an answer's body
    # waits 40 ms for the acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, port))
    listener.listen(4_096)  # a restarted server meets all its phones at once
    return listener


def _is_news(record: logging.LogRecord) -> bool:
    """Uvicorn takes every WebSocket that is denied (401, 410: daily bread) for an error of ours."""
    return "without completing handshake" not in str(record.msg)


@contextlib.asynccontextmanager
async def serving(app: Asgi, listener: socket.socket, *, drain: Callable[[], Awaitable[None]], shutdown_s: int = 10) -> AsyncIterator[None]:
    """The app answers on the socket; on leaving, `drain` has been awaited and nobody is answered any more."""
    config = uvicorn.Config(
        app, loop="uvloop", http=Http11, ws="websockets-sansio", ws_ping_interval=30.0, ws_ping_timeout=30.0,
        ws_per_message_deflate=False, ws_max_size=MESSAGE_MAX_BYTES,
        interface="asgi3", proxy_headers=False, lifespan="off", access_log=False, log_config=None, timeout_keep_alive=75,
        timeout_graceful_shutdown=shutdown_s, server_header=False, date_header=False,
    )  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    server = _Listener(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers a flag, not an event
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        await drain()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


async def signalled() -> None:
    """Returns at the first SIGINT or SIGTERM; a second one ends the process as ever."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, came.set)
    try:
        await came.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def calm_garbage_collection() -> None:
    """What is there now is never looked at again, and the collector comes seldom: hot values hold no cycles (structs with gc=False)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def serve(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `ready(url)` is called once requests are answered.

    Raises: OSError: the address is taken; InvalidArgument: it is no loopback address, and callers need no key.
    """
    if settings.admission is not Admission.KEYS:
        require_loopback(settings.host)
    operator_secret = secrets.token_urlsafe(32)
    with listening_socket(settings.host, settings.port) as listener:
        async with (
            assembled(settings, clock=SystemClock(), operator_secret=operator_secret) as parts,
            serving(parts.app, listener, drain=parts.channel.drain, shutdown_s=settings.shutdown_s),
        ):
            calm_garbage_collection()
            with operator_file(settings.data_dir, OperatorFile(_near_url(listener), operator_secret)):
                ready(url_of(listener))
                await signalled()


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket, as a client writes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _near_url(listener: socket.socket) -> str:
    """The address of a listening socket as somebody on the same machine reaches it."""
    return url_of(listener).replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")

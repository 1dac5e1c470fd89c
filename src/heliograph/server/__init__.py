"""The composition root: the only place that picks adapters, reads the real clock and rolls real dice."""

import asyncio
import contextlib
import gc
import secrets
import socket
from collections.abc import Callable

import structlog

from heliograph.notifications import sessions
from heliograph.server.assembly import Between, Parts, assembled
from heliograph.server.browsers import first_invitation
from heliograph.server.clock import SLEEP_MOST_S, SystemClock
from heliograph.server.entrance import Entrance
from heliograph.server.listening import allow_many_connections, listening_socket, near_url, serving, url_of
from heliograph.server.service_manager import READY, STOPPING, report, seen_alive
from heliograph.server.stopping import Listener, begun_before, ended_within, first_signal
from heliograph.server.store import clock_for
from heliograph.settings import Admission, Settings, require_loopback
from heliograph.storage.operator_file import OperatorFile, operator_file

__all__ = [
    "SLEEP_MOST_S",
    "Between",
    "Entrance",
    "Listener",
    "Parts",
    "SystemClock",
    "allow_many_connections",
    "assembled",
    "begun_before",
    "calm_garbage_collection",
    "first_signal",
    "listening_socket",
    "near_url",
    "serve",
    "serving",
    "url_of",
]

log = structlog.get_logger()


def calm_garbage_collection(young: int = 8_000, middle: int = 125, old: int = 50) -> None:
    """Present objects are never examined again, young ones in small portions: a portion of 50,000 stopped everyone for 20 ms.

    But not in smaller ones than a few batches of commands are while they are decided: with 2,000, most portions were that, a few
    hundred times a second, and took 4.5 % of a busy server's time instead of 1.
    Older objects are looked at seldom: hot values hold no cycles (structs with gc=False).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, middle, old)


async def serve(settings: Settings, *, ready: Callable[[str], None], invite: Callable[[str], None] = lambda _: None) -> None:
    """Serves until SIGINT or SIGTERM, also while it starts; `ready(url)` is called once requests are answered.

    Then, while no one can sign in with a browser, `invite(url)` is called with the link that makes the first admin.

    Ends within `settings.drain_s + settings.shutdown_s` of the signal, whatever clients do.

    Raises: OSError: the address is taken; InvalidArgument: it is not a loopback address, and callers need no key; what `assembled` raises.
    """
    if settings.admission is not Admission.KEYS:
        require_loopback(settings.host, otherwise="leave out --no-auth")
    allow_many_connections()
    operator_secret = secrets.token_urlsafe(32)
    with contextlib.ExitStack() as end, listening_socket(settings.host, settings.port) as listener:
        async with contextlib.AsyncExitStack() as stack:
            with first_signal() as came:
                parts = await begun_before(came, _begun(settings, listener, operator_secret, stack))
                if parts is None:
                    return
                ready(url_of(listener))
                link = await begun_before(came, first_invitation(settings, parts.ports, near_url(listener)))
                if link is not None:
                    invite(link)
                await stack.enter_async_context(seen_alive())
                report(READY)
                await came.wait()
            report(STOPPING)
            end.enter_context(ended_within(settings.drain_s + settings.shutdown_s))
            parts.channel.stop_soon()
            log.info("server.stopping", drain_s=settings.drain_s, within_s=settings.drain_s + settings.shutdown_s)
            await asyncio.sleep(settings.drain_s)


async def _begun(settings: Settings, listener: socket.socket, operator_secret: str, stack: contextlib.AsyncExitStack) -> Parts:
    """The parts of a server that answers on the socket; it ends with the stack."""
    parts = await stack.enter_async_context(assembled(settings, clock=clock_for(settings), operator_secret=operator_secret))
    # Before anyone is answered: who sees that the server is ready finds its desk.
    stack.enter_context(operator_file(settings.data_dir, OperatorFile(near_url(listener), operator_secret)))
    server = serving(
        parts.app, listener, drain=parts.drain, shutdown_s=settings.shutdown_s, limits=settings.http,
        lane=parts.lane, trusted_proxies=settings.trusted_proxies,
    )  # fmt: skip
    await stack.enter_async_context(server)
    sessions.load()
    calm_garbage_collection()
    return parts

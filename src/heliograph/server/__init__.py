"""The composition root: the only place that picks adapters, reads the real clock and rolls real dice."""

import asyncio
import contextlib
import gc
import secrets
from collections.abc import Callable

import structlog

from heliograph.server.assembly import Between, Parts, assembled
from heliograph.server.clock import SLEEP_MOST_S, SystemClock
from heliograph.server.entrance import Entrance
from heliograph.server.listening import allow_many_connections, listening_socket, near_url, serving, url_of
from heliograph.server.stopping import Listener, begun_until, ended_within, first_signal
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
    "begun_until",
    "calm_garbage_collection",
    "first_signal",
    "listening_socket",
    "near_url",
    "serve",
    "serving",
    "url_of",
]

log = structlog.get_logger()


def calm_garbage_collection() -> None:
    """What is there now is never looked at again, and what is young in small portions: a portion of 50,000 stopped everybody for 20 ms.

    Older objects are looked at seldom: hot values hold no cycles (structs with gc=False).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 500, 50)


async def serve(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `ready(url)` is called once requests are answered.

    Ends within `settings.drain_s + settings.shutdown_s` of the signal, whatever clients do.

    Raises: OSError: the address is taken; InvalidArgument: it is no loopback address, and callers need no key; what `assembled` raises.
    """
    if settings.admission is not Admission.KEYS:
        require_loopback(settings.host, otherwise="leave out --no-auth")
    allow_many_connections()
    operator_secret = secrets.token_urlsafe(32)
    with contextlib.ExitStack() as end, listening_socket(settings.host, settings.port) as listener:
        async with (
            assembled(settings, clock=clock_for(settings), operator_secret=operator_secret) as parts,
            serving(
                parts.app,
                listener,
                drain=parts.channel.drain,
                shutdown_s=settings.shutdown_s,
                limits=settings.http,
                trusted_proxies=settings.trusted_proxies,
            ),
        ):
            calm_garbage_collection()
            with first_signal() as came, operator_file(settings.data_dir, OperatorFile(near_url(listener), operator_secret)):
                ready(url_of(listener))
                await came.wait()
            end.enter_context(ended_within(settings.drain_s + settings.shutdown_s))
            parts.channel.stop_soon()
            log.info("server.stopping", drain_s=settings.drain_s, within_s=settings.drain_s + settings.shutdown_s)
            await asyncio.sleep(settings.drain_s)

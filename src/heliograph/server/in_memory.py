"""A whole server in memory, cheap enough for a thousand: nothing is written, and nothing runs beside the event loop."""

import contextlib
import functools
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import apsw

from heliograph.api.http.address import parse_networks
from heliograph.api.http.failures import outermost
from heliograph.channel.app import Channel
from heliograph.domain.push_addresses import PushAddresses
from heliograph.notifications.by_destination import Watch, publisher_for
from heliograph.notifications.push_endpoints import EndpointPublisher
from heliograph.server.assembly import NOTHING, Between, Parts, timers_running, wired_app
from heliograph.server.ids import RandomIds
from heliograph.server.wall_clock import wall_now_us
from heliograph.service.callers import SignIn
from heliograph.service.dead_letters import bound_outboxes
from heliograph.service.expire_operations import expire_operations
from heliograph.service.offer_command import OfferBook
from heliograph.service.operations import retire_operations
from heliograph.service.outbox import Publisher
from heliograph.service.ports import Clock, Doorbell, Ports, Presence
from heliograph.service.push_endpoints import pushes_to_any_endpoint
from heliograph.service.roles import RoleBook
from heliograph.service.send_notifications import SPARING, UNHEARD, AtOnce, publish_notifications
from heliograph.settings import Settings
from heliograph.storage.queries import migrations
from heliograph.storage.records_check import record_findings
from heliograph.storage.sqlite.connection import copy_of, memory_template, without_memory_in_advance
from heliograph.storage.sqlite.rows import Rows, RowsUnreadable, fill
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.vault import KEY_BYTES, KeyVault

__all__ = [
    "Neighbourhood",
    "Rows",
    "RowsUnreadable",
    "assembled_in_memory",
    "memory_template",
    "schema_version",
    "template_with",
    "without_memory_in_advance",
]

RETIRED_AT_ONCE = 1_000
"""As many operations as a phone may have open: 5 ms in memory."""


def template_with(template: apsw.Connection, rows: Rows) -> apsw.Connection:
    """A template whose copies begin with these rows.  Raises: RowsUnreadable."""
    filled = copy_of(template)
    fill(filled, rows)
    if trouble := next((finding.trouble for finding in record_findings(filled) if finding.trouble), ""):
        raise RowsUnreadable(f"of the records in its tables, {trouble}")
    return filled


def schema_version() -> int:
    """The version of the schema that rows are of."""
    return migrations()[-1].version


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """Who stands between the server and its phones."""

    doorbell: Doorbell
    presence: Presence


@contextlib.asynccontextmanager
async def assembled_in_memory(  # noqa: PLR0913 - what a server is made of
    settings: Settings,
    template: apsw.Connection,
    *,
    clock: Clock,
    chance: Callable[[str], random.Random],
    around: Callable[[Channel], Neighbourhood],
    watch: Watch = None,
    push: Publisher | None = None,
    heard: Callable[[], bool] = lambda: True,
    between: Between = NOTHING,
) -> AsyncIterator[Parts]:
    """A server's parts, wired and with its timers running, over a copy of `template`; when the block is left, they are gone.

    `chance(purpose)`: a source of chance; the same one for "server" gives the same ids and keys. `around(channel)`: the doorbell and
    the presence of phones. `heard()`: whether notifications leave the process now, other than to enterprises' own push endpoints.
    Settings about files, keys' files and databases do not count.
    """
    channel = Channel(clock)
    near = around(channel)
    publisher = publisher_for(push_endpoint="", pubsub=settings.pubsub, watch=watch, push=push)
    store = SqliteStore.in_memory(template, clock=clock, ring=near.doorbell.ring)
    async with contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(store.close)
        undo.push_async_callback(publisher.close)
        own = chance("server")
        vault = KeyVault(own.randbytes(KEY_BYTES), chance=own.randbytes)
        ports = Ports(
            store=store, doorbell=near.doorbell, clock=clock, ids=RandomIds(own), vault=vault, limits=settings.limits,
            offers=OfferBook(log_offers=settings.log_commands), presence=near.presence, page_secret=vault.derive("page tokens"),
            agent=settings.agent,
            expose_enterprises=settings.expose_enterprises, push_addresses=PushAddresses(parse_networks(settings.push_allow_networks)),
            destinations=replace(publisher.destinations, events=settings.limits.event_retention_days > 0),
        )  # fmt: skip
        publisher.endpoints = EndpointPublisher(ports)
        store.on_events(ports.followers.heard)
        store.on_changes(ports.changes.heard)
        sign_in = SignIn(
            keys=store.service_keys, secret=vault.derive("access tokens"), now_us=wall_now_us, admits_strangers=True,
            roles=RoleBook(store, ports.access),
        )  # fmt: skip

        async def at_once() -> AtOnce:
            return SPARING if heard() or await pushes_to_any_endpoint(ports) else UNHEARD

        # When an endpoint refuses is the network's doing: a retry that drew from the ids' source would change the ids that follow.
        retries = functools.cache(lambda: chance("retries"))  # made when something is refused: each has 2.5 KiB
        sending = publish_notifications(ports, between.publisher(publisher), chance=lambda: retries().random(), at_once=at_once)
        own_timers = (
            expire_operations(ports),
            retire_operations(ports, is_new=True, at_once=RETIRED_AT_ONCE),
            sending,
            bound_outboxes(ports),
        )
        await undo.enter_async_context(timers_running(*own_timers))
        app = outermost(wired_app(settings, ports, sign_in, channel, between=between).app)
        yield Parts(store=store, ports=ports, channel=channel, app=app)

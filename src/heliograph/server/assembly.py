"""A server's parts, wired: the only place that picks adapters."""

import asyncio
import contextlib
import functools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from heliograph.api.app import METHODS, rest_app
from heliograph.api.console.door import PREFIX as CONSOLE
from heliograph.api.console.door import console_door
from heliograph.api.desk_methods import DESK_METHODS
from heliograph.api.http.address import Addresses, parse_networks
from heliograph.api.http.audited import Audited, as_anybody
from heliograph.api.http.authorization import Admits, Authorizer
from heliograph.api.http.cycle import Lane
from heliograph.api.http.failures import outermost
from heliograph.api.http.front_door import FrontDoor
from heliograph.api.http.http_compat import HttpCompat
from heliograph.api.latest_stats import LatestStats
from heliograph.api.resources.agent_app import RESOURCE as AGENT
from heliograph.api.resources.agent_app import agent_app
from heliograph.api.resources.approval_page import AUDITED_AS, approval_app
from heliograph.api.resources.operator_desk import OperatorDesk, desk_app
from heliograph.api.resources.people import PEOPLE_METHODS
from heliograph.api.resources.people import PREFIX as PEOPLE
from heliograph.api.resources.roles import BINDINGS, ROLE_METHODS, ROLES
from heliograph.api.resources.service_keys import KEY_METHODS, KEYS
from heliograph.api.resources.sign_up_page import sign_up_app
from heliograph.api.resources.signing_keys import CERTIFICATES, WELL_KNOWN, signing_keys_app
from heliograph.api.resources.token import token_app
from heliograph.api.resources.upgrade_page import upgrade_app
from heliograph.api.sign_in import PREFIXES as SIGN_IN_PREFIXES
from heliograph.asgi import Asgi, Scope
from heliograph.channel.app import Channel
from heliograph.domain.agent_app import PATH as APK
from heliograph.domain.audit import Acting
from heliograph.domain.push_addresses import PushAddresses
from heliograph.notifications.by_destination import Watch, publisher_for
from heliograph.notifications.push_endpoints import EndpointPublisher
from heliograph.protojson.errors import FailedPrecondition
from heliograph.server.browsers import pages_for_people, session_callers
from heliograph.server.database_clock import DatabaseClock
from heliograph.server.ids import RandomIds
from heliograph.server.readiness import tell_readiness
from heliograph.server.starting import once_accepted
from heliograph.server.store import Forever, ServerStore, opened_store
from heliograph.server.wall_clock import wall_now_us
from heliograph.service.access_changes import follow_access_changes
from heliograph.service.acting import acting_as, context_of
from heliograph.service.approval_links import LINK_PATH
from heliograph.service.callers import Callers, SignIn
from heliograph.service.dead_letters import bound_outboxes
from heliograph.service.enterprise_upgrade import PATH as UPGRADE
from heliograph.service.enterprises import finish_deletions
from heliograph.service.expire_operations import expire_operations
from heliograph.service.offer_command import OfferBook
from heliograph.service.operations import retire_operations
from heliograph.service.outbox import Publisher
from heliograph.service.ports import Clock, Ports
from heliograph.service.push_service import WebPush
from heliograph.service.roles import RoleBook
from heliograph.service.send_notifications import publish_notifications
from heliograph.service.sign_up import PATH as SIGN_UP
from heliograph.service.wake_phones import WakingDoorbell, wake_phones
from heliograph.settings import Admission, Settings
from heliograph.storage.exit_now import exit_at_once
from heliograph.storage.sealing_key import require_key
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.vault import FileVault

if TYPE_CHECKING:
    from heliograph.api.console.app import Hall
    from heliograph.api.console.guest import Console

API = "/v1/"
ACCESS = "/heliograph/v1/access:"
DEVICE = "/device/v1/"
DECIDED: Mapping[str, Admits] = MappingProxyType(
    {
        API: Admits.ROLE,
        KEYS: Admits.OPERATOR,
        ROLES: Admits.OPERATOR,
        BINDINGS: Admits.OPERATOR,
        ACCESS: Admits.OPERATOR,
        PEOPLE: Admits.OPERATOR,
        "/token": Admits.ASSERTION,
        "/oauth2/": Admits.ASSERTION,
        **dict.fromkeys(SIGN_IN_PREFIXES, Admits.BROWSER),
        CONSOLE: Admits.BROWSER,
        SIGN_UP: Admits.LINK,
        UPGRADE: Admits.LINK,
        LINK_PATH: Admits.LINK,
        DEVICE: Admits.PHONE,
        APK: Admits.ANYBODY,
        AGENT: Admits.ANYBODY,
        WELL_KNOWN: Admits.ANYBODY,
        CERTIFICATES: Admits.ANYBODY,
    }
)
"""Who may pass to what stands below each prefix. What has none is the API's: its own methods and batches as ROLE, its pages as ANYBODY."""


@dataclass(frozen=True, kw_only=True)
class Between:
    """What stands between a server and those it speaks with: in a sandbox, the faults that a test plans, and its own pages."""

    api: Callable[[Asgi], Asgi] | None = None
    """Around the API: every request passes it, each call of a batch too."""
    publisher: Callable[[Publisher], Publisher] = lambda publisher: publisher
    """Around what sends notifications."""
    hall: "Callable[[Console], Hall] | None" = None
    """The pages of the console, made with the first of them; None: a server's."""


NOTHING = Between()


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


def made_at_first(make: Callable[[], Asgi]) -> Asgi:
    """The app, made when the first request for it comes: most servers in memory never get one."""
    made = functools.cache(make)

    def answer(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> Awaitable[None]:
        return made()(scope, receive, send)

    return answer


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A server without its socket: what the sandbox steers."""

    store: ServerStore
    ports: Ports
    channel: Channel
    app: Asgi
    lane: Lane | None = None
    """The way around the app for what is hot; None: there is none."""

    async def drain(self) -> None:
        """Answers that would take long are given now, and streams end."""
        self.ports.followers.stop()
        self.ports.changes.stop()
        await self.channel.drain()

    def own_file(self) -> SqliteStore:
        """The store, which is a file of this server's own.  Raises: FailedPrecondition: it is a database that others may use."""
        if not isinstance(self.store, SqliteStore):
            raise FailedPrecondition("Other servers may use this database.")
        return self.store


@contextlib.asynccontextmanager
async def assembled(
    settings: Settings, *, clock: Clock, operator_secret: str | None = None, watch: Watch = None, push: Publisher | None = None,
    between: Between = NOTHING,
) -> AsyncIterator[Parts]:  # fmt: skip
    """A server's parts, wired and with its timers running; on leaving, everything accepted is durable.

    `operator_secret`: what opens the routes for keys; None: open if strangers are admitted, otherwise closed.
    `watch` sees every notification to the push endpoint, which need not exist then; `push` publishes in its place.

    Raises: PubsubMissing, InvalidArgument: no URL; OtherKey; DatabaseMissing; FailedPrecondition, Unavailable, PermissionDenied: the
        database cannot be used.
    """
    publisher = publisher_for(push_endpoint=settings.push_endpoint, pubsub=settings.pubsub, watch=watch, push=push)
    channel = Channel(clock)
    async with opened_store(settings, channel, clock) as opened, contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(publisher.close)
        store = opened.store
        # After the database: a key file without one shows that a database is missing.
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        vault = FileVault(settings.key)
        store.counts.log_commands = settings.log_commands
        await once_accepted(lambda: require_key(store.sealing_key, vault, adopt=settings.adopt_key))
        doorbell = WakingDoorbell(opened.doorbell)
        ports = Ports(
            store=store, doorbell=doorbell, clock=clock, ids=RandomIds(), vault=vault, limits=settings.limits,
            offers=OfferBook(log_offers=settings.log_commands), presence=opened.presence, page_secret=vault.derive("page tokens"),
            shared=opened.shared, access=opened.access, doorbell_counts=opened.doorbell_counts, clock_check=opened.clock_check,
            web_push=_web_push(settings, vault), agent=settings.agent,
            expose_enterprises=settings.expose_enterprises, push_addresses=PushAddresses(parse_networks(settings.push_allow_networks)),
            destinations=replace(publisher.destinations, events=settings.limits.event_retention_days > 0),
        )  # fmt: skip
        publisher.endpoints = EndpointPublisher(ports)
        store.on_events(ports.followers.heard)
        store.on_changes(ports.changes.heard)
        store.audited = settings.limits.audit_retention_days > 0
        await once_accepted(lambda: acting_as(Acting.server("finish_deletions"), finish_deletions(ports)))
        sending = publish_notifications(ports, between.publisher(publisher), chance=secrets.SystemRandom().random)
        own = [expire_operations(ports), retire_operations(ports), sending, bound_outboxes(ports), tell_readiness(store)]
        if opened.shared:
            own.append(follow_access_changes(store, ports.access))
        if store.audited:
            from heliograph.server.audit_trail import kept_trail  # noqa: PLC0415 - a sandbox keeps none

            own.append(await undo.enter_async_context(kept_trail(settings, ports)))
        if ports.web_push is not None:
            from heliograph.notifications.web_push import WebPusher  # noqa: PLC0415 - a server in memory wakes no phones

            pusher = WebPusher(ports.web_push.key, ports.push_addresses, contact=_contact(settings))
            undo.push_async_callback(pusher.close)
            own.append(wake_phones(ports, ports.web_push, pusher, doorbell, chance=secrets.SystemRandom().random))
        async with timers_running(*own, *opened.timers):
            sign_in = SignIn(
                keys=store.service_keys, secret=vault.derive("access tokens"),
                now_us=clock.wall_us if isinstance(clock, DatabaseClock) else wall_now_us,
                admits_strangers=settings.admission is not Admission.KEYS, roles=RoleBook(store, ports.access),
            )  # fmt: skip
            wired = wired_app(settings, ports, sign_in, channel, operator_secret, between=between)
            yield Parts(store=store, ports=ports, channel=channel, app=outermost(wired.app), lane=wired.lane)


def _contact(settings: Settings) -> str:
    """How push services' operators reach this server's."""
    return settings.web_push_contact or next((url for url in settings.public_urls if url.startswith("https:")), "")


class Wired(NamedTuple):
    """The ways into a server."""

    app: Asgi
    lane: Lane | None


def wired_app(
    settings: Settings, ports: Ports, sign_in: SignIn, channel: Channel, operator_secret: str | None = None,
    *, between: Between = NOTHING,
) -> Wired:  # fmt: skip
    """Everything that a server answers, callers and devices, behind the front door that the settings ask for.

    `between`: what of it callers meet.
    """
    addresses = Addresses(settings.trusted_proxies, settings.public_urls, any_name=settings.any_name)
    device = channel.app(ports, address_of=addresses.of_client)
    rest, routes = _api(settings, ports, sign_in, addresses, operator_secret, between=between)
    routes[DEVICE] = device
    if undecided := routes.keys() - DECIDED.keys():
        raise TypeError(f"say in DECIDED who may pass to {', '.join(undecided)}")
    app = by_prefix(routes, routes[CONSOLE])
    lane = None
    if settings.hot_lane and rest.lane is not None:
        lane = either(rest.lane, channel.lane(ports, address_of=addresses.of_client, around=outermost))
    if settings.admission is not Admission.KEYS:
        app = door = FrontDoor(app, addresses=addresses, cors_origins=settings.cors_origins)
        lane = door.guard(lane) if lane is not None else None
    return Wired(app, lane)


def either(first: Lane, second: Lane) -> Lane:
    """The lane of what one of both takes."""
    return lambda cycle: first(cycle) or second(cycle)


@contextlib.asynccontextmanager
async def timers_running(*timers: Forever) -> AsyncIterator[None]:
    """The timers run until the block ends."""
    tasks = [asyncio.create_task(timer, context=context_of(Acting.server(getattr(timer, "__name__", "timer")))) for timer in timers]
    for task in tasks:
        task.add_done_callback(_must_live)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _api(
    settings: Settings, ports: Ports, sign_in: SignIn, addresses: Addresses, operator_secret: str | None,
    *, between: Between,
) -> tuple[HttpCompat, dict[str, Asgi]]:  # fmt: skip
    """The API; and the callers' side by path prefix, hottest first: the API, the token endpoint, the operator's desk for keys."""
    callers, audited = Callers(sign_in), Audited(ports, addresses)
    sessions = session_callers(settings, ports, addresses, sign_in.roles)
    lately, authorizer = LatestStats(ports), None
    if settings.admission is not Admission.UNCHECKED:
        authorizer = Authorizer(callers, own_urls=addresses.own_urls, devices=ports.store.device, sessions=sessions)
    rest = rest_app(
        ports,
        authorizer=authorizer,
        body_timeout_s=settings.http.body_s,
        addresses=addresses,
        cors_origins=settings.cors_origins,
        lately=lately,
        around=between.api,
    )
    if operator_secret is None and not sign_in.admits_strangers:
        operator_secret = secrets.token_urlsafe(32)  # no one knows it
    ports.access.listen(callers.forget)
    operators = OperatorDesk(
        ports=ports, sign_in=sign_in, addresses=addresses, secret=operator_secret, methods=(*METHODS, *DESK_METHODS),
        groups=settings.openid.rules if settings.openid is not None else (),
    )  # fmt: skip
    desk_routes = made_at_first(lambda: desk_app(operators, (*KEY_METHODS, *ROLE_METHODS)))
    public_keys = made_at_first(lambda: signing_keys_app(ports, addresses=addresses))
    token = token_app(sign_in, audited, own_urls=addresses.own_urls, otherwise=rest)
    agent = made_at_first(lambda: agent_app(ports.agent))
    people = made_at_first(lambda: desk_app(operators, PEOPLE_METHODS))
    pages = pages_for_people(settings, ports, addresses, now_us=sign_in.now_us, otherwise=rest)
    for_people = {} if pages is None else {PEOPLE: people, **dict.fromkeys(SIGN_IN_PREFIXES, pages)}
    signs_in = settings.admission is Admission.KEYS
    started_us = ports.clock.now_us()
    console = made_at_first(
        lambda: _pages(_console(ports, operators, audited, authorizer, lately, signs_in=signs_in, started_us=started_us), between.hall)
    )
    return rest, {
        API: rest,
        **for_people,
        "/token": token,
        "/oauth2/": token,
        KEYS: desk_routes,
        ROLES: desk_routes,
        BINDINGS: desk_routes,
        ACCESS: desk_routes,
        SIGN_UP: as_anybody(sign_up_app(ports, otherwise=rest), "signUpPage", addresses),
        UPGRADE: as_anybody(upgrade_app(ports, otherwise=rest), "upgradePage", addresses),
        LINK_PATH: as_anybody(approval_app(ports, otherwise=rest), AUDITED_AS, addresses),
        APK: agent,
        AGENT: agent,
        WELL_KNOWN: public_keys,
        CERTIFICATES: public_keys,
        CONSOLE: console_door(console, otherwise=rest),
    }


def _web_push(settings: Settings, vault: FileVault) -> WebPush | None:
    """What wakes phones; None: nothing does."""
    if not settings.web_push:
        return None
    from heliograph.service.vapid import VapidKey  # noqa: PLC0415 - a server in memory wakes no phones

    return WebPush(VapidKey(vault))


def _console(  # noqa: PLR0913 - what a console is made of
    ports: Ports, desk: OperatorDesk, audited: Audited, authorizer: Authorizer | None, lately: LatestStats,
    *, signs_in: bool, started_us: int,
) -> "Console":  # fmt: skip
    """What the console's pages work with, loaded now."""
    from heliograph.api.console.guest import Console  # noqa: PLC0415 - as above
    from heliograph.service.fleet_summary import FleetSummaries  # noqa: PLC0415

    return Console(
        ports=ports, addresses=desk.addresses, audited=audited, authorizer=authorizer, desk=desk, life=secrets.token_hex(8),
        signs_in=signs_in, started_us=started_us, stats=lately,
        summaries=FleetSummaries(ports.store, ports.clock, ports.changes),
    )  # fmt: skip


def _pages(console: "Console", hall: "Callable[[Console], Hall] | None") -> Asgi:
    """The console's pages, loaded now."""
    from heliograph.api.console.app import Hall, console_app  # noqa: PLC0415 - as above

    return console_app(Hall(console=console) if hall is None else hall(console))


def _must_live(timer: asyncio.Task[NoReturn]) -> None:
    """A server without its timers would promise what it cannot keep: it ends, and its supervisor starts another."""
    if not timer.cancelled() and (error := timer.exception()) is not None:
        exit_at_once(error)

"""`/heliograph/v1/enterprises/*/reservations`: who has which phone of a lab.  Heliograph's own: not in AMAPI."""

from collections.abc import Iterator

import msgspec

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import list_body
from heliograph.domain.names import DeviceName, EnterpriseName, ReservationName
from heliograph.domain.reservation import (
    DEFAULT_LEASE_S,
    OWNER_MAX_CHARS,
    REASON_MAX_CHARS,
    Reservation,
    ReservationState,
    lease_us,
)
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import Duration, Int64, Message
from heliograph.protojson.times import format_timestamp, parse_duration_ns
from heliograph.service.reservations import (
    force_release,
    get_reservation,
    heartbeat_reservation,
    list_reservations,
    release_reservation,
    reserve_device,
)


class CreateReservationRequest(Message):
    """Which device, for how long without a heartbeat, and what for."""

    device: str = ""
    duration: Duration = ""
    owner: str = ""


class HeartbeatReservationRequest(Message):
    """`fencingToken` is that of the reservation."""

    fencing_token: Int64 = Int64(0)
    duration: Duration = ""


class ReleaseReservationRequest(Message):
    """The holder says its `fencingToken`; anyone else says `force` and a `reason`."""

    fencing_token: Int64 = Int64(0)
    force: bool = False
    reason: str = ""


class ReservationView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A reservation as callers see it."""

    name: str
    device: str
    owner: str = ""
    account: str = ""
    state: ReservationState
    fencing_token: str
    """An int64 in proto3's JSON."""
    create_time: str
    expire_time: str
    end_time: str = ""
    reason: str = ""


class ListReservationsResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page, the oldest reservation first."""

    reservations: tuple[ReservationView, ...] = ()
    next_page_token: str = ""


async def create(call: Call) -> bytes:
    """The new reservation, with its fencing token."""
    wanted = await call.message(CreateReservationRequest, root="")
    _require_short("owner", wanted.owner, OWNER_MAX_CHARS)
    device, (enterprise,) = DeviceName.parse(wanted.device), call.ids
    if device.enterprise != enterprise:
        raise InvalidArgument(violations=[Violation("device", f"device must be one of enterprises/{enterprise}.")])
    made = await reserve_device(call.ports, device, account=call.caller.email, owner=wanted.owner, lease_us=_lease_us(wanted.duration))
    return _body(call, made)


async def heartbeat(call: Call) -> bytes:
    """The reservation, which ends later now."""
    wanted = await call.message(HeartbeatReservationRequest, root="")
    kept = await heartbeat_reservation(
        call.ports, ReservationName(*call.ids), account=call.caller.email, fencing_token=wanted.fencing_token,
        lease_us=_lease_us(wanted.duration),
    )  # fmt: skip
    return _body(call, kept)


async def release(call: Call) -> bytes:
    """The reservation, which has ended."""
    wanted, name = await call.message(ReleaseReservationRequest, root=""), ReservationName(*call.ids)
    if found := [*_release_violations(wanted)]:
        raise InvalidArgument(violations=found)
    if wanted.force:
        return _body(call, await force_release(call.ports, name, reason=wanted.reason.strip()))
    released = await release_reservation(call.ports, name, account=call.caller.email, fencing_token=wanted.fencing_token)
    return _body(call, released)


async def get(call: Call) -> bytes:
    """The last reservation of a phone."""
    return _body(call, await get_reservation(call.ports, ReservationName(*call.ids)))


async def list_(call: Call) -> bytes:
    """One page of the last reservations of an enterprise's phones."""
    query: PageQuery = call.query
    found, next_page_token = await list_reservations(
        call.ports, EnterpriseName(*call.ids), page_size=query.page_size, page_token=query.page_token
    )
    return list_body("reservations", (_body(call, one) for one in found), next_page_token)


def _release_violations(wanted: ReleaseReservationRequest) -> Iterator[Violation]:
    if wanted.force and not wanted.reason.strip():
        yield Violation("reason", "reason must say why the reservation is ended by force.")
    if not wanted.force and wanted.reason:
        yield Violation("reason", "reason belongs to a release by force: leave it out, or add force.")
    if len(wanted.reason) > REASON_MAX_CHARS:
        yield Violation("reason", f"reason must have at most {REASON_MAX_CHARS} characters.")


def _require_short(field: str, text: str, most: int) -> None:
    """Raises: InvalidArgument."""
    if len(text) > most:
        raise InvalidArgument(violations=[Violation(field, f"{field} must have at most {most} characters.")])


def _lease_us(duration: str) -> int:
    return lease_us(parse_duration_ns(duration) // 1_000_000_000 if duration else DEFAULT_LEASE_S)


def _body(call: Call, reservation: Reservation) -> bytes:
    now_us = call.ports.clock.now_us()
    end_us = reservation.end_us(now_us)
    return msgspec.json.encode(
        ReservationView(
            name=str(reservation.name),
            device=str(reservation.device),
            owner=reservation.owner,
            account=reservation.account,
            state=reservation.state(now_us),
            fencing_token=str(reservation.fencing_token),
            create_time=format_timestamp(reservation.created_us),
            expire_time=format_timestamp(reservation.expires_us),
            end_time=format_timestamp(end_us) if end_us is not None else "",
            reason=reservation.reason,
        )
    )

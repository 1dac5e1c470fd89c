"""`heliograph lab reserve`, `heartbeat`, `release`, `reservations`: who has which phone."""

import json
import time

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER
from heliograph.cli.api_client import ApiClient, Json
from heliograph.cli.command_tree import command, option, together
from heliograph.cli.durations import DURATION, METAVAR
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import AS_JSON, DEVICE, client_of, device_name, enterprise_name, reservation_name
from heliograph.cli.output import local_time, print_json, print_list
from heliograph.domain.names import EnterpriseName, ReservationName
from heliograph.domain.reservation import LEASE_S, Reserved
from heliograph.protojson.times import parse_timestamp_us

RESERVATION = click.argument("reservation", metavar="SERIAL", help="A phone's serial number, or enterprises/…/reservations/….")
LEASE = option("--duration", type=DURATION, show_default="5m", metavar=METAVAR, help="Ends unless a heartbeat comes within this time.")
TOKEN = option("--fencing-token", type=click.IntRange(min=1), required=True, metavar="N", help="What lab reserve printed.")
_on_a_server = together(ENTERPRISE, SERVER, AS_JSON)


@command("reserve")
@DEVICE
@LEASE
@option("--owner", default="", show_default=False, metavar="TEXT", help="What it is for, as others see it.")
@_on_a_server
def reserve(device: str, *, duration: str | None, owner: str, enterprise: str, server: str, as_json: bool) -> None:
    """Reserve a phone. Others get it once it is reset, after you released it or sent no heartbeat in time."""
    name = device_name(device, enterprise)
    body = {"device": str(name), "owner": owner, **({"duration": duration} if duration else {})}
    made = client_of(server).post(_collection(name.parent), json.dumps(body).encode())
    _print(made, "{name} is yours until {until}; fencing token {token}.", as_json=as_json)


@command("heartbeat")
@RESERVATION
@TOKEN
@LEASE
@_on_a_server
def heartbeat(reservation: str, *, fencing_token: int, duration: str | None, enterprise: str, server: str, as_json: bool) -> None:
    """Extend a reservation, which ends without heartbeats."""
    body = {"fencingToken": str(fencing_token), **({"duration": duration} if duration else {})}
    kept = client_of(server).post(f"/heliograph/v1/{reservation_name(reservation, enterprise)}:heartbeat", json.dumps(body).encode())
    _print(kept, "{name} is yours until {until}; fencing token {token}.", as_json=as_json)


@command("release")
@RESERVATION
@option("--fencing-token", type=click.IntRange(min=1), metavar="N", help="What lab reserve printed; not needed with --force.")
@option("--force", is_flag=True, help="End another's reservation; needs --reason.")
@option("--reason", default="", show_default=False, metavar="TEXT", help="Why it is ended by force, for its holder to read.")
@_on_a_server
def release(  # noqa: PLR0913 - one option each
    reservation: str, *, fencing_token: int | None, force: bool, reason: str, enterprise: str, server: str, as_json: bool
) -> None:  # fmt: skip
    """Give a phone up. It can be reserved again after it was reset: heliograph lab reset."""
    if force is (fencing_token is not None):
        raise click.UsageError("Say --fencing-token N if the reservation is yours, or --force --reason TEXT if it is another's.")
    body: Json = {"force": True, "reason": reason} if force else {"fencingToken": str(fencing_token)}
    released = client_of(server).post(f"/heliograph/v1/{reservation_name(reservation, enterprise)}:release", json.dumps(body).encode())
    _print(released, "{name} has ended. Reset the phone before the next one: heliograph lab reset.", as_json=as_json)


@command("reservations")
@_on_a_server
def list_reservations(*, enterprise: str, server: str, as_json: bool) -> None:
    """List the last reservation of each phone."""
    columns = ("SERIAL", "STATE", "OWNER", "UNTIL", "DEVICE", "REASON")
    empty = "No phone was ever reserved: heliograph lab reserve DEVICE."
    print_list(client_of(server), _collection(enterprise_name(enterprise)), columns, _row, empty=empty, as_json=as_json)


def holders_of(client: ApiClient, enterprise: EnterpriseName) -> dict[str, str]:
    """Who has reserved which phone now, by serial number.  Raises: Failure."""
    found = [one for page in client.pages(_collection(enterprise)) for one in json.loads(page).get("reservations", ())]
    return {_serial(one): _holder(one) or "somebody" for one in found if one["state"] == "ACTIVE"}


def require_not_anothers(client: ApiClient, name: ReservationName, fencing_token: int | None, *, for_s: float) -> None:
    """Nobody else has the phone; with the token of its holder, the lease lasts at least so long from now.

    Raises: Reserved: it needs a token; Failure: the server does not take the token, or cannot be asked.
    """
    try:
        one = json.loads(client.get(f"/heliograph/v1/{name}"))
    except Failure as failure:
        if failure.exit_code is ExitCode.NOT_FOUND and fencing_token is None:
            return  # it was never reserved
        raise
    if fencing_token is not None:
        left_s = parse_timestamp_us(one["expireTime"]) / 1_000_000 - time.time()
        body = {"fencingToken": str(fencing_token), "duration": f"{min(max(left_s, for_s, LEASE_S.start), LEASE_S.stop - 1):.0f}s"}
        client.post(f"/heliograph/v1/{name}:heartbeat", json.dumps(body).encode())
    elif one["state"] == "ACTIVE":
        holder = _holder(one) or "somebody"
        until = local_time(one["expireTime"])
        raise Reserved(
            f"{name.serial} is reserved by {holder} until {until}: if that is you, say its --fencing-token; otherwise wait, or end it "
            "(heliograph lab release --force)."
        )


def _serial(one: Json) -> str:
    return str(one["name"]).rpartition("/")[2]


def _holder(one: Json) -> str:
    return str(one.get("owner") or one.get("account", ""))


def _row(one: Json) -> list[str]:
    until = local_time(one.get("endTime") or one["expireTime"])
    return [_serial(one), one["state"], _holder(one), until, one["device"], one.get("reason", "")]


def _print(body: bytes, sentence: str, *, as_json: bool) -> None:
    if as_json:
        return print_json(body)
    one = json.loads(body)
    return click.echo(sentence.format(name=one["name"], until=local_time(one["expireTime"]), token=one["fencingToken"]))


def _collection(enterprise: EnterpriseName) -> str:
    return f"/heliograph/v1/{enterprise}/reservations"

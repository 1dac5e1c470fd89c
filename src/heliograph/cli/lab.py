"""`heliograph lab`: real phones on this machine's adb, enrolled and made ready for the next test."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import click

from heliograph.backoff import Backoff
from heliograph.cli.agent_file import agent_of
from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import ApiClient, Json, web_address_of
from heliograph.cli.command_tree import option, together
from heliograph.cli.device_columns import devices_of
from heliograph.cli.durations import METAVAR, SECONDS
from heliograph.cli.exit_codes import ExitCode, exit_code_of, exit_unless_ok
from heliograph.cli.failure import Failure, print_error
from heliograph.cli.options import AS_JSON, PATH, bearer_given, client_of, enterprise_name, policy_name, reservation_name
from heliograph.cli.output import print_object, print_table
from heliograph.cli.reservations import heartbeat, holders_of, list_reservations, release, require_not_anothers, reserve
from heliograph.cli.waiting import FIRST_PAUSE_S, LONGEST_PAUSE_S
from heliograph.domain.agent_app import AgentApp
from heliograph.domain.device_columns import COLUMNS
from heliograph.domain.web_address import WebAddress, is_loopback_name
from heliograph.lab.adb import Adb, Attached, Phone
from heliograph.lab.enrolment import clean_up, hand_over, owner_of, set_up
from heliograph.lab.errors import NoSuchPhone, PhoneOffline, PhoneUnauthorized
from heliograph.protojson.errors import HeliographError

app = server_group("lab", "Enrol phones over adb, list, reset and reserve them.")
for reserving in (reserve, heartbeat, release, list_reservations):
    app.add_command(reserving)

serial_number_of = COLUMNS["serial"]

WAIT_S = 180.0
"""A phone on a slow network enrols within seconds of its wake-up; the installation before is not counted."""
AT_A_TIME = 8
"""Phones that are worked on together: a USB hub has little more to give."""

SERIAL = option("--serial", multiple=True, metavar="S", help="A phone as adb devices lists it; may be given several times.")
ALL = option("--all", "every", is_flag=True, help="Every phone that is attached.")
APK = option(
    "--apk", type=PATH, show_default="the server's own, see serve --agent-apk", metavar="FILE", help="The agent's APK, as from make apk."
)
POLICY = option("--policy", default="", show_default="default", metavar="POLICY", help="Policy that the phones get.")
TOKEN = option("--token", default="", show_default="a new one for each phone", metavar="VALUE", help="Value of an enrollment token to use.")
FOR_PHONES = option(
    "--url-for-phones", default="", show_default="--server", metavar="URL",
    help="Address by which phones reach the server; a loopback one is brought to them over adb.",
)  # fmt: skip
TIMEOUT = option(
    "--timeout", type=SECONDS, default=f"{WAIT_S:g}s", metavar=METAVAR, help="Stop waiting for a phone to enrol after this long."
)
FENCING_TOKEN = option(
    "--fencing-token", type=click.IntRange(min=1), metavar="N", help="What lab reserve printed, if the phone is reserved."
)
_enrolling = together(SERIAL, ALL, APK, POLICY, TOKEN, FOR_PHONES, TIMEOUT, ENTERPRISE, SERVER, AS_JSON)
"""The options of a command that enrols phones."""


class Wanted(NamedTuple):
    """How phones are to enrol."""

    connect: Callable[[], ApiClient]
    """A client of the server for one thread."""
    enterprise: str
    policy: str
    token: str
    """Empty: a new one for each phone."""
    address: WebAddress
    """Of the server, for phones."""
    within_s: float

    @property
    def server_url(self) -> str:
        """The address as phones are given it."""
        return (self.address.origin + self.address.rest).rstrip("/")


Prepare = Callable[[Phone, AgentApp, Wanted], None]
"""Makes a phone ready to enrol."""


class Outcome(NamedTuple):
    """What became of one phone."""

    serial: str
    device: str = ""
    error: str = ""
    exit_code: ExitCode = ExitCode.OK


@app.command("enrol")
@_enrolling
def enrol(**wanted: Any) -> None:  # noqa: ANN401 - options
    """Install the agent on phones, make it their owner, and enrol them. The phones must have no accounts.

    Exit code of the phones that failed, if they failed alike, otherwise 1.
    """
    _enrol_each(lambda phone, agent, _how: set_up(phone, agent), done="is enrolled as", **wanted)


@app.command("reset")
@_enrolling
@FENCING_TOKEN
def reset(*, fencing_token: int | None, serial: Sequence[str], **wanted: Any) -> None:  # noqa: ANN401 - options
    """Remove what users installed on phones, and enrol them again as new devices.

    A phone that is reserved is reset for its holder only, who says the fencing token. It is no factory reset: issue WIPE for that, after
    which somebody must set the phone up and switch USB debugging on.
    """
    if fencing_token is not None and len(serial) != 1:
        raise click.UsageError("A fencing token belongs to one phone: say which by one --serial S.")

    def prepare(phone: Phone, agent: AgentApp, how: Wanted) -> None:
        name = reservation_name(phone.serial_number(), how.enterprise)
        require_not_anothers(how.connect(), name, fencing_token, for_s=how.within_s)
        clean_up(phone, agent)

    _enrol_each(prepare, done="is reset, and now", serial=serial, **wanted)


@app.command("list")
@ENTERPRISE
@SERVER
@AS_JSON
def list_phones(*, enterprise: str, server: str, as_json: bool) -> None:
    """List the phones that are attached: what adb says of each, who owns it, which device it is, and who reserved it."""
    rows = list(_rows(Adb(), _known(client_of(server), enterprise)))
    if as_json:
        names = ("serial", "state", "model", "owner", "device", "reservedBy")
        return print_object({"phones": [dict(zip(names, row, strict=True)) for row in rows]})
    return print_table(("SERIAL", "STATE", "MODEL", "OWNER", "DEVICE", "RESERVED BY"), rows, empty=NoSuchPhone().message)


def _enrol_each(
    prepare: Prepare, *, done: str, serial: Sequence[str], every: bool, apk: Path | None, as_json: bool, **wanted: Any,  # noqa: ANN401 - options
) -> None:  # fmt: skip
    """Prepare each phone, and enrol it.  Raises: SystemExit; Failure."""
    if bool(serial) == every:
        raise click.UsageError("Say which phones: --serial S (several times), or --all. heliograph lab list shows them.")
    how, adb = _wanted(**wanted), Adb()
    chosen = [attached.serial for attached in adb.attached()] if every else list(dict.fromkeys(serial))
    if not chosen:
        raise NoSuchPhone
    agent = _agent(apk, how.connect())

    def one(phone: Phone) -> str:
        prepare(phone, agent, how)
        return _enrolled(phone, agent, how)

    _each(adb, chosen, one, as_json=as_json, done=done)


def _wanted(*, policy: str, token: str, url_for_phones: str, timeout: float, enterprise: str, server: str) -> Wanted:
    """Raises: Failure, InvalidArgument."""
    name = str(enterprise_name(enterprise))
    policy = str(policy_name(policy, enterprise)) if policy else ""
    if policy and token:
        raise click.UsageError("A token has its policy already: leave out --policy or --token.")
    bearer = bearer_given()
    return Wanted(lambda: ApiClient(server, bearer=bearer), name, policy, token, web_address_of(url_for_phones or server), timeout)


def _agent(apk: Path | None, client: ApiClient) -> AgentApp:
    """The agent of the file, or the server's.  Raises: Failure."""
    given = agent_of(apk)
    if given is not None:
        return given
    from heliograph.apk.agent_apk import read_agent  # noqa: PLC0415 - as in agent_of

    return read_agent(client.get("/agent.apk"))


def _enrolled(phone: Phone, agent: AgentApp, how: Wanted) -> str:
    """The name of the device that the phone becomes.  Raises: Failure; HeliographError."""
    if is_loopback_name(how.address.host):
        phone.bring_port(how.address.own_port)
    client = how.connect()
    token = _token_of(how, client, phone.serial)
    known = {device["name"] for device in devices_of(client, how.enterprise)}
    hand_over(phone, agent, server_url=how.server_url, enrollment_token=token["value"])
    serial = phone.serial_number()
    until = time.monotonic() + how.within_s
    backoff = Backoff(first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
    while True:
        for device in devices_of(client, how.enterprise):
            if device["name"] not in known and _is(device, token, serial):
                return str(device["name"])
        if time.monotonic() >= until:
            raise Failure(ExitCode.WAITED_TOO_LONG, _not_seen(phone.serial, how))
        time.sleep(backoff.next_s())


def _is(device: Json, token: Json, serial: str) -> bool:
    """Whether the phone became this device: by its token if no other phone has that, and by its serial number."""
    if "name" in token:
        return bool(device.get("enrollmentTokenName") == token["name"])
    return serial_number_of(device) == serial


def _not_seen(serial: str, how: Wanted) -> str:
    return (
        f"{serial} has the agent, and has not enrolled within {how.within_s:g} s: see what its notification says, and whether it reaches "
        f"{how.server_url} (--url-for-phones)."
    )


def _token_of(how: Wanted, client: ApiClient, serial: str) -> Json:
    """The token that was given, or a new one for this phone alone."""
    if how.token:
        return {"value": how.token}
    wanted = {"oneTimeOnly": True, "additionalData": f"adb {serial}", **({"policyName": how.policy} if how.policy else {})}
    made: Json = json.loads(client.post(f"/v1/{how.enterprise}/enrollmentTokens", json.dumps(wanted).encode()))
    return made


def _each(adb: Adb, serials: Sequence[str], one: Callable[[Phone], str], *, as_json: bool, done: str) -> None:
    """Do it to each phone, several at a time, say what became of it, and exit with a code.  Raises: SystemExit."""
    outcomes = []
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for outcome in pool.map(lambda serial: _outcome(adb, serial, one), serials):
            outcomes.append(outcome)
            if outcome.error:
                print_error(outcome.error)
            elif not as_json:
                click.echo(f"{outcome.serial} {done} {outcome.device}.")
    if as_json:
        print_object({"phones": [{"serial": o.serial, **({"error": o.error} if o.error else {"device": o.device})} for o in outcomes]})
    exit_unless_ok(outcome.exit_code for outcome in outcomes)


def _outcome(adb: Adb, serial: str, one: Callable[[Phone], str]) -> Outcome:
    try:
        return Outcome(serial, device=one(adb.phone(serial)))
    except HeliographError as error:
        return Outcome(serial, error=error.message, exit_code=exit_code_of(error.code.name))
    except Failure as failure:
        return Outcome(serial, error=failure.message, exit_code=failure.exit_code)


class Known(NamedTuple):
    """What the server knows of phones, by their serial numbers."""

    devices: Mapping[str, str]
    """The newest device of each."""
    holders: Mapping[str, str]
    """Who has reserved it now."""


def _rows(adb: Adb, known: Known) -> Iterator[tuple[str, str, str, str, str, str]]:
    for attached in adb.attached():
        model, owner, number = _seen(adb, attached)
        yield (*attached, model, owner, known.devices.get(number, ""), known.holders.get(number, ""))


def _seen(adb: Adb, attached: Attached) -> tuple[str, str, str]:
    """The phone's model, owner and serial number; empty: it does not answer."""
    try:
        phone = adb.ready(attached)
        return phone.property("ro.product.model"), owner_of(phone), phone.serial_number()
    except (PhoneOffline, PhoneUnauthorized):
        return "", "", ""


def _known(client: ApiClient, enterprise: str) -> Known:
    """Nothing if the server cannot be asked: the list is of use without it."""
    try:
        devices, holders = devices_of(client, enterprise), holders_of(client, enterprise_name(enterprise))
    except Failure:
        return Known({}, {})
    return Known({number: str(device["name"]) for device in devices if (number := serial_number_of(device))}, holders)

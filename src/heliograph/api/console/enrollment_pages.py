"""Enrolment: a token is made, shown as a QR code that a phone scans, and deleted; each page says what happens next."""

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from heliograph.api.console.guest import POLICIES_LIST, TOKENS_CREATE, TOKENS_LIST, ConsolePage, Guest, Json, Redirect
from heliograph.api.console.links import Crumbs, crumbs_of, turning
from heliograph.api.console.rejections import REJECTIONS, Rejection, message_of, status_of
from heliograph.api.console.shown import json_shown, moment, span, us_of
from heliograph.domain.agent_app import PATH as AGENT_PATH
from heliograph.domain.device import AllowPersonalUsage, EnrollmentTokenRecord
from heliograph.domain.durations import written_duration
from heliograph.domain.enrollment import DEFAULT_DURATION, EXTRAS, missing_for_setup
from heliograph.domain.names import EnrollmentTokenName
from heliograph.domain.policy import DEFAULT_ID
from heliograph.protojson.times import parse_duration_ns

_TOKENS = "androidmanagement.enterprises.enrollmentTokens"
TOKENS_GET, TOKENS_DELETE = f"{_TOKENS}.get", f"{_TOKENS}.delete"

ROWS: Final = 50
POLICIES_OFFERED: Final = 100
USAGES: Final[Mapping[str, str]] = {
    AllowPersonalUsage.ALLOW_PERSONAL_USAGE_UNSPECIFIED.value: "not said: as for PERSONAL_USAGE_ALLOWED",
    AllowPersonalUsage.PERSONAL_USAGE_ALLOWED.value: "the phone may have a personal side",
    AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED.value: "company-owned phones become fully managed; personal ones are refused",
    AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED_USERLESS.value: "the same, for a device that belongs to no user, as a kiosk",
}
PROFILE: Final = "pixel8-a15-fully-managed"
"""The kind of phone in the line that starts virtual ones: every token takes it."""
PHONES: Final = 10
"""In the line that starts virtual phones."""
QUIET_ZONE: Final = 4
"""Modules around the code.  Source: ISO/IEC 18004."""
FORM: Final = ("policy", "duration", "one_time", "usage", "additional_data")


async def show_tokens(guest: Guest, enterprise: str) -> ConsolePage:
    """The tokens with which a device can enrol now."""
    answer = await guest.ask(TOKENS_LIST, enterprise, page_size=ROWS, page_token=guest.parameter("page"))
    now_us = guest.ports.clock.now_us()
    records = await asyncio.gather(*(_record(guest, _name_of(one)) for one in answer.get("enrollmentTokens", [])))
    values = {
        "rows": [_row(guest, record, now_us) for record in records if record is not None],
        "create_url": f"{_url(guest, enterprise)}:create" if await guest.may(TOKENS_CREATE, enterprise) else "",
        "may_delete": await guest.may(TOKENS_DELETE, enterprise, "any"), "deleted": guest.parameter("note") == "deleted",
        **turning(guest, answer.get("nextPageToken", ""), "enterprises", enterprise, "enrollmentTokens"),
        "crumbs": crumbs_of(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/tokens.html", "Enrolment", values)


async def show_new(guest: Guest, enterprise: str) -> ConsolePage:
    """The form of a new token; the address may name its policy."""
    await guest.admit(TOKENS_LIST, enterprise)
    await guest.require(TOKENS_CREATE, enterprise)
    return await _form(guest, enterprise, {"policy": guest.parameter("policy")})


async def create(guest: Guest, enterprise: str) -> ConsolePage | Redirect:
    """The token is made, and shown; or the form, with what is wrong in it."""
    given = {field: guest.field(field).strip() for field in FORM}
    wanted = {
        "policyName": f"enterprises/{enterprise}/policies/{given['policy']}" if given["policy"] else "",
        "duration": written_duration(given["duration"]) or given["duration"],
        "oneTimeOnly": bool(given["one_time"]),
        "allowPersonalUsage": given["usage"],
        "additionalData": given["additional_data"],
    }
    body = msgspec.json.encode({name: value for name, value in wanted.items() if value})
    try:
        token = await guest.ask(TOKENS_CREATE, enterprise, body=body)
    except REJECTIONS as error:
        return await _form(guest, enterprise, given, error=error)
    return Redirect(_url(guest, *_name_of(token)))


async def show_token(guest: Guest, enterprise: str, token_id: str) -> ConsolePage:
    """The token: its QR code, what a phone does that scans it, and the lines for phones without a camera."""
    name = EnrollmentTokenName(enterprise, token_id)
    token = await guest.ask(TOKENS_GET, *name)
    record, code = await _record(guest, name), token["qrCode"]
    missing = missing_for_setup(code)
    url = json.loads(code)[EXTRAS]["server_url"]
    ends_us = us_of(token["expirationTimestamp"])
    one_time = record is not None and record.one_time_only
    policy = record.policy_name.rpartition("/")[2] if record is not None else ""
    values = {
        "name": token["name"], "value": token["value"], "ends": moment(ends_us), "left": span(ends_us - guest.ports.clock.now_us()),
        "one_time": one_time, "policy": policy, "policy_url": guest.url("enterprises", enterprise, "policies", policy),
        "usage": USAGES[token.get("allowPersonalUsage", AllowPersonalUsage.ALLOW_PERSONAL_USAGE_UNSPECIFIED.value)],
        "usage_name": token.get("allowPersonalUsage", ""), "missing": missing, "svg": _drawn(code),
        "code": json_shown(json.loads(code)),
        "steps": () if missing else _steps(url, policy), "additional_data": record.additional_data if record is not None else "",
        "fleet_line": _fleet_line(token, 1 if one_time else PHONES, url), "adb_line": _adb_line(token, url),
        "cli_line": _command_line(guest, enterprise, record) if record is not None else "",
        "delete_url": f"{_url(guest, *name)}:delete" if await guest.may(TOKENS_DELETE, *name) else "",
        "fleet_url": guest.url("enterprises", enterprise), "crumbs": _crumbs(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/token.html", "Enrol a device", values)


async def delete(guest: Guest, enterprise: str, token_id: str) -> Redirect:
    """No more device enrols with the token."""
    await guest.ask(TOKENS_DELETE, enterprise, token_id)
    return Redirect(_url(guest, enterprise, note="deleted"))


async def _form(guest: Guest, enterprise: str, given: Mapping[str, str], *, error: Rejection | None = None) -> ConsolePage:
    policies: Sequence[Json] = ()
    if await guest.may(POLICIES_LIST, enterprise):
        policies = (await guest.ask(POLICIES_LIST, enterprise, page_size=POLICIES_OFFERED)).get("policies", [])
    chosen = given.get("policy", "") or DEFAULT_ID
    ids = [policy["name"].rpartition("/")[2] for policy in policies]
    values = {
        "action": f"{_url(guest, enterprise)}:create", "error": message_of(error), "usages": USAGES, "chosen": chosen,
        "policies": ids if chosen in ids else [*ids, chosen], "usage": given.get("usage", ""), "duration": given.get("duration", ""),
        "one_time": bool(given.get("one_time")), "additional_data": given.get("additional_data", ""),
        "default_duration": span(parse_duration_ns(DEFAULT_DURATION) // 1_000), "crumbs": _crumbs(guest, enterprise),
    }  # fmt: skip
    return ConsolePage("console/token_form.html", "New enrolment token", values, status=status_of(error))


async def _record(guest: Guest, name: EnrollmentTokenName) -> EnrollmentTokenRecord | None:
    """What the API shows of a token only when it is made: its policy, and whether it is for one device."""
    return await guest.ports.store.token(name)


def _row(guest: Guest, record: EnrollmentTokenRecord, now_us: int) -> Mapping[str, Any]:
    name = EnrollmentTokenName(record.enterprise.enterprise, record.token_id)
    return {
        "id": record.token_id, "url": _url(guest, *name), "delete_url": f"{_url(guest, *name)}:delete",
        "policy": record.policy_name.rpartition("/")[2], "one_time": record.one_time_only, "ends": moment(record.expires_us),
        "left": span(record.expires_us - now_us), "usage": record.allow_personal_usage.value,
    }  # fmt: skip


def _drawn(code: str) -> str:
    """The QR code as SVG, which needs no escaping: black on white in both themes, as cameras want it."""
    import segno  # noqa: PLC0415 - only this draws

    symbol = segno.make_qr(code, error="l")
    title = "QR code of the token"
    drawn: str = symbol.svg_inline(border=QUIET_ZONE, light="#fff", omitsize=True, svgclass="qr", lineclass=None, title=title)
    return drawn


def _steps(server_url: str, policy: str) -> Sequence[str]:
    """What a phone does that scans the code."""
    return (
        "Take a factory-fresh phone, and tap six times on its welcome screen. It opens its camera.",
        "Scan the code. The phone asks for a Wi-Fi network, unless the code has one.",
        f"It downloads the agent from {server_url}{AGENT_PATH}, and goes on only if the signer is the one in the code.",
        "The agent becomes the owner of the device, and enrols here with the token.",
        f"The phone appears in Fleet, gets the policy {policy}, and waits for commands.",
    )


def _fleet_line(token: Json, count: int, server_url: str) -> str:
    """What starts virtual phones that enrol with the token."""
    return shlex.join([
        "heliograph", "fleet", "--enrollment-token", token["value"], "--profile", PROFILE, "--count", str(count), "--server", server_url,
    ])  # fmt: skip


def _adb_line(token: Json, server_url: str) -> str:
    """What enrols a phone on a cable, on which the agent is the owner already (docs/android.md)."""
    return shlex.join([
        "adb", "shell", "am", "broadcast", "-n", "org.heliograph.agent/.SetupReceiver", "--es", "server_url", server_url,
        "--es", "enrollment_token", token["value"],
    ])  # fmt: skip


def _command_line(guest: Guest, enterprise: str, record: EnrollmentTokenRecord) -> str:
    """What makes another token like this one."""
    whole: Json = msgspec.json.decode(record.resource)
    usage = whole.get("allowPersonalUsage", "")
    words = [
        "heliograph", "tokens", "create", "--enterprise", enterprise, "--policy", record.policy_name.rpartition("/")[2],
        "--duration", whole["duration"], *(["--one-time"] if record.one_time_only else []),
        *(["--personal-usage", usage] if usage else []),
        *(["--additional-data", record.additional_data] if record.additional_data else []), "--server", guest.server_url,
    ]  # fmt: skip
    return shlex.join(words)


def _name_of(token: Json) -> EnrollmentTokenName:
    return EnrollmentTokenName.parse(token["name"])


def _url(guest: Guest, enterprise: str, token_id: str = "", **query: str) -> str:
    return guest.url("enterprises", enterprise, "enrollmentTokens", *([token_id] if token_id else []), **query)


def _crumbs(guest: Guest, enterprise: str) -> Crumbs:
    return crumbs_of(guest, enterprise, ("Enrolment", "enrollmentTokens"))

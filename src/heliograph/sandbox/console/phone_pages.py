"""One phone from near: everything that its user, its owner and a test can do to it, each as a form with the request beside it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from heliograph.agent.profiles import PROFILES
from heliograph.api.console.command_forms import Fields, example_of
from heliograph.api.console.guest import ConsolePage, Redirect
from heliograph.api.console.rejections import message_of, status_of
from heliograph.api.console.shown import json_shown, moment
from heliograph.api.http.errors import UnknownPath
from heliograph.commands import COMMANDS
from heliograph.domain.command_support import why_not
from heliograph.domain.phone.virtual_device import device_facts
from heliograph.protojson.errors import HeliographError
from heliograph.sandbox.asked import Asked
from heliograph.sandbox.console.message_forms import PREFIX, body_in, inputs_of
from heliograph.sandbox.console.player import Player
from heliograph.sandbox.console.wall_page import anchor_of, around, card_of, issue_button, patch_button
from heliograph.sandbox.messages import Consent, Creation
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.routes import STEERING_ROUTES
from heliograph.sandbox.steering_route import SteeringRoute

EFFECTS_SHOWN: Final = 20
_OF_PHONES: Final = "enterprises.devices."
VERBS: Final[Mapping[str, SteeringRoute[Any]]] = {
    row.id.removeprefix(_OF_PHONES): row
    for row in STEERING_ROUTES
    if row.id.startswith(_OF_PHONES) and "{phone}" in row.path and row.has_body
}
"""What can be done to a phone, by the verb: PATCH is `patch`."""
FOR_TESTS: Final = frozenset({"patch", "script", "reset"})
"""Verbs that are not its user's: what only a test can do."""
PROFILE: Final = f"{PREFIX}profile"
OVERRIDES: Final = f"{PREFIX}overrides."
CHOICE: Final = "iccId"
"""The field of a verb that is about one of the phone's eSIMs."""


async def show_phone(player: Player, enterprise: str, phone_id: str) -> ConsolePage:
    """The phone, and its forms."""
    return await _page(player, player.phone(enterprise, phone_id))


def doing(verb: str) -> Callable[[Player, str, str], Awaitable[ConsolePage | Redirect]]:
    """What answers the form of this verb."""
    row = VERBS[verb]

    async def act(player: Player, enterprise: str, phone_id: str) -> ConsolePage | Redirect:
        phone = player.phone(enterprise, phone_id)
        try:
            body = body_in(row.body, player.fields) if row.body is not None else {}
            await player.steer_phone(verb, phone.name, body)
        except HeliographError as error:
            return await _page(player, player.phone(enterprise, phone_id), error=error, tried=verb)
        return Redirect(player.back(player.here_of(phone.name)))

    return act


async def issue(player: Player, enterprise: str, phone_id: str) -> ConsolePage | Redirect:
    """A command is issued to the phone by the API, as its admin would: the type alone if that is a command, else the type's example."""
    phone = player.phone(enterprise, phone_id)
    row = COMMANDS.get(player.field("type"))
    if row is None:
        raise UnknownPath(f"commands/{player.field('type')}")
    try:
        await player.call("POST", f"/v1/{phone.device}:issueCommand", example_of(row))
    except HeliographError as error:
        return await _page(player, phone, error=error)
    return Redirect(player.back(player.here_of(phone.name)))


async def show_creation(player: Player) -> ConsolePage:
    """The form of a new phone."""
    return _creation(player, {})


async def create(player: Player) -> ConsolePage | Redirect:
    """A new phone is there."""
    try:
        made = await player.steer("devices.create", body_in(Creation, player.fields))
    except HeliographError as error:
        return _creation(player, player.fields, error=error)
    return Redirect(player.here("enterprises", made["enterprise"].rpartition("/")[2], "devices", made["id"]))


def _creation(player: Player, fields: Fields, *, error: HeliographError | None = None) -> ConsolePage:
    inputs = [replace(one, kind="choice", choices=tuple(PROFILES)) if one.name == PROFILE else one for one in inputs_of(Creation, fields)]
    values = {
        **around(player), "error": message_of(error), "action": player.here("phones"), "profiles": PROFILES.values(),
        "first": [one for one in inputs if not one.name.startswith(OVERRIDES)],
        "more": [one for one in inputs if one.name.startswith(OVERRIDES)],
        "asked": player.asked("devices.create", {"deviceId": "mine", "profile": next(iter(PROFILES))}),
        "crumbs": [("Phones", player.here())],
    }  # fmt: skip
    return ConsolePage("sandbox/new_phone.html", "A new phone", values, status=status_of(error))


async def _page(player: Player, phone: SandboxPhone, *, error: HeliographError | None = None, tried: str = "") -> ConsolePage:
    card = await card_of(player, phone)
    picture, device = card["picture"], phone.runner.phone.device
    values = {
        **around(player), "card": card, "error": message_of(error), "back": player.here_of(phone.name),
        "facts": _facts(player, phone, picture.seen), "commands": list(_commands(player, phone, picture)),
        "forms": list(_forms(player, phone, tried)),
        "steps": _steps(player, phone), "json": json_shown(picture.seen), "seen_as": player.of_phone("get", phone.name),
        "esims": list(_esims(player, phone)), "user": _user(player, phone, picture.seen),
        "console_url": player.url_of(phone.device), "issue_url": player.url_of(phone.device, "commands"),
        "requests_url": player.here("requests", filter=f"phone={phone.device.device}"),
        "notifications_url": player.here("notifications", device=str(phone.device)),
        "fault_url": player.here("faults", effect="offline", phone=str(phone.name)),
        "managed": device.managed,
        "crumbs": [("Phones", f"{player.here()}#{anchor_of(phone.name)}")],
    }  # fmt: skip
    live = f"{phone.device} {player.world.steered}" if not error else ""
    return ConsolePage("sandbox/phone.html", phone.name.device, values, status=status_of(error), live=live)


def _facts(player: Player, phone: SandboxPhone, seen: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    inside: Any = seen["phone"]
    facts = [
        ("What for", phone.profile.summary), ("Management", str(inside["managementKind"] or "none")),
        ("API level", str(inside["apiLevel"])), ("Language", phone.runner.phone.device.build.primary_language_code),
        ("Device", str(phone.device)), ("Serial number", str(inside["serialNumber"])), ("IMEI", str(inside["imei"])),
        ("EID", ", ".join(inside["eids"])), ("What it is doing", str(seen["condition"])),
        ("Why its server refused it", str(seen["refusal"])),
        ("World", player.server_url),
    ]  # fmt: skip
    return [(name, value) for name, value in facts if value]


def _commands(player: Player, phone: SandboxPhone, picture: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a Picture
    """A button for each type: its example, or why this phone refuses it."""
    facts = device_facts(phone.runner.phone.device)
    for row in COMMANDS.values():
        yield {
            **issue_button(player, picture, row, row.name), "asked": Asked("POST", f"/v1/{picture.device}:issueCommand", example_of(row)),
            "why": why_not(row, facts), "final": row.final_at_ack,
        }  # fmt: skip


def _forms(player: Player, phone: SandboxPhone, tried: str) -> Iterator[dict[str, Any]]:
    """The form of each verb, with what was filled into it, and the request that it sends."""
    for verb, row in VERBS.items():
        fields = player.fields if verb == tried else {}
        yield {
            "verb": verb, "summary": row.summary.replace("`", ""), "action": player.here_of(phone.name, verb), "open": verb == tried,
            "for_tests": verb in FOR_TESTS, "inputs": inputs_of(row.body, fields) if row.body is not None else (),
            "asked": player.of_phone(verb, phone.name, dict(row.example)),
        }  # fmt: skip


def _esims(player: Player, phone: SandboxPhone) -> Iterator[dict[str, Any]]:
    """Each eSIM, with what its user can do to it."""
    for chip in phone.runner.phone.device.euiccs:
        for esim in chip.profiles:
            verbs = ("deactivateEsim" if esim.active else "activateEsim", "removeEsim")
            yield {
                "carrier": esim.carrier, "icc_id": esim.icc_id, "active": esim.active, "managed": esim.managed,
                "buttons": [
                    {
                        "text": VERBS[verb].id.rpartition(".")[2].removesuffix("Esim").capitalize(),
                        "action": player.here_of(phone.name, verb), "fields": [(f"{PREFIX}{CHOICE}", esim.icc_id)],
                    }
                    for verb in verbs
                ],
            }  # fmt: skip


def _user(player: Player, phone: SandboxPhone, seen: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the phone's user answers alone, and the button that changes it."""
    waits = phone.runner.phone.user.answer is None
    wanted, text = (Consent.APPROVE, "Let the user answer alone") if waits else (Consent.IGNORE, "Let the user wait for you")
    return {
        "waits": waits, "answers": seen["consent"], "after": seen["consentDelay"],
        "button": patch_button(player, phone.name, "consent", wanted.value, text),
        "asked": player.of_phone("patch", phone.name, {"consent": wanted.value}),
    }  # fmt: skip


def _steps(player: Player, phone: SandboxPhone) -> Sequence[dict[str, str]]:
    """What the phone did last, newest first."""
    effects = [] if phone.asleep else list(phone.runner.phone.effects)[-EFFECTS_SHOWN:]
    return [
        {
            "time": moment(effect.at_us), "type": effect.type, "url": player.url_of_resource(effect.operation),
            "what": {True: "succeeded", False: "failed", None: effect.step}[effect.succeeded],
        }
        for effect in reversed(effects)
    ]  # fmt: skip

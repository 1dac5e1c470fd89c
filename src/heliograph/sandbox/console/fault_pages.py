"""Faults: those that are planned, and the form that plans one, made from the fields of `FaultWanted`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from heliograph.api.console.command_forms import Fields, Input
from heliograph.api.console.guest import ConsolePage, Json, Redirect
from heliograph.api.console.rejections import message_of, status_of
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import HeliographError
from heliograph.protojson.schema import shape_of
from heliograph.sandbox.calls import METHOD_IDS, short_method_id
from heliograph.sandbox.console.message_forms import PREFIX, body_in, fields_of, inputs_of
from heliograph.sandbox.console.player import Player
from heliograph.sandbox.console.wall_page import around
from heliograph.sandbox.fault_checks import CALL_EFFECTS, EFFECTS, NOTIFICATION_EFFECTS, PHONE_EFFECTS
from heliograph.sandbox.fault_messages import FaultWanted

EXAMPLES: Final[Mapping[str, Json]] = {
    "error": {"method": "enterprises.devices.issueCommand", "times": 2, "error": {"code": 503, "retryAfter": "1s"}},
    "html": {"method": "enterprises.devices.get", "times": 1, "html": {"code": 502}},
    "latency": {"method": "enterprises.devices.list", "latency": "3s"},
    "cut": {"method": "enterprises.devices.issueCommand", "times": 1, "cut": "AFTER_EFFECT"},
    "expired_token": {"times": 1, "expiredToken": True},
    "operation": {"times": 3, "operation": "NOT_FOUND"},
    "notification": {"times": 1, "notification": {"fate": "DOUBLED", "type": "COMMAND"}},
    "patch": {"phone": "pixel8-a15-fully-managed", "after": "60s", "patch": {"ongoingCall": True}},
    "offline": {"phone": "pixel8-a15-fully-managed", "offline": "600s"},
    "crash": {"phone": "pixel8-a15-fully-managed", "crash": "EXECUTING"},
    "factory_reset": {"phone": "pixel8-a15-fully-managed", "factoryReset": True},
    "os_update": {"phone": "pixel8-a15-fully-managed", "osUpdate": {"apiLevel": 36, "androidVersion": "16"}},
}
"""A good fault of each effect, with which its form begins."""
SAID: Final[Mapping[str, str]] = {
    "error": "An error in Google's form",
    "html": "A page of HTML, as proxies answer",
    "latency": "A slow answer",
    "cut": "A connection that breaks",
    "expired_token": "A token that has expired",
    "operation": "An operation that is not found, or not done",
    "notification": "A notification that is lost, late, doubled, …",
    "patch": "The phone changes how it behaves",
    "offline": "The phone loses its network",
    "crash": "The phone's agent dies",
    "factory_reset": "Its user resets the phone",
    "os_update": "The phone gets another Android",
}
CHOICES_MOST: Final = 200
"""Of more phones, the id is written."""
GROUPS: Final = (("To calls of the API", CALL_EFFECTS), ("To notifications", NOTIFICATION_EFFECTS), ("To phones", PHONE_EFFECTS))


async def show_faults(player: Player) -> ConsolePage:
    """The faults, and the form of the effect that the address names."""
    effect = player.parameter("effect")
    phone = player.parameter("phone").removeprefix(f"enterprises/{player.world.first_enterprise}/devices/")
    fields = fields_of({**EXAMPLES[effect], **({"phone": phone} if phone else {})}) if effect in EXAMPLES else {}
    return await _page(player, effect if effect in EFFECTS else "", fields)


async def create(player: Player) -> ConsolePage | Redirect:
    """The fault is in force."""
    effect = player.field("effect")
    try:
        await player.steer("faults.create", body_in(FaultWanted, player.fields, only=_fields(effect)))
    except HeliographError as error:
        return await _page(player, effect, player.fields, error=error)
    return Redirect(player.here("faults"))


async def delete(player: Player, number: str) -> Redirect:
    """The fault happens no more."""
    await player.steer("faults.delete", ids={"fault": number})
    return Redirect(player.here("faults"))


async def delete_all(player: Player) -> Redirect:
    """No fault happens any more."""
    await player.steer("faults.deleteAll")
    return Redirect(player.here("faults"))


def _fields(effect: str) -> Sequence[str]:
    """The fields that a fault of this effect can have, by their names in Python."""
    others = {"method", "caller", "share"} if effect in PHONE_EFFECTS else {"method", "caller"} if effect in NOTIFICATION_EFFECTS else set()
    return [field.name for field in shape_of(FaultWanted).fields if field.name == effect or field.name not in {*EFFECTS, *others}]


async def _page(
    player: Player, effect: str, fields: Fields, *, error: HeliographError | None = None
) -> ConsolePage:  # fmt: skip
    listed = await player.see("faults.list")
    values = {
        **around(player), "faults": [_row(player, fault) for fault in listed["faults"]], "effect": effect,
        "said": SAID.get(effect, ""), "error": message_of(error), "action": player.here("faults"),
        "groups": [
            {"title": title, "effects": [
                {"name": name, "text": SAID.get(name, name), "url": f"{player.here('faults', effect=name)}#plan", "chosen": name == effect}
                for name in names
            ]}
            for title, names in GROUPS
        ],
        "inputs_of_effect": list(_inputs(player, effect, fields)) if effect else (),
        "asked": player.asked("faults.create", _asked(effect, fields)) if effect else None,
        "delete_all": player.asked("faults.deleteAll"), "delete_all_url": player.here("faults", verb="deleteAll"),
    }  # fmt: skip
    return ConsolePage("sandbox/faults.html", "Faults", values, status=status_of(error), live="" if error else str(player.world.steered))


def _inputs(player: Player, effect: str, fields: Fields) -> Iterator[Input]:
    """The form's inputs; a method or phone is chosen among those that there are."""
    phones = [_phone_id(player, name) for name in player.world.phones]
    choices = {f"{PREFIX}method": tuple(map(short_method_id, METHOD_IDS)), f"{PREFIX}phone": phones if len(phones) <= CHOICES_MOST else ()}
    for one in inputs_of(FaultWanted, fields, only=_fields(effect)):
        there = choices.get(one.name, ())
        yield replace(one, kind="choice", choices=there) if there and {*one.values} <= {"", *there} else one


def _phone_id(player: Player, name: DeviceName) -> str:
    return name.device if name.enterprise == player.world.first_enterprise else str(name)


def _asked(effect: str, fields: Fields) -> Json:
    try:
        return body_in(FaultWanted, fields, only=_fields(effect))
    except HeliographError:
        return dict(EXAMPLES[effect])


def _row(player: Player, fault: Json) -> Json:
    number = fault["name"].rpartition("/")[2]
    effect = next(name for name in EFFECTS if _camel(name) in fault)
    return {
        "name": fault["name"], "effect": SAID.get(effect, effect), "detail": _detail(fault[_camel(effect)]),
        "matches": ", ".join(_matches(fault)), "met": fault["met"], "left": fault.get("left"),
        "delete_url": player.here("faults", number, verb="delete"),
        "requests_url": player.here("requests", filter=f"fault:{fault['name']}"),
    }  # fmt: skip


def _matches(fault: Json) -> Iterator[str]:
    for name in ("method", "phone", "caller", "share", "after"):
        if fault.get(name):
            yield f"{name} {fault[name]}"


def _detail(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return ", ".join(f"{name} {_detail(inside)}" for name, inside in value.items())
    return "" if value is True else str(value)


def _camel(name: str) -> str:
    return shape_of(FaultWanted).by_name[name].json_name

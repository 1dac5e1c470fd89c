"""Worlds: this one, as a whole, and at the sandbox's own address the others."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from heliograph.api.console.guest import ConsolePage, Download, Json, Redirect
from heliograph.api.console.rejections import message_of, status_of
from heliograph.api.console.shown import moment_of
from heliograph.protojson.errors import HeliographError
from heliograph.sandbox.console.message_forms import body_in, inputs_of
from heliograph.sandbox.console.player import Player
from heliograph.sandbox.console.wall_page import around
from heliograph.sandbox.worlds_routes import Creation

FIELDS: Final = ("seed", "now", "enterprises", "phones", "behaviour", "quota", "idle_duration", "enabled_notification_types")
"""What the form of a new world asks for; faults and push endpoints have pages of their own, a snapshot is a file."""


async def show_worlds(player: Player) -> ConsolePage:
    """This world, and the others."""
    return await _page(player, {})


async def create(player: Player) -> ConsolePage | Redirect:
    """A new world is there."""
    try:
        await player.steer("worlds.create", body_in(Creation, player.fields, only=FIELDS))
    except HeliographError as error:
        return await _page(player, player.fields, error=error)
    return Redirect(player.here("worlds"))


async def delete(player: Player, world: str) -> Redirect:
    """The world has ended."""
    await player.steer("worlds.delete", ids={"world": world})
    return Redirect(player.here("worlds"))


async def reset(player: Player) -> Redirect:
    """Everything in this world is as at its start."""
    await player.steer("world.reset")
    return Redirect(player.back(player.here()))


async def export(player: Player) -> Download:
    """This world as a snapshot."""
    snapshot = await player.steer("world.export")
    return Download("world.json", msgspec.json.format(msgspec.json.encode(snapshot), indent=2))


async def _page(player: Player, fields: Mapping[str, Sequence[str]], *, error: HeliographError | None = None) -> ConsolePage:
    listed = (await player.see("worlds.list"))["worlds"] if player.worlds is not None else []
    example = {"seed": 7, "now": "2030-01-01T00:00:00Z"}
    values = {
        **around(player), "has_worlds": player.worlds is not None, "worlds": [_row(player, world) for world in listed],
        "error": message_of(error), "seed": player.world.ground.seed, "phones": len(player.world.phones),
        "reset_url": player.here("worlds", verb="reset"), "reset": player.asked("world.reset"),
        "export_url": player.here("worlds", verb="export"), "export": player.asked("world.export"),
        "action": player.here("worlds"), "fields": inputs_of(Creation, fields, only=FIELDS) if player.worlds is not None else (),
        "create": player.asked("worlds.create", example) if player.worlds is not None else None,
    }  # fmt: skip
    return ConsolePage("sandbox/worlds.html", "Worlds", values, status=status_of(error))


def _row(player: Player, world: Json) -> Json:
    world_id = world["name"].rpartition("/")[2]
    return {
        "id": world_id, "url": world["url"], "console_url": f"{world['url']}{player.here()}", "seed": world["seed"],
        "frozen": world["frozen"],
        "now": moment_of(world["now"]), "created": moment_of(world["createTime"]), "idle": world["idleDuration"],
        "enterprises": ", ".join(name.rpartition("/")[2] for name in world["enterprises"]),
        "delete_url": player.here("worlds", world_id, verb="delete"), "delete": player.asked("worlds.delete", ids={"world": world_id}),
    }  # fmt: skip

"""The world's clock: what time it is, and every way to move it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from heliograph.api.console.guest import ConsolePage, Redirect
from heliograph.api.console.rejections import message_of, status_of
from heliograph.protojson.errors import HeliographError
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.clock_routes import CLOCK_ROUTES
from heliograph.sandbox.console.message_forms import body_in, inputs_of
from heliograph.sandbox.console.player import Player
from heliograph.sandbox.console.wall_page import around

VERBS: Final = {row.id.rpartition(".")[2]: row for row in CLOCK_ROUTES if row.has_body}
"""What moves it."""


async def show_clock(player: Player) -> ConsolePage:
    """What time it is, and the forms that move it."""
    return await _page(player)


def moving(verb: str) -> Callable[[Player], Awaitable[ConsolePage | Redirect]]:
    """What answers the form of this verb."""
    row = VERBS[verb]

    async def move(player: Player) -> ConsolePage | Redirect:
        try:
            await player.steer(row.id, body_in(row.body, player.fields) if row.body is not None else {})
        except HeliographError as error:
            return await _page(player, error=error, tried=verb)
        return Redirect(player.back(player.here("clock")))

    return move


async def _page(player: Player, *, error: HeliographError | None = None, tried: str = "") -> ConsolePage:
    now = format_timestamp(player.world.clock.now_us())
    forms: list[dict[str, Any]] = []
    for verb, row in VERBS.items():
        example = {**row.example, **({"time": now} if verb == "set" else {})}
        fields = player.fields if verb == tried else {f"body.{name}": [str(value)] for name, value in example.items()}
        inputs = inputs_of(row.body, fields) if row.body is not None else ()
        forms.append(
            {"verb": verb, "summary": row.summary, "action": player.here("clock", verb=verb), "inputs": inputs,
             "asked": player.asked(row.id, example)}
        )  # fmt: skip
    values = {**around(player), "forms": forms, "error": message_of(error), "back": player.here("clock")}
    return ConsolePage("sandbox/clock.html", "Clock", values, status=status_of(error), live="" if error else str(player.world.steered))

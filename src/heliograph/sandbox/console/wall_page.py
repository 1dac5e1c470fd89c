"""The wall: the virtual phones of a world, each drawn as it is, with what its user and its owner do most."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from heliograph.api.console.guest import ConsolePage, Redirect
from heliograph.api.console.shown import moment
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import InvalidArgument
from heliograph.sandbox.asked import curl_script, python_script
from heliograph.sandbox.bodies import is_whole
from heliograph.sandbox.console.message_forms import NO, PREFIX, YES
from heliograph.sandbox.console.pictures import SHOWN, Face, Picture, picture_of
from heliograph.sandbox.console.player import Player
from heliograph.sandbox.phones import SandboxPhone

PHONES_A_PAGE: Final = 60
PAGES_MOST: Final = 100_000
"""More than there can be."""
EVERYTHING: Final = "enterprises"
"""What a live page shows that shows all phones: all that changes in the world stands below it."""
REFRESH_S: Final = 3
"""A phone of a sandbox does most things within a second or two."""
ADVANCES: Final = {"1 min": "60s", "10 min": "600s", "1 day": "86400s"}
LOCK: Final = next(iter(COMMANDS.values()))
"""The reference page's first type: what a newcomer tries."""
Button = dict[str, Any]


async def show_wall(player: Player) -> ConsolePage:
    """The phones that the address asks for, page by page."""
    text, wanted, page = player.parameter("q").lower(), player.parameter("show"), _number(player.parameter("page"))
    shows = SHOWN.get(wanted, _any)
    found = [phone for phone in player.world.phones.values() if text in f"{phone.name} {phone.device}".lower() and shows(phone)]
    first = page * PHONES_A_PAGE
    cards = [await card_of(player, phone) for phone in found[first : first + PHONES_A_PAGE]]

    def here(number: int = 0, *, show: str = wanted) -> str:
        return player.here(q=text, show=show, page=str(number) if number else "")

    last = player.world.bench.by_hand[-1] if player.world.bench.by_hand else None
    values = {
        **around(player), "cards": cards, "text": text, "show": wanted, "count": len(found), "first": first,
        "all": len(player.world.phones), "action": player.here(),
        "quick": [{"name": name, "url": here(show="" if name == "All" else name), "chosen": (wanted or "All") == name}
                  for name in ("All", *SHOWN)],
        "previous_url": here(page - 1) if page else "",
        "next_url": here(page + 1) if first + PHONES_A_PAGE < len(found) else "",
        "last": last.curl(player.server_url) if last else "", "script_url": player.here("script"), "add_url": player.here("phones"),
    }  # fmt: skip
    return ConsolePage("sandbox/wall.html", "Phones", values, refresh_s=REFRESH_S, live=EVERYTHING)


def around(player: Player) -> dict[str, Any]:
    """What every page of the sandbox shows besides its own: the clock, and how it is moved."""
    clock = player.world.clock
    return {
        "now": moment(clock.now_us()) if clock.frozen else _to_the_minute(clock.now_us()),
        "frozen": clock.frozen, "clock_url": player.here("clock"), "server": player.server_url,
        "advances": [{"text": text, "duration": duration} for text, duration in ADVANCES.items()],
        "advance_url": player.here("clock", verb="advance"), "run_url": player.here("clock", verb="run" if clock.frozen else "freeze"),
        "next_due_url": player.here("clock", verb="next"), "back": player.current,
    }  # fmt: skip


def _to_the_minute(now_us: int) -> str:
    """A clock that goes is shown without seconds: they would be those of when the page was made."""
    return moment(now_us)[:16]


async def card_of(player: Player, phone: SandboxPhone) -> dict[str, Any]:
    """The phone's picture, its buttons, and where they lead."""
    waiting = await player.ports.store.open_operations(phone.device)
    picture = picture_of(phone, waiting, now_us=player.world.clock.now_us())
    return {
        "picture": picture, "url": player.here_of(phone.name), "anchor": anchor_of(phone.name), "face": picture.face.name.lower(),
        "operation_url": player.url_of_resource(picture.operation),
        "allow": button(player, picture, "approve", picture.dialog.allow if picture.dialog else ""),
        "deny": button(player, picture, "decline", picture.dialog.deny if picture.dialog else ""),
        "leave": button(player, picture, "leaveLostMode", "I found it"),
        "enroll": button(player, picture, "enroll", "Enrol it again"),
        "unlock": button(player, picture, "unlock", "Unlock"),
        "buttons": list(_buttons(player, picture)),
    }  # fmt: skip


def _any(_phone: SandboxPhone) -> bool:
    return True


def anchor_of(name: DeviceName) -> str:
    """Where on the wall the phone is."""
    return f"phone-{quote(name.enterprise, safe='')}-{quote(name.device, safe='')}".replace("%", "_").replace("~", "_")


def button(player: Player, picture: Picture, verb: str, text: str) -> Button:
    """A form of one button, which does this to the phone."""
    return {"text": text, "action": player.here_of(picture.name, verb), "fields": ()}


def patch_button(player: Player, name: DeviceName, field: str, value: str | bool, text: str) -> Button:  # noqa: FBT001 - what the field is set to
    """A form of one button, which sets this field of how the phone behaves."""
    written = value if isinstance(value, str) else YES if value else NO
    return {"text": text, "action": player.here_of(name, "patch"), "fields": [(f"{PREFIX}{field}", written)]}


def issue_button(player: Player, picture: Picture, row: CommandType, text: str) -> Button:
    """A form of one button, which issues a good command of the type by the API."""
    return {"text": text, "action": player.here_of(picture.name, "issueCommand"), "fields": [("type", row.name)]}


def _buttons(player: Player, picture: Picture) -> Iterator[Button]:
    """What its admin and its user do most, below the phone."""
    if picture.face not in {Face.ERASED, Face.ENROLLING}:
        yield issue_button(player, picture, LOCK, LOCK.name.capitalize())
    yield patch_button(player, picture.name, "online", picture.offline, "Go online" if picture.offline else "Go offline")


async def show_script(player: Player) -> ConsolePage:
    """What was done at these pages, as programs that do it again."""
    asked = list(player.world.bench.by_hand)
    values = {
        **around(player), "count": len(asked), "curl": curl_script(asked, player.server_url),
        "python": python_script(asked, player.server_url), "clear_url": player.here("script", verb="clear"), "wall_url": player.here(),
    }  # fmt: skip
    return ConsolePage("sandbox/script.html", "What you did, as a script", values)


async def clear_script(player: Player) -> Redirect:
    """The script begins with what is done next."""
    player.world.bench.by_hand.clear()
    return Redirect(player.here("script"))


def _number(text: str) -> int:
    """The number of a page.  Raises: InvalidArgument."""
    if not text:
        return 0
    if not is_whole(text, most=PAGES_MOST):
        raise InvalidArgument("page must be a number.")
    return int(text)

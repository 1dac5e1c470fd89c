"""The console of a sandbox: a server's pages, and those of the sandbox."""

from typing import Final

from heliograph.api.console.app import TABLE, ConsoleRow, Hall
from heliograph.api.console.door import PREFIX
from heliograph.api.console.guest import Console
from heliograph.api.console.sections import SECTIONS, Section
from heliograph.api.method import MethodTable
from heliograph.sandbox.console import clock_page, fault_pages, phone_pages, request_pages, wall_page, world_pages
from heliograph.sandbox.console.player import PAGES, Player

_PHONE: Final = "enterprises/*/devices/*"
ROWS: Final = (
    ConsoleRow("GET", "", wall_page.show_wall),
    ConsoleRow("GET", "script", wall_page.show_script),
    ConsoleRow("POST", "script:clear", wall_page.clear_script),
    ConsoleRow("GET", "phones", phone_pages.show_creation),
    ConsoleRow("POST", "phones", phone_pages.create),
    ConsoleRow("GET", _PHONE, phone_pages.show_phone),
    ConsoleRow("POST", f"{_PHONE}:issueCommand", phone_pages.issue),
    *(ConsoleRow("POST", f"{_PHONE}:{verb}", phone_pages.doing(verb)) for verb in phone_pages.VERBS),
    ConsoleRow("GET", "requests", request_pages.show_requests),
    ConsoleRow("GET", "requests/*", request_pages.show_request),
    ConsoleRow("POST", "requests:clear", request_pages.clear),
    ConsoleRow("GET", "notifications", request_pages.show_notifications),
    ConsoleRow("GET", "faults", fault_pages.show_faults),
    ConsoleRow("POST", "faults", fault_pages.create),
    ConsoleRow("POST", "faults:deleteAll", fault_pages.delete_all),
    ConsoleRow("POST", "faults/*:delete", fault_pages.delete),
    ConsoleRow("GET", "clock", clock_page.show_clock),
    *(ConsoleRow("POST", f"clock:{verb}", clock_page.moving(verb)) for verb in clock_page.VERBS),
    ConsoleRow("GET", "worlds", world_pages.show_worlds),
    ConsoleRow("POST", "worlds", world_pages.create),
    ConsoleRow("POST", "worlds:reset", world_pages.reset),
    ConsoleRow("POST", "worlds:export", world_pages.export),
    ConsoleRow("POST", "worlds/*:delete", world_pages.delete),
)
GROUP: Final = "Your sandbox"
"""The heading of the sandbox's pages in the menu; the first enterprise is called sandbox, too."""
OWN_SECTIONS: Final = (
    Section(title="Phones", path=PAGES, group=GROUP),
    Section(title="Requests", path=f"{PAGES}/requests", group=GROUP),
    Section(title="Sent notifications", path=f"{PAGES}/notifications", group=GROUP),
    Section(title="Faults", path=f"{PAGES}/faults", group=GROUP),
    Section(title="Clock", path=f"{PAGES}/clock", group=GROUP),
    Section(title="Worlds", path=f"{PAGES}/worlds", group=GROUP),
    Section(title="Your script", path=f"{PAGES}/script", group=GROUP),
)
_TABLES: Final = (MethodTable(ROWS, prefix=f"{PREFIX}/{PAGES}/"), TABLE)


def sandbox_hall(console: Console) -> Hall:
    """The console of a world: its server's pages, and those of the sandbox."""
    return Hall(
        console=console, tables=_TABLES, sections=(*OWN_SECTIONS, *SECTIONS), guest_of=Player, home=f"{PREFIX}/{PAGES}"
    )  # fmt: skip

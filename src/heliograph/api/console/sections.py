"""The console's sections, and the menu that leads to those of them that the caller may see.

A page is in the section whose path it begins with, the longest such path: a device's page is in Fleet. So a page below a section needs no
row here, and a new section needs one row, beside its rows in `PAGES` (app.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote

from heliograph.api.console.guest import (
    DEAD_LETTERS_LIST,
    DEVICES_LIST,
    ENTERPRISES_GET,
    ENTERPRISES_LIST,
    POLICIES_LIST,
    PUSH_ENDPOINTS_LIST,
    TOKENS_LIST,
    Guest,
)

ANY_ID: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One entry of the menu, in the group of the enterprise that is looked at if `path` has a `*` for its id, else in the server's."""

    title: str
    path: str
    """Its first page, as in `PAGES`: `enterprises/*/policies`."""
    group: str = "Server"
    """The heading of its group; an enterprise's sections stand below the enterprise."""
    method: str = ""
    """Id of the method (`METHODS`) that the caller must be allowed to call: on the enterprise, or on the server; empty: no method."""
    also: tuple[str, ...] = ()
    """Paths of pages that are in it although their path does not begin with its own."""
    when: Callable[[Guest], bool] | None = None
    """What must hold besides, as that this is a sandbox; None: nothing."""

    @property
    def of_enterprise(self) -> bool:
        """Whether each enterprise has its own."""
        return ANY_ID in self.path

    def place(self, enterprise: str) -> Sequence[str]:
        """The parts of its first page's path."""
        return _place(self.path, enterprise)


def keeps_a_trail(guest: Guest) -> bool:
    """Whether the server records what is changed."""
    return guest.ports.store.audited


def has_a_desk(guest: Guest) -> bool:
    """Whether the caller, whatever their roles, may look at keys and roles here at all."""
    return guest.stands_at_desk


def signs_people_in(guest: Guest) -> bool:
    """Whether people sign in, too."""
    return guest.console.signs_in and guest.stands_at_desk


SECTIONS: Final = (
    Section(title="Fleet", path="enterprises/*", method=DEVICES_LIST),
    Section(title="Policies", path="enterprises/*/policies", method=POLICIES_LIST),
    Section(title="Enrolment", path="enterprises/*/enrollmentTokens", method=TOKENS_LIST),
    Section(title="Notifications", path="enterprises/*/notifications", method=PUSH_ENDPOINTS_LIST, also=("enterprises/*/pushEndpoints",)),
    Section(title="Dead letters", path="enterprises/*/deadLetters", method=DEAD_LETTERS_LIST),
    Section(title="Approvals", path="enterprises/*/approvals", method="heliograph.approvals.list", also=("enterprises/*/approvalRules",)),
    Section(title="Audit trail", path="enterprises/*/auditEntries", method="heliograph.auditEntries.list", when=keeps_a_trail),
    Section(title="Settings", path="enterprises/*/settings", method=ENTERPRISES_GET),
    Section(title="Enterprises", path="enterprises", method=ENTERPRISES_LIST),
    Section(title="Keys", path="keys", method="heliograph.keys.list", when=has_a_desk),
    Section(title="Roles", path="roles", method="heliograph.roles.list", when=has_a_desk),
    Section(title="People", path="people", method="heliograph.people.list", when=signs_people_in),
    Section(title="Who may what", path="access", method="heliograph.access.explain", when=has_a_desk),
    Section(title="Health", path="health", method=ENTERPRISES_LIST, when=Guest.sees_whole_server),
)
"""In the menu's order, within each group."""


class Entry(NamedTuple):
    """A link of the menu."""

    title: str
    url: str
    current: bool


class Group(NamedTuple):
    """Links of the menu below one heading."""

    heading: str
    entries: Sequence[Entry]


def menu_of(guest: Guest, sections: Sequence[Section], page: str) -> Sequence[Group]:
    """The menu beside this page (its path below the console's, as the browser asked for it), for a caller who was admitted to it."""
    parts = [unquote(part) for part in page.partition(":")[0].split("/") if part]
    enterprise = parts[1] if parts[:1] == ["enterprises"] and len(parts) > 1 else guest.usual_enterprise
    reached = {section: _reach(section, parts, enterprise) for section in sections}
    here = max(reached, key=lambda section: reached[section]) if any(reached.values()) else None
    groups: dict[str, list[Entry]] = {}
    for section in sections:
        if (enterprise or not section.of_enterprise) and _is_shown(section, guest, enterprise):
            heading = enterprise if section.of_enterprise else section.group
            entry = Entry(section.title, guest.url(*section.place(enterprise)), section is here)
            groups.setdefault(heading, []).append(entry)
    return [Group(heading, entries) for heading, entries in groups.items()]


def _reach(section: Section, parts: Sequence[str], enterprise: str) -> int:
    """How many parts of the page's path the section's longest path has that it begins with; 0: the page is not in the section."""
    places = [_place(path, enterprise) for path in (section.path, *section.also)]
    return max((len(place) for place in places if parts[: len(place)] == place), default=0)


def _place(path: str, enterprise: str) -> list[str]:
    return [enterprise if part == ANY_ID else part for part in path.split("/") if part]


def _is_shown(section: Section, guest: Guest, enterprise: str) -> bool:
    if section.when is not None and not section.when(guest):
        return False
    return not section.method or guest.may_open(section.method, *([enterprise] if section.of_enterprise else []))

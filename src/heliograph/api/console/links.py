"""Links that many pages have: the way back to the enterprise, and the pages of a list."""

from collections.abc import Mapping

from heliograph.api.console.guest import Guest

Crumbs = list[tuple[str, str]]


def crumbs_of(guest: Guest, enterprise: str, *sections: tuple[str, str]) -> Crumbs:
    """The way to a page: the enterprise, and these sections of it, each as its title and the part of its path."""
    here = [(title, guest.url("enterprises", enterprise, part)) for title, part in sections]
    return [(enterprise, guest.url("enterprises", enterprise)), *here]


def turning(guest: Guest, more: str, *parts: str, **query: str) -> Mapping[str, str]:
    """Of a list at this path: its next page, which the token `more` leads to, and its first, if another is shown; each may be empty."""
    return {
        "next_url": guest.url(*parts, **query, page=more) if more else "",
        "first_url": guest.url(*parts, **query) if guest.parameter("page") else "",
    }

"""Pages of a list."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from heliograph.domain.paging import coerce_page_size, decode_page_token, encode_page_token
from heliograph.service.ports import Page, Ports

DEFAULT_SIZE = 10
MOST = 100
"""Disc, devices.list and enrollmentTokens.list: "default 10, at most 100", coerced down."""


class Placed(Protocol):
    """A record that has its place in a list."""

    @property
    def position(self) -> str: ...


P = TypeVar("P", bound=Placed)


async def page_of(
    ports: Ports, query: str, read: Callable[[str, int], Awaitable[Page[P]]], *, page_size: int | None, page_token: str
) -> tuple[Sequence[P], str]:
    """The rows that `read(after, limit)` gives for this page, and the token of the next page, empty after the last.

    `query` says everything that the rows depend on.  Raises: InvalidArgument: a negative size, a token of another query.
    """
    limit = coerce_page_size(page_size, default=DEFAULT_SIZE, maximum=MOST)
    after = decode_page_token(ports.page_secret, query, token=page_token) or ""
    page = await read(after, limit)
    if not page.more or not page.items:
        return page.items, ""
    return page.items, encode_page_token(ports.page_secret, query, position=page.items[-1].position)

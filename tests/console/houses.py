"""A server at which people sign in, and what its pages show them."""

import json
from typing import Any, NamedTuple

from tests.console.reader import Page
from tests.people.visitor import Seen, Visitor
from tests.sign_in.conftest import Guarded


class House(NamedTuple):
    """A server at which people sign in, with a device of one of its two enterprises."""

    server: Guarded
    device: str
    """`/console/enterprises/acme/devices/…`."""


def shown(seen: Seen) -> Page:
    """The page, read."""
    return Page("", seen.status, seen.headers, seen.page)


def form_at(page: Page, ending: str) -> tuple[str, dict[str, str]]:
    """The form whose address ends so: its address, and what it holds."""
    form = next(form for form in page.forms if form.action.endswith(ending))
    return form.action, dict(form.fields)


def asked(visitor: Visitor, http_method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    """What the API answers this person."""
    return json.loads(visitor.call(http_method, path, body, x_heliograph_form_token=visitor.form_token()).page)

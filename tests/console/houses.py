"""A server at which people sign in, and what its pages show them."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from heliograph.domain.enterprise import Enterprise
from heliograph.service.enterprises import create_enterprise
from heliograph.settings import Settings
from tests.console.reader import Page
from tests.people.visitor import Seen, Visitor, signed_in
from tests.sign_in.conftest import Guarded, guarded_server


class House(NamedTuple):
    """A server at which people sign in, with a device of one of its two enterprises."""

    server: Guarded
    device: str
    """`/console/enterprises/acme/devices/…`."""


@contextlib.contextmanager
def house_in(folder: Path) -> Iterator[House]:
    """The house, with its data in the folder."""
    with guarded_server(Settings(data_dir=folder, durable=False, public_urls=("https://mdm.example.com",))) as server:
        for enterprise in ("acme", "other"):
            server.run(create_enterprise(server.ports, Enterprise(enterprise_display_name=enterprise.title()), enterprise_id=enterprise))
        admin = signed_in(server)
        made = admin.call("POST", "/v1/enterprises/acme/enrollmentTokens", {}, x_heliograph_form_token=admin.form_token())
        device = server.enrolled(json.loads(made.page)["value"])
        yield House(server, f"/console/{device}")


def shown(seen: Seen) -> Page:
    """The page, read."""
    return Page("", seen.status, seen.headers, seen.page)


def form_at(page: Page, ending: str) -> tuple[str, dict[str, str]]:
    """The form whose address ends so: its address, and what it holds."""
    form = page.form_to(ending)
    return form.action, dict(form.fields)


def asked(visitor: Visitor, http_method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    """What the API answers this person."""
    return json.loads(visitor.call(http_method, path, body, x_heliograph_form_token=visitor.form_token()).page)

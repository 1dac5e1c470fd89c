"""The code that docs/notifications.md shows to receivers, run on real requests."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from tests.notifications.endpoint import Endpoint
from tests.notifications.lab import LAB
from tests.notifications.whole_server import EMAIL, OIDC, WholeServer

PAGE = Path(__file__).parents[2] / "docs" / "notifications.md"


def shown(name: str) -> Any:  # noqa: ANN401 - a function of the page
    """The function of this name, as the page has it."""
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if f"def {name}(" in block)
    namespace: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec"), namespace)  # noqa: S102 - our own page
    return namespace[name]


async def test_the_page_s_code_verifies_a_token_and_refuses_one_for_somebody_else(lone: WholeServer, endpoint: Endpoint) -> None:
    enterprise_that_sent = shown("enterprise_that_sent")
    await lone.made(endpoint.url, signing=OIDC)
    await lone.tried_out()
    (received,) = await endpoint.has(1, "test")
    authorization = received.headers["authorization"]

    assert str(LAB) == await asyncio.to_thread(enterprise_that_sent, authorization, lone.url, endpoint.url, EMAIL)
    for audience, email in ((endpoint.url, "other@emm.example.com"), ("https://other.example.com", EMAIL)):
        with pytest.raises(ValueError):  # noqa: PT011 - the page promises no text
            await asyncio.to_thread(enterprise_that_sent, authorization, lone.url, audience, email)


async def test_the_page_s_code_verifies_a_signature_and_refuses_a_changed_body(lone: WholeServer, endpoint: Endpoint) -> None:
    push_of = shown("push_of")
    secret = (await lone.made(endpoint.url, signing={"standardWebhooks": {}}))["signing"]["standardWebhooks"]["secret"]
    await lone.tried_out()
    (received,) = await endpoint.has(1, "test")

    assert received.body == push_of(received.raw, received.headers, secret)
    with pytest.raises(WebhookVerificationError):
        push_of(received.raw + b" ", received.headers, secret)

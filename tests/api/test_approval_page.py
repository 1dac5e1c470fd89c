"""The page of an approval's link: whatever is opened or posted below its path decides nothing and is never a fault of the server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.api.resources.approval_page import approval_app
from heliograph.asgi import Asgi, Message, Receive, Scope, Send, send_whole
from heliograph.service.approval_gate import operation_approval
from heliograph.service.approval_links import LINK_PATH, create_approval_link
from heliograph.service.approvals import get_approval
from tests.service.test_approvals import BOB, held_wipe, put_key
from tests.service.world import World, world

ELSEWHERE = 418
ADDRESSES = st.text(max_size=80) | st.text(alphabet="abcxyzABCXYZ0189-_", min_size=43, max_size=200)
FORMS = st.dictionaries(st.sampled_from(("decision", "digest", "reason", "approval")), st.text(max_size=40), max_size=4)
WORDS = st.sampled_from(("approve", "decline ", "", "APPROVE"))
DECISIONS = st.fixed_dictionaries({"decision": WORDS}, optional={"digest": st.text(max_size=70)})


class Page:
    """The page's app over a server's inside with one WIPE that waits, and Bob's link for it."""

    def __init__(self, runner: asyncio.Runner, lab: World, sealed: str, approval: object) -> None:
        self.runner = runner
        self.lab = lab
        self.sealed = sealed
        self.approval = approval
        self.app: Asgi = approval_app(lab.ports, otherwise=elsewhere)

    def ask(self, method: str, sealed: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of the answer."""
        return self.runner.run(self._ask(method, sealed, urlencode(form or {}).encode()))

    async def _ask(self, method: str, sealed: str, body: bytes) -> tuple[int, bytes]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app({"type": "http", "method": method, "path": f"{LINK_PATH}{sealed}", "headers": []}, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    def waits(self) -> bool:
        """Whether nothing was decided."""
        standing = self.runner.run(get_approval(self.lab.ports, self.approval))  # type: ignore[arg-type]
        return (standing.state.value, standing.approval.votes) == ("PENDING", ())


async def elsewhere(_scope: Scope, _receive: Receive, send: Send) -> None:
    """What answers every other request."""
    await send_whole(send, ELSEWHERE, b"", [])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """For all examples: none of them may decide."""
    with asyncio.Runner() as runner:
        opening = world(Path(tmp_path_factory.mktemp("page")), watches_deadlines=False)
        lab = runner.run(opening.__aenter__())

        async def linked() -> tuple[str, object]:
            await put_key(lab, BOB)
            _, name = await held_wipe(lab)
            url, _ = await create_approval_link(lab.ports, operation_approval(name), BOB, server_url="")
            return url.removeprefix(LINK_PATH), operation_approval(name)

        yield Page(runner, lab, *runner.run(linked()))
        runner.run(opening.__aexit__(None, None, None))


fuzz = settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)


@fuzz
@given(address=ADDRESSES, form=FORMS, method=st.sampled_from(("GET", "POST")))
def test_an_address_that_no_approver_made_is_not_found(page: Page, address: str, form: dict[str, str], method: str) -> None:
    status, body = page.ask(method, address, form)

    assert (404, True) == (status, b"This link is not valid" in body)
    assert page.waits()


@fuzz
@given(at=st.integers(0, 400), to=st.characters(codec="ascii"))
def test_a_link_with_another_character_is_not_found(page: Page, at: int, to: str) -> None:
    at %= len(page.sealed)
    changed = page.sealed[:at] + to + page.sealed[at + 1 :]

    status, _ = page.ask("GET", changed)

    assert (200 if changed == page.sealed else 404) == status


@fuzz
@given(form=FORMS.filter(lambda form: form.get("decision") != "decline") | DECISIONS)
def test_a_form_that_was_not_shown_decides_nothing(page: Page, form: dict[str, str]) -> None:
    """Each is a mistake of the form, and the page stands as before."""
    status, _ = page.ask("POST", page.sealed, form)

    assert 400 == status
    assert page.waits()
    assert 200 == page.ask("GET", page.sealed)[0]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_get_and_post_reach_the_page(page: Page, method: str) -> None:
    assert ELSEWHERE == page.ask(method, page.sealed)[0]

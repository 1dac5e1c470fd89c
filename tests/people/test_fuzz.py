"""Anything at all to the pages of signing in: never 5xx, an answer in one of two forms, and no one is in who was not.

Source: RFC 9110 §15.6.
"""

import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from heliograph.api.sign_in.app import HANDLERS
from heliograph.api.sign_in.back_channel import PATH as BACK_CHANNEL
from heliograph.domain.openid import group_rule
from heliograph.openid.client import OpenIdClient
from heliograph.settings import Settings
from tests.http_server import serving
from tests.patience import PATIENCE_S
from tests.people.authenticator import Authenticator, options_in
from tests.people.lying_provider import CLIENT_ID, Lies, Reply, handler_of
from tests.people.visitor import Visitor, invited, signed_in
from tests.sign_in.conftest import Guarded, guarded_server

fuzz = settings(max_examples=150, suppress_health_check=list(HealthCheck))

NO_PAGES = ["/sign-in/invitation/first.x", "/sign-in/", "/account/", "/static/", "/static/../x", "/sign-in/x"]
PATHS = st.sampled_from([*HANDLERS, BACK_CHANNEL, *NO_PAGES])
METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)
FIELDS = "credential form_token person label session passkey next state code error iss again signed-out logout_token"
NAMES = st.sampled_from(FIELDS.split())
FORM = st.lists(st.tuples(NAMES | st.text(max_size=8), st.text(max_size=40)), max_size=20)
HEADERS = st.dictionaries(
    st.sampled_from(["Cookie", "Origin", "Sec-Fetch-Site", "User-Agent", "Content-Type", "X-Forwarded-For", "Content-Encoding"]),
    LATIN | st.sampled_from(["same-origin", "gzip", "application/json"]), max_size=4,
)  # fmt: skip


class Stranger:
    """One kept-alive connection."""

    def __init__(self, server: Guarded) -> None:
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        sent = {name: value.encode("latin-1") for name, value in headers.items()}
        self.connection.request(method, path, body=body, headers={"Host": f"localhost:{self.server.port}", **sent})
        response = self.connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """At a server with an identity provider that refuses every code."""
    lies = Lies()
    with serving(handler_of(lies)) as url:
        lies.issuer = url
        lies.replies = {"/token": Reply(400, b'{"error": "invalid_grant"}')}
        client = OpenIdClient(issuer=url, client_id=CLIENT_ID, rules=(group_rule("admins=admin:*"),))
        with guarded_server(Settings(data_dir=Path(tmp_path_factory.mktemp("data")), durable=False, openid=client)) as server:
            made = Stranger(server)
            with contextlib.closing(made.connection):
                yield made


def judged(answer: tuple[int, dict[str, str], bytes]) -> None:
    """It is a page, Google's error form, or leads on to this server or the provider; and it gives no session away."""
    status, headers, body = answer
    assert status < 500, body
    assert "heliograph-session" not in headers.get("set-cookie", "") or "Max-Age=0" in headers["set-cookie"]
    kind = headers.get("content-type", "")
    assert status == 303 or not body or kind.startswith(("text/html", "application/json"))
    if kind.startswith("text/html"):
        assert "unsafe" not in headers["content-security-policy"]


@fuzz
@example("GET", "/sign-in", [("a", "b")] * 17, [], {})
@example("POST", "/sign-in/passkey", [], [("a", "b")] * 17, {"Sec-Fetch-Site": "same-origin"})
@given(METHODS, PATHS, FORM, FORM, HEADERS)
def test_whatever_a_stranger_sends_is_answered_and_lets_no_one_in(
    stranger: Stranger, method: str, path: str, query: list[tuple[str, str]], form: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    where = f"{path}?{urlencode(query)}" if query else path

    judged(stranger.ask(method, where, urlencode(form).encode(), headers))


@fuzz
@given(PATHS, st.binary(max_size=400))
def test_whatever_bytes_a_page_of_its_own_origin_posts_are_answered(stranger: Stranger, path: str, body: bytes) -> None:
    judged(stranger.ask("POST", path, body, {"Origin": f"http://localhost:{stranger.server.port}", "Sec-Fetch-Site": "same-origin"}))


MUTATIONS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4)


def broken(answer: str, mutations: list[tuple[float, int]]) -> str:
    """The answer with some of its characters changed."""
    characters = list(answer)
    for place, value in mutations:
        characters[int(place * len(characters))] = chr(value)
    return "".join(characters)


@fuzz
@given(MUTATIONS)
def test_a_broken_passkey_never_lets_in_and_never_breaks_the_server(stranger: Stranger, mutations: list[tuple[float, int]]) -> None:
    """Bytes of the browser's answer are changed: the answer is refused, unless they meant nothing."""
    visitor = Visitor(stranger.server)
    path = _open_invitation(stranger.server)
    whole = Authenticator().create(options_in(visitor.get(path).page), visitor.origin)

    answer = visitor.post(path, {"credential": broken(whole, mutations)})

    assert answer.status in {303, 403}
    assert (answer.status == 303) == (visitor.get("/account").status == 200)


@fuzz
@given(MUTATIONS)
def test_a_broken_signature_lets_no_one_in(stranger: Stranger, mutations: list[tuple[float, int]]) -> None:
    """Whatever bit of what was signed, or of the signature, is another: there is no session."""
    visitor = _person(stranger.server)
    visitor.cookies.clear()
    whole = visitor.authenticator.get(options_in(visitor.get("/sign-in").page), visitor.origin)

    answer = visitor.post("/sign-in/passkey", {"credential": broken(whole, mutations)})

    assert answer.status in {303, 403}
    assert (answer.status == 303) == (visitor.get("/account").status == 200)


_links: dict[int, str] = {}


def _open_invitation(server: Guarded) -> str:
    """The path of one that was not used yet; one that is refused stays."""
    path = _links.get(server.port, "")
    if not path or Visitor(server).get(path).status != 200:
        link = invited(server, "fuzzed@example.com")
        path = _links[server.port] = link[link.index("/sign-in/") :]
    return path


_people: dict[int, Visitor] = {}


def _person(server: Guarded) -> Visitor:
    """One with a passkey, made once."""
    if server.port not in _people:
        _people[server.port] = signed_in(server)
    return _people[server.port]

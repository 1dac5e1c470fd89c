"""The identity provider ends sessions (OpenID Connect Back-Channel Logout): at every server, once, and only by a token that it signed."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from heliograph.api.http.request_body import FORM_MAX_BYTES
from heliograph.api.sign_in.back_channel import PATH
from heliograph.domain.openid_logout import LIFE_MOST_S
from heliograph.settings import Settings
from tests.api.live import Response
from tests.http_server import serving
from tests.people.lying_provider import CLIENT_ID, DROPPED, EVENT, Json, Lies, Reply, handler_of, logout_token, signed
from tests.people.test_lying_provider import Scene, by_public_key, unsigned
from tests.people.visitor import Visitor, signed_in
from tests.sign_in.conftest import Guarded, guarded_server

REJECTED = {"error": "invalid_request", "error_description": "The logout token was not accepted."}


class House:
    """All servers of one database, and the provider that they share."""

    def __init__(self, servers: list[Guarded], lies: Lies) -> None:
        self.servers, self.lies = servers, lies

    @property
    def first(self) -> Guarded:
        return self.servers[0]

    @property
    def last(self) -> Guarded:
        """Another one than the first, if there is another."""
        return self.servers[-1]

    def signed_in(self, session: str = "", subject: str = "anna") -> Visitor:
        """Someone who signed in at the first server, with this session at the provider."""
        scene = Scene(self.first, self.lies)
        self.lies.userinfo = {"sub": subject}
        self.lies.claims = {"sub": subject} | ({"sid": session} if session else {})
        assert scene.come_back().status == 303
        return scene.visitor

    def token(self, **changed: object) -> str:
        """A logout token of the provider's."""
        return logout_token(self.lies.issuer, **changed)

    def send(self, token: str, server: Guarded | None = None) -> Response:
        """The answer to the provider."""
        body = urlencode({"logout_token": token})
        return (server or self.last).call("POST", PATH, body, content_type="application/x-www-form-urlencoded")


def is_in(visitor: Visitor) -> bool:
    """Whether the visitor's session opens anything."""
    return visitor.get("/account").status == 200


@contextlib.contextmanager
def house_of(folder: Path, database_urls: list[str]) -> Iterator[House]:
    """A server for each address."""
    lies = Lies()
    with serving(handler_of(lies)) as url, contextlib.ExitStack() as end:
        lies.issuer = url
        common = {"key_file": folder / "key", "durable": False, "openid": lies.client()}
        servers = [
            end.enter_context(guarded_server(Settings(data_dir=folder / str(number), database_url=address, **common)))  # type: ignore[arg-type]
            for number, address in enumerate(database_urls)
        ]
        yield House(servers, lies)


@pytest.fixture(scope="module", params=["SQLite", "PostgreSQL with two servers"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For the tests of this module: the discovery document and the keys are fetched once."""
    urls = [""] if request.param == "SQLite" else [request.getfixturevalue("postgres").fresh_database()] * 2
    with house_of(tmp_path_factory.mktemp("data"), urls) as made:
        yield made


@pytest.fixture
def house(shared: House) -> House:
    """The provider says what is so."""
    shared.lies.take_back()
    return shared


def test_a_session_that_ended_there_ends_here_and_no_other_does(house: House) -> None:
    ended, other, colleague = house.signed_in("one"), house.signed_in("two"), house.signed_in("three", "vera")

    answer = house.send(house.token(sid="one"))

    assert (200, b"", "no-store") == (answer.status, answer.body, answer.headers["cache-control"])
    assert [False, True, True] == [is_in(visitor) for visitor in (ended, other, colleague)]


def test_an_account_that_ended_there_has_no_session_here_and_can_sign_in_again(house: House) -> None:
    sessions = [house.signed_in(session, "leaver") for session in ("four", "five", "")]
    colleague = house.signed_in("six", "vera")

    assert 200 == house.send(house.token(sub="leaver")).status

    assert [False, False, False, True] == [is_in(visitor) for visitor in (*sessions, colleague)]
    assert is_in(back_again(house, "leaver"))


def back_again(house: House, subject: str) -> Visitor:
    """Someone who signs in after that: her ID token is newer than the logout token."""
    scene = Scene(house.first, house.lies)
    later = int(time.time()) + 2
    house.lies.userinfo, house.lies.claims = {"sub": subject}, {"sub": subject, "iat": later, "exp": later + 300}
    assert scene.come_back().status == 303
    return scene.visitor


def test_a_passkeys_session_of_the_same_person_goes_on(house: House) -> None:
    """The provider did not begin it, and a person may have both ways in."""
    house.lies.claims = {"email": "both@example.com", "email_verified": True}
    by_passkey = signed_in(house.first, "both@example.com")
    house.signed_in("seven")

    assert 200 == house.send(house.token(sid="seven")).status

    assert is_in(by_passkey)


def test_the_api_is_closed_to_the_session_at_every_server(house: House) -> None:
    visitor = house.signed_in("eight")
    assert 200 == visitor.call("GET", "/v1/enterprises?projectId=p").status

    assert 200 == house.send(house.token(sid="eight")).status

    for server in house.servers:
        visitor.server = server
        assert 401 == visitor.call("GET", "/v1/enterprises?projectId=p").status


def test_a_token_counts_once_at_one_server(house: House) -> None:
    """Someone who recorded it signs no one out a second time."""
    token = house.token(sub="recorded")
    assert 200 == house.send(token, house.first).status
    again = back_again(house, "recorded")

    answer = house.send(token, house.last)

    assert (400, REJECTED) == (answer.status, answer.json)
    assert is_in(again)


def test_who_signs_in_while_the_provider_ends_the_session_is_not_in(house: House) -> None:
    """The code was exchanged before the provider ended the session, and its answer arrives after."""
    assert 200 == house.send(house.token(sid="nine")).status
    scene = Scene(house.first, house.lies)
    house.lies.claims = {"sid": "nine"}

    answer = scene.come_back()

    assert 403 == answer.status
    assert "The identity provider signed you out while you signed in here." in answer.page
    assert not scene.is_in()


def test_what_no_one_has_is_answered_like_what_someone_has(house: House) -> None:
    house.signed_in("ten")

    known, unknown = (house.send(house.token(sid=sid)) for sid in ("ten", "of-no-one"))

    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert {"date"} >= {name for name in known.headers if known.headers[name] != unknown.headers.get(name)}


NOW_S = int(time.time())
HOSTILE: dict[str, Json] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": DROPPED},
    "for another client": {"aud": "another-client"},
    "for several others": {"aud": ["another-client", "a-third"]},
    "for no one": {"aud": DROPPED},
    "expired": {"iat": NOW_S - 600, "exp": NOW_S - 300},
    "without an end": {"exp": DROPPED},
    "an end that is a text": {"exp": str(NOW_S + 60)},
    "an end that is true": {"exp": True},
    "an end in a thousand years": {"exp": NOW_S + 1_000 * 365 * 86_400},
    "an end after too long": {"exp": NOW_S + LIFE_MOST_S + 3_600},
    "an end that is no number": {"exp": float("nan")},
    "an end that never comes": {"exp": float("inf")},
    "an end beyond all numbers": {"exp": 10**400},
    "of the future": {"iat": NOW_S + 3_600, "exp": NOW_S + 3_700},
    "without a beginning": {"iat": DROPPED},
    "an ID token, which has a nonce": {"nonce": "n"},
    "a nonce that is empty": {"nonce": ""},
    "without events": {"events": DROPPED},
    "another event": {"events": {"http://schemas.openid.net/secevent/risc/event-type/account-purged": {}}},
    "events that are a list": {"events": [EVENT]},
    "an event that is a text": {"events": {EVENT: "yes"}},
    "without a number": {"jti": DROPPED},
    "an empty number": {"jti": ""},
    "a number that is a list": {"jti": ["1"]},
    "a number with half a character": {"jti": "\ud800"},
    "a number without end": {"jti": "1" * 10_000},
    "of no one": {"sub": DROPPED},
    "of a person who is a number": {"sub": 5},
    "of an empty session": {"sid": ""},
    "of a session that is an object": {"sid": {}},
}


@pytest.mark.parametrize("changed", HOSTILE.values(), ids=HOSTILE)
def test_a_token_that_says_something_else_ends_nothing(house: House, changed: Json) -> None:
    visitor = house.signed_in("hostile")

    answer = house.send(house.token(**({} if "sub" in changed else {"sid": "hostile"}) | changed))

    assert (400, "no-store", REJECTED) == (answer.status, answer.headers["cache-control"], answer.json)
    assert is_in(visitor)


FORGED = {
    "nobody signed it": unsigned,
    "everybody could have signed it": by_public_key,
    "another key": lambda claims: signed(claims, key=1),
    "a key that the provider does not publish": lambda claims: signed(claims, key=1, kid="k1"),
    "it was changed": lambda claims: signed(claims)[:-8] + "AAAAAAAA",
    "no token at all": lambda _: "a.b.c",
    "nothing": lambda _: "",
    "dots": lambda _: "." * 10_000,
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED)
def test_a_token_that_the_provider_did_not_sign_ends_nothing(house: House, sign: object) -> None:
    visitor = house.signed_in("forged")
    now_s = int(time.time())
    claims = {
        "iss": house.lies.issuer,
        "aud": CLIENT_ID,
        "iat": now_s,
        "exp": now_s + 60,
        "jti": "1",
        "events": {EVENT: {}},
        "sid": "forged",
    }

    answer = house.send(sign(claims))  # type: ignore[operator]

    assert (400, "no-store", REJECTED) == (answer.status, answer.headers["cache-control"], answer.json)
    assert is_in(visitor)


def test_an_id_token_ends_nothing(house: House) -> None:
    """Whoever sees an ID token of a colleague's, in a browser's history, signs no one out with it."""
    visitor = house.signed_in("seen")
    now_s = int(time.time())
    seen = {"iss": house.lies.issuer, "aud": CLIENT_ID, "sub": "anna", "sid": "seen", "iat": now_s, "exp": now_s + 300, "jti": "1"}

    assert 400 == house.send(signed(seen | {"nonce": "n"})).status
    assert 400 == house.send(signed(seen)).status
    assert is_in(visitor)


def test_a_body_without_end_is_not_read(house: House) -> None:
    answer = house.send("a" * (FORM_MAX_BYTES + 1))

    assert (400, "invalid_request", "no-store") == (answer.status, answer.json["error"], answer.headers["cache-control"])


def test_the_trail_says_whose_sessions_the_provider_ended_and_what_was_refused(house: House) -> None:
    house.signed_in("audited", "audited")
    admin = house.signed_in("admin", "an-admin")

    house.send(house.token(sid="audited", sub="audited"))
    house.send("forged")

    entries = json.loads(admin.call("GET", "/heliograph/v1/enterprises/-/auditEntries?pageSize=1000").page)["auditEntries"]
    ours = [one for one in entries if one["method"] == "signIn.end_at_provider"]
    assert any(one.get("actor") == "audited" and one["resource"].startswith("people/audited/sessions/") for one in ours)
    assert any(one["actorType"] == "ANYBODY" and one.get("reason") == "LOGOUT_TOKEN_REJECTED" for one in ours)
    assert len({one["resource"] for one in ours if one.get("actor") == "audited"}) == 1


def test_a_provider_whose_keys_are_not_to_be_had_may_try_again(tmp_path: Path) -> None:
    with house_of(tmp_path, [""]) as house:
        token = house.token()
        house.lies.replies = {"/keys": Reply(500, b"")}
        broken = house.send(token)
        house.lies.replies = {}
        whole = house.send(token)

    assert (400, "temporarily_unavailable") == (broken.status, broken.json["error"])
    assert 200 == whole.status


def test_a_server_without_a_provider_ends_nothing(tmp_path: Path) -> None:
    with guarded_server(Settings(data_dir=tmp_path, durable=False)) as server:
        answer = server.call("POST", PATH, urlencode({"logout_token": "a.b.c"}), content_type="application/x-www-form-urlencoded")

    assert (400, "invalid_request") == (answer.status, answer.json["error"])

"""Whatever an identity provider, or someone in between, says that is not so: no one is signed in, and the page says it in a sentence."""

import contextlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from heliograph.api.resources.roles import BINDINGS
from heliograph.openid.provider import ANSWER_MAX_BYTES
from heliograph.settings import Settings
from tests.http_server import serving
from tests.people.authenticator import text
from tests.people.lying_provider import CLIENT_ID, KEYS, Json, Lies, Reply, handler_of, jwk, signed
from tests.people.visitor import Seen, Visitor
from tests.sign_in.conftest import OPERATOR, Guarded, guarded_server


class Scene:
    """A server, and the provider that lies to it."""

    def __init__(self, server: Guarded, lies: Lies) -> None:
        self.server, self.lies = server, lies
        self.visitor = Visitor(server)

    def sent_to(self) -> dict[str, str]:
        """The parameters with which the browser is sent to the provider."""
        answer = self.visitor.get("/sign-in/openid")
        assert 303 == answer.status, answer.page
        found = {name: value for name, (value,) in parse_qs(urlsplit(answer.place).query).items()}
        self.lies.nonce, self.lies.now_s = found["nonce"], int(time.time())
        return found

    def come_back(self, **changed: str) -> Seen:
        """The server's answer to a browser that was sent there and comes back."""
        answer = {"code": "c", "state": self.sent_to()["state"]} | changed
        return self.visitor.get(f"/sign-in/openid/callback?{urlencode(answer)}")

    def is_in(self) -> bool:
        """Whether someone is signed in."""
        return self.visitor.get("/account").status == 200


@contextlib.contextmanager
def scene(folder: Path, group: str = "admins=admin:*") -> Iterator[Scene]:
    """On loopback; members of this group may do what it says."""
    lies = Lies()
    with serving(handler_of(lies)) as url:
        lies.issuer = url
        with guarded_server(Settings(data_dir=folder, durable=False, openid=lies.client(group))) as server:
            yield Scene(server, lies)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """For the tests of one module: the discovery document and the keys are fetched once."""
    with scene(tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
def honest(both: Scene) -> Scene:
    """The provider says what is so, and the browser was never here."""
    both.lies.take_back()
    both.visitor = Visitor(both.server)
    return both


def test_what_is_so_signs_in(honest: Scene) -> None:
    welcome = honest.come_back()

    assert (303, "/account") == (welcome.status, welcome.place)
    assert honest.is_in()


def test_the_browser_takes_along_what_only_it_and_the_server_know(honest: Scene) -> None:
    first, second = honest.sent_to(), honest.sent_to()

    assert ("code", "S256", CLIENT_ID) == tuple(first[name] for name in ("response_type", "code_challenge_method", "client_id"))
    assert {"openid", "email", "profile"} == set(first["scope"].split())
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert 43 == len(first[name])


FOREIGN = {
    "another issuer": {"iss": "https://evil.example"},
    "another server's token": {"aud": "another-client"},
    "for several, and not made for this one": {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
    "for several, and it is not said for whom it was made": {"aud": [CLIENT_ID, "another-client"]},
    "another sign-in's": {"nonce": "n" * 43},
    "expired": {"iat": 1_000, "exp": 1_300},
    "of the future": {"iat": 4_000_000_000, "exp": 4_000_000_300, "nbf": 4_000_000_000},
    "another access token's": {"at_hash": "x" * 22},
    "no one's": {"sub": ""},
    "a person with a line break": {"sub": "anna\r\nset-cookie: a=b"},
    "a person who is a number": {"sub": 5},
}


@pytest.mark.parametrize("claims", FOREIGN.values(), ids=FOREIGN)
def test_a_token_that_is_not_for_this_sign_in_signs_no_one_in(honest: Scene, claims: Json) -> None:
    honest.lies.claims = claims
    honest.lies.userinfo = {"sub": claims.get("sub", "anna")}

    assert 403 == honest.come_back().status
    assert not honest.is_in()


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "exp", "iat", "nonce"])
def test_a_token_without_a_claim_that_says_whose_it_is_signs_no_one_in(honest: Scene, claim: str) -> None:
    honest.lies.drop = (claim,)

    assert 403 == honest.come_back().status
    assert not honest.is_in()


def unsigned(claims: Json) -> str:
    """A token with `alg: none`."""
    return f"{head_and_claims('none', claims)}."


def head_and_claims(algorithm: str, claims: Json) -> str:
    """What is signed of a token."""
    return ".".join(text(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": "k0"}, claims))


def by_public_key(claims: Json) -> str:
    """A token with an HMAC whose secret is the public key, which everyone knows."""
    public = KEYS[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed_part = head_and_claims("HS256", claims)
    return f"{signed_part}.{text(hmac.digest(public, signed_part.encode(), 'sha256'))}"


FORGED = {
    "nobody signed it": unsigned,
    "everybody could have signed it": by_public_key,
    "another key": lambda claims: signed(claims, key=1),
    "a key that the provider does not publish": lambda claims: signed(claims, key=1, kid="k1"),
    "it was changed": lambda claims: signed(claims)[:-8] + "AAAAAAAA",
    "no token at all": lambda _: "a.b.c",
    "a number": lambda _: 5,
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED)
def test_a_token_that_the_provider_did_not_sign_signs_no_one_in(honest: Scene, sign: object) -> None:
    honest.lies.sign = sign  # type: ignore[assignment]

    assert 403 == honest.come_back().status
    assert not honest.is_in()


def test_a_made_up_key_id_makes_this_server_fetch_keys_no_more_than_now_and_then(honest: Scene) -> None:
    honest.lies.sign = lambda claims: signed(claims, key=1, kid="made-up")

    for _ in range(5):
        assert 403 == honest.come_back().status

    assert honest.lies.asked.count("/keys") <= 2  # at first, and once again


def test_userinfo_of_another_person_signs_no_one_in(honest: Scene) -> None:
    honest.lies.userinfo = {"sub": "someone-else"}

    assert 403 == honest.come_back().status
    assert not honest.is_in()


def test_userinfo_changes_nothing_that_the_token_says(honest: Scene) -> None:
    honest.lies.claims = {"email": "token@example.com", "email_verified": True}
    honest.lies.userinfo = {"email": "userinfo@example.com"}

    honest.come_back()

    assert "token@example.com" in honest.visitor.get("/account").page


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"state": "s" * 43}, "another sign-in"),
        ({"state": ""}, "another sign-in"),
        ({"iss": "https://evil.example"}, "could not be verified"),
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "<script>alert(1)</script>"}, "&lt;script&gt;"),
    ],
)
def test_an_answer_that_is_not_to_this_browsers_question_signs_no_one_in(honest: Scene, changed: dict[str, str], says: str) -> None:
    answer = honest.come_back(**changed)

    assert 403 == answer.status
    assert says in answer.page
    assert not honest.is_in()


def test_a_browser_that_did_not_begin_here_signs_no_one_in(honest: Scene) -> None:
    """Login CSRF: a link with somebody else's code, sent to a victim, who would then work in the sender's account."""
    state = honest.sent_to()["state"]
    victim = Visitor(honest.server)

    assert 403 == victim.get(f"/sign-in/openid/callback?code=c&state={state}").status


REPLIES = {
    "it refuses the code": {"/token": Reply(400, b'{"error": "invalid_grant"}')},
    "no JSON": {"/token": Reply(200, b"<html>")},
    "JSON, but no object": {"/token": Reply(200, b"[]")},
    "too much of it": {"/token": Reply(200, b'{"a": "' + b"a" * ANSWER_MAX_BYTES + b'"}')},
    "deep JSON": {"/token": Reply(200, b'{"a":' + b"[" * 100_000)},
    "it leads elsewhere": {"/token": Reply(307, b"", (("Location", "/elsewhere"),))},
    "it breaks": {"/token": Reply(500, b"")},
    "no userinfo": {"/me": Reply(401, b"{}")},
}


@pytest.mark.parametrize("replies", REPLIES.values(), ids=REPLIES)
def test_an_answer_that_is_none_is_a_page_and_no_fault(honest: Scene, replies: dict[str, Reply]) -> None:
    honest.lies.replies = replies

    answer = honest.come_back()

    assert answer.status in {403, 503}
    assert "That did not work" in answer.page
    assert "/elsewhere" not in honest.lies.asked
    assert not honest.is_in()


DISCOVERIES = {
    "another issuer": {"issuer": "https://evil.example"},
    "an endpoint in clear": {"token_endpoint": "http://198.51.100.1/token"},
    "no endpoint": {"token_endpoint": ""},
    "an endpoint that is none": {"token_endpoint": ["x"]},
    "keys in clear": {"jwks_uri": "http://198.51.100.1/keys"},
    "a page in clear": {"authorization_endpoint": "javascript:alert(1)"},
    "it should have said who answers": {"authorization_response_iss_parameter_supported": True},
}


@pytest.mark.parametrize("metadata", DISCOVERIES.values(), ids=DISCOVERIES)
def test_a_discovery_document_that_is_not_the_providers_signs_no_one_in(tmp_path: Path, metadata: Json) -> None:
    with scene(tmp_path) as made:
        made.lies.metadata = metadata

        begun = made.visitor.get("/sign-in/openid")
        answer = made.come_back() if begun.status == 303 else begun

        assert answer.status in {403, 503}
        assert "That did not work" in answer.page
        assert not made.is_in()


def test_no_provider_is_a_page_that_says_so_and_passkeys_work_on(tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        made.lies.replies = {"/.well-known/openid-configuration": Reply(404, b"")}

        answer = made.visitor.get("/sign-in/openid")

        assert 503 == answer.status
        assert answer.headers["retry-after"]
        assert 200 == made.visitor.get("/sign-in").status
        made.lies.replies = {}
        assert 303 == made.come_back().status  # it is asked again, and was not remembered as gone


def test_keys_with_what_is_not_known_here_are_passed_over(tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        keys = [{"kty": "FUTURE", "kid": "f"}, jwk(0)]
        made.lies.replies = {"/keys": Reply(200, json.dumps({"keys": keys}).encode())}

        assert 303 == made.come_back().status


def test_a_role_that_a_group_is_bound_to_adds_to_what_its_members_may_do(tmp_path: Path) -> None:
    """`heliograph roles bind group:…` holds from the next request on, in sessions that are there already, too."""
    with scene(tmp_path, "everyone=viewer:acme") as made:
        made.lies.userinfo = {"groups": ["everyone", "first-level"]}
        made.server.key_file(["acme"])
        assert 303 == made.come_back().status
        token = made.visitor.form_token()

        def change() -> int:
            return made.visitor.call("PATCH", "/v1/enterprises/acme", {"enterpriseDisplayName": "A"}, x_heliograph_form_token=token).status

        before = change()
        bound = made.server.call("PUT", f"{BINDINGS}/group:first-level/admin", authorization=f"Bearer {OPERATOR}")
        after = change()

    assert (403, 200, 200) == (before, bound.status, after)

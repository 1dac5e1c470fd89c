"""Which assertions get a token, and in whose words the others are refused."""

import base64
from typing import Any

import jwt
import pytest
from msgspec.structs import replace

from heliograph.domain.access import SCOPE
from heliograph.domain.jwt_claims import GrantRejected
from heliograph.service.callers import Callers, issue_access_token
from tests.sign_in.accounts import KEY, NOW_S, sign_in
from tests.sign_in.key_pairs import assertion, key_pair

OWN = ("http://mdm.example:8080", "https://mdm.example:8080")


def signed(*, kid: str | None = "k1", pair: int = 0, **changed: object) -> str:
    """An assertion of KEY's holder, with some claims changed."""
    return key_pair(pair).sign(assertion("ci@acme", now_s=NOW_S, **changed), kid=kid)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": "https://www.googleapis.com/oauth2/v4/token"},
        {"aud": "https://mdm.example:8080/token"},
        {"aud": "http://mdm.example:8080/token"},
        {"aud": ["https://other.example", "https://oauth2.googleapis.com/token"]},
        {"sub": "ci@acme"},
        {"scope": f"{SCOPE} https://www.googleapis.com/auth/pubsub"},
        {"iat": NOW_S + 299, "exp": NOW_S + 3_800},
        {"iat": NOW_S - 3_590, "exp": NOW_S + 10},
        {"nbf": NOW_S},
        {"nbf": NOW_S + 299.5},
        {"kid": None},
        {"unknown_claim": {"any": "thing"}},
    ],
    ids=str,
)
async def test_a_good_assertion_gets_a_token_for_an_hour(changed: dict[str, Any]) -> None:
    service = sign_in()

    token = await issue_access_token(service, signed(**changed), own_urls=OWN)

    assert 3_599 == token.expires_in_s
    caller = await Callers(service).authenticate_caller(b"Bearer " + token.text.encode(), own_urls=OWN)
    assert KEY.caller == caller


TIMEFRAME = "Token must be a short-lived token"


@pytest.mark.parametrize(
    "changed, error, description",
    [
        ({"iat": NOW_S - 3_600, "exp": NOW_S}, "invalid_grant", TIMEFRAME),
        ({"iat": NOW_S + 301, "exp": NOW_S + 3_000}, "invalid_grant", TIMEFRAME),
        ({"exp": NOW_S + 3_601}, "invalid_grant", TIMEFRAME),
        ({"iat": None}, "invalid_grant", TIMEFRAME),
        ({"nbf": NOW_S + 301}, "invalid_grant", "nbf is in the future"),
        ({"nbf": NOW_S + 1_800.5}, "invalid_grant", "nbf is in the future"),
        ({"nbf": "tomorrow"}, "invalid_grant", "Bad Request"),
        ({"exp": None}, "invalid_grant", TIMEFRAME),
        ({"aud": "https://androidmanagement.googleapis.com/"}, "invalid_grant", "Failed audience check"),
        ({"aud": "https://mdm.example:8080.evil.example/token"}, "invalid_grant", "Failed audience check"),
        ({"aud": None}, "invalid_grant", "Failed audience check"),
        ({"iss": "nobody@acme"}, "invalid_grant", "account not found"),
        ({"iss": None}, "invalid_grant", "Bad Request"),
        ({"sub": "boss@acme"}, "unauthorized_client", "Client is unauthorized"),
        ({"scope": None}, "invalid_scope", "Empty or missing scope"),
        ({"scope": None, "target_audience": "https://x"}, "invalid_scope", "ID token audience"),
        ({"kid": "k2"}, "invalid_grant", "Invalid JWT Signature."),
        ({"pair": 1}, "invalid_grant", "Invalid JWT Signature."),
    ],
    ids=str,
)
async def test_a_bad_assertion_is_refused_in_googles_words(changed: dict[str, Any], error: str, description: str) -> None:
    with pytest.raises(GrantRejected, match=description) as refused:
        await issue_access_token(sign_in(), signed(**changed), own_urls=OWN)

    assert error == refused.value.error


DEEP = base64.urlsafe_b64encode(b'{"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}").rstrip(b"=").decode()
"""A part of a token that nests deeper than the stack is."""


@pytest.mark.parametrize(
    "text",
    ["", "x", "a.b.c", "..", "e30.e30.", signed() + "x", signed()[:-4], "a." * 9_000, "é.é.é", f"{DEEP}.e30.", f"e30.{DEEP}."],
    ids=lambda text: text[:20],
)
async def test_what_is_no_assertion_is_refused(text: str) -> None:
    with pytest.raises(GrantRejected) as refused:
        await issue_access_token(sign_in(), text, own_urls=OWN)

    assert "invalid_grant" == refused.value.error


async def test_a_public_key_is_no_secret_to_sign_with() -> None:
    """The oldest trick on JSON Web Tokens: HS256 with the RSA key's public half as the secret; and no signature at all."""
    claims = assertion("ci@acme", now_s=NOW_S)
    header, payload, _ = jwt.encode(claims, "0" * 32, algorithm="HS256", headers={"kid": "k1"}).split(".")
    forged = [jwt.encode(claims, "", algorithm="none", headers={"kid": "k1"}), f"{header}.{payload}."]
    forged.append(jwt.api_jws.PyJWS().encode(b"{}", "0" * 32, algorithm="HS256"))

    for token in forged:
        with pytest.raises(GrantRejected):
            await issue_access_token(sign_in(), token, own_urls=OWN)


async def test_without_kid_every_key_of_the_account_is_tried() -> None:
    second = replace(KEY, key_id="k2", public_key=key_pair(1).public)

    token = await issue_access_token(sign_in(KEY, second), signed(kid=None, pair=1), own_urls=OWN)

    assert "k2" == jwt.get_unverified_header(token.text)["kid"]


async def test_a_sandbox_takes_the_key_file_of_another_server() -> None:
    """A key file of Google's works unchanged; what is known to be wrong is refused all the same."""
    sandbox = sign_in(strangers=True)
    theirs = key_pair(2).sign(assertion("me@real.iam.gserviceaccount.com", now_s=NOW_S), kid="theirs")

    token = await issue_access_token(sandbox, theirs, own_urls=OWN)

    caller = await Callers(sandbox).authenticate_caller(f"Bearer {token.text}".encode(), own_urls=OWN)
    assert ("me@real.iam.gserviceaccount.com", None) == (caller.email, caller.enterprises)
    for wrong in (signed(pair=1), signed(exp=NOW_S + 9_999)):
        with pytest.raises(GrantRejected):
            await issue_access_token(sandbox, wrong, own_urls=OWN)

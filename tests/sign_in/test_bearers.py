"""Which bearers say who calls, and why the others do not."""

from typing import Any, NamedTuple

import pytest

from heliograph.domain.access import (
    ANYBODY,
    SCOPE,
    AccessTokenExpired,
    AccountGone,
    Caller,
    CredentialsInvalid,
    CredentialsMissing,
    Role,
    ScopeInsufficient,
)
from heliograph.domain.rights import is_write
from heliograph.protojson.errors import Unauthenticated
from heliograph.service.callers import KNOWN_FOR_US, KNOWN_MOST, Callers, SignIn, issue_access_token
from tests.discovery import document, methods_of
from tests.sign_in.accounts import KEY, NOW_S, Keys, SetTime, sign_in
from tests.sign_in.key_pairs import assertion, key_pair

OWN = ("http://mdm.example", "https://mdm.example")
SERVICE = "https://androidmanagement.googleapis.com/"


async def access_token(service: SignIn, scope: str = SCOPE) -> bytes:
    """An `Authorization` header with a token for KEY."""
    text = key_pair(0).sign(assertion("ci@acme", now_s=service.now_us() / 1e6, scope=scope), kid="k1")
    return b"Bearer " + (await issue_access_token(service, text, own_urls=OWN)).text.encode()


def self_signed(pair: int = 0, kid: str | None = "k1", **changed: object) -> bytes:
    """An `Authorization` header with a JWT that KEY's holder signed."""
    claims = assertion("ci@acme", now_s=NOW_S, **{"aud": None, "sub": "ci@acme", **changed})
    return b"Bearer " + key_pair(pair).sign(claims, kid=kid).encode()


async def caller_of(service: SignIn, credential: bytes) -> Caller:
    """Who shows it."""
    return await Callers(service).authenticate_caller(credential, own_urls=OWN)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": SERVICE, "scope": None},
        {"aud": SERVICE.rstrip("/"), "scope": None},
        {"aud": f"{SERVICE}google.android.devicemanagement.v1.Any", "scope": None},
        {"aud": "https://mdm.example/", "scope": None},
        {"aud": SERVICE},
        {"sub": None},
        {"kid": None},
        {"nbf": NOW_S + 299},
    ],
    ids=str,
)
async def test_a_caller_may_sign_its_own_bearer(changed: dict[str, Any]) -> None:
    assert KEY.caller == await caller_of(sign_in(), self_signed(**changed))


@pytest.mark.parametrize(
    "changed, error",
    [
        ({"scope": None}, CredentialsInvalid),
        ({"aud": "https://pubsub.googleapis.com/"}, CredentialsInvalid),
        ({"aud": "https://androidmanagement.googleapis.com.evil.example/", "scope": None}, CredentialsInvalid),
        ({"scope": "https://www.googleapis.com/auth/pubsub"}, ScopeInsufficient),
        ({"iat": NOW_S - 3_600, "exp": NOW_S}, AccessTokenExpired),
        ({"exp": NOW_S + 3_601}, CredentialsInvalid),
        ({"iat": NOW_S + 301}, CredentialsInvalid),
        ({"nbf": NOW_S + 301}, CredentialsInvalid),
        ({"sub": "boss@acme"}, CredentialsInvalid),
        ({"iss": "nobody@acme"}, CredentialsInvalid),
        ({"pair": 1}, CredentialsInvalid),
        ({"kid": "k2"}, CredentialsInvalid),
    ],
    ids=str,
)
async def test_a_bearer_signed_badly_is_refused(changed: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        await caller_of(sign_in(), self_signed(**changed))

    assert error is type(refused.value)


@pytest.mark.parametrize(
    "credential", [b"Bearer", b"Bearer ya29.a0Af", b"Basic dTpw", b"Bearer a.b.c", b"\xff\xfe \xff", b"Bearer " + b"x" * 9_000]
)
async def test_what_is_no_token_of_ours_is_refused(credential: bytes) -> None:
    with pytest.raises(CredentialsInvalid) as refused:
        await caller_of(sign_in(), credential)

    assert "ACCESS_TOKEN_TYPE_UNSUPPORTED" == refused.value.reason


async def test_no_token_is_another_error_than_a_bad_one() -> None:
    with pytest.raises(CredentialsMissing):
        await caller_of(sign_in(), b"")


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"OAuth "])
async def test_the_scheme_may_be_written_as_it_pleases(scheme: bytes) -> None:
    service = sign_in()

    assert KEY.caller == await caller_of(service, (await access_token(service)).replace(b"Bearer ", scheme))


async def test_an_access_token_ends_after_an_hour_also_where_it_is_remembered() -> None:
    time = SetTime()
    service = sign_in(time=time)
    callers, token = Callers(service), await access_token(service)
    time.now_s += 3_599
    await callers.authenticate_caller(token, own_urls=OWN)

    assert KEY.caller == callers.known(token)
    time.now_s += 1
    assert callers.known(token) is None
    with pytest.raises(AccessTokenExpired):
        await callers.authenticate_caller(token, own_urls=OWN)


async def test_every_server_with_the_same_key_file_knows_the_token() -> None:
    token = await access_token(sign_in())

    assert KEY.caller == await caller_of(sign_in(), token)
    with pytest.raises(CredentialsInvalid):
        await caller_of(sign_in(secret=bytes(32)), token)


async def test_a_token_dies_with_its_key_within_a_minute_on_other_servers() -> None:
    time, keys = SetTime(), Keys(KEY)
    service = SignIn(keys=keys, secret=bytes(32), now_us=time.now_us)
    callers, token = Callers(service), await access_token(service)
    await callers.authenticate_caller(token, own_urls=OWN)
    await keys.delete_service_key("k1")

    time.now_s += KNOWN_FOR_US / 1_000_000

    assert callers.known(token) is None
    with pytest.raises(AccountGone):
        await callers.authenticate_caller(token, own_urls=OWN)


async def test_a_token_is_looked_at_again_after_the_clock_was_set_back() -> None:
    time, keys = SetTime(), Keys(KEY)
    service = SignIn(keys=keys, secret=bytes(32), now_us=time.now_us)
    callers, token = Callers(service), await access_token(service)
    await callers.authenticate_caller(token, own_urls=OWN)
    await keys.delete_service_key("k1")

    time.now_s -= 60

    assert callers.known(token) is None
    with pytest.raises(AccountGone):
        await callers.authenticate_caller(token, own_urls=OWN)


async def test_a_token_from_a_clock_that_was_an_hour_ahead_ends_with_that_clock() -> None:
    time = SetTime()
    service = sign_in(time=time)
    token = await access_token(service)

    time.now_s -= 3_600

    with pytest.raises(AccessTokenExpired):
        await caller_of(service, token)


async def test_a_token_without_the_scope_of_the_api_is_not_enough() -> None:
    service = sign_in()

    with pytest.raises(ScopeInsufficient):
        await caller_of(service, await access_token(service, "https://www.googleapis.com/auth/pubsub"))


async def test_only_so_many_callers_are_remembered() -> None:
    service = sign_in(strangers=True)
    callers = Callers(service)
    credentials = [b"Bearer %d" % number for number in range(KNOWN_MOST + 1)]

    for credential in credentials:
        await callers.authenticate_caller(credential, own_urls=OWN)

    assert callers.known(credentials[0]) is None
    assert ANYBODY == callers.known(credentials[1])


async def test_a_sandbox_admits_any_token_and_none() -> None:
    sandbox = sign_in(strangers=True)

    for credential in (b"", b"Bearer ya29.x", b"Basic dTpw", b"Bearer a.b.c"):
        assert ANYBODY == await caller_of(sandbox, credential)
    assert "me@other" == (await caller_of(sandbox, self_signed(iss="me@other", sub="me@other"))).email


async def test_a_sandbox_holds_a_key_that_it_knows_to_its_role() -> None:
    sandbox = sign_in(strangers=True)

    assert KEY.caller == await caller_of(sandbox, await access_token(sandbox))
    with pytest.raises(Unauthenticated):
        await caller_of(sandbox, self_signed(pair=1))


def test_what_reads_is_what_google_calls_with_get() -> None:
    """A method that no one thought of counts as one that writes."""
    all_methods = {name: method["httpMethod"] for name, method in methods_of(document()).items()}

    assert all_methods
    assert {name: http != "GET" for name, http in all_methods.items()} == {name: is_write(name) for name in all_methods}
    assert is_write("heliograph.operations.something")


class Method(NamedTuple):
    """A method as callers call it."""

    id: str
    path: str
    destructive: bool = False


METHODS = {  # by whether it is in an enterprise, and whether it writes
    (True, True): Method("androidmanagement.enterprises.policies.patch", "enterprises/*/policies/*"),
    (True, False): Method("androidmanagement.enterprises.policies.get", "enterprises/*/policies/*"),
    (False, True): Method("androidmanagement.enterprises.create", "enterprises"),
    (False, False): Method("androidmanagement.enterprises.list", "enterprises"),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("enterprises", [None, frozenset({"acme"})])
@pytest.mark.parametrize("enterprise", ["acme", "others", None])
@pytest.mark.parametrize("writes", [True, False])
def test_who_may_what(role: Role, enterprises: frozenset[str] | None, enterprise: str | None, *, writes: bool) -> None:
    managed = enterprises is None or enterprise == "acme" or (enterprise is None and not writes)
    may = managed and (role is not Role.VIEWER or not writes)

    refused = ""
    try:
        Caller(role=role, enterprises=enterprises).rights.admit(METHODS[enterprise is not None, writes], enterprise)
    except Exception as error:  # noqa: BLE001 - its kind is looked at
        refused = type(error).__name__

    assert may is (refused == "")
    if enterprise == "others" and enterprises is not None:
        assert "EnterpriseNotAuthorized" == refused

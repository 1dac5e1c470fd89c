"""What stands on the wire: the token endpoint, 401 and 403, and the operator's desk."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from google.auth import jwt as google_jwt
from google.oauth2 import _client

from heliograph.api.http.address import Addresses
from heliograph.api.http.audited import Audited
from heliograph.api.resources.token import GRANT_TYPE, token_app
from heliograph.domain.access import SCOPE, Role, ServiceKey
from heliograph.domain.errors import Overloaded
from heliograph.service.callers import SignIn
from heliograph.settings import Settings
from tests.api.live import Response
from tests.service.world import world
from tests.sign_in.accounts import SECRET, Keys, SetTime
from tests.sign_in.conftest import OPERATOR, Guarded, guarded_server
from tests.sign_in.key_pairs import assertion, key_pair

SEE = "Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."


@pytest.fixture(scope="module")
def acme(guarded: Guarded) -> dict[str, Any]:
    """An admin's key."""
    return guarded.key_file(["acme"])


def granted(server: Guarded, key: dict[str, Any], path: str = "/token", **changed: Any) -> Response:  # noqa: ANN401 - claims
    """The token endpoint's answer to an assertion of the key."""
    text = key_pair(0).sign(assertion(key["client_email"], **changed), kid=key["private_key_id"])
    return posted(server, urlencode({"grant_type": GRANT_TYPE, "assertion": text}), path)


def posted(server: Guarded, form: str, path: str = "/token") -> Response:
    """The token endpoint's answer to a form."""
    return server.call("POST", path, form, content_type="application/x-www-form-urlencoded")


def error_of(response: Response) -> tuple[int, str, dict[str, Any]]:
    """Status, challenge and ErrorInfo."""
    assert "UNAUTHENTICATED" == response.json["error"]["status"]
    (info,) = response.json["error"]["details"]
    assert ("type.googleapis.com/google.rpc.ErrorInfo", "googleapis.com") == (info.pop("@type"), info.pop("domain"))
    return response.status, response.headers["www-authenticate"], info


@pytest.mark.parametrize("path", ["/token", "/oauth2/v4/token"])
def test_a_grant_answers_as_google_does(guarded: Guarded, acme: dict[str, Any], path: str) -> None:
    answer = granted(guarded, acme, path)

    assert 200 == answer.status
    assert {"access_token": answer.json["access_token"], "expires_in": 3_599, "token_type": "Bearer"} == answer.json
    assert "no-store" in answer.headers["cache-control"]
    assert "application/json; charset=utf-8" == answer.headers["content-type"]


def test_a_refused_grant_answers_as_google_does(guarded: Guarded, acme: dict[str, Any]) -> None:
    wrong = granted(guarded, acme, aud="https://elsewhere.example/token")

    assert 400 == wrong.status
    text = "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token"
    assert {"error": "invalid_grant", "error_description": text} == wrong.json
    assert 401 == granted(guarded, acme, sub="boss@acme").status


@pytest.mark.parametrize(
    "form, error",
    [
        ("", "invalid_request"),
        ("grant_type=password", "unsupported_grant_type"),
        (urlencode({"grant_type": GRANT_TYPE}), "invalid_grant"),
        ("&".join(f"a{number}=1" for number in range(20)), "invalid_request"),
        ("grant_type=\xff", "invalid_request"),
        ("x=" + "y" * 20_000, "invalid_request"),
    ],
)
def test_what_is_no_grant_is_refused(guarded: Guarded, form: str, error: str) -> None:
    answer = posted(guarded, form)

    assert (True, error) == (400 <= answer.status < 500, answer.json["error"])


EVIL = {"host": "evil.example", "x_forwarded_host": "evil.example", "x_forwarded_proto": "https"}


def test_a_host_header_makes_no_audience_of_this_server(guarded: Guarded, acme: dict[str, Any]) -> None:
    """A caller's signature for another server is not valid here, with any other headers."""
    for aud in ("http://evil.example/token", "https://evil.example/token"):
        text = key_pair(0).sign(assertion(acme["client_email"], aud=aud), kid=acme["private_key_id"])
        form = urlencode({"grant_type": GRANT_TYPE, "assertion": text})
        answer = guarded.call("POST", "/token", form, content_type="application/x-www-form-urlencoded", **EVIL)

        assert (400, "invalid_grant") == (answer.status, answer.json["error"])
    bearer = key_pair(0).sign(assertion(acme["client_email"], aud="https://evil.example/", scope=None), kid=acme["private_key_id"])
    refused = guarded.call("GET", "/v1/enterprises/acme", authorization=f"Bearer {bearer}", **EVIL)
    assert "ACCESS_TOKEN_TYPE_UNSUPPORTED" == error_of(refused)[2]["reason"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_an_assertion_for_the_address_that_is_bound_is_good_whatever_the_host_header(
    guarded: Guarded, acme: dict[str, Any], name: str
) -> None:
    aud = f"http://{name}:{guarded.port}/token"
    text = key_pair(0).sign(assertion(acme["client_email"], aud=aud), kid=acme["private_key_id"])
    form = urlencode({"grant_type": GRANT_TYPE, "assertion": text})

    assert 200 == guarded.call("POST", "/token", form, content_type="application/x-www-form-urlencoded", **EVIL).status


def test_an_assertion_for_a_public_url_is_good_and_links_have_it(tmp_path: Path) -> None:
    public = "https://amapi.example.com"
    with guarded_server(Settings(data_dir=tmp_path, public_urls=(public,))) as server:
        key = server.key_file(["*"])
        token = granted(server, key, aud=f"{public}/token")
        bearer = {"authorization": f"Bearer {token.json['access_token']}"}
        server.call("POST", "/v1/enterprises?projectId=p&agreementAccepted=true", "{}", **bearer)
        enterprise = server.call("GET", "/v1/enterprises?projectId=p", **bearer).json["enterprises"][0]["name"]
        made = server.call("POST", f"/v1/{enterprise}/enrollmentTokens", "{}", **bearer, **EVIL)
        link = server.call("POST", "/v1/signupUrls?projectId=p&callbackUrl=https://emm.example.com/", **bearer, **EVIL)
        document = server.call("GET", "/$discovery/rest?version=v1", **EVIL)

    bundle = json.loads(made.json["qrCode"])["android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"]
    assert public == bundle["server_url"]
    assert link.json["url"].startswith(f"{public}/signup/")
    assert f"{public}/" == document.json["rootUrl"]


def test_nothing_else_is_at_the_token_endpoint(guarded: Guarded) -> None:
    assert [404, 404] == [guarded.call("GET", "/token").status, guarded.call("POST", "/tokens").status]


async def test_googles_library_asks_again_where_the_server_could_not_look(tmp_path: Path) -> None:
    class Busy(Keys):
        """A database that takes no more."""

        async def service_keys_of(self, client_email: str) -> list[ServiceKey]:
            raise Overloaded

    sent: list[dict[str, Any]] = []
    text = key_pair(0).sign(assertion("ci@acme"), kid="k1")
    form = urlencode({"grant_type": GRANT_TYPE, "assertion": text}).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": form}

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    service = SignIn(keys=Busy(), secret=SECRET, now_us=SetTime().now_us)
    async with world(tmp_path) as lab:
        audited = Audited(lab.ports, Addresses())
        app = token_app(service, audited, own_urls=lambda _: ["http://mdm"], otherwise=lambda *_: pytest.fail("not the token endpoint"))
        await app({"type": "http", "method": "POST", "path": "/token", "headers": []}, receive, send)

    assert 503 == sent[0]["status"]
    assert _client._can_retry(sent[0]["status"], json.loads(sent[1]["body"]))  # type: ignore[no-untyped-call]  # noqa: SLF001


def test_without_credentials(guarded: Guarded) -> None:
    answer = guarded.call("POST", "/v1/enterprises/acme/devices/d:issueCommand", "{}")

    assert f"Request is missing required authentication credential. {SEE}" == answer.message
    info = {
        "reason": "CREDENTIALS_MISSING",
        "metadata": {"method": "androidmanagement.enterprises.devices.issueCommand", "service": "androidmanagement.googleapis.com"},
    }
    assert (401, 'Bearer realm="https://accounts.google.com/"', info) == error_of(answer)


def test_with_a_token_of_somebody_elses(guarded: Guarded) -> None:
    answer = guarded.call("GET", "/v1/enterprises/acme", authorization="Bearer ya29.c.b0Aaekm1K")

    assert f"Request had invalid authentication credentials. {SEE}" == answer.message
    status, challenge, info = error_of(answer)
    assert (401, "ACCESS_TOKEN_TYPE_UNSUPPORTED") == (status, info["reason"])
    assert 'Bearer realm="https://accounts.google.com/", error="invalid_token"' == challenge


def test_with_an_expired_token(guarded: Guarded, acme: dict[str, Any]) -> None:
    expired = assertion(acme["client_email"], now_s=1_700_000_000, aud="https://androidmanagement.googleapis.com/")
    token = key_pair(0).sign(expired, kid=acme["private_key_id"])

    answer = guarded.call("GET", "/v1/enterprises/acme", authorization=f"Bearer {token}")

    assert "ACCESS_TOKEN_EXPIRED" == error_of(answer)[2]["reason"]


def test_a_bearer_for_another_service_says_what_is_wrong(guarded: Guarded, acme: dict[str, Any]) -> None:
    token = key_pair(0).sign(assertion(acme["client_email"], aud="https://pubsub.googleapis.com/"), kid=acme["private_key_id"])

    answer = guarded.call("GET", "/v1/enterprises/acme", authorization=f"Bearer {token}")

    assert "aud must be" in error_of(answer)[2]["metadata"]["why"]


def test_a_path_that_nobody_serves_needs_no_credentials_to_be_missing(guarded: Guarded) -> None:
    assert [404, 200] == [guarded.call("GET", "/v1/nothing").status, guarded.call("GET", "/healthz").status]


def test_the_timeline_is_guarded_too(guarded: Guarded) -> None:
    assert 401 == guarded.call("GET", "/heliograph/v1/enterprises/acme/devices/d/operations/1/timeline").status


def test_a_token_outlives_the_server_process(tmp_path: Any) -> None:  # noqa: ANN401
    settings = Settings(data_dir=tmp_path)
    with guarded_server(settings) as server:
        token = granted(server, server.key_file(["acme"])).json["access_token"]

    with guarded_server(settings) as server:
        assert 200 == server.call("GET", "/v1/enterprises/acme", authorization=f"Bearer {token}").status


def test_a_token_says_nothing_that_the_caller_does_not_know(guarded: Guarded, acme: dict[str, Any]) -> None:
    claims = google_jwt.decode(granted(guarded, acme).json["access_token"], verify=False)  # type: ignore[no-untyped-call]

    assert {"sub": acme["client_email"], "scope": SCOPE} == {name: claims[name] for name in claims if name not in {"iat", "exp"}}


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer guessed"}, {"authorization": f"Bearer {OPERATOR}", "x_forwarded_for": "203.0.113.9"}],
)
def test_the_desk_serves_the_operator_only(guarded: Guarded, headers: dict[str, str]) -> None:
    for http_method, path in (("GET", ""), ("POST", ""), ("DELETE", "/x")):
        answer = guarded.call(http_method, f"/heliograph/v1/keys{path}", None, **headers)

        assert (403, "OPERATOR_ONLY") == (answer.status, answer.json["error"]["details"][0]["reason"])


def test_an_admins_token_does_not_open_the_desk(guarded: Guarded) -> None:
    token = granted(guarded, guarded.key_file(["*"])).json["access_token"]

    assert 403 == guarded.operate("GET", "", secret=token).status


@pytest.mark.parametrize(
    "changed, status, said",
    [
        ({"publicKey": "x"}, 400, "publicKey"),
        ({"publicKey": key_pair(7, 1_024).public}, 400, "2048"),
        ({"publicKey": key_pair(0).private}, 400, "publicKey"),
        ({"enterprises": []}, 400, "enterprises"),
        ({"enterprises": ["a/b"]}, 400, "a/b"),
        ({"role": "owner"}, 400, "viewer, operator, admin"),
        ({"account": "Not an account"}, 400, "account"),
        ({"person": "Ann of Acme"}, 400, "person"),
        ({"enterprises": ["nobodys"], "role": "viewer"}, 400, "enterprises/nobodys"),
        ({"bogus": 1}, 400, "bogus"),
    ],
)
def test_a_key_that_cannot_be_made_says_why(guarded: Guarded, changed: dict[str, Any], status: int, said: str) -> None:
    wanted = {"publicKey": key_pair(0).public, "enterprises": ["acme"], "role": "admin", **changed}

    answer = guarded.operate("POST", "", json.dumps(wanted))

    assert (status, True) == (answer.status, said in answer.message)


def test_the_desk_lists_keys_and_never_a_key_itself(guarded: Guarded) -> None:
    guarded.key_file(["acme"])  # makes the enterprise
    viewer = guarded.key_file(["acme"], Role.VIEWER, pair=key_pair(6))

    listed = {key["keyId"]: key for key in guarded.operate("GET", "").json["keys"]}

    key = listed[viewer["private_key_id"]]
    assert ("viewer", ["acme"], viewer["client_email"]) == (key["role"], key["enterprises"], key["clientEmail"])
    assert "KEY-----" not in str(listed)
    assert 404 == guarded.operate("DELETE", "/nothing").status

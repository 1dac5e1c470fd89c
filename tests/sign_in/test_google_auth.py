"""Google's own Python libraries sign in with a key file of ours, with nothing changed but the address."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import google_auth_httplib2  # type: ignore[import-untyped]
import httplib2
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials as OfAToken
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from heliograph.domain.access import SCOPE, Role
from tests.sign_in.conftest import Guarded
from tests.sign_in.google_credentials import credentials_of
from tests.sign_in.key_pairs import key_pair

PUBSUB = "https://www.googleapis.com/auth/pubsub"


@contextlib.contextmanager
def client(server: Guarded, credentials: Any, **options: Any) -> Iterator[Any]:  # noqa: ANN401
    """`androidmanagement.enterprises()` of Google's client."""
    with contextlib.closing(httplib2.Http(timeout=90)) as http:
        authorized = google_auth_httplib2.AuthorizedHttp(credentials, http=http)
        yield build("androidmanagement", "v1", http=authorized, client_options={"api_endpoint": server.url}, **options).enterprises()


def self_signed(credentials: Any) -> OfAToken:  # noqa: ANN401
    """The bearer that the credentials sign themselves. They take no subject, which is how `credentials_of` avoids the look-up."""
    credentials.refresh(None)
    return OfAToken(credentials.token)  # type: ignore[no-untyped-call]


@pytest.fixture
def phone(guarded: Guarded) -> str:
    """A device of enterprises/acme."""
    key = guarded.key_file(["*"], pair=key_pair(9))
    session = AuthorizedSession(credentials_of(key))  # type: ignore[no-untyped-call]
    with contextlib.closing(session):
        token = session.post(f"{guarded.url}/v1/enterprises/acme/enrollmentTokens", json={"policyName": "default"}).json()
    return guarded.enrolled(token["value"])


@pytest.fixture(scope="module", autouse=True)
def acme(guarded: Guarded) -> dict[str, Any]:
    """An admin's key; the first one makes its enterprise."""
    return guarded.key_file(["acme"])


def test_a_key_file_signs_in_and_its_name_stands_in_the_timeline(guarded: Guarded, acme: dict[str, Any], phone: str) -> None:
    credentials = credentials_of(acme)
    with client(guarded, credentials) as enterprises:
        issued = enterprises.devices().issueCommand(name=phone, body={"type": "LOCK"}).execute()

    timeline = guarded.call("GET", f"/heliograph/v1/{issued['name']}/timeline", authorization=f"Bearer {credentials.token}").json
    assert acme["client_email"] in json.dumps(timeline)


def test_a_key_file_signs_in_just_as_it_is(guarded: Guarded, acme: dict[str, Any]) -> None:
    """Without a subject: what `credentials_of` adds is for the look-up, not for signing in."""
    credentials = service_account.Credentials.from_service_account_info(acme, scopes=(SCOPE,))  # type: ignore[no-untyped-call]

    with requests.Session() as session:
        credentials.refresh(Request(session))

    assert 200 == guarded.call("GET", "/v1/enterprises/acme", authorization=f"Bearer {credentials.token}").status


def test_one_token_may_have_several_scopes(guarded: Guarded, acme: dict[str, Any]) -> None:
    with contextlib.closing(AuthorizedSession(credentials_of(acme, SCOPE, PUBSUB))) as session:  # type: ignore[no-untyped-call]
        assert 200 == session.get(f"{guarded.url}/v1/enterprises/acme").status_code


def test_a_token_without_the_scope_of_the_api_is_refused(guarded: Guarded, acme: dict[str, Any]) -> None:
    with client(guarded, credentials_of(acme, PUBSUB)) as enterprises, pytest.raises(HttpError) as refused:
        enterprises.get(name="enterprises/acme").execute()

    assert (403, "Request had insufficient authentication scopes.") == (refused.value.status_code, refused.value.reason)
    challenge = f'Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="{SCOPE}"'
    assert challenge == refused.value.resp["www-authenticate"]


def test_the_client_may_sign_its_own_bearers(guarded: Guarded, acme: dict[str, Any]) -> None:
    """always_use_jwt_access: the token endpoint, here one without a server, is never asked."""
    key = {**acme, "token_uri": "http://127.0.0.1:1/token"}
    for scopes in ((SCOPE,), ()):
        credentials = service_account.Credentials.from_service_account_info(key, scopes=scopes, always_use_jwt_access=True)  # type: ignore[no-untyped-call]
        credentials._create_self_signed_jwt("https://androidmanagement.googleapis.com/")  # noqa: SLF001 - as googleapiclient calls it
        with client(guarded, self_signed(credentials)) as enterprises:
            assert "enterprises/acme" == enterprises.get(name="enterprises/acme").execute()["name"]


def test_the_address_of_the_server_is_an_audience_too(guarded: Guarded, acme: dict[str, Any]) -> None:
    credentials = service_account.Credentials.from_service_account_info(acme, always_use_jwt_access=True)  # type: ignore[no-untyped-call]
    credentials._create_self_signed_jwt(f"{guarded.url}/")  # noqa: SLF001 - as googleapiclient calls it

    with client(guarded, self_signed(credentials)) as enterprises:
        assert "enterprises/acme" == enterprises.get(name="enterprises/acme").execute()["name"]


def test_an_enterprise_of_others_is_as_one_that_does_not_exist(guarded: Guarded, acme: dict[str, Any]) -> None:
    guarded.key_file(["others"], pair=key_pair(1))
    told = []
    with client(guarded, credentials_of(acme)) as enterprises:
        for enterprise in ("others", "nobodys"):
            with pytest.raises(HttpError) as refused:
                enterprises.devices().list(parent=f"enterprises/{enterprise}").execute()
            told.append((refused.value.status_code, refused.value.reason, refused.value.error_details))

    assert (403, "Caller is not authorized to manage enterprise.") == told[0][:2]
    assert told[0] == told[1]


def test_a_viewer_gets_and_lists_and_changes_nothing(guarded: Guarded, phone: str) -> None:
    viewer = credentials_of(guarded.key_file(["acme"], Role.VIEWER, pair=key_pair(2)))
    with client(guarded, viewer) as enterprises:
        assert phone == enterprises.devices().get(name=phone).execute()["name"]
        assert {} == enterprises.devices().operations().list(name=f"{phone}/operations").execute()

        for change in (
            enterprises.devices().issueCommand(name=phone, body={"type": "WIPE"}),
            enterprises.devices().delete(name=phone),
            enterprises.patch(name="enterprises/acme", body={}),
            enterprises.enrollmentTokens().create(parent="enterprises/acme", body={}),
        ):
            with pytest.raises(HttpError) as refused:
                change.execute()
            assert (403, "PERMISSION_DENIED") == (refused.value.status_code, json.loads(refused.value.content)["error"]["status"])
            assert "role viewer" in str(refused.value.reason)


def test_only_a_key_of_every_enterprise_makes_and_sees_all(guarded: Guarded, acme: dict[str, Any]) -> None:
    with client(guarded, credentials_of(guarded.key_file(["*"], pair=key_pair(9)))) as enterprises:
        made = enterprises.create(projectId="p", agreementAccepted=True, body={"enterpriseDisplayName": "New"}).execute()["name"]
        listed = {found["name"] for found in enterprises.list(projectId="p", pageSize=100).execute()["enterprises"]}
    assert {made, "enterprises/acme"} <= listed

    with client(guarded, credentials_of(acme)) as enterprises:
        assert [{"name": "enterprises/acme"}] == enterprises.list(projectId="p").execute()["enterprises"]
        with pytest.raises(HttpError) as refused:
            enterprises.create(projectId="p", body={}).execute()
    assert (403, True) == (refused.value.status_code, "--enterprise '*'" in str(refused.value.reason))


def test_a_list_of_ones_own_enterprises_has_pages(guarded: Guarded) -> None:
    key = guarded.key_file(["one", "two", "three"], pair=key_pair(3))

    with client(guarded, credentials_of(key)) as enterprises:
        first = enterprises.list(projectId="p", pageSize=2)
        pages = [first.execute()]
        pages.append(enterprises.list_next(first, pages[0]).execute())

    names = [[found["name"] for found in page["enterprises"]] for page in pages]
    assert [["enterprises/one", "enterprises/two"], ["enterprises/three"]] == names
    assert "nextPageToken" not in pages[1]


def test_a_deleted_key_and_its_tokens_are_refused_at_once(guarded: Guarded) -> None:
    key = guarded.key_file(["acme"], pair=key_pair(4))
    credentials = credentials_of(key)
    with client(guarded, credentials) as enterprises:
        enterprises.get(name="enterprises/acme").execute()
        assert {} == guarded.operate("DELETE", f"/{key['private_key_id']}").json

        # The client answers a 401 with a new token, as it would for an expired one.
        with pytest.raises(RefreshError, match="account not found"):
            enterprises.get(name="enterprises/acme").execute()

    refused = guarded.call("GET", "/v1/enterprises/acme", authorization=f"Bearer {credentials.token}")
    assert (401, "ACCOUNT_STATE_INVALID") == (refused.status, refused.json["error"]["details"][0]["reason"])


def test_a_key_with_another_private_half_is_refused(guarded: Guarded, acme: dict[str, Any]) -> None:
    wrong = credentials_of({**acme, "private_key": key_pair(5).private})

    with client(guarded, wrong) as enterprises, pytest.raises(RefreshError, match=r"invalid_grant.*Invalid JWT Signature"):
        enterprises.get(name="enterprises/acme").execute()


@pytest.mark.parametrize("parameter", ["access_token", "oauth_token"])
def test_a_token_may_stand_in_the_query(guarded: Guarded, acme: dict[str, Any], parameter: str) -> None:
    credentials = credentials_of(acme)
    with client(guarded, credentials) as enterprises:
        enterprises.get(name="enterprises/acme").execute()

    good = guarded.call("GET", f"/v1/enterprises/acme?{urlencode({parameter: credentials.token})}")
    bad = guarded.call("GET", f"/v1/enterprises/acme?{urlencode({parameter: 'ya29.other'})}")

    assert [200, 401] == [good.status, bad.status]


def test_a_batch_signs_in_once_for_all_its_calls(guarded: Guarded, acme: dict[str, Any]) -> None:
    answers: dict[str, Any] = {}
    with client(guarded, credentials_of(acme)) as enterprises:
        enterprises.get(name="enterprises/acme").execute()  # the client signs in for a batch on a connection that it never closes
        # Made here for its address: the client's own would send it to Google, which served discovery is for.
        batch = BatchHttpRequest(
            callback=lambda id_, answer, error: answers.__setitem__(id_, answer if error is None else error.status_code),
            batch_uri=f"{guarded.url}/batch",
        )
        batch.add(enterprises.get(name="enterprises/acme"), request_id="mine")
        batch.add(enterprises.get(name="enterprises/others"), request_id="others")
        batch.execute()

    assert {"mine": {"name": "enterprises/acme"}, "others": 403} == answers

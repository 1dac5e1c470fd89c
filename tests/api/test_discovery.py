"""The discovery document: Google's own client builds itself from it, and all that it says is true of Google's API too."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httplib2
import pytest
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError, UnknownApiNameOrVersion

from heliograph.api.discovery import discovery_document
from heliograph.api.methods import AMAPI_METHODS
from heliograph.domain.official_messages import MESSAGES
from tests import discovery as official
from tests.api.live import Live

ADDRESS = "https://amapi.example.com:8443/"
OURS: dict[str, Any] = json.loads(discovery_document(ADDRESS))

DIFFERENT: dict[str, str] = {
    "androidmanagement.enterprises.devices.issueCommand requestId": "Our own: the same request sent again is answered, not done again.",
    "alt enum": "media and proto are refused: this server answers in JSON only.",
    "callback": "Refused: this server does not wrap answers as JSONP.",
}
"""What differs from Google's document, each with its reason: a parameter of a method, or one of all methods."""


def bare(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without the words, which are our own."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    # A property may be called "description" too, and is then an object.
    return {name: bare(item) for name, item in value.items() if name not in {"description", "enumDescriptions"} or isinstance(item, dict)}


OFFICIAL_METHODS = official.methods_of(official.document())
OUR_METHODS = official.methods_of(OURS)


def test_it_describes_every_method_of_googles_and_no_others() -> None:
    assert set(OFFICIAL_METHODS) == set(OUR_METHODS)


@pytest.mark.parametrize("id", sorted(OFFICIAL_METHODS))
def test_a_method_is_called_as_google_calls_it(id: str) -> None:
    ours, google = OUR_METHODS[id], OFFICIAL_METHODS[id]

    own = {name: of for name, of in ours["parameters"].items() if f"{id} {name}" in DIFFERENT}
    assert bare({**google, "parameters": {**google.get("parameters", {}), **own}}) == bare(ours)
    assert ours["description"]


@pytest.mark.parametrize("id", sorted(method.id for method in AMAPI_METHODS if not method.offered))
def test_a_method_that_is_not_offered_says_so(id: str) -> None:
    assert OUR_METHODS[id]["description"].startswith(f"{id} is not offered by this server: ")


@pytest.mark.parametrize("name", sorted(OURS["schemas"]))
def test_a_schema_has_googles_name_and_fields_each_of_googles_type(name: str) -> None:
    ours, google = bare(OURS["schemas"][name]), bare(official.schema(name))

    assert google == ours
    assert OURS["schemas"][name]["description"]


@pytest.mark.parametrize(
    "name",
    [
        "AddEsimParams", "Application", "Command", "Device", "EnrollmentToken", "Enterprise", "Operation", "ProvisioningInfo", "WebApp",
        "WipeParams",
    ],
)  # fmt: skip
def test_every_field_of_what_callers_use_most_is_explained(name: str) -> None:
    assert [] == [field for field, of in OURS["schemas"][name]["properties"].items() if not of.get("description")]


def test_every_parameter_is_explained_and_common_ones_are_googles() -> None:
    explained = [of["description"] for method in OUR_METHODS.values() for of in method["parameters"].values()]

    assert all(explained)
    google = {name: bare(of) for name, of in official.document()["parameters"].items() if name not in DIFFERENT}
    google["alt"]["enum"] = ["json"]
    assert google == bare(OURS["parameters"])


def test_every_difference_from_googles_document_is_one() -> None:
    own = set()
    for method, of in OUR_METHODS.items():
        own |= {f"{method} {name}" for name in set(of["parameters"]) - set(OFFICIAL_METHODS[method]["parameters"])}

    assert set(DIFFERENT) == own | {"alt enum", "callback"}
    assert "callback" not in OURS["parameters"]


def enums(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - any JSON
    """Every enum in it with its place."""
    if isinstance(value, dict):
        if isinstance(value.get("enum"), list):
            yield place, value
        for name, inner in value.items():
            yield from enums(inner, f"{place}.{name}")


def test_every_enum_value_outside_of_policies_and_of_what_no_device_reports_is_explained() -> None:
    others = {name: of for name, of in OURS["schemas"].items() if name not in MESSAGES and name != "Device"}
    found = dict(enums({**others, "methods": OUR_METHODS, "all methods": OURS["parameters"]}))

    assert len(found) > 30
    unexplained = {
        (place, value) for place, of in found.items() for value, text in zip(of["enum"], of["enumDescriptions"], strict=True) if not text
    }
    assert set() == unexplained


def test_every_reference_is_to_a_schema_that_is_there() -> None:
    def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from references(inner)
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            yield value["$ref"]

    assert set(references(OURS)) <= set(OURS["schemas"])


def test_every_address_in_it_is_the_callers() -> None:
    addresses = [OURS[name] for name in ("rootUrl", "baseUrl", "mtlsRootUrl")]

    assert [ADDRESS] * 3 == addresses
    assert ("", "batch", "") == (OURS["servicePath"], OURS["batchPath"], OURS["basePath"])
    assert "googleapis.com/" not in json.dumps({**OURS, "auth": 0, "resources": 0, "schemas": 0})


PATHS = ["/$discovery/rest?version=v1", "/%24discovery/rest?version=v1", "/$discovery/rest", "/discovery/v1/apis/androidmanagement/v1/rest"]


@pytest.mark.parametrize("path", PATHS)
def test_it_is_found_where_clients_look_for_it(live: Live, path: str) -> None:
    answer = live.call("GET", path)

    assert (200, "application/json; charset=UTF-8") == (answer.status, answer.headers["content-type"])
    assert discovery_document(live.url + "/") == answer.body


def test_it_names_the_address_that_the_client_used(live: Live) -> None:
    assert "http://phones.localhost:81/" == live.call("GET", PATHS[0], host="phones.localhost:81").json["rootUrl"]


def test_a_name_that_is_not_the_servers_gives_way_to_its_address(live: Live) -> None:
    assert f"{live.url}/" == live.call("GET", PATHS[0], host="phones.example.com:81").json["rootUrl"]


@pytest.mark.parametrize("host", ['x"y', "a/b", "<script>", "a b", ""])
def test_a_host_that_is_none_is_not_repeated(live: Live, host: str) -> None:
    answer = live.call("GET", PATHS[0], host=host)

    assert 400 == answer.status or live.url + "/" == answer.json["rootUrl"]


def test_another_version_is_not_found_and_the_client_says_so(live: Live) -> None:
    assert 404 == live.call("GET", "/$discovery/rest?version=v2").status

    with contextlib.closing(httplib2.Http()) as http, pytest.raises(UnknownApiNameOrVersion):
        build("androidmanagement", "v2", http=http, discoveryServiceUrl=url(live), static_discovery=False)


def url(live: Live) -> str:
    """What a Python caller gives to `build`."""
    return live.url + "/$discovery/rest?version={apiVersion}"


@pytest.fixture
def amapi(live: Live) -> Iterator[Any]:
    """Google's client, built from the document; the client makes its classes at run time."""
    with contextlib.closing(httplib2.Http(timeout=90)) as http:
        yield build("androidmanagement", "v1", http=http, discoveryServiceUrl=url(live), static_discovery=False)


@pytest.mark.both_ways
def test_googles_client_built_from_it_issues_follows_and_cancels(amapi: Any, device: str) -> None:  # noqa: ANN401
    devices = amapi.enterprises().devices()

    issued = devices.issueCommand(name=device, body={"startLostModeParams": {"lostEmailAddress": "desk@example.com"}}).execute()
    assert {} == devices.operations().cancel(name=issued["name"]).execute()

    assert 1 == devices.operations().get(name=issued["name"]).execute()["error"]["code"]
    assert [issued["name"]] == [each["name"] for each in devices.operations().list(name=f"{device}/operations").execute()["operations"]]


def test_googles_client_calls_what_is_not_offered_and_shows_the_sentence(amapi: Any, enterprise: str) -> None:  # noqa: ANN401
    with pytest.raises(HttpError) as refusal:
        amapi.enterprises().webTokens().create(parent=enterprise, body={"parentFrameUrl": "https://emm.example.com"}).execute()

    assert (501, "androidmanagement.enterprises.webTokens.create is not offered by this server: it has no managed Google Play.") == (
        refusal.value.status_code,
        refusal.value.reason,
    )


@pytest.mark.both_ways
def test_its_batches_come_here_too(live: Live, amapi: Any, enterprise: str) -> None:  # noqa: ANN401
    """With Google's own document they would go to Google: a WIPE among them."""
    devices = [live.device(enterprise) for _ in range(3)]
    answered: dict[str, tuple[Any, Any]] = {}
    batch = amapi.new_batch_http_request(callback=lambda at, answer, error: answered.update({at: (answer, error)}))
    for device in [*devices, f"{enterprise}/devices/none"]:
        batch.add(amapi.enterprises().devices().issueCommand(name=device, body={"wipeParams": {}}), request_id=device)

    batch.execute()

    assert [*devices, f"{enterprise}/devices/none"] == list(answered)
    for device in devices:
        answer, error = answered[device]
        assert ("WIPE", None) == (answer["metadata"]["type"], error)
        assert answer == amapi.enterprises().devices().operations().get(name=answer["name"]).execute()
    assert (404, "Requested entity was not found.") == (
        answered[f"{enterprise}/devices/none"][1].status_code,
        answered[f"{enterprise}/devices/none"][1].reason,
    )


@pytest.mark.both_ways
def test_a_get_too_long_for_a_url_is_sent_as_a_post_by_the_client_and_answered(amapi: Any, device: str) -> None:  # noqa: ANN401
    issued = amapi.enterprises().devices().issueCommand(name=device, body={"type": "LOCK"}).execute()
    wanted = ",".join(["operations/name"] * 200)
    request = amapi.enterprises().devices().operations().list(name=f"{device}/operations", fields=wanted)
    assert len(quote(wanted)) > 2_048

    assert {"operations": [{"name": issued["name"]}]} == request.execute()

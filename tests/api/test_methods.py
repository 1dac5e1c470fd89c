"""The table of methods against the discovery document: every method of AMAPI is served or says why not."""

import re
from typing import Any

import msgspec
import pytest

from heliograph.api.methods import AMAPI_METHODS
from tests.api.live import Live
from tests.discovery import document, methods_of

BY_ID = {method.id: method for method in AMAPI_METHODS}
METHODS = methods_of(document())


def path_of(method: dict[str, Any]) -> str:
    """The documented path as our rows write it."""
    return re.sub(r"\{[^}]+\}", "*", method["flatPath"]).removeprefix("v1/")


def test_every_documented_method_has_its_row_and_no_row_is_invented() -> None:
    rows = {method.id: (method.http, method.path) for method in AMAPI_METHODS}

    assert {known: (method["httpMethod"], path_of(method)) for known, method in METHODS.items()} == rows


@pytest.mark.parametrize("id", sorted(method.id for method in BY_ID.values() if method.offered))
def test_a_served_method_takes_exactly_the_documented_parameters_and_a_body_where_documented(id: str) -> None:
    parameters = {name for name, parameter in METHODS[id]["parameters"].items() if parameter["location"] == "query"}

    own = {"requestId"} if id.endswith(".issueCommand") else set()  # Heliograph's own: idempotent issue
    assert parameters | own == {field.encode_name for field in msgspec.structs.fields(BY_ID[id].query)}
    # Cancel has no documented request, and clients send `{}` all the same.
    assert ("request" in METHODS[id] or id.endswith(".cancel")) == BY_ID[id].takes_body


@pytest.mark.parametrize("id", sorted(METHODS))
@pytest.mark.both_ways
def test_a_documented_method_is_served_or_answers_501_with_a_sentence_why(live: Live, id: str) -> None:
    path = "/v1/" + path_of(METHODS[id]).replace("*", "nothing")

    answer = live.call(METHODS[id]["httpMethod"], path, b"{}" if METHODS[id]["httpMethod"] in {"POST", "PATCH"} else None)

    if not BY_ID[id].offered:
        assert (501, "UNIMPLEMENTED") == (answer.status, answer.json["error"]["status"])
        assert re.fullmatch(rf"{re.escape(id)} is not offered by this server: \S.*\.", answer.message)
    else:
        assert answer.status in {200, 400, 403, 404}
        assert "was not found on this server" not in answer.body.decode()


@pytest.mark.parametrize(
    "http_method, path",
    [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/v2/enterprises"),
        ("GET", "/v1/enterprises/"),
        ("GET", "/v1/enterprises//devices"),
        ("GET", "/v1/enterprises/e/devices/d/"),
        ("GET", "/v1/enterprises/e/devices/d/operations/1/extra"),
        ("POST", "/v1/enterprises/e/devices/d:wipe"),
        ("POST", "/v1/enterprises/e/devices/d/operations/1:cancel:cancel"),
        ("POST", "/v1/enterprises/e/devices:issueCommand"),
        ("GET", "/heliograph/v1/enterprises/e/devices/d/operations/1"),
    ],
)
def test_an_unknown_path_is_404_in_googles_form(live: Live, http_method: str, path: str) -> None:
    answer = live.call(http_method, path)

    assert 404 == answer.status
    assert {"error": {"code": 404, "message": answer.message, "status": "NOT_FOUND"}} == answer.json
    assert "was not found on this server." in answer.message


def test_a_known_path_with_another_http_method_is_404_and_says_which_would_do(live: Live) -> None:
    answer = live.call("PUT", "/v1/enterprises/e/devices/d")

    assert 404 == answer.status
    assert answer.message.endswith("With another HTTP method it would be: GET, PATCH, DELETE.")

"""The `fields` parameter."""

import contextlib
import re
from collections.abc import Iterator

import pytest

from heliograph.api.http.partial_response import parse_fields, select_fields
from heliograph.api.method import Method
from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.api.schemas import schema_id
from heliograph.api.selectable import selection_of
from heliograph.domain.device import Device
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import Message
from tests.api.live import Live
from tests.discovery import schema

BODY = b'{"devices":[{"name":"d1","hardwareInfo":{"model":"Pixel 8","brand":"google"}},{"name":"d2","state":"ACTIVE"}],"nextPageToken":"t"}'


@pytest.mark.parametrize(
    "fields, expected",
    [
        ("nextPageToken,devices/name", b'{"devices":[{"name":"d1"},{"name":"d2"}],"nextPageToken":"t"}'),
        ("devices(name,state)", b'{"devices":[{"name":"d1"},{"name":"d2","state":"ACTIVE"}]}'),
        ("devices(hardwareInfo(model))", b'{"devices":[{"hardwareInfo":{"model":"Pixel 8"}},{}]}'),
        ("devices/hardwareInfo/model", b'{"devices":[{"hardwareInfo":{"model":"Pixel 8"}},{}]}'),
        ("devices/*/brand", b'{"devices":[{"hardwareInfo":{"brand":"google"}},{}]}'),
        ("*", BODY),
        (" nextPageToken , devices ( name ) ", b'{"devices":[{"name":"d1"},{"name":"d2"}],"nextPageToken":"t"}'),
        ("operations", b"{}"),
    ],
)
def test_only_what_was_selected_is_answered(fields: str, expected: bytes) -> None:
    assert expected == select_fields(BODY, parse_fields(fields))


@pytest.mark.parametrize("fields", [",", "a,", "a(", "a(b", "a)b", "a//b", "/a", "a()", "(a)", "a b", "a(" * 40 + "b" + ")" * 40])
def test_a_selector_that_is_none_is_refused(fields: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid field selection"):
        parse_fields(fields)


SERVED = [method for method in AMAPI_METHODS if method.offered]


def official_paths(name: str, *, path: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """A selector for each field of this message, and of those in it."""
    for field, of in schema(name).get("properties", {}).items():
        yield path + field
        inner = of.get("items", of).get("$ref")
        if inner and inner not in above:
            yield from official_paths(inner, path=f"{path}{field}/", above=(*above, inner))


@pytest.mark.parametrize("method", SERVED, ids=[method.id for method in SERVED])
def test_every_official_field_may_be_selected_whether_or_not_it_is_filled(method: Method) -> None:
    name = method.response if isinstance(method.response, str) else schema_id(method.response)

    for path in official_paths(name):
        selection_of(path, method.response)
        with pytest.raises(InvalidArgument, match=f"^Invalid field selection {re.escape(f'{path}x'[:64])}"):
            selection_of(f"{path}x", method.response)


@pytest.mark.parametrize("method", [*SERVED, *OWN_METHODS], ids=lambda method: method.id)
def test_a_star_selects_everything_of_any_answer(method: Method) -> None:
    assert {"*": {}} == selection_of("*", method.response)


@pytest.mark.parametrize(
    "response, fields",
    [
        ("Operation", "metadata/@type,metadata(anything/at/all),response/x,error(code,details/anything)"),
        ("ListOperationsResponse", "operations(name,metadata(wipeParams/x)),nextPageToken,unreachable"),
        (Device, "hardwareInfo(brand,model),*/model,*(brand)"),
        (Policy, "applications/managedConfiguration/whatever,openNetworkConfiguration/a/b"),
    ],
)
def test_below_an_any_and_a_star_many_names_are_good(response: str | type[Message], fields: str) -> None:
    assert selection_of(fields, response)


@pytest.mark.parametrize(
    "response, fields, wrong",
    [
        ("Operation", "nmae", "nmae"),
        ("Operation", "name,done,metdata/type,errors(code)", "metdata\nInvalid field selection errors"),
        ("Operation", "error(code,mesage)", "error/mesage"),
        ("Operation", "name/first", "name/first"),
        ("Empty", "name", "name"),
        (Device, "hardwareInfo/modell", "hardwareInfo/modell"),
        (Device, "hardwareInfo(brand,modell)", "hardwareInfo/modell"),
        (Device, "hardwareInfo/*/modell", "hardwareInfo/*/modell"),
        (Device, "hardware_info", "hardware_info"),
        ("ListOperationsResponse", "name", "name"),
    ],
)
def test_what_names_nothing_is_refused_in_googles_words(response: str | type[Message], fields: str, wrong: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        selection_of(fields, response)

    assert f"Invalid field selection {wrong}" == refusal.value.message


@pytest.mark.both_ways
def test_a_command_with_a_selector_that_names_nothing_is_not_issued(live: Live, device: str) -> None:
    answer = live.call("POST", f"/v1/{device}:issueCommand?fields=nmae", b'{"type":"LOCK"}')

    assert (400, "Invalid field selection nmae") == (answer.status, answer.message)
    assert {} == live.call("GET", f"/v1/{device}/operations").json
    assert [200, 400] == [live.call("GET", f"/v1/{device}?fields={fields}").status for fields in ("policyCompliant", "hardwareInfo/modell")]


@pytest.mark.both_ways
def test_a_timeline_is_selected_from_too(live: Live, device: str) -> None:
    operation = live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"}).json["name"]

    assert {"state": "QUEUED"} == live.call("GET", f"/heliograph/v1/{operation}/timeline?fields=state").json
    assert 400 == live.call("GET", f"/heliograph/v1/{operation}/timeline?fields=entries/whta").status


@pytest.mark.parametrize("method", [*AMAPI_METHODS, *OWN_METHODS], ids=lambda method: method.id)
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_selector_of_stars_is_valid_or_refused_of_every_method(method: Method, depth: int) -> None:
    with contextlib.suppress(InvalidArgument):
        selection_of("/".join("*" * depth), method.response)

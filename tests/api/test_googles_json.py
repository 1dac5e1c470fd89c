"""What Google's parsers take beyond the documented JSON, over every field of every message that a body can be; strictly, none of it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from heliograph.api.methods import AMAPI_METHODS
from heliograph.domain.behaviour import Behaviour
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message
from heliograph.protojson.reader_options import BOOLS, STRICT
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.protojson.types import proto_info
from heliograph.service.limits import Limits
from scripts.wrong_bodies import SLOPPY, Sloppy
from tests.api.live import Live, live_server, settings_for

pytestmark = pytest.mark.both_ways

GOOGLES = Behaviour.DOCUMENTED.reader


class Spelling(NamedTuple):
    """JSON that Google's parsers take, and the documented JSON for the same."""

    loose: Any
    documented: Any


def messages() -> list[type[msgspec.Struct]]:
    """Every message that a body is or holds."""
    found: list[type[msgspec.Struct]] = []
    left = [method.request for method in AMAPI_METHODS if method.request is not None]
    while left:
        message = left.pop()
        if message not in found:
            found.append(message)
            kinds = [inner_kind(field.kind) for field in shape_of(message).fields]
            left += [kind.cls for kind in kinds if isinstance(kind, MessageKind)]
    return sorted(found, key=lambda message: proto_info(message).full_name)


def inner_kind(kind: Kind) -> Kind:
    """The kind of an element or of a map's value; of anything else its own."""
    while isinstance(kind, ListKind | MapKind):
        kind = kind.item if isinstance(kind, ListKind) else kind.value
    return kind


SCALARS: dict[Scalar, object] = {
    Scalar.STRING: "text", Scalar.BOOL: True, Scalar.INT32: 7, Scalar.INT64: "7", Scalar.FLOAT: 1.5, Scalar.DOUBLE: 1.5,
    Scalar.DURATION: "60s", Scalar.TIMESTAMP: "2026-11-22T10:00:00Z", Scalar.BYTES: "AQI=",
    Scalar.STRUCT: {"a": 1}, Scalar.VALUE: {"a": [None]},
}  # fmt: skip
ZEROS: dict[Scalar, object] = {Scalar.BOOL: False, Scalar.INT32: 0, Scalar.INT64: "0", Scalar.FLOAT: 0, Scalar.DOUBLE: 0, Scalar.STRUCT: {}}


def documented(kind: Kind) -> Any:  # noqa: ANN401 - any JSON
    """Some value of this kind."""
    match kind:
        case EnumKind():
            return list(kind.by_number.values())[-1].value
        case MessageKind():
            return {}
        case ListKind():
            return [documented(kind.item)]
        case MapKind():
            return {"key": documented(kind.value)}
        case _:
            return SCALARS[kind]


def zero(kind: Kind) -> Any:  # noqa: ANN401 - any JSON
    """What stands for null in a list of these."""
    if isinstance(kind, EnumKind):
        return 0
    return {} if isinstance(kind, MessageKind) else ZEROS.get(kind) if kind in ZEROS else ""


def spellings(kind: Kind) -> Iterator[Spelling]:
    """Every way in which Google's parsers are freer with this kind; nothing for those with which they are not."""
    match kind:
        case Scalar.BOOL:
            yield from (Spelling(spelled, meant) for word, meant in BOOLS.items() for spelled in (word, word.upper(), word.title()))
        case EnumKind():
            yield from (Spelling(str(number), number) for number in kind.by_number)
        case ListKind():
            item = kind.item
            one = documented(item)
            yield Spelling(one, [one])
            yield Spelling([[one], one, [[], [one, [one]]]], [one] * 4)
            yield Spelling([None, one], [zero(item), one])
            yield from (Spelling(loose, [meant]) for loose, meant in spellings(item))
            yield from (Spelling([loose], [meant]) for loose, meant in spellings(item))
        case MapKind():
            yield from (Spelling({"key": loose}, {"key": meant}) for loose, meant in spellings(kind.value))
        case _:
            return


LOOSE = [
    pytest.param(message, field.json_name, list(found), id=f"{proto_info(message).full_name.rpartition('.v1.')[2]}.{field.json_name}")
    for message in messages()
    for field in shape_of(message).fields
    if (found := list(spellings(field.kind)))
]


def test_there_are_fields_of_every_freer_kind() -> None:
    kinds = [field.kind for message in messages() for field in shape_of(message).fields]

    assert 150 < len(LOOSE)
    assert {"Command.resetPasswordFlags", "Policy.cameraDisabled", "PasswordRequirements.passwordQuality"} <= {str(row.id) for row in LOOSE}
    assert all(any(isinstance(kind, wanted) for kind in kinds) for wanted in (ListKind, MapKind, EnumKind, MessageKind))


@pytest.mark.parametrize("message, field, found", LOOSE)
def test_what_googles_parsers_take_is_read_as_they_read_it(message: type[msgspec.Struct], field: str, found: list[Spelling]) -> None:
    for loose, meant in found:
        expected = decode_message(message, json.dumps({field: meant}), root="body", options=STRICT)

        assert expected == decode_message(message, json.dumps({field: loose}), root="body", options=GOOGLES)


@pytest.mark.parametrize("message, field, found", LOOSE)
def test_strictly_all_of_it_is_refused_with_its_field(message: type[msgspec.Struct], field: str, found: list[Spelling]) -> None:
    path = f"body.{shape_of(message).by_name[field].name}"

    for loose, _meant in found:
        with pytest.raises(InvalidArgument) as caught:
            decode_message(message, json.dumps({field: loose}), root="body", options=STRICT)

        assert all(violation.field.startswith(path) or violation.field == "body" for violation in caught.value.violations)


REFUSED = [
    '{"type": "lock"}', '{"type": "99"}', '{"type": "LOCK", "type": "LOCK"}', '{"type": ["LOCK"]}', '{"type": "LOCK", "duration": "+60s"}',
    '{"type": "LOCK", "duration": {"seconds": 60}}', '{"type": "RESET_PASSWORD", "newPassword": 123456}', '{"wipeParams": []}',
    '{"clearAppsDataParams": {"packageNames": [["a"], 1]}}', '{"clearAppsDataParams": {"packageNames": {}}}',
    '{"wipeParams": {"wipeDataFlags": ["wipe_esims"]}}',
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSED)
def test_what_none_of_googles_parsers_surely_takes_stays_refused(live: Live, device: str, body: str) -> None:
    assert 400 == live.call("POST", f"/v1/{device}:issueCommand", body).status


def test_a_mistake_inside_a_freer_list_is_told_with_its_place() -> None:
    message = next(message for message in messages() if "resetPasswordFlags" in shape_of(message).by_name)

    with pytest.raises(InvalidArgument) as caught:
        decode_message(message, '{"resetPasswordFlags": [["LOCK_NOW", ["NO"]], "9"]}', root="command", options=GOOGLES)

    assert ["command.reset_password_flags[1]", "command.reset_password_flags[2]"] == [found.field for found in caught.value.violations]


LOOSE_WIPE = '{"type": "11", "wipeParams": {"wipeDataFlags": "WIPE_ESIMS"}}'
LOOSE_POLICY = '{"cameraDisabled": "true", "applications": {"packageName": "com.example.app", "disabled": "no"}}'


def test_a_server_takes_them_in_every_method_that_has_a_body(live: Live, device: str) -> None:
    enterprise = device.partition("/devices/")[0]

    command = live.call("POST", f"/v1/{device}:issueCommand", LOOSE_WIPE)
    policy = live.call("PATCH", f"/v1/{enterprise}/policies/loose", LOOSE_POLICY)

    assert {"wipeDataFlags": ["WIPE_ESIMS"]} == command.json["metadata"]["wipeParams"]
    assert (True, [{"packageName": "com.example.app"}]) == (policy.json["cameraDisabled"], policy.json["applications"])


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Live]:
    """A server with `--behaviour strict`."""
    with live_server(settings_for(tmp_path_factory.mktemp(way_in), limits=Limits(behaviour=Behaviour.STRICT))) as server:
        yield server


def test_a_strict_server_refuses_them_and_says_what_to_send_instead(strict: Live) -> None:
    phone = strict.device(strict.enterprise())

    command = strict.call("POST", f"/v1/{phone}:issueCommand", LOOSE_WIPE)
    policy = strict.call("PATCH", f"/v1/{phone.partition('/devices/')[0]}/policies/loose", LOOSE_POLICY)

    assert (400, 400) == (command.status, policy.status)
    assert command.message.endswith("A list is expected: put it into [ ].")
    assert "Invalid value at 'policy.camera_disabled' (TYPE_BOOL), \"true\"" in policy.message


PATHS = {"Command": ("POST", "{device}:issueCommand"), "Policy": ("PATCH", "{enterprise}/policies/sloppy")}


@pytest.mark.parametrize("row", SLOPPY, ids=[row.body for row in SLOPPY])
def test_the_bodies_of_the_page_are_taken_and_strictly_refused(live: Live, strict: Live, row: Sloppy) -> None:
    http_method, path = PATHS[row.message]

    answers = []
    for server in (live, strict):
        device = server.device(server.enterprise())
        place = "/v1/" + path.format(device=device, enterprise=device.partition("/devices/")[0])
        answers.append([server.call(http_method, place, body) for body in (row.body, row.read_as)])

    (sloppy, meant), (refused, strictly_meant) = answers
    assert (200, 200, 400, 200) == (sloppy.status, meant.status, refused.status, strictly_meant.status)
    assert any(line.endswith(row.advice) for line in refused.message.split("\n")), refused.message

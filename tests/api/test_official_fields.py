"""Every field of an official message is known wherever the message is: in bodies and in masks, though nothing here fills it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.schemas import schema_id
from heliograph.domain.device import Device
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.messages import PACKAGE
from heliograph.domain.official_messages import MESSAGES
from heliograph.domain.policy_messages import Policy
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.protojson.messages import decode_message
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MapKind, MessageKind, shape_of, type_name
from tests.api.live import Live
from tests.discovery import schema

BODIES = {schema_id(method.request): method.request for method in AMAPI_METHODS if method.request is not None}
MASKED: dict[str, type[msgspec.Struct]] = {"Device": Device, "Enterprise": Enterprise, "Policy": Policy}
BY_FORMAT: dict[str, object] = {"google-duration": "60s", "google-datetime": "2026-11-22T10:00:00Z", "byte": "AQI=", "int64": "7"}
BY_TYPE: dict[str, object] = {"string": "text", "boolean": True, "integer": 7, "number": 1.5, "any": [None, {"a": 1}]}


def value(of: dict[str, Any], within: tuple[str, ...] = ()) -> object:
    """A value of this type, with every field of every message in it once."""
    if "$ref" in of:
        name = of["$ref"]
        return {} if name in within else {field: value(inner, (*within, name)) for field, inner in schema(name)["properties"].items()}
    if of["type"] == "array":
        return [value(of["items"], within)]
    if of["type"] == "object":
        return {"key": value(of["additionalProperties"], within)}
    if "enum" in of:
        return of["enum"][-1]
    return BY_FORMAT.get(of.get("format", ""), BY_TYPE[of["type"]])


def fields() -> Iterator[tuple[str, str]]:
    """Every field of every message that a body can be."""
    for name in BODIES:
        for field in schema(name)["properties"]:
            yield name, field


def paths(name: str, within: tuple[str, ...] = ()) -> Iterator[str]:
    """Every path to a field of this message and of those in it; a mask does not go into lists and maps."""
    for field, of in schema(name)["properties"].items():
        yield field
        if "$ref" in of and of["$ref"] not in within:
            yield from (f"{field}.{path}" for path in paths(of["$ref"], (*within, name)))


def kinds_in(message: type[msgspec.Struct], seen: set[type[msgspec.Struct]]) -> Iterator[Kind]:
    """The kind of every field of the message and of those in it."""
    if message in seen:
        return
    seen.add(message)
    for field in shape_of(message).fields:
        kind = field.kind
        while isinstance(kind, ListKind | MapKind):
            yield kind
            kind = kind.item if isinstance(kind, ListKind) else kind.value
        yield kind
        if isinstance(kind, MessageKind):
            yield from kinds_in(kind.cls, seen)


def test_errors_name_every_official_type_in_googles_package() -> None:
    """A message with `protojson`'s base, or an enum with its `proto`, would be TYPE_MESSAGE or TYPE_ENUM."""
    seen: set[type[msgspec.Struct]] = set()
    kinds = [kind for message in (*BODIES.values(), *MESSAGES.values()) for kind in kinds_in(message, seen)]

    unnamed = [kind for kind in kinds if isinstance(kind, EnumKind | MessageKind | MapKind) and PACKAGE not in type_name(kind)]

    assert len(kinds) > 500
    assert [] == unnamed


def test_the_bodies_are_those_that_callers_send() -> None:
    assert {"Command", "Device", "EnrollmentToken", "Enterprise", "Policy"} <= set(BODIES)


@pytest.mark.parametrize("name, field", list(fields()))
def test_a_body_may_have_every_official_field(name: str, field: str) -> None:
    body = {field: value(schema(name)["properties"][field])}

    message = decode_message(BODIES[name], json.dumps(body), root="body")

    python_name = shape_of(BODIES[name]).by_name[field].name
    assert getattr(message, python_name) != getattr(decode_message(BODIES[name], b"{}", root="body"), python_name)


@pytest.mark.parametrize("name", MASKED)
def test_a_mask_may_name_every_official_field(name: str) -> None:
    every = list(paths(name))
    assert "_" not in "".join(every)

    found = parse_field_mask(",".join(every), of=MASKED[name])

    assert len(every) == len(found)
    assert [shape_of(MASKED[name]).by_name[path].name for path in every if "." not in path] == [path for path in found if "." not in path]


def test_no_field_of_a_message_in_a_body_is_ours_alone() -> None:
    """`fields` and masks are judged by these shapes: what they know must be what Google's message has."""
    left, seen = list(BODIES.values()), set()
    while left:
        message = left.pop()
        if schema_id(message) not in seen:
            seen.add(schema_id(message))
            assert set(schema(schema_id(message))["properties"]) == {field.json_name for field in shape_of(message).fields}
            left += [field.kind.cls for field in shape_of(message).fields if isinstance(field.kind, MessageKind)]


@pytest.mark.parametrize("field", sorted(set(schema("Device")["properties"]) - {"state", "policyName", "disabledReason"}))
def test_what_only_the_server_and_the_phone_can_say_of_a_device_is_ignored(live: Live, device: str, field: str) -> None:
    before = live.call("GET", f"/v1/{device}").json
    body = {field: value(schema("Device")["properties"][field])}

    masks = [f"?updateMask={quote(path)}" for path in (field, f"{field},policyName")]
    answers = [live.call("PATCH", f"/v1/{device}{mask}", json.dumps({**body, "policyName": "default"})) for mask in ("", *masks)]

    assert [(200, before)] * 3 == [(answer.status, answer.json) for answer in answers]


def test_it_is_changed_beside_what_is_ignored(live: Live, device: str) -> None:
    whole = {**live.call("GET", f"/v1/{device}").json, "policyCompliant": True, "state": "DISABLED", "memoryInfo": {"totalRam": "1"}}

    changed = live.call("PATCH", f"/v1/{device}", json.dumps(whole)).json

    assert "DISABLED" == changed["state"]
    assert "policyCompliant" not in changed


def test_a_field_that_no_message_has_is_still_refused(live: Live, device: str) -> None:
    answer = live.call("PATCH", f"/v1/{device}", '{"policyCompliants": true}')
    masked = live.call("PATCH", f"/v1/{device}?updateMask=policyCompliants", "{}")

    assert (400, 400) == (answer.status, masked.status)
    assert 'Did you mean "policyCompliant"?' in answer.json["error"]["message"]

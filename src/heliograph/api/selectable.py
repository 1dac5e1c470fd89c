"""What `fields` may name: the fields of the message that a method answers, filled or not. Anything stands below a google.protobuf.Any.

Source: developers.google.com/discovery/v1/performance, "Partial response" (a selector that names nothing is an error).
"""

import functools
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from heliograph.api.http.partial_response import Selection, invalid_selection, parse_fields
from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.own_methods import OWN_METHODS
from heliograph.api.schemas import RAW_SCHEMAS, schema_id, schemas_of
from heliograph.protojson.errors import VIOLATIONS_MOST


class _Place(NamedTuple):
    """Where a selector has got to: in one of these messages, because `*` may lead to several; `anything`: every name below is valid."""

    messages: frozenset[str] = frozenset()
    anything: bool = False


def selection_of(fields: str, response: type[msgspec.Struct] | str) -> Selection:
    """The selection that `fields` says of an answer that is this message.

    Raises: InvalidArgument, naming the missing field.
    """
    selection = parse_fields(fields)
    name = response if isinstance(response, str) else schema_id(response)
    wrong = [*islice(_wrong(selection, _Place(frozenset({name})), ""), VIOLATIONS_MOST)]
    if wrong:
        raise invalid_selection(*wrong)
    return selection


def _wrong(selection: Selection, place: _Place, path: str) -> Iterator[str]:
    """The paths in the selection that lead nowhere."""
    if place.anything:
        return
    places = _places_below(place.messages)
    for name, below in selection.items():
        found = places.get(name)
        if found is None:
            yield path + name
        elif below:
            yield from _wrong(below, found, f"{path}{name}/")


@functools.cache
def _places_below(messages: frozenset[str]) -> Mapping[str, _Place]:
    """Where each name leads from these messages. Made once for each of the few sets of messages."""
    found: dict[str, _Place] = {"*": _Place()}
    for message in messages:
        for name, of in _schemas()[message].get("properties", {}).items():  # an enum has none, and leads nowhere
            place = _place_of(of)
            found[name] = _both(found.get(name, _Place()), place)
            found["*"] = _both(found["*"], place)
    return found


def _both(one: _Place, other: _Place) -> _Place:
    return _Place(one.messages | other.messages, one.anything or other.anything)


def _place_of(schema: Mapping[str, Any]) -> _Place:
    """Where a field with this schema leads; a text or number leads nowhere."""
    while schema.get("type") == "array":
        schema = schema["items"]
    if "$ref" in schema:
        return _Place(frozenset({schema["$ref"]}))
    return _Place(anything="additionalProperties" in schema)


@functools.cache
def _schemas() -> Mapping[str, Mapping[str, Any]]:
    """The messages that methods answer, and those in them, as the discovery document describes them."""
    answered = {method.response for method in AMAPI_METHODS if isinstance(method.response, type)}
    own = [method.response for method in OWN_METHODS if isinstance(method.response, type)]
    _refs, own_schemas = msgspec.json.schema_components(own, ref_template="{name}")
    return {**RAW_SCHEMAS, **schemas_of(answered), **own_schemas}

"""The walk: a parsed JSON value against a message's shape, rule by rule, with every violation in Google's words.

Taken when the fast path of `messages` did not accept a body: slower, and the one that decides what is right.

Source: protobuf.dev/programming-guides/json; spec/amapi.md §4.3, §4.4, §9.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import msgspec

from heliograph.protojson import suggestions
from heliograph.protojson.errors import InvalidArgument, Violation, Violations
from heliograph.protojson.parser import JsonNumber, JsonObject, parse_json
from heliograph.protojson.reader_options import BOOLS, STRICT, ReaderOptions
from heliograph.protojson.schema import EnumKind, Field, Kind, ListKind, MapKind, MessageKind, Scalar, Shape, shape_of, type_name, zero_of
from heliograph.protojson.times import parse_duration_ns, parse_timestamp_ns
from heliograph.protojson.types import BYTES_PATTERN, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, Int64

M = TypeVar("M", bound=msgspec.Struct)

MAX_SHOWN_CHARS = 64
_PREFIX = "Invalid JSON payload received."
# Two digits of exponent and 64 characters say every int64 and bound the arithmetic.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?\Z")

_BYTES = re.compile(BYTES_PATTERN)

_BAD: Any = object()
"""What a reader returns after it found a violation."""


def _no_hint() -> str:
    return ""


class Place(msgspec.Struct, frozen=True):
    """Where a value stands: its proto path, the path of the message around it, and its field.

    Words are found only for the violations that are kept: a body may hold a hundred thousand.
    """

    path: str
    parent: str
    field: Field
    violations: Violations
    options: ReaderOptions

    def reject(self, kind: Kind, value: object, *, hint: Callable[[], str] = _no_hint) -> Any:  # noqa: ANN401 - _BAD
        """Note `Invalid value at …`; the value of a secret field is not quoted."""

        def describe() -> Violation:
            shown = "" if self.field.secret else f", {_shown(value)}"
            said = hint()
            return Violation(self.path, f"Invalid value at '{self.path}' ({type_name(kind)}){shown}{'.' + said if said else ''}")

        return self.note(describe)

    def note(self, describe: Callable[[], Violation]) -> Any:  # noqa: ANN401 - _BAD
        self.violations.note(describe)
        return _BAD

    def inside(self, index: int, *, of_map: bool = False) -> "Place":
        """The place of an element of this list, or of a value of this map."""
        if self.violations.full:
            return self  # it is not reported any more
        path = f"{self.path}[{index}].value" if of_map else f"{self.path}[{index}]"
        return Place(path, self.parent, self.field, self.violations, self.options)


def read_body(cls: type[M], body: bytes, *, root: str, options: ReaderOptions = STRICT) -> M:
    """The message in this JSON text; as `messages.decode_message`."""
    return read_parsed(cls, parse_json(body) if body.strip(b" \t\r\n") else JsonObject(), root=root, options=options)


def read_parsed(cls: type[M], value: object, *, root: str, options: ReaderOptions = STRICT) -> M:
    """The message in this parsed JSON value; as `messages.decode_message`."""
    if not isinstance(value, dict):
        description = f'{_PREFIX} Unknown name "": Root element must be a message. That is a JSON object: {{ … }}.'
        raise InvalidArgument(violations=[Violation("", description)])
    violations = Violations()
    message: M = _message(shape_of(cls), value, path=root, violations=violations, options=options)
    if violations:
        raise InvalidArgument(violations=violations)
    return message


def _message(shape: Shape, value: dict[str, Any], *, path: str, violations: Violations, options: ReaderOptions) -> Any:  # noqa: ANN401
    """The message, or _BAD after noting what is wrong with it."""
    known = len(violations)
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    if isinstance(value, JsonObject):
        for name in value.repeated:
            violations.note(partial(_unknown_name, name, path, "The name is repeated: a field may appear only once."))
    for name, raw in value.items():
        field = shape.by_name.get(name)
        if field is None:
            violations.note(partial(_unknown_field, name, raw, shape, path))
        elif field.name in names:
            violations.note(partial(_unknown_name, name, path, f'The field is given twice, also as "{names[field.name]}".'))
        else:
            names[field.name] = name
            if raw is not None:
                at = f"{path}.{field.name}" if path else field.name
                values[field.name] = _read(field.kind, raw, Place(at, path, field, violations, options))
    _check_oneofs(shape, values, path=path, violations=violations)
    missing = [field.json_name for field in shape.fields if field.required and field.name not in values]
    violations.extend(Violation(path, f'Missing required field "{name}"{_at(path)}.') for name in missing)
    return shape.cls(**values) if len(violations) == known else _BAD


def _check_oneofs(shape: Shape, values: dict[str, Any], *, path: str, violations: Violations) -> None:
    taken: set[str] = set()
    for name in values:
        oneof = shape.oneof_of.get(name)
        if oneof in taken:
            where = f"Invalid value at '{path}' (oneof)"
            wire_name = shape.by_name[name].json_name
            violations.extend([Violation(path, f"{where}, oneof field '{oneof}' is already set. Cannot set '{wire_name}'")])
        elif oneof is not None:
            taken.add(oneof)


def _read(kind: Kind, value: Any, place: Place) -> Any:  # noqa: ANN401 - JSON in, field out
    """The field's value, or _BAD after noting why there is no value."""
    if isinstance(kind, ListKind):
        return _list(kind, value, place)
    if kind is Scalar.VALUE or (kind is Scalar.STRUCT and isinstance(value, dict)):
        return _struct(value, place)
    if isinstance(value, list):
        return place.note(partial(_unexpected_list, kind, value, place))
    if isinstance(kind, MessageKind | MapKind):
        return _object(kind, value, place)
    if isinstance(value, dict):
        return place.note(partial(_unexpected_object, kind, value, place))
    return _enum(kind, value, place) if isinstance(kind, EnumKind) else _scalar(kind, value, place)


def _object(kind: MessageKind | MapKind, value: object, place: Place) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return place.reject(kind, value, hint=partial(suggestions.for_kind, kind, value))
    if isinstance(kind, MessageKind):
        return _message(shape_of(kind.cls), value, path=place.path, violations=place.violations, options=place.options)
    for name in value.repeated if isinstance(value, JsonObject) else ():
        place.note(partial(_unknown_name, name, place.path, "The name is repeated: a key may appear only once."))
    for key in value:
        if not _is_text(key):
            place.note(partial(_unknown_name, key, place.path, "The key is not a string."))
    return {key: _read(kind.value, item, place.inside(index, of_map=True)) for index, (key, item) in enumerate(value.items())}


def _struct(value: Any, place: Place) -> Any:  # noqa: ANN401 - any JSON value
    """The value with plain numbers in it: what a google.protobuf.Struct takes is any JSON, its numbers being doubles."""
    if isinstance(value, dict):
        for name in value.repeated if isinstance(value, JsonObject) else ():
            place.note(partial(_unknown_name, name, place.path, "The name is repeated: a key may appear only once."))
        return {key: _struct(item, place) for key, item in value.items()}
    if isinstance(value, list):
        return [_struct(item, place) for item in value]
    if not isinstance(value, JsonNumber):
        return value
    number = float(value)
    return number if math.isfinite(number) else place.reject(Scalar.STRUCT, value)


def _list(kind: ListKind, value: object, place: Place) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        elements = _flat(value) if place.options.lists_in_lists and not isinstance(kind.item, ListKind) else iter(value)
        return tuple(_element(kind.item, element, place.inside(index)) for index, element in enumerate(elements))
    if place.options.one_for_a_list:
        return (_read(kind.item, value, place),)
    return place.reject(kind, value, hint=partial(suggestions.for_kind, kind, value))


def _element(kind: Kind, value: object, place: Place) -> Any:  # noqa: ANN401
    if value is None and place.options.nulls_in_lists:
        return zero_of(kind)
    return _read(kind, value, place)


def _flat(elements: list[Any]) -> Iterator[Any]:
    """The elements in order, those of the lists among them for these; each costs the same, however deep it lies."""
    under_way = [iter(elements)]
    while under_way:
        for element in under_way[-1]:
            if isinstance(element, list):
                under_way.append(iter(element))
                break
            yield element
        else:
            under_way.pop()


def _enum(kind: EnumKind, value: object, place: Place) -> Any:  # noqa: ANN401
    is_text = isinstance(value, str) and not isinstance(value, JsonNumber)
    if is_text and value in kind.by_name:
        return kind.by_name[str(value)]
    number = None if is_text and not place.options.quoted_enum_numbers else _integer(value)
    if number is not None and number in kind.by_number:
        return kind.by_number[number]
    return place.reject(kind, value, hint=partial(suggestions.for_enum, str(value) if is_text else "", kind))


def _bool(value: object, place: Place) -> Any:  # noqa: ANN401
    if isinstance(value, bool):
        return value
    if place.options.words_for_bools and _is_text(value) and (meant := BOOLS.get(str(value)[:MAX_SHOWN_CHARS].lower())) is not None:
        return meant
    return place.reject(Scalar.BOOL, value, hint=partial(suggestions.for_kind, Scalar.BOOL, value))


def _scalar(kind: Scalar, value: Any, place: Place) -> Any:  # noqa: ANN401
    match kind:
        case Scalar.BOOL:
            return _bool(value, place)
        case Scalar.INT32 | Scalar.INT64 | Scalar.FLOAT | Scalar.DOUBLE:
            number = _of_kind(kind, value)
            return number if number is not None else place.reject(kind, value)
        case Scalar.STRING:
            return value if _is_text(value) else place.reject(kind, value, hint=partial(suggestions.for_kind, kind, value))
        case Scalar.BYTES:
            return value if _is_text(value) and _BYTES.match(value) else place.reject(kind, value)
        case Scalar.DURATION | Scalar.TIMESTAMP:
            return _moment(kind, value, place)
        case Scalar.STRUCT | Scalar.VALUE:  # an object, and anything, was read before
            return place.reject(kind, value)


def _of_kind(kind: Scalar, value: object) -> int | float | None:
    """The number that the value says, if the kind can hold it."""
    if kind in {Scalar.FLOAT, Scalar.DOUBLE}:
        return _real(value)
    number = _integer(value)
    if number is None:
        return None
    if kind is Scalar.INT32:
        return number if INT32_MIN <= number <= INT32_MAX else None
    return Int64(number) if INT64_MIN <= number <= INT64_MAX else None


def _moment(kind: Scalar, value: Any, place: Place) -> Any:  # noqa: ANN401
    """A Duration or Timestamp: its text as it came, once it is sure to be one."""
    what, parse = ("duration", parse_duration_ns) if kind is Scalar.DURATION else ("timestamp", parse_timestamp_ns)
    if _is_text(value):
        try:
            parse(value)
        except ValueError as error:
            why = str(error)
        else:
            return value
    else:
        why = f"Invalid data type for {what}, value is {_shown(value)}"

    def describe() -> Violation:
        hint = f".{suggestions.for_duration(value)}" if kind is Scalar.DURATION else ""
        return Violation(place.path, f"Invalid value at '{place.path}' ({kind.value}), Field '{place.field.json_name}', {why}{hint}")

    return place.note(describe)


def _integer(value: object) -> int | None:
    """The integer that a JSON number, or a text that holds one, says exactly: 3, "3", 3.0, 3e0."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int):
        return value
    text = value if isinstance(value, str) else repr(value)
    if len(text) > MAX_SHOWN_CHARS or not _NUMBER.match(text):
        return None
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else None


def _real(value: object) -> float | None:
    """The finite number that a JSON number, or a text that holds one, says; NaN and the infinities could not be written as numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not isinstance(value, JsonNumber) and (len(value) > MAX_SHOWN_CHARS or not _NUMBER.match(value)):
        return None
    try:
        real = float(value)
    except OverflowError:
        return None
    return real if math.isfinite(real) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, JsonNumber) and value.encode(errors="replace").decode() == value


def _unknown_name(name: str, path: str, why: str) -> Violation:
    return Violation(path, f"{_PREFIX} Unknown name {_shown(name)}{_at(path)}: {why}")


def _unknown_field(name: str, value: object, shape: Shape, path: str) -> Violation:
    return _unknown_name(name, path, f"Cannot find field.{suggestions.for_name(name, shape, path=path, value=value)}")


def _unexpected_list(kind: Kind, value: list[object], place: Place) -> Violation:
    why = f"Proto field is not repeating, cannot start list.{suggestions.for_list(kind, value)}"
    return _unknown_name(place.field.json_name, place.parent, why)


def _unexpected_object(kind: Kind, value: object, place: Place) -> Violation:
    hint = suggestions.for_kind(kind, value)
    why = f"Starting an object on a scalar field{'.' + hint if hint else ''}"
    return Violation(place.path, f"Invalid value at '{place.path}' ({type_name(kind)}), {why}")


def _at(path: str) -> str:
    return f" at '{path}'" if path else ""


def _shown(value: object) -> str:
    """A JSON value as errors quote it: one line, at most MAX_SHOWN_CHARS characters, without the contents of lists and objects."""
    if isinstance(value, list | dict):
        return "[…]" if isinstance(value, list) else "{…}"
    if not isinstance(value, str):
        return json.dumps(value)
    text = value.encode(errors="replace").decode()
    text = text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 1] + "…"
    return text if isinstance(value, JsonNumber) else json.dumps(text, ensure_ascii=False)

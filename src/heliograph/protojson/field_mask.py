"""google.protobuf.FieldMask, as `updateMask` carries it.  Source: protobuf.dev/programming-guides/json, AIP-134."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, TypeVar

import msgspec

from heliograph.protojson.errors import InvalidArgument, Violation, Violations
from heliograph.protojson.schema import MessageKind, shape_of

M = TypeVar("M", bound=msgspec.Struct)

_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*\Z")
WHOLE = "*"
_MAX_SHOWN_CHARS = 64


def parse_field_mask(text: str, *, of: type[msgspec.Struct] | None = None) -> tuple[str, ...]:
    """The proto (snake_case) paths in a comma-joined mask of camelCase or snake_case paths; "" is not a path.

    With `of`, each path leads to a field of that message, and `*` alone stands for all of them (AIP-134: a full replacement).

    Raises: InvalidArgument naming every invalid path.
    """
    if text == WHOLE and of is not None:
        return tuple(field.name for field in shape_of(of).fields)
    paths: list[str] = []
    violations = Violations()
    for part in text.split(",") if text else ():
        path = re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), part)
        if not _PATH.match(part) or (of is not None and not _leads_to_a_field(path, of)):
            violations.note(partial(_no_path, part))
        paths.append(path)
    if violations:
        raise InvalidArgument(violations=violations)
    return tuple(dict.fromkeys(paths))


def set_fields(message: msgspec.Struct) -> tuple[str, ...]:
    """The fields of the message that differ from those of an empty one: what a patch without a mask changes.  Source: AIP-134."""
    empty = type(message)()
    return tuple(name for name in message.__struct_fields__ if getattr(message, name) != getattr(empty, name))


def apply_mask(target: M, source: M, paths: Iterable[str]) -> M:
    """`target` with the fields that `paths` name taken from `source`; a path into an absent message makes that message."""
    for path in paths:
        target = _with_path(target, source, path.split("."))
    return target


def _with_path(target: Any, source: Any, names: list[str]) -> Any:  # noqa: ANN401 - messages of one class, any
    first, rest = names[0], names[1:]
    value = getattr(source, first)
    if rest:
        old = getattr(target, first)
        if value is None and old is None:
            return target
        empty = type(value if old is None else old)()
        value = _with_path(empty if old is None else old, empty if value is None else value, rest)
    return msgspec.structs.replace(target, **{first: value})


def _no_path(part: str) -> Violation:
    return Violation("update_mask", f'Invalid field mask: "{part[:_MAX_SHOWN_CHARS]}" is not a field path.')


def _leads_to_a_field(path: str, message: type[msgspec.Struct]) -> bool:
    first, _dot, rest = path.partition(".")
    field = shape_of(message).by_name.get(first)
    if field is None or field.name != first or not rest:
        return field is not None and field.name == first
    return isinstance(field.kind, MessageKind) and _leads_to_a_field(rest, field.kind.cls)

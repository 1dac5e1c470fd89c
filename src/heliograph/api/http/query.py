"""The query string: the parameters every method takes, and a method's own ones as a message.

Source: disc, `parameters`; amapi.md §8.6.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec.structs import FieldInfo

from heliograph.protojson.errors import HeliographError, InvalidArgument, Unimplemented, Violation
from heliograph.protojson.messages import Int32, Message, decode_message

Q = TypeVar("Q", bound=msgspec.Struct)

COMMON_PARAMETERS = frozenset(
    {
        "$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "uploadType",
        "upload_protocol",
    }
)  # fmt: skip
"""Parameters that every method accepts, including those that change nothing here."""

MOST_PARAMETERS = 256
QUOTA_USER_MAX_CHARS = 40  # disc, quotaUser: "should not exceed 40 characters"
SHORT_BYTES = 40
"""Query strings up to this length are remembered: clients send the same again and again. Tokens, of pages and of callers, are longer."""
BOUND_MOST = 1_024
_PLAIN_NUMBER = re.compile("0|[1-9][0-9]{0,8}")
"""Any of these is an Int32."""
_TRUE = {"true": True, "1": True, "false": False, "0": False}


@functools.cache
def unset(message: type[msgspec.Struct]) -> Any:  # noqa: ANN401 - one of this class
    """The message of a query string that says nothing."""
    return message()


class NoQuery(Message):
    """A method without parameters of its own."""


class PageQuery(Message):
    """The parameters of a list.  Source: AIP-158."""

    page_size: Int32 = 0
    page_token: str = ""


class Query(NamedTuple):
    """A query string taken apart."""

    own: Mapping[str, list[str]] = {}
    """The parameters that are not common to all methods, as they were spelled."""
    pretty: bool = True
    fields: str = ""
    """The selector of parts of the answer, not parsed yet: that may wait until the caller is known."""
    v1_errors: bool = False
    """Whether errors shall have the old form too (`$.xgafv=1`)."""
    rejection: HeliographError | None = None
    """What is wrong with the common parameters; kept until the format of the answer is known."""


def parameters_of(query_string: bytes) -> list[tuple[str, str]]:
    """Names and values in the query string.  Raises: InvalidArgument."""
    try:
        return parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise InvalidArgument("The query string is not percent-encoded UTF-8, or has too many parameters.") from None


def parse_query(query_string: bytes) -> Query:
    """Split the query string; never raises: `rejection` holds what is wrong."""
    try:
        pairs = parameters_of(query_string)
    except InvalidArgument as rejection:
        return Query(rejection=rejection)
    own: dict[str, list[str]] = {}
    common: dict[str, str] = {}
    for name, value in pairs:
        if name in COMMON_PARAMETERS:
            common[name] = value
        else:
            own.setdefault(name, []).append(value)
    try:
        v1_errors = _wants_v1_errors(common)
        return Query(own, _is_pretty(common), common.get("fields", ""), v1_errors)
    except (InvalidArgument, Unimplemented) as rejection:
        return Query(own, v1_errors=common.get("$.xgafv") == "1", rejection=rejection)


def read_own(message: type[Q], own: Mapping[str, list[str]]) -> Q:
    """A method's own parameters as its message.  Raises: InvalidArgument with everything wrong at once."""
    if not own:
        return message()
    fields, by_proto_name = _fields_of(message)
    unknown = [name for name in own if name not in fields and name not in by_proto_name]
    if unknown:
        raise InvalidArgument(violations=map(_unknown, unknown))
    if (plain := read_plainly(message, own)) is not None:
        return plain
    values: dict[str, Any] = {}
    for name, texts in own.items():
        field = fields[by_proto_name.get(name, name)]
        if field.default == ():
            values[name] = texts
        else:
            values[name] = _TRUE.get(texts[-1], texts[-1]) if field.type is bool else texts[-1]
    return decode_message(message, values, root="")


def bound(message: type[Q], query_string: bytes) -> tuple[Query, Q]:
    """The query string taken apart, and a method's own parameters as its message.  Raises: InvalidArgument, Unimplemented."""
    return _bound_short(message, query_string) if len(query_string) <= SHORT_BYTES else _bind(message, query_string)


def _bind(message: type[Q], query_string: bytes) -> tuple[Query, Q]:
    query = parse_query(query_string)
    if query.rejection is not None:
        raise query.rejection
    return query, read_own(message, query.own)


_bound_short = functools.lru_cache(maxsize=BOUND_MOST)(_bind)  # it keeps no error


def read_plainly(message: type[Q], own: Mapping[str, list[str]]) -> Q | None:
    """The message, if all there is are texts and small plain numbers, by their names on the wire. None: `decode_message` must look."""
    fields = _plain_fields_of(message)
    values: dict[str, str | int] = {}
    for wire_name, texts in own.items():
        name, kind = fields.get(wire_name, ("", str))
        text = texts[-1]
        if not name or (kind is int and not _PLAIN_NUMBER.fullmatch(text)):
            return None
        values[name] = kind(text)
    return message(**values)


@functools.cache
def _plain_fields_of(message: type[msgspec.Struct]) -> Mapping[str, tuple[str, type[str | int]]]:
    """By their names on the wire, the message's fields that are a text or an Int32: their own names, and which of both they are."""
    kinds: Sequence[tuple[object, type[str | int]]] = ((str, str), (Int32, int))
    fields = msgspec.structs.fields(message)
    return {field.encode_name: (field.name, kind) for field in fields for is_type, kind in kinds if field.type == is_type}


@functools.cache
def _fields_of(message: type[msgspec.Struct]) -> tuple[Mapping[str, FieldInfo], Mapping[str, str]]:
    """The message's fields by their names on the wire, and those names by proto names."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(message)}
    return fields, {field.name: field.encode_name for field in fields.values()}


def _unknown(name: str) -> Violation:
    shown = name[:64]
    return Violation(
        "",
        f'Invalid JSON payload received. Unknown name "{shown}": Cannot bind query parameter. '
        f"Field '{shown}' could not be found in request message.",
    )


def _is_pretty(common: Mapping[str, str]) -> bool:
    """Whether to indent the answer.  Raises: InvalidArgument, Unimplemented if its format is not JSON."""
    alt = common.get("alt", "json")
    if alt in {"proto", "media"}:
        raise Unimplemented(f"This server answers in JSON only: leave out alt={alt}.")
    if alt not in {"json", ""}:
        raise InvalidArgument(violations=[Violation("alt", f"Invalid value {alt[:64]!r} for alt: use json.")])
    if common.get("callback"):
        raise Unimplemented("This server does not wrap answers as JSONP: leave out callback.")
    pretty = common.get("prettyPrint", "true")
    if not re.fullmatch("true|false|1|0|", pretty):
        raise InvalidArgument(violations=[Violation("pretty_print", f"Invalid value {pretty[:64]!r} for prettyPrint: use true or false.")])
    return _TRUE.get(pretty, True)


def _wants_v1_errors(common: Mapping[str, str]) -> bool:
    """Raises: InvalidArgument."""
    form = common.get("$.xgafv", "")
    if form not in {"1", "2", ""}:
        raise InvalidArgument(violations=[Violation("$.xgafv", f"Invalid value {form[:64]!r} for $.xgafv: use 1 or 2.")])
    quota_user = common.get("quotaUser", "")
    if len(quota_user) > QUOTA_USER_MAX_CHARS:
        description = f"quotaUser must have at most {QUOTA_USER_MAX_CHARS} characters; it has {len(quota_user)}."
        raise InvalidArgument(violations=[Violation("quota_user", description)])
    return form == "1"


USUAL: Mapping[bytes, Query] = {
    text: parse_query(text)
    for text in (b"", b"alt=json", b"prettyPrint=false", b"alt=json&prettyPrint=false", b"prettyPrint=false&alt=json")
}
"""Query strings that need no parsing: what Google's clients send with most calls."""

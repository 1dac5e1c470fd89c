"""proto3 JSON: how messages are declared, read and written.  Source: protobuf.dev/programming-guides/json; spec/amapi.md §4, §9.

Declaring a message
-------------------
A message is a frozen struct under `Message` (or a `msgspec.Struct` with the same options: frozen, kw_only, omit_defaults,
rename="camel", forbid_unknown_fields), also when made by `msgspec.defstruct(…, bases=(Message,))`:

    @proto("WipeParams")
    class WipeParams(Message):
        wipe_data_flags: tuple[WipeDataFlag, ...] = ()
        wipe_reason: UserFacingMessage | None = None

    @proto("Command.CommandType")
    class Type(enum.Enum):                      # proto number order: COMMAND_TYPE_UNSPECIFIED is number 0
        COMMAND_TYPE_UNSPECIFIED = "COMMAND_TYPE_UNSPECIFIED"
        LOCK = "LOCK"

- `@proto(name, package="google.rpc")` gives the protobuf name that errors quote. Without `package` it is that of the message's base,
  its `__proto_package__` (an API has one such base for all of its messages); errors do not name a type that has no package. Without
  `@proto`, the class's own name is taken. It works on a class made by `defstruct` too: `Command = proto("Command")(…)`.
  `numbers={"NAME": 7}` if an enum has gaps; `oneofs={"params": ("wipe_params", …)}`, members being messages with default None;
  `habits={"password": "new_password"}`: names that people write by mistake, for "Did you mean".
- Field types: `str`, `bool`, `float`, `Double`, `Int32`, `Int64`, `Duration`, `Timestamp`, `Bytes`, `AnyObject | None`, `AnyValue`,
  an `enum.Enum`, a message `M | None`, `tuple[T, ...]`, `dict[str, T]`. A plain `int` is refused (int32 or int64?), as is anything
  else, when the message is first decoded.
- Defaults are proto3's: `""`, `False`, `0`, `0.0`, `Int64(0)`, the number-0 member, `None`, `()`, `msgspec.field(default_factory=dict)`.
  A field without a default is required (proto3 itself has no such fields).
- `Int64` is an `int` that is written as text: say `Int64(n)`. `Duration` and `Timestamp` are their text, checked and kept as it came:
  `""` is absent; `times` turns them into numbers and back.
- `Annotated[str, SECRET]`: the value is never quoted in an error, nor shown by the message's repr (under `Message`).

Reading and writing
-------------------
`decode_message(WipeParams, body, root="command")` gives the message or raises one InvalidArgument with every violation in Google's
words; paths are proto paths below `root`, list elements `package_names[0]`, map entries `localized_messages[0].value` as Google counts
them. With `options` (`reader_options`) it takes what Google's parsers take beyond the documented mapping.
A well-formed body takes a fast path (msgspec) that accepts nothing which the walk in `reader` would refuse.
`encode_message(message)` is canonical JSON. `stored_message(cls, data)` reads back what `encode_message` wrote.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from heliograph.protojson.parser import MALFORMED, reject_depth
from heliograph.protojson.reader import read_body, read_parsed
from heliograph.protojson.reader_options import STRICT, ReaderOptions
from heliograph.protojson.schema import Kind, ListKind, MapKind, MessageKind, nests_freely, oneof_check, shape_of
from heliograph.protojson.types import SECRET, Duration, Int32, Int64, Message, Timestamp, decode_hook, encode_hook, proto

__all__ = [
    "SECRET",
    "Duration",
    "Int32",
    "Int64",
    "Message",
    "Timestamp",
    "decode_message",
    "encode_message",
    "known_fields",
    "proto",
    "stored_message",
]

M = TypeVar("M", bound=msgspec.Struct)

_WHITE_SPACE = b" \t\r\n"
_STRINGS = re.compile(rb'"([^"]*)"[ \t\r\n]*(:?)')

_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


def decode_message(cls: type[M], body: bytes | str | object, *, root: str, options: ReaderOptions = STRICT) -> M:
    """The message that `body` holds: JSON text, or a value already parsed from JSON; nothing (or white space) is the empty message.

    `root` is the proto path of the message in its request, as in "command"; "" when the body is the request itself. `options`: what is
    taken beyond the documented mapping. It only ever adds: what is accepted without them is read the same with them.

    Raises: InvalidArgument with every violation at once; TypeError when `cls` is not a message as this module describes.
    """
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    if not isinstance(body, bytes):
        return read_parsed(cls, body, root=root, options=options)
    decode, oneofs_hold, nested_freely = _fast_path(cls)
    if nested_freely:
        reject_depth(body.decode(errors="replace"))
    try:
        message: M = decode(body)
    except MALFORMED:
        pass  # walked below, outside the handler: the caught error must not stay behind as the context of ours
    else:
        if (oneofs_hold is None or oneofs_hold(message)) and not _may_repeat_a_name(body, message):
            return message
    return read_body(cls, body, root=root, options=options)


def encode_message(message: msgspec.Struct | Mapping[str, object]) -> bytes:
    """Canonical proto3 JSON: camelCase, defaults left out, sub-messages kept even when empty, int64 as text.

    Or of fields of a message, by their names on the wire.
    """
    return _encoder.encode(message)


def stored_message(cls: type[M], data: bytes) -> M:
    """What `encode_message` wrote, read back: any struct of which it was made, message or not.

    Raises: msgspec.MsgspecError or UnicodeDecodeError when `data` is not that.
    """
    message: M = _decoder(cls).decode(data)
    return message


def known_fields(cls: type[msgspec.Struct], value: object) -> object:
    """The JSON value without the fields that messages of this class do not have, by either of their names, at any depth."""
    if not isinstance(value, dict):
        return value
    fields = shape_of(cls).by_name
    return {name: _known(fields[name].kind, inner) for name, inner in value.items() if name in fields}


def _known(kind: Kind, value: object) -> object:
    if isinstance(kind, MessageKind):
        return known_fields(kind.cls, value)
    if isinstance(kind, ListKind) and isinstance(value, list):
        return [_known(kind.item, inner) for inner in value]
    if isinstance(kind, MapKind) and isinstance(value, dict):
        return {key: _known(kind.value, inner) for key, inner in value.items()}
    return value


@functools.cache
def _decoder(cls: type[msgspec.Struct]) -> Any:  # noqa: ANN401 - Decoder[M], which a cache cannot say
    return msgspec.json.Decoder(cls, dec_hook=decode_hook)


@functools.cache
def _fast_path(cls: type[msgspec.Struct]) -> tuple[Callable[[bytes], Any], Callable[[Any], bool] | None, bool]:
    """The decoder of msgspec, the check of oneofs if the message has some, and whether its own shape does not bound its depth."""
    return _decoder(cls).decode, oneof_check(cls), nests_freely(cls)


def _may_repeat_a_name(body: bytes, message: msgspec.Struct) -> bool:
    """Whether an object in `body` may hold a name twice, of which msgspec took the last.

    Nothing that the fast path accepts is shorter than its canonical form, so a body as long as that, white space apart, has
    nothing twice. In any other, no name may occur twice, and no escape may hide where a string ends.
    """
    if b"\\" in body:
        return True
    canonical = _encoder.encode(message)
    if len(body) == len(canonical) or len(body.translate(None, _WHITE_SPACE)) == len(canonical.translate(None, _WHITE_SPACE)):
        return False
    names = [string for string, colon in _STRINGS.findall(body) if colon]
    return len(names) != len(set(names))

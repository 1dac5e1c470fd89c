"""What messages are declared with; `messages` says how.

Source: protobuf.dev/programming-guides/json.
"""

import dataclasses
import enum
import functools
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self, TypeVar, dataclass_transform

import msgspec

from heliograph.protojson.times import DURATION_PATTERN, TIMESTAMP_PATTERN

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_INT64_DIGITS_END = 20  # no int64 has as many digits; longer texts need not be looked at

_CAPITAL = re.compile(r"[A-Z]")

C = TypeVar("C", bound=type)


class Secret:
    """Marks a field with a secret value: `Annotated[str, SECRET]`."""


class DurationText:
    """Marks a str field as google.protobuf.Duration."""


class TimestampText:
    """Marks a str field as google.protobuf.Timestamp."""


class BytesText:
    """Marks a str field as bytes: their base64."""


class DoubleNumber:
    """Marks a float field as a double: a `float` alone is proto3's float."""


class JsonStruct:
    """Marks a dict field as google.protobuf.Struct: any JSON object."""


class JsonValue:
    """Marks a field as google.protobuf.Value: any JSON at all."""


SECRET = Secret()

Int32 = Annotated[int, msgspec.Meta(ge=INT32_MIN, le=INT32_MAX)]

Duration = Annotated[str, DurationText(), msgspec.Meta(pattern=DURATION_PATTERN)]
Timestamp = Annotated[str, TimestampText(), msgspec.Meta(pattern=TIMESTAMP_PATTERN)]
BYTES_PATTERN = r"^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}\Z"
"""Standard or URL-safe alphabet, with or without padding."""
Bytes = Annotated[str, BytesText(), msgspec.Meta(pattern=BYTES_PATTERN)]
Double = Annotated[float, DoubleNumber()]
AnyObject = Annotated[dict[str, Any], JsonStruct()]
AnyValue = Annotated[Any, JsonValue()]


class Int64(int):
    """An int64: JSON text on the wire, since JSON numbers are exact only to 2**53.

    There is one `Int64(0)`, by which msgspec knows the default that it leaves out.
    """

    _zero: Self | None = None

    def __new__(cls, value: int | str = 0) -> Self:
        """Raises: ValueError out of the range of int64."""
        number = super().__new__(cls, value)
        if not INT64_MIN <= number <= INT64_MAX:
            raise ValueError(f"int64 out of range: {int(number)}")
        if number:
            return number
        if cls._zero is None:
            cls._zero = number
        return cls._zero


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProtoInfo:
    """What `@proto` says of a class."""

    name: str
    package: str = ""
    """Empty: no one else knows the type, so errors do not name it."""
    numbers: Mapping[str, int] = dataclasses.field(default_factory=dict)
    oneofs: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    habits: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """`google.rpc.Status`."""
        return f"{self.package}.{self.name}" if self.package else self.name


def proto(
    name: str,
    *,
    package: str = "",
    numbers: Mapping[str, int] | None = None,
    oneofs: Mapping[str, Sequence[str]] | None = None,
    habits: Mapping[str, str] | None = None,
) -> Callable[[C], C]:
    """A decorator that gives a message or enum its protobuf name; `messages` explains the options."""

    def mark(cls: C) -> C:
        cls.__proto__ = ProtoInfo(  # type: ignore[attr-defined]
            name=name, package=package or _package_of(cls), numbers=numbers or {}, oneofs=oneofs or {}, habits=habits or {}
        )
        return cls

    return mark


@functools.cache
def proto_name(wire_name: str) -> str:
    """`wipeParams` as proto paths and Python say it: `wipe_params`."""
    return _CAPITAL.sub(lambda capital: "_" + capital[0].lower(), wire_name)


def proto_info(cls: type) -> ProtoInfo:
    """What `@proto` said of this very class (not of its base), else its own name in its base's package."""
    info = vars(cls).get("__proto__")
    return info if isinstance(info, ProtoInfo) else ProtoInfo(name=cls.__name__, package=_package_of(cls))


def _package_of(cls: type) -> str:
    package: str = getattr(cls, "__proto_package__", "")
    return package


def enum_numbers(cls: type[enum.Enum]) -> dict[int, enum.Enum]:
    """The members by their proto number: as `@proto(numbers=…)` says, else one more than the member before."""
    explicit = proto_info(cls).numbers
    members: dict[int, enum.Enum] = {}
    number = -1
    for member in cls:
        number = explicit.get(member.name, number + 1)
        members[number] = member
    return members


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """The base of messages: immutable, keyword-only, strict; a tree without cycles, so the garbage collector need not look at it."""

    __proto_package__: ClassVar[str] = ""
    """The protobuf package of messages with this base; empty: they have none."""

    def __repr__(self) -> str:
        """The fields that are set, secret ones hidden."""
        secret = secret_fields(type(self))
        shown = (
            f"{field.name}={'<secret>' if field.name in secret else repr(value)}"
            for field in msgspec.structs.fields(self)
            if (value := getattr(self, field.name)) != field.default and value != {}
        )
        return f"{type(self).__name__}({', '.join(shown)})"


@functools.cache
def secret_fields(cls: type[msgspec.Struct]) -> frozenset[str]:
    """The names of the fields marked SECRET, at the top level of the message."""
    return frozenset(field.name for field in msgspec.structs.fields(cls) if is_secret(field.type))


def is_secret(field_type: object) -> bool:
    """Whether this annotation carries SECRET."""
    return typing.get_origin(field_type) is Annotated and any(isinstance(mark, Secret) for mark in typing.get_args(field_type)[1:])


def decode_hook(wanted: type, value: Any) -> Any:  # noqa: ANN401 - msgspec's signature
    """For `msgspec.json.Decoder(dec_hook=…)`: Int64 from its canonical text; any other form, even a shorter one, needs the walk."""
    if wanted is Int64 and type(value) is str and _is_plain_number(value):
        return Int64(value)
    raise ValueError("not an int64")


def encode_hook(value: Any) -> str:  # noqa: ANN401 - msgspec's signature
    """For `msgspec.json.Encoder(enc_hook=…)`: Int64 as text."""
    if type(value) is Int64:
        return str(int(value))
    raise NotImplementedError(f"no proto3 JSON form for {type(value).__name__}")


def _is_plain_number(text: str) -> bool:
    digits = text[1:] if text[:1] == "-" else text
    return len(digits) < _INT64_DIGITS_END and digits.isascii() and digits.isdecimal() and (digits[0] != "0" or digits == "0")

"""Command JSON <-> its type, its params, its status: the one place that knows how the rows' messages lie in the Command message.

Source: disc, Command; amapi.md §1.16–1.25, §9.
"""

import enum
import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from heliograph.domain.behaviour import Behaviour
from heliograph.domain.command import CommandType
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import ErrorCode
from heliograph.domain.quirks import Quirk
from heliograph.domain.typo_hints import habits_of_command, habits_of_type
from heliograph.protojson.errors import InvalidArgument, Violation, Violations
from heliograph.protojson.messages import Duration, Timestamp, decode_message, encode_message, stored_message
from heliograph.protojson.parser import MALFORMED
from heliograph.protojson.schema import EnumKind, Kind, ListKind, Scalar, shape_of
from heliograph.protojson.times import NS_PER_S, IllegalDuration, parse_duration_ns, read_duration
from heliograph.protojson.types import proto_name, secret_fields

ROOT = "command"
"""The proto path of issueCommand's body."""
DEFAULT_DURATION = "600s"
"""Disc, Command.duration: "The default duration if unspecified is ten minutes"."""
DEFAULT_DURATION_NS = parse_duration_ns(DEFAULT_DURATION)

_NO_TIME = Violation(f"{ROOT}.duration", f'{ROOT}.duration must be more than zero, as in "600s"; without one it is {DEFAULT_DURATION}.')


class IssuedCommand(msgspec.Struct, frozen=True):
    """A command that a caller may issue, taken apart; its secrets are in `params` and `secrets` only."""

    row: CommandType
    params: msgspec.Struct
    command: bytes
    """Canonical JSON of the type's own fields as the caller gave them, secrets left out: `{"wipeParams":{}}`, or `{}`."""
    secrets: bytes | None
    """JSON of the secret fields in the same nesting; None: no secrets."""
    duration_ns: int
    duration: str
    """The effective duration, canonical."""

    def __repr__(self) -> str:
        return f"IssuedCommand({self.row.name}, {self.command.decode()}, {self.duration})"


_NONE: Sequence[Violation] = ()
_NOTHING_FITS: tuple[Callable[[Any], tuple[Any, ...]], tuple[Any, ...]] = (lambda _message: (None,), ())
_DEFAULT = DEFAULT_DURATION_NS, DEFAULT_DURATION
_NOT_PLAIN = (*MALFORMED, IllegalDuration)
_GAP = r"[ \t\n\r]*"
_TYPE = rf'"type"{_GAP}:{_GAP}"([A-Z_]{{1,64}})"{_GAP}'
_DURATION = rf'"duration"{_GAP}:{_GAP}"([1-9][0-9]{{0,10}})s"{_GAP}'
_TYPE_AND_DURATION = re.compile(rf"{_GAP}\{{{_GAP}(?:{_TYPE}(?:,{_GAP}{_DURATION})?|{_DURATION},{_GAP}{_TYPE})\}}{_GAP}".encode())
"""As nearly everyone writes a command, in either order.  Source: RFC 8259 §2."""
_QUOTES_A_FIELD = 4
"""Around its name and its value."""


class Envelope:
    """The Command message of these rows (by type name, in the order of their numbers)."""

    def __init__(self, rows: Mapping[str, CommandType]) -> None:
        self._rows = rows
        self._by_field = {proto_name(row.params_field): row for row in rows.values() if row.params_field}
        self._at_top = {name: row for row in rows.values() if not row.params_field for name in row.params.__struct_fields__}
        self.message: type[msgspec.Struct] = _command_message(rows)
        """The Command message."""
        self._defaults = {field.name: field.default for field in msgspec.structs.fields(self.message)}
        self._wire_names = {field.name: field.encode_name for field in msgspec.structs.fields(self.message)}
        plain = [field for row in rows.values() if not row.params_field for field in _plain_fields(row.params)]
        self._plain_names = [field.name for field in plain]
        self._decode_plain = msgspec.json.Decoder(_plain_message(plain)).decode
        # One plain command of each type is taken apart in full, the others like it.
        beside = (*self._by_field, *self._at_top)
        self._beside = _reader_of(beside)
        self._nothing_beside = tuple(self._defaults[name] for name in beside)
        self._others = {name: self._others_than(row) for name, row in rows.items()}
        """What may not be set beside each type, and as what it reads then."""
        self._alone: dict[tuple[bytes, Behaviour], IssuedCommand] = {}
        """With the duration of a command that says none."""

    def _others_than(self, row: CommandType) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]:
        own = {proto_name(row.params_field)} if row.params_field else set(row.params.__struct_fields__)
        others = [name for name in (*self._by_field, *self._at_top) if name not in own]
        return _reader_of(others), tuple(self._defaults[name] for name in others)

    def decode(self, body: bytes, *, behaviour: Behaviour = Behaviour.DOCUMENTED) -> IssuedCommand:
        """The command in this body of issueCommand; fields that are output only must be well-formed and are ignored.

        Raises: InvalidArgument with every violation of the message's form; if it has none, with every violation of its meaning.
        """
        return self._alike(body, behaviour) or self._plain(body) or self._whole(body, behaviour)

    def _alike(self, body: bytes, behaviour: Behaviour) -> IssuedCommand | None:
        """The command in a body of a type and at most a whole duration, if one of its type was read before."""
        said = _TYPE_AND_DURATION.fullmatch(body)
        if said is None:
            return None
        type_name, seconds, seconds_first, type_last = said.groups()
        like = self._alone.get((type_name or type_last, behaviour))
        digits = seconds or seconds_first
        if like is None or digits is None:
            return like
        duration_s = int(digits)
        return IssuedCommand(like.row, like.params, like.command, None, duration_s * NS_PER_S, f"{duration_s}s")

    def _plain(self, body: bytes) -> IssuedCommand | None:
        """The command in a body of a type, at most a duration, and texts or lists of enums; None: it is not so plain."""
        try:
            plain = self._decode_plain(body)
            given = plain.duration
            duration_ns, duration = _DEFAULT if given is None else read_duration(given)
        except _NOT_PLAIN:
            return None
        beside = {name: value for name in self._plain_names if (value := getattr(plain, name)) != self._defaults[name]}
        quotes = _QUOTES_A_FIELD if given is None else 2 * _QUOTES_A_FIELD
        quotes += sum(_QUOTES_A_FIELD if isinstance(value, str) else 2 + 2 * len(value) for value in beside.values())
        if not beside or duration_ns <= 0 or body.count(b'"') != quotes or b"\\" in body:  # a field may be given twice
            return None
        return self._with_params(plain.type, beside, duration_ns, duration)

    def _with_params(self, type_name: str, given: Mapping[str, Any], duration_ns: int, duration: str) -> IssuedCommand | None:
        """The command with these params beside its type; None: something is wrong with it."""
        row = self._rows.get(type_name)
        if row is None or any(self._at_top[name] is not row for name in given):
            return None
        params = without_unspecified(row.params(**given))
        for _ in row.check(params, row.params_path):
            return None
        command, secrets = _split(row, params, given=True)
        return IssuedCommand(row, params, command, secrets, duration_ns, duration)

    def _whole(self, body: bytes, behaviour: Behaviour) -> IssuedCommand:
        message: Any = decode_message(self.message, body, root=ROOT, options=behaviour.reader)
        issued = self._issued(message, as_observed=behaviour is Behaviour.AS_OBSERVED)
        if issued.secrets is None and self._beside(message) == self._nothing_beside:
            as_alone = msgspec.structs.replace(issued, duration_ns=DEFAULT_DURATION_NS, duration=DEFAULT_DURATION)
            self._alone[issued.row.name.encode(), behaviour] = as_alone
        return issued

    def _issued(self, message: Any, *, as_observed: bool) -> IssuedCommand:  # noqa: ANN401 - the made message
        duration_ns, duration = _DEFAULT
        if message.duration:
            duration_ns, duration = read_duration(message.duration)
        no_time = () if duration_ns > 0 else (_NO_TIME,)
        type_name = message.type.value
        others, unset = self._others.get(type_name, _NOTHING_FITS)
        if others(message) == unset:
            row, disagreements = self._rows[type_name], _NONE
            given = not row.params_field or getattr(message, proto_name(row.params_field)) is not None
        else:
            row, given, disagreements = self._compared(message, no_time)
        params = without_unspecified(_params(row, message))
        missing = _missing_params(row, as_observed=as_observed) if row.params_field and not given else ()
        meaning = disagreements or itertools.chain(missing, row.check(params, row.params_path))
        faults = itertools.chain(no_time, meaning)
        for first in faults:
            raise InvalidArgument(violations=Violations(itertools.chain((first,), faults)))
        command, secrets = _split(row, params, given=given)
        return IssuedCommand(row, params, command, secrets, duration_ns, duration)

    def _compared(self, message: Any, no_time: Sequence[Violation]) -> tuple[CommandType, bool, Sequence[Violation]]:  # noqa: ANN401
        """The row that the message's fields mean, whether they give its params, and how they disagree.

        Raises: InvalidArgument, `no_time` in it: they mean none.
        """
        given = [name for name in self._by_field if getattr(message, name) is not None]
        at_top = self._set_at_top(without_unspecified(message))
        row = self._rows.get(message.type.value) or (self._by_field[given[0]] if given else None)
        if row is None:
            raise InvalidArgument(violations=[*no_time, Violation(f"{ROOT}.type", self._no_type(at_top))])
        return row, bool(given or at_top), [*self._disagreements(message, given, at_top)]

    def _set_at_top(self, message: Any) -> list[str]:  # noqa: ANN401 - the made message
        return [name for name in self._at_top if getattr(message, name) != self._defaults[name]]

    def _disagreements(self, message: Any, given: list[str], at_top: list[str]) -> Iterator[Violation]:  # noqa: ANN401
        """Fields of another type than `type` (or the params) say: never guess which was meant, least of all WIPE."""
        row = self._rows.get(message.type.value)
        for name in given:
            meant = self._by_field[name]
            if row is not None and meant is not row:
                why = f"{meant.params_field} is for commands of type {meant.name}, but type is {row.name}"
                yield Violation(f"{ROOT}.{name}", f"{why}: remove one of the two.")
        for name in at_top:
            meant, wire_name = self._at_top[name], self._wire_names[name]
            if given:
                what = self._by_field[given[0]].params_field
                yield Violation(f"{ROOT}.{name}", f"{wire_name} must not be set together with {what}: remove one of the two.")
            elif row is not None and meant is not row:
                why = f"{wire_name} is for commands of type {meant.name}, but type is {row.name}"
                yield Violation(f"{ROOT}.{name}", f"{why}: remove {wire_name}, or set type to {meant.name}.")

    def _no_type(self, at_top: list[str]) -> str:
        if at_top:
            return f'{ROOT}.type is required with {self._wire_names[at_top[0]]}: add "type": "{self._at_top[at_top[0]].name}".'
        fields = ", ".join(str(row.params_field) for row in self._by_field.values())
        return f"No command is given: set type to one of {', '.join(self._rows)}, or set one of {fields}."

    def params_of(self, type_name: str, command: bytes) -> msgspec.Struct:
        """The params in a stored or offered command (with or without its `type`; its secrets merged in, if any).

        Raises: InvalidArgument if this is not a command of that type; KeyError if there is no such type.
        """
        try:
            return _params(self._rows[type_name], stored_message(self.message, command))
        except MALFORMED:
            # Its text may quote a secret.
            raise InvalidArgument(f"This is not a {type_name} command.") from None

    def status_of(self, row: CommandType, raw: bytes) -> msgspec.Struct:
        """The row's specific status message as a phone reported it.  Raises: InvalidArgument."""
        if row.status is None:
            raise InvalidArgument(f"Commands of type {row.name} have no specific status.")
        return decode_message(row.status, raw, root=proto_name(row.status_field or ""))

    def encode_status(self, status: msgspec.Struct) -> bytes:
        """The status as canonical JSON."""
        return encode_message(status)

    def merge_secrets(self, command: bytes, secrets: bytes) -> bytes:
        """The command with its secrets put back: for the phone's eyes only."""
        return msgspec.json.encode(_merged(msgspec.json.decode(command), msgspec.json.decode(secrets)))

    def full_command(self, type_name: str, command: bytes) -> bytes:
        """The Command as a phone gets it: `{"type":"WIPE","wipeParams":{}}`."""
        head = b'{"type":"' + type_name.encode() + b'"'
        return head + (b"}" if command == b"{}" else b"," + command[1:])


def _command_message(rows: Mapping[str, CommandType]) -> type[msgspec.Struct]:
    """The Command message: its own fields, then each row's in the order of the reference page."""
    names = {"COMMAND_TYPE_UNSPECIFIED": 0} | {row.name: row.number for row in rows.values()}
    # The functional form: members are known only once the rows are.
    command_type: Any = enum.Enum("CommandType", [(name, name) for name in names], module=__name__)  # type: ignore[misc]
    proto("Command.CommandType", numbers=names, habits=habits_of_type(rows))(command_type)
    fields: dict[str, tuple[Any, Any]] = {
        "type": (command_type, command_type["COMMAND_TYPE_UNSPECIFIED"]),
        "create_time": (Timestamp, ""),
        "duration": (Duration, ""),
        "user_name": (str, ""),
        "error_code": (ErrorCode, ErrorCode.COMMAND_ERROR_CODE_UNSPECIFIED),
    }
    for row in rows.values():
        if not row.params_field:
            fields |= {field.name: (field.type, field.default) for field in msgspec.structs.fields(row.params)}
    params = {proto_name(row.params_field): (row.params | None, None) for row in rows.values() if row.params_field}
    statuses = {proto_name(row.status_field): (row.status | None, None) for row in rows.values() if row.status and row.status_field}
    fields |= {**params, **statuses}
    message = msgspec.defstruct("Command", [(name, *field) for name, field in fields.items()], bases=(Message,), module=__name__)
    marked = proto("Command", oneofs={"params": tuple(params), "status": tuple(statuses)}, habits=habits_of_command(rows))
    return marked(message)


def _params(row: CommandType, message: Any) -> msgspec.Struct:  # noqa: ANN401 - the made message
    """The params of this type in the message, or empty ones."""
    if row.params_field:
        given: msgspec.Struct | None = getattr(message, proto_name(row.params_field))
        return row.params() if given is None else given
    names, values = _at_top_of(row.params)
    return row.params(**dict(zip(names, values(message))))  # noqa: B905 - one each


@functools.cache
def _at_top_of(params: type[msgspec.Struct]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of params that stand beside the type, and what reads them all."""
    names = params.__struct_fields__
    return names, _reader_of(names)


def _reader_of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these fields: `attrgetter`, which gives a single one without its tuple."""
    if len(names) == 1:
        return lambda message: (getattr(message, names[0]),)
    return operator.attrgetter(*names) if names else lambda _message: ()


def without_unspecified(params: msgspec.Struct) -> msgspec.Struct:
    """The params without the unspecified members of its lists of flags ("This value is ignored")."""
    dropped: dict[str, object] = {}
    for name, unspecified in _flag_lists(type(params)):
        value = getattr(params, name)
        if unspecified in value:
            dropped[name] = tuple(flag for flag in value if flag is not unspecified)
    return msgspec.structs.replace(params, **dropped) if dropped else params


def _plain_message(beside: Iterable[msgspec.structs.FieldInfo]) -> Any:  # noqa: ANN401 - the made class
    """Most commands are a type and at most a duration; some have texts and lists of enums beside them."""
    fields: list[tuple[str, Any, Any]] = [("duration", str | None, None)]
    fields += [(field.name, field.type, field.default) for field in beside]
    return msgspec.defstruct("_Plain", [("type", str), *fields], rename="camel", forbid_unknown_fields=True, gc=False)


def _plain_fields(params: type[msgspec.Struct]) -> Iterator[msgspec.structs.FieldInfo]:
    """The fields that are texts, or lists of enums: of what is given, the quotes can be counted."""
    kinds = {field.name: field.kind for field in shape_of(params).fields}
    for field in msgspec.structs.fields(params):
        if kinds[field.name] is Scalar.STRING or _is_list_of_enums(kinds[field.name]):
            yield field


def _is_list_of_enums(kind: Kind) -> bool:
    return isinstance(kind, ListKind) and isinstance(kind.item, EnumKind)


@functools.cache
def _flag_lists(params: type[msgspec.Struct]) -> tuple[tuple[str, enum.Enum], ...]:
    """The fields that are lists of enums, each with the unspecified member."""
    fields = shape_of(params).fields
    lists = ((field.name, field.kind.item) for field in fields if isinstance(field.kind, ListKind))
    return tuple((name, next(iter(item.cls))) for name, item in lists if isinstance(item, EnumKind))


def _missing_params(row: CommandType, *, as_observed: bool) -> Iterator[Violation]:
    """The type alone is a command only if its params require nothing."""
    if row.params_required or (as_observed and Quirk.PARAMS_REQUIRED in row.as_observed):
        yield Violation(row.params_path, f'{row.params_path} is required for type {row.name}: add "{row.params_field}": {{…}}.')


def _split(row: CommandType, params: msgspec.Struct, *, given: bool) -> tuple[bytes, bytes | None]:
    """The command's canonical JSON without its secrets, and these."""
    if not given:
        return b"{}", None
    secret, blank = _secrets_of(type(params))
    given_secrets = {wire_name: value for name, wire_name in secret if (value := getattr(params, name)) != blank[name]}
    if not given_secrets:
        return _nested(row, encode_message(params)), None
    public = msgspec.structs.replace(params, **blank)
    return _nested(row, encode_message(public)), _nested(row, encode_message(given_secrets))


@functools.cache
def _secrets_of(params: type[msgspec.Struct]) -> tuple[Sequence[tuple[str, str]], dict[str, Any]]:
    """The secret fields, by both their names; and what each is by default."""
    secret = [field for field in msgspec.structs.fields(params) if field.name in secret_fields(params)]
    return [(field.name, field.encode_name) for field in secret], {field.name: field.default for field in secret}


def _nested(row: CommandType, params: bytes) -> bytes:
    return b'{"' + row.params_field.encode() + b'":' + params + b"}" if row.params_field else params


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one | {name: _merged(one[name], value) if isinstance(value, dict) and name in one else value for name, value in other.items()}

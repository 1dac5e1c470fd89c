"""From the text of a filter to its tree, or to an error that says where it is wrong and what is possible.

    expression := sequence {"AND" sequence}
    sequence   := factor {factor}
    factor     := term {"OR" term}
    term       := ["NOT" | "-"] ("(" expression ")" | field operator value)

Source: AIP-160 and its EBNF.
"""

import operator
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.times import IllegalTimestamp, parse_timestamp_ns

MAX_CHARS = 2048
MAX_DEPTH = 32  # parentheses and negations within each other: far more than a person writes

_EQUALITY = ("=", "!=", ":")

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<operator><=|>=|!=|[=<>:])
    | (?P<bracket>[()])
    | (?P<minus>-(?=[(\w]))
    | (?P<word>[^\s()"'=<>:!]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_UNQUOTED_VALUE = re.compile(r"\s*([^\s()\"']+)")
_KEYWORDS = ("AND", "OR", "NOT")
FieldValue = bool | str | int
"""The value of a field in a comparison; a time in nanoseconds, since a filter's time may be finer than an operation's."""

OPERATORS: Final[dict[str, Callable[[FieldValue, FieldValue], bool]]] = {
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ANY_OPERATOR = tuple(OPERATORS)


@dataclass(frozen=True, kw_only=True)
class FilterView:
    """What a filter may ask of an operation; `error_code` is None while there is no error."""

    done: bool
    type: str
    create_time_us: int
    error_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field that a filter may ask of a resource."""

    name: str
    """As it is written on the wire, as in `hardwareInfo.model`."""
    read: Callable[[Any], FieldValue | None]
    """Its value in what is filtered; None: it is not set."""
    value: Callable[[str], FieldValue] = str
    """The value that a text stands for.  Raises: ValueError, IllegalTimestamp."""
    expected: str = "a text"
    also_called: tuple[str, ...] = ()
    ordered: bool = False
    """Whether it can be compared with `<` and its like."""
    wildcards: bool = False
    """Whether a `*` at the start or the end of a value stands for any text."""
    only_present: str = ""
    """A name under which it can only be asked whether it is set."""


class Fields:
    """The fields of one kind of resource, by each of their names."""

    def __init__(self, fields: Iterable[Field], *, possible: str) -> None:
        """`possible` says in an error what can be asked."""
        rows = tuple(fields)
        self.by_name = {name: field for field in rows for name in (field.name, *field.also_called, field.only_present) if name}
        self.possible = possible


@dataclass(frozen=True)
class Comparison:
    """`field operator value`."""

    field: Field
    operator: str
    value: FieldValue

    def matches(self, view: object) -> bool:
        """Whether the field is set and compares so."""
        value = self.field.read(view)
        return value is not None and OPERATORS[self.operator](value, self.value)


@dataclass(frozen=True)
class Like:
    """`field = "text*"`, `"*text"` or `"*text*"`; with `!=`, a value that is set and not so."""

    field: Field
    value: str
    unlike: bool = False

    def matches(self, view: object) -> bool:
        """Whether the field is set and its value is so."""
        value = self.field.read(view)
        if not isinstance(value, str):
            return False
        text = self.value.strip("*")
        match self.value.startswith("*"), self.value.endswith("*"):
            case True, True:
                found = text in value
            case True, False:
                found = value.endswith(text)
            case _:
                found = value.startswith(text)
        return found is not self.unlike


@dataclass(frozen=True)
class Presence:
    """`field:*`."""

    field: Field

    def matches(self, view: object) -> bool:
        """Whether the field is set."""
        return self.field.read(view) is not None


@dataclass(frozen=True)
class Not:
    """`NOT part`, `-part`."""

    part: "Filter"

    def matches(self, view: object) -> bool:
        """Whether the part does not match."""
        return not self.part.matches(view)


@dataclass(frozen=True)
class All:
    """Parts joined by AND or white space; no part: everything."""

    parts: "tuple[Filter, ...]"

    def matches(self, view: object) -> bool:
        """Whether each part matches."""
        return all(part.matches(view) for part in self.parts)


@dataclass(frozen=True)
class AnyOf:
    """Parts joined by OR."""

    parts: "tuple[Filter, ...]"

    def matches(self, view: object) -> bool:
        """Whether one part matches."""
        return any(part.matches(view) for part in self.parts)


Filter = Comparison | Like | Presence | Not | All | AnyOf

EVERYTHING: Final = All(())
"""The filter that an empty text is."""


def parse_filter(text: str, *, types: Collection[str] | None = None) -> Filter:
    """The filter of operations that `text` is; an empty text wants everything. With `types`, `type` is compared with one of them only.

    Raises: InvalidArgument with the position of the first fault and what could stand there.
    """
    return parse_filter_of(OPERATION_FIELDS, text, types=types)


def parse_filter_of(fields: Fields, text: str, *, types: Collection[str] | None = None, path: str = "filter") -> Filter:
    """The filter of what has these fields; `path`: the proto path at which it was given.  Raises: InvalidArgument, as parse_filter."""
    if len(text) > MAX_CHARS:
        raise _invalid(path, f"it has {len(text)} characters; at most {MAX_CHARS} are allowed.")
    if not text.strip():
        return EVERYTHING
    parser = _Parser(text, fields, types, path)
    found = parser.expression(depth=0)
    if parser.next.kind != "end":
        parser.reject("expected AND, OR or the end")
    return found


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int


class _Parser:
    """Recursive descent; `next` is the token to read."""

    def __init__(self, text: str, fields: Fields, types: Collection[str] | None, path: str) -> None:
        self._text = text
        self._fields = fields
        self._types = types
        self._path = path
        self._end = 0
        self.next = self._scan()

    def expression(self, *, depth: int) -> Filter:
        """Sequences joined by AND."""
        parts = [self._sequence(depth)]
        while self._keyword("AND"):
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def reject(self, why: str, *, start: int | None = None) -> NoReturn:
        """Raise for the next token, or for what starts at `start`."""
        at = self.next.start if start is None else start
        raise _invalid(self._path, f"at character {at + 1}: {why}. {self._fields.possible}")

    def _sequence(self, depth: int) -> Filter:
        parts = [self._factor(depth)]
        while not (self.next.kind == "end" or self.next.text == ")" or self._is_keyword("AND")):
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _factor(self, depth: int) -> Filter:
        parts = [self._term(depth)]
        while self._keyword("OR"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _term(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            self.reject(f"more than {MAX_DEPTH} parentheses and negations within each other")
        if self.next.kind == "minus":
            self._advance()
            return Not(self._term(depth + 1))
        if self._keyword("NOT"):
            return Not(self._term(depth + 1))
        if self.next.text != "(":
            return self._comparison()
        self._advance()
        inner = self.expression(depth=depth + 1)
        if self.next.text != ")":
            self.reject("expected )")
        self._advance()
        return inner

    def _comparison(self) -> Filter:
        name = self._advance()
        if name.kind != "word" or name.text in _KEYWORDS:
            self.reject("expected a field", start=name.start)
        field = self._fields.by_name.get(name.text)
        if field is None:
            hint = f" (write {name.text.upper()})" if name.text.upper() in _KEYWORDS else ""
            self.reject(f'"{name.text[:64]}" is not a field to filter by{hint}', start=name.start)
        sign = self.next
        if sign.kind != "operator":
            self.reject(f"expected one of {' '.join(_ANY_OPERATOR)}")
        value, start, quoted = self._value()
        if value == "*" and not quoted and sign.text == ":":
            return Presence(field)
        if name.text == field.only_present:
            self.reject(f"write {name.text} as {name.text}:*, its code as {field.name}", start=sign.start)
        if not field.ordered and sign.text not in _EQUALITY:
            self.reject(f"{name.text} can only be compared with {' '.join(_EQUALITY)}", start=sign.start)
        if field.wildcards and "*" in value:
            return self._like(field, value, start, unlike=sign.text == "!=")
        return Comparison(field, sign.text, self._typed(field, value, start=start))

    def _like(self, field: Field, value: str, start: int, *, unlike: bool) -> Filter:
        """A comparison with a value that has a `*`."""
        if "*" in value.removeprefix("*").removesuffix("*") or not value.strip("*"):
            self.reject(f"a * may stand at the start and the end of the value of {field.name}, beside some text", start=start)
        return Like(field, value, unlike)

    def _typed(self, field: Field, text: str, *, start: int) -> FieldValue:
        """The value as the field's type has it."""
        try:
            value = field.value(text)
        except (IllegalTimestamp, ValueError):
            self.reject(f"expected {field.expected} as the value of {field.name}", start=start)
        if field.name == "type" and self._types is not None and text not in self._types:
            self.reject(f"{text[:64]!a} is not a type; the types are {', '.join(self._types)}", start=start)
        return value

    def _value(self) -> tuple[str, int, bool]:
        """The value after the operator that is next, where it starts, and whether it was quoted; unquoted it runs to a space or bracket."""
        if match := _UNQUOTED_VALUE.match(self._text, self._end):
            self._end = match.end()
            self.next = self._scan()
            return match[1], match.start(1), False
        self._advance()
        token = self._advance()
        if token.kind != "string":
            self.reject("expected a value", start=token.start)
        return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL), token.start, True

    def _keyword(self, word: str) -> bool:
        """Whether this keyword is next; then it has been read."""
        found = self._is_keyword(word)
        if found:
            self._advance()
        return found

    def _is_keyword(self, word: str) -> bool:
        return self.next.kind == "word" and self.next.text == word

    def _advance(self) -> _Token:
        token = self.next
        self.next = self._scan()
        return token

    def _scan(self) -> _Token:
        match = _TOKEN.match(self._text, self._end)
        if match is not None and match.lastgroup is not None:
            self._end = match.end()
            return _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
        rest = self._text[self._end :].lstrip()
        start = len(self._text) - len(rest)
        if rest:
            self.reject("a quote is not closed" if rest[0] in "\"'" else "unexpected character", start=start)
        return _Token("end", "", start)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _code(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(text)
    return int(text)


def _invalid(path: str, why: str) -> InvalidArgument:
    return InvalidArgument(violations=[Violation(path, f"Invalid filter: {why}")])


OPERATION_FIELDS: Final = Fields(
    (
        Field(name="done", read=lambda view: view.done, value=_boolean, expected="true or false"),
        Field(name="type", read=lambda view: view.type or None, expected="a command type", also_called=("metadata.type",)),
        Field(
            name="create_time",
            read=lambda view: view.create_time_us * 1_000,
            value=parse_timestamp_ns,
            expected='an RFC 3339 time such as "2026-01-31T00:00:00Z"',
            also_called=("createTime", "metadata.createTime", "metadata.create_time"),
            ordered=True,
        ),
        Field(
            name="error.code",
            read=lambda view: view.error_code,
            value=_code,
            expected="a google.rpc.Code number",
            ordered=True,
            only_present="error",  # an error has a code
        ),
    ),
    possible='Possible: done=true, type="…", createTime>"2026-01-31T00:00:00Z", error:*, error.code=1; AND, OR, NOT, parentheses.',
)
"""What `operations.list` filters by: a FilterView."""

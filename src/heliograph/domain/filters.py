"""From the text of a filter to its tree, or to an error that says where it is wrong and what is possible.

    expression := sequence {"AND" sequence}
    sequence   := factor {factor}
    factor     := term {"OR" term}
    term       := ["NOT" | "-"] ("(" expression ")" | field operator value)

Source: AIP-160 and its EBNF.
"""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, NoReturn, TypeVar

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


V = TypeVar("V")
V_contra = TypeVar("V_contra", contravariant=True)


@dataclass(frozen=True, kw_only=True)
class Field(Generic[V_contra]):
    """What a filter may ask for."""

    read: Callable[[V_contra], FieldValue | None]
    """The field's value; None: not set."""
    parse: Callable[[str], FieldValue] = str
    """A value as the filter has it.  Raises: ValueError, IllegalTimestamp."""
    expected: str = "a text"
    ordered: bool = True
    """Whether it is compared by more than equality."""
    words: Collection[str] | None = None
    """The only values that it is compared with; None: any."""
    name: str = ""
    """What errors on its values call it; empty: as it is written."""
    only_presence: str = ""
    """What to write instead of anything but `field:*`."""
    wildcards: bool = False
    """Whether a `*` at the start or the end of a value stands for any text."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary(Generic[V]):
    """The fields of one kind of resource, by every name that they may be written by."""

    fields: Mapping[str, Field[V]]
    possible: str
    """What filters may say, as errors show it."""


@dataclass(frozen=True)
class Comparison(Generic[V]):
    """`field operator value`."""

    field: Field[V]
    operator: str
    value: FieldValue

    def matches(self, view: V) -> bool:
        """Whether the field is set and compares so."""
        value = self.field.read(view)
        return value is not None and OPERATORS[self.operator](value, self.value)


@dataclass(frozen=True)
class Like(Generic[V]):
    """`field = "text*"`, `"*text"` or `"*text*"`; with `!=`, a value that is set and not so."""

    field: Field[V]
    value: str
    unlike: bool = False

    def matches(self, view: V) -> bool:
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
class Presence(Generic[V]):
    """`field:*`."""

    field: Field[V]

    def matches(self, view: V) -> bool:
        """Whether the field is set."""
        return self.field.read(view) is not None


@dataclass(frozen=True)
class Not(Generic[V]):
    """`NOT part`, `-part`."""

    part: "Filter[V]"

    def matches(self, view: V) -> bool:
        """Whether the part does not match."""
        return not self.part.matches(view)


@dataclass(frozen=True)
class All(Generic[V]):
    """Parts joined by AND or white space; no part: everything."""

    parts: "tuple[Filter[V], ...]"

    def matches(self, view: V) -> bool:
        """Whether each part matches."""
        return all(part.matches(view) for part in self.parts)


@dataclass(frozen=True)
class AnyOf(Generic[V]):
    """Parts joined by OR."""

    parts: "tuple[Filter[V], ...]"

    def matches(self, view: V) -> bool:
        """Whether one part matches."""
        return any(part.matches(view) for part in self.parts)


Filter = Comparison[V] | Like[V] | Presence[V] | Not[V] | All[V] | AnyOf[V]


def parse_filter_of(vocabulary: Vocabulary[V], text: str, *, path: str = "filter") -> Filter[V]:
    """The filter that `text` is; an empty text wants everything. `path`: the proto path at which it was given.

    Raises: InvalidArgument with the position of the first fault and what could stand there.
    """
    if len(text) > MAX_CHARS:
        raise _invalid(path, f"it has {len(text)} characters; at most {MAX_CHARS} are allowed.")
    if not text.strip():
        return All(())
    parser = _Parser(text, vocabulary, path)
    found = parser.expression(depth=0)
    if parser.next.kind != "end":
        parser.reject("expected AND, OR or the end")
    return found


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int


class _Parser(Generic[V]):
    """Recursive descent; `next` is the token to read."""

    def __init__(self, text: str, vocabulary: Vocabulary[V], path: str) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._path = path
        self._end = 0
        self.next = self._scan()

    def expression(self, *, depth: int) -> Filter[V]:
        """Sequences joined by AND."""
        parts = [self._sequence(depth)]
        while self._keyword("AND"):
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def reject(self, why: str, *, start: int | None = None) -> NoReturn:
        """Raise for the next token, or for what starts at `start`."""
        at = self.next.start if start is None else start
        raise _invalid(self._path, f"at character {at + 1}: {why}. {self._vocabulary.possible}")

    def _sequence(self, depth: int) -> Filter[V]:
        parts = [self._factor(depth)]
        while not (self.next.kind == "end" or self.next.text == ")" or self._is_keyword("AND")):
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _factor(self, depth: int) -> Filter[V]:
        parts = [self._term(depth)]
        while self._keyword("OR"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _term(self, depth: int) -> Filter[V]:
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

    def _comparison(self) -> Filter[V]:
        name = self._advance()
        if name.kind != "word" or name.text in _KEYWORDS:
            self.reject("expected a field", start=name.start)
        field = self._vocabulary.fields.get(name.text)
        if field is None:
            hint = f" (write {name.text.upper()})" if name.text.upper() in _KEYWORDS else ""
            self.reject(f'"{name.text[:64]}" is not a field to filter by{hint}', start=name.start)
        sign = self.next
        if sign.kind != "operator":
            self.reject(f"expected one of {' '.join(_ANY_OPERATOR)}")
        value, start, quoted = self._value()
        if value == "*" and not quoted and sign.text == ":":
            return Presence(field)
        if field.only_presence:
            self.reject(field.only_presence, start=sign.start)
        if not field.ordered and sign.text not in _EQUALITY:
            self.reject(f"{name.text} can only be compared with {' '.join(_EQUALITY)}", start=sign.start)
        if field.wildcards and "*" in value:
            return self._like(field, value, start, unlike=sign.text == "!=")
        return Comparison(field, sign.text, self._typed(field, field.name or name.text, value, start=start))

    def _like(self, field: Field[V], value: str, start: int, *, unlike: bool) -> Filter[V]:
        """A comparison with a value that has a `*`."""
        if "*" in value.removeprefix("*").removesuffix("*") or not value.strip("*"):
            self.reject(f"a * may stand at the start and the end of the value of {field.name}, beside some text", start=start)
        return Like(field, value, unlike)

    def _typed(self, field: Field[V], name: str, text: str, *, start: int) -> FieldValue:
        """The value as the field's type has it."""
        try:
            value = field.parse(text)
        except (IllegalTimestamp, ValueError):
            self.reject(f"expected {field.expected} as the value of {name}", start=start)
        if field.words is not None and text not in field.words:
            self.reject(f"{text[:64]!a} is not a {name}; the {name}s are {', '.join(field.words)}", start=start)
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


TIME = 'an RFC 3339 time such as "2026-01-31T00:00:00Z"'
parse_time = parse_timestamp_ns


@dataclass(frozen=True, kw_only=True)
class FilterView:
    """What a filter may ask of an operation; `error_code` is None while there is no error."""

    done: bool
    type: str
    create_time_us: int
    error_code: int | None = None


_TYPE: Field[FilterView] = Field(read=lambda view: view.type or None, expected="a command type", ordered=False, name="type")
_CREATE_TIME: Field[FilterView] = Field(read=lambda view: view.create_time_us * 1_000, parse=parse_time, expected=TIME, name="create_time")
_ERROR_CODE: Field[FilterView] = Field(
    read=lambda view: view.error_code, parse=_code, expected="a google.rpc.Code number", name="error.code"
)
_OPERATIONS: Vocabulary[FilterView] = Vocabulary(
    fields={
        "done": Field(read=lambda view: view.done, parse=_boolean, expected="true or false", ordered=False),
        "type": _TYPE,
        "metadata.type": _TYPE,
        "createTime": _CREATE_TIME,
        "create_time": _CREATE_TIME,
        "metadata.createTime": _CREATE_TIME,
        "metadata.create_time": _CREATE_TIME,
        "error": replace(_ERROR_CODE, only_presence="write error as error:*, its code as error.code"),
        "error.code": _ERROR_CODE,
    },
    possible='Possible: done=true, type="…", createTime>"2026-01-31T00:00:00Z", error:*, error.code=1; AND, OR, NOT, parentheses.',
)


def parse_filter(text: str, *, types: Collection[str] | None = None) -> Filter[FilterView]:
    """The filter of operations that `text` is. With `types`, `type` is compared with one of them only.

    Raises: as `parse_filter_of`.
    """
    if types is None:
        return parse_filter_of(_OPERATIONS, text)
    one_of = replace(_TYPE, words=types)
    return parse_filter_of(replace(_OPERATIONS, fields={**_OPERATIONS.fields, "type": one_of, "metadata.type": one_of}), text)


def _invalid(path: str, why: str) -> InvalidArgument:
    return InvalidArgument(violations=[Violation(path, f"Invalid filter: {why}")])

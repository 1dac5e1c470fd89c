"""From the text of a filter to its tree, or to an error that says where it is wrong and what is possible.

    expression := sequence {"AND" sequence}
    sequence   := factor {factor}
    factor     := term {"OR" term}
    term       := ["NOT" | "-"] ("(" expression ")" | field operator value)

Source: AIP-160 and its EBNF.
"""

import operator
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, NoReturn

from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.times import IllegalTimestamp, parse_timestamp_ns

MAX_CHARS = 2048
MAX_DEPTH = 32  # parentheses and negations within each other: far more than a person writes

_NAMES: Final = {
    "done": "done",
    "type": "type",
    "metadata.type": "type",
    "createTime": "create_time",
    "create_time": "create_time",
    "metadata.createTime": "create_time",
    "metadata.create_time": "create_time",
    "error": "error.code",  # only as error:*, and an error has a code
    "error.code": "error.code",
}
_EQUALITY = ("=", "!=", ":")
_POSSIBLE = 'Possible: done=true, type="…", createTime>"2026-01-31T00:00:00Z", error:*, error.code=1; AND, OR, NOT, parentheses.'

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
_EXPECTED: Final = {
    "done": "true or false",
    "type": "a command type",
    "create_time": 'an RFC 3339 time such as "2026-01-31T00:00:00Z"',
    "error.code": "a google.rpc.Code number",
}

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


FIELDS: Final[dict[str, Callable[[FilterView], FieldValue | None]]] = {
    "done": lambda view: view.done,
    "type": lambda view: view.type or None,
    "create_time": lambda view: view.create_time_us * 1_000,
    "error.code": lambda view: view.error_code,
}
"""How each field is read; None: not set."""


@dataclass(frozen=True)
class Comparison:
    """`field operator value`."""

    field: str
    operator: str
    value: FieldValue

    def matches(self, view: FilterView) -> bool:
        """Whether the operation's field is set and compares so."""
        value = FIELDS[self.field](view)
        return value is not None and OPERATORS[self.operator](value, self.value)


@dataclass(frozen=True)
class Presence:
    """`field:*`."""

    field: str

    def matches(self, view: FilterView) -> bool:
        """Whether the operation's field is set."""
        return FIELDS[self.field](view) is not None


@dataclass(frozen=True)
class Not:
    """`NOT part`, `-part`."""

    part: "Filter"

    def matches(self, view: FilterView) -> bool:
        """Whether the part does not match."""
        return not self.part.matches(view)


@dataclass(frozen=True)
class All:
    """Parts joined by AND or white space; no part: every operation."""

    parts: "tuple[Filter, ...]"

    def matches(self, view: FilterView) -> bool:
        """Whether each part matches."""
        return all(part.matches(view) for part in self.parts)


@dataclass(frozen=True)
class AnyOf:
    """Parts joined by OR."""

    parts: "tuple[Filter, ...]"

    def matches(self, view: FilterView) -> bool:
        """Whether one part matches."""
        return any(part.matches(view) for part in self.parts)


Filter = Comparison | Presence | Not | All | AnyOf

EVERYTHING: Final = All(())
"""The filter that an empty text is."""


def parse_filter(text: str, *, types: Collection[str] | None = None) -> Filter:
    """The filter that `text` is; an empty text wants everything. With `types`, `type` is compared with one of them only.

    Raises: InvalidArgument with the position of the first fault and what could stand there.
    """
    if len(text) > MAX_CHARS:
        raise _invalid(f"it has {len(text)} characters; at most {MAX_CHARS} are allowed.")
    if not text.strip():
        return EVERYTHING
    parser = _Parser(text, types)
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

    def __init__(self, text: str, types: Collection[str] | None) -> None:
        self._text = text
        self._types = types
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
        raise _invalid(f"at character {at + 1}: {why}. {_POSSIBLE}")

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
        field = _NAMES.get(name.text)
        if field is None:
            hint = f" (write {name.text.upper()})" if name.text.upper() in _KEYWORDS else ""
            self.reject(f'"{name.text[:64]}" is not a field to filter by{hint}', start=name.start)
        sign = self.next
        if sign.kind != "operator":
            self.reject(f"expected one of {' '.join(_ANY_OPERATOR)}")
        value, start, quoted = self._value()
        if value == "*" and not quoted and sign.text == ":":
            return Presence(field)
        if name.text == "error":
            self.reject("write error as error:*, its code as error.code", start=sign.start)
        if field in ("done", "type") and sign.text not in _EQUALITY:
            self.reject(f"{name.text} can only be compared with {' '.join(_EQUALITY)}", start=sign.start)
        return Comparison(field, sign.text, self._typed(field, value, start=start))

    def _typed(self, field: str, text: str, *, start: int) -> FieldValue:
        """The value as the field's type has it."""
        try:
            value = _VALUE_OF[field](text)
        except (IllegalTimestamp, ValueError):
            self.reject(f"expected {_EXPECTED[field]} as the value of {field}", start=start)
        if field == "type" and self._types is not None and text not in self._types:
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


_VALUE_OF: Final[dict[str, Callable[[str], FieldValue]]] = {
    "done": _boolean,
    "type": str,
    "create_time": parse_timestamp_ns,
    "error.code": _code,
}


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument(violations=[Violation("filter", f"Invalid filter: {why}")])

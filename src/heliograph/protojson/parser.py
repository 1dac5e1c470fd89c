"""JSON text to values, strictly, and with errors in the words of Google's parser.

Stricter than Python's `json`: UTF-8 only, names at most once in an object, no NaN, no lone surrogates, bounded depth. An error gives line
and column instead of Google's excerpt: the text near a fault may hold a password.

Source: RFC 8259; error texts from protobuf's json_stream_parser.cc.
"""

import json
import re
from collections import Counter
from typing import Any, NoReturn

import msgspec

from heliograph.protojson.errors import InvalidArgument

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec's decoders raise for bytes that are not JSON, or not of the wanted form, or nest deeper than the stack is."""

MAX_DEPTH = 100  # protobuf's default recursion limit
MOST_CONTAINERS = 50_000
_MAX_INT_DIGITS = 40  # more than any field takes; int() of thousands of digits costs quadratic time

_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL)

_NO_TEXT = {
    b"\xff\xfe": " The body looks like UTF-16: send it as UTF-8.",
    b"\xfe\xff": " The body looks like UTF-16: send it as UTF-8.",
    b"\x1f\x8b": " The body looks gzipped: send Content-Encoding: gzip.",
}
_HINTS = (
    (re.compile(r",\s*[}\]]"), " After a comma, another value must follow."),  # Python 3.13 stops at the comma
    (re.compile("//|/[*]|#"), " JSON has no comments."),
    (re.compile("True|False|None"), " JSON writes true, false and null."),
    (re.compile("'|[^\\W\\d]+[ \\t\\r\\n]*[:,}]"), " Names and strings need double quotes."),
)
"""By what stands where the parser stopped."""

_GOOGLES_WORDS = {
    "Expecting property name enclosed in double quotes": "Expected an object key or }.",
    "Illegal trailing comma before end of object": "Expected an object key or }.",
    "Illegal trailing comma before end of array": "Expected a value.",
    "Expecting ':' delimiter": "Expected : between key:value pair.",
    "Expecting value": "Expected a value.",
    "Unterminated string starting at": "Closing quote expected in string.",
    "Invalid control character at": "Invalid control character in string: write it as an escape sequence.",
    "Invalid \\escape": "Invalid escape sequence.",
    "Invalid \\uXXXX escape": "Illegal hex string.",
    "Extra data": "Parsing terminated before end of input.",
}


class JsonObject(dict[str, Any]):
    """A JSON object, with the names that it held more than once."""

    repeated: tuple[str, ...] = ()


class JsonNumber(str):
    """A JSON number that is not a short plain integer, as its text, without loss."""

    __slots__ = ()


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The value in `body`: None, bool, int, JsonNumber, str, list or JsonObject.

    Raises: InvalidArgument when it is not JSON text, without quoting any of it.
    """
    # Raised outside the handlers: the caught errors hold the whole text and must not stay behind as this error's context.
    fault: InvalidArgument
    text = ""
    try:
        text = body.decode()
        reject_depth(text)
        value = _decoder.decode(text)
    except UnicodeDecodeError as error:
        hint = _NO_TEXT.get(body[:2], "")
        fault = InvalidArgument(f"{_PREFIX} Encountered non UTF-8 code points. (byte {error.start + 1}){hint}")
    except json.JSONDecodeError as error:
        fault = _fault(_in_googles_words(error, text), text, error.pos, hint=_hint(text, error.pos))
    else:
        _reject_lone_surrogates(text)
        return value
    raise fault


_PREFIX = "Invalid JSON payload received."


def _fault(what: str, text: str, position: int, *, hint: str = "") -> InvalidArgument:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return InvalidArgument(f"{_PREFIX} {what} (line {line}, column {column}){hint}")


def _hint(text: str, position: int) -> str:
    """What was probably written there instead of JSON, without quoting it; "" if that is unclear."""
    if text.startswith("\ufeff"):
        return " The body begins with a byte order mark: remove it."
    if text[:position].rstrip().endswith(",") and text[position : position + 1] in {"}", "]"}:
        return " After a comma, another value must follow."
    for start, said in _HINTS:
        if start.match(text, position):
            return said
    return "" if text[:position].strip() else ' The body is a JSON object, as in {"name": "value"}.'


def _in_googles_words(fault: json.JSONDecodeError, text: str) -> str:
    if fault.msg.startswith("Expecting ',' delimiter"):
        inside = _innermost(text[: fault.pos])
        return "Expected , or ] after array value." if inside == "[" else "Expected , or } after key:value pair."
    words = next((words for start, words in _GOOGLES_WORDS.items() if fault.msg.startswith(start)), "Unexpected token.")
    at_end = not text[fault.pos :].strip()
    return f"Unexpected end of string. {words}" if at_end and fault.msg != "Extra data" else words


def _innermost(text: str) -> str:
    """The bracket that is still open at the end of this text."""
    open_brackets: list[str] = []
    for found in _TOKENS.findall(text):
        if found in "[{":
            open_brackets.append(found)
        elif found in "]}" and open_brackets:
            open_brackets.pop()
    return open_brackets[-1] if open_brackets else ""


def reject_depth(text: str) -> None:
    """Check that no value in this JSON text is deeper than MAX_DEPTH, even if the text has other mistakes.

    Nor may it have more than MOST_CONTAINERS objects and lists: no message needs so many, and each costs a hundred times its two brackets.
    Word by word, and not in one step of a regular expression: other threads have their turn meanwhile.

    Raises: InvalidArgument.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = containers = 0
    for token in _TOKENS.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            containers += 1
            if depth > MAX_DEPTH:
                raise _fault(f"Message too deep. Max recursion depth is {MAX_DEPTH}.", text, token.start())
            if containers > MOST_CONTAINERS:
                raise _fault(f"Message too large. It may have {MOST_CONTAINERS} objects and lists.", text, token.start())
        elif first in "]}":
            depth -= 1


def _reject_lone_surrogates(text: str) -> None:
    for escape in _SURROGATES.finditer(text):
        if escape[1]:
            raise _fault("Illegal hex string: a lone surrogate is not a character.", text, escape.start())


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = JsonObject(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _value in pairs)
        found.repeated = tuple(name for name in found if times[name] > 1)
    return found


def _int(text: str) -> int | JsonNumber:
    return int(text) if len(text) <= _MAX_INT_DIGITS else JsonNumber(text)


def _number(text: str) -> JsonNumber:
    """A function, so that other threads have a turn between two numbers; the class itself would not let them."""
    return JsonNumber(text)


def _constant(name: str) -> NoReturn:
    raise InvalidArgument(f"{_PREFIX} {name} is not a JSON value.")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_int=_int, parse_constant=_constant)

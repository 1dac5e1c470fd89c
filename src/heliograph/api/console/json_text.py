"""JSON that people edit as text: where a mistake stands in it, and what a change would change."""

import difflib
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.parser import MALFORMED

LINES_COMPARED_MOST: Final = 1_000
"""Of each side, after what both begin and end with: beyond that, comparing them line by line could take seconds."""
CONTEXT: Final = 3
EXCERPT_MAX_CHARS: Final = 160
NO_JSON: Final = (*MALFORMED, UnicodeEncodeError)
"""What msgspec raises for texts."""
_BLANK = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)  # the numbers are not wanted, and some are longer than int() takes
_CAPITAL = re.compile(r"(?<!^)[A-Z]")
_LINE = re.compile(r"\(line (\d+), column (\d+)\)")
_UNKNOWN = re.compile(r'Unknown name ("(?:[^"\\]|\\.)*")')


class Mistake(NamedTuple):
    """One mistake: what is wrong, and where in the text; line 0: nowhere in particular."""

    text: str
    line: int = 0
    column: int = 0
    excerpt: str = ""
    """The line, so that nobody has to count."""


class DiffLine(NamedTuple):
    """A line of both texts (` `), or one that goes (`-`) or comes (`+`); `…`: lines that stay are left out."""

    sign: str
    text: str


def mistakes_in(text: str, error: InvalidArgument, *, root: str) -> Sequence[Mistake]:
    """The mistakes that the API found in this text, each at its place; `root`: the message's proto path in the request."""
    if not error.violations:
        found = _LINE.search(error.message)
        return [_at(text, error.message, *map(int, found.groups()))] if found else [Mistake(error.message)]
    places = places_in(text, root=root)
    mistakes = [_placed(text, violation, places) for violation in error.violations]
    return [*mistakes, Mistake(f"And {error.more_violations} more.")] if error.more_violations else mistakes


def places_in(text: str, *, root: str) -> Mapping[str, tuple[int, int]]:
    """Line and column, from 1 on, of each value in the JSON text, by its proto path; a member's name counts as its value.

    A path is written with the field's name as it stands there and in proto's form, and for a member of a map by its number.
    """
    if not text.strip():
        return {}
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    places: dict[str, tuple[int, int]] = {}
    for path, position in sorted(_positions(text, root), key=lambda found: found[1], reverse=True):
        line = bisect_right(starts, position)
        places[path] = (line, position - starts[line - 1] + 1)
    return places


def diff(before: str, after: str) -> Sequence[DiffLine]:
    """The lines that differ, each with some that stay around it; empty: the texts are the same."""
    old, new = _lines_of(before), _lines_of(after)
    if old == new:
        return ()
    first = next((index for index, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
    rest = min(len(old), len(new)) - first
    same = next((index for index in range(rest) if old[-1 - index] != new[-1 - index]), rest)
    middle = old[first : len(old) - same], new[first : len(new) - same]
    if max(map(len, middle)) > LINES_COMPARED_MOST:
        changed = [*(DiffLine("-", line) for line in middle[0]), *(DiffLine("+", line) for line in middle[1])]
    else:
        changed = [*_compared(*middle)]
    return _folded([*(DiffLine(" ", line) for line in old[:first]), *changed, *(DiffLine(" ", line) for line in old[len(old) - same :])])


def _lines_of(text: str) -> list[str]:
    """The lines as JSON's readers count them: `splitlines` ends one at characters too that may stand in a JSON string, as U+2028."""
    return text.split("\n") if text else []


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    for kind, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            yield from (DiffLine(" ", line) for line in old[old_from:old_to])
        else:
            yield from (DiffLine("-", line) for line in old[old_from:old_to])
            yield from (DiffLine("+", line) for line in new[new_from:new_to])


def _folded(lines: Sequence[DiffLine]) -> Sequence[DiffLine]:
    near = {
        index + offset for index, line in enumerate(lines) if line.sign != " " for offset in range(-CONTEXT, CONTEXT + 1)
    }  # fmt: skip
    found: list[DiffLine] = []
    for index, line in enumerate(lines):
        if index in near:
            found.append(line)
        elif not found or found[-1].sign != "…":
            found.append(DiffLine("…", ""))
    return found


def _placed(text: str, violation: Violation, places: Mapping[str, tuple[int, int]]) -> Mistake:
    path = violation.field
    if (unknown := _UNKNOWN.search(violation.description)) and unknown[1] != '""':
        path = f"{path}.{json.loads(unknown[1])}" if path else json.loads(unknown[1])
    while path and path not in places:  # a field that is missing has no place: the message around it has
        path = re.sub(r"(\.[^.\[]*|\[[^\]]*\])$", "", path) if re.search(r"[.\[]", path) else ""
    return _at(text, violation.description, *places.get(path, (0, 0)))


def _at(text: str, what: str, line: int, column: int) -> Mistake:
    lines = _lines_of(text)
    excerpt = lines[line - 1].strip()[:EXCERPT_MAX_CHARS] if 0 < line <= len(lines) else ""
    return Mistake(what, line, column, excerpt)


def _positions(text: str, root: str) -> Iterator[tuple[str, int]]:
    """Every value's path and where it, or its name, begins. The text is JSON: the API has read it."""
    found: list[tuple[str, int]] = []
    _value(text, _blank(text, 0), [root], found)
    return iter(found)


def _value(text: str, at: int, paths: Sequence[str], found: list[tuple[str, int]]) -> int:
    """Where the value ends that begins here, and has these paths."""
    if text[at] == "{":
        return _members(text, at, paths, found)
    if text[at] == "[":
        return _elements(text, at, paths, found)
    return _decoder.raw_decode(text, at)[1]


def _members(text: str, at: int, paths: Sequence[str], found: list[tuple[str, int]]) -> int:
    found += [(path, at) for path in paths]
    at, number = _blank(text, at + 1), 0
    while at < len(text) and text[at] == '"':
        name, end = _decoder.raw_decode(text, at)
        proto = _CAPITAL.sub(lambda capital: f"_{capital[0]}", name).lower()
        # Whether this is a message or a map, the text does not say: both paths lead here.
        own = [f"{paths[0]}.{proto}" if paths[0] else proto, f"{paths[0]}.{name}" if paths[0] else name, f"{paths[0]}[{number}].value"]
        found += [(path, at) for path in dict.fromkeys(own)]
        at = _value(text, _blank(text, _blank(text, end) + 1), own, found)
        at, number = _blank(text, at), number + 1
        if text[at : at + 1] != ",":
            break
        at = _blank(text, at + 1)
    return at + 1


def _elements(text: str, at: int, paths: Sequence[str], found: list[tuple[str, int]]) -> int:
    found += [(path, at) for path in paths]
    at, number = _blank(text, at + 1), 0
    while at < len(text) and text[at] != "]":
        own = [f"{path}[{number}]" for path in paths[:1]]
        found += [(path, at) for path in own]
        at = _blank(text, _value(text, at, own, found))
        number += 1
        if text[at : at + 1] != ",":
            break
        at = _blank(text, at + 1)
    return at + 1


def _blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def json_in(text: str, *, what: str) -> Any:  # noqa: ANN401 - any JSON
    """The value that is written in a form; `what`: its name there.  Raises: InvalidArgument."""
    try:
        return msgspec.json.decode(text)
    except NO_JSON as error:
        raise InvalidArgument(f"{what} is not JSON: {error}") from None


def as_typed(text: str) -> str:
    """The text of a form's field as people typed it: browsers send every line's end as CR LF."""
    return text.replace("\r\n", "\n")

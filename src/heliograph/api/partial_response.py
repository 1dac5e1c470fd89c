"""The `fields` parameter: a selector of the parts of an answer, `nextPageToken,devices(name,hardwareInfo/model)`.

Source: developers.google.com/discovery/v1/performance, "Partial response".
"""

import re
from typing import Any

import msgspec

from heliograph.domain.errors import InvalidArgument, Violation

Selection = dict[str, "Selection"]
"""What is wanted below each name; an empty selection: everything."""

_TOKEN = re.compile(r"\s*([^\s,()/]+|[,()/])")
_MAX_DEPTH = 32


def parse_fields(text: str) -> Selection:
    """The selection that `text` says.  Raises: InvalidArgument."""
    tokens: list[str] = _TOKEN.findall(text)
    selection, rest = _selection(tokens, 0, 0)
    if rest != len(tokens) or "".join(tokens) != re.sub(r"\s", "", text):
        raise _invalid(text)
    return selection


def select_fields(body: bytes, selection: Selection) -> bytes:
    """The JSON object with only what was selected; a list stands for each of its elements."""
    return msgspec.json.encode(_select(msgspec.json.decode(body), selection))


def _selection(tokens: list[str], at: int, depth: int) -> tuple[Selection, int]:
    """Comma-separated paths from token `at` on, and the first token after them."""
    found: Selection = {}
    while True:
        below, at = _path(found, tokens, at)
        if tokens[at : at + 1] == ["("]:
            if depth >= _MAX_DEPTH:
                raise _invalid("too deep")
            inner, at = _selection(tokens, at + 1, depth + 1)
            if tokens[at : at + 1] != [")"]:
                raise _invalid("unbalanced parentheses")
            below.update(inner)
            at += 1
        if tokens[at : at + 1] != [","]:
            return found, at
        at += 1


def _path(found: Selection, tokens: list[str], at: int) -> tuple[Selection, int]:
    """The selection below `a/b/c`, made in `found` where it is new, and the first token after it."""
    while True:
        name = tokens[at] if at < len(tokens) else ""
        if name in {"", ",", "(", ")", "/"}:
            raise _invalid(name or "nothing")
        found = found.setdefault(name, {})
        at += 1
        if tokens[at : at + 1] != ["/"]:
            return found, at
        at += 1


def _select(value: Any, selection: Selection) -> Any:  # noqa: ANN401 - any JSON value
    if not selection:
        return value
    if isinstance(value, list):
        return [_select(element, selection) for element in value if isinstance(element, dict | list)]
    every = selection.get("*")
    chosen = {name: selection.get(name, every) for name in value}
    return {
        name: _select(value[name], below)
        for name, below in chosen.items()
        # Nothing is below a text or a number.
        if below is not None and (not below or isinstance(value[name], dict | list))
    }


def _invalid(what: str) -> InvalidArgument:
    return InvalidArgument(violations=[Violation("fields", f"Invalid field selection {what[:64]}")])

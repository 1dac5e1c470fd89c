"""The `fields` parameter: a selector of the parts of an answer, `nextPageToken,devices(name,hardwareInfo/model)`.

Source: developers.google.com/discovery/v1/performance, "Partial response".
"""

import re
from typing import Any

import msgspec

from heliograph.protojson.errors import InvalidArgument, Violation

Selection = dict[str, "Selection"]
"""The fields wanted below each name; an empty selection: everything."""

_TOKEN = re.compile(r"[^\s,()/]+|[,()/]")
_SIGNS = frozenset(",()/")
_MAX_DEPTH = 32
_MAX_SHOWN_CHARS = 64


def parse_fields(text: str) -> Selection:
    """The selection that `text` says.  Raises: InvalidArgument."""
    root: Selection = {}
    opened: list[tuple[Selection, int]] = []
    """What each parenthesis that is still open is below, and how deep that is."""
    at, depth = root, 0
    before = ","
    for word in _TOKEN.findall(text):
        if before in ",(/":
            if word in _SIGNS or depth == _MAX_DEPTH:
                raise invalid_selection(word)
            at, depth = at.setdefault(word, {}), depth + 1
        elif word == "(" and before not in _SIGNS:
            opened.append((at, depth))
        elif word == ",":
            at, depth = opened[-1] if opened else (root, 0)
        elif word == ")" and opened:
            opened.pop()
        elif word != "/" or before == ")":
            raise invalid_selection(word)
        before = word
    if opened or before in ",(/":
        raise invalid_selection(text)
    return root


def select_fields(body: bytes, selection: Selection) -> bytes:
    """The JSON object with only what was selected; a list stands for each of its elements."""
    return msgspec.json.encode(_select(msgspec.json.decode(body), selection))


def invalid_selection(*what: str) -> InvalidArgument:
    """The refusal of these parts of a selector, in Google's words."""
    return InvalidArgument(violations=[Violation("fields", f"Invalid field selection {each[:_MAX_SHOWN_CHARS]}") for each in what])


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
        # A text or a number has no fields.
        if below is not None and (not below or isinstance(value[name], dict | list))
    }

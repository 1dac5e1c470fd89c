"""One exchange without anything that is someone's. What is not known to be harmless is hidden.

Shown: known field names, values of enums, true and false, durations up to 8 digits, times, whole numbers below 1000, resource names as
pseudonyms, and of the server's sentences the known words. Every other text, number, key of a map and name is hidden.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from heliograph.conformance.recording.pseudonyms import Pseudonyms
from heliograph.conformance.recording.schemas import WORDS, Schema, document, properties_of, types
from heliograph.conformance.recording.words import HIDDEN, known_words
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.parser import reject_depth
from heliograph.protojson.times import TIMESTAMP_PATTERN

SHOWN_BELOW: Final = 1_000
_DEEPEST: Final = 100
_TEXTS: Final[Mapping[str, re.Pattern[str]]] = {
    # Three years and milliseconds at most: more digits could be a telephone number in the wrong field.
    "google-duration": re.compile(r"-?[0-9]{1,8}(?:\.[0-9]{1,3})?s\Z", re.ASCII),
    "google-datetime": re.compile(TIMESTAMP_PATTERN),
    "int64": re.compile(r"-?[0-9]{1,3}\Z", re.ASCII),
}
_SENTENCES: Final = frozenset({"words", "google-fieldmask"})
_MASKS: Final = frozenset({"fields", "filter", "updateMask", "update_mask"})
"""Query parameters that hold names of fields."""


class Redaction:
    """Redacts one exchange. Whoever shows a sentence of it has first redacted the rest: what was hidden there is hidden in it."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._hidden: set[str] = set()

    def hide(self, texts: Iterable[str]) -> None:
        """These texts are hidden in every sentence."""
        self._hidden.update(texts)

    def name(self, name: str) -> str:
        """A resource name."""
        self.hide(name.split("/")[1::2])
        return self._pseudonyms.of(name) or self._hide(name)

    def query(self, query: str, parameters: Mapping[str, Schema]) -> list[list[str]]:
        """The query string as names and values; `parameters`: the method's own ones."""
        try:
            pairs = parse_qsl(query, keep_blank_values=True)
        except ValueError:
            return [[self._hide(query), HIDDEN]]
        known = {**document()["parameters"], **parameters}
        return [
            [name, self._text(value, WORDS if name in _MASKS else known[name])] if name in known else [self._hide(name), self._hide(value)]
            for name, value in pairs
        ]

    def body(self, body: bytes, schema: str) -> Any:  # noqa: ANN401 - JSON
        """A JSON body with a message of this schema; None: it is empty. One that is not JSON, or nests too deeply, is hidden."""
        if not body.strip():
            return None
        try:
            text = body.decode()
            reject_depth(text)
            value = json.loads(text)
        except (ValueError, InvalidArgument):
            return HIDDEN
        return self._value(value, {"$ref": schema}, 0)

    def _value(self, value: Any, schema: Schema, depth: int) -> Any:  # noqa: ANN401, PLR0911 - JSON; a return for each kind of value
        if depth > _DEEPEST:
            return self._hide_all(value)
        match value:
            case None:
                return None
            case bool() if schema.get("type") != "any":
                return value
            case str():
                return self._text(value, schema)
            case int() | float() if _is_shown(value, schema):
                return value
            case list() if schema.get("type") == "array":
                return [self._value(item, schema["items"], depth + 1) for item in value]
            case dict():
                return self._object(value, schema, depth + 1)
        return self._hide_all(value)

    def _object(self, value: dict[str, Any], schema: Schema, depth: int) -> Any:  # noqa: ANN401 - JSON
        found = types().get(value["@type"]) if isinstance(value.get("@type"), str) else None
        name = schema.get("$ref", found)
        if name is not None:
            known: Mapping[str, Schema] = properties_of(name)
        elif "properties" in schema:
            known = schema["properties"]
        elif "additionalProperties" in schema and schema["additionalProperties"].get("type") != "any":
            known = {}
        else:
            return self._hide_all(value)
        of_all = schema.get("additionalProperties")
        shown: dict[str, Any] = {}
        for key, item in value.items():
            if key == "@type" and found is not None:
                shown[key] = item
            elif key in known:
                shown[key] = self._value(item, known[key], depth)
            else:
                hidden = self._value(item, of_all, depth) if of_all and name is None else self._hide_all(item)
                shown[f"{self._hide(key)[:-1]} {len(shown) + 1}>"] = hidden
        return shown

    def _text(self, text: str, schema: Schema) -> str:
        schema = schema.get("items", {}) if schema.get("type") == "array" else schema
        form = str(schema.get("format", ""))
        if form in _SENTENCES:
            return known_words(text, self._hidden)
        if text in schema.get("enum", ()) or (form in _TEXTS and _TEXTS[form].match(text)) or not text:
            return text
        if schema.get("type") == "boolean" and text in {"true", "false"}:
            return text
        if schema.get("type") == "integer" and _TEXTS["int64"].match(text):
            return text
        pseudonym = self._pseudonyms.of(text) if schema.get("type") == "string" else None
        return self.name(text) if pseudonym else self._hide(text)

    def _hide(self, text: str) -> str:
        self.hide([text])
        return HIDDEN

    def _hide_all(self, value: Any) -> str:  # noqa: ANN401 - JSON
        """Everything in the value, which is shown as one word."""
        left = [value]
        while left:
            match left.pop():
                case dict() as entries:
                    self.hide(entries)
                    left += entries.values()
                case list() as items:
                    left += items
                case None | bool():
                    pass
                case found:
                    self.hide([str(found)])
        return HIDDEN


def _is_shown(number: float, schema: Schema) -> bool:
    """Whether it is a small whole number where one belongs: an enum's number too. A fraction may be a place on a map."""
    takes_numbers = schema.get("type") in {"integer", "number"} or schema.get("format") == "int64" or "enum" in schema
    return takes_numbers and abs(number) < SHOWN_BELOW and float(number).is_integer()

"""What the caller may have meant: the sentence after an error that says how to put it right.

Every sentence here has a space before it, so that it can follow Google's words; "" if there is nothing to say.
"""

import difflib
import re
from collections.abc import Iterable, Mapping

from heliograph.protojson.parser import JsonNumber
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MapKind, MessageKind, Scalar, Shape, shape_of
from heliograph.protojson.types import proto_info

_CLOSE = 0.75  # below it difflib offers words that share little but their length
_AS_CLOSE = 0.05  # two names that are about as near are both offered
_MAX_CHARS = 64  # comparing is quadratic: no name here is longer
_WRAPPERS = frozenset({"body", "requestbody", "request", "resource", "data", "payload", "json", "metadata"})
"""What people, and the libraries they call, put around a body."""
_SECONDS_DIGITS = 12

IN_SECONDS = ' A number of seconds followed by s is expected, as in "600s".'
_EXPECTED = {
    Scalar.STRING: " A string is expected: put it in double quotes.",
    Scalar.BOOL: " true or false is expected, without quotes.",
    Scalar.DURATION: IN_SECONDS,
}


def for_name(unknown: str, shape: Shape, *, path: str, value: object) -> str:
    """For a field that the message at this proto path does not have: which was meant, or where it belongs."""
    names = {_plain(field.json_name): field.json_name for field in shape.fields}
    plain = _plain(unknown[:_MAX_CHARS])
    if plain in names:
        return _did_you_mean(names[plain])
    if isinstance(value, dict) and path and "." not in path and plain in {_plain(path), *_WRAPPERS}:
        what = proto_info(shape.cls).full_name.rpartition(".")[2]
        return f' The body is the {what} itself: send what is inside "{unknown}", without "{unknown}" around it.'
    habits = {_plain(habit): said for habit, said in shape.habits.items()}
    if plain in habits:
        said = habits[plain]
        return f" {said}" if " " in said else _did_you_mean(shape.by_name[said].json_name)
    below = _one_level_down(plain, shape)
    return _did_you_mean(below) if below else _did_you_mean(*_nearest(plain, names))


def for_enum(value: str, kind: EnumKind) -> str:
    """For a value that the enum has not: which was meant, or those there are."""
    names = {_plain(name): name for name, member in kind.by_name.items() if member is not kind.by_number.get(0)}
    # As generated code spells it: Command.CommandType.LOCK, COMMAND_TYPE_LOCK.
    own = _plain(proto_info(kind.cls).full_name.rpartition(".")[2])
    plain = _plain(value[:_MAX_CHARS].rpartition(".")[2]).removeprefix(own)
    if plain in names:
        return _did_you_mean(names[plain])
    habits = {_plain(habit): said for habit, said in proto_info(kind.cls).habits.items()}
    if plain in habits:
        return f" {habits[plain]}"
    # A prefix may turn the sense round: who writes DISARM does not mean ARM.
    found = [name for name in _nearest(plain, names) if not plain.endswith(_plain(name))]
    return _did_you_mean(*found) if found else f" Possible values: {', '.join(names.values())}."


def for_list(kind: Kind, value: list[object]) -> str:
    """For a list in place of one value."""
    if isinstance(kind, MessageKind) and not value:
        return " An empty message is {}, not []."
    if isinstance(kind, MapKind) or (isinstance(kind, MessageKind) and not isinstance(value[0], dict)):
        return for_kind(kind, value)
    return " Send the value itself, without [ ] around it." if len(value) == 1 else ""


def for_kind(kind: Kind, value: object) -> str:
    """For a value of another JSON type than this kind's."""
    if isinstance(kind, ListKind):
        return " A list is expected: put it into [ ]."
    if isinstance(kind, MapKind):
        return ' An object is expected, as in {"key": …}.'
    if isinstance(kind, MessageKind):
        return _object_of(kind)
    if isinstance(kind, EnumKind) or (kind is Scalar.STRING and isinstance(value, dict)):
        return " A string is expected, not an object."
    if kind is Scalar.STRING and not isinstance(value, int | float | JsonNumber):
        return ""
    return _EXPECTED.get(kind, "")


def _object_of(kind: MessageKind) -> str:
    shape = shape_of(kind.cls)
    if not shape.fields:
        return " An object is expected: {}."
    field = shape.by_name.get("default_message", shape.fields[0])
    return f' An object is expected, as in {{"{field.json_name}": …}}.'


def for_duration(value: object) -> str:
    """For an invalid Duration: seconds without s get it, anything else an example."""
    number = str(value)
    plain_seconds = isinstance(value, int | str) and number.isascii() and number.isdecimal() and len(number) <= _SECONDS_DIGITS
    return f' Write "{number}s".' if plain_seconds and not isinstance(value, bool) else IN_SECONDS


def _one_level_down(plain: str, shape: Shape) -> str | None:
    """The place of a field that one of this message's messages has, if just one has it."""
    places = [
        f"{outer.json_name}.{inner.json_name}"
        for outer in shape.fields
        if isinstance(outer.kind, MessageKind)
        for inner in shape_of(outer.kind.cls).fields
        if _plain(inner.json_name) in {plain, f"{plain}s"}
    ]
    return places[0] if len(places) == 1 else None


def _nearest(plain: str, names: Mapping[str, str]) -> list[str]:
    """The nearest names to this one, several if equally near."""
    close = difflib.get_close_matches(plain, names, n=3, cutoff=_CLOSE)
    ratios = [difflib.SequenceMatcher(None, name, plain).ratio() for name in close]
    return [names[name] for name, ratio in zip(close, ratios, strict=True) if ratios[0] - ratio <= _AS_CLOSE]


def _plain(name: str) -> str:
    """The name without case, hyphens, underscores and spaces."""
    return re.sub(r"[\W_]", "", name).lower()


def _did_you_mean(*names: str) -> str:
    return f" Did you mean {_either(names)}?" if names else ""


def _either(names: Iterable[str]) -> str:
    return " or ".join(f'"{name}"' for name in names)

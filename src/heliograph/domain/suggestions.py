"""What the caller may have meant: the sentence after an error that says how to put it right."""

import difflib
import re
from collections.abc import Iterable

from heliograph.domain.wire_schema import EnumKind, MessageKind, Shape, shape_of

_CLOSE = 0.75  # below it difflib offers words that share little but their length
_MAX_CHARS = 64  # comparing is quadratic: no name here is longer


def for_name(unknown: str, shape: Shape, *, root: str) -> str:
    """The sentence `Did you mean "wipeParams"?` with a space before it, or "" when nothing is near."""
    names = {_plain(field.json_name): field.json_name for field in shape.fields}
    habits = {_plain(habit): shape.by_name[name].json_name for habit, name in shape.habits.items()}
    plain = _plain(unknown[:_MAX_CHARS])
    found = names.get(plain) or habits.get(plain) or _one_level_down(plain, shape)
    if found is None and root and plain == _plain(root.rpartition(".")[2]):
        return f' Send the fields of "{unknown}" themselves, not inside "{unknown}".'
    return _did_you_mean(found or _nearest(plain, names))


def for_enum(value: str, kind: EnumKind) -> str:
    """The sentence `Did you mean "LOCK"?`, or one with the values there are, and a space before it."""
    names = {_plain(name): name for name, member in kind.by_name.items() if member is not kind.by_number.get(0)}
    plain = _plain(value[:_MAX_CHARS])
    found = names.get(plain) or _nearest(plain, names)
    # A prefix may turn the sense round: who writes UNLOCK does not mean LOCK.
    if found is not None and (plain == _plain(found) or not plain.endswith(_plain(found))):
        return _did_you_mean(found)
    return f" Possible values: {', '.join(names.values())}."


def _one_level_down(plain: str, shape: Shape) -> str | None:
    """The place of a field that stands in one of this message's messages, where just one has it."""
    places = [
        f"{outer.json_name}.{inner.json_name}"
        for outer in shape.fields
        if isinstance(outer.kind, MessageKind)
        for inner in shape_of(outer.kind.cls).fields
        if _plain(inner.json_name) == plain
    ]
    return places[0] if len(places) == 1 else None


def _nearest(plain: str, names: dict[str, str]) -> str | None:
    close: Iterable[str] = difflib.get_close_matches(plain, names, n=1, cutoff=_CLOSE)
    return next((names[name] for name in close), None)


def _plain(name: str) -> str:
    """The name without case, hyphens, underscores and spaces."""
    return re.sub(r"[\W_]", "", name).lower()


def _did_you_mean(name: str | None) -> str:
    return f' Did you mean "{name}"?' if name else ""

"""The filter of operations.list: a tree that says of an operation whether it is wanted.

A subset of AIP-160: comparisons joined by AND, OR, NOT (or "-"), parentheses, and white space, which means AND. As in AIP-160, and unlike
most languages, OR binds tighter than AND: `a AND b OR c` is `a AND (b OR c)`. A comparison with a field that is not set is false,
whatever the operator. `filters` reads the text.

Source: AIP-160.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class FilterView:
    """What a filter may ask of an operation; `error_code` is None while there is no error."""

    done: bool
    type: str
    create_time_us: int
    error_code: int | None = None


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

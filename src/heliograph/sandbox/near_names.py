"""For a name that there is not: those that are near it, or all."""

import difflib
from collections.abc import Iterable

_CLOSE = 0.7


def near(name: str, names: Iterable[str]) -> str:
    """`Did you mean …?` where some are near, else the list of all."""
    known = list(names)
    found = difflib.get_close_matches(name[:128], known, n=3, cutoff=_CLOSE)
    found += [other for other in known if other.endswith(f".{name}") and other not in found]
    return f"Did you mean {' or '.join(found)}?" if found else f"There are: {', '.join(known)}."

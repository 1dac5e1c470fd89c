"""Text that phones and callers chose, as a terminal may show it: it must not move the cursor, change colours or hide what follows."""

import re
from typing import Final

_OBEYED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but for tab and line feed, and those that turn the direction of writing."""


def harmless(text: str) -> str:
    """The text, with a mark in place of each character that a terminal obeys."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def harmless_line(text: str) -> str:
    """The same in one line."""
    return harmless(re.sub(r"\s", " ", text))

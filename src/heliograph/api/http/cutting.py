"""Breaks a request's connection instead of answering: tests of clients need that, and no answer can do it."""

from collections.abc import Mapping
from typing import Any, Final

CUT_OFF: Final = "heliograph.cut_off"
"""In the `state` of a scope: `cut_off(reset=…)` of its connection. In the state, for a scope may be a copy of a copy."""


def cut_off(scope: Mapping[str, Any], *, reset: bool) -> None:
    """End the connection under this request: with a reset, or after what was written. Without a socket under it, nothing happens."""
    cut = scope.get("state", {}).get(CUT_OFF)
    if cut is not None:
        cut(reset=reset)

"""How whoever answers a request can break its connection instead: what a test of a client needs, and no answer can do."""

from collections.abc import Mapping
from typing import Any, Final

CUT_OFF: Final = "heliograph.cut_off"
"""In the `state` of a scope: `cut_off(reset=…)` of its connection. In the state, for a scope may be a copy of a copy."""


def cut_off(scope: Mapping[str, Any], *, reset: bool) -> None:
    """The connection under this request ends: with a reset, or after what was written. Where no socket is under it, nothing happens."""
    cut = scope.get("state", {}).get(CUT_OFF)
    if cut is not None:
        cut(reset=reset)

"""Resource names as a recording shows them: `enterprises/e1/devices/d1`, the same all through one recording."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

LETTERS: Final[Mapping[str, str]] = {
    "enterprises": "e", "devices": "d", "operations": "o", "policies": "p", "enrollmentTokens": "t", "webApps": "w",
    "applications": "a", "migrationTokens": "m", "webTokens": "x", "signupUrls": "s", "users": "u", "provisioningInfo": "i",
}  # fmt: skip
_NAME: Final = re.compile(rf"(?:(?:{'|'.join(LETTERS)})/[^/\s]+/?)+")


class Pseudonyms:
    """The pseudonyms of one recording."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def of(self, name: str) -> str | None:
        """The name with a pseudonym for each id; a collection's name may stand at the end. None: it is not a resource name."""
        collection = name.rpartition("/")[2] if name.count("/") % 2 == 0 else ""
        whole = name.removesuffix(f"/{collection}") if collection in LETTERS else name
        if whole.endswith("/") or not _NAME.fullmatch(whole):
            return None
        parts = whole.split("/")
        shown = [part for at in range(0, len(parts), 2) for part in (parts[at], self._id(parts[at], "/".join(parts[: at + 2])))]
        return "/".join([*shown, *([collection] if whole != name else [])])

    def _id(self, collection: str, name: str) -> str:
        if name not in self._ids:
            self._counts[collection] += 1
            self._ids[name] = f"{LETTERS[collection]}{self._counts[collection]}"
        return self._ids[name]

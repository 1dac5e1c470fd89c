"""What `access:explain` answers, in words: the same at the command line and in the console."""

from collections.abc import Mapping, Sequence
from typing import Any


def access_in_words(found: Mapping[str, Any], where: str) -> Sequence[tuple[str, str]]:
    """Labels and texts: who, what, whether, why, and what each line of their roles says."""
    method = found["method"] if not found.get("commandType") else f"{found['commandType']} ({found['method']})"
    words = [
        ("who", str(found["who"])),
        ("what", f"{method} on {where}" if where else str(method)),
        ("allowed", "yes" if found["allowed"] else "no"),
        ("reason", str(found["reason"])),
    ]
    words += [
        ("line", f"{line['role']}, line {line['line']}: {'allows it' if line['covers'] else line['fault']}")
        for line in found.get("lines") or ()
    ]
    if found.get("blastRadius"):
        words.append(("destroyed", f"{found['destroyed']} of {found['blastRadius']} devices in the last hour"))
    return words

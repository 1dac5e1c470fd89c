"""The activation code of an eSIM: `LPA:1$host$[matching id][$oid[$1]]`.

The whole code is a secret: anyone who has it can download the profile. Nothing here quotes any part of it.

Source: GSMA SGP.22 §4.1 (AC_Format, SM-DP+ Address, AC_Token, SM-DP+ OID, Confirmation Code Required Flag).
"""

import re
from dataclasses import dataclass

PREFIX = "LPA:"
FORMAT = "1"
MAX_CHARS = 255  # SGP.22 §4.1
MIN_PARTS, MAX_PARTS = 3, 5  # format, host and matching id must be there, though the matching id may be empty; then oid and flag
FORM = f"{PREFIX}1$<SM-DP+ host>$[<matching id>][$<oid>[$1]]"

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\Z")
# SGP.22 allows capitals, digits and "-"; carriers are seen to use more of ASCII.
_MATCHING_ID = re.compile(r"[!-#%-~]*\Z")
_OID = re.compile(r"(?:[0-9]+(?:\.[0-9]+)*)?\Z")


@dataclass(frozen=True, kw_only=True, repr=False)
class ActivationCode:
    """A well-formed activation code in its parts."""

    host: str
    """The SM-DP+ (profile server) that the phone downloads from, in lower case."""
    matching_id: str = ""
    oid: str = ""
    confirmation_code_required: bool = False

    def __repr__(self) -> str:
        """Quotes nothing of the code."""
        return "ActivationCode(<secret>)"


def activation_code_problems(text: str) -> tuple[str, ...]:
    """Everything wrong with the form of this code, each as a sentence that does not quote it; empty when it is well formed."""
    if not text:
        return (f"The activation code is required: {FORM}.",)
    if len(text) > MAX_CHARS:
        return (f"The activation code is longer than {MAX_CHARS} characters.",)
    if not text.startswith(f"{PREFIX}{FORMAT}$"):
        return (f"The activation code must start with {PREFIX}{FORMAT}$ and have the form {FORM}.",)
    parts = text.split("$")
    if not MIN_PARTS <= len(parts) <= MAX_PARTS:
        return (f"The activation code has {len(parts)} parts between $ signs; {FORM} has {MIN_PARTS} to {MAX_PARTS}, empty ones included.",)
    return _problems_of_parts(parts)


def parse_activation_code(text: str) -> ActivationCode:
    """The parts of a well-formed activation code.

    Raises: ValueError with all mistakes, without quoting any part of it.
    """
    problems = activation_code_problems(text)
    if problems:
        raise ValueError(" ".join(problems))
    _, host, matching_id, oid, flag = _filled(text.split("$"))
    return ActivationCode(host=host.lower(), matching_id=matching_id, oid=oid, confirmation_code_required=flag == "1")


def _problems_of_parts(parts: list[str]) -> tuple[str, ...]:
    _, host, matching_id, oid, flag = _filled(parts)
    sentences = {
        "The SM-DP+ host in the activation code must be a host name, such as smdp.example.com.": _HOST.match(host),
        "The matching id in the activation code must be printable ASCII without spaces.": _MATCHING_ID.match(matching_id),
        "The SM-DP+ oid in the activation code must be numbers with dots, such as 1.3.6.1.4.1.31746.": _OID.match(oid),
        "The last part of the activation code must be 1 (a confirmation code is required) or empty.": flag in {"", "1"},
    }
    return tuple(sentence for sentence, fine in sentences.items() if not fine)


def _filled(parts: list[str]) -> list[str]:
    return parts + [""] * (MAX_PARTS - len(parts))

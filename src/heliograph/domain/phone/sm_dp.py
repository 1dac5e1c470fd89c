"""The profile server (SM-DP+) of the virtual phones' world: the outcome of an activation code.

Every well-formed code gives a profile, except those whose matching id, or host, the catalogue knows. So a test chooses what happens
by the code it sends: `LPA:1$smdp.example.com$SMDX-8.2.6-3.8`.

Source: GSMA SGP.22 (§3.1.3 download, §5.2.6 subject and reason codes).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from heliograph.domain.activation_code import ActivationCode
from heliograph.domain.phone.esim_status import (
    EsimCommandStatus,
    EsimStatus,
    EuiccError,
    EuiccOperation,
    euicc_error,
    internal_error,
    smdx_error,
)

CONFIRMATION_CODE = "1234"
"""The confirmation code of a profile with an activation code that ends with `$1`, unless its matching id gives another."""

CARRIERS: Final = {"smdp.example.com": "Example Mobile", "smdp.example.net": "Another Mobile"}
"""The carrier of a host's profiles: a phone locked to one carrier (`Euicc.carrier_lock`) accepts no other's."""
OTHER_CARRIER = "Virtual Mobile"
"""The carrier of every other host's profiles."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """The server has a profile for the phone."""

    carrier: str
    consent: bool = False
    """Whether the phone asks its user in any case; a personally-owned one always does."""
    confirmation_code: str = ""
    """What the user must enter; empty: nothing."""
    deletable: bool = True


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """The download ends with this status."""

    status: EsimCommandStatus


Answer = Download | Rejection


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One line of the catalogue: which codes it is for, and their outcome."""

    matching_id: str = r".*"
    """A regular expression for the whole matching id."""
    host: str = r".*"
    """A regular expression for the whole host."""
    answer: Callable[[re.Match[str], ActivationCode], Answer]
    example: str
    """An activation code of this kind."""
    summary: str
    """What happens, for the docs."""

    def look_up(self, code: ActivationCode) -> Answer | None:
        """The outcome of the code, if this line is for it."""
        matched = re.fullmatch(self.matching_id, code.matching_id)
        return self.answer(matched, code) if matched and re.fullmatch(self.host, code.host) else None


def _download(code: ActivationCode, *, consent: bool = False, confirmation_code: str = "", deletable: bool = True) -> Download:
    required = confirmation_code or (CONFIRMATION_CODE if code.confirmation_code_required else "")
    return Download(carrier=CARRIERS.get(code.host, OTHER_CARRIER), consent=consent, confirmation_code=required, deletable=deletable)


_SECTION = r"(?:1[0-5]|[0-9])"
_SMDX_CODE = rf"({_SECTION}(?:\.{_SECTION}){{0,2}})"
_NAMED_ERRORS = {error.name.replace("_", "-"): error for error in EuiccError}

CATALOGUE: Final[tuple[Listing, ...]] = (
    Listing(
        host=r"(?:.+\.)?invalid",
        answer=lambda _found, _code: Rejection(status=euicc_error(EuiccError.CONNECTION_ERROR)),
        example="LPA:1$smdp.invalid$ANYTHING",
        summary="The phone cannot reach the server: INTERNAL_ERROR with ERROR_CONNECTION_ERROR.",
    ),
    Listing(
        matching_id="CONSENT",
        answer=lambda _found, code: _download(code, consent=True),
        example="LPA:1$smdp.example.com$CONSENT",
        summary="The phone asks its user first, even if it is company-owned: PENDING_USER_ACTION.",
    ),
    Listing(
        matching_id=r"CODE-([0-9]{4,8})",
        answer=lambda found, code: _download(code, confirmation_code=found[1]),
        example="LPA:1$smdp.example.com$CODE-1234$$1",
        summary="The user must enter these digits as the confirmation code: PENDING_USER_ACTION.",
    ),
    Listing(
        matching_id="DENIED",
        answer=lambda _found, _code: Rejection(status=EsimCommandStatus(status=EsimStatus.ERROR_USER_DENIED)),
        example="LPA:1$smdp.example.com$DENIED",
        summary="The user declines at once: ERROR_USER_DENIED.",
    ),
    Listing(
        matching_id="SETUP",
        answer=lambda _found, _code: Rejection(status=EsimCommandStatus(status=EsimStatus.ERROR_SETUP_IN_PROGRESS)),
        example="LPA:1$smdp.example.com$SETUP",
        summary="The phone is still being set up: ERROR_SETUP_IN_PROGRESS.",
    ),
    Listing(
        matching_id="KEEP",
        answer=lambda _found, code: _download(code, deletable=False),
        example="LPA:1$smdp.example.com$KEEP",
        summary="A profile whose own rules forbid its removal: REMOVE_ESIM ends with ERROR_DISALLOWED_BY_PPR.",
    ),
    Listing(
        matching_id="ERROR-(" + "|".join(_NAMED_ERRORS) + ")",
        answer=lambda found, _code: Rejection(status=euicc_error(_NAMED_ERRORS[found[1]])),
        example="LPA:1$smdp.example.com$ERROR-TIME-OUT",
        summary="INTERNAL_ERROR with this errorCodeDetail; every value is known.",
    ),
    Listing(
        matching_id=r"ERROR-([0-9]{1,7})",
        answer=lambda found, _code: Rejection(status=_numbered_error(int(found[1]))),
        example="LPA:1$smdp.example.com$ERROR-10005",
        summary="INTERNAL_ERROR with this errorCode.",
    ),
    Listing(
        matching_id=r"ERROR-([0-9]{1,2})-([0-9]{1,7})",
        answer=lambda found, _code: Rejection(status=internal_error(int(found[1]), int(found[2]))),
        example="LPA:1$smdp.example.com$ERROR-4-10008",
        summary="INTERNAL_ERROR with this operationCode and errorCode.",
    ),
    Listing(
        matching_id=rf"SMDX-{_SMDX_CODE}-{_SMDX_CODE}",
        answer=lambda found, _code: Rejection(status=smdx_error(found[1], found[2])),
        example="LPA:1$smdp.example.com$SMDX-8.2.6-3.8",
        summary="INTERNAL_ERROR with operationCode 10 and this subject and reason in errorCode: here, the matching id is refused.",
    ),
    Listing(
        matching_id=r"HTTP-([1-5][0-9]{2})",
        answer=lambda found, _code: Rejection(status=internal_error(EuiccOperation.HTTP, int(found[1]))),
        example="LPA:1$smdp.example.com$HTTP-503",
        summary="INTERNAL_ERROR with operationCode 11 and the HTTP status as errorCode.",
    ),
    Listing(
        matching_id=r"(?:CODE|ERROR|SMDX|HTTP)-.*",
        answer=lambda _found, _code: Rejection(status=smdx_error("8.2.6", "3.8")),
        example="LPA:1$smdp.example.com$ERROR-TIMEOUT",
        summary="A word of this table followed by something else: the matching id is refused (8.2.6/3.8).",
    ),
    Listing(
        answer=lambda _found, code: _download(code),
        example="LPA:1$smdp.example.com$ANYTHING-ELSE",
        summary=f"A profile: SUCCESS with its iccId. With $1 at the end, after the confirmation code {CONFIRMATION_CODE}.",
    ),
)
"""The outcome of each code: by the first line that is for it; the last line is for every code."""


def look_up(code: ActivationCode) -> Answer:
    """The outcome of this code."""
    return next(answer for listing in CATALOGUE if (answer := listing.look_up(code)) is not None)


def _numbered_error(error: int) -> EsimCommandStatus:
    return euicc_error(EuiccError(error)) if error in set(EuiccError) else internal_error(EuiccOperation.DOWNLOAD, error)

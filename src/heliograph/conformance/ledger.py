"""The ledger: what we say that AMAPI does, a claim per file in `observations/`, each with its evidence and with what Heliograph does.

README, docs/conformance.md and the table of quirks are made from it (`make docs`); tests/conformance/ holds every file to its sources.
"""

import enum
import importlib.resources
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

from heliograph.domain.behaviour import Behaviour

REFERENCE_PAGE: Final = "https://developers.google.com/android/management/reference/rest/v1/enterprises.devices/issueCommand"


class _Evidence(msgspec.Struct, frozen=True, kw_only=True, tag_field="how", forbid_unknown_fields=True):
    answer: str
    """What AMAPI does. If a probe asks for it: the probe's answer, word for word."""
    facts: str = ""
    """The section of docs/spec that has more of it, as in `amapi.md §1.17`."""


class Documented(_Evidence, frozen=True, kw_only=True, tag="documented"):
    """A page of Google's says so."""

    page: str
    """The page's address; `disc`: a description in the discovery document."""
    sentence: str
    """What it says, word for word."""


class Observed(_Evidence, frozen=True, kw_only=True, tag="observed"):
    """A public report, or public code written against the real API, shows it."""

    n: int
    """How many reports, or places in code, independent of each other."""
    date: str
    """The day of the newest one."""
    by: str
    """Who says so: repository and number of the issue, or the commit of the code."""


class Assumed(_Evidence, frozen=True, kw_only=True, tag="assumed"):
    """Nothing that was found says so."""

    why: str
    """What it was concluded from, or that it is our own choice."""


Evidence = Documented | Observed | Assumed


class Ours(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What Heliograph does in each behaviour; empty: as `documented`."""

    documented: str
    as_observed: str = ""
    strict: str = ""

    def by(self, behaviour: Behaviour) -> str:
        """What it does in this behaviour."""
        return {Behaviour.AS_OBSERVED: self.as_observed, Behaviour.STRICT: self.strict}.get(behaviour, "") or self.documented


class Place(enum.StrEnum):
    """Where a claim is shown besides docs/conformance.md."""

    DIFFERENCES = "differences"
    """In README's table of differences."""
    QUIRKS = "quirks"
    """In README's table of quirks: its name is the value of a `Quirk`."""
    NOWHERE = ""


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: something that AMAPI does, how we know, and what Heliograph does."""

    subject: str
    evidence: tuple[Evidence, ...]
    heliograph: Ours
    probe: str = ""
    """The function in `probes/` that asks a server for its answer."""
    test: str = ""
    """Without a probe: the test that shows what Heliograph does, as pytest names it."""
    place: Place = Place.NOWHERE
    more: str = ""
    """What README says of Heliograph besides."""

    def standing(self, answer: str) -> tuple[str, ...]:
        """How AMAPI is known to answer so: `documented`, `observed`, `assumed`; nothing: it is not."""
        return tuple(dict.fromkeys(how_known(evidence) for evidence in self.evidence if evidence.answer == answer))

    @property
    def only_assumed(self) -> bool:
        """Whether no page and no report says what AMAPI does."""
        return all(isinstance(evidence, Assumed) for evidence in self.evidence)


def how_known(evidence: Evidence) -> str:
    """`documented`, `observed` or `assumed`."""
    return str(type(evidence).__struct_config__.tag)


@cache
def ledger() -> Mapping[str, Claim]:
    """Every claim by its file's name, in alphabetical order."""
    folder = importlib.resources.files(__package__) / "observations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return {file.name.removesuffix(".json"): msgspec.json.decode(file.read_bytes(), type=Claim) for file in files}

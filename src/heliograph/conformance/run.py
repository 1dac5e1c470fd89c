"""A run: every probe of the ledger is made at one server, and its answer is compared with what is known of AMAPI."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from heliograph.conformance.ledger import Claim, ledger
from heliograph.conformance.probes import PROBES
from heliograph.conformance.server import NotTried, Server

NOT_IN_FORM: Final = "not in AMAPI's form"
"""The answer to a probe that lacks what every answer of AMAPI has, or has it in another type."""


class Standing(enum.StrEnum):
    """How an answer stands to what is known."""

    AS_DOCUMENTED = "as documented"
    AS_OBSERVED = "as observed"
    AS_ASSUMED = "as assumed"
    NOT_AS_ASSUMED = "not as assumed"
    """Otherwise, but what AMAPI answers is only assumed."""
    OTHERWISE = "otherwise"
    """AMAPI is documented, or was observed, to answer otherwise."""
    NOT_TRIED = "not tried"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one probe found."""

    name: str
    claim: Claim
    standing: Standing
    answer: str
    """The server's; not tried: why."""


def probe_server(server: Server, *, may_change: bool) -> Iterator[Result]:
    """The result of every claim that has a probe, in the order of the probes.  Raises: OSError: the server cannot be reached."""
    claims = {claim.probe: (name, claim) for name, claim in ledger().items() if claim.probe}
    for probe_name, probe in PROBES.items():
        name, claim = claims[probe_name]
        if probe.changes and not may_change:
            yield Result(
                name=name, claim=claim, standing=Standing.NOT_TRIED, answer="needs --yes, since it changes a device or the enterprise"
            )
            continue
        try:
            answer = probe.ask(server)
        except NotTried as reason:
            yield Result(name=name, claim=claim, standing=Standing.NOT_TRIED, answer=str(reason))
            continue
        except (LookupError, TypeError, ValueError, AttributeError):  # the probe reads answers as AMAPI writes them
            answer = NOT_IN_FORM
        yield Result(name=name, claim=claim, standing=standing_of(claim, answer), answer=answer)


def standing_of(claim: Claim, answer: str) -> Standing:
    """The best known reason why AMAPI would answer so."""
    known = claim.standing(answer)
    ranked = {"documented": Standing.AS_DOCUMENTED, "observed": Standing.AS_OBSERVED, "assumed": Standing.AS_ASSUMED}
    unlike = Standing.NOT_AS_ASSUMED if claim.only_assumed else Standing.OTHERWISE
    return next((standing for how, standing in ranked.items() if how in known), unlike)


def score(results: Iterable[Result]) -> Mapping[Standing, int]:
    """How many results stand in each way."""
    listed = list(results)
    return {standing: sum(result.standing is standing for result in listed) for standing in Standing}

"""The ledger: every claim has its evidence, and the evidence is there; what Heliograph does is what the claim says."""

import ast
import contextlib
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from heliograph.commands import COMMANDS
from heliograph.conformance.ledger import REFERENCE_PAGE, Claim, Documented, Observed, Place, ledger
from heliograph.conformance.probes import PROBES
from heliograph.conformance.run import Standing, probe_server
from heliograph.conformance.server import Server
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.quirks import Quirk
from heliograph.sandbox.settings import SandboxSettings
from heliograph.service.limits import Limits
from scripts.markdown import BLOCK
from tests.architecture.sources import ROOT
from tests.architecture.test_citations import citations_in, headings
from tests.discovery import document
from tests.sandbox.in_thread import sandbox_in_a_thread

CLAIMS = ledger()
EVERY_CLAIM = pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
MAPPING = "https://protobuf.dev/programming-guides/json"


def texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every text in it."""
    if isinstance(value, str):
        yield value
    for inside in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inside)


@EVERY_CLAIM
def test_a_sentence_of_the_discovery_document_is_still_in_it(claim: Claim) -> None:
    """Google has changed what it promises: read the page again, then the claim, and what Heliograph does."""
    sentences = [evidence.sentence for evidence in claim.evidence if isinstance(evidence, Documented) and evidence.page == "disc"]

    gone = [sentence for sentence in sentences if not any(sentence in text for text in texts(document()))]

    assert [] == gone


@EVERY_CLAIM
def test_every_evidence_says_where_it_comes_from(claim: Claim) -> None:
    assert claim.evidence
    for evidence in claim.evidence:
        cited = list(citations_in(evidence.facts))
        assert bool(evidence.facts) == bool(cited)
        assert [] == [section for spec, section in cited if section not in headings(spec)]
        if isinstance(evidence, Documented) and evidence.page != "disc":
            assert evidence.page in {REFERENCE_PAGE, MAPPING} or evidence.page.startswith(
                "https://developers.google.com/android/management"
            )
            assert cited, "another page than the discovery document: name the section of docs/spec that has it"
        if isinstance(evidence, Observed):
            assert evidence.n >= 1
            assert date(2019, 1, 1) < date.fromisoformat(evidence.date)
            assert cited
            assert "/" in evidence.by, "a public report: owner/repository #number, or @commit"


@EVERY_CLAIM
def test_a_probe_or_a_test_shows_what_heliograph_does(claim: Claim) -> None:
    assert bool(claim.probe) != bool(claim.test)
    if claim.probe:
        assert claim.probe in PROBES
    else:
        file, _, name = claim.test.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_probe_belongs_to_one_claim() -> None:
    assert sorted(PROBES) == sorted(claim.probe for claim in CLAIMS.values() if claim.probe)


def test_every_quirk_is_a_claim_that_says_what_is_done_as_observed() -> None:
    quirks = {name for name, claim in CLAIMS.items() if claim.place is Place.QUIRKS}

    assert {quirk.value for quirk in Quirk} == quirks
    assert all(CLAIMS[name].heliograph.as_observed for name in quirks)
    assert set(Quirk) == {quirk for row in COMMANDS.values() for quirk in row.as_observed}


@EVERY_CLAIM
def test_what_heliograph_does_otherwise_is_shown_as_a_difference(claim: Claim) -> None:
    """If no evidence says that AMAPI does what Heliograph does, README must say so."""
    if claim.probe and claim.place is not Place.DIFFERENCES:
        assert all(claim.standing(claim.heliograph.by(behaviour)) for behaviour in Behaviour)


def test_readme_compares_with_amapi_only_in_tables_that_are_made_from_the_ledger() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    by_hand = BLOCK.sub("", readme)

    assert "| Heliograph | AMAPI |" in readme
    assert [] == [line for line in by_hand.splitlines() if line.startswith("|") and ("AMAPI" in line or "documented" in line)]


@pytest.mark.parametrize("behaviour", Behaviour)
def test_heliograph_answers_every_probe_as_its_claim_says(behaviour: Behaviour) -> None:
    settings = SandboxSettings(port=0, limits=Limits(behaviour=behaviour))
    with sandbox_in_a_thread(settings) as url, contextlib.closing(Server(url, "enterprises/sandbox")) as server:
        server.add_all_devices()

        results = list(probe_server(server, may_change=True))

    assert {result.name: result.claim.heliograph.by(behaviour) for result in results} == {result.name: result.answer for result in results}
    assert len(PROBES) == len(results)
    assert Standing.NOT_TRIED not in {result.standing for result in results}

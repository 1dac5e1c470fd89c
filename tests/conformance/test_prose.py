"""What the pages say that AMAPI does has a claim in the ledger, and the sentence links it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.conformance.ledger import ledger
from tests.architecture.sources import ROOT, relative
from tests.architecture.test_pages import CODE, prose

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "commands").glob("*.md"))]
"""Not docs/spec, which has AMAPI's facts with a mark at each, nor docs/adr, which says why something was decided once."""
NOT_THESE = {"docs/conformance.md": "is the page about claims", "docs/architecture.md": "says where claims go"}

SPEAKS_OF_IT = re.compile(r"\bAMAPI\b|Android Management API|\bGoogle\b|\b[Tt]he real (?:API|thing|one)\b")
NAMES = re.compile(
    r"""
    # What is called after it.
      (?:real\ )?AMAPI['’]s\ (?:words?|methods?|messages?|names|address|id|resource)
    | (?:An?\ )?AMAPI\ (?:clients?) | methods?\ of\ AMAPI | (?:word|words)\ (?:that\ )?(?:is|are)\ (?:not\ )?AMAPI['’]s
    | (?:as\ |is\ )?AMAPI['’]s\ `\w+`(?:\ (?:names\ them|has\ it))?
    | (?:client\ of|on|(?:speaks?|written)\ (?:to|for)|wire-compatible\ with)\ (?:the\ )?(?:AMAPI|Android\ Management\ API)(?:\ \(AMAPI\))?
    | speaks\ AMAPI
    | Heliograph['’]s\ own,\ not\ in\ AMAPI | Android\ Management\ API(?=\ (?:for|over)\b)
    # Google's programs, products and pages.
    | Google['’]s\ (?:own\ |unchanged\ |unmodified\ |Python\ )*
      (?:clients?(?:\ librar(?:y|ies))?|librar(?:y|ies)|key\ files?|form|format|Pub/Sub|API|apps|discovery\ document|document
      |allowlist|storage-testbench|Retry\ Test\ API) | [Aa]\ key\ file\ of\ Google['’]s | signed\ in\ with\ Google
    | Google\ (?:Play|Cloud|LLC) | affiliated\ with\ Google
    # A reader who has a choice.
    | (?:ask\ your\ server,\ or|record)\ the\ real\ one\b
    """,
    re.VERBOSE,
)
"""Phrases that name something. A sentence that speaks of AMAPI in other words says what it does."""

EXEMPT = {
    "docs/README.md": {
        "a developer who asks whether AMAPI really does so": "leads to the claims",
        "a reader of a comment such as": "leads to the facts",
    },
    "docs/android.md": {
        "Since 2026 Google lets only device owners": "is about Android: docs/spec/android-agent.md §1",
        "What is left: `adb shell": "names whom to ask",
    },
    "docs/clients.md": {
        "Choose the way to set the address": "is about clients: tests/clients has a batch of each",
    },
    "docs/glossary.md": {
        "What we say that AMAPI does": "says what a claim is",
        "Something that real AMAPI was seen to do": "says what a quirk is",
    },
    "docs/sign-in.md": {
        "Programs sign in at `heliograph serve` as Google's callers do": "is about clients: tests/clients signs in with each",
        "A JWT that the caller signs itself": "names an address",
        "Google can do nothing with it": "is about the token, which is this server's",
        "**Google**: the issuer is": "names an identity provider's address",
        "**Node's does not**": "is about a client: tests/clients/node",
        "Signing in works too": "is about a key: only who has made it can check it",
    },
    "README.md": {
        "**no**: Google sets up only agents": "is about Android: docs/spec/android-agent.md §1",
        "[docs/conformance.md](docs/conformance.md)": "leads to the claims",
    },
}
"""Sentences of each page, by their beginning, that speak of Google or AMAPI and claim nothing of what it does: why."""

CLAIM_LINK = re.compile(r"\]\((?:[\w./-]*conformance\.md)#(?P<claim>[\w-]+)\)")
LEDGERS = re.compile(r"<!-- made by make docs: (?:quirks|differences) -->.*?<!-- end -->", re.DOTALL)
AS_OBSERVED = "as real AMAPI was (?:seen|observed) to"
"""Of a behaviour by its name: what it does otherwise stands in the ledger's quirks."""


def sentences(page: Path) -> Iterator[str]:
    """The page's sentences and the cells of its tables; without code, headings, and the tables that are made from the ledger."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-|#\d])", LEDGERS.sub("", prose(page))):
        if not paragraph.startswith("#"):
            for cell in re.split(r"(?<!\\)\|", " ".join(paragraph.split())):
                yield from re.split(r"(?<=[.!?])\s+(?=[A-Z`*(\[])", cell.strip("- "))


def speaks_of_what_it_does(sentence: str) -> bool:
    """Whether something in the sentence is left of AMAPI and Google when all that is only named after them is gone."""
    text = re.sub(AS_OBSERVED, "", re.sub(r"\]\([^)]*\)", "]", sentence))
    return bool(SPEAKS_OF_IT.search(CODE.sub("", NAMES.sub("", text))))


def exempt(page: Path, sentence: str) -> bool:
    return any(sentence.startswith(beginning) for beginning in EXEMPT.get(relative(page), ()))


@pytest.mark.parametrize("page", [page for page in PAGES if relative(page) not in NOT_THESE], ids=relative)
def test_a_sentence_that_says_what_amapi_does_links_its_claim(page: Path) -> None:
    """Link the claim, as in `[403](conformance.md#unknown-enterprise)`; without one, write it: src/heliograph/conformance/observations/."""
    unfounded = [
        sentence
        for sentence in sentences(page)
        if speaks_of_what_it_does(sentence) and not CLAIM_LINK.search(sentence) and not exempt(page, sentence)
    ]

    assert [] == unfounded


def test_every_link_to_a_claim_names_one() -> None:
    headings = {"ask-a-server", "record-the-real-api", "changes-of-googles-document", "heliographs-own-score", "the-ledger"}
    linked = {found["claim"] for page in PAGES for found in CLAIM_LINK.finditer(prose(page))}

    assert set() == linked - set(ledger()) - headings
    assert len(linked & set(ledger())) >= LINKED_LEAST


LINKED_LEAST = 12
"""So that the patterns above still find the links that the pages have."""


def test_every_exemption_is_of_a_sentence_that_is_there_and_needs_it() -> None:
    for name, beginnings in EXEMPT.items():
        found = [sentence for sentence in sentences(ROOT / name) if speaks_of_what_it_does(sentence)]
        for beginning in beginnings:
            assert [beginning for sentence in found if sentence.startswith(beginning)], (name, beginning)


@pytest.mark.parametrize(
    "sentence",
    [
        "AMAPI refuses it.",
        "It is refused, as by AMAPI.",
        "The same as at Google's end.",
        "More are refused, as Google does.",
        "The real API waits a day.",
        "Google's parsers take it.",
        "An AMAPI client may do so, and AMAPI takes it.",
    ],
)
def test_such_a_sentence_is_found(sentence: str) -> None:
    assert speaks_of_what_it_does(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "For developers of AMAPI clients.",
        "Google's own Python client sends it.",
        "`AMAPI_EMULATOR_HOST` is the address.",
        "It names AMAPI's methods.",
    ],
)
def test_what_only_names_it_is_not(sentence: str) -> None:
    assert not speaks_of_what_it_does(sentence)

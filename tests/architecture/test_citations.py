"""What a comment cites is in the repository: `amapi.md §8.9` is a heading of docs/spec/amapi.md."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, TEXT_SUFFIXES, relative, written_files

SPEC = ROOT / "docs" / "spec"
DOCUMENTS = sorted(path.stem for path in SPEC.glob("*.md") if path.stem != "README")
CITATION = re.compile(rf"(?<![\w./-])(?:docs/)?(?:spec/)?(?P<document>{'|'.join(DOCUMENTS)})\.md(?P<rest>[^;\n]*)")
"""A document, and what a line says after it, up to a semicolon: there another source begins."""
OTHER_SOURCE = re.compile(r"\w\.md\b|\b(RFC|AIP|SGP|GSMA)\b")
SECTION = re.compile(
    r"§(?P<first>\d+[a-z]?(?:\.\d+[a-z]?)?)(?:–(?P<last>\d+(?:\.\d+)?))?(?:, (?P<item>\d+)\b| items? (?P<items>\d+ and \d+))?"
)
HEADING = re.compile(r"^#{2,3} (?P<number>\d+[a-z]?(?:\.\d+[a-z]?)?)\.? ", re.MULTILINE)
PAGE = re.compile(r"(?<![\w./-])docs/[\w./-]+\.md\b")
RECORD = re.compile(r"\bADR (?P<number>\d{4})\b")
CITATIONS_LEAST = 70
"""There were 79 when this test was written. Far fewer: the pattern has gone blind."""


def test_every_section_that_is_cited_is_there() -> None:
    cited = [(place, document, section) for path in written_files() for place, document, section in citations_of(path)]

    assert len(cited) >= CITATIONS_LEAST
    assert [] == [f"{place}: {document}.md §{section}" for place, document, section in cited if section not in headings(document)]


@pytest.mark.parametrize(
    "line, cited",
    [
        ("Source: amapi.md §8.7, §8.8; RFC 9110 §9.3.2", [("amapi", "8.7"), ("amapi", "8.8")]),
        ("Source: spec/amapi.md §4.5–4.7, §8.2", [("amapi", "4.5"), ("amapi", "4.6"), ("amapi", "4.7"), ("amapi", "8.2")]),
        ("Order is the order of starts (design.md §3, 7).", [("design", "3"), ("design", "3.7")]),
        ("Source: design.md §3 items 5 and 6, §4.", [("design", "3"), ("design", "3.5"), ("design", "3.6"), ("design", "4")]),
        ("Source: RFC 6750 §3; Google's answers (amapi.md §4.6).", [("amapi", "4.6")]),
        ("Source: android.md §6; GSMA TS.06 (IMEI), SGP.02 §2.2.2 (EID).", [("android", "6")]),
        ("Source: amapi.md §2.8 and RFC 6749 §5.2", [("amapi", "2.8")]),
        ("[performance.md](performance.md) has the figures", []),
    ],
)
def test_a_citation_is_read_as_it_is_meant(line: str, cited: list[tuple[str, str]]) -> None:
    assert cited == list(citations_in(line))


def test_every_page_and_record_that_is_named_is_there() -> None:
    records = {path.name[:4] for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}

    named = [(relative(path), name) for path in written_files() for name in PAGE.findall(path.read_text(encoding="utf-8"))]
    recorded = [(relative(path), number) for path in written_files() for number in RECORD.findall(path.read_text(encoding="utf-8"))]

    assert [] == [f"{place}: {name}" for place, name in named if not (ROOT / name).is_file()]
    assert [] == [f"{place}: ADR {number}" for place, number in recorded if number not in records]


def citations_of(path: Path) -> Iterator[tuple[str, str, str]]:
    """Place, document and section of everything that a file cites, this one and its examples aside."""
    if path == Path(__file__) or path.suffix not in TEXT_SUFFIXES:
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        yield from ((f"{relative(path)}:{number}", document, section) for document, section in citations_in(line))


def citations_in(line: str) -> Iterator[tuple[str, str]]:
    """Document and section of everything that a line cites; a range yields each of its sections."""
    for found in CITATION.finditer(line):
        rest = OTHER_SOURCE.split(found["rest"], maxsplit=1)[0]
        for section in SECTION.finditer(rest):
            yield from ((found["document"], number) for number in numbers(section))


def numbers(section: re.Match[str]) -> Iterator[str]:
    """The section's number, those up to the end of its range, and those of its items."""
    first, last = section["first"], section["last"]
    yield first
    if last is not None:
        chapter, _, start = first.partition(".")
        yield from (f"{chapter}.{number}" for number in range(int(start) + 1, int(last.rpartition(".")[2]) + 1))
    items = [section["item"]] if section["item"] else (section["items"] or "").split(" and ")
    yield from (f"{first}.{item}" for item in items if item)


@cache
def headings(document: str) -> frozenset[str]:
    """The numbers of a document's headings."""
    return frozenset(HEADING.findall((SPEC / f"{document}.md").read_text(encoding="utf-8")))

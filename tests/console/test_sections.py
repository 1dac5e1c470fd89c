"""The menu beside every page: rows, shown to those who may see what they lead to."""

import pytest

from heliograph.api.console.app import PAGES
from heliograph.api.console.guest import METHODS
from heliograph.api.console.sections import SECTIONS, Section
from tests.console.reader import Reader

FLEET = "/console/enterprises/sandbox"
EACH = pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)


@EACH
def test_a_section_leads_to_a_page_and_names_a_method_that_there_is(section: Section) -> None:
    assert section.path in {row.path for row in PAGES if row.http == "GET"}
    assert not section.method or section.method in METHODS
    assert not section.method or METHODS[section.method].path.startswith("enterprises/*") == section.of_enterprise


def test_titles_are_not_used_twice() -> None:
    assert len({(section.title, section.of_enterprise) for section in SECTIONS}) == len(SECTIONS)


@pytest.mark.parametrize("path", [FLEET, f"{FLEET}/devices/pixel8-a15-fully-managed", f"{FLEET}/devices/pixel8-a15-fully-managed/commands"])
def test_the_menu_marks_the_section_that_a_page_is_in(reader: Reader, path: str) -> None:
    page = reader.open(path)

    assert page.links["Fleet"] == FLEET
    assert [FLEET] == [url for url, current in page.menu if current]


def test_a_page_that_does_not_exist_is_in_no_section(reader: Reader) -> None:
    page = reader.open("/console/nothing")

    assert 404 == page.status
    assert "/console" in page.links.values()
    assert [] == [url for url, current in page.menu if current]

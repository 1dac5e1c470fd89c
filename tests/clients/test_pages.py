"""What examples/*.md say is done as it stands there, but for the address, and prints what stands below it."""

import re
import shutil
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.clients.conftest import Guarded
from tests.clients.programs import GO, JAVA, NODE, PYTHON, READY_WITHIN_S, Language, run
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.timeout(READY_WITHIN_S + PATIENCE_S)

WRITTEN_ADDRESS = "http://127.0.0.1:8080"
BLOCK = re.compile(r"^```(?P<kind>[a-z]+)\n(?P<program>.*?)^```\n\n```text\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)

CURL = Language(
    name="curl", tools=("curl", "bash", "openssl", "python3"), prepare=lambda _folder: None,
    command=lambda _folder, source: ["bash", str(source)], source="programs.py",
)  # fmt: skip
PAGES = {
    "python.md": (PYTHON, "page.py"),
    "node.md": (NODE, "page.mjs"),
    "go.md": (GO, "page.go"),
    "java.md": (JAVA, "Page.java"),
    "curl.md": (CURL, "page.sh"),
}
NEEDY = {"node.md", "go.md", "java.md"}
EVERY_PAGE = [pytest.param(page, marks=pytest.mark.clients if page in NEEDY else ()) for page in PAGES]


def said(page: str, number: int, url: str, folder: Path) -> tuple[str, str]:
    """What the page says its program prints, and what it prints."""
    language, name = PAGES[page]
    found = list(BLOCK.finditer((ROOT / "examples" / page).read_text(encoding="utf-8")))[number]
    source = folder / name
    source.write_text(found["program"].replace(WRITTEN_ADDRESS, url), encoding="utf-8")
    return found["output"].strip(), run(language, source, cwd=folder, environment={}).strip()


def test_every_page_about_a_client_is_tried() -> None:
    pages = {path.name for path in (ROOT / "examples").glob("*.md")}

    assert set(PAGES) == pages
    for page in pages:
        programs = re.findall(r"^```(?!text$|console$)[a-z]+$", (ROOT / "examples" / page).read_text(encoding="utf-8"), re.MULTILINE)
        assert 2 == len(programs), page


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_page_does_in_a_sandbox_what_it_says(page: str, sandbox_url: str, tmp_path: Path) -> None:
    expected, printed = said(page, 0, sandbox_url, tmp_path)

    assert expected == printed


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_page_signs_in_as_it_says(page: str, guarded: Guarded, tmp_path: Path) -> None:
    shutil.copy(guarded.admin_key, tmp_path / "key.json")

    expected, printed = said(page, 1, guarded.url, tmp_path)

    assert expected == printed

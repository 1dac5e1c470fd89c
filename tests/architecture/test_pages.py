"""The pages lead somewhere: every link between them resolves, and every page of docs/ can be reached from its index."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from tests.architecture.sources import ROOT, relative, written_files

DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\((?P<target>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")
ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:")
HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *#*$", re.MULTILINE)
ANCHOR = re.compile(r'<a (?:id|name)="([^"]+)"')
NAMED_FILE = re.compile(r"`(?P<path>[\w.-]+(?:/[\w.-]+)*/?)`")
PAGES_THAT_NAME_FILES = ("architecture.md", "clever.md")
SOURCE_FOLDERS = (ROOT / "src" / "heliograph", ROOT)
LINKS_LEAST = 150
NAMED_FILES_LEAST = 40


def test_every_link_between_pages_leads_somewhere() -> None:
    links = [(page, target) for page in pages() for target in links_of(page)]

    assert len(links) >= LINKS_LEAST
    assert [] == [f"{relative(page)}: {target}" for page, target in links if not leads_somewhere(page, target)]


def test_every_page_can_be_reached_from_the_index() -> None:
    seen = {INDEX}
    frontier = [INDEX]
    while frontier:
        page = frontier.pop()
        found = {path for target in links_of(page) if (path := linked_file(page, target)).suffix == ".md" and DOCS in path.parents}
        frontier += sorted(found - seen)
        seen |= found

    assert [] == [relative(page) for page in sorted(DOCS.rglob("*.md")) if page not in seen]


def test_the_index_itself_links_every_page_of_docs() -> None:
    """Pages of folders (commands, adr, spec) have an index of their own."""
    linked = {linked_file(INDEX, target) for target in links_of(INDEX)}
    pages_of_docs = {*DOCS.glob("*.md"), *(path / "README.md" for path in DOCS.iterdir() if (path / "README.md").exists())} - {INDEX}

    assert [] == [relative(page) for page in sorted(pages_of_docs - linked)]


def test_every_file_that_a_page_names_is_there() -> None:
    """A refactoring moves files: the hand-written parts of these pages move with them."""
    named = [(name, path) for name in PAGES_THAT_NAME_FILES for path in files_named(DOCS / name)]

    assert len(named) >= NAMED_FILES_LEAST
    assert [] == [f"docs/{name}: {path}" for name, path in named if not any((folder / path).exists() for folder in SOURCE_FOLDERS)]


def pages() -> list[Path]:
    """Every page that people read."""
    return [path for path in written_files() if path.suffix == ".md"]


@cache
def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links_of(page: Path) -> Iterator[str]:
    """The targets of the page's links that stay within the repository."""
    for found in LINK.finditer(CODE.sub("", prose(page))):
        if not ELSEWHERE.match(found["target"]):
            yield unquote(found["target"])


def linked_file(page: Path, target: str) -> Path:
    """The file that a link leads to; a folder leads to its index."""
    name = target.partition("#")[0]
    path = (page.parent / name).resolve() if name else page
    return path / "README.md" if path.is_dir() and (path / "README.md").exists() else path


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether the file is there and, in a page, its heading."""
    path, anchor = linked_file(page, target), target.partition("#")[2]
    return path.exists() and (not anchor or path.suffix != ".md" or anchor in anchors(path))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of the page's headings, and those that the page makes itself."""
    text = prose(page)
    made: list[str] = []
    for heading in HEADING.finditer(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["text"]).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        made.append(f"{slug}-{made.count(slug)}" if slug in made else slug)
    return frozenset([*made, *ANCHOR.findall(text)])


def files_named(page: Path) -> list[str]:
    """The files and folders that the page names in code font: what has a slash, or ends like a file."""
    found = [path for path in NAMED_FILE.findall(prose(page)) if "/" in path or path.endswith((".py", ".sql", ".md", ".toml"))]
    return [path for path in found if not path.startswith(("enterprises/", "heliograph."))]

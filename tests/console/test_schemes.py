"""Light and dark differ in colours alone: what tests see in one of them holds in the other, but for contrast (tests/console/axe.py)."""

import re
from pathlib import Path

import pytest

from heliograph.api import web

STATIC = Path(web.__file__).parent / "static"
SHEETS = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.css")}
SCHEME = "prefers-color-scheme"
DARK = re.compile(rf"@media \({SCHEME}: dark\) \{{\s*:root \{{([^{{}}]*)\}}\s*\}}")
COLOURS_ALONE = re.compile(r"\s*(--[\w-]+: #[0-9a-f]{6};\s*)+")


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_dark_page_has_other_colours_and_nothing_else(sheet: str) -> None:
    blocks = DARK.findall(SHEETS[sheet])

    assert SHEETS[sheet].count(SCHEME) == len(blocks)
    assert [] == [block for block in blocks if not COLOURS_ALONE.fullmatch(block)]


def test_there_is_a_dark_page_and_no_script_knows_of_it() -> None:
    assert any(DARK.findall(text) for text in SHEETS.values())
    assert [] == [path.name for path in STATIC.glob("*.js") if SCHEME in path.read_text(encoding="utf-8")]

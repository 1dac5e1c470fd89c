"""What the docs say of rows, phones and tables is what the code says."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from heliograph.commands import COMMANDS, ENVELOPE
from scripts.command_examples import EXAMPLES
from scripts.generate_docs import ROOT, pages


@pytest.fixture(scope="module")
def made() -> Mapping[Path, str]:
    """Every page as `make docs` would write it now."""
    return pages()


def test_the_generated_pages_are_current(made: Mapping[Path, str]) -> None:
    """`make docs` writes them anew."""
    stale = [str(path.relative_to(ROOT)) for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]

    assert [] == stale


def test_there_is_no_page_of_a_command_that_is_gone(made: Mapping[Path, str]) -> None:
    folder = ROOT / "docs" / "commands"

    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in made if path.parent == folder)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_every_page_is_a_good_command(name: str) -> None:
    assert COMMANDS[name] is ENVELOPE.decode(json.dumps({"type": name, **EXAMPLES[name]}).encode()).row

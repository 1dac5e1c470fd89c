"""Add a command type as CONTRIBUTING.md says, and every test that runs over the types passes: nothing is left out of the recipe."""

import re
from pathlib import Path

import pytest

from heliograph.commands import COMMANDS
from tests.recipes.announcement import RING, UNLOCK_SIM, Json, release
from tests.recipes.copy import NEXT_RELEASE, Copy, blocks, files_listed, section

COMMANDS_FOLDER = "src/heliograph/commands"
EXPECTATIONS = "tests/commands/expected.py"
DEMO = "examples/demo.py"
CHANGELOG = "CHANGELOG.md"
PAGE = "CONTRIBUTING.md"
DRAWING = "docs/architecture.md"
"""Shows sizes to one digit, so any file may change it."""
WALK_THE_TYPES = (
    "tests/commands/test_every_command.py",
    "tests/commands/test_envelope.py",
    "tests/architecture",
    "tests/agent/test_restart.py",
    "tests/api/test_bad_requests.py",
    "tests/api/test_discovery.py",
    "tests/api/test_official_fields.py",
    "tests/api/test_wrong_bodies.py",
    "tests/channel/test_message_sizes.py",
    "tests/domain/test_policy_messages.py",
    "tests/e2e/test_command_line.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_generated_docs.py",
    "tests/operations/test_logs.py",
    "tests/operations/test_metrics.py",
)
HEADING = "Add a command type in ten minutes"
ROWS: dict[str, tuple[Json, str, str]] = {
    "a plain type": (RING, "", ""),
    "a type with a secret, a status of its own and a user to wait for": (
        UNLOCK_SIM,
        (Path(__file__).parent / "unlock_sim.py").read_text(encoding="utf-8").replace("number=13", "number=12"),
        '"UNLOCKED", before=user_will(PIXEL_8, "APPROVE")),',
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The repository before the recipe."""
    return Copy(tmp_path / "heliograph")


@pytest.mark.parametrize("announced, row, shown", ROWS.values(), ids=ROWS)
def test_a_command_type_takes_the_files_that_the_recipe_lists(copy: Copy, announced: Json, row: str, shown: str) -> None:
    recipe = section(copy.read(PAGE), HEADING)
    (example,) = blocks(recipe, "python")
    listed = {path.replace("ring.py", "{name}.py").replace("ring.md", "{page}.md") for path in files_listed(recipe)}
    name: str = announced["type"]
    release(copy.root / NEXT_RELEASE, announced)

    copy.write(f"{COMMANDS_FOLDER}/{name.lower()}.py", row or example)
    copy.docs()
    told = copy.tests("tests/commands/test_every_command.py", "tests/e2e/test_demo.py", "-k", others_left_out(), fails=True)
    copy.insert(EXPECTATIONS, indented(line_in(told, f'"{name}": Expected.*')), after="EXPECTED = {")
    case = line_in(told, "Case.*")
    copy.insert(DEMO, indented(case.replace(case.partition("detail=")[2], shown) if shown else case), after="FITTING = (")
    copy.insert(CHANGELOG, f"- {name}.\n", after="## [Unreleased]")

    copy.tests(*WALK_THE_TYPES, "-k", others_left_out())
    assert {path.format(name=name.lower(), page=name.lower().replace("_", "-")) for path in listed} == changed(copy)
    copy.lint(f"{COMMANDS_FOLDER}/{name.lower()}.py")


def indented(line: str) -> str:
    """The line as an item of a table."""
    return f"    {line}\n"


def line_in(told: str, pattern: str) -> str:
    """The line that the tests asked for."""
    found = re.search(pattern, told)
    assert found is not None, told
    return found[0]


def changed(copy: Copy) -> set[str]:
    """The files that the recipe touched."""
    return copy.touched() - {DRAWING}


def others_left_out() -> str:
    """What was true of the other types is true still: of the tests that run once for each type, only those of the new one are wanted."""
    return " and ".join(f"not [{name}]" for name in COMMANDS)

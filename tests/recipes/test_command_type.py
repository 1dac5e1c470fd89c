"""Add a command type as CONTRIBUTING.md says, and every test that runs over the types passes: nothing is left out of the recipe."""

import re
from pathlib import Path

import pytest

from heliograph.commands import COMMANDS
from tests.recipes.announcement import RING, UNLOCK_SIM, release
from tests.recipes.copy import NEXT_RELEASE, TEST_TIMEOUT_S, Copy, blocks, files_listed, section

COMMANDS_FOLDER = "src/heliograph/commands"
EXPECTATIONS = "tests/commands/expected.py"
DEMO = "examples/demo.py"
ENUM_TEXTS = "src/heliograph/api/enum_texts.py"
TEXTS_OF_REAL = """    "UnlockSimStatus.Status": {
        "PENDING_USER_ACTION": "The device waits for its user.",
        "UNLOCKED": "The SIM is unlocked.",
        "USER_DECLINED": "The user refused.",
    },
"""
CHANGELOG = "CHANGELOG.md"
PAGES = "docs/commands/"
PAGE = "CONTRIBUTING.md"
DRAWING = "docs/architecture.md"
"""Shows sizes to one digit, so any file may change it."""
WALK_THE_TYPES = (
    "tests/commands/test_every_command.py",
    "tests/commands/test_envelope.py",
    "tests/architecture/test_layout.py",
    "tests/architecture/test_pages.py",
    "tests/agent/test_restart.py",
    "tests/api/test_bad_requests.py",
    "tests/api/test_discovery.py",
    "tests/api/test_official_fields.py",
    "tests/api/test_wrong_bodies.py",
    "tests/channel/test_message_sizes.py",
    "tests/domain/test_policy_messages.py",
    "tests/e2e/test_command_line.py::test_every_type_has_its_options_from_its_row",
    "tests/e2e/test_command_line.py::test_help_lists_every_type_and_every_exit_code",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_generated_docs.py",
    "tests/operations/test_logs.py::test_every_step_of_every_command_is_a_line_where_asked_for",
    "tests/operations/test_metrics.py",
)
HEADING = "Add a command type in ten minutes"
REAL = Path(__file__).parent / "unlock_sim.py"
"""A type as Google's own are: with a secret, a status of its own, and a user to wait for."""
DEMO_CASE_OF_REAL = (
    'Case(phone=PIXEL_8, command=of_type("UNLOCK_SIM", "unlockSimParams", pin="0000", slot=0), '
    'detail="UNLOCKED", before=user_will(PIXEL_8, "APPROVE")),'
)


@pytest.mark.timeout(TEST_TIMEOUT_S)
def test_command_types_take_the_files_that_the_recipe_lists(tmp_path: Path) -> None:
    """Two at once: the recipe's own, and a real one."""
    copy = Copy(tmp_path / "heliograph")
    recipe = section(copy.read(PAGE), HEADING)
    (ring,) = blocks(recipe, "python")
    listed = files_listed(recipe)
    release(copy.root / NEXT_RELEASE, RING, UNLOCK_SIM)

    copy.write(f"{COMMANDS_FOLDER}/ring.py", ring)
    copy.write(f"{COMMANDS_FOLDER}/{REAL.name}", REAL.read_text(encoding="utf-8"))
    copy.docs()
    told = copy.tests("tests/commands/test_every_command.py", "tests/e2e/test_demo.py", "-k", "reference_page or demo_shows", fails=True)
    for name in ("RING", "UNLOCK_SIM"):
        copy.insert(EXPECTATIONS, indented(line_in(told, f'"{name}": Expected.*')), after="EXPECTED = {")
    copy.insert(DEMO, indented(line_in(told, 'Case.*"RING".*')) + indented(DEMO_CASE_OF_REAL), after="FITTING = (")
    copy.insert(ENUM_TEXTS, TEXTS_OF_REAL, after="_TEXTS: Mapping[str, Mapping[str, str]] = {")
    copy.insert(CHANGELOG, "- RING, UNLOCK_SIM.\n", after="## [Unreleased]")

    copy.tests(*WALK_THE_TYPES, "-k", others_left_out())
    of_real = {path.replace("ring.py", REAL.name) for path in listed}
    assert listed | of_real | {ENUM_TEXTS} == {PAGES if path.startswith(PAGES) else path for path in copy.touched() - {DRAWING}}
    copy.lint(f"{COMMANDS_FOLDER}/ring.py")


def indented(line: str) -> str:
    """The line as an item of a table."""
    return f"    {line}\n"


def line_in(told: str, pattern: str) -> str:
    """The line that the tests asked for."""
    found = re.search(pattern, told)
    assert found is not None, told
    return found[0]


def others_left_out() -> str:
    """What was true of the other types is true still: of the tests that run once for each type, only those of the new one are wanted."""
    return " and ".join(f"not [{name}]" for name in COMMANDS)

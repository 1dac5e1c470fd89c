"""`make new-method`: a skeleton of a REST method that every test of the methods accepts, but for its own, which waits for the verb."""

import json
from pathlib import Path

import pytest

from tests.recipes.announcement import FLAG, TEXT, changed_document, message
from tests.recipes.copy import NEXT_RELEASE, TEST_TIMEOUT_S, Copy, files_listed, section

PAGE = "CONTRIBUTING.md"
HEADING = "Add a REST method"
DRAWING = "docs/architecture.md"
OWN_TEST = "tests/api/test_migration_tokens.py"
VERB = "src/heliograph/service/migration_tokens.py"
WALK_THE_METHODS = (
    "tests/api/test_discovery.py",
    "tests/api/test_methods.py",
    "tests/api/test_official_fields.py",
    "tests/architecture/test_layout.py",
    "tests/domain/test_policy_messages.py",
)
PAGES_ARE_CURRENT = "tests/e2e/test_generated_docs.py::test_the_generated_pages_are_current"
"""It makes all pages again: once for all recipes that `make docs` is part of."""


pytestmark = pytest.mark.timeout(TEST_TIMEOUT_S)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The repository before the recipe."""
    return Copy(tmp_path / "heliograph")


def test_a_method_takes_the_files_that_the_recipe_lists(copy: Copy) -> None:
    copy.run("-m", "scripts.new_method", "enterprises.migrationTokens.get")
    copy.docs()

    copy.tests(*WALK_THE_METHODS, PAGES_ARE_CURRENT)
    assert "is not written yet: see " + VERB in copy.tests(OWN_TEST, fails=True)
    changed = copy.touched() - {DRAWING}
    assert files_listed(section(copy.read(PAGE), HEADING)) == changed
    copy.lint(*(path for path in changed if path.endswith(".py")))


def test_methods_of_one_resource_share_its_files(copy: Copy) -> None:
    ids = ("migrationTokens.get", "migrationTokens.list", "migrationTokens.create")

    for name in ids:
        copy.run("-m", "scripts.new_method", f"androidmanagement.enterprises.{name}")
    copy.docs()

    copy.tests(*WALK_THE_METHODS, "-k", "igrationToken or not [")
    copy.lint(*(path for path in copy.touched() if path.endswith(".py")))
    handlers = copy.read("src/heliograph/api/resources/migration_tokens.py")
    verbs = copy.read(VERB)
    assert [1] * len(ids) == [handlers.count(f"async def {name}(call") for name in ("get", "list_", "create")]
    assert [1] * len(ids) == [
        verbs.count(f"async def {name}(ports") for name in ("get_migration_token", "list_migration_tokens", "create_migration_token")
    ]


def test_a_method_that_google_has_just_announced_brings_its_messages(copy: Copy) -> None:
    with changed_document(copy.root / NEXT_RELEASE) as document:
        resources = document["resources"]["enterprises"]["resources"]
        badges = json.loads(json.dumps(resources["webTokens"]).replace("webTokens", "badges").replace("WebToken", "Badge"))
        resources["badges"] = badges
        document["schemas"] |= message("Badge", title=TEXT, printed=FLAG)

    copy.run("-m", "scripts.new_method", "enterprises.badges.create")
    copy.docs()

    copy.tests(*WALK_THE_METHODS, "-k", "adge or not [")
    assert {
        "scripts/official_schema.py",
        "src/heliograph/api/schema_texts.py",
        "src/heliograph/domain/official_schema.json",
    } < copy.touched()


@pytest.mark.parametrize(
    "id, said",
    [
        ("", "Which method? make new-method ID=enterprises.migrationTokens.get"),
        (
            "enterprises.migrationToken.get",
            "no method 'enterprises.migrationToken.get'. Did you mean one of these? enterprises.migrationTokens.get",
        ),
        ("enterprises.devices.get", "enterprises.devices.get is served already: its row is in src/heliograph/api/methods.py."),
    ],
)
def test_an_id_that_cannot_be_written_is_refused_and_nothing_is_changed(copy: Copy, id: str, said: str) -> None:
    told = copy.run("-m", "scripts.new_method", id, fails=True)

    assert said in told
    assert "Traceback" not in told
    assert set() == copy.touched()

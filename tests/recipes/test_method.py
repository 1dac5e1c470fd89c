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
HANDLERS = "src/heliograph/api/resources/migration_tokens.py"
BY_DOCS = {"README.md"}
MESSAGES = {"scripts/official_schema.py", "src/heliograph/api/schema_texts.py", "src/heliograph/domain/official_schema.json"}
"""Those of a method that Google has just announced."""
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


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The repository before the recipe; those that are refused change nothing."""
    return Copy(tmp_path_factory.mktemp("recipes") / "heliograph")


def new_method(copy: Copy, id: str) -> set[str]:
    """What `make new-method ID=…` touches that was not touched before."""
    before = copy.touched()
    copy.run("-m", "scripts.new_method", id)
    return copy.touched() - before


def announce_badges(folder: Path) -> None:
    """Google's next release has a resource more."""
    with changed_document(folder) as document:
        resources = document["resources"]["enterprises"]["resources"]
        badges = json.loads(json.dumps(resources["webTokens"]).replace("webTokens", "badges").replace("WebToken", "Badge"))
        resources["badges"] = badges
        document["schemas"] |= message("Badge", title=TEXT, printed=FLAG)


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


def test_methods_take_the_files_that_the_recipe_lists(copy: Copy) -> None:
    """The recipe's own, others of its resource, and one that Google has just announced; `make docs` and the walk are for all of them."""
    first = new_method(copy, "enterprises.migrationTokens.get")
    others = [new_method(copy, f"androidmanagement.enterprises.migrationTokens.{name}") for name in ("list", "create")]
    announce_badges(copy.root / NEXT_RELEASE)
    announced = new_method(copy, "enterprises.badges.create")
    copy.docs()

    copy.tests(*WALK_THE_METHODS, PAGES_ARE_CURRENT)
    assert "is not written yet: see " + VERB in copy.tests(OWN_TEST, fails=True)
    assert files_listed(section(copy.read(PAGE), HEADING)) == first | BY_DOCS
    assert [set(), set()] == others  # of one resource, all share its files
    assert {path.replace("migration_tokens", "badges") for path in first if "migration_tokens" in path} | MESSAGES == announced
    assert first | announced | BY_DOCS == copy.touched() - {DRAWING}
    copy.lint(*(path for path in first | announced if path.endswith(".py")))
    assert [1, 1, 1] == [copy.read(HANDLERS).count(f"async def {name}(call") for name in ("get", "list_", "create")]
    names = ("get_migration_token", "list_migration_tokens", "create_migration_token")
    assert [1, 1, 1] == [copy.read(VERB).count(f"async def {name}(ports") for name in names]

"""`make new-method`: a skeleton of a REST method that every test of the methods accepts, but for its own, which waits for the verb."""

from pathlib import Path

import pytest

from tests.recipes.copy import TEST_TIMEOUT_S, Copy, files_listed, section

PAGE = "CONTRIBUTING.md"
HEADING = "Add a REST method"
DRAWING = "docs/architecture.md"
OWN_TEST = "tests/api/test_web_apps.py"
VERB = "src/heliograph/service/web_apps.py"
WALK_THE_METHODS = (
    "tests/api/test_discovery.py",
    "tests/api/test_methods.py",
    "tests/api/test_official_fields.py",
    "tests/architecture/test_layout.py",
    "tests/domain/test_policy_messages.py",
    "tests/e2e/test_generated_docs.py::test_the_generated_pages_are_current",
)


pytestmark = pytest.mark.timeout(TEST_TIMEOUT_S)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The repository before the recipe."""
    return Copy(tmp_path / "heliograph")


def test_a_method_takes_the_files_that_the_recipe_lists(copy: Copy) -> None:
    copy.run("-m", "scripts.new_method", "enterprises.webApps.get")
    copy.docs()

    copy.tests(*WALK_THE_METHODS)
    assert "is not written yet: see " + VERB in copy.tests(OWN_TEST, fails=True)
    changed = copy.touched() - {DRAWING}
    assert files_listed(section(copy.read(PAGE), HEADING)) == changed
    copy.lint(*(path for path in changed if path.endswith(".py")))


def test_methods_of_one_resource_share_its_files(copy: Copy) -> None:
    ids = ("webApps.get", "webApps.list", "webApps.patch", "webApps.create", "webApps.delete")

    for name in ids:
        copy.run("-m", "scripts.new_method", f"androidmanagement.enterprises.{name}")
    copy.docs()

    copy.tests(*WALK_THE_METHODS, "-k", "webApps or WebApp or not [")
    copy.lint(*(path for path in copy.touched() if path.endswith(".py")))
    handlers = copy.read("src/heliograph/api/resources/web_apps.py")
    verbs = copy.read(VERB)
    assert [1] * len(ids) == [handlers.count(f"async def {name}(call") for name in ("get", "list_", "patch", "create", "delete")]
    assert [1] * len(ids) == [
        verbs.count(f"async def {name}(ports")
        for name in ("get_web_app", "list_web_apps", "patch_web_app", "create_web_app", "delete_web_app")
    ]


@pytest.mark.parametrize(
    "id, said",
    [
        ("", "Which method? make new-method ID=enterprises.webApps.get"),
        (
            "enterprises.webApp.get",
            "no method 'enterprises.webApp.get'. Did you mean one of these? enterprises.webApps.get",
        ),
        ("enterprises.devices.get", "enterprises.devices.get is served already: its row is in src/heliograph/api/methods.py."),
    ],
)
def test_an_id_that_cannot_be_written_is_refused_and_nothing_is_changed(copy: Copy, id: str, said: str) -> None:
    told = copy.run("-m", "scripts.new_method", id, fails=True)

    assert said in told
    assert "Traceback" not in told
    assert set() == copy.touched()

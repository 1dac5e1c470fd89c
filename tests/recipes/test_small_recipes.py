"""A stored field, a migration, a metric, an error, a command of the command line: each as CONTRIBUTING.md says."""

import re
from pathlib import Path

import pytest

from heliograph.storage.queries import migrations
from tests.recipes.copy import TEST_TIMEOUT_S, Copy, blocks, files_listed, section

PAGE = "CONTRIBUTING.md"
RECORDS = "src/heliograph/domain/device.py"
ERRORS = "src/heliograph/domain/errors.py"
METRICS = "src/heliograph/api/server_metrics.py"
METRICS_PAGE = "docs/operations.md"
CLI = "src/heliograph/cli/__init__.py"
CLI_COMMAND = "src/heliograph/cli/ring.py"

TEST_OF_FIELDS = "tests/storage/test_stored_fields.py"
TEST_OF_CODEC = "tests/storage/test_codec.py"
TEST_OF_MIGRATIONS = "tests/storage/test_migrations.py"
TEST_OF_QUERIES = "tests/storage/test_queries.py"
TEST_OF_METRICS = "tests/operations/test_docs.py"
TEST_OF_ERRORS = "tests/api/test_error_tree.py"
TEST_OF_CLI = "tests/e2e/test_every_cli_command.py"


pytestmark = pytest.mark.timeout(TEST_TIMEOUT_S)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """One repository for all: the recipes do not touch each other's files."""
    return Copy(tmp_path_factory.mktemp("recipes") / "heliograph")


def recipe(copy: Copy, heading: str, language: str = "python") -> tuple[str, set[str]]:
    """The recipe's code, and the files that it says it touches."""
    text = section(copy.read(PAGE), heading)
    (code,) = blocks(text, language)
    return code, files_listed(text)


def test_a_stored_field(copy: Copy) -> None:
    code, files = recipe(copy, "Add a stored field")
    before, after = copy.touched(), '    serial: str = ""'

    copy.insert(RECORDS, code.replace(' = ""', ""), after=after)
    told = copy.tests(TEST_OF_FIELDS, fails=True)
    copy.write(RECORDS, copy.read(RECORDS).replace("    ring_tone: str\n", '    ring_tone: str = ""\n'))

    assert "Give ring_tone of DeviceRecord a default" in told
    copy.tests(TEST_OF_FIELDS, TEST_OF_CODEC)
    assert {RECORDS} == copy.touched() - before
    assert RECORDS in files
    copy.lint(RECORDS)


def test_a_migration(copy: Copy, database: str, tmp_path: Path) -> None:
    code, files = recipe(copy, "Add a migration", "sql")
    before = copy.touched()
    (path,) = files
    newest = migrations()[-1].version
    migrate = [("-m", "heliograph", "db", "migrate", *place) for place in (("--data-dir", str(tmp_path)), ("--database", database))]
    for arguments in migrate:
        copy.run(*arguments)

    copy.write(path.replace("_before", ""), code)
    told = copy.tests(TEST_OF_MIGRATIONS, fails=True)
    (copy.root / path.replace("_before", "")).rename(copy.root / path)

    assert "name it NNNN_before_what.sql" in told
    copy.tests(TEST_OF_MIGRATIONS, TEST_OF_QUERIES)
    for arguments in migrate:
        assert f"Schema {newest} became schema {newest + 1}." in copy.run(*arguments)
    assert files == copy.touched() - before


def test_a_metric(copy: Copy) -> None:
    code, files = recipe(copy, "Add a metric")
    before = copy.touched()

    copy.insert(METRICS, code, after='        yield gauge("ready", "Whether /readyz says yes.", 0 if why_not_ready(self._ports) else 1)')
    told = copy.tests(TEST_OF_METRICS, fails=True)
    line = re.search(r"\| `heliograph_rings_under_way` \|.*", told)
    assert line is not None, told
    copy.insert(METRICS_PAGE, line[0].replace("…", "devices that ring") + "\n", after="| `heliograph_ready` | 1 while /readyz says yes |")

    copy.tests(TEST_OF_METRICS)
    assert {METRICS, METRICS_PAGE} == copy.touched() - before
    assert {METRICS, METRICS_PAGE} <= files | {"src/heliograph/service/metrics.py"}
    copy.lint(METRICS)


def test_an_error(copy: Copy) -> None:
    code, files = recipe(copy, "Add an error")
    before = copy.touched()

    imports, _, error = code.partition("\n\n\n")
    copy.insert(ERRORS, f"{imports}\n", after='"""\n')
    copy.write(ERRORS, f"{copy.read(ERRORS)}\n\n{error}")
    copy.format(ERRORS)

    copy.tests(TEST_OF_ERRORS)
    modules = "from heliograph.api.http.errors import error_answer; from heliograph.domain.errors import RingsAlready"
    answer = copy.run("-c", f"{modules}; print(error_answer(RingsAlready()))")
    assert answer.startswith("(400, ")
    assert "The device rings already: wait, or cancel the command." in answer
    assert files == copy.touched() - before
    copy.lint(ERRORS)


def test_a_command_of_the_command_line(copy: Copy) -> None:
    code, files = recipe(copy, "Add a command of the command line")
    before = copy.touched()

    copy.write(CLI_COMMAND, code)
    told = copy.tests(TEST_OF_CLI, fails=True)
    line = re.search(r'"ring": Listed\(.*\),', told)
    assert line is not None, told
    devices = next(text for text in copy.read(CLI).splitlines() if text.strip().startswith('"devices": Listed('))
    copy.insert(CLI, f"    {line[0]}\n", after=devices)

    copy.tests(TEST_OF_CLI)
    assert "bell" in copy.run("-m", "heliograph", "ring", "list")
    assert files == copy.touched() - before
    copy.lint(*files)

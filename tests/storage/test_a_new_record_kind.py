"""CONTRIBUTING's recipe for a record kind, followed in a copy of the package: three files, and both engines have the kind."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from heliograph.storage.queries import migrations
from tests.architecture.sources import PACKAGE, ROOT
from tests.files import contents
from tests.patience import WHOLE_JOB_S

RECIPE = re.compile(r"^## Add a record kind\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?:sql|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMPORT = "from heliograph.service.migration_tokens import MigrationToken, MigrationTokenName\n"
DRIVE = ROOT / "tests" / "storage" / "drive_a_new_kind.py"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package in which the recipe was followed."""
    return followed(tmp_path / "copy")


def followed(folder: Path) -> Path:
    """The package, in which the recipe's three blocks stand where it says."""
    shutil.copytree(PACKAGE, folder / "heliograph", ignore=shutil.ignore_patterns("__pycache__"))
    follow(folder / "heliograph")
    return folder


def follow(package: Path) -> None:
    """The recipe's three blocks are where it says."""
    recipe = RECIPE.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert recipe is not None
    migration, service, row = BLOCK.findall(recipe[1])
    number = migrations()[-1].version + 1
    (package / "storage" / "migrations" / f"{number:04d}_before_migration_tokens.sql").write_text(migration, encoding="utf-8")
    (package / "service" / "migration_tokens.py").write_text(service, encoding="utf-8")
    kinds = package / "storage" / "kinds.py"
    text = kinds.read_text(encoding="utf-8")
    imports, registry = "from heliograph.service.tenant_bounds import", "KINDS: tuple[Kind[Any, Any], ...] = (\n"
    assert [1, 1] == [text.count(imports), text.count(registry)]
    text = text.replace(imports, IMPORT + imports).replace(')\n"""In the order', '    MIGRATION_TOKENS,\n)\n"""In the order')
    kinds.write_text(text.replace(registry, f"{row}\n{registry}"), encoding="utf-8")


def drive(copy: Path, database: str) -> str:
    """What the store of the copy does with the new kind, in a process that knows no other copy."""
    command = [sys.executable, "-W", "error", str(DRIVE), database]
    environment = {"PYTHONPATH": f"{copy}:{ROOT}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=WHOLE_JOB_S)
    return done.stdout + done.stderr[-2_000:]


def test_a_new_record_kind_takes_three_files(copy: Path, tmp_path: Path) -> None:
    before, after = contents(PACKAGE), contents(copy / "heliograph")

    differing = {path.parent.as_posix() for path, content in after.items() if before.get(path) != content}

    assert {"storage/migrations", "service", "storage"} == differing
    assert 3 == sum(before.get(path) != content for path, content in after.items())
    assert "all is well\n" == drive(copy, str(tmp_path / "heliograph.db"))


def test_a_new_record_kind_is_in_postgresql_too(copy: Path, database: str) -> None:
    assert "all is well\n" == drive(copy, database)

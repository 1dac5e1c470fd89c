"""A newcomer's task: a record kind with a REST method, by the two recipes. docs/architecture.md says which files it takes."""

import re
from pathlib import Path

import pytest

from heliograph.storage.queries import migrations
from tests.recipes.copy import TEST_TIMEOUT_S, Copy
from tests.storage.test_a_new_record_kind import follow

DRAWING = "docs/architecture.md"
HANDLERS = "src/heliograph/api/resources/migration_tokens.py"
OWN_TEST = "tests/api/test_migration_tokens.py"
TEXTS = "src/heliograph/api/schema_texts.py"
BY_HAND = {
    f"src/heliograph/storage/migrations/{migrations()[-1].version + 1:04d}_before_migration_tokens.sql",
    "src/heliograph/storage/kinds.py",
    "src/heliograph/service/migration_tokens.py",
    HANDLERS,
    OWN_TEST,
    TEXTS,
}
IN_OUR_WORDS = '        "MigrationToken": "What brings one device from another management.",'
BY_NEW_METHOD = {"src/heliograph/api/methods.py"}
BY_DOCS = {"src/heliograph/storage/kinds.sql", "README.md", "docs/sandbox-api.md"}

HANDLER = """
    name = MigrationTokenName(*call.ids)
    if (error := await enterprise_absence(call.ports, EnterpriseName(name.enterprise))) is not None:
        raise error
    token = await get_migration_token(call.ports.store, name)
    message = MESSAGES["MigrationToken"](
        name="enterprises/{}/migrationTokens/{}".format(*name),
        create_time=format_timestamp(token.created_us),
        expire_time=format_timestamp(token.expires_us),
    )
    return encode_message(message)
"""
HANDLER_IMPORTS = """from heliograph.domain.names import EnterpriseName
from heliograph.domain.official_messages import MESSAGES
from heliograph.protojson.messages import encode_message
from heliograph.protojson.times import format_timestamp
from heliograph.service.migration_tokens import MigrationTokenName, get_migration_token
from heliograph.service.not_found import enterprise_absence
"""
TEST = """
    name = MigrationTokenName(enterprise.removeprefix("enterprises/"), "one")
    live.run(create_migration_token(live.ports.store, name, life_us=60_000_000))

"""
TEST_IMPORT = "from heliograph.service.migration_tokens import MigrationTokenName, create_migration_token\n"


@pytest.mark.timeout(TEST_TIMEOUT_S)
def test_a_record_kind_with_a_method_takes_the_files_that_the_page_lists(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "heliograph")

    copy.run("-m", "scripts.new_method", "enterprises.migrationTokens.get")
    follow(copy.root / "src" / "heliograph")
    copy.replace(HANDLERS, "\n    return await get_migration_token(call.ports, call.ids)\n", HANDLER)
    copy.replace(HANDLERS, "from heliograph.service.migration_tokens import get_migration_token\n", HANDLER_IMPORTS)
    copy.replace(OWN_TEST, "\n    answer = ", f"{TEST}    answer = ")
    copy.replace(OWN_TEST, "from tests.api.live", f"{TEST_IMPORT}\nfrom tests.api.live")
    copy.write(TEXTS, re.sub(r'^        "MigrationToken": _NOT_OFFERED,$', IN_OUR_WORDS, copy.read(TEXTS), flags=re.MULTILINE))
    copy.format(HANDLERS, OWN_TEST, "src/heliograph/storage/kinds.py")
    copy.docs()

    walk_the_kinds = ("tests/architecture/test_layout.py", "tests/storage/test_kinds.py", "tests/storage/test_migrations.py")
    copy.tests(OWN_TEST, "tests/api/test_methods.py", *walk_the_kinds)
    touched = copy.touched() - {DRAWING}
    assert BY_HAND | BY_NEW_METHOD | BY_DOCS == touched
    copy.lint(*(path for path in touched if path.endswith(".py")))
    listed = " ".join(copy.read(DRAWING).split())
    names = {path.removeprefix("src/heliograph/") for path in (BY_HAND | BY_NEW_METHOD) - {OWN_TEST}}
    # A new file goes by its folder: the page names files that there are.
    assert all(f"`{name}`" in listed or f"`{name.rpartition('/')[0]}/`" in listed for name in names)

"""A store in a test's own process refuses no one because the machine stood still for a second, unless the test is about that."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import ROOT, modules_under, nodes, relative

REFUSES = {
    "tests/storage/test_postgres_faults.py": "its database is away, and who waits for that is refused",
    "tests/storage/test_rule_queue.py": "it is about who is refused",
}
"""Files whose stores are as users have them."""


def hasty() -> Iterator[str]:
    """Where a store is opened, or a server made, that refuses what waits for a second."""
    for path in modules_under(ROOT / "tests"):
        if relative(path) in REFUSES:
            continue
        text = path.read_text(encoding="utf-8")
        if re.search(r"\bassembled\(", text) and "patient(" not in text and "hot_lane" not in path.name:
            yield f"{relative(path)}: assembled(patient(settings), …)"
        if "Store.open(" not in text:
            continue
        for node in nodes(path):
            if (
                isinstance(node, ast.Call)
                and re.match(r"(Sqlite|Postgres)Store\.open$", ast.unparse(node.func))
                and "waits_most_s" not in {keyword.arg for keyword in node.keywords}
            ):
                yield f"{relative(path)}:{node.lineno}: waits_most_s=PATIENCE_S"


def test_no_store_of_a_test_is_hasty() -> None:
    assert [] == [*hasty()]

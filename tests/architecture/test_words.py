"""A word in names has one meaning (docs/glossary.md): what else it could mean has a word of its own."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import PACKAGE, imported_names, modules_under, nodes, relative

# By word (a pattern): where its one meaning may stand in the name of a file, folder, class or function, and what to write elsewhere.
ROOMS = {
    "refus": (
        {
            "agent/command_run.py",
            "agent_check/cases.py",
            "channel/messages.py",
            "channel/session.py",
            "domain/command.py",
            "history/rules/answers.py",  # a rule's name, which check-history prints
            "history/rules/effects.py",
            "protocol.py",
            "service/refuse_command.py",
            "testing/connection.py",  # heliograph.testing.Refused, a promise
        },
        "a phone refuses a command; a server, a store or a parser rejects",
    ),
    "histor": (
        {"cli/check_history.py", "history", "history/file.py"},
        "a history is a recorded run; a device's operations in their order are its index",
    ),
    r"(?<!de)tail": (
        {"cli/tail.py", "server/cluster_doorbell.py", "storage/postgres/store.py"},
        "a tail is the newest of what others wrote, looked at again and again; what the index does not hold yet is unswept",
    ),
}
POLICIES = {"domain/policy.py PasswordPolicy", "protocol.py PhonePolicy"}
SERVER = ("api", "channel", "notifications", "server", "service", "storage")


def names() -> Iterator[tuple[str, str]]:
    """Where a name stands below the package, and the name: of a folder, a file, a class or a function."""
    for path in modules_under(PACKAGE):
        place = path.relative_to(PACKAGE)
        yield str(place.parent), place.parent.name
        yield str(place), path.stem
        for node in nodes(path):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield str(place), node.name


@pytest.mark.parametrize("word", ROOMS)
def test_a_word_of_two_meanings_keeps_to_one(word: str) -> None:
    rooms, instead = ROOMS[word]

    found = {place for place, name in names() if re.search(word, name.lower())}

    assert (set(), set()) == (found - rooms, rooms - found), instead


def test_a_page_is_one_of_a_list_and_others_say_which_kind_they_are() -> None:
    """`Page`, `page_of`, `pages`; but `HealthPages`, `sign_up_page`. Only `api/` has both."""
    bare = {name for place, name in names() if place.startswith("api/") and re.match(r"_?pages?(_|$)|_?Pages?([A-Z]|$)", name)}

    assert {"PageQuery"} == bare


def test_a_policy_is_amapis() -> None:
    """The resource itself is made from the discovery document; a phone gets a PhonePolicy, and a user has a habit."""
    assert POLICIES == {f"{place} {name}" for place, name in names() if name.endswith("Policy")}


def test_the_server_knows_devices_and_no_virtual_phone() -> None:
    """`domain/phone/` is the world inside a virtual phone; a phone at the other end of a line is anyone's (`service/phones.py`)."""
    modules = [path for folder in SERVER for path in modules_under(PACKAGE / folder)]

    assert len(modules) > 100
    assert [] == [relative(path) for path in modules if any("domain.phone" in name for name in imported_names(path))]

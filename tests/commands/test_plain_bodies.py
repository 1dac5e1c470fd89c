"""A body of the plainest form is taken apart without the whole Command message: with the same outcome, whatever stands in it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.envelope import IssuedCommand
from heliograph.protojson.errors import InvalidArgument, Violation

TYPES = st.sampled_from([*COMMANDS, "NO_SUCH", "duration", "", 3, None])
DURATIONS = st.sampled_from(["60s", "0s", "-1s", "1.5s", "600.000s", "1", "1e3s", "", "315576000001s", 60, None, ["60s"]])
PASSWORDS = st.sampled_from(["", "1234", "pässwörd", 'a"b', "a\\b", "\ud800", "\0", 1234, None, ["1234"], "x" * 300]) | st.text(max_size=8)
FLAGS = st.lists(
    st.sampled_from(["REQUIRE_ENTRY", "LOCK_NOW", "RESET_PASSWORD_FLAG_UNSPECIFIED", "NO_SUCH", 1, "1", None, ["LOCK_NOW"]]), max_size=3
)
FIELDS: st.SearchStrategy[tuple[str, object]] = st.one_of(
    st.tuples(st.just("type"), TYPES),
    st.tuples(st.just("duration"), DURATIONS),
    st.tuples(st.sampled_from(["newPassword", "new_password"]), PASSWORDS),
    st.tuples(st.sampled_from(["resetPasswordFlags", "reset_password_flags"]), FLAGS | st.sampled_from([None, "LOCK_NOW", {}])),
    st.tuples(st.sampled_from(["wipeParams", "createTime", "extra"]), st.sampled_from([{}, "x", None])),
)
PLAINEST = [("type", "RESET_PASSWORD"), ("newPassword", "1234"), ("resetPasswordFlags", ["LOCK_NOW"]), ("duration", "60s")]


def body_of(fields: list[tuple[str, object]], *, hidden: bool) -> bytes:
    """The fields as they stand, each as often as it does; `hidden`: their names in escapes, so that the body is not plain."""
    name = (lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text)) if hidden else str
    members = (f'"{name(field)}": {json.dumps(value, ensure_ascii=False)}' for field, value in fields)
    return ("{" + ", ".join(members) + "}").encode("utf-8", "surrogatepass")


def outcome(body: bytes, behaviour: Behaviour) -> IssuedCommand | list[Violation]:
    """The command, or what is wrong with it."""
    try:
        return ENVELOPE.decode(body, behaviour=behaviour)
    except InvalidArgument as error:
        return [*error.violations]


@given(st.lists(FIELDS, max_size=5), st.sampled_from(Behaviour))
@example(PLAINEST, Behaviour.DOCUMENTED)
@example(PLAINEST[:2], Behaviour.STRICT)
@example([*PLAINEST, ("newPassword", "other")], Behaviour.DOCUMENTED)
@example([("type", "RESET_PASSWORD"), ("resetPasswordFlags", [])], Behaviour.DOCUMENTED)
@example([("type", "LOCK"), ("newPassword", "1234")], Behaviour.DOCUMENTED)
@example([("newPassword", "1234")], Behaviour.DOCUMENTED)
def test_a_plain_body_has_the_outcome_of_the_whole_message(fields: list[tuple[str, object]], behaviour: Behaviour) -> None:
    assert outcome(body_of(fields, hidden=True), behaviour) == outcome(body_of(fields, hidden=False), behaviour)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_duration_of_its_own_body(name: str) -> None:
    body = {"type": name, **COMMANDS[name].example}

    found = [outcome(json.dumps({**body, **more}).encode(), Behaviour.DOCUMENTED) for more in ({"duration": "60s"}, {}, {"duration": "7s"})]

    assert ["60s", "600s", "7s"] == [command.duration for command in found if isinstance(command, IssuedCommand)]

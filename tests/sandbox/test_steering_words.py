"""How a phone is steered in words: as the page says and as people write them; and errors never name types of ours."""

import inspect

import msgspec
import pytest

from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.schema import EnumKind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.sandbox import messages
from tests.sandbox.client import Client, Json, Refused

PIXEL = "pixel8-a15-fully-managed"
STEERED = f"/sandbox/v1/devices/{PIXEL}"


@pytest.mark.parametrize("given, times", [(2, 2), ("2", None), (0, 0), (2.0, 2), (["ACKNOWLEDGE", "REPORT"], 2), ([], 0), (None, 0)])
def test_duplicates_are_a_number_or_a_list(given: object, times: int | None) -> None:
    steering = messages.Steering(duplicate_next=given)

    if times is None:
        with pytest.raises(InvalidArgument):
            _ = steering.duplicates
    else:
        assert times == steering.duplicates


@pytest.mark.parametrize("given", [2, ["ACKNOWLEDGE", "REPORT"]])
def test_what_is_sent_twice_changes_nothing(sandbox: Client, given: object) -> None:
    sandbox.patch(STEERED, {"duplicateNext": given})

    assert "response" in sandbox.run(PIXEL, {"type": "LOCK"})


@pytest.mark.parametrize("given", [-1, 1.5, 1_001, True, "ACKNOWLEDGE", ["REPORT_ANSWER"], [["REPORT"]], {"a": 1}])
def test_what_is_neither_is_refused_with_an_example_and_nothing_else_is_done(sandbox: Client, given: object) -> None:
    body: Json = {"duplicateNext": given, "online": False}

    with pytest.raises(Refused, match=r"duplicate_next must be a number .* as in \{\"duplicateNext\": 2\}"):
        sandbox.patch(STEERED, body)

    assert sandbox.get(STEERED)["online"]


@pytest.mark.parametrize(
    "body", [{"dropNext": ["NEXT"]}, {"dropNext": "ACKNOWLEDGE"}, {"consent": "YES"}, {"consent": {}}, {"dropNext": [{}]}]
)
def test_an_error_names_no_type_of_ours(sandbox: Client, body: Json) -> None:
    with pytest.raises(Refused) as refused:
        sandbox.patch(STEERED, body)

    assert "(TYPE_ENUM)" in str(refused.value) or "(TYPE_" not in str(refused.value)
    assert "heliograph" not in str(refused.value).lower()
    assert "type.googleapis.com" not in str(refused.value)


def test_no_message_of_the_sandbox_has_a_type_that_errors_would_name() -> None:
    own = [cls for _, cls in inspect.getmembers(messages, inspect.isclass) if cls.__module__ == messages.__name__]
    shapes = [shape_of(cls) for cls in own if issubclass(cls, msgspec.Struct)]

    assert len(shapes) >= 4
    for field in (field for shape in shapes for field in shape.fields):
        kind = field.kind.item if isinstance(field.kind, ListKind) else field.kind
        if not isinstance(kind, Scalar):
            assert isinstance(kind, EnumKind | MessageKind | MapKind)
            assert kind.type_name.startswith("TYPE_")

"""The published schema and examples are what the server takes and gives: no more, no less."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from heliograph.agent.transport import KIND_OF
from heliograph.channel.messages import read_enroll
from heliograph.domain.device import DeviceReport
from heliograph.protojson.errors import InvalidArgument
from scripts.device_protocol_examples import READERS
from scripts.device_protocol_page import ANSWERS
from scripts.device_protocol_schema import FRAMES, NARROWER, messages
from tests.channel.conftest import Server

FOLDER = Path(__file__).parents[2] / "docs" / "device-protocol"
SCHEMA = json.loads((FOLDER / "schema.json").read_text())
RIGHT = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "examples").iterdir())}
WRONG = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "wrong").iterdir())}
LENIENT = {"Enroll", "StatusReport", "UsageLogs"}
"""Of what AMAPI defines in them the server takes more than the schema says, as Google's parsers do, or looks closer."""
LOOKED_AT_LATER = {"status"}
"""By the rule of the operation's type, once it is known."""
STRICT = sorted(READERS.keys() - LENIENT)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.text(max_size=4)
    | st.sampled_from(["0" * 32, "acking", "PROGRESS", "hello"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["everyS", "ackId", "operation", "state", "x"]), inner, max_size=4)
    ),
    max_leaves=6,
)


def allows(message: str, body: object) -> bool:
    """Whether the schema does."""
    return Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{message}"}).is_valid(body)


def takes(message: str, body: object) -> bool:
    """Whether the server does."""
    try:
        READERS[message](json.dumps(body).encode())
    except InvalidArgument:
        return False
    return True


@st.composite
def changed(draw: st.DrawFn, message: str) -> dict[str, Any]:
    """The message's example with some fields changed, gone, or new."""
    body = dict(RIGHT[message])
    names = sorted({*SCHEMA["$defs"][message]["properties"], "unknown"} - LOOKED_AT_LATER)
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        if draw(st.booleans()):
            body.pop(name, None)
        else:
            body[name] = draw(JSON)
    return body


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_message_is_in_the_schema_and_has_an_example() -> None:
    names = {*messages(), *FRAMES}

    assert names <= SCHEMA["$defs"].keys()
    assert names == RIGHT.keys()
    assert {message.__name__ for message in KIND_OF} == ANSWERS.keys()
    assert {of for of, _ in NARROWER} <= names


@pytest.mark.parametrize("message", RIGHT)
def test_every_example_is_as_the_schema_says(message: str) -> None:
    assert allows(message, RIGHT[message])


@pytest.mark.parametrize("message", sorted(messages().keys() - {"Hello", "Enroll", "StatusReport"}))
def test_the_protocol_reads_and_writes_every_example(message: str) -> None:
    """With nothing left over: an example shows no field that there is not."""
    read = msgspec.json.decode(json.dumps(RIGHT[message]), type=messages()[message])

    assert RIGHT[message] == json.loads(msgspec.json.encode(read))


@pytest.mark.parametrize("message", READERS)
def test_the_server_takes_every_example_of_a_phone(message: str) -> None:
    assert takes(message, RIGHT[message])


@pytest.mark.parametrize("name", WRONG)
def test_neither_the_schema_nor_the_server_takes_a_wrong_example(name: str) -> None:
    wrong = WRONG[name]

    assert not allows(wrong["message"], wrong["body"])
    assert not takes(wrong["message"], wrong["body"])


@given(data=st.data(), message=st.sampled_from(STRICT))
def test_the_server_takes_what_the_schema_allows_and_nothing_else(data: st.DataObject, message: str) -> None:
    body = data.draw(changed(message))

    assert allows(message, body) is takes(message, body)


@given(data=st.data(), message=st.sampled_from(["Enroll", "StatusReport"]))
def test_the_server_takes_every_report_that_the_schema_allows(data: st.DataObject, message: str) -> None:
    body = data.draw(changed(message))

    assert takes(message, body) or not allows(message, body)


@pytest.mark.parametrize("evidence", [{"bootCount": 3}, None])
def test_evidence_is_taken_beside_a_report_that_holds_what_the_server_does_not_know(evidence: object) -> None:
    body = {**RIGHT["Enroll"], "report": {"fromTheFuture": True}, "evidence": evidence}

    read = read_enroll(json.dumps(body).encode())

    assert evidence == (json.loads(bytes(read.evidence)) if read.evidence else None)


def test_a_report_is_amapi_s_device_with_what_a_phone_knows() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(DeviceReport)}

    assert fields == SCHEMA["$defs"]["Device"]["properties"].keys()


async def test_the_server_serves_the_schema_of_its_version_to_everyone(server: Server) -> None:
    async with server.http.get(f"{server.url}/device/v1/schema") as answer:
        served = await answer.json()

    assert SCHEMA == served

"""10,000 messages of every method's schema with secrets in all places: none of them is in the recording."""

import json
import re
from collections.abc import Mapping
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.conformance.recording.exchange import Recorder, Seen
from heliograph.conformance.recording.schemas import methods, schemas
from heliograph.conformance.recording.words import known_words, vocabulary

MESSAGES = 10_000
EACH = -(-MESSAGES // (2 * len(methods())))
"""Examples for each method: each is a request and an answer."""
DEEPEST = 5

KINDS = (
    "correct-{n}-horse", "ya29.a0{n}_-x", "+49 170 {n}", "anna.{n}@example.com", "Baker Street {n}", "LPA:1$sm-dp.{n}.com$K2", "10.{n}.0.7",
    "eyJhbGci{n}.eyJz.x-Q", "{n}", "{n}s", "Zoë{n}日本", "https://h{n}.example.com/p?k=v", "SECRET_{n}", "device{n}",
)  # fmt: skip
OF_LETTERS = (
    "{a}", "{a} {b}", "{a}-{b}@example.com", "Command.{a}", "SECRET_{a}", "{a}日本", "device/{a}?lock", "the device of {a} {b}",
    '{a}, "{b}"',
)  # fmt: skip
WORDS = ("Anna", "Smith", "correct", "horse", "battery", "staple", "hunter", "Rosebud", "kiosk", "Station", "locker", "wiped", "QUARTZ")
"""No one of them is a known word; some are parts of one, or have a known part."""


class Planted:
    """Makes messages, and remembers what nobody may read."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.secrets: list[str] = []

    def secret(self) -> str:
        """Another secret: with a number of nine digits, by which it is found even in pieces, or of letters alone."""
        if self._random.random() < 0.7:
            text = self._random.choice(KINDS).format(n=self._random.randrange(10**8, 10**9))
        else:
            text = self._random.choice(OF_LETTERS).format(a=self._random.choice(WORDS), b=self._random.choice(WORDS))
        self.secrets.append(text)
        return text

    def message(self, schema: Mapping[str, Any], depth: int = 0) -> Any:  # noqa: ANN401 - JSON
        """A value of the schema; now and then one of another kind."""
        if self._random.random() < 0.1:
            return self.anything()
        if "$ref" in schema:
            return self.message(schemas()[schema["$ref"]], depth)
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                return [self.message(schema["items"], depth + 1) for _ in range(self._random.randrange(3))]
            case "boolean" | "integer" | "number":
                return self._random.choice((True, "true", 7, -1, self.secret(), self.number(), self.number() / 7))
        return (
            self._random.choice((*schema.get("enum", ()), "30s", "2026-01-01T00:00:00Z")) if self._random.random() < 0.2 else self.secret()
        )

    def number(self) -> int:
        """A number that is a secret."""
        self.secrets.append(str(found := self._random.randrange(10**8, 10**9)))
        return found

    def anything(self) -> Any:  # noqa: ANN401 - JSON
        """A value that no field expects."""
        return self._random.choice((None, True, self.secret(), self.number(), [self.secret()], {self.secret(): {"name": self.secret()}}))

    def error(self, status: int) -> Any:  # noqa: ANN401 - JSON
        """An error that quotes what was sent, and more."""
        quoted = self._random.choice([*self.secrets, self.secret()])
        message = f"Invalid value at 'command.type' (TYPE_STRING), \"{quoted}\": device {self.secret()} of {self.secret()}."
        detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": quoted, "description": message}]}
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": quoted, "metadata": {self.secret(): self.secret()}}
        other = {"@type": f"type.googleapis.com/{self.secret()}", "detail": self.secret()}
        return {"error": {"code": status, "message": message, "status": self.secret(), "details": [detail, info, other]}}

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties, of_all = schema.get("properties", {}), schema.get("additionalProperties")
        wanted = [name for name in properties if depth < DEEPEST and self._random.random() < 4 / (depth + len(properties))]
        found = {name: self.message(properties[name], depth + 1) for name in wanted}
        found |= {self.secret(): self.message(of_all, depth + 1)} if of_all else {}
        return found | ({self.secret(): self.anything()} if self._random.random() < 0.3 else {})


@pytest.mark.parametrize("id", sorted(methods()))
@settings(max_examples=EACH)
@given(seed=st.integers(0, 2**64))
def test_no_secret_is_in_the_recording(id: str, seed: int) -> None:
    planted, of = Planted(seed), methods()[id]
    status = 200 if seed % 2 else 400
    path = re.sub(r"\{\w+\}", lambda _: quote(planted.secret().replace("/", "_"), safe=""), of["flatPath"])
    own = {name: planted.secret() for name in of["parameters"]}
    sent = {
        **own,
        "access_token": planted.secret(),
        "key": planted.secret(),
        "fields": planted.secret(),
        planted.secret(): planted.secret(),
    }
    request = json.dumps(planted.message(schemas()[of["request"]["$ref"]]) if "request" in of else planted.anything()).encode()
    answer = json.dumps(planted.message(schemas()[of["response"]["$ref"]]) if status == 200 else planted.error(status)).encode()
    headers = {"content-type": planted.secret(), "set-cookie": planted.secret(), "retry-after": planted.secret()}

    exchange = Recorder().exchange(
        Seen(http=of["httpMethod"], path=f"/{path}", query=urlencode(sent), request=request, status=status, headers=headers, answer=answer)
    )

    assert id == exchange.method
    line = msgspec.json.encode(exchange).decode()
    assert [] == [secret for secret in planted.secrets if is_shown(secret, line)]


def is_shown(secret: str, line: str) -> bool:
    """Whether the secret is in the line, its number alone, or one of its words that is not a known one."""
    numbers = re.findall(r"\d{9}", secret)
    if numbers:
        return any(piece in line for piece in (secret, *numbers))
    return any(re.search(rf"\b{word}\b", line) for word in re.findall(r"\w+", secret) if word not in vocabulary())


def test_words_of_secrets_are_not_known_ones() -> None:
    assert not vocabulary() & set(WORDS)
    assert is_shown("Command.Anna", '{"answer":"Anna"}')
    assert not is_shown("Command.kiosk", '{"answer":{"kioskCustomization":"Command"}}')


def seen(**changes: Any) -> Seen:  # noqa: ANN401 - fields of Seen
    """IssueCommand."""
    usual: dict[str, Any] = {
        "http": "POST", "path": "/v1/enterprises/LC0123/devices/3f7a:issueCommand", "query": "", "request": b"{}", "status": 200,
        "headers": {}, "answer": b"{}",
    }  # fmt: skip
    return Seen(**{**usual, **changes})


def test_what_is_harmless_is_shown() -> None:
    recorder = Recorder()
    request = {"type": "LOCK", "duration": "600s", "newPassword": "hunter2", "resetPasswordFlags": ["LOCK_NOW"], "nonsense": 1}
    answer = {
        "name": "enterprises/LC0123/devices/3f7a/operations/1764244641000",
        "metadata": {
            "@type": "type.googleapis.com/google.android.devicemanagement.v1.Command", "createTime": "2026-11-27T12:00:00Z", "type": "LOCK"
        },
        "done": True,
    }  # fmt: skip

    found = recorder.exchange(
        seen(request=json.dumps(request).encode(), answer=json.dumps(answer).encode(), query="prettyPrint=false&key=K")
    )

    assert ("enterprises/e1/devices/d1", [["prettyPrint", "false"], ["key", "<hidden>"]]) == (found.name, found.query)
    shown = {"type": "LOCK", "duration": "600s", "newPassword": "<hidden>", "resetPasswordFlags": ["LOCK_NOW"], "<hidden 5>": "<hidden>"}
    assert shown == found.request
    assert {**answer, "name": "enterprises/e1/devices/d1/operations/o1"} == found.answer
    assert "enterprises/e1/devices/d2" == recorder.exchange(seen(path="/v1/enterprises/LC0123/devices/other:issueCommand")).name


@pytest.mark.parametrize(
    "sentence, shown",
    [
        ("Caller is not authorized to manage enterprise.", "Caller is not authorized to manage enterprise."),
        ("Unknown name \"volume\" at 'command': Cannot find field.", "Unknown name \"<hidden>\" at 'command': Cannot find field."),
        (
            "Invalid value at 'command.type' (type.googleapis.com/google.android.devicemanagement.v1.Command.CommandType), \"LOUD\"",
            "Invalid value at 'command.type' (type.googleapis.com/google.android.devicemanagement.v1.Command.CommandType), \"<hidden>\"",
        ),
        ("device@lock.type is not a device, nor is 10.0.0.1", "<hidden> is not a device, <hidden> is <hidden>"),
    ],
)
def test_a_sentence_keeps_its_known_words(sentence: str, shown: str) -> None:
    assert shown == known_words(sentence, [])


def test_known_words_are_hidden_in_a_sentence_if_they_are_hidden_elsewhere() -> None:
    request = {"startLostModeParams": {"lostMessage": {"defaultMessage": "device not found"}}}
    error = {"error": {"code": 400, "message": "Invalid value: Device not found.", "status": "INVALID_ARGUMENT"}}

    found = Recorder().exchange(seen(status=400, request=json.dumps(request).encode(), answer=json.dumps(error).encode()))

    assert "Invalid value: <hidden> ." == found.answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [b"hunter2", b"\xff\xfe", b"[" * 100_000, b"[" * 900 + b"]" * 900, b'{"duration":' + b"9" * 5_000 + b"}", b'{"apiLevel": 1e999}'],
)
def test_a_body_that_is_no_message_is_hidden(body: bytes) -> None:
    found = Recorder().exchange(seen(request=body, answer=body))

    assert not re.search(r"hunter2|999", msgspec.json.encode(found).decode())


def test_of_a_path_without_a_method_and_of_a_batch_nothing_is_kept() -> None:
    for path in ("/hunter2", "/v1/hunter2/x", "/batch"):
        found = Recorder().exchange(seen(path=path, query="q=hunter2", request=b"hunter2", answer=b"hunter2"))

        assert ("unknown", "", [], None, None) == (found.method, found.name, found.query, found.request, found.answer)

"""A client in another language behind a pipe, and what it is asked to call."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients.programs import HERE, Language, clean_environment, prepared
from tests.running import Running
from tests.sandbox.client import Client
from tests.sandbox.test_sign_up import FORM, browse

Json = dict[str, Any]


class RefusedCall(Exception):
    """The server answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Calls(Protocol):
    """A client of AMAPI."""

    def __call__(self, method: str, arguments: Json) -> Json:
        """What the method answers; `arguments` have Google's names, and `body`.  Raises: RefusedCall."""


@contextmanager
def piped(language: Language, url: str) -> Iterator[Calls]:
    """The language's program, with the server at this address, for as long as the block lasts."""
    command = language.command(prepared(language), HERE / language.source)
    settings = clean_environment(HELIOGRAPH_URL=url)
    with Running(command, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        write = program.stdin

        def call(method: str, arguments: Json) -> Json:
            print(json.dumps({"call": method, "arguments": arguments}), file=write, flush=True)
            line = program.line()
            assert line, f"{language.name} ended at {method}, see above"
            said = json.loads(line)
            if "error" in said:
                raise RefusedCall(said["error"]["code"], said["error"]["message"])
            answer: Json = said["answer"]
            return answer

        try:
            yield call
        finally:
            write.close()
            program.wait()


class Reader:
    """Does the steps that a JSON file holds, and keeps what later ones need.

    A step is a `call` with its `arguments`, or what somebody does meanwhile: `sign_up_at` a page, `enrol_with` a token's value.
    `keep` names fields of the answer, which stand in braces later; `shows` are fields that it must have, `until` those for which the
    call is repeated, and `refused` the error that it must be.
    """

    def __init__(self, calls: Calls, sandbox: Client, kept: dict[str, str]) -> None:
        self.calls = calls
        self.sandbox = sandbox
        self.kept = dict(kept)

    def run(self, step: Json) -> None:
        """The step is done, with the outcome that it names.  Raises: AssertionError."""
        step = self._filled(step)
        if "call" in step:
            answer = self._called(step)
        elif "sign_up_at" in step:
            answer = _signed_up(step["sign_up_at"])
        else:
            answer = self.sandbox.post("/sandbox/v1/devices", {"profile": step["profile"], "enrollmentToken": step["enrol_with"]})
        self.kept |= {word: answer[field] for word, field in step.get("keep", {}).items()}

    def _called(self, step: Json) -> Json:
        method, arguments = step["call"], step["arguments"]
        if "refused" in step:
            with pytest.raises(RefusedCall) as refused:
                self.calls(method, arguments)
            assert step["refused"] == [refused.value.code, str(refused.value)]
            return {}
        if "until" in step:
            return self.sandbox.until(lambda: found if _has(found := self.calls(method, arguments), step["until"]) else None)
        answer = self.calls(method, arguments)
        assert _has(answer, step.get("shows", {})), (step, answer)
        return answer

    def _filled(self, value: Any) -> Any:  # noqa: ANN401 - any part of a step
        if isinstance(value, dict):
            return {name: self._filled(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._filled(part) for part in value]
        if isinstance(value, str):
            for word, found in self.kept.items():
                value = value.replace(f"{{{word}}}", found)
        return value


def _has(found: Any, wanted: Any) -> bool:  # noqa: ANN401 - any part of an answer
    """Whether all that is wanted is there; what is found may have more fields."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and _has(found[name], part) for name, part in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_has, found, wanted))
    return bool(found == wanted)


def _signed_up(url: str) -> Json:
    """An admin signs up on the page: the parameters of the callback URL that the browser is sent to."""
    sent_on = browse(url, FORM)
    return {name: values[0] for name, values in parse_qs(urlsplit(sent_on.headers["location"]).query).items()}


class Walker:
    """Takes a walk (tests/clients/walk.py) with nothing but calls."""

    def __init__(self, calls: Calls, sandbox: Client) -> None:
        self.calls = calls
        self.sandbox = sandbox
        self.operation: Json = {}

    def walked(self, steps: list[Json]) -> list[Any]:
        """The outcome of each step."""
        return [self._result(step) for step in steps]

    def _result(self, step: Json) -> Any:  # noqa: ANN401 - an answer, pages, or an error
        try:
            return getattr(self, step["verb"])(**{name: value for name, value in step.items() if name != "verb"})
        except RefusedCall as refused:
            return {"error": {"code": refused.code, "message": str(refused)}}

    def steer(self, method: str, path: str, body: Json) -> Json:
        """A virtual phone behaves so from now on."""
        self.sandbox.ask(method, path, body)
        return {}

    def issue(self, device: str, command: Json) -> Json:
        """The new operation."""
        self.operation = self.calls(f"{DEVICES}.issueCommand", {"name": device, "body": command})
        return self.operation

    def follow(self) -> Json:
        """The operation, done."""
        name = {"name": self.operation["name"]}
        return self.sandbox.until(lambda: found if (found := self.calls(f"{DEVICES}.operations.get", name)).get("done") else None)

    def cancel(self) -> Json:
        """Nothing, for the operation just issued."""
        return self.calls(f"{DEVICES}.operations.cancel", {"name": self.operation["name"]})

    def operations(self, **wanted: Any) -> list[list[str]]:  # noqa: ANN401 - parameters
        """The names on each page."""
        return self._pages(f"{DEVICES}.operations.list", "operations", wanted)

    def devices(self, **wanted: Any) -> list[list[str]]:  # noqa: ANN401 - parameters
        """The names on each page."""
        return self._pages(f"{DEVICES}.list", "devices", wanted)

    def device(self, name: str) -> Json:
        """The device."""
        return self.calls(f"{DEVICES}.get", {"name": name})

    def patch(self, **change: Any) -> Json:  # noqa: ANN401 - parameters
        """The device, changed."""
        return self.calls(f"{DEVICES}.patch", change)

    def _pages(self, method: str, kind: str, wanted: Json) -> list[list[str]]:
        found, token = [], ""
        while True:
            page = self.calls(method, {**wanted, "pageToken": token})
            found.append([one["name"] for one in page.get(kind, ())])
            if (token := page.get("nextPageToken", "")) == "":
                return found


DEVICES = "enterprises.devices"

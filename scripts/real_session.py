"""A real sandbox for the pages that show answers: every conversation has a world of its own, with the same seed and time."""

import contextlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final

import heliograph
from heliograph.sandbox.settings import SandboxSettings
from tests.patience import PATIENCE_S
from tests.sandbox.in_thread import sandbox_in_a_thread

SEED: Final = 7
NOW: Final = "2030-01-01T00:00:00Z"
SHOWN_URL: Final = "http://127.0.0.1:8080"
SHOWN_WORLD: Final = "3f820df29dfa"
Json = dict[str, Any]

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(?:/worlds/[0-9a-f]{12})?(?=[/\"])")
_WORLD = re.compile(r"worlds/[0-9a-f]{12}")
_REAL_TIME: Mapping[str, object] = {"duration": "0.000412s", "wait": 0.412}
"""What the real clock counts, as it is shown."""


class Conversation:
    """With one world."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON, or text
        """The answer, an error too: the same in every run."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "user-agent": "my-emm/1.0"}
        request = urllib.request.Request(self._url + path, data=data, method=method, headers=headers)  # noqa: S310 - our own loopback URL
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                return _read(answer.read(), answer.headers.get_content_type())
        except urllib.error.HTTPError as error:
            with error:
                return _read(error.read(), error.headers.get_content_type())


class Session:
    """One sandbox."""

    def __init__(self, url: str) -> None:
        self.own = Conversation(url)
        """With the world at the sandbox's own address."""
        self._url = url

    @contextlib.contextmanager
    def world(self, *profiles: str) -> Iterator[Conversation]:
        """A conversation with a new world that has phones of these profiles, until the block ends."""
        with self.made({"phones": [*profiles]}) as (url, _id):
            yield Conversation(url)

    @contextlib.contextmanager
    def made(self, wishes: Json) -> Iterator[tuple[str, str]]:
        """The real address and id of a new world, which is gone after the block."""
        body = json.dumps({"seed": SEED, "now": NOW, **wishes}).encode()
        worlds = f"{self._url}/sandbox/v1/worlds"
        with urllib.request.urlopen(worlds, body, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own loopback URL
            made = json.load(answer)
        world_id = made["name"].removeprefix("worlds/")
        try:
            yield made["pathUrl"], world_id
        finally:
            Conversation(self._url).ask("DELETE", f"/sandbox/v1/worlds/{world_id}")


@contextlib.contextmanager
def real_session() -> Iterator[Session]:
    """A sandbox that ends with the block."""
    with sandbox_in_a_thread(SandboxSettings(port=0)) as url:
        yield Session(url)


def _read(body: bytes, kind: str) -> Any:  # noqa: ANN401 - JSON, or text
    text = _WORLD.sub(f"worlds/{SHOWN_WORLD}", _ADDRESS.sub(SHOWN_URL, body.decode()))
    return _steady(json.loads(text)) if kind == "application/json" else text


def _steady(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without what differs from run to run."""
    if isinstance(value, list):
        return [_steady(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "pathUrl" in value:  # a world: made by the real clock, at a port by chance
        value = value | {"createTime": NOW, "url": "http://127.0.0.1:41234", "pathUrl": f"{SHOWN_URL}/worlds/{SHOWN_WORLD}"}
    if "startedDateTime" in value:  # a HAR entry
        value = value | {"time": _REAL_TIME["wait"]}
    if value.get("frozen") is False:  # the clock goes
        value = value | {"now": NOW}
    counted = _REAL_TIME.keys() & value.keys() if {"status", "send"} & value.keys() else set()
    steady = {name: "…" if one == heliograph.__version__ else _steady(one) for name, one in value.items()}
    return steady | {name: _REAL_TIME[name] for name in counted}

"""A request as data, and the lines that send it: what pages do by hand, a test can repeat."""

import shlex
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

PYTHON_WIDTH = 110
CURL_HEAD = "set -e"
PYTHON_HEAD = "import requests\n"


class Asked(NamedTuple):
    """One request to a sandbox, without what is secret in it."""

    http: str
    path: str
    """Below the address of the sandbox, or of its world; with the query."""
    body: dict[str, Any] | None = None
    """None: it has no body."""

    def curl(self, base: str) -> str:
        """The same with curl."""
        words = ["curl", "-s", *([] if self.http == "GET" else ["-X", self.http]), f"{base}{self.path}"]
        if self.body is not None:
            words += ["-d", msgspec.json.encode(self.body).decode()]
        return shlex.join(words)

    def python(self, base: str) -> str:
        """The same in Python, with the package requests."""
        url = repr(f"{base}{self.path}")
        if self.body is None:
            return f"requests.{self.http.lower()}({url})"
        line = f"requests.{self.http.lower()}({url}, json={self.body!r})"
        if len(line) <= PYTHON_WIDTH:
            return line
        import pprint  # noqa: PLC0415 - sandboxes that show no page load nothing for pages

        shown = pprint.pformat(self.body, width=PYTHON_WIDTH - 4, sort_dicts=False).replace("\n", "\n    ")
        return f"requests.{self.http.lower()}(\n    {url},\n    json={shown},\n)"


def curl_script(asked: Iterable[Asked], base: str) -> str:
    """A shell script that sends these one after the other."""
    return "\n".join([CURL_HEAD, *(one.curl(base) for one in asked)])


def python_script(asked: Iterable[Asked], base: str) -> str:
    """A Python program that sends these one after the other."""
    return "\n".join([PYTHON_HEAD, *(one.python(base) for one in asked)])

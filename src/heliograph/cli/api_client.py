"""The API as any client uses it: HTTP and JSON. Errors become exit codes and keep the server's own words."""

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from heliograph.cli.exit_codes import ExitCode, exit_code_of
from heliograph.cli.failure import Failure
from heliograph.domain.web_address import HTTP, WebAddress, read_web_address
from heliograph.http_connection import HttpConnection

Json = dict[str, Any]
Query = Mapping[str, str | int | Sequence[str]]
"""Parameters of a request; "" leaves one out, several values repeat it."""

TIMEOUT_S: Final = 30
AGAIN_FOR_S: Final = 10.0
"""How long a request is sent again that the server refused and did not begin: what stood still for a second should end no script."""
AGAIN_AFTER_S: Final = 2.0
"""Before the second try; half of it is chance, so it is never less than the second that `Retry-After` asks for."""
PATH_SAFE = "/:~"
NAMED: Final = re.compile(r"(/v1/(?:enterprises/[^/?]+/)?(enterprises|devices|policies|enrollmentTokens))/([^/:?]+)(?:[:?].*)?")
"""A resource whose collection can be listed: the collection's path, and its name."""
PAGE_SIZE: Final = 100  # disc, devices.list: at most 100
NOT_BEGUN: Final = (b'"OVERLOADED"', b'"CROWDED"')
"""The reasons of a 503 that say that nothing was done, and never will be (docs/errors.md)."""
NEIGHBOURS_MOST: Final = 10
"""Named in an error."""


def address_of(server: str) -> str:
    """The server's URL; without a scheme it is http."""
    return server if "//" in server else f"http://{server}"


def web_address_of(server: str) -> WebAddress:
    """The server's address.  Raises: Failure: it is not one, so no client could use it."""
    address = read_web_address(address_of(server))
    if address is None or address.scheme not in HTTP:
        raise Failure(ExitCode.INVALID, f"{server!r} is not the address of a server: write one such as https://amapi.example.com.")
    return address


class ApiClient:
    """One connection to one server."""

    def __init__(self, server: str, *, bearer: Callable[[], str] | None = None, again_for_s: float = AGAIN_FOR_S) -> None:
        """Sends nothing yet; `bearer()` returns the token for each request. For `again_for_s` a server that is overloaded is asked again.

        Raises: Failure: the address is invalid.
        """
        try:
            self._connection = HttpConnection(address_of(server), timeout_s=TIMEOUT_S, bearer=bearer)
        except ValueError as error:
            raise Failure(ExitCode.INVALID, f"{server!r} is not the address of a server: {error}.") from None
        self.server = server
        self._again_for_s = again_for_s

    def get(self, path: str, query: Query | None = None) -> bytes:
        """The body of a successful answer, as the server wrote it.  Raises: Failure."""
        return self._send("GET", _target(path, query), None)

    def post(self, path: str, body: bytes = b"", query: Query | None = None) -> bytes:
        """The body of a successful answer, as the server wrote it.  Raises: Failure."""
        return self._send("POST", _target(path, query), body)

    def put(self, path: str, body: bytes = b"", query: Query | None = None) -> bytes:
        """The body of a successful answer, as the server wrote it.  Raises: Failure."""
        return self._send("PUT", _target(path, query), body)

    def patch(self, path: str, body: bytes, query: Query | None = None) -> bytes:
        """The body of a successful answer, as the server wrote it.  Raises: Failure."""
        return self._send("PATCH", _target(path, query), body)

    def delete(self, path: str, query: Query | None = None) -> bytes:
        """The body of a successful answer, as the server wrote it.  Raises: Failure."""
        return self._send("DELETE", _target(path, query), None)

    def pages(self, path: str, query: Query | None = None) -> Iterator[bytes]:
        """Every page of a list, first to last.  Raises: Failure."""
        token = ""
        while True:
            page = self.get(path, {"pageSize": PAGE_SIZE, **(query or {}), "pageToken": token})
            yield page
            token = json.loads(page).get("nextPageToken", "")
            if not token:
                return

    def lines(self, path: str, query: Query, *, accept: str) -> Iterator[bytes]:
        """The lines of a streaming answer as they come, whole ones only, until the server ends it.

        Raises: Failure: UNAVAILABLE, also if the connection is lost: the same may work later.
        """
        try:
            status, lines = self._connection.ask_for_lines(_target(path, query), {"Accept": accept})
            if status != http.client.OK:
                raise failure_of(status, b"".join(lines))
            yield from (line for line in lines if line.endswith(b"\n"))
        except OSError as error:
            raise Failure(ExitCode.UNAVAILABLE, self._unreachable(error)) from None

    def _send(self, method: str, target: str, body: bytes | None) -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            status, content = self._answer(method, target, body, headers)
        except OSError as error:
            raise Failure(ExitCode.UNAVAILABLE, self._unreachable(error)) from None
        if status == http.client.OK:
            return content
        failure = failure_of(status, content)
        if failure.exit_code is ExitCode.NOT_FOUND:
            failure.message += self._there_are(unquote(target))
        raise failure

    def _answer(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the last answer; there are several only if nothing was done before.  Raises: OSError."""
        until_s, tries = time.monotonic() + self._again_for_s, 0
        while True:
            status, content = self._connection.ask(method, target, body, headers)
            if status != http.client.SERVICE_UNAVAILABLE or not any(reason in content for reason in NOT_BEGUN):
                return status, content
            pause_s = _pause_s(tries)
            if time.monotonic() + pause_s > until_s:
                return status, content
            time.sleep(pause_s)
            tries += 1

    def _there_are(self, target: str) -> str:
        """The name of a resource that does not exist, and its neighbours; "" if they cannot be listed."""
        found = NAMED.fullmatch(target)
        if found is None:
            return ""
        try:
            listed = json.loads(self.get(found[1], {"pageSize": NEIGHBOURS_MOST + 1})).get(found[2], ())
        except Failure:
            return ""
        ids = [str(resource["name"]).rpartition("/")[2] for resource in listed]
        more = " and more" if len(ids) > NEIGHBOURS_MOST else ""
        there = f"there are {', '.join(ids[:NEIGHBOURS_MOST])}{more}" if ids else "there are none"
        return f" There is no {found[3]!r} among the {found[2]}; {there}."

    def _unreachable(self, error: OSError) -> str:
        reason = error.strerror or str(error) or type(error).__name__
        return f"Cannot reach {self.server}: {reason}. Is `heliograph sandbox` or `heliograph serve` running there? See --server."


def _pause_s(tries: int) -> float:
    """Before the next try. What failed together is not repeated together."""
    import random  # noqa: PLC0415 - most requests are not refused

    from heliograph.backoff import pause_after  # noqa: PLC0415

    return pause_after(tries, first=AGAIN_AFTER_S, most=AGAIN_FOR_S, chance=random.random)


def _target(path: str, query: Query | None) -> str:
    text = urlencode({name: value for name, value in (query or {}).items() if value != ""}, doseq=True)
    return quote(path, safe=PATH_SAFE) + (f"?{text}" if text else "")


def failure_of(status: int, content: bytes) -> Failure:
    """The server's error. Anything not in Google's form comes from something in between."""
    try:
        error = json.loads(content)["error"]
        message, name = str(error["message"]), str(error["status"])
    except (ValueError, KeyError, TypeError):
        reason = http.client.responses.get(status, "")
        return Failure(ExitCode.UNAVAILABLE, f"The server answered {status} {reason}, and not as Heliograph does.", body=content)
    if name == "UNAUTHENTICATED":
        message += " Sign in with heliograph --key FILE (heliograph keys create makes one)."
    known = _enterprises_of(error)
    hint = f" Enterprises here: {known}; choose one with --enterprise." if known else ""
    return Failure(exit_code_of(name), message + hint, body=content)


def _enterprises_of(error: Json) -> str:
    """The enterprises that a sandbox lists when a caller asks for an unknown one."""
    return next(
        (str(detail["metadata"]["enterprises"]) for detail in error.get("details", ()) if detail.get("metadata", {}).get("enterprises")), ""
    )

"""A browser as far as HTTP goes: it keeps cookies, names its origin, and follows nothing by itself."""

import contextlib
import http.client
import itertools
import json
import re
import time
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.patience import PATIENCE_S
from tests.people.authenticator import Authenticator, options_in
from tests.sign_in.conftest import OPERATOR, Guarded


class Seen(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    """The `Set-Cookie` headers as they came, by the cookie's name."""
    page: str

    @property
    def place(self) -> str:
        """Where it leads on to."""
        return self.headers.get("location", "")


class Visitor:
    """Someone at a browser that reached the server as `origin`."""

    def __init__(self, server: Guarded, origin: str = "") -> None:
        self.server = server
        self.origin = origin or f"http://localhost:{server.port}"
        self.cookies: dict[str, str] = {}
        self.authenticator = Authenticator()

    def get(self, path: str, **headers: str) -> Seen:
        """The page."""
        return self._send("GET", path, None, {"Sec-Fetch-Site": "same-origin"} | _named(headers))

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Seen:
        """The form's answer, as a page of this origin sends it."""
        sent = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(fields), sent | _named(headers))

    def call(self, http_method: str, path: str, body: object = None, **headers: str) -> Seen:
        """An answer of the API, called by a script of the server's own pages."""
        sent = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"} | _named(headers)
        return self._send(http_method, path, None if body is None else json.dumps(body), sent)

    @property
    def session(self) -> str:
        """The secret of the session."""
        return next(value for name, value in self.cookies.items() if "heliograph-session" in name)

    def form_token(self, page: str = "") -> str:
        """The token in the forms of the account page."""
        found = re.search(r'name="form_token" value="([^"]+)"', page or self.get("/account").page)
        assert found is not None
        return found[1]

    def wait_until_out(self) -> None:
        """Until the session is over; the test's own time limit ends it."""
        while self.get("/account").status == 200:
            time.sleep(0.05)

    def accept(self, url: str, *, person: str = "") -> Seen:
        """The invitation is used: a passkey is made, and the visitor signed in."""
        path = url[url.index("/sign-in/") :]
        answer = self.authenticator.create(options_in(self.get(path).page), self.origin)
        return self.post(path, {"credential": answer, "person": person, "label": "a test's"})

    def sign_in(self, onward: str = "/account", **headers: str) -> Seen:
        """Signed in with the passkey."""
        page = self.get(f"/sign-in?again=1&{urlencode({'next': onward})}").page
        return self.post("/sign-in/passkey", {"credential": self.authenticator.get(options_in(page), self.origin)}, **headers)

    def _send(self, http_method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Seen:
        sent = {"Host": self.origin.partition("://")[2], **headers}
        if self.cookies and "Cookie" not in sent:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)) as connection:
            connection.request(http_method, path, body=body, headers={name: value for name, value in sent.items() if value})
            response = connection.getresponse()
            found = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
            cookies = {next(iter(SimpleCookie(value))): value for value in found}
            for name, value in cookies.items():
                self.cookies[name] = SimpleCookie(value)[name].value
                if not self.cookies[name]:
                    del self.cookies[name]
            named = {name.lower(): value for name, value in response.getheaders()}
            return Seen(response.status, named, cookies, response.read().decode())


def invited(server: Guarded, person: str, role: str = "admin", enterprises: tuple[str, ...] = ("*",)) -> str:
    """The link that the operator gets for a new person."""
    answer = server.call(
        "POST", "/heliograph/v1/people:invite", json.dumps({"person": person, "role": role, "enterprises": enterprises}),
        authorization=f"Bearer {OPERATOR}",
    )  # fmt: skip
    assert answer.status == 200, answer.body
    return str(answer.json["url"])


_numbers = itertools.count(1)


def signed_in(server: Guarded, person: str = "", role: str = "admin", enterprises: tuple[str, ...] = ("*",)) -> Visitor:
    """A visitor with a passkey and a session."""
    visitor = Visitor(server)
    person = person or f"someone-{next(_numbers)}@example.com"
    assert visitor.accept(invited(server, person, role, enterprises)).status == 303
    return visitor


def _named(headers: Mapping[str, Any]) -> dict[str, str]:
    """Header names have _ for -; an empty value leaves the header out."""
    return {"-".join(part.capitalize() for part in name.split("_")): value for name, value in headers.items()}

"""A browser without scripts: it follows links, fills forms and reads what a page says."""

import contextlib
import http.client
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from tests.patience import PATIENCE_S

VOID = frozenset({"meta", "link", "img", "input", "br", "hr"})


class Form(NamedTuple):
    """A form, with what its inputs hold."""

    method: str
    action: str
    fields: Sequence[tuple[str, str]]
    buttons: Sequence[str]


class Page(HTMLParser):
    """An answer, and what it shows."""

    def __init__(self, url: str, status: int, headers: Mapping[str, str], html: str) -> None:
        super().__init__()
        self.url, self.status, self.headers, self.html = url, status, headers, html
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.menu: list[tuple[str, bool]] = []
        """The links of the menu, and whether they are marked as the place where one is."""
        self._in_menu = False
        self._texts: list[str] = []
        self._open: list[str] = []
        self._link = ""
        self._fields: list[tuple[str, str]] | None = None
        self._select, self._area, self._button = "", "", False
        if headers.get("content-type", "").startswith("text/html"):
            self.feed(html)
        self.close()
        assert [] == self._open, f"left open: {self._open}"

    @property
    def text(self) -> str:
        """What the page says, white space made one space."""
        return " ".join(" ".join(self._texts).split())

    def form_to(self, ending: str) -> Form:
        """The first form whose address ends so."""
        return next(form for form in self.forms if form.action.endswith(ending))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag not in VOID:
            self._open.append(tag)
        if tag == "nav":
            self._in_menu = given.get("class") == "menu"
        if tag == "a":
            self._link = given.get("href", "")
            self.menu += [(self._link, given.get("aria-current") == "page")] if self._in_menu else []
        elif tag == "form":
            self._fields = []
            self.forms.append(Form(given.get("method", "get"), given.get("action", ""), self._fields, []))
        elif self._fields is not None:
            self._filled(tag, given)

    def _filled(self, tag: str, given: Mapping[str, str]) -> None:
        assert self._fields is not None
        name = given.get("name", "")
        ticked = given.get("type") not in {"checkbox", "radio"} or "checked" in given
        if tag == "input" and name and ticked:
            self._fields.append((name, given.get("value", "")))
        elif tag == "select":
            self._select = name
            self._fields.append((name, ""))
        elif tag == "option" and "selected" in given:
            self._fields[-1] = (self._select, given.get("value", ""))
        elif tag == "textarea":
            self._area = name
            self._fields.append((name, ""))
        elif tag == "button":
            self._button = True

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"closed twice: {tag}"
        assert tag == self._open.pop(), f"{tag} closed in the wrong place"
        if tag == "form":
            self._fields = None
        if tag == "textarea" and self._fields:
            name, text = self._fields[-1]
            self._fields[-1] = (name, text.removeprefix("\n"))  # as browsers do
        self._link = "" if tag == "a" else self._link
        self._in_menu = self._in_menu and tag != "nav"
        self._area = "" if tag == "textarea" else self._area
        self._button = False if tag == "button" else self._button

    def handle_data(self, data: str) -> None:
        if self._area and self._fields is not None:
            self._fields[-1] = (self._area, self._fields[-1][1] + data)
        if self._link and data.strip():
            self.links[data.strip()] = self._link
        if self._button and self.forms:
            self.forms[-1].buttons.append(data.strip())  # type: ignore[attr-defined]
        if data.strip():
            self._texts.append(data)


class Reader:
    """Someone at such a browser."""

    def __init__(self, url: str) -> None:
        self.url = url

    def open(
        self, path: str, *, method: str = "GET", body: str | None = None, follow: bool = True, headers: Mapping[str, str] | None = None
    ) -> Page:
        """The page at the path, or where that leads."""
        address = urljoin(self.url, path)
        sent = dict(headers or {})
        found = self._ask(method, address, body, sent)
        for _ in range(5):
            if not follow or found.status != 303:
                return found
            address = urljoin(address, found.headers["location"])
            found = self._ask("GET", address, None, sent)
        raise AssertionError(f"it leads on and on: {address}")

    def click(self, page: Page, link: str) -> Page:
        """Where the link leads."""
        return self.open(urljoin(page.url, page.links[link]))

    def submit(
        self,
        page: Page,
        *,
        fill: Mapping[str, str | Sequence[str]] | None = None,
        action: str = "",
        form: Form | None = None,
        button: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """The answer to `form`, else to the last of the page; `fill`: what is written into it, `action`: the address of a button of its.

        `button`: of the form that begins with this button, instead of the last.
        """
        found = form or (next(form for form in page.forms if form.buttons[:1] == [button]) if button else page.forms[-1])
        filled = dict(fill or {})
        fields = [(name, value) for name, value in found.fields if name not in filled]
        for name, value in filled.items():
            fields += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        address, encoded = urljoin(page.url, action or found.action), urlencode(fields)
        if found.method == "get":
            return self.open(f"{address}?{encoded}")
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.open(address, method="POST", body=encoded, headers=sent)

    def _ask(self, method: str, address: str, body: str | None, headers: Mapping[str, str]) -> Page:
        parts = urlsplit(address)
        sent = {"Accept": "text/html,*/*;q=0.8", **headers}
        with contextlib.closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)) as connection:
            connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body=body, headers=sent)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Page(address, response.status, named, response.read().decode())

"""One request and its answer, as a recording holds them: a line of JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from heliograph.api.method import Method, MethodTable
from heliograph.api.methods import AMAPI_METHODS
from heliograph.conformance.recording.pseudonyms import Pseudonyms
from heliograph.conformance.recording.redaction import Redaction
from heliograph.conformance.recording.schemas import methods
from heliograph.conformance.recording.words import HIDDEN
from heliograph.protojson.errors import HeliographError

UNKNOWN: Final = "unknown"
_PREFIX: Final = "/v1/"
_FIRST_ERROR: Final = 400
_HTTP: Final = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})
_HEADERS: Final[Mapping[str, re.Pattern[str]]] = {
    "content-type": re.compile(r"application/json(; ?charset=UTF-8)?\Z", re.IGNORECASE),
    "retry-after": re.compile(r"[0-9]{1,3}\Z", re.ASCII),
}
"""Headers of answers that are written, if they say no more than this."""
_TABLE: Final = MethodTable(AMAPI_METHODS, prefix=_PREFIX)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What went through the proxy, bodies uncompressed."""

    http: str
    path: str
    """As the client wrote it, without the query."""
    query: str
    request: bytes
    status: int
    headers: Mapping[str, str]
    """The answer's, their names in lower case."""
    answer: bytes


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a recording: nothing in it is someone's."""

    date: str
    """The day, UTC."""
    http: str
    method: str
    """AMAPI's id; `unknown`: no method has this path, and nothing of its bodies is kept (a batch, too)."""
    name: str = ""
    query: list[list[str]] = []
    request: Any = None
    status: int
    headers: dict[str, str] = {}
    answer: Any = None


class Recorder:
    """Redacts exchange after exchange; a resource has the same pseudonym in all of them."""

    def __init__(self) -> None:
        self._pseudonyms = Pseudonyms()

    def exchange(self, seen: Seen) -> Exchange:
        """The exchange as it may be kept."""
        row = _row(seen)
        shown = Exchange(
            date=datetime.now(UTC).date().isoformat(),
            http=seen.http if seen.http in _HTTP else HIDDEN,
            method=UNKNOWN if row is None else row.id,
            status=seen.status,
            headers={name: text for name, form in _HEADERS.items() if form.match(text := seen.headers.get(name, ""))},
        )
        if row is None:
            return shown
        redaction = Redaction(self._pseudonyms)
        self._bodies(seen, row, redaction)  # first all is hidden that must not stand in a sentence, then sentences are shown
        return msgspec.structs.replace(shown, **self._bodies(seen, row, redaction))

    def _bodies(self, seen: Seen, row: Method, redaction: Redaction) -> dict[str, Any]:
        of = methods()[row.id]
        schema = "ErrorAnswer" if seen.status >= _FIRST_ERROR else of["response"]["$ref"]
        verb = row.path.partition(":")[2]
        name = unquote(seen.path.removeprefix(_PREFIX).removesuffix(f":{verb}"))
        return {
            "name": name if name == row.path else redaction.name(name),
            "query": redaction.query(seen.query, of["parameters"]),
            "request": redaction.body(seen.request, of["request"]["$ref"] if "request" in of else "Empty"),
            "answer": redaction.body(seen.answer, schema),
        }


def _row(seen: Seen) -> Method | None:
    """The method that the path names."""
    if not seen.path.startswith(_PREFIX):
        return None
    try:
        return _TABLE.find(seen.http, seen.path.removeprefix(_PREFIX))[0]
    except HeliographError:
        return None

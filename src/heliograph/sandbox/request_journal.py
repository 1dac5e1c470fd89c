"""What the world's callers sent and what they were answered, for tests and for people who wonder; no secret is in it.

Bounded in count and in bytes: what is oldest goes first.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from heliograph.protojson.errors import NotFound
from heliograph.protojson.messages import Message
from heliograph.protojson.parser import MALFORMED
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.calls import ApiCall
from heliograph.sandbox.redaction import SEALED, Sealing, without_credentials

REQUESTS_MOST: Final = 1_000
BYTES_MOST: Final = 4 * 1_024 * 1_024
BODY_MOST_BYTES: Final = 64 * 1_024
"""Of a longer body only the length is kept."""
RECORD_BYTES: Final = 2_000
"""What a record weighs besides its bodies, about."""
HEADERS_THAT_MATTER = frozenset(
    {
        "accept-encoding", "content-encoding", "content-type", "idempotency-key", "origin", "retry-after", "user-agent",
        "x-goog-api-client", "x-goog-user-project", "x-http-method-override", "x-retry-test-id",
    }
)  # fmt: skip
CUT: Final = 0
"""The status of a call whose connection was cut: its caller saw none."""


class RequestNotFound(NotFound):
    """The request journal has no request of this name: it was cleared, or made room for newer ones."""

    reason = "REQUEST_NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call was answered, whole."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        """The header's value; empty: there is none."""
        return next((value for key, value in self.headers if key == name), b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One call and its answer, without secrets."""

    number: int
    time_us: int
    """By the world's clock, when the call came."""
    duration_s: float
    """Real time until it was answered."""
    method: str
    http_method: str
    url: str
    query: str
    resource: str
    device: str
    """The id of the device that it is about."""
    caller: str
    in_batch: bool
    request_headers: Mapping[str, str]
    request_body: Any
    request_bytes: int
    status: int
    response_headers: Mapping[str, str]
    response_body: Any
    response_bytes: int
    operation: str
    """The operation that it made or asked for."""
    fault: str
    """What changed it: `faults/3`, `retry_test/1c…`; several with commas."""
    what: str
    """What that fault did, in a few words."""
    weight: int
    """About so many bytes it holds in memory."""

    @property
    def name(self) -> str:
        """`requests/17`."""
        return f"requests/{self.number}"

    def view(self) -> dict[str, Any]:
        """The record as JSON; what is empty is left out, as proto3 JSON does."""
        view = {
            "name": self.name,
            "time": format_timestamp(self.time_us),
            "method": self.method,
            "httpMethod": self.http_method,
            "path": self.url,
            "query": self.query,
            "resource": self.resource,
            "phone": self.device,
            "caller": self.caller,
            "inBatch": self.in_batch,
            "headers": self.request_headers,
            "body": self.request_body,
            "status": self.status,
            "duration": f"{self.duration_s:.6f}s",
            "responseHeaders": self.response_headers,
            "response": self.response_body,
            "operation": self.operation,
            "fault": self.fault,
            "effect": self.what,
        }
        return {name: value for name, value in view.items() if value not in ("", None, {}, False) or name == "status"}


class RequestJournal:
    """The newest calls of one world."""

    def __init__(self, *, now_us: Callable[[], int], most: int = REQUESTS_MOST, bytes_most: int = BYTES_MOST) -> None:
        self._now_us = now_us
        self._most = most
        self._bytes_most = bytes_most
        self._records: OrderedDict[int, RequestRecord] = OrderedDict()
        self._bytes = 0
        self.last = 0
        """The newest one's number."""
        self.on_record: Callable[[], None] = lambda: None
        """Called when a call is answered."""

    def begin(self) -> tuple[int, int]:
        """The number of the call that comes now, and the time."""
        self.last += 1
        return self.last, self._now_us()

    def record(self, record: RequestRecord) -> None:
        """The call is answered; past the bounds, the oldest are forgotten."""
        self._records[record.number] = record
        self._bytes += record.weight
        while len(self._records) > self._most or (self._bytes > self._bytes_most and len(self._records) > 1):
            _number, oldest = self._records.popitem(last=False)
            self._bytes -= oldest.weight
        self.on_record()

    def find(self, name: str) -> RequestRecord:
        """The request of this name or number.  Raises: RequestNotFound."""
        number = name.removeprefix("requests/")
        found = self._records.get(int(number)) if number.isascii() and number.isdecimal() and len(number) < 16 else None  # noqa: PLR2004
        if found is None:
            raise RequestNotFound(
                f"The request journal has no requests/{number[:32]}: it keeps the newest {self._most}, until"
                " POST /sandbox/v1/requests:clear. GET /sandbox/v1/requests lists them."
            )
        return found

    def records(self) -> Iterable[RequestRecord]:
        """All that are kept, oldest first: by when they came, not by when they were answered."""
        return sorted(self._records.values(), key=lambda record: record.number)

    def recall(self, records: Iterable[RequestRecord], *, last: int) -> None:
        """These are kept, oldest first."""
        for record in records:
            self.record(record)
        self.last = last

    def clear(self) -> None:
        """Nothing is kept; numbers continue."""
        self._records.clear()
        self._bytes = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One call as it passed, with its secrets: never stored."""

    call: ApiCall
    begun: tuple[int, int]
    """As `RequestJournal.begin` gave it."""
    duration_s: float
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    answer: Answer
    cut: bool = False
    """Whether the answer did not reach its caller whole."""
    faults: tuple[str, ...] = ()
    what: str = ""
    in_batch: bool = False


def record_of(passage: Passage) -> RequestRecord:
    """The call as the journal keeps it."""
    call, body, answer, sealing = passage.call, passage.body, passage.answer, Sealing()
    request_body = _kept(body, lambda: sealing.body(body, call.row.request if call.row else None))
    query = sealing.query(call.query, call.row.query if call.row else None)
    response_body = _response(call, sealing, answer)
    shown = _shown(passage.headers)
    if any(name == b"authorization" for name, _value in passage.headers):
        shown["authorization"] = SEALED
    number, time_us = passage.begun
    return RequestRecord(
        number=number, time_us=time_us, duration_s=passage.duration_s, method=call.method, http_method=call.http_method, url=call.path,
        query=query, resource=call.resource, device=call.device.device if call.device else "", caller=call.caller,
        in_batch=passage.in_batch, request_headers=shown, request_body=request_body, request_bytes=len(body),
        status=CUT if passage.cut else answer.status, response_headers=_shown(answer.headers), response_body=response_body,
        response_bytes=len(answer.body), operation=_operation(call, response_body), fault=",".join(passage.faults), what=passage.what,
        weight=min(len(body), BODY_MOST_BYTES) + min(len(answer.body), BODY_MOST_BYTES) + RECORD_BYTES,
    )  # fmt: skip


def _kept(body: bytes, sealed: Callable[[], Any]) -> Any:  # noqa: ANN401 - JSON
    return sealed() if len(body) <= BODY_MOST_BYTES else f"<{len(body)} bytes>"


def _response(call: ApiCall, sealing: Sealing, answer: Answer) -> Any:  # noqa: ANN401 - JSON
    if answer.header(b"content-encoding") or (answer.body and not answer.header(b"content-type").startswith(b"application/json")):
        return f"<{len(answer.body)} bytes of {answer.header(b'content-type').decode('latin-1') or 'nothing known'}>"
    return _kept(answer.body, lambda: _decoded(call, sealing, answer))


def _decoded(call: ApiCall, sealing: Sealing, answer: Answer) -> Any:  # noqa: ANN401 - JSON
    try:
        value = msgspec.json.decode(answer.body) if answer.body.strip() else None
    except MALFORMED:
        return f"<{len(answer.body)} bytes that are not JSON>"
    if answer.status >= HTTPStatus.BAD_REQUEST:
        return sealing.anywhere(value)
    cls = call.row.response if call.row else ""
    # What is not a Message is a view of what happened (events, timelines, dead letters), and has no secrets.
    return without_credentials(value, cls) if isinstance(cls, type) and issubclass(cls, Message) else value


def _operation(call: ApiCall, response: Any) -> str:  # noqa: ANN401 - JSON
    for name in (response.get("name", "") if isinstance(response, dict) else "", call.resource):
        if isinstance(name, str) and "/operations/" in name:
            return name
    return ""


def _shown(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    named = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
    return {name: value for name, value in named if name in HEADERS_THAT_MATTER}

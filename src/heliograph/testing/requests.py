"""What the product under test sent to the API, and what it was answered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload

from heliograph.testing.connection import USER_AGENT, Json, Steering
from heliograph.testing.times import moment

_PREFIX = "androidmanagement."


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """One call of the API, each call of a batch by itself."""

    name: str
    """`requests/3`: what the sandbox calls it."""
    time: datetime
    """By the world's clock."""
    method: str
    """AMAPI's id of the method, without `androidmanagement.`, as in `enterprises.devices.issueCommand`."""
    phone: str
    """The id of the device that it is about; empty: no device."""
    body: Any
    """JSON, its secrets sealed; None: there was none."""
    status: int
    """The HTTP status; 0: the connection was cut."""
    response: Any
    operation: str
    """The operation that it made or asked for."""
    fault: str
    """The planned fault that it met."""
    effect: str
    """What that fault did."""
    raw: Json
    """All that the sandbox says of it (docs/faults-on-demand.md#the-request-journal)."""

    def __getitem__(self, field: str) -> Any:  # noqa: ANN401 - JSON
        """A field as the sandbox says it, as in `["httpMethod"]`.  Raises: KeyError: it says none."""
        return self.raw[field]

    def __str__(self) -> str:
        """In a line."""
        type_ = f" {self.body['type']}" if isinstance(self.body, dict) and "type" in self.body else ""
        about = f" {self.phone}" if self.phone else ""
        met = f" [{self.fault}: {self.effect}]" if self.fault else ""
        return f"{self.method}{about}{type_} -> {self.status or 'no answer'}{met}"


class Requests(Sequence[SentRequest]):
    """The calls of a world, oldest first, without those that the test itself made; looked up each time."""

    def __init__(self, steering: Steering) -> None:
        self._steering = steering

    def matching(self, filter: str) -> list[SentRequest]:
        """Those that a filter of the request journal wants, as in `status>=400 phone=pixel8-a15-fully-managed`.  Raises: Refused."""
        found = self._steering.get("requests", filter=filter)["requests"]
        return [_sent(view) for view in found if not view.get("headers", {}).get("user-agent", "").startswith(USER_AGENT)]

    def about(self, phone: str) -> list[SentRequest]:
        """Those about the phone of this id."""
        return [each for each in self.matching("") if each.phone == phone]

    def sent(
        self, method: str, *, phone: str = "", type: str = "", status: int | None = None, times: int | None = None
    ) -> list[SentRequest]:
        """The calls of this method (its last words will do, as in `issueCommand`), about this phone, of a command of this type.

        Raises: AssertionError: there are none, or not this many `times`. The message shows what was sent instead.
        """
        __tracebackhide__ = True
        every = self.matching("")
        found = [each for each in every if _is(each, method) and (not phone or each.phone == phone)]
        found = [each for each in found if (not type or command_type(each) == type) and (status is None or each.status == status)]
        if bool(found) if times is None else len(found) == times:
            return found
        much = {None: "", 0: " 0 times"}.get(times, f" {times} times")
        details = [
            f"about {phone}" if phone else "",
            f"of type {type}" if type else "",
            f"with status {status}" if status is not None else "",
        ]
        what = " ".join([method, *filter(None, details)])
        much_sent = f"it was sent {len(found)} times" if found else "it was not sent"
        shown = found or every
        raise AssertionError(
            "\n  ".join([f"{what} was to be sent{much}, but {much_sent}. Sent was:", *(map(str, shown) if shown else ["nothing"])])
        )

    def clear(self) -> None:
        """Those until now are forgotten."""
        self._steering.post("requests:clear")

    def trace(self, request: SentRequest) -> list[Json]:
        """Each step that the call caused, in order: calls, messages, what the phone did, notifications."""
        steps: list[Json] = self._steering.get(f"{request.name}/trace")["steps"]
        return steps

    @overload
    def __getitem__(self, index: int) -> SentRequest: ...
    @overload
    def __getitem__(self, index: slice) -> list[SentRequest]: ...
    def __getitem__(self, index: int | slice) -> SentRequest | list[SentRequest]:
        """One of them, or some."""
        return self.matching("")[index]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.matching(""))

    def __iter__(self) -> Iterator[SentRequest]:
        """As they are now."""
        return iter(self.matching(""))


def command_type(request: SentRequest) -> str:
    """The type in the body of `issueCommand`; empty: there is none."""
    return str(request.body.get("type", "")) if isinstance(request.body, dict) else ""


def _is(request: SentRequest, method: str) -> bool:
    wanted = method.removeprefix(_PREFIX)
    return request.method == wanted or request.method.endswith(f".{wanted}")


def _sent(view: Json) -> SentRequest:
    return SentRequest(
        name=view["name"],
        time=moment(view["time"]),
        method=view.get("method", "").removeprefix(_PREFIX),
        phone=view.get("phone", ""),
        body=view.get("body"),
        status=view.get("status", 0),
        response=view.get("response"),
        operation=view.get("operation", ""),
        fault=view.get("fault", ""),
        effect=view.get("effect", ""),
        raw=view,
    )

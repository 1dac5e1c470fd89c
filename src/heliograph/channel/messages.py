"""Reads a device's JSON: unknown fields are ignored, anything malformed is refused with its place.

Bodies hold passwords at times, so no error quotes a value.
"""

import contextlib
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from heliograph.domain.device import DeviceReport
from heliograph.domain.usage_log import Batch, read_batch
from heliograph.protocol import (
    ACK_ID_BYTES,
    MESSAGE_MAX_BYTES,
    Acknowledge,
    Begin,
    Enroll,
    Hello,
    KeepAlive,
    Ping,
    PushSubscription,
    Refuse,
    Report,
    StatusReport,
    UsageLogs,
)
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message, known_fields
from heliograph.protojson.parser import MALFORMED, reject_depth
from heliograph.protojson.types import decode_hook

M = TypeVar("M", bound=msgspec.Struct)
N = TypeVar("N", Acknowledge, Enroll, Refuse, Report)

_MAYBE_NULL = ("status", "evidence")

ACK_ID_PATTERN = f"[0-9a-f]{{{2 * ACK_ID_BYTES}}}"
HASH_PATTERN = "[0-9a-f]{64}"
REPORT_SEQ_MAX = 2**31 - 1
_SAID_MAX_CHARS = 512
"""It may name a field of the device's."""
TEXT_MAX_CHARS = 4_096
"""A free text for people; AMAPI's own bound for such texts."""
_ACK_ID = re.compile(ACK_ID_PATTERN)
_HASH = re.compile(HASH_PATTERN)


class Frame(msgspec.Struct, frozen=True):
    """A WebSocket frame of the device: `id` is its own, echoed as `replyTo`."""

    kind: str
    id: int = 0
    body: msgspec.Raw = msgspec.Raw(b"{}")


def read_hello(body: bytes) -> Hello:
    """The message.  Raises: InvalidArgument."""
    hello = _read(_hello, body)
    for item in hello.in_flight:
        _require(_ACK_ID, item.ack_id, "inFlight.ackId must be 32 lower-case hex digits.")
    _require_interval(hello.keep_alive)
    return hello


def read_ping(body: bytes) -> Ping:
    """The message.  Raises: InvalidArgument."""
    ping = _read(_ping, body)
    _require_interval(ping.keep_alive)
    return ping


def read_acknowledge(body: bytes) -> Acknowledge:
    """The message.  Raises: InvalidArgument."""
    acknowledge = _read(_acknowledge, body)
    _require_ack_id(acknowledge.ack_id)
    return acknowledge if b"null" not in body else _null_is_absent(acknowledge)  # most are so, and this is a step of C


def read_begin(body: bytes) -> Begin:
    """The message.  Raises: InvalidArgument."""
    begin = _read(_begin, body)
    _require_ack_id(begin.ack_id)
    return begin


def read_refuse(body: bytes) -> Refuse:
    """The message.  Raises: InvalidArgument."""
    refuse = _read(_refuse, body)
    _require_short(refuse.message)
    return _null_is_absent(refuse)


def read_report(body: bytes) -> Report:
    """The message.  Raises: InvalidArgument."""
    report = _read(_report, body)
    _require_ack_id(report.ack_id)
    if not 1 <= report.seq <= REPORT_SEQ_MAX:
        raise InvalidArgument(f"seq must be between 1 and {REPORT_SEQ_MAX}.")
    _require_short(report.message)
    return report if b"null" not in body else _null_is_absent(report)


def read_status_report(body: bytes) -> StatusReport:
    """The message.  Raises: InvalidArgument."""
    return _read_with_report(_status_report, body)


def read_usage_logs(body: bytes) -> Batch:
    """The message's events.  Raises: InvalidArgument."""
    message = _read(_usage_logs, body)
    try:
        events = [msgspec.json.decode(event) for event in message.events]
    except MALFORMED as error:
        raise _malformed(error) from None
    return read_batch(message.retrieval_time, events)


def read_push_subscription(body: bytes) -> PushSubscription:
    """The message.  Raises: InvalidArgument."""
    return _read(_push_subscription, body)


def read_enroll(body: bytes) -> Enroll:
    """The message.  Raises: InvalidArgument."""
    enroll = _read_with_report(_enroll, body)
    _require(_HASH, enroll.credential_hash, "credentialHash must be the SHA-256 of the credential as 64 lower-case hex digits.")
    return _null_is_absent(enroll)


def read_frame(body: bytes) -> Frame:
    """The frame, its body unread. Its size has been looked at.  Raises: InvalidArgument."""
    try:
        return _frame(body or b"{}")
    except MALFORMED as error:
        raise _malformed(error) from None


def _decoder(cls: type[M]) -> Callable[[bytes], M]:
    return msgspec.json.Decoder(cls, dec_hook=decode_hook).decode


_hello = _decoder(Hello)
_ping = _decoder(Ping)
_acknowledge = _decoder(Acknowledge)
_begin = _decoder(Begin)
_refuse = _decoder(Refuse)
_report = _decoder(Report)
_status_report = _decoder(StatusReport)
_usage_logs = _decoder(UsageLogs)
_push_subscription = _decoder(PushSubscription)
_enroll = _decoder(Enroll)
_frame = _decoder(Frame)


def _read(decode: Callable[[bytes], M], body: bytes) -> M:
    if len(body) > MESSAGE_MAX_BYTES:
        raise _too_large()
    try:
        return decode(body or b"{}")
    except MALFORMED as error:
        raise _malformed(error) from None


def _too_large() -> InvalidArgument:
    return InvalidArgument(f"The message is larger than {MESSAGE_MAX_BYTES} bytes.")


def _malformed(error: Exception) -> InvalidArgument:
    """What msgspec says, without the values that it quotes (`Invalid enum value 'x'`)."""
    said = "nested too deeply" if isinstance(error, RecursionError) else re.sub(r"(?s)'.*'", "'…'", str(error))
    return InvalidArgument(f"Invalid JSON message: {said[:_SAID_MAX_CHARS]}")


def _read_with_report(decode: Callable[[bytes], M], body: bytes) -> M:
    """The message with a DeviceReport in it.

    AMAPI's own messages are strict and so are their decoders: what they refuse is read again without the fields that this server
    does not know, by Google's lenient rules for numbers and enums.
    """
    if len(body) > MESSAGE_MAX_BYTES:
        raise _too_large()
    reject_depth(body.decode(errors="replace"))  # a report may hold any JSON, which is stored and read again
    with contextlib.suppress(InvalidArgument):
        return _read(decode, body)
    try:
        fields = msgspec.json.decode(body or b"{}", type=dict[str, msgspec.Raw])
        if "report" not in fields:
            return decode(body)
        report = known_fields(DeviceReport, msgspec.json.decode(fields["report"]))
        rest = decode(msgspec.json.encode({**fields, "report": {}}))
        return msgspec.structs.replace(rest, report=decode_message(DeviceReport, report, root="report"))
    except MALFORMED as error:
        raise _malformed(error) from None


def _null_is_absent(message: N) -> N:
    """The message without parts that are null: serialisers write null for no status, or no evidence."""
    parts = {name: part for name in _MAYBE_NULL if (part := getattr(message, name, None)) is not None}
    null = {name: None for name, part in parts.items() if bytes(part) == b"null"}
    return msgspec.structs.replace(message, **null) if null else message


def _require(pattern: re.Pattern[str], text: str, message: str) -> None:
    if not pattern.fullmatch(text):
        raise InvalidArgument(message)


def _require_interval(asked: KeepAlive | None) -> None:
    if asked is not None and asked.every_s < 1:
        raise InvalidArgument("keepAlive.everyS must be a positive number of seconds.")


def _require_ack_id(text: str) -> None:
    if not _ACK_ID.fullmatch(text):
        raise InvalidArgument("ackId must be 32 lower-case hex digits.")


def _require_short(text: str) -> None:
    if len(text) > TEXT_MAX_CHARS:
        raise InvalidArgument(f"message must have at most {TEXT_MAX_CHARS} characters.")

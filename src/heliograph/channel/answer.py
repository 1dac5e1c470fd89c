"""What a device is answered, before a transport frames it."""

import zlib

import msgspec

from heliograph.domain.device import Tombstone
from heliograph.domain.error_body import error_body
from heliograph.protocol import Gone
from heliograph.protojson.errors import Code, HeliographError

OK = 200
GONE = 410
INTERNAL_ERROR = 500

HTTP_STATUS = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.FAILED_PRECONDITION: 409,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
}
"""Google's mapping but for FAILED_PRECONDITION: to a phone, 400 means "never again", 409 "not (any more)" (docs/device-protocol.md)."""

RETRY_AFTER_S = 1
"""For 429 and 503 without their own; the phone adds its own jitter."""

Headers = tuple[tuple[bytes, bytes], ...]

encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """Status, JSON body and further headers of an answer; a WebSocket frame carries the first two."""

    status: int
    body: bytes
    headers: Headers = ()


EMPTY = Answer(OK, b"{}")


def answer_to_error(error: HeliographError) -> Answer:
    """The error in Google's form."""
    status = HTTP_STATUS.get(error.code, INTERNAL_ERROR)
    headers: Headers = ()
    if error.code is Code.UNAUTHENTICATED:
        headers = ((b"www-authenticate", b'Bearer realm="heliograph-device"'),)
    elif error.code in {Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE}:
        headers = ((b"retry-after", b"%d" % (error.retry_after_s or RETRY_AFTER_S)),)
    return Answer(status, error_body(error, status), headers)


def answer_of_tombstone(tombstone: Tombstone) -> Answer:
    """410 with the device's last order."""
    return Answer(GONE, encode(Gone(last_order=tombstone.last_order)))


def come_again(device: str, within_ms: int) -> int:
    """How many milliseconds a device shall wait before it comes again: spread over devices by name, for no dice are rolled here."""
    return 1 + zlib.crc32(device.encode()) % within_ms  # 0 would mean: no hint

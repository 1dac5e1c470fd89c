"""Whatever reads what a caller gives: four times as much of the worst takes about four times as long, never sixteen times."""

import base64
import gc
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from heliograph.api.http.http_compat import gunzip
from heliograph.api.http.multipart import boundary_of, first_call, parse_batch
from heliograph.api.http.query import PageQuery, parse_query, read_own
from heliograph.api.http.sending import accepts_gzip
from heliograph.api.method import MethodTable
from heliograph.api.methods import AMAPI_METHODS
from heliograph.api.selectable import selection_of
from heliograph.channel.messages import read_acknowledge, read_enroll, read_frame, read_hello, read_report, read_status_report
from heliograph.commands import ENVELOPE
from heliograph.domain.activation_code import activation_code_problems
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.device import Device
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.enterprise import violations as of_enterprise
from heliograph.domain.error_body import error_body
from heliograph.domain.filters import parse_filter
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.paging import decode_page_token
from heliograph.domain.policy import violations as of_policy
from heliograph.domain.policy_messages import Policy
from heliograph.domain.request_id import request_id_of
from heliograph.domain.sign_up import email_objection
from heliograph.domain.sign_up import violations as of_sign_up
from heliograph.protojson.errors import HeliographError, InvalidArgument, Violations
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.protojson.messages import decode_message
from heliograph.protojson.times import parse_duration_ns, parse_timestamp_ns
from heliograph.service.callers import read_token

LARGER = 4
LINEAR_MOST = 9.0
"""Halfway, on a scale of powers, between four times and sixteen times as long."""
CLOCK_S = 0.004
"""What the clock, the caches and a busy neighbour may add."""
ROUNDS = 4


class Reader(NamedTuple):
    """What reads, and its input of size n."""

    read: Callable[[Any], object]
    worst: Callable[[int], Any]
    size: int
    """Of the smaller input."""


def _batch(body: bytes) -> object:
    return parse_batch(body, b"b")


def _part(text: bytes) -> bytes:
    return b"--b\nContent-Type: application/http\n" + text + b"\n--b--"


def _command(body: bytes) -> object:
    return ENVELOPE.decode(body)


def _strict_command(body: bytes) -> object:
    return ENVELOPE.decode(body, behaviour=Behaviour.STRICT)


def _policy(body: bytes) -> object:
    return Violations(of_policy(decode_message(Policy, body, root="policy")))


def _enterprise(body: bytes) -> object:
    return Violations(of_enterprise(decode_message(Enterprise, body, root="enterprise")))


def _device_fields(text: str) -> object:
    return selection_of(text, Device)


def _mask(text: str) -> object:
    return parse_field_mask(text, of=Device)


def _path(text: str) -> object:
    return MethodTable(AMAPI_METHODS, prefix="/v1/").find("GET", text)


def _page_token(text: str) -> object:
    return decode_page_token(b"key", "query", token=text)


def _key(text: str) -> object:
    return request_id_of(idempotency_key=text, request_id=text)


def _domain(text: str) -> object:
    return [*of_sign_up(callback_url=text, admin_email="", allowed_domains=[text])]


def _query(text: bytes) -> object:
    query = parse_query(text)
    return read_own(PageQuery, query.own)


def _members(count: int, first: int = 0) -> bytes:
    return b",".join(b'"n%d":1' % number for number in range(first, first + count))


def _list(element: bytes) -> Callable[[int], bytes]:
    return lambda n: b'{"resetPasswordFlags":[' + b",".join([element] * (n // (len(element) + 1))) + b"]}"


READERS = {
    "a batch's header of spaces": Reader(_batch, lambda n: _part(b"X: y" + b" " * n + b"x\n\nGET /"), 8_000),
    "a batch's header of colons": Reader(_batch, lambda n: _part(b":" * n + b"\n\nGET /"), 8_000),
    "a batch's folded header": Reader(_batch, lambda n: _part(b"X: y" + b"\n " * (n // 2) + b"\n\nGET /"), 8_000),
    "a batch's empty lines": Reader(_batch, lambda n: _part(b"\n" + b"\r\n" * n), 100_000),
    "a batch's carriage returns": Reader(_batch, lambda n: _part(b"\n" + b"\r" * n), 100_000),
    "a batch's request line": Reader(_batch, lambda n: _part(b"\nGET /" + b"a" * n), 4_000),
    "a batch's request line of spaces": Reader(_batch, lambda n: _part(b"\nGET / HTTP/1" + b" " * n + b"x"), 100_000),
    "a batch's boundaries": Reader(_batch, lambda n: b"--b" * n, 100_000),
    "a batch's boundaries with spaces": Reader(_batch, lambda n: b"\n--b" + b" " * n + b"x", 100_000),
    "a batch's ids": Reader(
        _batch, lambda n: b"".join(b"--b\nContent-ID: %d\n\n" % number for number in range(min(n, 1_000))) + b"--b--", 250
    ),
    "a batch's beginning": Reader(lambda body: first_call(body, b"b"), lambda n: b"--b\n" + b" \n" * n, 8_000),
    "a boundary": Reader(boundary_of, lambda n: b'multipart/mixed; boundary="' + b"boundary=" * n, 4_000),
    "fields of spaces": Reader(_device_fields, lambda n: "name" + " " * n, 4_000),
    "fields of names": Reader(_device_fields, lambda n: "a," * n + "a", 2_000),
    "fields of stars": Reader(_device_fields, lambda n: "*(" + "a," * n + "a)", 2_000),
    "fields of slashes": Reader(_device_fields, lambda n: "*/" * n + "a", 2_000),
    "fields of parentheses": Reader(_device_fields, lambda n: "a(" * n + "a" + ")" * n, 2_000),
    "fields one below the other": Reader(_device_fields, lambda n: "hardwareInfo/model,hardwareInfo(brand)," * n + "name", 200),
    "a query of parameters": Reader(_query, lambda n: b"a=1&" * n, 4_000),
    "a query of percent signs": Reader(_query, lambda n: b"a=" + b"%" * n, 4_000),
    "a query of one long value": Reader(_query, lambda n: b"pageSize=" + b"9" * n, 4_000),
    "a filter of parentheses": Reader(parse_filter, lambda n: "(" * n, 500),
    "a filter of negations": Reader(parse_filter, lambda n: "-" * n, 500),
    "a filter of spaces": Reader(parse_filter, lambda n: "done" + " " * n + "!", 500),
    "a filter of quotes": Reader(parse_filter, lambda n: 'type="' + "\\'" * (n // 2), 500),
    "a filter of comparisons": Reader(parse_filter, lambda n: "done:* " * (n // 7), 500),
    "a mask of commas": Reader(_mask, lambda n: "," * n, 20_000),
    "a mask of dots": Reader(_mask, lambda n: "hardwareInfo." * n, 2_000),
    "a mask of capitals": Reader(_mask, lambda n: "A" * n, 20_000),
    "a name": Reader(DeviceName.parse, lambda n: "a/" * n, 20_000),
    "an operation's name": Reader(OperationName.parse, lambda n: "enterprises/e/devices/d/operations/" + "9" * n, 20_000),
    "a path": Reader(_path, lambda n: "enterprises/" * n, 20_000),
    "a path of percent signs": Reader(_path, lambda n: "enterprises/" + "%41" * n, 20_000),
    "JSON: unknown names": Reader(_command, lambda n: b"{" + _members(n) + b"}", 5_000),
    "JSON: one name twice": Reader(_command, lambda n: b"{" + _members(n) + b"," + _members(1) + b"}", 5_000),
    "JSON: every name twice": Reader(_command, lambda n: b"{" + _members(n) + b"," + _members(n) + b"}", 2_000),
    "JSON: one name again and again": Reader(_command, lambda n: b"{" + b",".join([b'"type":"LOCK"'] * n) + b"}", 5_000),
    "JSON: a long name": Reader(_command, lambda n: b'{"' + b"a" * n + b'":1}', 200_000),
    "JSON: a long value": Reader(_command, lambda n: b'{"type":"' + b"A" * n + b'"}', 200_000),
    "JSON: escapes": Reader(_command, lambda n: b'{"a":"' + b"\\n" * n + b'"}', 50_000),
    "JSON: surrogates": Reader(_command, lambda n: b'{"a":"' + b"\\ud83d\\ude00" * n + b'"}', 20_000),
    "JSON: an open string": Reader(_command, lambda n: b'{"a":"' + b"\\" * n, 50_000),
    "JSON: spaces": Reader(_command, lambda n: b'{"a"' + b" " * n, 200_000),
    "JSON: a word": Reader(_command, lambda n: b'{"a":' + b"e" * n, 200_000),
    "JSON: digits": Reader(_command, lambda n: b'{"a":' + b"9" * n + b"}", 200_000),
    "JSON: open brackets": Reader(_command, lambda n: b"[" * n, 200_000),
    "JSON: brackets": Reader(_command, lambda n: b'{"a":[' + b"[]," * n + b"1]}", 20_000),
    "JSON: wrong names in a list": Reader(_command, _list(b'"x"'), 100_000),
    "JSON: wrong names in a list, strictly": Reader(_strict_command, _list(b'"x"'), 100_000),
    "JSON: nulls in a list": Reader(_command, _list(b"null"), 100_000),
    "JSON: numbers in quotes in a list": Reader(_command, _list(b'"2"'), 100_000),
    "JSON: lists in a list": Reader(_command, _list(b"[1,[2]]"), 40_000),
    "JSON: a list deep in lists": Reader(
        _command, lambda n: b'{"resetPasswordFlags":' + b"[" * 90 + b"1," * n + b"1" + b"]" * 90 + b"}", 20_000
    ),
    "JSON: numbers in a list": Reader(_command, _list(b"1.5"), 100_000),
    "JSON: objects in a list": Reader(_command, _list(b"{}"), 100_000),
    "JSON: a duration": Reader(_command, lambda n: b'{"duration":"' + b"9" * n + b's"}', 200_000),
    "languages": Reader(
        _command,
        lambda n: (
            b'{"startLostModeParams":{"lostMessage":{"defaultMessage":"x","localizedMessages":{'
            + b",".join(b'"q%d":""' % number for number in range(n))
            + b"}}}}"
        ),
        5_000,
    ),
    "one package again and again": Reader(_policy, lambda n: b'{"applications":[' + b",".join([b'{"packageName":"a"}'] * n) + b"]}", 2_000),
    "packages": Reader(
        _policy, lambda n: b'{"applications":[' + b",".join(b'{"packageName":"a%d"}' % number for number in range(n)) + b"]}", 2_000
    ),
    "a deep configuration": Reader(
        _policy, lambda n: b'{"applications":[{"managedConfiguration":{"a":' + b"[" * n + b"]" * n + b"}}]}", 50_000
    ),
    "terms": Reader(_enterprise, lambda n: b'{"termsAndConditions":[' + b"{}," * n + b"1]}", 10_000),
    "a web token of dots": Reader(read_token, lambda n: "." * n, 20_000),
    "a web token": Reader(read_token, lambda n: "e30." + "A" * n + ".A", 2_000),
    "an activation code": Reader(activation_code_problems, lambda n: "LPA:1$" + "a-" * n + "$", 60),
    "a page token": Reader(_page_token, lambda n: base64.b64encode(b"x" * n).decode(), 50_000),
    "a request's key": Reader(_key, lambda n: "x " * n, 20_000),
    "an email address": Reader(lambda text: email_objection(text, ()), lambda n: "a@" + "a-" * n, 60),
    "a domain": Reader(_domain, lambda n: "a" + ".a-" * n, 20_000),
    "a time": Reader(parse_timestamp_ns, lambda n: "0001-01-01T" + "+" * n, 50_000),
    "a span of time": Reader(parse_duration_ns, lambda n: "1." + "0" * n + "s", 50_000),
    "Accept-Encoding": Reader(accepts_gzip, lambda n: b"gzip;q= 0," * n, 4_000),
    "a gzip of empty ones": Reader(
        lambda body: gunzip(body, max_bytes=1_000), lambda n: base64.b64decode("H4sIAAAAAAACAwMAAAAAAAAAAAA=") * n, 2_000
    ),
    "an enrolment's names": Reader(read_enroll, lambda n: b'{"enrollmentToken":"t","report":{' + _members(n) + b"}}", 3_000),
    "an enrolment's elements": Reader(read_enroll, lambda n: b'{"report":{"hardwareInfo":{"model":[' + b"{}," * n + b"1]}}}", 10_000),
    "a hello": Reader(read_hello, lambda n: b'{"inFlight":[' + b"{}," * n + b"1]}", 10_000),
    "an acknowledgement": Reader(read_acknowledge, lambda n: b'{"ackId":"' + b"a" * n + b'"}', 40_000),
    "a report": Reader(read_report, lambda n: b'{"status":' + b"[" * n, 40_000),
    "a status report": Reader(read_status_report, lambda n: b'{"report":{' + b'"a":1,' * n + b'"b":1}}', 10_000),
    "a frame": Reader(read_frame, lambda n: b'{"kind":"' + b"'" * n + b'","body":{}', 40_000),
}


def seconds(reader: Reader, given: object) -> float:
    """CPU seconds of this thread in the fastest round: what others do on the machine counts as little as can be."""
    found = []
    for _ in range(ROUNDS):
        gc.disable()
        began = time.thread_time()
        try:
            with suppress(HeliographError, ValueError):
                reader.read(given)
            found.append(time.thread_time() - began)
        finally:
            gc.enable()
    return min(found)


@pytest.mark.parametrize("name", READERS)
def test_reading_takes_time_in_proportion_to_what_is_given(name: str) -> None:
    reader = READERS[name]

    small, large = seconds(reader, reader.worst(reader.size)), seconds(reader, reader.worst(reader.size * LARGER))

    assert large <= LINEAR_MOST * small + CLOCK_S, (small, large)


@pytest.mark.parametrize("name", READERS)
def test_a_refusal_is_never_as_long_as_what_it_refuses(name: str) -> None:
    reader = READERS[name]

    try:
        reader.read(reader.worst(reader.size * LARGER))
    except InvalidArgument as refusal:
        body = error_body(refusal, 400, v1_reason="badRequest")
    except (HeliographError, ValueError):
        body = b""
    else:
        body = b""

    assert len(body) <= 57_344

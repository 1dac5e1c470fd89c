"""The phones' hot lane says what their app says, byte for byte, however a message comes; and the same is known of it afterwards.

One device app listens on two sockets: at one its lane is open, at the other it is not. A message may be repeated without harm, so each is
said at both.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.api.http.failures import outermost
from heliograph.channel.app import Channel
from heliograph.channel.session import AT_ONCE
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import State
from heliograph.protocol import Enroll
from heliograph.service.devices import delete_device
from heliograph.service.limits import Limits
from heliograph.service.phones import enroll_device
from tests.api.live import Live, live_server, settings_for
from tests.api.two_sockets import Both, two_sockets
from tests.service.world import facts

ACK, OTHER_ACK = "a" * 32, "b" * 32
PIECES_MOST = 8


@dataclass
class Phones:
    """Both ways into the device app, and phones of one enterprise that have commands."""

    both: Both
    enterprise: str
    numbers: "itertools.count[int]"

    @property
    def live(self) -> Live:
        """The server."""
        return self.both.live

    def enroll(self) -> "Enrolled":
        """A new phone."""
        credential = f"{next(self.numbers):064x}"
        token = self.live.post(f"/v1/{self.enterprise}/enrollmentTokens", {"policyName": "default"}).json["value"]
        hashed = hashlib.sha256(credential.encode()).hexdigest()
        message = Enroll(enrollment_token=token, installation_id=credential, credential_hash=hashed, report=facts(serial=credential))
        return Enrolled(self.live.run(enroll_device(self.live.ports, message)).name, credential)

    def issue(self, phone: "Enrolled", kind: str = "LOCK") -> str:
        """The name of a new operation."""
        return str(self.live.post(f"/v1/{phone.name}:issueCommand", {"type": kind, "duration": "99999s"}).json["name"])

    def state(self, operation: str) -> State | None:
        """How the operation stands."""
        found = self.live.run(self.live.ports.store.operation(OperationName.parse(operation)))
        return found.state if found is not None else None


@dataclass(frozen=True)
class Enrolled:
    """A phone."""

    name: str
    credential: str


@dataclass(frozen=True)
class Said:
    """A request of a phone."""

    credential: str
    path: str
    body: bytes = b""
    method: str = "POST"
    version: str = "1.1"
    fields: tuple[bytes, ...] = ()
    chunk: int = 0
    """Bytes a chunk; 0: with a length."""

    def rendered(self) -> bytes:
        """Its bytes."""
        head = [f"{self.method} /device/v1/{self.path} HTTP/{self.version}".encode(), b"Host: x", *self.fields]
        if self.credential:
            head.append(f"Authorization: Bearer {self.credential}".encode())
        if not self.chunk:
            return b"\r\n".join([*head, b"Content-Length: %d" % len(self.body), b"", self.body])
        pieces = [self.body[at : at + self.chunk] for at in range(0, len(self.body), self.chunk)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return b"\r\n".join([*head, b"Transfer-Encoding: chunked", b"", chunks]) + b"0\r\n\r\n"


def acknowledge(phone: Enrolled, operation: str, ack_id: str = ACK) -> Said:
    """An acknowledgement."""
    return Said(phone.credential, f"{operation}:acknowledge", b'{"ackId":"%b"}' % ack_id.encode())


def report(phone: Enrolled, operation: str, state: str = "SUCCEEDED", ack_id: str = ACK) -> Said:
    """The first report."""
    return Said(phone.credential, f"{operation}:report", b'{"ackId":"%b","seq":1,"state":"%b"}' % (ack_id.encode(), state.encode()))


MESSAGES: dict[str, Callable[[Enrolled, str], Said]] = {"acknowledge": acknowledge, "report": report}


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    """A server with both ways."""
    limits = Limits(open_operations_most=1_000_000)
    with live_server(settings_for(tmp_path_factory.mktemp("data"), limits=limits)) as live:
        channel = Channel(live.ports.clock)
        app = outermost(channel.app(live.ports, address_of=lambda _: "192.0.2.1"))
        lane = channel.lane(live.ports, address_of=lambda _: "192.0.2.1", around=outermost)
        with two_sockets(live, app, lane, "") as both:
            yield Phones(both, live.enterprise(), itertools.count(1))


@pytest.fixture(scope="module")
def known(phones: Phones) -> dict[str, str]:
    """What requests of the fuzz are filled with: two phones, and operations of the first in each state that a message may meet."""
    phone, stranger = phones.enroll(), phones.enroll()
    operations = {name: phones.issue(phone) for name in ("queued", "acknowledged", "ended", "cancelled")}
    both = phones.both
    both.said(both.app, acknowledge(phone, operations["acknowledged"]).rendered())
    both.said(both.app, acknowledge(phone, operations["ended"]).rendered() + report(phone, operations["ended"]).rendered())
    phones.live.post(f"/v1/{operations['cancelled']}:cancel", {})
    return {
        "phone": phone.credential,
        "stranger": stranger.credential,
        "unknown": "f" * 64,
        "nonsense": "x",
        "none": "",
        **operations,
        "another's": phones.issue(stranger),
        "no such": f"{phone.name}/operations/1",
        "never made": f"{phone.name}/operations/01",
        "no name": "operations/1",
        "empty": "",
    }


CREDENTIALS = ["phone", "phone", "phone", "phone", "stranger", "unknown", "nonsense", "none"]
OPERATIONS = ["queued", "acknowledged", "ended", "cancelled", "queued", "another's", "no such", "never made", "no name", "empty"]
KINDS = ["acknowledge", "acknowledge", "report", "report", "refuse", "begin", "hello", "ping", "nothing"]
BODIES = [
    b'{"ackId":"%b"}' % ACK.encode(),
    b'{"ackId":"%b","needCommand":true}' % ACK.encode(),
    b'{"ackId":"%b","evidence":null,"unknown":[1]}' % ACK.encode(),
    b'{"ackId":"%b","seq":1,"state":"SUCCEEDED"}' % ACK.encode(),
    b'{"ackId":"%b","seq":1,"state":"SUCCEEDED"}' % OTHER_ACK.encode(),
    b'{"ackId":"%b","seq":1,"state":"PROGRESS"}' % ACK.encode(),
    b'{"ackId":"%b","seq":1,"state":"NOT_STARTED"}' % ACK.encode(),
    b'{"ackId":"%b","seq":0,"state":"SUCCEEDED"}' % ACK.encode(),
    b'{"ackId":"%b","seq":1,"state":"FAILED","errorCode":"NO_SUCH"}' % ACK.encode(),
    b'{"ackId":"%b","seq":1,"state":"SUCCEEDED","operation":"x"}' % ACK.encode(),
    b'{"ackId":"%b"}' % OTHER_ACK.encode(),
    b'{"ackId":"A"}',
    b'{"ackId":',
    b"",
    b"[]",
    b"\xff\xfe",
    b'{"ackId":"%b"}' % ACK.encode() + b" " * 70_000,
]
FIELDS = [
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: Upgrade\r\nUpgrade: something",
    b"Heliograph-Connection: c",
    b"Heliograph-Connection: \xff",
    b"Origin: http://page.example",
    b"X-HTTP-Method-Override: GET",
    b"Content-Encoding: gzip",
    b"Accept-Encoding: gzip",
]
QUERIES = ["", "", "?x=y", "?alt=media"]

HOT = st.tuples(st.just("phone"), st.sampled_from(OPERATIONS[:4]), st.sampled_from(["acknowledge", "report"]), st.just(""))
ANY = st.tuples(st.sampled_from(CREDENTIALS), st.sampled_from(OPERATIONS), st.sampled_from(KINDS), st.sampled_from(QUERIES))
REQUESTS = st.tuples(
    HOT | ANY,
    st.builds(
        Said,
        st.just(""),
        st.just(""),
        st.sampled_from(BODIES[:4]) | st.sampled_from(BODIES),
        st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT"]),
        st.sampled_from(["1.1", "1.1", "1.1", "1.0"]),
        st.lists(st.sampled_from(FIELDS), max_size=2, unique=True).map(tuple),
        st.sampled_from([0, 0, 1, 7, 4_000]),
    ),
)


def filled(known: dict[str, str], request: tuple[tuple[str, str, str, str], Said]) -> bytes:
    """The request's bytes."""
    (credential, operation, kind, query), said = request
    path = (f"{known[operation]}:{kind}" if operation != "empty" else kind) + query
    return Said(known[credential], path, said.body, said.method, said.version, said.fields, said.chunk).rendered()


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.lists(REQUESTS, min_size=1, max_size=4), st.lists(st.integers(0, 100_000), max_size=PIECES_MOST))
def test_both_ways_answer_the_same_bytes(phones: Phones, known: dict[str, str], requests: list[Any], cuts: list[int]) -> None:
    data = b"".join(filled(known, request) for request in requests)

    assert phones.both.compare(data, cuts).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("kind", AT_ONCE)
def test_a_message_cut_at_any_byte_is_answered_the_same(phones: Phones, kind: str) -> None:
    phone = phones.enroll()
    operation = phones.issue(phone)
    phones.both.compare(acknowledge(phone, operation).rendered())
    data = MESSAGES[kind](phone, operation).rendered()
    whole = phones.both.compare(data)

    for cut in range(1, len(data), 3):
        assert whole == phones.both.said(phones.both.hot, data, [cut])


@pytest.mark.parametrize("kind", AT_ONCE)
def test_the_lane_takes_what_waits_for_one_rule(phones: Phones, kind: str) -> None:
    phone = phones.enroll()
    operation = phones.issue(phone)
    phones.both.compare(acknowledge(phone, operation).rendered())
    before = phones.both.taking.count

    said = phones.both.said(phones.both.hot, MESSAGES[kind](phone, operation).rendered())

    assert said.startswith(b"HTTP/1.1 200 ")
    assert before + 1 == phones.both.taking.count
    assert (State.ACKNOWLEDGED if kind == "acknowledge" else State.SUCCEEDED) is phones.state(operation)


def test_what_a_rule_refuses_is_refused_in_the_same_words(phones: Phones) -> None:
    """And what another message must find out is found out: the lane has taken these requests, and a task goes on with them."""
    phone = phones.enroll()
    mine, wipe = phones.issue(phone), phones.issue(phone, "WIPE")
    refused = {
        "of a queued command, that nothing was begun": (report(phone, mine, "NOT_STARTED"), b"409"),
        "a command that was never issued": (acknowledge(phone, f"{phone.name}/operations/7"), b"404"),
        "of a command that its acknowledgement ends, before that": (report(phone, wipe), b"409"),
        "the end at the acknowledgement": (acknowledge(phone, wipe), b"200"),
        "the order, asked for again": (acknowledge(phone, wipe), b"200"),
        "after the order": (report(phone, mine), b"410"),
    }  # fmt: skip
    taken, statuses = [], []
    for said, _ in refused.values():
        before = phones.both.taking.count
        statuses.append(phones.both.said(phones.both.hot, said.rendered())[9:12])
        taken.append(phones.both.taking.count - before)
        phones.both.compare(said.rendered())

    assert [status for _, status in refused.values()] == statuses
    assert [1, 1, 1, 1, 0, 0] == taken  # a device that is gone is not at hand
    assert State.SUCCEEDED is phones.state(wipe)


def not_taken(phones: Phones) -> dict[str, Said]:
    """Requests for the app."""
    phone, stranger = phones.enroll(), phones.enroll()
    operation, gone = phones.issue(phone), phones.enroll()
    left = phones.issue(gone)
    phones.live.run(delete_device(phones.live.ports, DeviceName.parse(gone.name)))
    usual = acknowledge(phone, operation)
    return {
        "another method": Said(phone.credential, usual.path, usual.body, "PUT"),
        "another message": Said(phone.credential, f"{operation}:refuse", b'{"errorCode":"UNKNOWN"}'),
        "a message of the device": Said(phone.credential, "hello", b"{}"),
        "no operation in the path": Said(phone.credential, "acknowledge", usual.body),
        "no credential": Said("", usual.path, usual.body),
        "another's credential": Said(stranger.credential, usual.path, usual.body),
        "a device that is gone": Said(gone.credential, f"{left}:acknowledge", usual.body),
        "a message that cannot be read": Said(phone.credential, usual.path, b"{"),
        "too large": Said(phone.credential, usual.path, usual.body + b" " * 70_000),
        "a word wanted first": Said(phone.credential, usual.path, usual.body, fields=(b"Expect: 100-continue",)),
    }


def test_what_is_not_hot_goes_to_the_app(phones: Phones) -> None:
    taken = {}
    for name, said in not_taken(phones).items():
        before = phones.both.taking.count
        phones.both.compare(said.rendered())
        taken[name] = phones.both.taking.count - before

    assert dict.fromkeys(taken, 0) == taken


def test_the_same_is_recorded_of_both(phones: Phones) -> None:
    """Who acted, from where, by which message; and what was refused."""
    recorded = []
    for port in (phones.both.app, phones.both.hot):
        phone = phones.enroll()
        operation = phones.issue(phone)
        for said in (acknowledge(phone, operation), report(phone, operation, ack_id=OTHER_ACK), report(phone, operation)):
            phones.both.said(port, said.rendered())
        recorded.append(re.sub(r"\d{4}-\d\d-\d\dT[^\"]+|operations/\d+", "*", phones_entries(phones, phone)))

    assert recorded[0] == recorded[1]
    assert "device.acknowledge" in recorded[0]
    assert "OTHER_ACK_ID" in recorded[0]
    assert "192.0.2.1" in recorded[0]


def phones_entries(phones: Phones, phone: Enrolled) -> str:
    """The audit entries of what the phone said, as JSON, its name left out."""
    found = phones.live.call("GET", f"/heliograph/v1/{phones.enterprise}/auditEntries").json["auditEntries"]
    of_phone = [{**entry, "name": "", "hash": "", "previousHash": ""} for entry in found if phone.name in str(entry)]
    return json.dumps([entry for entry in of_phone if "device." in str(entry)]).replace(phone.name, "D")

"""docs/device-protocol/: an example of each message, as a real server answered it to what the phone's own code sent; and wrong ones."""

import asyncio
import base64
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from heliograph.agent.client import Socket, bearer
from heliograph.agent.command_run import raw_evidence
from heliograph.agent.profiles import PROFILES
from heliograph.agent.sealed_commands import new_private_key, public_key_of
from heliograph.agent.transport import KIND_OF, Reply
from heliograph.agent.virtual_phone import VirtualExecutor, VirtualPhone
from heliograph.channel import messages
from heliograph.channel.answer import encode
from heliograph.commands import ENVELOPE
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName, PolicyName
from heliograph.domain.policy_messages import Policy
from heliograph.domain.web_push import PushKeys
from heliograph.protocol import (
    VERSIONS,
    Acknowledge,
    ApplicationServer,
    Begin,
    Enroll,
    Hello,
    InFlight,
    InFlightState,
    KeepAlive,
    Message,
    OrderCarriedOut,
    Ping,
    PushSubscription,
    Refuse,
    Report,
    ReportState,
    StatusReport,
    UsageLogs,
)
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message, encode_message
from heliograph.protojson.times import parse_timestamp_us
from heliograph.sandbox.app_client import AppClient
from heliograph.sandbox.clock import AdvancingClock, PhoneClock
from heliograph.server.in_memory import Neighbourhood, assembled_in_memory, memory_template
from heliograph.service.devices import delete_device
from heliograph.service.enrollment_tokens import create_enrollment_token
from heliograph.service.enterprises import create_enterprise
from heliograph.service.issue_command import issue_command
from heliograph.service.operations import cancel_operation
from heliograph.service.phones import hash_credential
from heliograph.service.policies import patch_policy
from heliograph.service.ports import Ports
from heliograph.settings import Admission, Settings

NOW: Final = "2030-01-01T00:00:00Z"
LATER: Final = "2030-01-01T00:00:05Z"
ENTERPRISE: Final = EnterpriseName("LC01ab")
PROFILE: Final = "pixel8-a15-fully-managed"
CODE: Final = "LPA:1$smdp.example.com$FLEET-PLAN"
SEALED: Final = "secrets"
"""HPKE makes another ciphertext each time: what was published once is kept."""


def _read_frame(body: bytes) -> None:
    """The frame, and the message in it.  Raises: InvalidArgument."""
    frame = messages.read_frame(body)
    name = next((message.__name__ for message, kind in KIND_OF.items() if kind == frame.kind and message is not Enroll), "")
    if not name:
        raise InvalidArgument("Unknown kind of message.")
    if not isinstance(msgspec.json.decode(frame.body), dict):
        raise InvalidArgument("Invalid JSON message: Expected `object`")
    READERS.get(name, bytes)(bytes(frame.body))


READERS: Final[Mapping[str, Callable[[bytes], object]]] = {
    "Enroll": messages.read_enroll, "Hello": messages.read_hello, "Acknowledge": messages.read_acknowledge, "Begin": messages.read_begin,
    "Refuse": messages.read_refuse, "Report": messages.read_report, "StatusReport": messages.read_status_report,
    "UsageLogs": messages.read_usage_logs, "Ping": messages.read_ping, "PushSubscription": messages.read_push_subscription,
    "PhoneFrame": _read_frame,
}  # fmt: skip
"""How the server reads what has fields to be read."""
ABSENT: Final = object()
WRONG: Final[Sequence[tuple[str, str, Any]]] = (
    ("Enroll", "credentialHash", "90AE63D6"),
    ("Enroll", "report", ABSENT),
    ("Hello", "inFlight", [{"operation": "…", "ackId": "…"}]),
    ("Hello", "protocolVersions", "1"),
    ("Hello", "keepAlive", {"everyS": 0}),
    ("Acknowledge", "ackId", ABSENT),
    ("Acknowledge", "needCommand", "yes"),
    ("Begin", "ackId", "0F1E2D3C4B5A69788796A5B4C3D2E1F0"),
    ("Refuse", "message", 17),
    ("Report", "seq", 0),
    ("Report", "state", "DONE"),
    ("StatusReport", "report", ABSENT),
    ("UsageLogs", "events", {}),
    ("Ping", "keepAlive", {"everyS": "300"}),
    ("PushSubscription", "keys", []),
    ("PhoneFrame", "kind", ABSENT),
)
"""In which message which field is what it must not be."""
Examples = dict[str, Any]


class Conversation:
    """Of one phone with a server in this process; keeps an example of every message that is said."""

    def __init__(self, client: AppClient, entropy: random.Random) -> None:
        self.examples: Examples = {}
        self.credential = f"{entropy.getrandbits(256):064x}"
        self._client = client

    async def say(self, message: Message, answered_by: str, *, credential: str | None = None, status: int = 200) -> Any:  # noqa: ANN401
        """The answer, an example of `answered_by`."""
        kind, body = KIND_OF[type(message)], encode_message(message)
        operation = getattr(message, "operation", "")
        path = f"{operation}:{kind}" if operation else kind
        reply = await self._client.post(path, body, bearer(self.credential if credential is None else credential))
        self.examples[type(message).__name__] = json.loads(body)
        return self._heard(reply, answered_by, status)

    async def poll(self, example: str, *, status: int = 200) -> Any:  # noqa: ANN401 - JSON
        """What a poll brings, an example of `example`."""
        reply = await self._client.get("commands", bearer(self.credential), within_s=30)
        return self._heard(reply, example, status)

    def _heard(self, reply: Reply, example: str, status: int) -> Any:  # noqa: ANN401 - JSON
        if reply.status != status:
            raise RuntimeError(f"{reply.status} instead of {example}: {reply.body!r}")
        self.examples[example] = answer = json.loads(reply.body)
        return answer

    async def over_web_socket(self, message: Message) -> None:
        """The same over a WebSocket: a frame of either side."""
        socket: Socket = await self._client.web_socket(bearer(self.credential))
        frame = {"id": 1, "kind": KIND_OF[type(message)], "body": json.loads(encode_message(message))}
        await socket.send_str(json.dumps(frame))
        self.examples["PhoneFrame"] = frame
        self.examples["ServerFrame"] = json.loads((await socket.receive()).data)
        await socket.close()


def examples() -> Mapping[str, Any]:
    """An example of every message, by its name: the same each time, but for a ciphertext."""
    return asyncio.run(_examples())


def wrong_examples(right: Mapping[str, Any]) -> dict[str, Any]:
    """Messages that the server rejects, by the names of their files, with its words."""
    made = {}
    for message, name, value in WRONG:
        body = {key: one for key, one in right[message].items() if key != name} | ({} if value is ABSENT else {name: value})
        made[f"{message}-{name}"] = {"message": message, "body": body, "error": _rejected(message, body)}
    return made


def _rejected(message: str, body: object) -> str:
    try:
        READERS[message](json.dumps(body).encode())
    except InvalidArgument as error:
        return error.message
    raise AssertionError(f"the server takes it: {message} {body}")


def kept(made: Any, path: Path) -> str:  # noqa: ANN401 - JSON
    """The example as text; with the ciphertext that was published, if nothing else is new."""
    text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    if path.exists() and SEALED in text:
        published = json.loads(path.read_text(encoding="utf-8"))
        if _without_ciphertext(published) == _without_ciphertext(made):
            return path.read_text(encoding="utf-8")
    return text


def _without_ciphertext(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_ciphertext(one) for name, one in value.items() if name != SEALED}
    return [_without_ciphertext(one) for one in value] if isinstance(value, list) else value


async def _examples() -> Examples:
    clock = AdvancingClock(starts_us=parse_timestamp_us(NOW))
    settings = Settings(data_dir=Path(), admission=Admission.STRANGERS)
    async with assembled_in_memory(
        settings,
        memory_template(clock.now_us()),
        clock=clock,
        chance=random.Random,
        around=lambda channel: Neighbourhood(doorbell=channel.doorbell, presence=channel.presence),
    ) as parts:
        await create_enterprise(parts.ports, Enterprise(), enterprise_id=ENTERPRISE.enterprise)
        await patch_policy(
            parts.ports, PolicyName(ENTERPRISE.enterprise, "default"), decode_message(Policy, {"cameraDisabled": True}, root=""), None
        )
        entropy = random.Random("the phone")  # noqa: S311 - the same examples each time
        phone = VirtualPhone(PROFILES[PROFILE].phone("R58M12ABCDE"), clock=PhoneClock(clock, "phone"), chance=entropy)
        said = Conversation(AppClient(lambda: parts.app), entropy)
        name = await _connected(said, parts.ports, phone, entropy)
        await _commands(said, parts.ports, name, entropy)
        await _gone(said, parts.ports, name)
    return said.examples


async def _connected(said: Conversation, ports: Ports, phone: VirtualPhone, entropy: random.Random) -> DeviceName:
    executor, key = VirtualExecutor(phone), public_key_of(new_private_key(entropy))
    token = await create_enrollment_token(ports, ENTERPRISE, EnrollmentToken())
    enroll = Enroll(
        enrollment_token=token.value, installation_id=f"{entropy.getrandbits(64):016x}", public_key=key, report=phone.report(),
        credential_hash=hash_credential(said.credential).hex(), serial=phone.device.serial,
        evidence=raw_evidence(after=executor.look_at_enrolment()),
    )  # fmt: skip
    name = DeviceName.parse((await said.say(enroll, "Enrolled", credential=""))["name"])
    hello = Hello(protocol_versions=VERSIONS, keep_alive=KeepAlive(every_s=240), public_key=key)
    await said.over_web_socket(hello)
    await said.say(hello, "Greeting")
    said.examples["KeepAlive"] = said.examples["Greeting"]["keepAlive"]
    await said.say(StatusReport(report=phone.report()), "PhonePolicy")
    event = {"eventId": "1893456005000000", "eventTime": LATER, "eventType": "LOST_MODE_LOCATION",
             "lostModeLocationEvent": {"location": {"latitude": 52.52, "longitude": 13.405}, "batteryLevel": 80}}  # fmt: skip
    await said.say(UsageLogs(retrieval_time=LATER, events=(msgspec.Raw(msgspec.json.encode(event)),)), "Ok")
    await said.say(Ping(keep_alive=KeepAlive(every_s=360)), "Pong")
    point = base64.urlsafe_b64encode(bytes.fromhex(key)).decode().rstrip("=")
    keys = PushKeys(p256dh=point, auth=base64.urlsafe_b64encode(entropy.randbytes(16)).decode().rstrip("="))
    said.examples["PushKeys"] = msgspec.to_builtins(keys)
    await said.say(PushSubscription(endpoint="https://push.example.com/wake/7f3a", keys=keys), "ApplicationServer")
    # This server in memory wakes no phones, and answers {}.
    said.examples["ApplicationServer"] = json.loads(encode(ApplicationServer(application_server_key=point)))
    return name


async def _commands(said: Conversation, ports: Ports, name: DeviceName, entropy: random.Random) -> None:
    async def offered(**command: Any) -> str:  # noqa: ANN401 - JSON
        await issue_command(ports, name, ENVELOPE.decode(msgspec.json.encode(command)))
        poll = await said.poll("Poll")
        said.examples["Offer"] = poll["offer"]
        return str(poll["offer"]["operation"])

    def ack_id() -> str:
        return f"{entropy.getrandbits(128):032x}"

    operation, ack = await offered(type="ADD_ESIM", addEsimParams={"activationCode": CODE}), ack_id()
    said.examples["SealedCommand"] = said.examples["Offer"]["sealedCommand"]
    await said.say(Acknowledge(operation=operation, ack_id=ack), "Execute")
    asks = msgspec.Raw(b'{"status":"PENDING_USER_ACTION"}')
    await said.say(Report(operation=operation, ack_id=ack, seq=1, state=ReportState.PROGRESS, status=asks, asks_user=True), "Asked")
    await said.say(Begin(operation=f"{name}/operations/1", ack_id=ack_id()), "Error", status=404)
    await said.say(Begin(operation=operation, ack_id=ack), "Execute")
    listed = InFlight(operation=operation, ack_id=ack, state=InFlightState.EXECUTING)
    hello = msgspec.structs.replace(msgspec.json.decode(msgspec.json.encode(said.examples["Hello"]), type=Hello), in_flight=(listed,))
    await said.say(hello, "Greeting")
    said.examples["InFlight"] = said.examples["Hello"]["inFlight"][0]
    done = msgspec.Raw(b'{"status":"SUCCESS","esimInfo":{"iccId":"8999034758475382816"}}')
    asked = said.examples["Asked"]
    await said.say(Report(operation=operation, ack_id=ack, seq=2, state=ReportState.SUCCEEDED, status=done), "Asked")
    said.examples["Asked"] = asked  # the one that says something
    await said.say(Refuse(operation=await offered(type="REBOOT"), error_code="UNSUPPORTED", message="This phone has no screen."), "Ok")
    cancelled = await offered(type="RESET_PASSWORD", newPassword="271828")
    await cancel_operation(ports, OperationName.parse(cancelled))
    await said.say(Acknowledge(operation=cancelled, ack_id=ack_id()), "Drop")
    execute = said.examples["Execute"]
    locked = await offered(type="LOCK")
    await said.say(Acknowledge(operation=locked, ack_id=ack_id()), "Execute")
    said.examples["Execute"] = execute


async def _gone(said: Conversation, ports: Ports, name: DeviceName) -> None:
    await delete_device(ports, name, wipe_data_flags=["WIPE_ESIMS"], wipe_reason="")
    gone = await said.poll("Gone", status=410)
    said.examples["LastOrder"] = gone["lastOrder"]
    await said.say(OrderCarriedOut(), "Ok")

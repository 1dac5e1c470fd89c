"""No message to a phone is larger than the protocol says: what would not fit is refused when it is issued."""

import json
from typing import Any

import msgspec
import pytest

from heliograph.channel.answer import encode
from heliograph.channel.long_poll import OFFER_END, OFFER_START, POLICY_END, POLICY_START
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.commands.wipe import WipeDataFlag
from heliograph.domain.device import Device, LastOrder
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.user_facing_message import MAX_CHARS, UserFacingMessage
from heliograph.protocol import COMMAND_MAX_BYTES, MESSAGE_MAX_BYTES, REASON_MAX_BYTES, Execute, Gone, Offer
from heliograph.protojson.errors import Code, InvalidArgument
from heliograph.protojson.messages import encode_message
from heliograph.service.devices import patch_device
from heliograph.service.phones import get_phone_policy
from tests.channel.conftest import Server
from tests.channel.phones import Identity

LONGEST_ID = "x" * 128
LONGEST_NAME = str(OperationName(DeviceName(LONGEST_ID, LONGEST_ID), 10**19))
TEN_THOUSAND_YEARS_MS = 10_000 * 366 * 86_400_000


def password(size: int, character: str = "x") -> dict[str, Any]:
    """A command with a secret, and of so many bytes as its phone gets it."""
    empty = len(b'{"type":"RESET_PASSWORD","newPassword":""}')
    each = len(msgspec.json.encode(character)) - 2
    long, rest = divmod(size - empty, each)
    return {"type": "RESET_PASSWORD", "newPassword": character * long + "x" * rest}


def packages(size: int) -> dict[str, Any]:
    """A command without secrets, of so many bytes as its phone gets it."""
    names = ["a" * 97] * ((size - 200) // 100)
    bare = len(json.dumps({"type": "CLEAR_APP_DATA", "clearAppsDataParams": {"packageNames": [*names, ""]}}, separators=(",", ":")))
    return {"type": "CLEAR_APP_DATA", "clearAppsDataParams": {"packageNames": [*names, "b" * (size - bare)]}}


async def over_http(server: Server, phone: Identity) -> bytes:
    """The first offer, as it comes by a long-poll."""
    headers = {"Authorization": f"Bearer {phone.credential}"}
    async with server.http.get(f"{server.url}/device/v1/commands?wait=5", headers=headers) as answer:
        return await answer.read()


async def over_socket(server: Server, phone: Identity) -> bytes:
    """The first offer, as it comes in a frame."""
    headers = {"Authorization": f"Bearer {phone.credential}"}
    async with server.http.ws_connect(f"{server.url}/device/v1/connect", headers=headers) as socket:
        await socket.send_json({"id": 1, "kind": "hello", "body": {}})
        while "offer" not in (frame := await socket.receive_str(timeout=90)):
            pass
        return frame.encode()


@pytest.mark.parametrize("offered", [over_http, over_socket])
@pytest.mark.parametrize("make", [password, packages, lambda size: password(size, "ü"), lambda size: password(size, "\x01")])
async def test_the_largest_command_is_offered_whole_and_one_byte_more_is_refused(server: Server, offered: Any, make: Any) -> None:  # noqa: ANN401
    phone = await server.enroll()
    with pytest.raises(InvalidArgument) as refused:
        await server.issue(phone, **make(COMMAND_MAX_BYTES + 1))

    await server.issue(phone, **make(COMMAND_MAX_BYTES))
    message = await offered(server, phone)

    assert COMMAND_MAX_BYTES < len(message) <= MESSAGE_MAX_BYTES
    assert make(COMMAND_MAX_BYTES) == json.loads(message)["offer"]["command"]
    assert (Code.INVALID_ARGUMENT, "command") == (refused.value.code, refused.value.violations[0].field)
    assert f"{COMMAND_MAX_BYTES + 1} bytes" in refused.value.message
    assert f"at most {COMMAND_MAX_BYTES} " in refused.value.message


async def test_the_649_kb_that_were_seen_are_refused_and_nothing_is_issued(server: Server) -> None:
    phone = await server.enroll()

    with pytest.raises(InvalidArgument, match="command has 649000 bytes"):
        await server.issue(phone, **packages(649_000))

    assert [] == list(await server.parts.store.open_operations(DeviceName.parse(phone.name)))


@pytest.mark.parametrize("type_name", COMMANDS)
def test_every_message_that_carries_the_largest_command_of_any_device_fits(type_name: str) -> None:
    frame = b'{"type":"' + type_name.encode() + b'","a":"'
    command = msgspec.Raw(frame + b"x" * (COMMAND_MAX_BYTES - len(frame) - 2) + b'"}')
    assert COMMAND_MAX_BYTES == len(bytes(command))
    widened = msgspec.Raw(bytes(command)[:-1] + b"," + encode({"wipeDataFlags": [flag.value for flag in WipeDataFlag]})[1:])

    offer = OFFER_START + encode(Offer(operation=LONGEST_NAME, command=command, expires_in_ms=TEN_THOUSAND_YEARS_MS)) + OFFER_END
    body = encode(Execute(start_within_ms=TEN_THOUSAND_YEARS_MS, command=widened))
    execute = b'{"replyTo":%d,"status":%d,"body":%b}' % (2**63 - 1, 200, body)
    gone = b'{"gone":%b}' % encode(Gone(last_order=LastOrder(type=type_name, command=widened, operation=LONGEST_NAME)))

    assert [True] * 3 == [len(message) <= MESSAGE_MAX_BYTES for message in (offer, execute, gone)]


async def test_the_answer_to_hello_and_the_news_of_a_policy_fit_whatever_the_device_is_called_and_shows(server: Server) -> None:
    phone = await server.enroll()
    name = DeviceName.parse(phone.name)
    tags = (f"{language}-{region}" for language in ("de", "en", "fr") for region in ("AT", "BE", "CA", "CH"))
    texts = dict.fromkeys(tags, "\x01" * MAX_CHARS)
    fitting = max(number for number in range(len(texts)) if len(encode_message(_shown(texts, number))) <= REASON_MAX_BYTES)
    shown = _shown(texts, fitting)
    patch = Device(policy_name=LONGEST_ID, disabled_reason=shown)
    await patch_device(server.parts.ports, name, patch, ("policy_name", "disabled_reason"))

    policy = await get_phone_policy(server.parts.ports, name)

    assert shown == policy.disabled_reason
    for frame in (POLICY_START + encode(policy) + POLICY_END, b'{"replyTo":%d,"status":%d,"body":%b}' % (2**63 - 1, 200, encode(policy))):
        assert REASON_MAX_BYTES - 6 * MAX_CHARS < len(frame) <= MESSAGE_MAX_BYTES

    with pytest.raises(InvalidArgument, match="The reason is too large"):
        await patch_device(server.parts.ports, name, Device(disabled_reason=_shown(texts, fitting + 1)), ("disabled_reason",))


def _shown(texts: dict[str, str], number: int) -> UserFacingMessage:
    return UserFacingMessage(default_message="\x01" * MAX_CHARS, localized_messages=dict(list(texts.items())[:number]))


def test_the_sizes_in_these_tests_are_those_that_phones_get() -> None:
    for command in (password(5_000), packages(5_000), password(5_001, "ü")):
        issued = ENVELOPE.decode(json.dumps(command).encode())
        whole = ENVELOPE.full_command(issued.row.name, ENVELOPE.merge_secrets(issued.command, issued.secrets or b"{}"))
        assert len(whole) == len(msgspec.json.encode(command))

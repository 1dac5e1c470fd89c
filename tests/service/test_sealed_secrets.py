"""Secrets of commands to phones that have a key: only the phone opens them, for one operation; nothing that the server keeps does."""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from heliograph.agent.sealed_commands import Unopenable, new_private_key, open_command, public_key_of
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.names import OperationName
from heliograph.domain.operation import Operation, State
from heliograph.domain.request_id import RequestKey
from heliograph.protocol import COMMAND_MAX_BYTES, MESSAGE_MAX_BYTES, Enroll, Execute, Offer, ReportState, SealedCommand
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.types import secret_fields
from heliograph.service.issue_command import RequestIdReused, issue_command
from heliograph.service.operations import cancel_operation
from heliograph.service.phones import enroll_device
from heliograph.service.ports import Decision, Sees
from heliograph.storage.vault import FileVault, SecretUnreadable
from tests.service.world import LAB, Phone, World, facts

CHANCE = random.Random(9180)
OLD, NEW = new_private_key(CHANCE), new_private_key(CHANCE)
PIN = "918045"
RESET = f'{{"type":"RESET_PASSWORD","newPassword":"{PIN}","resetPasswordFlags":["LOCK_NOW"]}}'
ADD = '{"type":"ADD_ESIM","addEsimParams":{"activationCode":"LPA:1$smdp.example.com$SECRET-PLAN","activationState":"ACTIVATED"}}'
WITH_SECRETS = [row.name for row in COMMANDS.values() if secret_fields(row.params)]


async def offered(phone: Phone) -> SealedCommand:
    """What it is offered, which is sealed."""
    offer = await phone.hears()
    assert isinstance(offer, Offer)
    assert offer.command is None
    assert offer.sealed_command is not None
    return offer.sealed_command


def password_in(command: bytes) -> str:
    """Of a Command."""
    return str(msgspec.json.decode(command)["newPassword"])


async def issue_named(lab: World, phone: Phone, body: str) -> Operation:
    """The operation of a request that names itself."""
    return await issue_command(lab.ports, phone.name, ENVELOPE.decode(body.encode()), request_id="first")


@pytest.mark.parametrize("body", [RESET, ADD])
async def test_the_phone_opens_the_whole_command(lab: World, body: str) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))

    name = await lab.issue(phone.name, body)

    sealed = await offered(phone)
    assert msgspec.json.decode(body) == msgspec.json.decode(open_command(str(name), sealed, OLD))
    assert PIN.encode() not in bytes(sealed.command)
    assert b"SECRET-PLAN" not in bytes(sealed.command)


async def test_no_other_key_opens_it_nor_for_another_operation_or_device(lab: World) -> None:
    phone, other = await lab.phone(public_key=public_key_of(OLD)), await lab.phone(public_key=public_key_of(OLD))
    name, elsewhere = await lab.issue(phone.name, RESET), await lab.issue(other.name, RESET)
    sealed = await offered(phone)
    later = OperationName(name.device, name.create_ms + 1)
    forged = msgspec.structs.replace(sealed, key_id=(await offered(await renamed(lab, NEW))).key_id)

    for operation, command, key in (
        (name, sealed, NEW),
        (name, forged, NEW),
        (later, sealed, OLD),
        (elsewhere, sealed, OLD),
        (name, sealed, ""),
    ):
        with pytest.raises(Unopenable):
            open_command(str(operation), command, key)


async def renamed(lab: World, private_key: str) -> Phone:
    """Another phone with this key, and a command for it."""
    phone = await lab.phone(public_key=public_key_of(private_key))
    await lab.issue(phone.name, RESET)
    return phone


async def test_the_server_s_key_file_opens_nothing_that_it_stored(lab: World, tmp_path: Path) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))
    operation = await issue_named(lab, phone, RESET)

    assert operation.secret is not None
    for bound_to in (str(operation.name), str(phone.name), ""):
        with pytest.raises(SecretUnreadable):
            FileVault(tmp_path / "heliograph.key").open(operation.secret, bound_to=bound_to)


async def test_what_names_the_request_does_not_depend_on_a_pin_that_could_be_guessed(lab: World) -> None:
    """The server's key file and a stored digest would try a million PINs in a second."""
    phone = await lab.phone(public_key=public_key_of(OLD))
    digests = set()
    for pin in (PIN, "000000"):
        await issue_command(lab.ports, phone.name, ENVELOPE.decode(RESET.replace(PIN, pin).encode()), request_id=pin)
        request = await lab.ports.store.decide(Sees(request=RequestKey(LAB.enterprise, pin)), lambda facts: Decision(facts.request))
        assert request is not None
        digests.add(request.digest)

    assert 1 == len(digests)


async def test_a_repeated_request_gets_its_operation_whatever_its_password_and_another_command_is_refused(lab: World) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))
    first = await issue_named(lab, phone, RESET)

    assert first == await issue_named(lab, phone, RESET.replace(PIN, "000000"))
    with pytest.raises(RequestIdReused):
        await issue_named(lab, phone, RESET.replace("LOCK_NOW", "REQUIRE_ENTRY"))


async def test_a_request_is_known_again_although_its_phone_has_got_a_key_since(lab: World) -> None:
    phone = await lab.phone()
    first = await issue_named(lab, phone, RESET)
    await phone.greets(public_key=public_key_of(NEW))

    assert first == await issue_named(lab, phone, RESET)
    with pytest.raises(RequestIdReused):
        await issue_named(lab, phone, RESET.replace(PIN, "000000"))


async def test_every_offer_and_the_answer_to_a_phone_that_forgot_it_carry_the_same(lab: World) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))
    name = await lab.issue(phone.name, RESET)
    first = await offered(phone)
    phone.reconnects()

    again = await offered(phone)
    answer = await phone.acknowledges(name, need_command=True)

    assert isinstance(answer, Execute)
    assert [first, first, None] == [again, answer.sealed_command, answer.command]


async def test_a_phone_without_a_key_gets_the_command_as_before(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, RESET)

    offer = await phone.hears()
    answer = await phone.acknowledges(name, need_command=True)

    assert isinstance(offer, Offer)
    assert isinstance(answer, Execute)
    assert [PIN, PIN] == [password_in(bytes(command or b"{}")) for command in (offer.command, answer.command)]
    assert [None, None] == [offer.sealed_command, answer.sealed_command]


async def test_a_key_counts_from_the_hello_that_brings_it_and_older_commands_stay_as_they_were(lab: World) -> None:
    phone = await lab.phone()
    plain = await lab.issue(phone.name, RESET)
    await phone.greets(public_key=public_key_of(OLD))
    old = await lab.issue(phone.name, RESET)
    await phone.greets({plain: "c" * 32}, public_key=public_key_of(NEW))  # adopts the first, and renews the key in the same rule
    new = await lab.issue(phone.name, RESET)

    keys = [(await lab.operation(name)).sealed_to for name in (plain, old, new)]

    assert ["", 16, 16] == [key and len(key) for key in keys]
    assert 3 == len(set(keys))
    assert State.ACKNOWLEDGED is (await lab.operation(plain)).state


async def test_an_agent_that_says_no_key_has_none_and_finds_no_command_in_what_was_sealed_before(lab: World) -> None:
    """An older one would else reset the password to none."""
    phone = await lab.phone(public_key=public_key_of(OLD))
    name = await lab.issue(phone.name, RESET)
    await phone.greets()
    await lab.issue(phone.name, RESET)

    await offered(phone)
    await phone.refuses(name, "UNSUPPORTED")

    assert State.FAILED is (await lab.operation(name)).state
    assert isinstance(offer := await phone.hears(), Offer)
    assert PIN == password_in(bytes(offer.command or b"{}"))


async def test_the_same_enrolment_sent_again_with_another_key_counts(lab: World) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))
    record = await lab.ports.store.device(phone.name)
    assert record is not None
    token = (await lab.ports.store.tokens(LAB, after="", limit=1)).items[0]

    again = await enroll_device(lab.ports, Enroll(
        enrollment_token=token.value, installation_id="installation", credential_hash=phone.credential_hash.hex(), report=facts(),
        public_key=public_key_of(NEW),
    ))  # fmt: skip

    renewed = await lab.ports.store.device(phone.name)
    assert renewed is not None
    assert [str(phone.name), public_key_of(NEW)] == [again.name, renewed.public_key]


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda key: key[:-2],
        lambda key: key + "00",
        lambda key: key.upper(),
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: "02" + key[2:66],
        lambda _key: "00",
        lambda _key: "04" + "00" * 64,
        lambda _key: "x" * 130,
    ],
)
async def test_what_is_no_key_is_refused_and_the_one_before_stays(lab: World, spoilt: Callable[[str], str]) -> None:
    good = public_key_of(OLD)
    phone = await lab.phone(public_key=good)

    with pytest.raises(InvalidArgument, match="publicKey"):
        await phone.greets(public_key=spoilt(good))
    with pytest.raises(InvalidArgument, match="publicKey"):
        await lab.phone(facts(serial="S2"), public_key=spoilt(good))

    record = await lab.ports.store.device(phone.name)
    assert record is not None
    assert good == record.public_key


async def test_the_server_cancels_and_ends_what_it_cannot_read(lab: World) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))
    cancelled, done = await lab.issue(phone.name, RESET), await lab.issue(phone.name, RESET)

    await cancel_operation(lab.ports, cancelled)
    await phone.hears()
    await phone.acknowledges(done)
    await phone.reports(done, ReportState.SUCCEEDED)

    ended = [await lab.operation(name) for name in (cancelled, done)]
    assert [State.CANCELLED, State.SUCCEEDED] == [operation.state for operation in ended]
    assert [None, None] == [operation.secret for operation in ended]


async def test_the_length_of_a_password_does_not_show(lab: World) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))
    passwords = ("1", "123456", "x" * 40)

    operations = [await lab.operation(await lab.issue(phone.name, RESET.replace(PIN, password))) for password in passwords]

    assert 1 == len({len(operation.secret or b"") for operation in operations})


async def test_a_sealed_command_fits_into_a_message_or_is_refused_when_it_is_issued(lab: World) -> None:
    phone = await lab.phone(public_key=public_key_of(OLD))
    most = (COMMAND_MAX_BYTES - 1_024) // 2 // 64 * 64 - 64

    await lab.issue(phone.name, RESET.replace(PIN, "x" * most))
    offer = await phone.hears()
    with pytest.raises(InvalidArgument, match="shorten"):
        await lab.issue(phone.name, RESET.replace(PIN, "x" * (most + 2_048)))

    assert MESSAGE_MAX_BYTES > len(msgspec.json.encode(offer)) > MESSAGE_MAX_BYTES - 4_096


def test_no_last_order_has_secrets() -> None:
    """It is stored as it is given, in a tombstone."""
    assert WITH_SECRETS
    assert [] == [name for name in WITH_SECRETS if COMMANDS[name].final_at_ack]

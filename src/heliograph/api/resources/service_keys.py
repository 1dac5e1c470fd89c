"""`/heliograph/v1/keys`: service-account keys, at the operator's desk. Only public keys pass here."""

from heliograph.api.resources.operator_desk import PREFIX, DeskCall, DeskMethod, OperatorDesk
from heliograph.domain.access import ServiceKey
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import Duration, Int32, Message
from heliograph.protojson.times import format_timestamp, parse_duration_ns
from heliograph.service.service_keys import (
    KeyChange,
    WantedKey,
    create_service_key,
    delete_service_key,
    rotate_service_key,
    update_service_key,
)

KEYS = f"{PREFIX}/keys"


class KeyCreation(Message):
    """`POST /heliograph/v1/keys`."""

    public_key: str = ""
    enterprises: tuple[str, ...] = ()
    role: str = ""
    account: str = ""
    person: str = ""
    ttl: Duration = ""
    """How long it lives; empty: until it is deleted."""
    blast_radius: Int32 = 0
    """0: as the server's limits say."""
    unlimited_blast_radius: bool = False
    without_approval: bool = False


class KeyUpdate(Message):
    """`PATCH /heliograph/v1/keys/{key}`: what is set changes."""

    role: str = ""
    person: str = ""
    ttl: Duration = ""
    no_expiry: bool = False
    blast_radius: Int32 = 0
    unlimited_blast_radius: bool = False


class KeyRotation(Message):
    """`POST /heliograph/v1/keys/{key}:rotate`."""

    public_key: str = ""
    overlap: Duration = ""
    """How long the old key still works; empty: not at all."""
    ttl: Duration = ""


async def _create(desk: OperatorDesk, call: DeskCall) -> object:
    wanted = call.message(KeyCreation)
    key = WantedKey(
        public_key=wanted.public_key,
        enterprises=wanted.enterprises,
        role=wanted.role,
        account=wanted.account,
        person=wanted.person,
        expires_us=_expiry_us(desk, wanted.ttl),
        blast_radius=_blast_radius(wanted),
        without_approval=wanted.without_approval,
    )
    return _view(await create_service_key(desk.ports, desk.sign_in, key))


async def _list(desk: OperatorDesk, _call: DeskCall) -> object:
    keys, uses = await desk.sign_in.keys.service_keys(), await desk.sign_in.keys.key_uses()
    return {"keys": [_view(key, uses.get(key.key_id, 0)) for key in keys]}


async def _update(desk: OperatorDesk, call: DeskCall) -> object:
    wanted = call.message(KeyUpdate)
    change = KeyChange(
        role=wanted.role or None,
        person=wanted.person or None,
        expires_us=0 if wanted.no_expiry else _expiry_us(desk, wanted.ttl) or None,
        blast_radius=_blast_radius(wanted),
    )
    return _view(await update_service_key(desk.ports, desk.sign_in, call.ids[0], change))


async def _rotate(desk: OperatorDesk, call: DeskCall) -> object:
    wanted = call.message(KeyRotation)
    key = await rotate_service_key(
        desk.ports,
        desk.sign_in,
        call.ids[0],
        wanted.public_key,
        overlap_us=_us(wanted.overlap, "overlap"),
        expires_us=_expiry_us(desk, wanted.ttl),
    )
    return _view(key)


async def _delete(desk: OperatorDesk, call: DeskCall) -> object:
    await delete_service_key(desk.ports, desk.sign_in, call.ids[0])
    return {}


KEY_METHODS = (
    DeskMethod(id="heliograph.keys.create", http="POST", path="keys", handler=_create, widens=True),
    DeskMethod(id="heliograph.keys.list", http="GET", path="keys", handler=_list),
    DeskMethod(id="heliograph.keys.rotate", http="POST", path="keys/*:rotate", handler=_rotate, widens=True),
    DeskMethod(id="heliograph.keys.update", http="PATCH", path="keys/*", handler=_update, widens=True),
    DeskMethod(id="heliograph.keys.delete", http="DELETE", path="keys/*", handler=_delete),
)


def _blast_radius(wanted: KeyCreation | KeyUpdate) -> int | None:
    """Raises: InvalidArgument."""
    if wanted.unlimited_blast_radius:
        return 0
    if wanted.blast_radius < 0:
        raise InvalidArgument("blastRadius must be a number of devices; for none, set unlimitedBlastRadius.")
    return wanted.blast_radius or None


def _expiry_us(desk: OperatorDesk, ttl: Duration) -> int:
    """0: it does not end.  Raises: InvalidArgument."""
    return desk.sign_in.now_us() + _us(ttl, "ttl") if ttl else 0


def _us(duration: Duration, name: str) -> int:
    """Raises: InvalidArgument."""
    found_us = parse_duration_ns(duration) // 1_000 if duration else 0
    if duration and found_us <= 0 and name == "ttl":
        raise InvalidArgument("ttl must be more than zero: leave it out for a key that does not end.")
    if found_us < 0:
        raise InvalidArgument(f"{name} must not be negative.")
    return found_us


def _view(key: ServiceKey, last_used_us: int = 0) -> dict[str, object]:
    return {
        "keyId": key.key_id,
        "clientEmail": key.client_email,
        "clientId": key.client_id,
        "projectId": key.project_id,
        "role": key.role,
        "enterprises": key.enterprises,
        "person": key.person,
        "createTime": format_timestamp(key.created_us),
        **({"expireTime": format_timestamp(key.expires_us)} if key.expires_us else {}),
        **({"lastUseTime": format_timestamp(last_used_us)} if last_used_us else {}),
        **({"blastRadius": key.blast_radius} if key.blast_radius else {"unlimitedBlastRadius": True}),
    }

"""Keys of service accounts: listed with their last use, made, changed, rotated and revoked. A key file is sent once, and stored nowhere."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from heliograph.api.console.audit_pages import quoted, trail_url
from heliograph.api.console.desk_forms import bindings_of, choices_of_roles, enterprises_in_words, is_sure, require_but_fresh, sentences_of
from heliograph.api.console.guest import ConsolePage, Download, Guest, Json, Redirect
from heliograph.api.console.rejections import DESK_REJECTIONS, message_of, status_of
from heliograph.api.console.shown import moment_of, us_of
from heliograph.domain.durations import written_duration
from heliograph.protojson.errors import HeliographError, InvalidArgument
from heliograph.service.key_files import key_file, new_key_pair
from heliograph.service.service_keys import ServiceKeyNotFound

KEYS_LIST, KEYS_CREATE, KEYS_UPDATE, KEYS_ROTATE, KEYS_DELETE = (
    f"heliograph.keys.{verb}" for verb in ("list", "create", "update", "rotate", "delete")
)
UNLIMITED: Final = "unlimited"


async def show_keys(guest: Guest) -> ConsolePage:
    """Every key, newest first."""
    keys = (await guest.ask(KEYS_LIST))["keys"]
    values = {
        "rows": [_row(guest, key) for key in reversed(keys)], "make_url": f"{guest.url('keys')}:make",
        **await sentences_of(guest, KEYS_CREATE, back=guest.url("keys")),
    }  # fmt: skip
    return ConsolePage("console/keys.html", "Keys", values)


async def show_new_key(guest: Guest) -> ConsolePage:
    """The form that makes a key."""
    return await _new_key(guest)


async def make_key(guest: Guest) -> ConsolePage | Download:
    """The file of a new key, sent once; or the form again, with what is wrong in it."""
    try:
        body = {
            "enterprises": guest.field("enterprises").split(), "role": guest.field("role"),
            "account": guest.field("account").strip(), "person": guest.field("person").strip(), **_limits(guest),
        }  # fmt: skip
        return await _file(guest, KEYS_CREATE, (), body)
    except DESK_REJECTIONS as error:
        return await _new_key(guest, error=error)


async def show_key(guest: Guest, key_id: str) -> ConsolePage:
    """One key, and what can be done with it."""
    return await _key(guest, key_id)


async def change_key(guest: Guest, key_id: str) -> ConsolePage | Redirect:
    """The key is as the form says."""
    wanted = {"role": guest.field("role"), "person": guest.field("person").strip(), "noExpiry": guest.field("ends") == "never"}
    return await _changed(guest, KEYS_UPDATE, key_id, lambda: {**wanted, **_limits(guest)})


async def rotate_key(guest: Guest, key_id: str) -> ConsolePage | Download:
    """The file of another key of the same account, sent once; the old key ends after the overlap."""
    try:
        return await _file(guest, KEYS_ROTATE, (key_id,), {"overlap": _duration(guest.field("overlap")) or "0s"})
    except DESK_REJECTIONS as error:
        return await _key(guest, key_id, error=error)


async def revoke_key(guest: Guest, key_id: str) -> ConsolePage | Redirect:
    """The key is gone, and every token made with it is refused."""
    if not is_sure(guest):
        await guest.admit(KEYS_DELETE, key_id)
        return await _key(guest, key_id, error=InvalidArgument("Tick the box to revoke the key: it cannot be undone."))
    await guest.ask(KEYS_DELETE, key_id)
    return Redirect(guest.url("keys"))


async def _changed(guest: Guest, method_id: str, key_id: str, body: Callable[[], Json]) -> ConsolePage | Redirect:
    try:
        await guest.ask(method_id, key_id, body=msgspec.json.encode(body()))
    except DESK_REJECTIONS as error:
        return await _key(guest, key_id, error=error)
    return Redirect(guest.url("keys", key_id))


async def _file(guest: Guest, method_id: str, ids: tuple[str, ...], body: Json) -> Download:
    """The file of the key that the method made. The private half is in no variable of a page, and in no log."""
    await guest.admit(method_id, *ids)  # before the pair is made: that costs some tenths of a second
    pair = await asyncio.to_thread(new_key_pair)
    key = await guest.ask(method_id, *ids, body=msgspec.json.encode({**body, "publicKey": pair.public}))
    file = key_file(key, pair.private, guest.server_url)
    return Download(
        f"{key['clientEmail'].partition('@')[0]}-{key['keyId'][:8]}.json", msgspec.json.format(msgspec.json.encode(file)) + b"\n"
    )


async def _new_key(guest: Guest, *, error: HeliographError | None = None) -> ConsolePage:
    await require_but_fresh(guest, KEYS_CREATE)
    values = {
        "roles": await choices_of_roles(guest), "role": guest.field("role"), "enterprises": guest.field("enterprises"),
        "account": guest.field("account"), "whom": guest.field("person"), "ttl": guest.field("ttl"), "radius": guest.field("radius"),
        "error": message_of(error), "action": f"{guest.url('keys')}:make", "crumbs": [("Keys", guest.url("keys"))],
        **await sentences_of(guest, KEYS_CREATE, back=f"{guest.url('keys')}:make"),
    }  # fmt: skip
    return ConsolePage("console/key_new.html", "Make a key", values, status=status_of(error))


async def _key(guest: Guest, key_id: str, *, error: HeliographError | None = None) -> ConsolePage:
    """Raises: `error`, or ServiceKeyNotFound: there is no such key."""
    key = next((key for key in (await guest.ask(KEYS_LIST))["keys"] if key["keyId"] == key_id), None)
    if key is None:
        raise error or ServiceKeyNotFound
    own = [binding["role"] for binding in await bindings_of(guest) if binding["who"] == f"account:{key['clientEmail']}"]
    facts = [
        ("Key", key["keyId"]), ("Account", key["clientEmail"]), ("Person", key["person"] or "none"), ("Role", key["role"]),
        ("Roles besides", ", ".join(own)), ("Enterprises", enterprises_in_words(key)), ("Made", moment_of(key["createTime"])),
        ("Last used", moment_of(key.get("lastUseTime", "")) or "never"), ("Ends", moment_of(key.get("expireTime", "")) or "never"),
        ("Devices that it may destroy in an hour", str(key.get("blastRadius", UNLIMITED))),
    ]  # fmt: skip
    sent = bool(guest.fields)
    values = {
        "facts": [(name, value) for name, value in facts if value], "roles": await choices_of_roles(guest),
        "role": guest.field("role") if sent else key["role"], "whom": guest.field("person") if sent else key["person"],
        "ttl": guest.field("ttl"), "radius": guest.field("radius"), "ends": guest.field("ends"), "overlap": guest.field("overlap") or "1d",
        "action": guest.url("keys", key_id), "may_revoke": await guest.may(KEYS_DELETE, key_id), "error": message_of(error),
        "trail_url": await trail_url(guest, filter=f"keyId={quoted(key_id)}"),
        "crumbs": [("Keys", guest.url("keys"))], **await sentences_of(guest, KEYS_UPDATE, back=guest.url("keys", key_id)),
    }  # fmt: skip
    return ConsolePage("console/key.html", key["clientEmail"], values, status=status_of(error))


def _row(guest: Guest, key: Json) -> Mapping[str, Any]:
    return {
        "account": key["clientEmail"], "url": guest.url("keys", key["keyId"]), "role": key["role"], "person": key["person"],
        "enterprises": enterprises_in_words(key), "made": moment_of(key["createTime"]),
        "used": moment_of(key.get("lastUseTime", "")) or "never", "ends": moment_of(key.get("expireTime", "")) or "never",
        "over": 0 < us_of(key.get("expireTime", "")) <= guest.ports.clock.now_us(),
    }  # fmt: skip


def _limits(guest: Guest) -> Json:
    """When the key ends, and its blast radius, as far as the form says.  Raises: InvalidArgument."""
    radius = guest.number("radius")
    limits: Json = {"ttl": _duration(guest.field("ttl"))} if guest.field("ttl").strip() else {}
    if radius == UNLIMITED:
        return {**limits, "unlimitedBlastRadius": True}
    if radius != "" and not (isinstance(radius, int) and radius):
        raise InvalidArgument(f"{str(radius)[:32]!r} is not a number of devices: write one such as 10, or {UNLIMITED}.")
    return {**limits, **({"blastRadius": radius} if radius else {})}


def _duration(text: str) -> str:
    """Raises: InvalidArgument."""
    text = text.strip()
    found = written_duration(text) if text else ""
    if found is None:
        raise InvalidArgument(f"{text[:32]!r} is not a duration: write one such as 90d, 12h or 30m.")
    return found

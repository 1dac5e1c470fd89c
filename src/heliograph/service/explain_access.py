"""Why a caller may do something, or not: judged by what judges calls, and shown line by line."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from heliograph.commands import COMMANDS
from heliograph.domain.access import OF_SESSIONS, Caller, ServiceKey
from heliograph.domain.command import CommandType
from heliograph.domain.device import DeviceRecord
from heliograph.domain.names import DeviceName
from heliograph.domain.openid import GroupRule, rights_of_groups
from heliograph.domain.people import Person, PersonName
from heliograph.domain.rights import Called, Line, Permit, lines_of
from heliograph.domain.roles import COUNTED_METHODS, who_of
from heliograph.domain.tally import Tally, used_of
from heliograph.protojson.errors import HeliographError, InvalidArgument, NotFound
from heliograph.service.callers import SignIn
from heliograph.service.ports import Ports

ISSUE = COUNTED_METHODS[0]
KEYS_NAMED = 5
SOMEONE = "someone@example.com"
"""Stands for a member of a group."""


class AccessQuestion(NamedTuple):
    """Who wants to do what, where."""

    who: str
    """A key's id, or as `who_of` takes it."""
    what: str
    """A type of command, or a method's id or the end of one."""
    where: str = ""
    """A device or enterprise by its name; empty: the whole server."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer."""

    who: str
    roles: Sequence[str]
    method: str
    command_type: str = ""
    allowed: bool
    reason: str
    """One sentence."""
    error: str = ""
    """The ErrorInfo reason of the refusal; empty: allowed."""
    lines: Sequence["ExplainedLine"]
    blast_radius: int = 0
    """Devices that the actor may destroy in an hour; 0: as many as wanted."""
    destroyed: int = 0
    """Devices that it destroyed in the last hour."""


class ExplainedLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one line of a role says."""

    role: str
    line: int
    """1 for the first."""
    covers: bool
    fault: str = ""


class WhoNotFound(NotFound):
    """No key has this id or account: `heliograph keys list` shows them."""


async def explain_access(
    ports: Ports, sign_in: SignIn, question: AccessQuestion, *, methods: Iterable[Called], groups: Sequence[GroupRule] = ()
) -> Explanation:
    """Whether the caller may, and what each line of its roles says. `groups`: what members of an identity provider's groups may do.

    Raises: WhoNotFound; InvalidArgument: not a method or type, or not a name; NotFound: no such device.
    """
    method, row = _what(question.what, [*methods])
    device = await _device(ports, question.where)
    enterprise = device.name.enterprise if device is not None else question.where.removeprefix("enterprises/").partition("/")[0] or None
    who, caller, expired = await _caller(ports, sign_in, question.who, groups)
    rights = caller.rights
    tally = await ports.store.record(Tally, Permit(rights, method, ()).blast_name)
    refused: HeliographError | None = None
    try:
        await _judge(ports, caller, method, row, enterprise, device)
    except HeliographError as error:
        refused = error
    lines = lines_of(rights, method, enterprise=enterprise, device=device, row=row)
    return Explanation(
        who=who,
        roles=[*dict.fromkeys(grant.role for grant in rights.grants)],
        method=method.id,
        command_type=row.name if row is not None else "",
        allowed=refused is None and not expired,
        reason="Its key has expired." if expired else refused.message if refused is not None else _covered(lines),
        error="ACCOUNT_STATE_INVALID" if expired else refused.reason if refused is not None else "",
        lines=[ExplainedLine(role=line.role, line=line.place + 1, covers=not line.fault, fault=line.fault) for line in lines],
        blast_radius=rights.blast_radius,
        destroyed=used_of(tally, ports.clock.now_us()),
    )


async def _judge(
    ports: Ports, caller: Caller, method: Called, row: CommandType | None, enterprise: str | None, device: DeviceRecord | None
) -> None:
    """As a call is judged, on its way and in its rule.  Raises: HeliographError: it may not."""
    permit = caller.rights.admit(method, enterprise)
    if device is None:
        return
    if permit.by_device:
        permit.check_device(device)
    if permit.judges(row):
        tallies = [await ports.store.record(Tally, name) for name in permit.tallies(row)]
        permit.judge(device, tallies, row=row, now_us=ports.clock.now_us())


def _covered(lines: Iterable[Line]) -> str:
    role, place, _ = next(line for line in lines if not line.fault)
    return f"Line {place + 1} of the role {role} allows it."


def _what(what: str, methods: Sequence[Called]) -> tuple[Called, CommandType | None]:
    """The method, and of issueCommand the type.  Raises: InvalidArgument."""
    if what in COMMANDS:
        return next(method for method in methods if method.id == ISSUE), COMMANDS[what]
    found = [method for method in methods if method.id == what] or [method for method in methods if method.id.endswith(f".{what}")]
    if len(found) == 1:
        return found[0], None
    if found:
        raise InvalidArgument(f"{what[:128]!r} may be any of {', '.join(method.id for method in found[:10])}: write the whole id.")
    raise InvalidArgument(f"{what[:128]!r} is neither a type of command ({', '.join(COMMANDS)}) nor a method: heliograph roles methods.")


async def _device(ports: Ports, where: str) -> DeviceRecord | None:
    """Raises: InvalidArgument; NotFound."""
    if where.count("/") < 2:  # noqa: PLR2004 - an enterprise's name has one
        return None
    record = await ports.store.device(DeviceName.parse(where))
    if record is None:
        raise NotFound(f"There is no {where[:256]}.")
    return record


async def _caller(ports: Ports, sign_in: SignIn, text: str, groups: Sequence[GroupRule]) -> tuple[str, Caller, bool]:
    """Who it is, as the one that would be let in, and whether its key has expired.  Raises: WhoNotFound, InvalidArgument."""
    key = await sign_in.keys.service_key(text)
    who = f"account:{key.client_email}" if key is not None else who_of(text)
    kind, _, name = who.partition(":")
    if kind == "account":
        key = key or _newest(await sign_in.keys.service_keys_of(name), sign_in.now_us())
        if key is None:
            raise WhoNotFound
        return who, await sign_in.roles.resolved(key.caller), key.has_expired(sign_in.now_us())
    found = await sign_in.roles.resolved(await _person(ports, kind, name, groups))
    if kind == "person" and not found.rights.grants:
        raise WhoNotFound(await _without_roles(sign_in, name))
    return who, found, False


async def _without_roles(sign_in: SignIn, person: str) -> str:
    """What to ask instead about a person who has no role."""
    keys = [key.client_email for key in await sign_in.keys.service_keys() if key.person == person]
    if not keys:
        return f"{person} has no role and no key: heliograph people list, heliograph roles list and heliograph keys list show who has."
    return f"{person} has no role as a person who signs in. Ask about a key of theirs, which has its own: {', '.join(keys[:KEYS_NAMED])}."


async def _person(ports: Ports, kind: str, name: str, groups: Sequence[GroupRule]) -> Caller:
    """Someone as they would be after signing in: with what they were invited to, or with a group and what the server's options give it."""
    radius = ports.limits.blast_radius
    known = await ports.store.record(Person, PersonName(name)) if kind == "person" else None
    if known is not None and known.rights is not None:
        return known.rights.caller(name, session_id="", blast_radius=radius)
    if kind == "person":
        return Caller(person=name, role="", key_id=OF_SESSIONS, blast_radius=radius)
    if (rights := rights_of_groups((name,), groups)) is not None:
        return msgspec.structs.replace(rights, groups=(name,)).caller(SOMEONE, session_id="", blast_radius=radius)
    return Caller(person=SOMEONE, groups=(name,), role="", key_id=OF_SESSIONS, blast_radius=radius)


def _newest(keys: Sequence[ServiceKey], now_us: int) -> ServiceKey | None:
    """The account's newest key that has not expired, else its newest; None: it has no key."""
    return max(keys, key=lambda key: (not key.has_expired(now_us), key.created_us), default=None)

"""Roles: what each allows, in words; one's own made and changed; who has which; and whether someone may do something, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from heliograph.api.console.desk_forms import ROLES_LIST, bindings_of, choices_of_roles, require_but_fresh, sentences_of
from heliograph.api.console.guest import ConsolePage, Guest, Json, Redirect
from heliograph.api.console.rejections import DESK_REJECTIONS, message_of, status_of
from heliograph.api.console.shown import moment_of
from heliograph.commands import COMMANDS
from heliograph.domain.access_words import access_in_words
from heliograph.domain.roles import LINES_MOST
from heliograph.protojson.errors import HeliographError, InvalidArgument, NotFound

ROLES_GET, ROLES_SET, ROLES_DELETE = (f"heliograph.roles.{verb}" for verb in ("get", "set", "delete"))
BIND, UNBIND = (f"heliograph.roleBindings.{verb}" for verb in ("bind", "unbind"))
EXPLAIN_ACCESS: Final = "heliograph.access.explain"


async def show_roles(guest: Guest) -> ConsolePage:
    """All roles, and who has which besides what their key or invitation says."""
    return await _roles(guest)


async def bind(guest: Guest) -> ConsolePage | Redirect:
    """Someone has a role besides."""
    return await _rebound(guest, BIND)


async def unbind(guest: Guest) -> ConsolePage | Redirect:
    """Someone no longer has it."""
    return await _rebound(guest, UNBIND)


async def show_new_role(guest: Guest) -> ConsolePage:
    """The form of a new role."""
    await require_but_fresh(guest, ROLES_SET)
    return await _role(guest, "", {}, builtin=False)


async def make_role(guest: Guest) -> ConsolePage | Redirect:
    """The role is there; or the form again, with what is wrong in it."""
    name = guest.field("name").strip()
    if name in await choices_of_roles(guest):
        return await _role(guest, "", _filled(guest), builtin=False, error=InvalidArgument(f"There is a role {name} already: open it."))
    return await _set(guest, name, "")


async def show_role(guest: Guest, name: str) -> ConsolePage:
    """What a role allows, and the form that changes it if it is one's own."""
    role = await guest.ask(ROLES_GET, name)
    return await _role(guest, name, role, builtin=bool(role.get("builtIn")))


async def change_role(guest: Guest, name: str) -> ConsolePage | Redirect:
    """The role allows what the form says; or the form again, with what is wrong in it."""
    return await _set(guest, name, name)


async def delete_role(guest: Guest, name: str) -> ConsolePage | Redirect:
    """The role is gone, if no one has it."""
    try:
        await guest.ask(ROLES_DELETE, name)
    except DESK_REJECTIONS as error:
        role = await guest.ask(ROLES_GET, name)
        return await _role(guest, name, role, builtin=bool(role.get("builtIn")), error=error)
    return Redirect(guest.url("roles"))


async def show_access(guest: Guest) -> ConsolePage:
    """Whether someone may do something, by which line of which role: what `heliograph can` says."""
    who, what, where = (guest.parameter(name) for name in ("who", "what", "where"))
    await guest.admit(EXPLAIN_ACCESS)
    answer: Sequence[tuple[str, str]] = ()
    error: HeliographError | None = None
    if who and what:
        try:
            answer = access_in_words(await guest.ask(EXPLAIN_ACCESS, who=who, what=what, where=where), where)
        except (InvalidArgument, NotFound) as wrong:
            error = wrong
    elif who or what:
        error = InvalidArgument("Fill in who and what.")
    values = {
        "who": who, "what": what, "where": where, "answer": answer, "types": list(COMMANDS), "error": message_of(error),
        "action": guest.url("access"),
    }  # fmt: skip
    return ConsolePage("console/access.html", "Who may what", values, status=status_of(error))


def line_in_words(line: Json) -> str:
    """What one line of a role allows, as one sentence."""
    methods = ", ".join(line.get("methods", []))
    types = line.get("commandTypes", [])
    parts = [f"of commands, {', '.join(types)} only"] if types else []
    parts += [f"on devices for which {line['devices']} holds"] if line.get("devices") else []
    parts += [f"in {', '.join(line['enterprises'])}"] if line.get("enterprises") else []
    parts += [f"at most {line['perHour']} an hour"] if line.get("perHour") else []
    parts += ["what is destructive too" if line.get("destructive") else "nothing destructive"] if not types else []
    return f"{methods}: {'; '.join(parts)}."


async def _roles(guest: Guest, *, error: HeliographError | None = None) -> ConsolePage:
    roles = (await guest.ask(ROLES_LIST))["roles"]
    values = {
        "roles": [
            {"name": role["name"], "url": guest.url("roles", role["name"]), "description": role.get("description", ""),
             "builtin": bool(role.get("builtIn")), "lines": [line_in_words(line) for line in role.get("allow", [])]}
            for role in roles
        ],
        "names": [role["name"] for role in roles],
        "bindings": [{"who": one["who"], "role": one["role"], "since": moment_of(one["createTime"])} for one in await bindings_of(guest)],
        "may_unbind": await guest.may(UNBIND), "make_url": f"{guest.url('roles')}:make", "action": guest.url("roles"),
        "who": guest.field("who"), "role": guest.field("role"), "error": message_of(error),
        **await sentences_of(guest, BIND, back=guest.url("roles")),
    }  # fmt: skip
    return ConsolePage("console/roles.html", "Roles", values, status=status_of(error))


async def _rebound(guest: Guest, method_id: str) -> ConsolePage | Redirect:
    try:
        await guest.ask(method_id, guest.field("who").strip(), guest.field("role"))
    except (*DESK_REJECTIONS, NotFound) as error:
        return await _roles(guest, error=error)
    return Redirect(guest.url("roles"))


async def _set(guest: Guest, name: str, known_as: str) -> ConsolePage | Redirect:
    wanted = _filled(guest)
    try:
        await guest.ask(ROLES_SET, name, body=msgspec.json.encode(wanted))
    except DESK_REJECTIONS as error:
        return await _role(guest, known_as, wanted, builtin=False, error=error)
    return Redirect(guest.url("roles", name))


async def _role(guest: Guest, name: str, role: Json, *, builtin: bool, error: HeliographError | None = None) -> ConsolePage:
    lines = role.get("allow", [])
    here = guest.url("roles", name) if name else f"{guest.url('roles')}:make"
    values = {
        "name": name, "given_name": guest.field("name"), "description": role.get("description", ""), "builtin": builtin,
        "words": [line_in_words(line) for line in lines] if not error else (), "forms": () if builtin else list(_forms(lines)),
        "types": [(row.name, row.destructive) for row in COMMANDS.values()], "action": here,
        "may_delete": bool(name) and not builtin and await guest.may(ROLES_DELETE, name), "error": message_of(error),
        "crumbs": [("Roles", guest.url("roles"))], **await sentences_of(guest, ROLES_SET, back=here),
    }  # fmt: skip
    return ConsolePage("console/role.html", name or "Make a role", values, status=status_of(error))


def _forms(lines: Sequence[Json]) -> Iterator[Mapping[str, Any]]:
    """Each line as a form holds it, and one that is empty."""
    empty: Sequence[Json] = [{}] if len(lines) < LINES_MOST else []
    for number, line in enumerate((*lines, *empty)):
        yield {
            "prefix": f"{number}.", "new": not line, "methods": "\n".join(line.get("methods", [])), "types": line.get("commandTypes", []),
            "enterprises": " ".join(line.get("enterprises", [])), "devices": line.get("devices", ""), "per_hour": line.get("perHour", ""),
            "destructive": bool(line.get("destructive")),
        }  # fmt: skip


def _filled(guest: Guest) -> Json:
    """The role that the form is; lines without methods are left out."""
    allow = []
    for number in range(LINES_MOST):
        prefix = f"{number}."
        line = {
            "methods": guest.field(f"{prefix}methods").split(), "commandTypes": list(guest.fields.get(f"{prefix}types", ())),
            "enterprises": guest.field(f"{prefix}enterprises").split(), "devices": guest.field(f"{prefix}devices").strip(),
            "perHour": guest.number(f"{prefix}per_hour"),
            "destructive": bool(guest.field(f"{prefix}destructive")),
        }  # fmt: skip
        if line["methods"]:
            allow.append({name: value for name, value in line.items() if value not in ("", [], False)})
    return {"description": guest.field("description").strip(), "allow": allow}

"""The audit trail: who did what to what, newest first; one entry whole; a file of what was found; how far the trail is signed."""

import asyncio
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from heliograph.api.console.guest import TEXT_MAX_CHARS, ConsolePage, Download, Guest, Json
from heliograph.api.console.links import crumbs_of, turning
from heliograph.api.console.rejections import message_of, status_of
from heliograph.api.console.shown import json_shown, moment, moment_of
from heliograph.domain.audit import OK
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.audit_entries import EVERY_ENTERPRISE, TrailState, trail_state

ENTRIES_LIST, ENTRIES_GET = "heliograph.auditEntries.list", "heliograph.auditEntries.get"
ROWS: Final = 50
EXPORTED_AT_ONCE: Final = 1_000
EXPORTED_MOST: Final = 10_000
"""Entries of one file: `heliograph audit export` writes the whole trail."""
REFUSED: Final = "refused"
"""Of an outcome: any but OK."""
FIELDS: Final = ("who", "what", "resource", "outcome", "from", "until", "filter")
_LOCAL_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)
"""As a browser's input of a date and time has it."""


async def show_entries(guest: Guest, enterprise: str) -> ConsolePage:
    """The entries that the address asks for, newest first."""
    asked = {name: guest.parameter(name) for name in FIELDS}
    wanted = ""
    error: InvalidArgument | None = None
    answer: Json = {}
    await guest.admit(ENTRIES_LIST, enterprise)
    trail = await trail_state(guest.ports) if guest.ports.store.audited else None
    try:
        wanted = filter_of(asked)
        if trail is not None:
            answer = await guest.ask(ENTRIES_LIST, enterprise, filter=wanted, page_size=ROWS, page_token=guest.parameter("page"))
    except InvalidArgument as wrong:
        error = wrong
    everything = enterprise == EVERY_ENTERPRISE
    scope = ["--everything"] if everything else ["--enterprise", enterprise]
    above = guest.url("enterprises", EVERY_ENTERPRISE, "auditEntries")

    def here(**query: str) -> str:
        return guest.url("enterprises", enterprise, "auditEntries", **query)

    values = {
        **{name.replace("from", "since"): value for name, value in asked.items()}, "refused": REFUSED, "ok": OK,
        "kept": trail is not None, "trail": _trail_in_words(trail) if trail is not None else (), "error": message_of(error),
        "rows": [_row(guest, entry) for entry in answer.get("auditEntries", [])], "asking": any(asked.values()), "action": here(),
        **turning(guest, answer.get("nextPageToken", ""), "enterprises", enterprise, "auditEntries", **asked), "all_url": here(),
        "export_url": here(verb="export", **asked), "everything": everything,
        "everything_url": above if not everything and await guest.may(ENTRIES_LIST, EVERY_ENTERPRISE) else "",
        "most": f"{EXPORTED_MOST:,}", "cli": shlex.join(["heliograph", "audit", "list", *scope, *(["--filter", wanted] if wanted else [])]),
        "crumbs": [] if everything else crumbs_of(guest, enterprise),
    }  # fmt: skip
    title = "Audit trail of the whole server" if everything else "Audit trail"
    return ConsolePage("console/audit.html", title, values, status=status_of(error))


async def show_entry(guest: Guest, enterprise: str, entry_id: str) -> ConsolePage:
    """One entry, with everything that was recorded of it."""
    entry = await guest.ask(ENTRIES_GET, enterprise, entry_id)
    trail = guest.url("enterprises", enterprise, "auditEntries")
    also = entry.get("alsoChanged", [])
    facts = [
        ("Time", moment_of(entry["createTime"])),
        ("Outcome", " ".join(filter(None, (entry["outcome"], entry.get("reason", ""))))),
        ("Fields at fault", ", ".join(entry.get("fields", []))),
        ("Happened", f"{entry['count']} times within a minute" if entry.get("count", 1) > 1 else ""),
        ("Who", " ".join(filter(None, (entry["actorType"], entry.get("actor", ""))))),
        ("Key or session", entry.get("keyId", "")),
        ("Address", entry.get("address", "")),
        ("Method", entry.get("method", "")),
        ("Type", entry.get("type", "")),
    ]  # fmt: skip
    values = {
        "facts": [(name, value) for name, value in facts if value], "json": json_shown(entry), "name": entry["name"],
        "resources": [(name, guest.url_of_resource(name)) for name in filter(None, (entry.get("resource", ""), *also))],
        "more": entry.get("moreChanged", 0), "good": entry["outcome"] == OK,
        "like": [
            (text, guest.url("enterprises", enterprise, "auditEntries", **query))
            for text, query in (
                ("Everything by the same party", {"who": entry.get("actor", "")}),
                ("Everything on the same resource", {"resource": entry.get("resource", "")}),
                ("Everything by the same key or session", {"filter": f"keyId={quoted(entry['keyId'])}" if entry.get("keyId") else ""}),
                ("Everything from the same address", {"filter": f"address={quoted(entry['address'])}" if entry.get("address") else ""}),
            )
            if any(query.values())
        ],
        "crumbs": [*([] if enterprise == EVERY_ENTERPRISE else crumbs_of(guest, enterprise)), ("Audit trail", trail)],
    }  # fmt: skip
    return ConsolePage("console/audit_entry.html", _what(entry), values)


async def export(guest: Guest, enterprise: str) -> Download:
    """What the address asks for as a file, as the API answers it: at most EXPORTED_MOST entries, with the token that goes on.

    Raises: AuditOff, InvalidArgument.
    """
    wanted = filter_of({name: guest.parameter(name) for name in FIELDS})
    entries: list[Json] = []
    token = ""
    while len(entries) < EXPORTED_MOST:
        answer = await guest.ask(ENTRIES_LIST, enterprise, filter=wanted, page_size=EXPORTED_AT_ONCE, page_token=token)
        entries += answer.get("auditEntries", [])
        token = answer.get("nextPageToken", "")
        if not token:
            break
        await asyncio.sleep(0)  # others get their turn
    body = msgspec.json.format(msgspec.json.encode({"auditEntries": entries, **({"nextPageToken": token} if token else {})}), indent=1)
    return Download("audit.json", body + b"\n")


async def trail_url(guest: Guest, enterprise: str = EVERY_ENTERPRISE, **asked: str) -> str:
    """The page of the entries that these FIELDS ask for; empty: the caller may not see it, or no trail is kept."""
    kept = guest.ports.store.audited and await guest.may(ENTRIES_LIST, enterprise)
    return guest.url("enterprises", enterprise, "auditEntries", **asked) if kept else ""


def filter_of(asked: Mapping[str, str]) -> str:
    """The API's filter that these fields are.

    Raises: InvalidArgument: it is too long.
    """
    who, what, resource, outcome = (asked[name] for name in ("who", "what", "resource", "outcome"))
    parts: list[str] = []
    parts += _like("actor", who if "*" in who else f"*{who}*")
    parts += _like("type", what) if what.isupper() else _like("method", what if "*" in what else f"*{what}*")
    if "*" in resource:
        parts += _like("resource", resource)
    elif resource:
        parts.append(f"(resource={quoted(resource)} OR resource={quoted(f'{resource}/*')})")
    if outcome:
        parts.append(f"outcome!={OK}" if outcome == REFUSED else f"outcome={quoted(outcome)}")
    parts += [f"createTime{sign}{quoted(_time(asked[name]))}" for name, sign in (("from", ">="), ("until", "<")) if asked[name]]
    if asked["filter"]:
        parts.append(f"({asked['filter']})" if parts else asked["filter"])
    found = " AND ".join(parts)
    if len(found) > TEXT_MAX_CHARS:
        raise InvalidArgument(f"Together, the fields make a filter of {len(found)} characters; at most {TEXT_MAX_CHARS} are allowed.")
    return found


def _like(field: str, text: str) -> Iterator[str]:
    """Conditions that the field is like the text, in which each * stands for anything: the API takes one at the ends of a value only."""
    pieces = text.split("*")
    for index, piece in enumerate(pieces):
        if piece:
            yield f"{field}={quoted(('*' if index else '') + piece + ('*' if index < len(pieces) - 1 else ''))}"


def quoted(text: str) -> str:
    """The text as a filter's value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _time(text: str) -> str:
    """The time as filters have it: UTC if it says no zone."""
    return f"{text if text.count(':') > 1 else f'{text}:00'}Z" if _LOCAL_TIME.fullmatch(text) else text


def _row(guest: Guest, entry: Json) -> Mapping[str, Any]:
    resource = entry.get("resource", "")
    return {
        "time": moment_of(entry["createTime"]), "url": guest.url_of_resource(entry["name"]), "what": _what(entry),
        "actor": entry.get("actor", "") or entry["actorType"].lower(), "resource": resource,
        "resource_url": guest.url_of_resource(resource),
        "outcome": entry["outcome"], "reason": entry.get("reason", ""), "good": entry["outcome"] == OK, "count": entry.get("count", 1),
        "address": entry.get("address", ""),
    }  # fmt: skip


def _what(entry: Json) -> str:
    return " ".join(filter(None, (entry.get("method", ""), entry.get("type", ""))))


def _trail_in_words(trail: TrailState) -> Sequence[str]:
    """How far the trail is signed, and what its witnesses have confirmed."""
    if trail.checkpoint is None:
        yet = "Nothing is signed yet." if trail.blocks else "Nothing was recorded yet."
    else:
        rest = " What was recorded since is signed within seconds." if trail.unsigned else " Nothing was recorded since."
        yet = f"Signed up to block {trail.checkpoint.number}, at {moment(trail.checkpoint.signed_us)}.{rest}"
    words = [yet]
    for witness in trail.witnesses:
        said = f"confirmed block {witness.confirmed.number}" if witness.confirmed else "has confirmed nothing since this server started"
        words.append(f"A witness outside of the database {said}.{f' {witness.why}' if witness.why else ''}")
    if not trail.witnesses:
        words.append("This server has no witness outside of the database, so a rollback of the whole database would not be found.")
    return words

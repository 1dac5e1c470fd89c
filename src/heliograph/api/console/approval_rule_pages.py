"""What needs a second person's approval in an enterprise: shown in words, and changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from heliograph.api.console.approval_pages import METHOD_WORDS, RULES_GET
from heliograph.api.console.guest import ConsolePage, Guest, Json, Redirect
from heliograph.api.console.links import crumbs_of
from heliograph.api.console.rejections import message_of, status_of
from heliograph.domain.approval import METHODS, RULES_MOST, RuleKind
from heliograph.domain.durations import written_duration
from heliograph.protojson.errors import FailedPrecondition, HeliographError, InvalidArgument
from heliograph.service.approval_gate import MAY_NEED_APPROVAL

RULES_PATCH = "heliograph.approvalRules.patch"
KINDS: Final = tuple(kind.value for kind in RuleKind if kind is not RuleKind.MANAGEMENT_KIND_UNSPECIFIED)
DEEDS: Final = (*((name, name) for name in MAY_NEED_APPROVAL), *((name, METHOD_WORDS[name]) for name in METHODS))
"""What a rule may name, and what people call it."""


async def show_rules(guest: Guest, enterprise: str) -> ConsolePage:
    """The rules, and the form that changes them if the caller may."""
    return await _rules_page(guest, enterprise, None)


async def set_rules(guest: Guest, enterprise: str) -> ConsolePage | Redirect:
    """The rules of the form are the enterprise's; or the form again, with what is wrong or whom it waits for."""
    wanted = guest.field("body").encode() or msgspec.json.encode({"rules": list(_filled(guest))})
    try:
        await guest.ask(RULES_PATCH, enterprise, body=wanted)
    except (InvalidArgument, FailedPrecondition) as error:
        return await _rules_page(guest, enterprise, wanted, error=error)
    return Redirect(guest.url("enterprises", enterprise, "approvalRules"))


async def _rules_page(guest: Guest, enterprise: str, wanted: bytes | None, *, error: HeliographError | None = None) -> ConsolePage:
    rules = (await guest.ask(RULES_GET, enterprise)).get("rules", [])
    may_change = await guest.may(RULES_PATCH, enterprise)
    values = {
        "words": [rule_in_words(rule) for rule in rules], "may_change": may_change,
        "forms": list(_forms(_rules_in(wanted) if wanted is not None else rules)) if may_change else (),
        "action": guest.url("enterprises", enterprise, "approvalRules"), "kinds_of_deeds": DEEDS,
        "management_kinds": [(kind, kind.lower().replace("_", " ")) for kind in KINDS],
        "error": message_of(error), "approval_url": guest.url_of_resource(error.metadata.get("approval", "")) if error else "",
        "crumbs": crumbs_of(guest, enterprise, ("Approvals", "approvals")),
    }  # fmt: skip
    return ConsolePage("console/approval_rules.html", "What needs approval", values, status=status_of(error))


def rule_in_words(rule: Json) -> str:
    """One rule, as one sentence or two."""
    names = [*rule.get("commandTypes", []), *(METHOD_WORDS.get(name, name) for name in rule.get("methods", []))]
    count = rule.get("approvals", 0) or 1
    people = "one other person" if count == 1 else f"{count} other people"
    kinds = [kind.lower().replace("_", " ") for kind in rule.get("managementKinds", [])]
    only = [f"on devices that are {' or '.join(kinds)}"] if kinds else []
    only += [f"on devices for which {rule['devices']} holds"] if rule.get("devices") else []
    where = f", {' and '.join(only)}" if only else ""
    grace = rule.get("gracePeriod", "")
    then = f" It can be called off for {grace} after that." if grace and grace != "0s" else ""
    return f"{', '.join(names)}{where}: {people} must approve.{then}"


def _forms(rules: Sequence[Json]) -> Iterator[Mapping[str, Any]]:
    """Each rule as a form holds it, and one that is empty."""
    for number, rule in enumerate(rules):
        yield {
            "prefix": f"{number}.", "new": False, "what": [*rule.get("commandTypes", []), *rule.get("methods", [])],
            "kinds": rule.get("managementKinds", []), "devices": rule.get("devices", ""), "approvals": rule.get("approvals", 0) or 1,
            "grace": rule.get("gracePeriod", ""),
        }  # fmt: skip
    if len(rules) < RULES_MOST:
        yield {"prefix": f"{len(rules)}.", "new": True, "what": (), "kinds": (), "devices": "", "approvals": 1, "grace": ""}


def _filled(guest: Guest) -> Iterator[Json]:
    """The rules of the form; those that name nothing are left out."""
    for number in range(RULES_MOST):
        prefix = f"{number}."
        what = [name for name in guest.fields.get(f"{prefix}what", ()) if name]
        grace = guest.field(f"{prefix}grace").strip()
        rule = {
            "commandTypes": [name for name in what if name not in METHODS], "methods": [name for name in what if name in METHODS],
            "managementKinds": list(guest.fields.get(f"{prefix}kinds", ())), "devices": guest.field(f"{prefix}devices").strip(),
            "approvals": guest.number(f"{prefix}approvals", empty=1),
            "gracePeriod": written_duration(grace) or grace,  # what is no duration goes as it is: the server says what is wrong
        }  # fmt: skip
        if what:
            yield {name: value for name, value in rule.items() if value not in ("", [])}


def _rules_in(body: bytes) -> Sequence[Json]:
    """The rules of a body that was sent, as far as they can be read."""
    try:
        found = msgspec.json.decode(body, type=dict[str, list[dict[str, Any]]])
    except msgspec.DecodeError:
        return ()
    return found.get("rules", [])

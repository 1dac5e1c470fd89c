"""`make docs`: writes what the docs say about rows, phones and tables, and the SQL of record kinds, from the code itself."""

import logging
import re
from pathlib import Path

import msgspec
import structlog

from heliograph.agent.profiles import PROFILES
from heliograph.agent_check.cases import CASES
from heliograph.api.methods import AMAPI_METHODS
from heliograph.commands import COMMANDS
from heliograph.domain.device import ManagementKind
from heliograph.domain.evidence import NOT_AT_ALL, SOURCES, Facts
from heliograph.domain.explanation import TEXTS, Waiting
from heliograph.domain.operation import FINAL, TRANSITIONS, Event, State
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.sm_dp import CATALOGUE
from heliograph.domain.phone.virtual_device import WorkProfile
from heliograph.storage.kind_statements import printed
from scripts.architecture_page import drawing, rooms
from scripts.command_answers import answers_to
from scripts.command_pages import file_name, index, page
from scripts.configuration_page import configuration_page
from scripts.conformance_page import differences, ledger_table, quirks, scores
from scripts.device_protocol_page import device_protocol_pages
from scripts.device_reports_page import events, judged, reported, server_filled, support, unjudged, usage_log
from scripts.markdown import table, with_blocks
from scripts.real_session import real_session
from scripts.sandbox_api_page import sandbox_api_page
from scripts.wrong_bodies import HABITS, SLOPPY

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "heliograph"
MARKED = (
    "README.md", "docs/sandbox.md", "docs/operation-life.md", "docs/errors.md", "docs/architecture.md", "docs/conformance.md",
    "docs/device-reports.md", "docs/device-protocol.md", "docs/operations.md",
)  # fmt: skip
"""Pages that people write, with blocks in them that this script writes."""


def pages() -> dict[Path, str]:
    """Every page that holds something generated, as it should be."""
    blocks = {
        "phones": _phones(), "phone-facts": _phone_facts(), "esim": _esim(), "quirks": quirks(), "differences": differences(),
        "ledger": ledger_table(), "life": _life(), "life-table": _life_table(),
        "commands": _commands(), "served": _methods(served=True), "not-offered": _methods(served=False),
        "reported": reported(), "events": events(), "server-filled": server_filled(), "usage-log": usage_log(),
        "judged": judged(), "support": support(),
        "unjudged": unjudged(), "wrong-bodies": _wrong_bodies(),
        "sloppy-bodies": _sloppy_bodies(), "facts": _facts(), "evidence": _evidence(), "waiting": _waiting(),
        "agent-cases": _agent_cases(), "house": drawing(SOURCE), "rooms": rooms(SOURCE),
    }  # fmt: skip
    commands = ROOT / "docs" / "commands"
    made = {commands / "README.md": index()}
    with real_session() as session:
        made |= {commands / file_name(row): page(row, answers_to(row, session)) for row in COMMANDS.values()}
        made[ROOT / "docs" / "sandbox-api.md"] = sandbox_api_page(session)
        blocks |= scores(session)
    made[SOURCE / "storage" / "kinds.sql"] = printed()
    made[ROOT / "docs" / "configuration.md"] = configuration_page()
    made |= device_protocol_pages(ROOT / "docs", SOURCE)
    return made | {ROOT / name: with_blocks((ROOT / name).read_text(encoding="utf-8"), blocks) for name in MARKED}


def _phones() -> str:
    rows = [
        (f"`{profile.name}`", profile.model.management_kind.value, f"{profile.model.api_level}", profile.summary)
        for profile in PROFILES.values()
    ]
    return table(("phone", "management", "API", "what for"), rows)


def _phone_facts() -> str:
    """In what the phones differ."""
    rows = [
        (
            f"`{profile.name}`",
            f"{profile.model.build.brand} {profile.model.build.model}",
            profile.model.build.android_version + (f" QPR{profile.model.qpr}" if profile.model.qpr else ""),
            _lock(profile.model.credential),
            _work_lock(profile.model.work_profile),
            " and ".join(number for number in ("IMEI" * bool(profile.model.imei), "MEID" * bool(profile.model.meid)) if number) or "–",
            ", ".join(f"{chip.ports} ports" for chip in profile.model.euiccs) or "–",
            f"{len(profile.model.esims)}",
            profile.model.build.primary_language_code,
        )
        for profile in PROFILES.values()
    ]
    names = ("phone", "model", "Android", "lock", "work profile's lock", "numbers", "eSIM chip", "own eSIMs", "language")
    return table(names, rows)


def _lock(credential: Credential | None) -> str:
    return "–" if credential is None else f"{credential.kind.value}, {len(credential.secret)} characters"


def _work_lock(profile: WorkProfile | None) -> str:
    if profile is None:
        return "no work profile"
    return _lock(profile.credential) if profile.separate_lock else "the device's"


def _commands() -> str:
    """Which types each way of management has, and from which API level."""
    rows = [
        (
            f"[`{row.name}`](docs/commands/{file_name(row)})",
            *(_level(row.requires.lowest_level(management_kind)) for management_kind in ManagementKind),
        )
        for row in COMMANDS.values()
    ]
    return table(("command", *(management_kind.value for management_kind in ManagementKind)), rows)


def _facts() -> str:
    """Of what evidence is made."""
    rows = [(f"`{field.encode_name}`", _form(field.type), SOURCES[field.name]) for field in msgspec.structs.fields(Facts)]
    return table(("fact", "value", "Android"), rows)


def _form(kind: object) -> str:
    """What a fact's value is in JSON."""
    described = str(msgspec.json.schema(kind))
    forms = {"'object'": "whole numbers by package", "'array'": "list of texts", "'boolean'": "true or false", "'integer'": "whole number"}
    return next((form for mark, form in forms.items() if mark in described), "text")


def _evidence() -> str:
    """By command type: which facts show whether it was executed."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(Facts)}
    rows = [
        (
            f"`{row.name}`",
            ", ".join(f"`{names[fact]}`" for fact in row.observed_by.facts) or f"`{row.status_field}`",
            row.observed_by.observed,
            row.observed_by.contradicted,
        )
        for row in COMMANDS.values()
        if row.observed_by is not NOT_AT_ALL
    ]
    return table(("type", "facts", "observed", "contradicted"), rows)


def _agent_cases() -> str:
    """What check-agent makes an agent meet."""
    notes = {"kills": "the agent is killed", "last_order": "`--yes`", "once": "on one transport"}
    rows = [(f"`{case.name}`", case.expects, "; ".join(text for name, text in notes.items() if getattr(case, name))) for case in CASES]
    return table(("case", "expected", "note"), rows)


def _waiting() -> str:
    """What `heliograph explain` says of whatever waits; names and times are left out."""
    rows = [
        tuple(re.sub(r"\{\w+\}", "…", re.sub(r"\{(here|status)\}", "", part)) for part in (text.sentence, text.next_event, text.advice))
        for waiting, text in TEXTS.items()
        if waiting is not Waiting.NOTHING
    ]
    return table(("it says", "what comes next", "what to do"), rows)


def _level(lowest: int | None) -> str:
    return "–" if lowest is None else "any" if lowest <= 1 else f"API {lowest}"


def _esim() -> str:
    return table(("activation code", "what happens"), [(f"`{listing.example}`", listing.summary) for listing in CATALOGUE])


def _life() -> str:
    """The transition table as a drawing."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State(0).name}: issueCommand"]
    for state, targets in TRANSITIONS.items():
        lines += [f"    {state.name} --> {target.name}: {event.value}" for event, target in targets.items()]
    lines += [f"    {state.name} --> [*]" for state in State if state in FINAL]
    return "\n".join([*lines, "```"])


def _life_table() -> str:
    """The transition table as a table: what an event makes of each open state."""
    open_states = [state for state in State if state not in FINAL]
    rows = [
        (event.value, *(TRANSITIONS[state][event].name if event in TRANSITIONS[state] else "–" for state in open_states)) for event in Event
    ]
    return table(("event", *(state.name for state in open_states)), rows)


def _methods(*, served: bool) -> str:
    """The methods of AMAPI that there are, or are not, by resource."""
    by_resource: dict[str, list[str]] = {}
    for method in AMAPI_METHODS:
        if method.offered is served:
            resource, _, verb = method.id.removeprefix("androidmanagement.").rpartition(".")
            by_resource.setdefault(resource, []).append(f"`{verb}`")
    return table(("resource", "methods"), [(f"`{resource}`", ", ".join(verbs)) for resource, verbs in by_resource.items()])


def _wrong_bodies() -> str:
    """Bodies that go wrong, by habit, and their answers."""
    parts = []
    for habit in HABITS:
        rows = [(f"`{body}`".replace("\ufeff", r"\ufeff") if body else "nothing", advice) for body, advice in habit.bodies.items()]
        parts.append(f"### {habit.title}\n\n{table(('body', 'how the answer ends'), rows)}")
    return "\n".join(parts)


def _sloppy_bodies() -> str:
    """Bodies that Google's parsers accept, and their strict answers."""
    rows = [(f"`{row.body}`", f"`{row.read_as}`", row.advice) for row in SLOPPY]
    return table(("body", "read as", "with `--behaviour strict`, 400"), rows)


def main() -> None:
    """Every page is on disk as it should be."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # probes are refused on purpose
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""One docs page per command type, written from its row."""

import json
import shlex
from collections.abc import Iterator, Mapping

import msgspec

from heliograph.agent.overridden_facts import ANDROID_VERSIONS
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType, Recovery
from heliograph.domain.command_fields import CommandField, command_fields, option_words
from heliograph.domain.device import ManagementKind
from heliograph.protojson.schema import EnumKind, MapKind, MessageKind, Scalar, shape_of
from scripts.command_answers import Answers
from scripts.conformance_page import quirk_in_words
from scripts.markdown import first_sentence, table

RECOVERY = {
    Recovery.RESUME: "carries it out again: it ends the device's management, and twice is once",
    Recovery.BOOT_ID: "knows by another boot id that it worked; with the same one it reports `UNKNOWN`",
    Recovery.PROBE: "looks for the effect: there and not there before, it has succeeded; else it reports `UNKNOWN`",
    Recovery.UNKNOWN: "reports `UNKNOWN`: no command is executed twice",
}

SCALARS: Mapping[Scalar | None, str] = {
    Scalar.BOOL: "true or false",
    Scalar.INT32: "whole number",
    Scalar.INT64: "whole number, as text",
    Scalar.FLOAT: "number",
    Scalar.DURATION: 'seconds, as in `"600s"`',
    Scalar.TIMESTAMP: 'time, as in `"2026-11-22T10:00:00Z"`',
}
"""What a value is, where it is neither text nor a choice."""


def file_name(row: CommandType) -> str:
    """`CLEAR_APP_DATA` is described in `clear-app-data.md`."""
    return row.name.lower().replace("_", "-") + ".md"


def index() -> str:
    """The list of all pages."""
    rows = [(f"[`{row.name}`]({file_name(row)})", first_sentence(row.summary)) for row in COMMANDS.values()]
    intro = "For developers of AMAPI clients: a page per command type, made from its row in `src/heliograph/commands/` by `make docs`."
    return f"# Commands\n\n{intro}\n\n{table(('type', 'what it does'), rows)}"


def page(row: CommandType, answers: Answers) -> str:
    """The whole page of a type, with what a sandbox answered to its example."""
    source = f"src/heliograph/commands/{row.name.lower()}.py"
    sections = [
        f"# {row.name}",
        row.summary,
        *_example(row),
        *_answers(answers),
        *_params(row),
        "## Support",
        table(("device", "from"), [(management_kind.value, _from(row, management_kind)) for management_kind in ManagementKind]),
        *_exception(row),
        *_statuses(row),
        *_evidence(row),
        "## Delivery",
        "\n".join(f"- {fact}" for fact in _facts(row)),
        *_quirks(row),
        f"Written by `make docs` from [`{source}`](../../{source}). [All commands](README.md)",
    ]
    return "\n\n".join(section.rstrip("\n") for section in sections) + "\n"


def _example(row: CommandType) -> Iterator[str]:
    body = json.dumps({"type": row.name, **row.example}, indent=2, ensure_ascii=False)
    yield f"```json\n{body}\n```"
    yield f"```console\n$ heliograph issue DEVICE {' '.join((row.name, *example_options(row)))} --wait\n```"


def _answers(answers: Answers) -> Iterator[str]:
    yield f"The answer, and the operation when it is done, here by a `{answers.phone}` of the [sandbox](../sandbox.md):"
    for shown in (answers.issued, answers.done):
        yield f"```json\n{json.dumps(shown, indent=2, ensure_ascii=False)}\n```"


def example_options(row: CommandType) -> Iterator[str]:
    """The row's example as words of a command line, each quoted where a shell needs it."""
    return map(_quoted, option_words(row, row.example))


def _quoted(word: str) -> str:
    """A word with an apostrophe reads best in double quotes, where nothing in it means more there."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def _params(row: CommandType) -> Iterator[str]:
    fields = command_fields(row)
    yield "## Params"
    if row.params_field:
        need = "must be there" if row.params_required else "may be left out, or empty"
        alone = "" if row.params_required else ", and `type` alone is a command"
        yield f"`{row.params_field}` {need}{alone}. With it, `type` may be left out."
    elif fields:
        yield "They stand in the Command itself, beside `type`."
    else:
        yield "None."
    if fields:
        yield table(("field", "value", "what it is for"), [(f"`{field.json_name}`", _value(field), field.description) for field in fields])
    if any(field.secret for field in fields):
        secret = ", ".join(f"`{field.json_name}`" for field in fields if field.secret)
        yield f"{secret} is a secret: stored sealed, sent to the device alone, erased when the operation ends, and in no answer."


def _value(field: CommandField) -> str:
    if field.message is not None:
        return field.message.__name__
    kind = " or ".join(f"`{choice}`" for choice in field.choices) or SCALARS.get(field.scalar, "text")
    return f"list of {kind}" if field.repeated else kind


def _from(row: CommandType, management_kind: ManagementKind) -> str:
    lowest = row.requires.lowest_level(management_kind)
    if lowest is None:
        return "never: `MANAGEMENT_MODE`"
    chip = " with an eSIM chip" if row.requires.euicc else ""
    without = "; without a chip: `UNSUPPORTED`" if row.requires.euicc else ""
    if lowest <= min(ANDROID_VERSIONS):
        return f"every Android version{chip}{without}"
    return f"Android {ANDROID_VERSIONS[lowest]} (API level {lowest}){chip}; older ones: `API_LEVEL`{without}"


def _exception(row: CommandType) -> Iterator[str]:
    """What the row's own check says of itself, where it has one."""
    if row.requires.unsupported.__doc__:
        yield f"{row.requires.unsupported.__doc__.strip()} They answer `UNSUPPORTED`."


def _statuses(row: CommandType) -> Iterator[str]:
    if row.status is None:
        yield "## Outcomes"
        yield "The type has no status of its own: a `response` says that it was executed, `errorCode` and `error` say why not."
        return
    yield "## Outcomes"
    yield f"`metadata.{row.status_field}` says:"
    field = shape_of(row.status).by_name.get("status")
    if field is not None and isinstance(field.kind, EnumKind):
        yield table(("status", "the operation"), [(f"`{name}`", _meaning(row, name)) for name in tuple(field.kind.by_name)[1:]])
        return
    values = [f"`{name}`" for per_item in shape_of(row.status).fields for name in _inner_choices(per_item.kind)]
    yield f"per entry of the request, one of {', '.join(values)}. The operation itself succeeds in any case."


def _evidence(row: CommandType) -> Iterator[str]:
    shown_by = row.observed_by
    if shown_by.observed:
        yield "## Evidence"
        yield (
            f"In the operation's timeline, beside the outcome: `observed` if {shown_by.observed}; `contradicted` if "
            f"{shown_by.contradicted}. [Which facts of the device](../device-protocol.md#evidence)"
        )


def _inner_choices(kind: object) -> tuple[str, ...]:
    if isinstance(kind, MapKind):
        return _inner_choices(kind.value)
    if isinstance(kind, MessageKind):
        return tuple(name for field in shape_of(kind.cls).fields for name in _inner_choices(field.kind))
    return tuple(kind.by_name)[1:] if isinstance(kind, EnumKind) else ()


def _meaning(row: CommandType, name: str) -> str:
    status = msgspec.convert({"status": name}, row.status) if row.status else None
    if row.pending(status):
        return "continues: it does not delay later commands, and a final operation never shows this"
    return "succeeded" if row.succeeded(status) else "failed (`error.code` 9)"


def _facts(row: CommandType) -> Iterator[str]:
    if row.final_at_ack:
        yield (
            "The acknowledgement ends it: the operation succeeds and the device resource goes. For 30 days, the device gets the order "
            "whenever it connects, until it has done it."
        )
    else:
        yield f"It keeps later commands of its device from starting until it ends, at most {row.holds_queue_s} s after its acknowledgement."
        yield f"Acknowledged and not reported for {_days(row.result_timeout_s)}, it is given up."
    yield f"A device that is interrupted while it executes {RECOVERY[row.recovery]}."
    yield "It can be cancelled until the device has acknowledged it. Not acknowledged in time (`duration`, 600 s by default), it expires."


def _days(seconds: int) -> str:
    days = seconds // 86_400
    return f"{days} days" if days > 1 else "a day"


def _quirks(row: CommandType) -> Iterator[str]:
    if row.as_observed:
        yield "## As observed"
        yield "With `--behaviour as-observed` the server does as real AMAPI was seen to do, not as its reference page says:"
        yield "\n".join(f"- {quirk_in_words(quirk)}" for quirk in sorted(row.as_observed, key=lambda quirk: quirk.name))

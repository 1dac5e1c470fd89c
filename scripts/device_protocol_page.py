"""docs/device-protocol/: the schema, the examples, and the page that lists them; and the schema that the server serves."""

import json
from collections.abc import Iterator
from pathlib import Path

from heliograph.agent.transport import KIND_OF
from scripts.device_protocol_examples import examples, kept, wrong_examples
from scripts.device_protocol_schema import FRAMES, messages, schema
from scripts.markdown import table

ANSWERS = {
    "Enroll": "Enrolled", "Hello": "Greeting", "Acknowledge": "Execute, Drop", "Begin": "Execute, Drop", "Refuse": "Ok", "Report": "Asked",
    "StatusReport": "PhonePolicy", "UsageLogs": "Ok", "Ping": "Pong", "PushSubscription": "ApplicationServer", "OrderCarriedOut": "Ok",
}  # fmt: skip
HEAD = """# Messages of the device protocol

For developers of agents: a JSON Schema of every message and an example of each, made by `make docs` from the server's own code. The words
are those of [the device protocol](../device-protocol.md), which says when to send what.

- [schema.json](schema.json): JSON Schema 2020-12, each message in `$defs` under its name. Your server has the one of its version at
  `GET /device/v1/schema`, without sign-in.
- [examples/](examples): one of each message. What the phone says was encoded by the virtual phone's code and taken by a real server; the
  rest is what that server answered.
- [wrong/](wrong): messages of phones that neither the schema nor the server takes, with the server's words.

Unknown fields are ignored by both sides, so the schema allows them. A message that the schema allows is well-formed; whether it is right in
its moment only the server knows. AMAPI's own messages inside (Command, Policy, statuses, UsageLogEvent) are objects here:
[their reference](https://developers.google.com/android/management/reference/rest/v1/enterprises.devices).

"""


def device_protocol_pages(docs: Path, package: Path) -> Iterator[tuple[Path, str]]:
    """Each file, and what is in it."""
    folder, made, right = docs / "device-protocol", schema(), examples()
    yield folder / "schema.json", json.dumps(made, indent=2, ensure_ascii=False) + "\n"
    yield package / "channel" / "schema.json", json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n"
    for name in sorted({*messages(), *FRAMES}):
        path = folder / "examples" / f"{name}.json"
        yield path, kept(right[name], path)
    for name, wrong in wrong_examples(right).items():
        yield folder / "wrong" / f"{name}.json", json.dumps(wrong, indent=2, ensure_ascii=False) + "\n"
    yield folder / "README.md", HEAD + _listed()


def _listed() -> str:
    kinds = {message.__name__: kind for message, kind in KIND_OF.items()}
    said = table(
        ("a phone says", "`kind`", "it is answered"),
        [(_link(name), f"`{kinds[name]}`", ", ".join(map(_link, ANSWERS[name].split(", ")))) for name in ANSWERS],
    )
    others = sorted({*messages(), *FRAMES} - {*ANSWERS} - {name for names in ANSWERS.values() for name in names.split(", ")})
    return f"{said}\n\nInside these, or around them: {', '.join(map(_link, others))}.\n"


def _link(name: str) -> str:
    return f"[{name}](examples/{name}.json)"

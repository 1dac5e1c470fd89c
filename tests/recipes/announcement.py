"""The next release of Google's Python client, whose discovery document knows command types that ours does not know yet."""

import contextlib
import importlib.resources
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCUMENT = Path("discovery_cache") / "documents" / "androidmanagement.v1.json"
CLIENT = "googleapiclient"

Json = dict[str, Any]


def release(folder: Path, *announced: Json) -> None:
    """The client stands in `folder`, its document with what is `announced`: each a `type`, the fields of Command, and `schemas`."""
    with changed_document(folder) as document:
        command = document["schemas"]["Command"]["properties"]
        for one in announced:
            command["type"]["enum"].append(one["type"])
            command |= {field: {"$ref": message} for field, message in one["fields"].items()}
            document["schemas"] |= one["schemas"]


@contextlib.contextmanager
def changed_document(folder: Path) -> Iterator[Json]:
    """The client stands in `folder`, its document as the block leaves it."""
    installed = Path(str(importlib.resources.files(CLIENT)))
    shutil.copytree(installed, folder / CLIENT, ignore=lambda _folder, names: {"documents", "__pycache__"} & set(names))
    document = json.loads((installed / DOCUMENT).read_text(encoding="utf-8"))
    yield document
    (folder / CLIENT / DOCUMENT).parent.mkdir()
    (folder / CLIENT / DOCUMENT).write_text(json.dumps(document), encoding="utf-8")


def message(name: str, **fields: Json) -> Json:
    """A message's schema, by its name."""
    return {name: {"id": name, "type": "object", "properties": fields}}


TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
INT32: Json = {"type": "integer", "format": "int32"}
DURATION: Json = {"type": "string", "format": "google-duration"}

RING: Json = {
    "type": "RING",
    "fields": {"ringParams": "RingParams"},
    "schemas": message("RingParams", seconds=INT32),
}
UNLOCK_SIM: Json = {
    "type": "UNLOCK_SIM",
    "fields": {"unlockSimParams": "UnlockSimParams", "unlockSimStatus": "UnlockSimStatus"},
    "schemas": message("UnlockSimParams", pin=TEXT, slot=INT32, silent=FLAG, askAgainAfter=DURATION)
    | message(
        "UnlockSimStatus",
        status={"type": "string", "enum": ["STATUS_UNSPECIFIED", "PENDING_USER_ACTION", "UNLOCKED", "USER_DECLINED"]},
    ),
}

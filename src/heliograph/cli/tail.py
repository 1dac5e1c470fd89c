"""`heliograph tail`: a sandbox's request journal, live."""

import json
import time
from typing import Final

import click

from heliograph.cli.anywhere import SERVER
from heliograph.cli.api_client import Json
from heliograph.cli.command_tree import command, option
from heliograph.cli.options import client_of

LOOK_EVERY_S: Final = 0.2
JOURNAL: Final = "/sandbox/v1/requests"
SERVICE: Final = "androidmanagement."


@command("tail")
@SERVER
@option("--filter", default="", show_default=False, metavar="EXPRESSION", help="For example: status>=400 phone:pixel8.")
@option("--from-start", is_flag=True, help="Show first the requests that the sandbox remembers.")
@option("--count", type=click.IntRange(min=0), default=0, metavar="N", help="End after this many requests; 0: never.")
@option("--json", "as_json", is_flag=True, help="Print each request as one line of JSON.")
def tail(*, server: str, filter: str, from_start: bool, count: int, as_json: bool) -> None:
    """Follow the requests that reach a sandbox: when, what, about which phone, the status, and the fault that changed it."""
    client = client_of(server)
    newest = 0 if from_start else _newest(json.loads(client.get(JOURNAL))["requests"])
    shown = 0
    while True:
        wanted = json.loads(client.get(JOURNAL, {"after": f"requests/{newest}", "filter": filter}))["requests"]
        for request in wanted:
            click.echo(json.dumps(request) if as_json else _line(request))
            shown += 1
            if shown == count:
                return
        newest = max(newest, _newest(wanted))
        time.sleep(LOOK_EVERY_S)


def _newest(requests: list[Json]) -> int:
    return max((int(request["name"].rpartition("/")[2]) for request in requests), default=0)


def _line(request: Json) -> str:
    """Time (UTC), HTTP method, AMAPI's method, phone, status, duration; then the operation, and the effect of a fault."""
    clock = request["time"].partition("T")[2].removesuffix("Z")[:12] + "Z"
    ms = float(request["duration"].removesuffix("s")) * 1_000
    words = [
        clock, request["httpMethod"], request["method"].removeprefix(SERVICE), request.get("phone", "-"), str(request["status"] or "cut"),
        f"{ms:.1f}ms",
    ]  # fmt: skip
    kind = request.get("body", {})
    if isinstance(kind, dict) and kind.get("type"):
        words.append(str(kind["type"]))
    if request.get("operation"):
        words.append(request["operation"].rpartition("/")[2])
    if request.get("fault"):
        words.append(f"[{request['fault']}: {request['effect']}]")
    return "  ".join(words)

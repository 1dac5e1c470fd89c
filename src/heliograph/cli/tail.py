"""`heliograph tail`: a sandbox's request journal, live."""

import json
import time
from typing import Final

import click

from heliograph.cli.anywhere import SERVER
from heliograph.cli.api_client import Json
from heliograph.cli.command_tree import command, option
from heliograph.cli.foreign_text import harmless_line
from heliograph.cli.options import client_of

LOOK_EVERY_S: Final = 0.2
JOURNAL: Final = "/sandbox/v1/requests"
SERVICE: Final = "androidmanagement."
PARENT: Final = "enterprises."
NO_METHOD: Final = "unknown"
PHONE_WIDTH: Final = 24
"""Of the longest name in a sandbox."""
AS_WIDE_AS_A_TIME: Final = " " * 13


@command("tail")
@SERVER
@option("--filter", default="", show_default=False, metavar="EXPRESSION", help="For example: status>=400 phone:pixel8.")
@option("--from-start", is_flag=True, help="Show first the requests that the sandbox remembers.")
@option("--count", type=click.IntRange(min=0), default=0, metavar="N", help="End after this many requests; 0: never.")
@option("--trace", is_flag=True, help="Show below each command what the server and the phone have made of it so far.")
@option("--json", "as_json", is_flag=True, help="Print each request as one line of JSON; with --trace, its trace.")
def tail(*, server: str, filter: str, from_start: bool, count: int, trace: bool, as_json: bool) -> None:
    """Follow the requests that reach a sandbox: when, what, about which phone, the status, and the fault that changed it."""
    client = client_of(server)
    newest = 0 if from_start else _newest(json.loads(client.get(JOURNAL))["requests"])
    shown = 0
    while True:
        wanted = json.loads(client.get(JOURNAL, {"after": f"requests/{newest}", "filter": filter}))["requests"]
        for request in wanted:
            followed = trace and request["httpMethod"] != "GET" and request.get("operation")
            found = json.loads(client.get(f"/sandbox/v1/{request['name']}/trace")) if followed else {"request": request, "steps": []}
            if as_json:
                click.echo(json.dumps(found if trace else request))
            else:
                lines = [_line(request), *(_step(step) for step in found["steps"] if step.get("request") != request["name"])]
                click.echo("\n".join(map(harmless_line, lines)))
            shown += 1
            if shown == count:
                return
        newest = max(newest, _newest(wanted))
        time.sleep(LOOK_EVERY_S)


def _newest(requests: list[Json]) -> int:
    return max((int(request["name"].rpartition("/")[2]) for request in requests), default=0)


def _line(request: Json) -> str:
    """Time (UTC), status, duration, phone, method; then type and operation of a command, and the effect of a fault."""
    ms = float(request["duration"].removesuffix("s")) * 1_000
    method = request["method"].removeprefix(SERVICE).removeprefix(PARENT)
    words = [
        _clock(request["time"]), f"{request['status'] or 'cut':>3}", f"{ms:>8.1f}ms", f"{request.get('phone', '-'):<{PHONE_WIDTH}}",
        f"{request['httpMethod']} {request['path']}" if method == NO_METHOD else method,
    ]  # fmt: skip
    kind = request.get("body", {})
    if isinstance(kind, dict) and kind.get("type"):
        words.append(str(kind["type"]))
    if request.get("operation"):
        words.append(request["operation"].rpartition("/")[2])
    if request.get("fault"):
        words.append(f"[{request['fault']}: {request['effect']}]")
    return " ".join(words)


def _step(step: Json) -> str:
    what = step["what"].removeprefix(SERVICE).removeprefix(PARENT)
    return f"{AS_WIDE_AS_A_TIME} {_clock(step['time'])} {step['where'].lower():<12} {what}" + (
        f": {step['detail']}" if step.get("detail") else ""
    )


def _clock(time: str) -> str:
    return time.partition("T")[2].removesuffix("Z")[:12].ljust(12, "0") + "Z"

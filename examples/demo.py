"""Google's own Python client drives a whole Heliograph: every command type, on phones they fit and on phones they do not.

    make demo

Starts `heliograph sandbox`, issues commands with google-api-python-client, follows their operations with operations.get, and prints
the outcome of each. Exits 0 only if every outcome is the expected one. Nothing here is special to Heliograph but the address and the
steering of the virtual phones (docs/sandbox.md).
"""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from heliograph.domain.longrunning import read_outcome

Json = dict[str, Any]

ENTERPRISE = "enterprises/sandbox"
POLL_S = 0.005
PATIENCE_S = 20.0

PIXEL_8 = "pixel8-a15-fully-managed"
PIXEL_7 = "pixel7-a14-cope"
PIXEL_9 = "pixel9-a16qpr2-cope"
GALAXY_S25 = "galaxy-s25-a15-byod"
GALAXY_A14 = "galaxy-a14-a13-byod"
GALAXY_S9 = "galaxy-s9-a10-cope"
ZEBRA = "zebra-tc52-a10-dedicated"
MOTO = "moto-g5-a8-fully-managed"
NEXUS = "legacy-a7-fully-managed"

ESIM = "LPA:1$smdp.example.com$"
"""The matching id behind it decides the outcome of the download (docs/sandbox.md)."""


class Sandbox:
    """The sandbox's two faces: AMAPI through Google's client, and the phones' steering."""

    def __init__(self, url: str) -> None:
        """Google's client, pointed here; everything else about it is as with Google."""
        self.url = url
        amapi: Any = build("androidmanagement", "v1", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})  # type: ignore[no-untyped-call]
        self.devices = amapi.enterprises().devices()

    def steer(self, phone: str, **changes: object) -> None:
        """The phone behaves so from now on."""
        self._ask("PATCH", f"devices/{phone}", changes)

    def act(self, phone: str, deed: str) -> None:
        """The phone's user does this."""
        self._ask("POST", f"devices/{phone}:{deed}", {})

    def _ask(self, method: str, path: str, body: Json) -> None:
        request = urllib.request.Request(f"{self.url}/sandbox/v1/{path}", json.dumps(body).encode(), method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - the address is our own sandbox's
            pass


Deed = Callable[[Sandbox, Json], None]
"""Something done with the sandbox while the operation is open."""


def nothing(_sandbox: Sandbox, _operation: Json) -> None:
    """Nothing needs to be done."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One command, and its expected outcome."""

    phone: str
    command: Json
    outcome: str = "succeeded"
    detail: str = ""
    before: Callable[[Sandbox], None] = lambda _sandbox: None
    meanwhile: Deed = nothing
    after: Callable[[Sandbox], None] = lambda _sandbox: None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The outcome of a command, and after how long."""

    outcome: str
    detail: str
    seconds: float
    operation: Json


def of_type(name: str, field: str = "", **params: object) -> Json:
    """A Command of this type, with its params where it has some."""
    return {"type": name, **({field: params} if field else params)}


def offline(phone: str) -> Callable[[Sandbox], None]:
    """The phone loses its network."""
    return lambda sandbox: sandbox.steer(phone, online=False)


def online(phone: str) -> Callable[[Sandbox], None]:
    """The phone has its network again."""
    return lambda sandbox: sandbox.steer(phone, online=True)


def user_will(phone: str, consent: str) -> Callable[[Sandbox], None]:
    """The phone's user answers so when asked."""
    return lambda sandbox: sandbox.steer(phone, consent=consent, consentDelay="0.2s")


def cancel(sandbox: Sandbox, operation: Json) -> None:
    """The caller thinks better of it."""
    sandbox.devices.operations().cancel(name=operation["name"]).execute()


def approve_once_asked(sandbox: Sandbox, operation: Json) -> None:
    """The operation says PENDING_USER_ACTION until the user has tapped "allow"."""
    until = time.monotonic() + PATIENCE_S
    while read_outcome(operation).detail != "PENDING_USER_ACTION" and time.monotonic() < until:
        time.sleep(POLL_S)
        operation = sandbox.devices.operations().get(name=operation["name"]).execute()
    sandbox.act(operation["name"].split("/")[3], "approve")


def lost(message: str) -> Json:
    """START_LOST_MODE with this message."""
    return of_type("START_LOST_MODE", "startLostModeParams", lostMessage={"defaultMessage": message})


def clear(*packages: str) -> Json:
    """CLEAR_APP_DATA of these apps."""
    return of_type("CLEAR_APP_DATA", "clearAppsDataParams", packageNames=packages)


def add_esim(matching_id: str, state: str) -> Json:
    """ADD_ESIM with this matching id."""
    return of_type("ADD_ESIM", "addEsimParams", activationCode=ESIM + matching_id, activationState=state)


def remove_esim(icc_id: str) -> Json:
    """REMOVE_ESIM of this profile."""
    return of_type("REMOVE_ESIM", "removeEsimParams", iccId=icc_id)


def request_eid() -> Json:
    """REQUEST_DEVICE_INFO for the EID."""
    return of_type("REQUEST_DEVICE_INFO", "requestDeviceInfoParams", deviceInfo="EID")


FITTING = (
    Case(phone=PIXEL_8, command=of_type("LOCK")),
    Case(phone=PIXEL_8, command=clear("com.slack", "com.microsoft.teams"), detail="com.slack: SUCCESS, com.microsoft.teams: SUCCESS"),
    Case(phone=PIXEL_8, command=lost("Please call the owner."), detail="SUCCESS"),
    Case(phone=PIXEL_8, command=lost("Please call the owner."), detail="ALREADY_IN_LOST_MODE"),
    Case(phone=PIXEL_8, command=of_type("STOP_LOST_MODE", "stopLostModeParams"), detail="SUCCESS"),
    Case(phone=PIXEL_8, command=of_type("RESET_PASSWORD", newPassword="271828", resetPasswordFlags=["LOCK_NOW"])),
    Case(phone=NEXUS, command=of_type("REBOOT")),
    Case(phone=PIXEL_9, command=add_esim("FLEET-PLAN", "ACTIVATED"), detail="SUCCESS"),
    Case(phone=GALAXY_S25, command=request_eid(), detail="SUCCEEDED", before=user_will(GALAXY_S25, "APPROVE")),
    Case(
        phone=GALAXY_S25, command=add_esim("TRAVEL-PLAN", "NOT_ACTIVATED"), detail="SUCCESS",
        before=user_will(GALAXY_S25, "IGNORE"), meanwhile=approve_once_asked,
    ),
    Case(phone=GALAXY_S9, command=of_type("WIPE", "wipeParams", wipeDataFlags=["WIPE_EXTERNAL_STORAGE"])),
)  # fmt: skip

UNFITTING = (
    Case(phone=ZEBRA, command=lost("Return to warehouse 7."), outcome="failed", detail="API_LEVEL"),
    Case(phone=MOTO, command=clear("com.slack"), detail="com.slack: API_LEVEL"),
    Case(phone=GALAXY_A14, command=of_type("REBOOT"), outcome="failed", detail="MANAGEMENT_MODE"),
    Case(phone=PIXEL_7, command=of_type("RESET_PASSWORD", newPassword="1234"), outcome="failed", detail="INVALID_VALUE"),
    Case(phone=PIXEL_8, command=lost("Too late."), outcome="failed", detail="RESET_PASSWORD_RECENTLY"),
    Case(
        phone=PIXEL_8, command=clear("com.example.absent", "com.google.android.gms"),
        detail="com.example.absent: APP_NOT_FOUND, com.google.android.gms: APP_PROTECTED",
    ),
    Case(phone=PIXEL_8, command=remove_esim("8999101234567890128"), outcome="failed", detail="ERROR_ICC_ID_NOT_FOUND"),
    Case(phone=PIXEL_8, command=add_esim("SMDX-8.2.6-3.8", "ACTIVATED"), outcome="failed", detail="INTERNAL_ERROR"),
    Case(phone=PIXEL_9, command=remove_esim("8999101234567890128"), outcome="failed", detail="UNSUPPORTED"),
    Case(
        phone=GALAXY_S25, command=request_eid(), outcome="failed", detail="USER_DECLINED", before=user_will(GALAXY_S25, "DECLINE"),
    ),
    Case(phone=GALAXY_A14, command=request_eid(), outcome="failed", detail="UNSUPPORTED"),
    Case(
        phone=ZEBRA, command=of_type("LOCK", duration="1s"), outcome="expired", detail="The command expired before the device executed it.",
        before=offline(ZEBRA), after=online(ZEBRA),
    ),
    Case(
        phone=MOTO, command=of_type("WIPE", "wipeParams"), outcome="cancelled", detail="The operation was cancelled.",
        before=offline(MOTO), meanwhile=cancel, after=online(MOTO),
    ),
    Case(phone=MOTO, command=of_type("CLEAR_APP_DATA"), outcome="400", detail="INVALID_ARGUMENT"),
    Case(phone=PIXEL_7, command=of_type("RELINQUISH_OWNERSHIP")),
    Case(phone=PIXEL_7, command=of_type("LOCK"), outcome="404", detail="NOT_FOUND"),
)  # fmt: skip


def carried_out(sandbox: Sandbox, case: Case) -> Ended:
    """The command was issued and has ended, one way or another."""
    case.before(sandbox)
    start = time.perf_counter()
    try:
        operation = sandbox.devices.issueCommand(name=f"{ENTERPRISE}/devices/{case.phone}", body=case.command).execute()
    except HttpError as error:
        status = json.loads(error.content)["error"]["status"]
        return Ended(outcome=str(error.resp.status), detail=status, seconds=time.perf_counter() - start, operation={})
    case.meanwhile(sandbox, operation)
    while not operation.get("done") and time.perf_counter() - start < PATIENCE_S:
        time.sleep(POLL_S)
        operation = sandbox.devices.operations().get(name=operation["name"]).execute()
    seconds = time.perf_counter() - start
    case.after(sandbox)
    view = read_outcome(operation)
    return Ended(outcome=view.outcome, detail=view.detail, seconds=seconds, operation=operation)


def play(sandbox: Sandbox, table: Table) -> Iterator[bool]:
    """Every case in turn, shown in the table; yields whether it came out as expected."""
    for case in FITTING:
        ended = carried_out(sandbox, case)
        yield told(table, case, ended)
        if case.command["type"] == "ADD_ESIM" and case.phone == GALAXY_S25:  # what was added can be removed, by the ICC ID it got
            icc_id = ended.operation.get("metadata", {}).get("esimStatus", {}).get("esimInfo", {}).get("iccId", "")
            removal = Case(phone=GALAXY_S25, command=remove_esim(icc_id or "missing"), detail="SUCCESS")
            yield told(table, removal, carried_out(sandbox, removal))
    table.add_section()
    for case in UNFITTING:
        yield told(table, case, carried_out(sandbox, case))


def told(table: Table, case: Case, ended: Ended) -> bool:
    """The case is a row of the table; returns whether it came out as expected."""
    expected = (case.outcome, case.detail) == (ended.outcome, ended.detail)
    colour = {"succeeded": "green", "failed": "red"}.get(ended.outcome, "yellow")
    detail = ended.detail.replace(", ", "\n")
    if not expected:
        detail += f"\nEXPECTED {case.outcome} {case.detail}"
    mark = Text("✓", "green") if expected else Text("✗", "bold red")
    came_of_it = Text.assemble((ended.outcome, colour), " ", detail)
    table.add_row(mark, case.phone, case.command["type"], came_of_it, f"{ended.seconds * 1000:.0f} ms")
    return expected


@contextlib.contextmanager
def running_sandbox() -> Iterator[str]:
    """The address of a sandbox that runs for as long as the block does: the real command line, on a free port."""
    command = [sys.executable, "-m", "heliograph", "sandbox", "--port", "0"]
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            address = next((found[0] for line in process.stdout or () if (found := re.search(r"http://\S+", line))), None)
            if address is None:
                log.seek(0)
                raise SystemExit(f"The sandbox did not start:\n{log.read()}")
            yield address
        finally:
            process.terminate()
            process.communicate(timeout=30)


def main() -> int:
    """The exit code: 0 if every outcome was the expected one."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for column in ("", "DEVICE", "COMMAND"):
        table.add_column(column, no_wrap=True)
    # One column for both, and no padding, so that a terminal of 80 columns has room for the longest word (RESET_PASSWORD_RECENTLY).
    table.add_column("OUTCOME, STATUS OR ERROR", overflow="fold")
    table.add_column("DONE IN", justify="right", no_wrap=True)
    console = Console()
    start = time.monotonic()
    with running_sandbox() as url:
        console.print(f"Google's Python client drives a Heliograph sandbox on {url}")
        # Where no terminal redraws it, the table is printed once, when it is whole.
        with Live(table, console=console, refresh_per_second=10, vertical_overflow="visible", transient=not console.is_terminal):
            results = list(play(Sandbox(url), table))
        if not console.is_terminal:
            console.print(table)
    right = results.count(True)
    console.print(f"{right} of {len(results)} outcomes as expected, in {time.monotonic() - start:.0f} s.")
    return 0 if right == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())

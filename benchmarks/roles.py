"""What judging costs: issueCommand with roles and limits beside the role admin without any, in the same run, round by round."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.figures import Figures, Row, Run, Scale
from benchmarks.issuing import Contender, contender
from benchmarks.load import Load, wrk
from benchmarks.signed_in import Heliograph, access_token, heliograph
from tests.patience import PATIENCE_S

CLIENTS = 64
WIPED = 10
"""As many as the default blast radius: the same phones are wiped again and again, and take one place each."""
WIPE = '{"type": "WIPE"}'
ISSUE = "androidmanagement.enterprises.devices.issueCommand"
TYPES = ("LOCK", "REBOOT")
ROLES: Mapping[str, Sequence[Mapping[str, object]]] = {
    "two-types": ({"methods": [ISSUE], "commandTypes": TYPES},),
    "filter": ({"methods": [ISSUE], "commandTypes": TYPES, "devices": 'ownership=COMPANY_OWNED policyName="*/default"'},),
    "ten-lines": (
        *({"methods": [ISSUE], "devices": f'policyName="*/policy-{number}"'} for number in range(9)),
        {"methods": [ISSUE], "devices": "apiLevel>=30"},
    ),
}


class Judged(NamedTuple):
    """A kind of caller, and what it asks for."""

    name: str
    role: str
    options: tuple[str, ...] = ("--blast-radius", "unlimited")
    wipes: bool = False
    goal: float = 0.0


CALLERS = (
    Judged("LOCK, admin with a blast radius of 10", "admin", (), goal=0.97),
    Judged("LOCK, operator", "operator", goal=0.97),
    Judged("LOCK, a role of two types", "two-types", goal=0.97),
    Judged("LOCK, a role with a filter of devices", "filter"),
    Judged("LOCK, a role of ten lines with filters, the last covers", "ten-lines"),
    Judged("WIPE, admin with a blast radius of 10", "admin", (), wipes=True),
)


def measure_roles(scale: Scale) -> Figures:
    """CPU per command for each kind of caller; a goal of 0.97 is the noise of this measurement, and no more."""
    figures = Figures()
    with heliograph(options=("--open-commands-most", "100000000")) as server:
        admin = contender(server, scale.phones)
        for role, lines in ROLES.items():
            _desk(server, "roles", "set", role, "--body", json.dumps({"allow": lines}))
        free = key_token(server, "free", "admin", ("--blast-radius", "unlimited"))
        for number, caller in enumerate(CALLERS):
            token = key_token(server, f"caller-{number}", caller.role, caller.options)
            load = Load(admin.paths[:WIPED] if caller.wipes else admin.paths, clients=CLIENTS, **({"body": WIPE} if caller.wipes else {}))
            beside, runs = [], []
            for _ in range(scale.rounds):
                beside.append(_run(admin, load, free, scale.seconds))
                runs.append(_run(admin, load, token, scale.seconds))
            figures.rows.append(Row(caller.name, runs, beside, "admin without a limit", caller.goal))
    figures.notes.append("SQLite, 64 clients. WIPE: of ten phones, by both callers, whose queues grow alike.")
    return figures


def _run(admin: Contender, load: Load, token: str, seconds: float) -> Run:
    return wrk(admin.server.url, load, cpu_s=admin.server.cpu_s, seconds=seconds, token=token, database_cpu_s=float)


def key_token(server: Heliograph, name: str, role: str, options: Sequence[str]) -> str:
    """A bearer token of a new key."""
    file = server.folder / f"{name}.json"
    _desk(server, "keys", "create", "--enterprise", "*", "--role", role, "--out", str(file), *options)
    return access_token(server.url, file)


def _desk(server: Heliograph, *arguments: str) -> None:
    command = [sys.executable, "-m", "heliograph", *arguments, "--data-dir", str(server.folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)

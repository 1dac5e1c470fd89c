"""What each command type costs beside LOCK, the plainest: issueCommand of its row's example, in the same run, round by round."""

import json
import urllib.error

from benchmarks.figures import Figures, Row, Run, Scale
from benchmarks.issuing import Contender, contender
from benchmarks.load import ISSUE, Load, wrk
from benchmarks.roles import key_token
from benchmarks.signed_in import heliograph
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType

CLIENTS = 64
ROUNDS_MOST = 2
"""Of ten types; a round has two runs of each."""
PLAINEST = "LOCK"


def body_of(row: CommandType) -> str:
    """An issueCommand of this type as its documentation shows it; `%d` in it becomes another number each time."""
    return json.dumps({"type": row.name, "duration": "%ds", **row.example}, separators=(",", ":"))


def measure_types(scale: Scale) -> Figures:
    """CPU per command of every type that these phones take."""
    figures = Figures()
    with heliograph(options=("--open-commands-most", "100000000")) as server:
        phones = contender(server, scale.phones)
        token = key_token(server, "free", "admin", ("--blast-radius", "unlimited"))
        left_out = []
        for row in COMMANDS.values():
            if not _takes(phones, body_of(row)):
                left_out.append(row.name)
                continue
            beside: list[Run] = []
            runs: list[Run] = []
            for _ in range(min(scale.rounds, ROUNDS_MOST)):
                for body, found in ((ISSUE, beside), (body_of(row), runs)):
                    load = Load(phones.paths, body=body, clients=CLIENTS)
                    found.append(wrk(server.url, load, cpu_s=server.cpu_s, seconds=scale.seconds / 2, token=token))
            figures.rows.append(Row(row.name, runs, beside, PLAINEST))
    figures.notes.append("SQLite, 64 clients; the phones are company-owned and fully managed.")
    if left_out:
        figures.notes.append(f"Refused by such phones: {', '.join(left_out)}.")
    return figures


def _takes(phones: Contender, body: str) -> bool:
    try:
        phones.server.call(phones.paths[0], json.loads(body.replace("%d", "100000")))
    except urllib.error.HTTPError as error:
        if error.code != 400:  # noqa: PLR2004 - the device refuses it for certain
            raise
        return False
    return True

"""A whole agent for the device protocol in Python's standard library: it locks, reboots (itself) and refuses everything else.

    python examples/minimal_agent.py http://127.0.0.1:8080 ENROLLMENT_TOKEN journal.json

docs/device-protocol.md explains every step. Boot id and reboot are played by this process: on a phone they are the real ones.
"""

# ruff: noqa: PLR2004, S310, S311 - HTTP statuses read best as numbers; the server's address is the caller's; jitter is no secret

import hashlib
import json
import os
import random
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SERVER, TOKEN, JOURNAL = sys.argv[1].rstrip("/"), sys.argv[2], Path(sys.argv[3])
UNKNOWN_FIRST_S = float(os.environ.get("UNKNOWN_FIRST_S", "60"))
BOOT_ID = secrets.token_hex(8)
CAN = {"LOCK", "REBOOT"}
FACTS = {"managementMode": "DEVICE_OWNER", "ownership": "COMPANY_OWNED", "apiLevel": 35, "hardwareInfo": {"serialNumber": "MINIMAL1"}}


def write(journal: Json) -> None:
    """The journal is on disk, whole, before anything else happens."""
    beside = JOURNAL.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(journal, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(JOURNAL)


def call(path: str, body: Json | None = None, credential: str = "") -> tuple[int, Json]:
    """Status and body of the first answer that says something: 429, 5xx and silence are asked again, later and later, with jitter."""
    asked_s = 0.0  # by Retry-After, at least
    for attempt in range(1_000_000):
        request = urllib.request.Request(f"{SERVER}/device/v1/{path}", None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {credential}")
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                return error.code, json.load(error)
            asked_s = float(error.headers.get("Retry-After", 0))
        except (OSError, ValueError):
            asked_s = 0.0
        time.sleep(asked_s + random.uniform(0.5, 1) * min(60, 2 ** min(attempt, 6)))
    raise SystemExit("no server")


def enrolled() -> Json:
    """The journal of a phone that the server knows; the credential is on disk before the server hears of its hash."""
    if not JOURNAL.exists():
        write({"credential": secrets.token_urlsafe(32), "installationId": secrets.token_hex(16), "name": "", "operations": {}})
    journal: Json = json.loads(JOURNAL.read_text())
    if not journal["name"]:
        hashed = hashlib.sha256(journal["credential"].encode()).hexdigest()
        enroll = {"enrollmentToken": TOKEN, "installationId": journal["installationId"], "credentialHash": hashed, "report": FACTS}
        status, answer = call("enroll", enroll)
        if status != 200:
            raise SystemExit(f"not enrolled: {answer}")
        journal["name"] = answer["name"]
        write(journal)
    return journal


def go_on(journal: Json, operation: str) -> None:
    """The operation is taken from where the journal says it is to its end; each line is written before its step."""
    entry = journal["operations"][operation]
    if entry["state"] == "acking":
        status, answer = call(f"{operation}:acknowledge", {"ackId": entry["ackId"]}, journal["credential"])
        if status != 200 or "drop" in answer:
            return forget(journal, operation)
        entry |= {"state": "executing", "bootId": BOOT_ID}
        write(journal)
        entry["report"] = execute(entry["type"]) if answer["startWithinMs"] > 0 else {"state": "NOT_STARTED"}
    elif entry["state"] == "executing":
        worked = entry["type"] == "REBOOT" and entry["bootId"] != BOOT_ID
        entry["report"] = {"state": "SUCCEEDED"} if worked else {"state": "FAILED", "errorCode": "UNKNOWN", "message": "interrupted"}
    entry["state"] = "result"
    write(journal)
    call(f"{operation}:report", {"ackId": entry["ackId"], "seq": 1, **entry["report"]}, journal["credential"])
    return forget(journal, operation)


def execute(kind: str) -> Json:
    """The command was carried out; the answer is what to report. A reboot does not return: the next start finds it in the journal."""
    print(f"{kind}: done", flush=True)
    if kind == "REBOOT":
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this is the phone's restart
    return {"state": "SUCCEEDED"}


def forget(journal: Json, operation: str) -> None:
    """The phone is done with the operation."""
    del journal["operations"][operation]
    write(journal)


def take(journal: Json, offer: Json) -> None:
    """The offered command is refused before anything is done, or carried out."""
    operation, kind = offer["operation"], offer["command"]["type"]
    if kind not in CAN:
        call(f"{operation}:refuse", {"errorCode": "UNSUPPORTED"}, journal["credential"])
        print(f"{kind}: refused", flush=True)
    else:
        journal["operations"].setdefault(operation, {"ackId": secrets.token_hex(16), "state": "acking", "type": kind})
        write(journal)
        go_on(journal, operation)


def greeted(journal: Json) -> tuple[int, Json]:
    """The answer to hello. A server that does not know the phone may have lost its database for a while: it is asked again, seldom."""
    for attempt in range(1_000_000):
        in_flight = [{"operation": name, "ackId": e["ackId"], "state": e["state"]} for name, e in journal["operations"].items()]
        status, answer = call("hello", {"inFlight": in_flight}, journal["credential"])
        if status != 401:
            return status, answer
        print("the server does not know this phone", flush=True)
        time.sleep(random.uniform(0.5, 1) * min(3600, UNKNOWN_FIRST_S * 2 ** min(attempt, 6)))
    raise SystemExit("never known")


def connected(journal: Json) -> tuple[int, Json]:
    """What ended the connection: commands are taken until the server answers something else than 200."""
    status, answer = greeted(journal)
    if status == 200:
        for operation in list(journal["operations"]):
            go_on(journal, operation)
        status, answer = call("status", {"report": FACTS}, journal["credential"])
    while status == 200:
        time.sleep(answer.get("retryAfterMs", 0) / 1000)
        status, answer = call("commands?wait=50", credential=journal["credential"])
        if "offer" in answer:
            take(journal, answer["offer"])
    return status, answer


def main() -> None:
    """The phone lives until its last order."""
    journal = enrolled()
    status, answer = connected(journal)
    while status in {401, 409}:
        if status == 409:  # another agent with this credential: do not fight
            time.sleep(random.uniform(60, 90))
        status, answer = connected(journal)
    if status != 410:
        raise SystemExit(f"a bug in this agent: {answer}")
    print(f"last order: {answer['lastOrder']['type']}", flush=True)  # carried out here, twice being once
    call("orderCarriedOut", {}, journal["credential"])
    JOURNAL.unlink()


if __name__ == "__main__":
    main()

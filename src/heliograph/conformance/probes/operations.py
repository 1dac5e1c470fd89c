"""The form of an operation. Every probe here locks a device, which harms no one, or clears the data of an app that does not exist."""

import re
from datetime import datetime

from heliograph.conformance.probes.bodies import APP
from heliograph.conformance.probes.probe import changes, rejection, taken_or_status
from heliograph.conformance.server import Json, Server

LOCK: Json = {"type": "LOCK"}
CLEAR: Json = {"clearAppsDataParams": {"packageNames": [APP]}}
MILLISECONDS = re.compile(r"\.\d{3}Z$")


@changes
def operation_id(server: Server) -> str:
    operation = server.issued(server.any_device(), LOCK)
    created_ms = round(datetime.fromisoformat(operation["metadata"]["createTime"]).timestamp() * 1000)
    number = str(operation["name"]).rpartition("/")[2]
    return "the milliseconds of createTime" if number == str(created_ms) else "another number"


@changes
def done_while_pending(server: Server) -> str:
    operation = server.issued(server.any_device(), LOCK)
    return "left out" if "done" not in operation else f"done: {str(operation['done']).lower()}"


@changes
def metadata_type(server: Server) -> str:
    return str(server.issued(server.any_device(), LOCK).get("metadata", {}).get("@type", "none"))


@changes
def default_duration(server: Server) -> str:
    return str(server.issued(server.any_device(), LOCK).get("metadata", {}).get("duration", "left out"))


@changes
def given_duration(server: Server) -> str:
    return str(server.issued(server.any_device(), {**LOCK, "duration": "3600s"}).get("metadata", {}).get("duration", "left out"))


@changes
def success_response(server: Server) -> str:
    return str(server.outcome(server.any_device(), LOCK).get("response", {}).get("@type", "none"))


@changes
def inferred_type(server: Server) -> str:
    return str(server.issued(server.any_device(), CLEAR).get("metadata", {}).get("type", "none"))


@changes
def order_of_list(server: Server) -> str:
    device = server.any_device()
    first, second = (str(server.issued(device, LOCK)["name"]) for _ in range(2))
    pages = server.pages(f"{device}/operations", "pageSize=100")
    names = [operation["name"] for page in pages for operation in page.json.get("operations", [])]
    if not {first, second} <= set(names):
        return "does not contain what was just issued"
    return "oldest first" if names.index(first) < names.index(second) else "newest first"


@changes
def cancel_of_an_ended_operation(server: Server) -> str:
    operation = server.outcome(server.any_device(), LOCK)
    answer = server.call("POST", f"/v1/{operation['name']}:cancel", {})
    after = server.get(str(operation["name"])).json
    return f"{taken_or_status(answer)}, {'no effect' if after == operation else 'changed'}"


@changes
def issued_again(server: Server) -> str:
    device = server.any_device()
    headers = {"Idempotency-Key": f"heliograph-probe-{server.issued(device, LOCK)['name'].rpartition('/')[2]}"}
    answers = [server.issue(device, LOCK, headers) for _ in range(2)]
    names = {answer.json.get("name", rejection(answer)) for answer in answers}
    return "the first operation again" if len(names) == 1 else "issued twice"

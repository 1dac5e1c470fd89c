"""A small imaginary EMM back-end on Google's client for the Android Management API.

It issues commands so that no command is lost or done twice, keeps a ticket for each, and learns their outcomes from notifications. Nothing
here knows what the client speaks to: Google, or a world of `heliograph.testing`.
"""

import base64
import http.client
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest

Json = dict[str, Any]

TRY_AGAIN = {429, 500, 502, 503, 504}
ATTEMPTS = 5
BACKOFF_S = 2.0
PAGE_SIZE = 100


class GaveUp(Exception):
    """The API did not answer, or asked to come back later, as often as we tried."""


@dataclass
class Ticket:
    """One command that an administrator asked for."""

    device: str
    type: str
    operation: str
    state: str = "waiting"
    """waiting, done, failed, missed (it expired before the phone came) or cancelled."""
    reason: str = ""
    result: Json = field(default_factory=dict)


class Emm:
    """The back-end of one enterprise."""

    def __init__(self, client: Any, enterprise: str, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self._devices = client.enterprises().devices()
        self._enterprise = enterprise
        self._sleep = sleep
        self._seen: set[str] = set()
        self.tickets: dict[str, Ticket] = {}
        self.unreadable: list[str] = []
        """The ids of messages that we could not read, for a person to look at."""

    # What administrators ask for

    def devices(self) -> list[Json]:
        """Every device of the enterprise, however many pages that takes."""
        found: dict[str, Json] = {}
        request = self._devices.list(parent=self._enterprise, pageSize=PAGE_SIZE)
        while request is not None:
            page = self._answer(request)
            found.update((device["name"], device) for device in page.get("devices", []))
            request = self._devices.list_next(request, page)
        return list(found.values())

    def lock(self, device: str) -> Ticket:
        """The screen is locked."""
        return self._issue(device, {"type": "LOCK"})

    def lock_all(self) -> list[Ticket]:
        """Every screen is locked, as fast as the quota lets us."""
        return [self.lock(device["name"]) for device in self.devices()]

    def wipe(self, device: str, *, within_s: int = 30 * 86_400) -> Ticket:
        """The phone is erased when it comes back; after `within_s` it is too late."""
        return self._issue(device, {"type": "WIPE", "wipeParams": {}, "duration": f"{within_s}s"})

    def reset_password(self, device: str, password: str) -> Ticket:
        """The phone has this password."""
        return self._issue(device, {"type": "RESET_PASSWORD", "newPassword": password})

    def report_lost(self, device: str, message: str) -> Ticket:
        """The phone shows the message and nothing else."""
        return self._issue(device, {"type": "START_LOST_MODE", "startLostModeParams": {"lostMessage": {"defaultMessage": message}}})

    def report_found(self, device: str) -> Ticket:
        """The phone is as before."""
        return self._issue(device, {"type": "STOP_LOST_MODE", "stopLostModeParams": {}})

    def ask_for_eid(self, device: str, *, within_s: int = 7 * 86_400) -> Ticket:
        """The phone's user is asked for the identifier of the eSIM chip, and has until `within_s` to answer."""
        params = {"requestDeviceInfoParams": {"deviceInfo": "EID"}}
        return self._issue(device, {"type": "REQUEST_DEVICE_INFO", "duration": f"{within_s}s", **params})

    def cancel(self, ticket: Ticket) -> None:
        """The command is not executed any more, unless it was already: the ticket says which."""
        self._answer(self._devices.operations().cancel(name=ticket.operation))
        self.refresh(ticket)

    # Its outcome

    def refresh(self, ticket: Ticket) -> Ticket:
        """The ticket says what the API says now: for those whose notification never came."""
        self._learn(self._answer(self._devices.operations().get(name=ticket.operation)))
        return ticket

    def waiting(self) -> list[Ticket]:
        """Tickets without a known end."""
        return [ticket for ticket in self.tickets.values() if ticket.state == "waiting"]

    def on_push(self, envelope: Json) -> None:
        """A message of Pub/Sub: it may come twice, late, in any order, or broken."""
        message = envelope["message"]
        if message["messageId"] in self._seen:
            return
        self._seen.add(message["messageId"])
        if message.get("attributes", {}).get("notificationType") != "COMMAND":
            return
        try:
            operation = json.loads(base64.b64decode(message.get("data", "")))
        except ValueError:
            self.unreadable.append(message["messageId"])
            return
        self._learn(operation)

    # How it speaks to the API

    def _issue(self, device: str, command: Json) -> Ticket:
        request = self._devices.issueCommand(name=device, body=command)
        request.headers["Idempotency-Key"] = str(uuid.uuid4())  # if an answer is lost, trying again must not wipe twice
        operation = self._answer(request)
        ticket = Ticket(device=device, type=command["type"], operation=operation["name"])
        self.tickets[ticket.operation] = ticket
        return ticket

    def _answer(self, request: HttpRequest) -> Json:
        why = ""
        for attempt in range(ATTEMPTS):
            pause_s = BACKOFF_S * 2**attempt
            try:
                answer: Json = request.execute()
            except HttpError as error:
                if error.status_code not in TRY_AGAIN:
                    raise
                why = f"HTTP {error.status_code}"
                pause_s = float(error.resp.get("retry-after", pause_s))
            except (OSError, http.client.HTTPException) as error:
                why = str(error)
            else:
                return answer
            self._sleep(pause_s)
        raise GaveUp(f"{request.methodId}: tried {ATTEMPTS} times, the last time {why}")

    def _learn(self, operation: Json) -> None:
        ticket = self.tickets.get(operation["name"])
        if ticket is None or ticket.state != "waiting" or not operation.get("done"):
            return
        command = operation["metadata"]
        ticket.result = next((value for name, value in command.items() if name.endswith("Status")), {})
        error = operation.get("error")
        if error is None:
            ticket.state = "done"
            return
        ticket.state = {1: "cancelled", 4: "missed"}.get(error["code"], "failed")
        ticket.reason = ticket.result.get("status") or command.get("errorCode", "")

"""The outcome of a command, seen without a call that the request journal, the quota or a fault would count."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from heliograph.testing.clock import Clock
from heliograph.testing.connection import Json, Steering
from heliograph.testing.outcome import judgement_of
from heliograph.testing.times import moment


class Operation:
    """One operation of AMAPI. What it says is looked up each time."""

    def __init__(self, steering: Steering, name: str) -> None:
        """`name`: `enterprises/…/devices/…/operations/…`."""
        self._steering = steering
        self.name = name

    def __repr__(self) -> str:
        """For messages."""
        return f"<Operation {self.name}>"

    def wait(self) -> "Operation":
        """The operation, done: the world's clock goes from one thing that is due to the next until it is.

        What a user is asked is answered as the phone's user does by itself (`Phone.behave`), and a command that no phone executes expires.

        Raises: AssertionError: nothing is due any more, and the operation is not done.
        """
        __tracebackhide__ = True
        clock = Clock(self._steering)
        while not self.done:
            if not clock.next() and not self.done:
                raise AssertionError(f"{self.name} ({self.type}) is not done, and nothing is due that could end it. {self.why_stuck}")
        return self

    @property
    def resource(self) -> Json:
        """The operation as `operations.get` answers it."""
        found: Json = self._view["operation"]
        return found

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.resource.get("done"))

    @property
    def succeeded(self) -> bool:
        """Whether it has ended without an error."""
        return "response" in self.resource

    @property
    def error(self) -> Json | None:
        """`google.rpc.Status`; None: it has not failed."""
        return self.resource.get("error")

    @property
    def error_code(self) -> str:
        """`Command.errorCode`, as in API_LEVEL; empty: there is none."""
        return str(self.metadata.get("errorCode", ""))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The Command."""
        found: Mapping[str, Any] = self.resource["metadata"]
        return found

    @property
    def type(self) -> str:
        """The type of the command."""
        return str(self.metadata["type"])

    @property
    def state(self) -> str:
        """QUEUED, ACKNOWLEDGED, …: docs/operation-life.md."""
        return str(self._view["timeline"]["state"])

    @property
    def why_stuck(self) -> str:
        """What it waits for; empty: it has ended."""
        return str(self._view["timeline"].get("whyStuck", ""))

    @property
    def judgement(self) -> str:
        """What the phone's own facts say of its success: OBSERVED, CONTRADICTED or NOT_OBSERVED."""
        return judgement_of(self._view)

    @property
    def evidence(self) -> Json:
        """Those facts, `before` and `after`; empty: the phone gave none, or has not ended it."""
        found = self._view["timeline"].get("evidence", {})
        return {when: found[when] for when in ("before", "after") if when in found}

    @property
    def changes(self) -> list[tuple[datetime, str]]:
        """Every change with its time: issued, offered, acknowledged, and so on."""
        return [(moment(entry["time"]), entry["what"]) for entry in self._view["timeline"]["entries"]]

    @property
    def _view(self) -> Json:
        found = self._steering.get("operations", name=self.name)["operations"]
        if not found:
            raise AssertionError(f"There is no operation {self.name} in this world.")
        view: Json = found[0]
        return view

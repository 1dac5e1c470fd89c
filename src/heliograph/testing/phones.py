"""The phones of a world: taken offline, answered for, and asked what they did."""

from collections.abc import Iterator, Mapping
from typing import Any

from heliograph.testing.connection import Json, Refused, Steering
from heliograph.testing.operations import Operation
from heliograph.testing.outcome import Execution, Network, Past, executions, why_not, why_so_often
from heliograph.testing.requests import Requests
from heliograph.testing.times import Seconds, duration, moment

_NOT_FOUND = 404


class Phone:
    """One virtual phone. It keeps its `id` through wipes and new enrolments; `name` is the device that it is now."""

    def __init__(self, steering: Steering, requests: Requests, *, enterprise: str, phone_id: str) -> None:
        self._steering = steering
        self._requests = requests
        self._path = f"{enterprise}/devices/{phone_id}"
        self.enterprise = enterprise
        """`enterprises/…`."""
        self.id = phone_id
        """What it is called in the sandbox."""

    def __repr__(self) -> str:
        """For messages."""
        return f"<Phone {self.id}>"

    @property
    def name(self) -> str:
        """The name of the device, `enterprises/…/devices/…`, as AMAPI's methods take it."""
        return str(self.view["name"])

    @property
    def view(self) -> Json:
        """All there is to see of it (docs/sandbox.md): network, user, and in `phone` its screen, lock, apps and eSIMs."""
        return self._steering.get(self._path)

    @property
    def state(self) -> Mapping[str, Any]:
        """What the phone itself is like: `locked`, `lostMode`, `apps`, `esims`, `factoryResets` and more."""
        found: Mapping[str, Any] = self.view["phone"]
        return found

    @property
    def asked(self) -> list[str]:
        """The operations for which its user is being asked something."""
        return [question["operation"] for question in self.view["userIsAsked"]]

    def offline(self) -> None:
        """It has no network."""
        self._steering.patch(self._path, {"online": False})

    def online(self) -> None:
        """It has its network back, and has done what waited for it."""
        self._steering.patch(self._path, {"online": True})

    def approve(self) -> None:
        """Its user agrees to what the phone asks (see `asked`).  Raises: Refused: it asks nothing."""
        self._steering.post(f"{self._path}:approve")

    def decline(self) -> None:
        """Its user refuses what the phone asks.  Raises: Refused: it asks nothing."""
        self._steering.post(f"{self._path}:decline")

    def unlock(self, password: str | None = None) -> None:
        """Its user unlocks it with this; without it, with whatever it asks for.  Raises: Refused: the password is wrong."""
        self._steering.post(f"{self._path}:unlock", {} if password is None else {"password": password})

    def leave_lost_mode(self) -> None:
        """Its user leaves lost mode.  Raises: Refused: it is not lost."""
        self._steering.post(f"{self._path}:leaveLostMode")

    def reboot(self) -> None:
        """Its user restarts it: it is off for its reboot's duration.  Raises: Refused: it is off already."""
        self._steering.post(f"{self._path}:reboot")

    def add_esim(self, *, carrier: str = "", active: bool = False) -> str:
        """Its user adds an eSIM of their own; its ICC ID.  Raises: Refused: there is no room, or no free port."""
        before = {esim["iccId"] for esim in self.state["esims"]}
        view = self._steering.post(f"{self._path}:addEsim", {"carrier": carrier, "active": active})
        return next(str(esim["iccId"]) for esim in view["phone"]["esims"] if esim["iccId"] not in before)

    def activate_esim(self, icc_id: str) -> None:
        """Its user switches the eSIM on.  Raises: Refused: it is on already, or no port is free."""
        self._steering.post(f"{self._path}:activateEsim", {"iccId": icc_id})

    def deactivate_esim(self, icc_id: str) -> None:
        """Its user switches the eSIM off.  Raises: Refused: it is off already."""
        self._steering.post(f"{self._path}:deactivateEsim", {"iccId": icc_id})

    def remove_esim(self, icc_id: str) -> None:
        """Its user removes the eSIM, an admin's too.  Raises: Refused."""
        self._steering.post(f"{self._path}:removeEsim", {"iccId": icc_id})

    def enroll(self) -> None:
        """It is enrolled again after a wipe: the same phone, another `name`.  Raises: Refused: it is still managed."""
        self._steering.post(f"{self._path}:enroll")

    def reset(self) -> None:
        """It is as at the start, its operations forgotten."""
        self._steering.post(f"{self._path}:reset")

    def behave(
        self, *, consent: str = "", consent_delay: Seconds | None = None, latency: Seconds | None = None, lies: bool | None = None
    ) -> None:
        """From now on its user does this when asked (APPROVE, DECLINE, IGNORE), after so long; its messages take so long.

        `lies`: it says that commands are done, and does nothing.
        """
        wanted: dict[str, object] = {"consent": consent} if consent else {}
        if lies is not None:
            wanted["lies"] = lies
        if consent_delay is not None:
            wanted["consentDelay"] = duration(consent_delay)
        if latency is not None:
            wanted["latency"] = duration(latency)
        self._steering.patch(self._path, wanted)

    def report(self, fields: Mapping[str, object]) -> None:
        """From now on it reports these fields of Device, whatever it finds, as in `{"securityPosture": {"devicePosture": "AT_RISK"}}`.

        They take the place of those given before; `{}` ends it. Its policy still has to ask for them (`statusReportingSettings`), and it
        judges itself by them.

        Raises: Refused: a field that Device does not have, or that the server fills.
        """
        self.steer({"report": dict(fields)})

    def steer(self, wanted: Mapping[str, object]) -> None:
        """Whatever else a phone can be made to do, as in `{"ongoingCall": True}`: the fields of PATCH (docs/sandbox.md#steer-the-phones).

        Raises: Refused: it cannot.
        """
        self._steering.patch(self._path, dict(wanted))

    def operations(self) -> list[Operation]:
        """All commands ever issued to it, oldest first."""
        return [Operation(self._steering, view["operation"]["name"]) for view in self._past().views]

    def executed(self, type: str = "", *, once: bool = False) -> list[Execution]:
        """What the phone itself did, commands of this type only if it is given.

        Raises: AssertionError: a type is given, and the phone did not do it (or not `once` only). The message says how near it came.
        """
        __tracebackhide__ = True
        past = self._past()
        done = executions(past, type)
        if type and not done:
            raise AssertionError(why_not(past, type, self._requests.about(self.id)))
        if type and once and len(done) > 1:
            raise AssertionError(why_so_often(past, type, done))
        return done

    def did_not_execute(self, type: str) -> None:
        """The phone did nothing of this type.  Raises: AssertionError: it did; the message says when and for which operation."""
        __tracebackhide__ = True
        past = self._past()
        if done := executions(past, type):
            raise AssertionError(why_so_often(past, type, done, most=0))

    def _past(self) -> Past:
        view = self.view
        every = self._steering.get("operations")["operations"]
        mine: list[Json] = []
        elsewhere: list[Json] = []
        for each in every:
            is_mine = each["phone"] == self.id and each["operation"]["name"].startswith(f"{self.enterprise}/")
            (mine if is_mine else elsewhere).append(each)
        network = [Network(moment(change["time"]), online=change["online"]) for change in view["networkChanges"]]
        return Past(self.id, view, views=mine, elsewhere=elsewhere, network=network)


class Phones(Mapping[str, Phone]):
    """The phones of a world, each by its id, or by so much of its beginning that it can be no other."""

    def __init__(self, steering: Steering, requests: Requests) -> None:
        self._steering = steering
        self._requests = requests

    def __getitem__(self, phone: str) -> Phone:
        """The phone of this id, name, or beginning of an id.  Raises: LookupError: none, or several; the message lists them."""
        return self._phone(self._found(phone))

    def __contains__(self, phone: object) -> bool:
        """Whether there is one phone of this id, name, or beginning of an id."""
        try:
            return isinstance(phone, str) and bool(self._found(phone))
        except LookupError:
            return False

    def __iter__(self) -> Iterator[str]:
        """The ids, in the order in which the phones came."""
        return iter(view["id"] for view in self._views())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._views())

    def add(
        self, profile: str, *, id: str = "", enterprise: str = "", enrollment_token: str = "", overrides: Mapping[str, object] | None = None
    ) -> Phone:
        """A further phone: enrolled in the enterprise, or with the value of an enrolment token, as its owner would.

        `overrides` changes facts of the profile, as in `{"apiLevel": 33}` (docs/sandbox.md).

        Raises: Refused: the profile, the token, or an id that is taken.
        """
        wanted = {"profile": profile, "deviceId": id, "enterprise": enterprise, "enrollmentToken": enrollment_token, "overrides": overrides}
        return self._phone(self._steering.post("devices", {name: value for name, value in wanted.items() if value}))

    def _phone(self, view: Json) -> Phone:
        return Phone(self._steering, self._requests, enterprise=view["enterprise"], phone_id=view["id"])

    def _found(self, wanted: str) -> Json:
        if wanted and "/" not in wanted:
            try:
                return self._steering.get(f"devices/{wanted}")
            except Refused as refused:
                if refused.code != _NOT_FOUND:
                    raise
        views = self._views()
        exact = [view for view in views if wanted in {view["name"], f"{view['enterprise']}/devices/{view['id']}", view["id"]}]
        found = exact or [view for view in views if wanted and view["id"].startswith(wanted)]
        if len(found) == 1:
            view: Json = found[0]
            return view
        ids = ", ".join(view["id"] for view in found or views) or "none"
        raise LookupError(
            f"{wanted!r} could be each of: {ids}." if found else f"There is no phone {wanted!r} in this world. There are: {ids}."
        )

    def _views(self) -> list[Json]:
        found: list[Json] = self._steering.get("devices")["devices"]
        return found

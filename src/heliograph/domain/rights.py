"""The one place where a caller's right is judged: which line of which role covers a call, a command, a device.

A caller's Rights give a Permit for each method. What a permit can say without the device is said before the call (api/http/authorization);
what needs the device, the type or a count is judged in the rule that does it, so on the truth of that transaction. `faults` is what both
use, and what `heliograph can` shows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from heliograph.domain.command import CommandType
from heliograph.domain.device import DeviceRecord
from heliograph.domain.device_filter import parse_device_filter
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.filters import Filter
from heliograph.domain.roles import READ_VERBS, RoleDefinition, RoleLine, covers
from heliograph.domain.tally import DESTROYED, Full, Tally, TallyName, counted
from heliograph.protojson.errors import PermissionDenied, ResourceExhausted

LISTS_DEVICES = "androidmanagement.enterprises.devices.list"
"""Shows a caller whose lines have a device filter the devices that fit."""
_ENTERPRISE, _DEVICE = "enterprises/*", "enterprises/*/devices/*"


class RoleInsufficient(PermissionDenied):
    """No role of this caller allows that: `heliograph can` explains why."""

    reason = "ROLE_INSUFFICIENT"


class NotEveryEnterprise(PermissionDenied):
    """This caller manages only some enterprises: for the whole server, use a key made with --enterprise '*'."""

    reason = "NOT_EVERY_ENTERPRISE"


class TooManyThisHour(ResourceExhausted):
    """The caller's role allows no more of these this hour."""

    reason = "ROLE_LIMIT_REACHED"


class BlastRadiusReached(ResourceExhausted):
    """The actor destroyed as many devices this hour as it may."""

    reason = "BLAST_RADIUS_REACHED"


class Called(Protocol):
    """What is asked of a method."""

    @property
    def id(self) -> str:
        """`androidmanagement.enterprises.devices.get`."""

    @property
    def path(self) -> str:
        """With a `*` for each id."""

    @property
    def destructive(self) -> bool:
        """Whether it takes devices away for good."""


def is_write(method_id: str) -> bool:
    """Whether a method changes anything, by its id."""
    return method_id.rpartition(".")[2] not in READ_VERBS


class Grant(NamedTuple):
    """One line of one of a caller's roles."""

    role: str
    place: int
    """Among the role's lines: 0 for the first."""
    line: RoleLine
    devices: Filter[DeviceRecord]

    def __str__(self) -> str:
        return f"line {self.place + 1} of the role {self.role}"

    @property
    def limited(self) -> bool:
        """Whether the device or a count decides, too."""
        return bool(self.line.devices.strip()) or bool(self.line.per_hour)

    def fault_of_method(self, method: Called) -> str:
        """Why the line does not cover the method, whatever the device; empty: it does."""
        if not any(covers(pattern, method.id) for pattern in self.line.methods):
            return "it names other methods"
        if method.destructive and not self.line.destructive and method.id not in self.line.methods:
            return "the method is destructive: the line must name it, or say destructive"
        if bool(self.line.devices.strip()) and not method.path.startswith(_DEVICE) and method.id != LISTS_DEVICES:
            return "it has a device filter, so it covers only methods on a device"
        return ""

    def fault_of_type(self, row: CommandType) -> str:
        """Why the line does not cover commands of the type; empty: it does."""
        if self.line.command_types:
            return "" if row.name in self.line.command_types else f"it names other types than {row.name}"
        return (
            f"{row.name} is destructive: the line must name it, or say destructive" if row.destructive and not self.line.destructive else ""
        )

    def fault_of_place(self, enterprise: str | None, device: DeviceRecord | None) -> str:
        """Why the line does not cover the enterprise, or the device; empty: it does. None: the whole server; no device."""
        if self.line.enterprises and enterprise is not None and enterprise not in self.line.enterprises:
            return "it is for other enterprises"
        if device is not None and not self.devices.matches(device):
            return f"its device filter leaves this device out: {self.line.devices}"
        return ""

    def tally_name(self, actor: str) -> TallyName:
        """What counts its use by the actor."""
        return TallyName(actor, f"{self.role}[{self.place}]")


def grants_of(roles: Iterable[RoleDefinition]) -> tuple[Grant, ...]:
    """Every line of these roles."""
    return tuple(
        Grant(role.name, place, line, parse_device_filter(line.devices)) for role in roles for place, line in enumerate(role.allow)
    )


class Rights:
    """What one caller may do."""

    __slots__ = ("_grants", "_permits", "actor", "blast_radius", "enterprises", "permit_known")

    def __init__(self, roles: Iterable[RoleDefinition], *, enterprises: frozenset[str] | None, actor: str, blast_radius: int) -> None:
        """`enterprises`: ids beyond which no role reaches, None: all. `blast_radius`: devices an hour; 0: as many as wanted."""
        self._grants = grants_of(roles)
        self._permits: dict[str, Permit] = {}
        self.permit_known: Callable[[str], Permit | None] = self._permits.get
        """The permit by the method's id, if it was asked for before: the hot path."""
        self.enterprises = enterprises
        self.actor = actor
        self.blast_radius = blast_radius

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rights) and self._all == other._all

    def __hash__(self) -> int:
        return hash((self.actor, self.enterprises, self.blast_radius))

    @property
    def _all(self) -> tuple[object, ...]:
        return self.actor, self.enterprises, self.blast_radius, self._grants

    def admit(self, method: Called, enterprise: str | None) -> "Permit":
        """What the caller may do by the method, which concerns this enterprise (None: the whole server).

        Raises: EnterpriseNotAuthorized, RoleInsufficient, NotEveryEnterprise.
        """
        # First: a caller must not learn from another error which enterprises there are.
        if self.enterprises is not None and enterprise is not None and enterprise not in self.enterprises:
            raise EnterpriseNotAuthorized
        permit = self.permit(method)
        permit.check_place(enterprise)
        return permit

    def permit(self, method: Called) -> "Permit":
        """What the caller may do by the method.  Raises: RoleInsufficient: nothing."""
        known = self._permits.get(method.id)
        if known is None:
            known = Permit(self, method, [grant for grant in self._grants if not grant.fault_of_method(method)])
            if not known.grants:
                raise RoleInsufficient(
                    f"{self.denial(method.id)}: `heliograph can` explains why.",
                    metadata={"roles": self.role_names, "permission": method.id},
                )
            self._permits[method.id] = known
        return known

    @property
    def role_names(self) -> str:
        """The caller's roles, for people."""
        return ", ".join(dict.fromkeys(grant.role for grant in self._grants)) or "none"

    @property
    def grants(self) -> Sequence[Grant]:
        """Every line of the caller's roles."""
        return self._grants

    def denial(self, what: str) -> str:
        """What is said of something that no line covers, without its end."""
        names = self.role_names
        if not self._grants:
            return f"This caller has no role, so {what} is not allowed"
        return f"No role of this caller ({names}) allows {what}" if "," in names else f"The role {names} does not allow {what}"


UNRESOLVED = Rights((), enterprises=frozenset(), actor="", blast_radius=0)
"""Of a caller whose roles were not looked up."""


class Permit:
    """What the roles of one caller allow of one method."""

    __slots__ = (
        "_decided",
        "_rights",
        "_whole",
        "by_device",
        "destructive",
        "enterprises",
        "grants",
        "in_enterprise",
        "limited",
        "method",
        "writes",
    )

    def __init__(self, rights: Rights, method: Called, grants: Sequence[Grant]) -> None:
        self._rights = rights
        self.method = method.id
        self.destructive = method.destructive
        self.grants = grants
        self.writes = is_write(method.id)
        self.in_enterprise = method.path.startswith(_ENTERPRISE)
        self.enterprises = _reach(rights.enterprises, grants)
        """Ids of the enterprises in which one of the lines may hold; None: all."""
        self._whole = [grant for grant in grants if not grant.limited and _within(self.enterprises, grant.line.enterprises)]
        """Lines that cover the method on every device of these enterprises, as often as wanted."""
        self.limited = not self._whole
        """Whether the device, or a count, decides."""
        self.by_device = self.limited and method.path.startswith(_DEVICE)
        self._decided: dict[str, bool] = {}

    def check_place(self, enterprise: str | None) -> None:
        """Check that the caller may call the method in this enterprise (None: on the whole server).

        Whether the enterprise exists is not checked: a caller who may not manage it must not learn it.

        Raises: EnterpriseNotAuthorized, NotEveryEnterprise.
        """
        if self.enterprises is None:
            return
        if enterprise is not None and enterprise not in self.enterprises:
            raise EnterpriseNotAuthorized
        if enterprise is None and self.writes:
            raise NotEveryEnterprise

    def check_device(self, device: DeviceRecord | None) -> None:
        """Check that one of the lines covers this device (None: there is none), whatever else there is to judge.

        Raises: RoleInsufficient.
        """
        if device is None or all(grant.fault_of_place(device.name.enterprise, device) for grant in self.grants):
            raise self._denial(self.method, (self._fault(grant, None, device) for grant in self.grants))

    def shows(self, device: DeviceRecord) -> bool:
        """Whether a list shows the device."""
        return not self.limited or any(not grant.fault_of_place(device.name.enterprise, device) for grant in self.grants)

    @property
    def blast_radius(self) -> int:
        """Distinct devices that the actor may destroy in an hour; 0: as many as wanted."""
        return self._rights.blast_radius

    @property
    def counts_destroyed(self) -> bool:
        """Whether the method, whatever it is called with, takes places of the actor's blast radius."""
        return self.destructive and bool(self._rights.blast_radius)

    def judges(self, row: CommandType | None = None) -> bool:
        """Whether `judge` must see the device: False, and it is allowed as it is. Of issueCommand, `row` is the command's type.

        Raises: RoleInsufficient: of no device, as far as the type says.
        """
        key = row.name if row is not None else ""
        known = self._decided.get(key)
        if known is None:
            if row is not None and all(grant.fault_of_type(row) for grant in self.grants):
                raise self._denial(f"{self.method} of {row.name}", (self._fault(grant, row, None) for grant in self.grants))
            counts = bool(self._rights.blast_radius) and self._destroys(row)
            free = any(row is None or not grant.fault_of_type(row) for grant in self._whole)
            known = self._decided[key] = counts or not free
        return known

    def tallies(self, row: CommandType | None = None) -> tuple[TallyName, ...]:
        """What `judge` counts by: the rule must see these records."""
        counted_lines = [grant.tally_name(self._rights.actor) for grant in self.grants if grant.line.per_hour]
        return (*counted_lines, *((self.blast_name,) if self._rights.blast_radius and self._destroys(row) else ()))

    @property
    def blast_name(self) -> TallyName:
        """What counts the devices that the actor destroyed."""
        return TallyName(self._rights.actor, DESTROYED)

    def judge(self, device: DeviceRecord, tallies: Collection[object], *, row: CommandType | None = None, now_us: int) -> Sequence[Tally]:
        """The counts to write with the deed. `tallies`: the records of these names, among others or missing.

        Raises: RoleInsufficient; TooManyThisHour: of every line that covers it; BlastRadiusReached.
        """
        of_name = {tally.name: tally for tally in tallies if isinstance(tally, Tally)}
        covering = [grant for grant in self.grants if not self._fault(grant, row, device)]
        if not covering:
            what = self.method if row is None else f"{self.method} of {row.name}"
            raise self._denial(f"{what} on {device.name}", (self._fault(grant, row, device) for grant in self.grants))
        writes = [*self._by_line(covering, str(device.name), of_name, now_us)]
        if self._rights.blast_radius and self._destroys(row):
            known = of_name.get(self.blast_name)
            tally = self.destroy((str(device.name),), known, now_us=now_us)
            writes += () if tally is known else (tally,)
        return writes

    def destroy(self, devices: Collection[str], tally: Tally | None, *, now_us: int) -> Tally:
        """The count with these devices (names).  Raises: BlastRadiusReached."""
        most = self._rights.blast_radius
        found = counted(tally, self.blast_name, devices, most=most, distinct=True, now_us=now_us)
        if isinstance(found, Full):
            raise self.radius_reached(len(devices), found, now_us=now_us)
        return found

    def radius_reached(self, wanted: int, full: Full, *, now_us: int) -> BlastRadiusReached:
        """The error that so many devices more are."""
        most, actor = self._rights.blast_radius, self._rights.actor
        message = (
            f"{actor} may wipe, relinquish or delete {most} devices an hour, and has done so with {full.used}: {wanted} more would exceed "
            "that. Wait, or raise the limit on the server's machine (heliograph keys update --blast-radius)."
        )
        metadata = {"actor": actor, "limit": str(most), "used": str(full.used), "permission": self.method}
        return BlastRadiusReached(message, metadata=metadata, retry_after_s=-((now_us - full.free_at_us) // 1_000_000))

    def _by_line(self, covering: Sequence[Grant], device: str, of_name: dict[TallyName, Tally], now_us: int) -> Iterator[Tally]:
        """The count of the first line that has a place.  Raises: TooManyThisHour."""
        full: list[Full] = []
        for grant in sorted(covering, key=lambda grant: bool(grant.line.per_hour)):
            if not grant.line.per_hour:
                return
            name = grant.tally_name(self._rights.actor)
            found = counted(of_name.get(name), name, (device,), most=grant.line.per_hour, distinct=False, now_us=now_us)
            if isinstance(found, Tally):
                yield found
                return
            full.append(found)
        lines = ", ".join(f"{grant} ({grant.line.per_hour} an hour)" for grant in covering)
        message = f"{self._rights.actor} has used what its roles allow of this an hour: {lines}. Wait."
        free_at_us = min(one.free_at_us for one in full)
        raise TooManyThisHour(
            message, metadata={"actor": self._rights.actor, "permission": self.method}, retry_after_s=-((now_us - free_at_us) // 1_000_000)
        )

    def _destroys(self, row: CommandType | None) -> bool:
        return self.destructive or (row is not None and row.destructive)

    def _fault(self, grant: Grant, row: CommandType | None, device: DeviceRecord | None) -> str:
        """Why the line, which covers the method, does not cover this; empty: it does."""
        place = grant.fault_of_place(device.name.enterprise if device is not None else None, device)
        return place or (grant.fault_of_type(row) if row is not None else "")

    def _denial(self, what: str, faults: Iterable[str]) -> RoleInsufficient:
        said = "; ".join(f"{grant}: {fault}" for grant, fault in zip(self.grants, faults, strict=True) if fault)
        message = f"{self._rights.denial(what)}{f' ({said[:1_000]})' if said else ''}."
        return RoleInsufficient(message, metadata={"roles": self._rights.role_names, "permission": self.method})


def _reach(bound: frozenset[str] | None, grants: Iterable[Grant]) -> frozenset[str] | None:
    """The enterprises of the lines within those of the caller."""
    named: set[str] = set()
    for grant in grants:
        if not grant.line.enterprises:
            return bound
        named.update(grant.line.enterprises)
    return frozenset(named) if bound is None else bound & named


def _within(reach: frozenset[str] | None, enterprises: Collection[str]) -> bool:
    """Whether the line's enterprises are all of them."""
    return not enterprises or (reach is not None and reach <= frozenset(enterprises))


class Line(NamedTuple):
    """What one line says of a call: `fault` is why it does not cover it; empty: it does."""

    role: str
    place: int
    fault: str


def lines_of(rights: Rights, method: Called, *, enterprise: str | None, device: DeviceRecord | None, row: CommandType | None) -> list[Line]:
    """What every line of a caller's roles says of a call, by what judges it."""
    return [
        Line(
            grant.role,
            grant.place,
            grant.fault_of_method(method) or grant.fault_of_place(enterprise, device) or (grant.fault_of_type(row) if row else ""),
        )
        for grant in rights.grants
    ]

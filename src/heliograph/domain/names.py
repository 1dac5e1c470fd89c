"""Resource names: parsed once at the edge, passed as values inside.

Source: AIP-122; disc, the `pattern` of each `name` parameter.
"""

import re
from typing import NamedTuple, Self

from heliograph.protojson.errors import InvalidArgument

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")
"""What an id that this server makes looks like: the unreserved characters of RFC 3986, so a name never needs escaping."""

_CREATE_MS = re.compile(r"[1-9][0-9]{0,14}")
"""What the id of an operation looks like, until the year 33658."""


def _ids(name: str, *collections: str) -> list[str]:
    parts = name.split("/")
    if tuple(parts[::2]) != collections or len(parts) != 2 * len(collections) or not all(parts[1::2]):
        form = "/".join(f"{collection}/*" for collection in collections)
        message = f"Invalid resource name {name[:256]!r}: expected the form {form}."
        raise InvalidArgument(message)
    return parts[1::2]


class EnterpriseName(NamedTuple):
    """`enterprises/{enterprise}`."""

    enterprise: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts.  Raises: InvalidArgument."""
        return cls(*_ids(name, "enterprises"))

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}"


class DeviceName(NamedTuple):
    """`enterprises/{enterprise}/devices/{device}`."""

    enterprise: str
    device: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts.  Raises: InvalidArgument."""
        return cls(*_ids(name, "enterprises", "devices"))

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/devices/{self.device}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise that the device belongs to."""
        return EnterpriseName(self.enterprise)


class OperationName(NamedTuple):
    """`enterprises/{enterprise}/devices/{device}/operations/{create_ms}`."""

    device: DeviceName
    create_ms: int

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts; an id that this server never makes parses to create_ms 0, which no operation has.  Raises: InvalidArgument."""
        return cls.of_ids(*_ids(name, "enterprises", "devices", "operations"))

    @classmethod
    def of_ids(cls, enterprise: str, device: str, operation: str) -> Self:
        """As `parse`, of the ids in a name."""
        return cls(DeviceName(enterprise, device), int(operation) if _CREATE_MS.fullmatch(operation) else 0)

    @classmethod
    def of(cls, device: DeviceName, name: str) -> Self | None:
        """As `parse`, at a quarter of its cost; None: no operation of this device that this server could have made has this name."""
        parent = f"enterprises/{device.enterprise}/devices/{device.device}/operations/"
        create_ms = name[len(parent) :]
        return cls(device, int(create_ms)) if name.startswith(parent) and _CREATE_MS.fullmatch(create_ms) else None

    def __str__(self) -> str:
        return f"{self.device}/operations/{self.create_ms}"


class EnrollmentTokenName(NamedTuple):
    """`enterprises/{enterprise}/enrollmentTokens/{enrollment_token}`."""

    enterprise: str
    enrollment_token: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts.  Raises: InvalidArgument."""
        return cls(*_ids(name, "enterprises", "enrollmentTokens"))

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/enrollmentTokens/{self.enrollment_token}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise that the token enrols into."""
        return EnterpriseName(self.enterprise)


class WebAppName(NamedTuple):
    """`enterprises/{enterprise}/webApps/{package_name}`."""

    enterprise: str
    package_name: str

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/webApps/{self.package_name}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise that the web app belongs to."""
        return EnterpriseName(self.enterprise)


class ApplicationName(NamedTuple):
    """`enterprises/{enterprise}/applications/{package_name}`."""

    enterprise: str
    package_name: str

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/applications/{self.package_name}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise that asks."""
        return EnterpriseName(self.enterprise)


class PushEndpointName(NamedTuple):
    """`enterprises/{enterprise}/pushEndpoints/{push_endpoint}`: in the outbox, the destination of the endpoint's messages."""

    enterprise: str
    push_endpoint: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts.  Raises: InvalidArgument."""
        return cls(*_ids(name, "enterprises", "pushEndpoints"))

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/pushEndpoints/{self.push_endpoint}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise whose notifications it gets."""
        return EnterpriseName(self.enterprise)


class ReservationName(NamedTuple):
    """`enterprises/{enterprise}/reservations/{serial}`."""

    enterprise: str
    serial: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts.  Raises: InvalidArgument."""
        return cls(*_ids(name, "enterprises", "reservations"))

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/reservations/{self.serial}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise whose phone it is."""
        return EnterpriseName(self.enterprise)


class PolicyName(NamedTuple):
    """`enterprises/{enterprise}/policies/{policy}`."""

    enterprise: str
    policy: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts.  Raises: InvalidArgument."""
        return cls(*_ids(name, "enterprises", "policies"))

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/policies/{self.policy}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise that the policy belongs to."""
        return EnterpriseName(self.enterprise)


class ApprovalName(NamedTuple):
    """`enterprises/{enterprise}/approvals/{approval}`."""

    enterprise: str
    approval: str

    @classmethod
    def parse(cls, name: str) -> Self:
        """The name's parts.  Raises: InvalidArgument."""
        return cls(*_ids(name, "enterprises", "approvals"))

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/approvals/{self.approval}"

    @property
    def parent(self) -> EnterpriseName:
        """The enterprise in which it is asked for."""
        return EnterpriseName(self.enterprise)


class ApprovalRulesName(NamedTuple):
    """`enterprises/{enterprise}/approvalRules`: there is one of each enterprise."""

    enterprise: str

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/approvalRules"

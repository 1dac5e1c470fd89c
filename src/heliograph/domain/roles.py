"""Roles: what callers may do, as data. A role has lines; each of them allows something, and nothing takes away what a line allows.

What judges by them is in `rights.py`. What is destructive (docs/roles.md): no later command reaches the device afterwards, so nothing can
be taken back. A pattern never covers it by accident: it must be named, or the line says `destructive`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, NamedTuple

import msgspec

from heliograph.domain.device import position
from heliograph.domain.device_filter import parse_device_filter
from heliograph.domain.messages import Message
from heliograph.domain.names import ID_PATTERN
from heliograph.domain.tally import MOST
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.messages import Int32

READ_VERBS = frozenset({"explain", "get", "list", "timeline"})
"""The last word of the ids of methods that change nothing; any other method counts as one that writes."""
LINES_MOST = 50
VALUES_MOST = 100
"""Of one list of a line."""
ROLE_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")
COUNTED_METHODS = (
    "androidmanagement.enterprises.devices.issueCommand",
    "androidmanagement.enterprises.devices.delete",
    "androidmanagement.enterprises.devices.patch",
)
"""What `perHour` counts: each is judged in the transaction that does it."""
_PATTERN = re.compile(r"[A-Za-z0-9.*]{1,200}")
_COLLECTIONS = {"account": "accounts", "person": "people", "group": "groups"}
_WHO = re.compile(r"(account|person|group):([!-~]{1,255})")


class RoleLine(Message):
    """One thing that a role allows."""

    methods: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Ids of methods, as in androidmanagement.enterprises.devices.get; a * stands for any text, as in *.list."),
    ] = ()
    command_types: Annotated[
        tuple[str, ...], msgspec.Meta(description="Types of commands that issueCommand may issue; none: every type.")
    ] = ()
    enterprises: Annotated[tuple[str, ...], msgspec.Meta(description="Ids of enterprises; none: every enterprise of the caller.")] = ()
    devices: Annotated[str, msgspec.Meta(description="Filter of the devices; none: every device.")] = ""
    per_hour: Annotated[Int32, msgspec.Meta(description="Commands, changes and deletions of devices an hour; 0: as many as wanted.")] = 0
    destructive: Annotated[bool, msgspec.Meta(description="Whether patterns, and a line without types, cover what is destructive too.")] = (
        False
    )


class RoleDefinition(Message):
    """A role, as people write and read it."""

    name: Annotated[str, msgspec.Meta(description="The role's id, as in helpdesk.")] = ""
    description: Annotated[str, msgspec.Meta(description="What it is for.")] = ""
    allow: Annotated[tuple[RoleLine, ...], msgspec.Meta(description="What it allows: any one line is enough.")] = ()


class RoleName(NamedTuple):
    """What a role is found by."""

    role: str


class RoleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A custom role as it is stored."""

    name: RoleName
    created_us: int
    definition: RoleDefinition

    @property
    def position(self) -> str:
        """The role's place in lists (oldest first)."""
        return position(self.created_us, self.name.role)


class RoleBindingName(NamedTuple):
    """Who has which role."""

    who: str
    """`account:…` (a key's client_email), `person:…` or `group:…`."""
    role: str

    @property
    def resource(self) -> str:
        """As a resource's name: `people/ann@example.com/roles/helpdesk`."""
        kind, _, name = self.who.partition(":")
        return f"{_COLLECTIONS.get(kind, 'bindings')}/{name or kind}/roles/{self.role}"


class RoleBinding(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a role besides what their key was made with."""

    name: RoleBindingName
    created_us: int

    @property
    def position(self) -> str:
        """The binding's place in lists (oldest first)."""
        return position(self.created_us, f"{self.name.who} {self.name.role}")


BUILT_IN: Mapping[str, RoleDefinition] = MappingProxyType(
    {
        role.name: role
        for role in (
            RoleDefinition(
                name="viewer",
                description="Gets and lists everything, and changes nothing.",
                allow=(RoleLine(methods=tuple(f"*.{verb}" for verb in sorted(READ_VERBS))),),
            ),
            RoleDefinition(
                name="operator",
                description="Does everything but what is destructive: no wipes, no deletions of devices and enterprises.",
                allow=(RoleLine(methods=("*",)),),
            ),
            RoleDefinition(name="admin", description="Does everything.", allow=(RoleLine(methods=("*",), destructive=True),)),
        )
    }
)
"""The roles that every server has; they cannot be changed."""


def check_role_id(role: str) -> None:
    """Raises: InvalidArgument."""
    if not ROLE_ID.fullmatch(role):
        raise InvalidArgument(f"Invalid role {role[:64]!r}: use small letters, digits and -, beginning with a letter.")


def who_of(text: str) -> str:
    """`account:…`, `person:…` or `group:…`; what has no such prefix is a person, or an account if it ends as accounts do.

    Raises: InvalidArgument.
    """
    given = text if text.partition(":")[0] in {"account", "person", "group"} else f"{_kind_of(text)}:{text}"
    if not _WHO.fullmatch(given):
        message = f"Invalid WHO {text[:64]!r}: write account:CLIENT_EMAIL, person:EMAIL or group:NAME, without spaces."
        raise InvalidArgument(message)
    return given.lower() if given.startswith("person:") and "@" in given else given  # as people.known_as


def _kind_of(text: str) -> str:
    return "account" if text.endswith(".iam.heliograph.internal") else "person"


def role_violations(role: RoleDefinition, *, methods: Collection[str], command_types: Collection[str]) -> Iterator[Violation]:
    """Everything wrong with a role, on a server with these methods (ids) and types of commands."""
    if not role.allow:
        yield Violation("role.allow", "role.allow must have at least one line: a role without lines allows nothing.")
    if len(role.allow) > LINES_MOST:
        yield Violation("role.allow", f"role.allow must have at most {LINES_MOST} lines; it has {len(role.allow)}.")
    for index, line in enumerate(role.allow[:LINES_MOST]):
        yield from _line_violations(line, f"role.allow[{index}]", methods, command_types)


def _line_violations(line: RoleLine, path: str, methods: Collection[str], command_types: Collection[str]) -> Iterator[Violation]:
    for name in ("methods", "command_types", "enterprises"):
        if len(getattr(line, name)) > VALUES_MOST:
            yield Violation(f"{path}.{name}", f"{path}.{name} must have at most {VALUES_MOST} values.")
            return
    if not line.methods:
        yield Violation(f"{path}.methods", f"{path}.methods must name at least one method, as in *.list, or * for all.")
    yield from _unknown_names(line, path, methods, command_types)
    try:
        parse_device_filter(line.devices, path=f"{path}.devices")
    except InvalidArgument as error:
        yield from error.violations
    if not 0 <= line.per_hour <= MOST:
        yield Violation(f"{path}.per_hour", f"{path}.per_hour must be 1 to {MOST}, or 0 for as many as wanted.")
    if line.per_hour and not set(line.methods) <= set(COUNTED_METHODS):
        said = f"{path}.per_hour counts {', '.join(COUNTED_METHODS)}: name only these in its line, and the others in another line."
        yield Violation(f"{path}.per_hour", said)


def _unknown_names(line: RoleLine, path: str, methods: Collection[str], command_types: Collection[str]) -> Iterator[Violation]:
    for pattern in line.methods:
        if not any(covers(pattern, method) for method in methods):
            yield Violation(f"{path}.methods", f"{pattern[:128]!r} is the id of no method here; heliograph roles methods lists them.")
    for name in line.command_types:
        if name not in command_types:
            yield Violation(f"{path}.command_types", f"{name[:64]!r} is not a type; the types are {', '.join(command_types)}.")
    for enterprise in line.enterprises:
        if not ID_PATTERN.fullmatch(enterprise):
            yield Violation(f"{path}.enterprises", f"{enterprise[:64]!r} is not an enterprise's id: write acme, not enterprises/acme.")


def covers(pattern: str, method: str) -> bool:
    """Whether the pattern covers the method's id; a `*` stands for any text."""
    if not _PATTERN.fullmatch(pattern):
        return False
    # Piece by piece, and never by a regular expression that someone else wrote.
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == method
    if not method.startswith(first) or not method.endswith(rest[-1]) or len(method) < len(first) + len(rest[-1]):
        return False
    at, end = len(first), len(method) - len(rest[-1])
    for piece in rest[:-1]:
        found = method.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True

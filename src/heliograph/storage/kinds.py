"""The record kinds, a row each. Everything that storage does with a kind follows from its row, in both engines.

The two hot tables, `devices` and `operations`, are by hand (batch/), and what has ways of its own: device keys, the index, the outbox.
The rows of who may call stand in access_kinds.py. Recipe: CONTRIBUTING, "Add a record kind".
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from heliograph.domain.approval import Approval, ApprovalRulesRecord
from heliograph.domain.dead_letter import DeadLetter, DeadLetterName
from heliograph.domain.device import DeviceStatus, EnrollmentTokenRecord, EnterpriseRecord, StatusName, Tombstone
from heliograph.domain.names import (
    ApprovalName,
    ApprovalRulesName,
    DeviceName,
    EnrollmentTokenName,
    EnterpriseName,
    PolicyName,
    PushEndpointName,
    ReservationName,
    WebAppName,
)
from heliograph.domain.policy import PolicyRecord
from heliograph.domain.push_endpoint import PushEndpointRecord
from heliograph.domain.request_id import IssueRequest, RequestKey
from heliograph.domain.reservation import Reservation
from heliograph.domain.signing_key import SigningKey, SigningKeyName
from heliograph.domain.web_app import WebAppRecord
from heliograph.domain.web_push import WebPushName, WebPushSubscription
from heliograph.service.tenant_bounds import Held
from heliograph.storage.access_kinds import (
    ACCESS_STATES,
    INVITATIONS,
    KEY_ADDRESSES,
    KEY_USES,
    OPENID_SOURCES,
    PASSKEYS,
    PEOPLE,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_KEYS,
    SESSIONS,
    SPENT_ATTEMPTS,
    TALLIES,
)
from heliograph.storage.codec import json_of
from heliograph.storage.kind import POSITION, Column, Kind, ReadRow

R = TypeVar("R")


class DeviceKey(NamedTuple):
    """What stands for a device's name in tables."""

    device_key: int


class SerialPlace(NamedTuple):
    """A serial number at one enrolment."""

    enterprise: str
    serial: str
    position: str


class Serial(NamedTuple):
    """A device that enrolled with a serial number."""

    key: SerialPlace
    device: str


def _token_name(token: EnrollmentTokenRecord) -> EnrollmentTokenName:
    return EnrollmentTokenName(token.enterprise.enterprise, token.token_id)


def _request(row: ReadRow) -> IssueRequest:
    enterprise, request_id, device, create_ms, digest, expires_us = row
    return IssueRequest(
        key=RequestKey(enterprise, request_id),
        device=DeviceName(enterprise, device),
        create_ms=create_ms,
        digest=digest,
        expires_us=expires_us,
    )


ENTERPRISES: Kind[EnterpriseName, EnterpriseRecord] = Kind(
    table="enterprises",
    one="enterprise",
    many="enterprises",
    record=EnterpriseRecord,
    key=EnterpriseName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"),),
    columns=(POSITION,),
    codec=json_of(EnterpriseRecord),
    of_devices=True,
    remembered=256,  # a server has few; looked at with every change that may be published
)

TOKENS: Kind[EnrollmentTokenName, EnrollmentTokenRecord] = Kind(
    table="tokens",
    one="enrolment token",
    many="enrolment tokens",
    record=EnrollmentTokenRecord,
    key=EnrollmentTokenName,
    key_of=_token_name,
    key_columns=(Column("enterprise"), Column("token")),
    columns=(POSITION, Column("value")),
    codec=json_of(EnrollmentTokenRecord),
    belongs_to=ENTERPRISES,
    found_by="value",
    held=Held.ENROLLMENT_TOKENS,
)

POLICIES: Kind[PolicyName, PolicyRecord] = Kind(
    table="policies",
    one="policy",
    many="policies",
    record=PolicyRecord,
    key=PolicyName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("policy")),
    columns=(POSITION,),
    codec=json_of(PolicyRecord),
    belongs_to=ENTERPRISES,
    of_devices=True,
    remembered=256,  # one may be half a megabyte large, few are above 10 KB
    held=Held.POLICIES,
    weighed=True,
)

WEB_APPS: Kind[WebAppName, WebAppRecord] = Kind(
    table="web_apps",
    one="web app",
    many="web apps",
    record=WebAppRecord,
    key=WebAppName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("package_name")),
    columns=(POSITION,),
    codec=json_of(WebAppRecord),
    belongs_to=ENTERPRISES,
    held=Held.WEB_APPS,
)

REQUESTS: Kind[RequestKey, IssueRequest] = Kind(
    table="requests",
    one="caller's request",
    many="callers' requests",
    record=IssueRequest,
    key=RequestKey,
    key_of=attrgetter("key"),
    key_columns=(Column("enterprise"), Column("request_id")),
    columns=(
        Column("device", of="device.device"),
        Column("create_ms", "bigint"),
        Column("digest", "bytea"),
        Column("expires_us", "bigint"),
    ),
    from_columns=_request,
    expires=True,
    held=Held.REQUEST_IDS,
    resource=None,  # the command that it stands for is recorded
)

TOMBSTONES: Kind[DeviceKey, Tombstone] = Kind(
    table="tombstones",
    one="tombstone",
    many="tombstones",
    record=Tombstone,
    key=DeviceKey,
    key_of=lambda _: DeviceKey(0),  # the batch knows the key of the device's name
    key_columns=(Column("device_key", "integer"),),
    columns=(Column("credential_hash", "bytea"), Column("expires_us", "bigint")),
    codec=json_of(Tombstone),
    by_hand=True,
    expires=True,
)

SERIALS: Kind[SerialPlace, Serial] = Kind(
    table="serials",
    one="serial number",
    many="serial numbers",
    record=Serial,
    key=SerialPlace,
    key_of=attrgetter("key"),
    key_columns=(Column("enterprise"), Column("serial"), POSITION),
    columns=(Column("device"),),
    from_columns=lambda row: Serial(SerialPlace(row[0], row[1], row[2]), row[3]),
    by_hand=True,
)

STATUSES: Kind[StatusName, DeviceStatus] = Kind(
    table="statuses",
    one="device's status",
    many="devices' statuses",
    record=DeviceStatus,
    key=StatusName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("device")),
    codec=json_of(DeviceStatus),
    belongs_to=ENTERPRISES,
    resource=lambda name: str(DeviceName(*name)),
)

PUSH_ENDPOINTS: Kind[PushEndpointName, PushEndpointRecord] = Kind(
    table="push_endpoints",
    one="push endpoint",
    many="push endpoints",
    record=PushEndpointRecord,
    key=PushEndpointName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("push_endpoint")),
    columns=(POSITION,),
    codec=json_of(PushEndpointRecord),
    belongs_to=ENTERPRISES,
    remembered=256,  # read for each message
    held=Held.PUSH_ENDPOINTS,
)

SIGNING_KEYS: Kind[SigningKeyName, SigningKey] = Kind(
    table="signing_keys",
    one="signing key",
    many="signing keys",
    record=SigningKey,
    key=SigningKeyName,
    key_of=attrgetter("name"),
    key_columns=(Column("key_id"),),
    columns=(POSITION, Column("expires_us", "bigint")),
    codec=json_of(SigningKey),
    expires=True,
    resource=lambda name: f"signingKeys/{name.key_id}",
)

DEAD_LETTERS: Kind[DeadLetterName, DeadLetter] = Kind(
    table="dead_letters",
    one="dead letter",
    many="dead letters",
    record=DeadLetter,
    key=DeadLetterName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("message_id", "bigint")),
    columns=(POSITION, Column("expires_us", "bigint")),
    codec=json_of(DeadLetter),
    belongs_to=ENTERPRISES,
    expires=True,
    held=Held.DEAD_LETTERS,
    resource=lambda name: f"enterprises/{name.enterprise}/deadLetters/{name.message_id}",
)

RESERVATIONS: Kind[ReservationName, Reservation] = Kind(
    table="reservations",
    one="reservation",
    many="reservations",
    record=Reservation,
    key=ReservationName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("serial")),
    columns=(POSITION,),
    codec=json_of(Reservation),
    belongs_to=ENTERPRISES,
)

APPROVAL_RULES: Kind[ApprovalRulesName, ApprovalRulesRecord] = Kind(
    table="approval_rules",
    one="enterprise's approval rules",
    many="enterprises' approval rules",
    record=ApprovalRulesRecord,
    key=ApprovalRulesName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"),),
    codec=json_of(ApprovalRulesRecord),
    belongs_to=ENTERPRISES,
    remembered=256,  # read for each WIPE
)

APPROVALS: Kind[ApprovalName, Approval] = Kind(
    table="approvals",
    one="approval",
    many="approvals",
    record=Approval,
    key=ApprovalName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("approval")),
    columns=(POSITION, Column("expires_us", "bigint")),
    codec=json_of(Approval),
    belongs_to=ENTERPRISES,
    expires=True,
)

WEB_PUSH_SUBSCRIPTIONS: Kind[WebPushName, WebPushSubscription] = Kind(
    table="web_push_subscriptions",
    one="Web Push subscription",
    many="Web Push subscriptions",
    record=WebPushSubscription,
    key=WebPushName,
    key_of=attrgetter("name"),
    key_columns=(Column("enterprise"), Column("device")),
    columns=(POSITION, Column("expires_us", "bigint")),
    codec=json_of(WebPushSubscription),
    expires=True,
    resource=lambda name: str(DeviceName(*name)),
)

KINDS: tuple[Kind[Any, Any], ...] = (
    ENTERPRISES,
    TOKENS,
    POLICIES,
    TOMBSTONES,
    REQUESTS,
    SERIALS,
    STATUSES,
    SERVICE_KEYS,
    KEY_ADDRESSES,
    KEY_USES,
    ROLES,
    ROLE_BINDINGS,
    ACCESS_STATES,
    TALLIES,
    DEAD_LETTERS,
    WEB_APPS,
    RESERVATIONS,
    PUSH_ENDPOINTS,
    SIGNING_KEYS,
    PEOPLE,
    PASSKEYS,
    SESSIONS,
    INVITATIONS,
    SPENT_ATTEMPTS,
    OPENID_SOURCES,
    WEB_PUSH_SUBSCRIPTIONS,
    APPROVAL_RULES,
    APPROVALS,
)
"""In the order in which they are locked and written: parents before what belongs to them, and the same in every server."""

OF_KEY: Mapping[type, Kind[Any, Any]] = {kind.key: kind for kind in KINDS}
OF_RECORD: Mapping[type, Kind[Any, Any]] = {kind.record: kind for kind in KINDS if not kind.by_hand}
BELONGING: Mapping[Kind[Any, Any], tuple[Kind[Any, Any], ...]] = {
    parent: tuple(kind for kind in KINDS if kind.belongs_to is parent) for parent in KINDS
}
"""Kinds whose records are deleted with a record of another kind."""
HOLDING: Mapping[Held, str] = {
    Held.DEVICES: "holding_devices",
    **{kind.held: kind.names.holding for kind in KINDS if kind.held is not None},
}
"""The statement that counts what an enterprise has, by what is counted."""


class NoSuchKind(TypeError):
    """A class that no row of KINDS names: a mistake in our own code, found before anything is written."""


def kind_of(record: type[R]) -> Kind[Any, R]:
    """The kind with records of this class.  Raises: NoSuchKind."""
    kind = OF_RECORD.get(record)
    if kind is None:
        raise NoSuchKind(f"{record.__name__} is not a record of a kind that is written by its row: {_ADD_A_ROW}")
    return kind


def kind_named(name: object) -> Kind[Any, Any]:
    """The kind with records of such names.  Raises: NoSuchKind."""
    kind = OF_KEY.get(type(name))
    if kind is None or kind.by_hand:
        raise NoSuchKind(f"{name!r} does not name a record of a kind that is written by its row: {_ADD_A_ROW}")
    return kind


_ADD_A_ROW = "give its kind a row in KINDS (storage/kinds.py; CONTRIBUTING.md, Add a record kind)."

"""The record kinds of who may call: keys, roles, counts, and the people who sign in. As kinds.py, of which they are a part."""

from operator import attrgetter

from heliograph.domain.access import AccessState, AccessStateName, KeyUse, KeyUseName, ServiceKey, ServiceKeyName
from heliograph.domain.audit import KeyAddress, KeyAddressName
from heliograph.domain.openid_logout import OpenIdSource, OpenIdSourceName
from heliograph.domain.people import Invitation, InvitationName, Passkey, PasskeyName, Person, PersonName
from heliograph.domain.roles import RoleBinding, RoleBindingName, RoleName, RoleRecord
from heliograph.domain.session import Session, SessionName, SpentAttempt, SpentAttemptName
from heliograph.domain.tally import Tally, TallyName
from heliograph.storage.codec import json_of
from heliograph.storage.kind import POSITION, Column, Kind

SERVICE_KEYS: Kind[ServiceKeyName, ServiceKey] = Kind(
    table="service_keys",
    one="service-account key",
    many="service-account keys",
    record=ServiceKey,
    key=ServiceKeyName,
    key_of=lambda key: ServiceKeyName(key.key_id),
    key_columns=(Column("key_id"),),
    columns=(Column("client_email"), POSITION),
    codec=json_of(ServiceKey),
    found_by="client_email",
    few=True,
    resource=lambda name: f"keys/{name.key_id}",
)

KEY_ADDRESSES: Kind[KeyAddressName, KeyAddress] = Kind(
    table="key_addresses",
    one="address of a key",
    many="addresses of keys",
    record=KeyAddress,
    key=KeyAddressName,
    key_of=attrgetter("name"),
    key_columns=(Column("key_id"), Column("address")),
    codec=json_of(KeyAddress),
    belongs_to=SERVICE_KEYS,
    resource=None,  # the first use has an entry of its own
)

KEY_USES: Kind[KeyUseName, KeyUse] = Kind(
    table="key_uses",
    one="key's last use",
    many="keys' last uses",
    record=KeyUse,
    key=KeyUseName,
    key_of=attrgetter("name"),
    key_columns=(Column("key_id"),),
    columns=(POSITION,),
    codec=json_of(KeyUse),
    few=True,
    resource=None,  # the key's calls are recorded, as far as they change anything
)

ROLES: Kind[RoleName, RoleRecord] = Kind(
    table="roles",
    one="role",
    many="roles",
    record=RoleRecord,
    key=RoleName,
    key_of=attrgetter("name"),
    key_columns=(Column("role"),),
    columns=(POSITION,),
    codec=json_of(RoleRecord),
    few=True,
    resource=lambda name: f"roles/{name.role}",
)

ROLE_BINDINGS: Kind[RoleBindingName, RoleBinding] = Kind(
    table="role_bindings",
    one="role binding",
    many="role bindings",
    record=RoleBinding,
    key=RoleBindingName,
    key_of=attrgetter("name"),
    key_columns=(Column("who"), Column("role")),
    columns=(POSITION,),
    codec=json_of(RoleBinding),
    few=True,
    resource=attrgetter("resource"),
)

ACCESS_STATES: Kind[AccessStateName, AccessState] = Kind(
    table="access_states",
    one="state of access",
    many="states of access",
    record=AccessState,
    key=AccessStateName,
    key_of=attrgetter("name"),
    key_columns=(Column("what"),),
    codec=json_of(AccessState),
    resource=None,  # the change that it counts is recorded
)

TALLIES: Kind[TallyName, Tally] = Kind(
    table="tallies",
    one="tally",
    many="tallies",
    record=Tally,
    key=TallyName,
    key_of=attrgetter("name"),
    key_columns=(Column("actor"), Column("what")),
    columns=(Column("expires_us", "bigint"),),
    codec=json_of(Tally),
    expires=True,
    resource=None,  # the deed that it counts is recorded
)

PEOPLE: Kind[PersonName, Person] = Kind(
    table="people",
    one="person",
    many="people",
    record=Person,
    key=PersonName,
    key_of=attrgetter("name"),
    key_columns=(Column("person"),),
    columns=(POSITION,),
    codec=json_of(Person),
    resource=lambda name: f"people/{name.person}",
)

PASSKEYS: Kind[PasskeyName, Passkey] = Kind(
    table="passkeys",
    one="passkey",
    many="passkeys",
    record=Passkey,
    key=PasskeyName,
    key_of=attrgetter("name"),
    key_columns=(Column("person"), Column("passkey")),
    columns=(POSITION, Column("credential_id")),
    codec=json_of(Passkey),
    belongs_to=PEOPLE,
    found_by="credential_id",
    resource=lambda name: f"people/{name.person}/passkeys/{name.passkey}",
)

SESSIONS: Kind[SessionName, Session] = Kind(
    table="sessions",
    one="session",
    many="sessions",
    record=Session,
    key=SessionName,
    key_of=attrgetter("name"),
    key_columns=(Column("person"), Column("session")),
    columns=(POSITION, Column("secret_hash"), Column("expires_us", "bigint")),
    codec=json_of(Session),
    belongs_to=PEOPLE,
    found_by="secret_hash",
    expires=True,
    resource=lambda name: f"people/{name.person}/sessions/{name.session}",
)

INVITATIONS: Kind[InvitationName, Invitation] = Kind(
    table="invitations",
    one="invitation",
    many="invitations",
    record=Invitation,
    key=InvitationName,
    key_of=attrgetter("name"),
    key_columns=(Column("invitation"),),
    columns=(POSITION, Column("expires_us", "bigint")),
    codec=json_of(Invitation),
    expires=True,
    resource=lambda name: f"invitations/{name.invitation}",
)

SPENT_ATTEMPTS: Kind[SpentAttemptName, SpentAttempt] = Kind(
    table="spent_attempts",
    one="spent sign-in",
    many="spent sign-ins",
    record=SpentAttempt,
    key=SpentAttemptName,
    key_of=attrgetter("name"),
    key_columns=(Column("attempt"),),
    columns=(Column("expires_us", "bigint"),),
    from_columns=lambda row: SpentAttempt(name=SpentAttemptName(row[0]), expires_us=row[1]),
    expires=True,
    resource=None,  # the session that began by it is recorded
)

OPENID_SOURCES: Kind[OpenIdSourceName, OpenIdSource] = Kind(
    table="openid_sources",
    one="source of sessions",
    many="sources of sessions",
    record=OpenIdSource,
    key=OpenIdSourceName,
    key_of=attrgetter("name"),
    key_columns=(Column("claim"), Column("digest")),
    columns=(Column("expires_us", "bigint"),),
    codec=json_of(OpenIdSource),
    expires=True,
    resource=None,  # the sessions that begin with it or end with it are recorded
)

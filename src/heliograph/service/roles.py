"""Roles and who has them: the verbs, and the book in which a server looks up what a caller may do."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from heliograph.domain.access import ACCESS, OF_SESSIONS, AccessState, Caller, ServiceKey, changed_state
from heliograph.domain.people import Person
from heliograph.domain.roles import (
    BUILT_IN,
    RoleBinding,
    RoleBindingName,
    RoleDefinition,
    RoleName,
    RoleRecord,
    check_role_id,
    role_violations,
)
from heliograph.protojson.errors import FailedPrecondition, InvalidArgument, NotFound, Violations
from heliograph.service.access_changes import AccessChanges
from heliograph.service.people import PEOPLE_MOST
from heliograph.service.ports import Decision, Delete, Facts, Put, Sees, Store

R = TypeVar("R")

ROLES_MOST = 200
BINDINGS_MOST = 10_000
"""All of them are in the memory of every server."""


class RoleNotFound(NotFound):
    """No such role: `heliograph roles list` shows them."""


class BindingNotFound(NotFound):
    """It does not have this role: `heliograph roles list` shows who has which."""


class RoleInUse(FailedPrecondition):
    """The role is in use."""

    reason = "ROLE_IN_USE"


class Resolver(Protocol):
    """Finds out what a caller may do."""

    async def resolved(self, caller: Caller) -> Caller:
        """The caller with the rights that its roles give.  Raises: as ports.Store."""


class BuiltInOnly:
    """A Resolver for servers without custom roles: a caller has the rights of its built-in role."""

    async def resolved(self, caller: Caller) -> Caller:
        return caller


class _Page(NamedTuple):
    """All roles and bindings as they were read together."""

    roles: Mapping[str, RoleDefinition]
    of: Mapping[str, Sequence[str]]
    """Who has which roles."""


class RoleBook:
    """A Resolver that reads roles and bindings once, and again after each change."""

    def __init__(self, store: Store, changes: AccessChanges) -> None:
        """Reads nothing yet."""
        self._store = store
        self._page: _Page | None = None
        self._edition = 0
        changes.listen(self._forget)

    async def resolved(self, caller: Caller) -> Caller:
        """A key has the role that it was made with, and those that its account is bound to; a signed-in person theirs and their groups'.

        A key with a person does not have that person's roles: it may be for much less.
        """
        page = self._page or await self._read()
        if not caller.person or not caller.key_id.startswith(OF_SESSIONS):
            subjects = [f"account:{caller.email}"]
        else:
            subjects = [f"person:{caller.person}", *(f"group:{group}" for group in caller.groups)]
        bound = [role for subject in subjects for role in page.of.get(subject, ())]
        if not bound and caller.role in BUILT_IN:
            return caller
        names = dict.fromkeys([*([caller.role] if caller.role else []), *bound])
        found = [role for name in names if (role := page.roles.get(name)) is not None]
        return caller.with_rights(found)

    async def _read(self) -> _Page:
        edition = self._edition
        roles = {record.name.role: record.definition for record in await _all(self._store, RoleRecord, ROLES_MOST)}
        of: dict[str, list[str]] = {}
        for binding in await _all(self._store, RoleBinding, BINDINGS_MOST):
            of.setdefault(binding.name.who, []).append(binding.name.role)
        page = _Page({**roles, **BUILT_IN}, of)
        if edition == self._edition:  # else it was changed meanwhile
            self._page = page
        return page

    def _forget(self) -> None:
        self._edition += 1
        self._page = None


async def _all(store: Store, kind: type[R], most: int) -> Sequence[R]:
    return (await store.records(kind, after="", limit=most)).items


async def list_roles(store: Store) -> Sequence[RoleDefinition]:
    """Every role, the built-in ones first."""
    return [*BUILT_IN.values(), *(record.definition for record in await _all(store, RoleRecord, ROLES_MOST))]


async def list_role_bindings(store: Store) -> Sequence[RoleBinding]:
    """Who has which role besides what their key was made with, oldest first."""
    return await _all(store, RoleBinding, BINDINGS_MOST)


async def get_role(store: Store, role: str) -> RoleDefinition:
    """The role.  Raises: RoleNotFound."""
    if role in BUILT_IN:
        return BUILT_IN[role]
    record = await store.record(RoleRecord, RoleName(role))
    if record is None:
        raise RoleNotFound
    return record.definition


async def set_role(
    store: Store, changes: AccessChanges, wanted: RoleDefinition, *, methods: Collection[str], command_types: Collection[str]
) -> RoleDefinition:
    """The role is as wanted, on every server within a second. `methods`, `command_types`: what its lines may name.

    Raises: InvalidArgument; FailedPrecondition: there are too many.
    """
    check_role_id(wanted.name)
    if wanted.name in BUILT_IN:
        raise InvalidArgument(f"{wanted.name} is built in and cannot be changed: choose another name.")
    if found := Violations(role_violations(wanted, methods=methods, command_types=command_types)):
        raise InvalidArgument(violations=found)
    if len(await _all(store, RoleRecord, ROLES_MOST)) >= ROLES_MOST and await store.record(RoleRecord, RoleName(wanted.name)) is None:
        raise FailedPrecondition(f"There are {ROLES_MOST} roles already: delete some first.")

    def rule(facts: Facts) -> Decision[None]:
        known = facts.record(RoleRecord)
        created_us = facts.now_us if known is None else known.created_us
        record = RoleRecord(name=RoleName(wanted.name), created_us=created_us, definition=wanted)
        return Decision(None, (Put(record), Put(changed_state(facts.record(AccessState)))))

    await store.decide(Sees(records=(RoleName(wanted.name), ACCESS)), rule)
    changes.changed()
    return wanted


async def delete_role(store: Store, changes: AccessChanges, role: str, *, keys: Sequence[ServiceKey]) -> None:
    """The role is gone. Should someone be bound to it at this moment, it allows them nothing. `keys`: all there are.

    Raises: RoleNotFound; RoleInUse; InvalidArgument: it is built in.
    """
    if role in BUILT_IN:
        raise InvalidArgument(f"{role} is built in and cannot be deleted.")
    users = [f"the key {key.key_id}" for key in keys if key.role == role]
    people = await _all(store, Person, PEOPLE_MOST)
    users += [f"person:{person.name.person}" for person in people if person.rights is not None and person.rights.role == role]
    users += [binding.name.who for binding in await list_role_bindings(store) if binding.name.role == role]
    if users:
        shown = ", ".join(users[:10])
        raise RoleInUse(f"{shown}{' and more' if len(users) > 10 else ''} have the role {role}: unbind or change them first.")  # noqa: PLR2004

    def rule(facts: Facts) -> Decision[bool]:
        if facts.record(RoleRecord) is None:
            return Decision(answer=False)
        return Decision(answer=True, writes=(Delete(RoleName(role)), Put(changed_state(facts.record(AccessState)))))

    if not await store.decide(Sees(records=(RoleName(role), ACCESS)), rule):
        raise RoleNotFound
    changes.changed()


async def bind_role(store: Store, changes: AccessChanges, name: RoleBindingName) -> RoleBinding:
    """They have the role, on every server within a second.  Raises: RoleNotFound; FailedPrecondition: there are too many bindings."""
    await get_role(store, name.role)
    if len(await list_role_bindings(store)) >= BINDINGS_MOST:
        raise FailedPrecondition(f"There are {BINDINGS_MOST} bindings already: bind groups instead of people.")

    def rule(facts: Facts) -> Decision[RoleBinding]:
        known = facts.record(RoleBinding)
        if known is not None:
            return Decision(known)
        binding = RoleBinding(name=name, created_us=facts.now_us)
        return Decision(binding, (Put(binding), Put(changed_state(facts.record(AccessState)))))

    binding = await store.decide(Sees(records=(name, ACCESS)), rule)
    changes.changed()
    return binding


async def unbind_role(store: Store, changes: AccessChanges, name: RoleBindingName) -> None:
    """They no longer have the role, on every server within a second.  Raises: BindingNotFound."""

    def rule(facts: Facts) -> Decision[bool]:
        if facts.record(RoleBinding) is None:
            return Decision(answer=False)
        return Decision(answer=True, writes=(Delete(name), Put(changed_state(facts.record(AccessState)))))

    if not await store.decide(Sees(records=(name, ACCESS)), rule):
        raise BindingNotFound
    changes.changed()

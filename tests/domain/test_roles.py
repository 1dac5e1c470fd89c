"""A role allows what one of its lines allows, and what is destructive only if it is meant."""

import fnmatch
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from heliograph.api.app import METHODS
from heliograph.commands import COMMANDS
from heliograph.domain.access import Caller
from heliograph.domain.device import DeviceRecord
from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import DeviceName
from heliograph.domain.rights import BlastRadiusReached, NotEveryEnterprise, RoleInsufficient, TooManyThisHour, is_write, lines_of
from heliograph.domain.roles import BUILT_IN, COUNTED_METHODS, RoleDefinition, RoleLine, covers, role_violations, who_of
from heliograph.domain.tally import Tally
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.approvals import APPROVE
from tests.domain.test_device_filter import DEVICE

ISSUE, DELETE, PATCH = COUNTED_METHODS
BY_ID = {method.id: method for method in METHODS}
DESTRUCTIVE_METHODS = {
    "androidmanagement.enterprises.delete",
    "androidmanagement.enterprises.devices.delete",
    "heliograph.approvals.approve",
}
DESTRUCTIVE_TYPES = {"WIPE", "RELINQUISH_OWNERSHIP"}
LOCK, WIPE = COMMANDS["LOCK"], COMMANDS["WIPE"]


def caller(*lines: RoleLine, enterprises: frozenset[str] | None = None, blast_radius: int = 0) -> Caller:
    """A caller with a role of these lines."""
    role = RoleDefinition(name="custom", allow=lines)
    return Caller(email="ci@acme", role="", enterprises=enterprises, blast_radius=blast_radius).with_rights([role])


def device(name: str, **changed: object) -> DeviceRecord:
    """A device of enterprise acme, or another."""
    return replace(DEVICE, name=DeviceName.parse(name if "/" in name else f"enterprises/acme/devices/{name}"), **changed)


def test_what_is_destructive_is_what_ends_the_management_of_devices() -> None:
    assert DESTRUCTIVE_METHODS == {method.id for method in METHODS if method.destructive}
    assert DESTRUCTIVE_TYPES == {row.name for row in COMMANDS.values() if row.destructive}


def test_who_may_approve_is_judged_as_by_the_methods_row() -> None:
    row = BY_ID[APPROVE.id]

    assert (row.id, row.path, row.destructive) == APPROVE


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_the_built_in_roles_on_every_method(method: object) -> None:
    assert isinstance(method, type(METHODS[0]))
    allowed = {}
    for role in BUILT_IN:
        try:
            Caller(role=role).rights.admit(method, None)
        except RoleInsufficient:
            allowed[role] = False
        else:
            allowed[role] = True

    assert {"viewer": not is_write(method.id), "operator": not method.destructive, "admin": True} == allowed


@pytest.mark.parametrize("row", COMMANDS.values(), ids=lambda row: row.name)
def test_the_built_in_roles_on_every_type(row: object) -> None:
    assert isinstance(row, type(WIPE))
    operator, admin = (Caller(role=role).rights.permit(BY_ID[ISSUE]) for role in ("operator", "admin"))

    assert not admin.judges(row)
    if row.destructive:
        with pytest.raises(RoleInsufficient, match=row.name):
            operator.judges(row)
    else:
        assert not operator.judges(row)


PATTERNS = st.text("ab.*", min_size=1, max_size=8)


@given(PATTERNS, st.text("ab.", max_size=12))
def test_a_pattern_covers_as_a_shell_matches(pattern: str, method: str) -> None:
    assert fnmatch.fnmatchcase(method, pattern) is covers(pattern, method)


def test_a_pattern_does_not_cover_what_is_destructive_by_accident() -> None:
    by_pattern = caller(RoleLine(methods=("*",)))
    named = caller(RoleLine(methods=(DELETE,)), RoleLine(methods=(ISSUE,), command_types=("WIPE",)))
    meant = caller(RoleLine(methods=("*",), destructive=True))

    with pytest.raises(RoleInsufficient):
        by_pattern.rights.permit(BY_ID[DELETE])
    assert not named.rights.permit(BY_ID[DELETE]).judges()
    assert not named.rights.permit(BY_ID[ISSUE]).judges(WIPE)
    with pytest.raises(RoleInsufficient, match="it names other types than LOCK"):
        named.rights.permit(BY_ID[ISSUE]).judges(LOCK)
    assert not meant.rights.permit(BY_ID[ISSUE]).judges(WIPE)


def test_a_filter_is_judged_on_the_device() -> None:
    permit = caller(RoleLine(methods=(ISSUE,), devices='name="*/kiosk-*"')).rights.permit(BY_ID[ISSUE])

    assert (True, True, True) == (permit.limited, permit.by_device, permit.judges(LOCK))
    assert [] == permit.judge(device("kiosk-1"), (), row=LOCK, now_us=1)
    permit.check_device(device("kiosk-1"))
    for judge in (lambda: permit.judge(device("desk-1"), (), row=LOCK, now_us=1), lambda: permit.check_device(device("desk-1"))):
        with pytest.raises(RoleInsufficient, match="line 1 of the role custom: its device filter leaves this device out"):
            judge()
    with pytest.raises(RoleInsufficient):
        permit.check_device(None)


def test_lines_do_not_mix() -> None:
    """Kiosks may be locked and lab phones wiped: no kiosk may be wiped."""
    permit = caller(
        RoleLine(methods=(ISSUE,), command_types=("LOCK",), devices='name="*/kiosk-*"'),
        RoleLine(methods=(ISSUE,), command_types=("WIPE",), devices='policyName="*/wipeable"'),
    ).rights.permit(BY_ID[ISSUE])
    kiosk, lab = device("kiosk-1"), device("lab-1", policy_name="enterprises/acme/policies/wipeable")

    assert [] == permit.judge(kiosk, (), row=LOCK, now_us=1)
    assert [] == permit.judge(lab, (), row=WIPE, now_us=1)
    for refused, row in ((kiosk, WIPE), (lab, LOCK)):
        with pytest.raises(RoleInsufficient):
            permit.judge(refused, (), row=row, now_us=1)


def test_a_line_with_a_filter_covers_methods_on_a_device_and_the_list_of_devices_only() -> None:
    rights = caller(RoleLine(methods=("*.list", "*.get", "*.timeline", "*.explain"), devices='name="*/kiosk-*"')).rights
    covered = set()
    for method in METHODS:
        try:
            rights.permit(method)
        except RoleInsufficient:
            continue
        covered.add(method.id)

    on_devices = {method.id for method in METHODS if not is_write(method.id) and method.path.startswith("enterprises/*/devices/*")}
    assert on_devices | {"androidmanagement.enterprises.devices.list"} == covered
    shown = rights.permit(BY_ID["androidmanagement.enterprises.devices.list"])
    assert [True, False] == [shown.shows(device(name)) for name in ("kiosk-1", "desk-1")]


def test_no_role_reaches_beyond_the_enterprises_of_its_key() -> None:
    everywhere = caller(RoleLine(methods=("*",)), enterprises=frozenset({"acme"}))
    narrower = caller(RoleLine(methods=("*",), enterprises=("acme", "others")), enterprises=frozenset({"acme", "labs"}))
    method = BY_ID["androidmanagement.enterprises.policies.patch"]

    assert frozenset({"acme"}) == everywhere.rights.permit(method).enterprises == narrower.rights.permit(method).enterprises
    for rights, enterprise in ((everywhere.rights, "others"), (narrower.rights, "others"), (narrower.rights, "labs")):
        with pytest.raises(EnterpriseNotAuthorized):
            rights.admit(method, enterprise)
    with pytest.raises(NotEveryEnterprise):
        everywhere.rights.admit(BY_ID["androidmanagement.enterprises.create"], None)


def test_a_line_for_some_enterprises_is_judged_where_another_covers_less() -> None:
    permit = caller(
        RoleLine(methods=(ISSUE,), enterprises=("acme",)), RoleLine(methods=(ISSUE,), enterprises=("labs",), command_types=("LOCK",))
    ).rights.permit(BY_ID[ISSUE])
    reboot = COMMANDS["REBOOT"]

    assert [] == permit.judge(device("enterprises/acme/devices/a"), (), row=reboot, now_us=1)
    assert [] == permit.judge(device("enterprises/labs/devices/a"), (), row=LOCK, now_us=1)
    with pytest.raises(RoleInsufficient):
        permit.judge(device("enterprises/labs/devices/a"), (), row=reboot, now_us=1)


def test_so_many_an_hour_and_a_line_without_a_limit_is_used_first() -> None:
    limited = RoleLine(methods=(ISSUE,), per_hour=2)
    permit = caller(limited).rights.permit(BY_ID[ISSUE])
    tallies: list[Tally] = []
    for now_us in (1, 2):
        tallies = [*permit.judge(device("a"), tallies, row=LOCK, now_us=now_us)]

    with pytest.raises(TooManyThisHour, match="line 1 of the role custom") as refused:
        permit.judge(device("b"), tallies, row=LOCK, now_us=3)
    assert 3_600 == refused.value.retry_after_s
    unlimited = caller(limited, RoleLine(methods=(ISSUE,), devices='name="*/b"')).rights.permit(BY_ID[ISSUE])
    assert [] == unlimited.judge(device("b"), tallies, row=LOCK, now_us=3)


def test_the_blast_radius_counts_what_is_destructive_and_nothing_else() -> None:
    admin = Caller(email="ci@acme", blast_radius=1)
    issue, delete, patch = (admin.rights.permit(BY_ID[method]) for method in COUNTED_METHODS)

    assert (False, (), False) == (issue.judges(LOCK), issue.tallies(LOCK), patch.judges())
    wiped = [*issue.judge(device("a"), (), row=WIPE, now_us=1)]
    assert [*issue.tallies(WIPE)] == [tally.name for tally in wiped]
    assert [] == [*delete.judge(device("a"), wiped, now_us=2)]  # it has its place: nothing to write
    with pytest.raises(BlastRadiusReached, match="ci@acme may wipe, relinquish or delete 1 devices an hour"):
        delete.judge(device("b"), wiped, now_us=3)


class Role(NamedTuple):
    """A line that cannot be, and what is said."""

    line: RoleLine
    field: str
    said: str


@pytest.mark.parametrize(
    "role",
    [
        Role(RoleLine(), "methods", "must name at least one"),
        Role(RoleLine(methods=("devices.get",)), "methods", "is the id of no method"),
        Role(RoleLine(methods=("*",), command_types=("EXPLODE",)), "command_types", "the types are"),
        Role(RoleLine(methods=("*",), enterprises=("enterprises/acme",)), "enterprises", "write acme"),
        Role(RoleLine(methods=("*",), devices="done=true"), "devices", '"done" is not a field'),
        Role(RoleLine(methods=(ISSUE,), per_hour=-1), "per_hour", "1 to 1000"),
        Role(RoleLine(methods=("*",), per_hour=5), "per_hour", "name only these"),
        Role(RoleLine(methods=("*",) * 101), "methods", "at most 100"),
    ],
    ids=lambda role: role.said,
)
def test_a_line_that_cannot_be_says_why(role: Role) -> None:
    wanted = RoleDefinition(name="custom", allow=(RoleLine(methods=("*",)), role.line))

    (found,) = role_violations(wanted, methods=BY_ID, command_types=COMMANDS)

    assert (f"role.allow[1].{role.field}", True) == (found.field, role.said in found.description)


def test_a_role_has_lines() -> None:
    assert ["role.allow"] == [found.field for found in role_violations(RoleDefinition(), methods=BY_ID, command_types=COMMANDS)]


@pytest.mark.parametrize("role", BUILT_IN.values(), ids=lambda role: role.name)
def test_the_built_in_roles_are_written_as_any_other(role: RoleDefinition) -> None:
    assert [] == [*role_violations(role, methods=BY_ID, command_types=COMMANDS)]


@pytest.mark.parametrize(
    "given, who",
    [
        ("ann@acme.example", "person:ann@acme.example"),
        ("admin-1@acme.iam.heliograph.internal", "account:admin-1@acme.iam.heliograph.internal"),
        ("group:helpdesk", "group:helpdesk"),
        ("person:group", "person:group"),
        ("ann", "person:ann"),
    ],
)
def test_who_someone_is(given: str, who: str) -> None:
    assert who == who_of(given)


@pytest.mark.parametrize("given", ["", "group:", "person:two words", "account:é"])
def test_who_no_one_is(given: str) -> None:
    with pytest.raises(InvalidArgument, match="write account:"):
        who_of(given)


def test_every_line_says_why_it_does_not_cover_a_call() -> None:
    rights = caller(
        RoleLine(methods=("*.get",)), RoleLine(methods=("*",)), RoleLine(methods=(ISSUE,), command_types=("WIPE",), devices='name="*/b"')
    ).rights

    lines = lines_of(rights, BY_ID[ISSUE], enterprise="acme", device=device("a"), row=WIPE)

    assert [
        "it names other methods",
        "WIPE is destructive: the line must name it, or say destructive",
        'its device filter leaves this device out: name="*/b"',
    ] == [line.fault for line in lines]

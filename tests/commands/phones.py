"""Virtual phones and params of every kind, made by Hypothesis; and one plain phone to start an example from."""

import base64
import functools
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st

from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.command import CommandType
from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.phone.numbers import eid_of
from heliograph.domain.phone.sm_dp import CATALOGUE
from heliograph.domain.phone.virtual_device import App, LostMode, ResetToken, Scope, VirtualDevice, WorkProfile, device_facts
from heliograph.domain.policy import PasswordPolicy, PasswordQuality
from heliograph.domain.user_facing_message import UserFacingMessage
from heliograph.protojson.schema import EnumKind, Kind, ListKind, MapKind, MessageKind, Scalar, shape_of
from heliograph.protojson.times import DURATION_MAX_S, format_duration, format_timestamp
from heliograph.protojson.types import INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, Int64

NOW_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
LOWEST_LEVEL, HIGHEST_LEVEL = 24, 36
LOWEST: Mapping[ManagementKind, int] = dict.fromkeys(ManagementKind, LOWEST_LEVEL)
LONGEST_NS = DURATION_MAX_S * 1_000_000_000
PACKAGES = ("com.example.notes", "com.example.chat", "com.android.vending", "com.example.absent", "no name")
ICC_IDS = ("8999000000000000001", "8999000000000000002")
CODES = tuple(listing.example for listing in CATALOGUE)
"""Activation codes of every listing in the catalogue."""


def message(text: str) -> UserFacingMessage:
    """The text as an admin writes it."""
    return UserFacingMessage(default_message=text)


def phone_of(management_kind: ManagementKind, api_level: int = 34, **fields: Any) -> VirtualDevice:  # noqa: ANN401 - the phone's own fields
    """A phone managed in this way, its work profile (where it has one) with the device's lock."""
    profile = None if management_kind is ManagementKind.FULLY_MANAGED else WorkProfile()
    made = VirtualDevice(profile="test", serial="S1", management_kind=management_kind, api_level=api_level, work_profile=profile)
    return msgspec.structs.replace(made, **fields)


# Strategies are made once: Hypothesis looks at each that is made, which takes longer than to draw from it.
flags, sizes = st.booleans(), st.integers(0, 2**40)
secrets = st.sampled_from(("", "12", "1234", "123456", "abcdef", "abc123", "abc-123", "correct horse"))
credentials = st.none() | secrets.filter(bool).map(Credential)
times_us = st.none() | st.integers(-24, 24).map(lambda hours: NOW_US + hours * HOUR_US)


@st.composite
def work_profiles(draw: st.DrawFn) -> WorkProfile:
    """A work profile; only one with a lock of its own has a credential, and only one with a credential is locked."""
    credential = draw(credentials)
    own_lock = credential is not None or draw(flags)
    locked = credential is not None and draw(flags)
    return WorkProfile(separate_lock=own_lock, paused=draw(flags), credential=credential, locked=locked)


any_work_profile = work_profiles()
any_password_policy = st.builds(PasswordPolicy, quality=st.sampled_from(PasswordQuality), minimum_length=st.integers(0, 8))
any_reset_token = st.sampled_from(ResetToken)
any_lost_mode = st.none() | st.just(LostMode(since_us=NOW_US - HOUR_US))
any_qpr = st.integers(0, 3)
apps = st.builds(
    App,
    package=st.sampled_from(PACKAGES[:3]),
    scope=st.sampled_from(Scope),
    system=flags,
    protected=flags,
    data_bytes=sizes,
)
any_apps = st.lists(apps, max_size=4).map(tuple)


def _chips(number: int) -> st.SearchStrategy[Euicc]:
    """The chip of this number on any phone."""
    icc_ids = ICC_IDS if number == 0 else ("8999000000000000003",)
    esims = st.lists(
        st.builds(EsimProfile, icc_id=st.sampled_from(icc_ids), managed=flags, deletable=flags),
        unique_by=lambda profile: profile.icc_id,
    ).map(tuple)
    return st.builds(Euicc, eid=st.just(eid_of("any", number)), ports=st.integers(1, 2), capacity=st.integers(2, 4), profiles=esims)


euiccs = st.one_of(*(st.tuples(*map(_chips, range(count))) for count in range(3)))
"""None, one or two eSIM chips."""


@st.composite
def phones_at(draw: st.DrawFn, management_kind: ManagementKind, levels: st.SearchStrategy[int]) -> VirtualDevice:
    """Any phone that can be, managed in this way, at one of these levels."""
    credential = draw(credentials)
    return VirtualDevice(
        profile="any",
        serial="S1",
        management_kind=management_kind,
        api_level=draw(levels),
        qpr=draw(any_qpr),
        setup_in_progress=draw(flags),
        work_profile=None if management_kind is ManagementKind.FULLY_MANAGED else draw(any_work_profile),
        credential=credential,
        password_policy=draw(any_password_policy),
        reset_token=draw(any_reset_token),
        last_admin_reset_us=draw(times_us),
        must_enter=draw(flags),
        do_not_ask_on_boot=draw(flags),
        screen_on=draw(flags),
        locked=credential is not None and draw(flags),
        lost_mode=draw(any_lost_mode),
        last_user_exit_lost_mode_us=draw(times_us),
        apps=draw(any_apps),
        euiccs=draw(euiccs),
        confirm_esim_removal=draw(flags),
        ongoing_call=draw(flags),
        external_storage_bytes=draw(sizes),
    )


def phones(lowest: Mapping[ManagementKind, int] = LOWEST) -> st.SearchStrategy[VirtualDevice]:
    """Any phone that can be, of these kinds of management, from the kind's level up."""
    return st.one_of(*(phones_at(kind, st.integers(max(LOWEST_LEVEL, level), HIGHEST_LEVEL)) for kind, level in lowest.items()))


def phones_for(row: CommandType) -> st.SearchStrategy[VirtualDevice]:
    """Any phone that accepts commands of this type."""
    return _phones_for(row.name)


@functools.cache
def _phones_for(type_: str) -> st.SearchStrategy[VirtualDevice]:
    row = COMMANDS[type_]
    levels = {kind: row.requires.lowest_level(kind) for kind in ManagementKind}
    lowest = {kind: level for kind, level in levels.items() if level is not None}
    return phones(lowest).filter(lambda phone: row.requires.refusal(device_facts(phone)) is None)


any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
SCALARS: Mapping[Scalar, st.SearchStrategy[Any]] = {
    Scalar.STRING: st.sampled_from((*PACKAGES, *ICC_IDS, *CODES)) | secrets | st.text(max_size=8),
    Scalar.BOOL: st.booleans(),
    Scalar.INT32: st.integers(INT32_MIN, INT32_MAX) | st.integers(0, 100),
    Scalar.INT64: (st.integers(INT64_MIN, INT64_MAX) | st.integers(0, 100)).map(Int64),
    Scalar.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    Scalar.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    Scalar.DURATION: st.just("") | (st.integers(-LONGEST_NS, LONGEST_NS) | st.integers(0, 10**12)).map(format_duration),
    Scalar.TIMESTAMP: st.just("") | st.integers(0, 2 * NOW_US).map(format_timestamp),
    Scalar.BYTES: st.binary(max_size=8).map(lambda value: base64.b64encode(value).decode()),
    Scalar.STRUCT: st.dictionaries(st.text(max_size=4), any_json, max_size=2),
    Scalar.VALUE: any_json,
}
"""Any value of a field of one value; texts that mean something on some phone come often."""


def messages_of(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any well-formed message of this class."""
    return st.fixed_dictionaries({}, optional={field.name: values_of(field.kind) for field in shape_of(cls).fields}).map(
        lambda values: cls(**values)
    )


def values_of(kind: Kind) -> st.SearchStrategy[Any]:
    """Any value of a field of this kind."""
    match kind:
        case EnumKind():
            return st.sampled_from(list(kind.by_name.values()))
        case MessageKind():
            return messages_of(kind.cls)
        case ListKind():
            return st.lists(values_of(kind.item), max_size=3).map(tuple)
        case MapKind():
            return st.dictionaries(st.sampled_from(("en-US", "fr")), values_of(kind.value), max_size=2)
        case _:
            return SCALARS[kind]


def params_of(row: CommandType) -> st.SearchStrategy[Any]:
    """Any params that the server lets through, those of the row's example among them."""
    return _params_of(row.name)


@functools.cache
def _params_of(type_: str) -> st.SearchStrategy[Any]:
    row = COMMANDS[type_]
    good = messages_of(row.params).filter(lambda params: not list(row.check(params, row.params_path)))
    return st.just(example_params(row)) | good


def example_params(row: CommandType) -> Any:  # noqa: ANN401 - the row's own struct
    """The params of the row's example."""
    return ENVELOPE.decode(msgspec.json.encode({"type": row.name, **row.example})).params

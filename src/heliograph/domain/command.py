"""What a command type *is*: a frozen row that everything else reads.

One file of `heliograph.commands` holds one row, named `COMMAND`. Codec, CLI options, docs page, virtual phone and tests are all read
from it; no other file names a command type.

Source: disc, Command; AOSP DevicePolicyManager for what each command does on a phone.
"""

import enum
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

from heliograph.domain.device import DeviceFacts, ManagementKind
from heliograph.domain.evidence import NOT_AT_ALL, ObservedBy
from heliograph.domain.messages import Message
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.domain.quirks import Quirk
from heliograph.protojson.errors import Violation
from heliograph.protojson.types import proto_name

DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Requires:
    """What a device must be to accept a command: the lowest API level by management mode, None if the mode is not supported.

    Looked at on the phone before it acknowledges; the mode is judged before the level (amapi.md §6: order of checks, our choice).
    """

    fully_managed: int | None = 1
    company_owned_work_profile: int | None = 1
    personally_owned_work_profile: int | None = 1
    euicc: bool = False
    unsupported: Callable[[DeviceFacts], bool] = lambda _facts: False
    """Further devices that cannot execute it at all (errorCode UNSUPPORTED)."""

    def lowest_level(self, management_kind: ManagementKind) -> int | None:
        """The lowest API level on which a device managed in this way accepts the command; None: no level."""
        match management_kind:
            case ManagementKind.FULLY_MANAGED:
                return self.fully_managed
            case ManagementKind.COMPANY_OWNED_WORK_PROFILE:
                return self.company_owned_work_profile
            case ManagementKind.PERSONALLY_OWNED_WORK_PROFILE:
                return self.personally_owned_work_profile

    def refusal(self, facts: DeviceFacts) -> ErrorCode | None:
        """Why a device with these facts refuses the command, or None if it can execute it."""
        lowest = self.lowest_level(facts.management_kind)
        if lowest is None:
            return ErrorCode.MANAGEMENT_MODE
        if facts.api_level < lowest:
            return ErrorCode.API_LEVEL
        if (self.euicc and not facts.euicc) or self.unsupported(facts):
            return ErrorCode.UNSUPPORTED
        return None


class Recovery(enum.Enum):
    """What a phone does with a command that its journal shows as executing after a restart (design.md §4)."""

    RESUME = "execute it again: it ends the device's management, so twice is the same as once"
    BOOT_ID = "a new boot id proves that it worked"
    PROBE = "check whether the effect has happened"
    UNKNOWN = "report UNKNOWN: never execute twice"


class Wait(enum.Enum):
    """What a command on a phone waits for before it can continue."""

    TIME = "time"
    DOWNLOAD = "a download"
    CONSENT = "the user's consent"
    CONFIRMATION_CODE = "the user's confirmation code"
    REBOOT = "the phone's own restart"


class Answer(enum.Enum):
    """What ended a wait."""

    ELAPSED = "elapsed"
    APPROVED = "approved"
    DECLINED = "declined"
    WRONG_CODE = "entered another confirmation code than the right one"


@dataclass(frozen=True, kw_only=True)
class Done:
    """The command has ended on the phone: `phone` is the phone afterwards."""

    phone: VirtualDevice
    outcome: Outcome

    @classmethod
    def with_status(cls, phone: VirtualDevice, status: Message) -> Self:
        """Ended with this status and nothing else to say."""
        return cls(phone=phone, outcome=Outcome(status=status))


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The command is in progress: `status`, if set, is reported as progress, and `then` continues with the phone as it is by then.

    `seconds`: how long a wait for TIME, DOWNLOAD or REBOOT lasts; for a wait on the user, None: as long as the user takes.
    """

    phone: VirtualDevice
    status: msgspec.Struct | None = None
    wait: Wait
    seconds: float | None = None
    then: "Callable[[VirtualDevice, Answer, Circumstances], Effect]"


Effect = Done | Waiting


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What an effect may know besides the phone and its params: the time and one random number."""

    now_us: int
    roll: float = 0.5
    """Uniform in [0, 1), drawn again for each step by the phone's runner."""


class NoParams(Message):
    """The params of a type without params."""


def no_violations(_params: Any, _path: str) -> Iterator[Violation]:  # noqa: ANN401 - the row's own struct
    """Nothing to check."""
    return iter(())


def no_violations_on(_params: Any, _path: str, *, personally_owned: bool) -> Iterator[Violation]:  # noqa: ANN401
    """Nothing to check against the device."""
    return iter(())


def no_probe(_phone: VirtualDevice, _params: Any) -> Outcome | None:  # noqa: ANN401
    """Nothing on the phone shows whether the command was executed."""
    return None


def whatever_the_policy(command: bytes, _wipe_data_flags: Sequence[str], *, api_level: int) -> bytes:
    """The command, which no policy changes."""
    return command


def always_succeeded(_status: Any) -> bool:  # noqa: ANN401
    """The command succeeded, with any specific status."""
    return True


def never_pending(_status: Any) -> bool:  # noqa: ANN401
    """No status of this type is a progress report."""
    return False


@dataclass(frozen=True, kw_only=True)
class CommandType:
    """One command type, whole.

    `params` is the struct of the params message. With `params_field` it stands in that member of the union `params`, and
    `params_required` says that the type alone is not a command; without one its fields stand at the top level of Command (RESET_PASSWORD).
    `params_field` and `status_field` are names on the wire (`wipeParams`).
    A params field says what it is in its annotation: `Annotated[str, msgspec.Meta(description="…")]`.
    Fields annotated SECRET (`protojson.types`) leave the Command when it is decoded and reach only the phone.
    """

    name: str
    number: int
    """The type's number in the enum: its place in the reference page, which is the order of all lists of types."""
    summary: str
    """One or two sentences for the docs page, `--help` and the discovery document."""
    also_called: Mapping[str, str] = field(default_factory=dict)
    """Wrong names that people write for it, each with a further sentence for the error, or ""."""
    params: type[msgspec.Struct] = NoParams
    params_field: str | None = None
    params_also_called: tuple[str, ...] = ()
    """What people write for `params_field` by mistake, in the form of proto names."""
    params_required: bool = False
    example: Mapping[str, Any] = field(default_factory=dict)
    """A good Command of this type without its `type`, for the docs page; tests send it to a phone."""
    status: type[msgspec.Struct] | None = None
    status_field: str | None = None
    requires: Requires = Requires()
    check: Callable[[Any, str], Iterator[Violation]] = no_violations
    """`check(params, path)`: everything wrong with the params that the server can see alone; `path` is their proto path."""
    check_on: Callable[..., Iterator[Violation]] = no_violations_on
    """`check_on(params, path, personally_owned=…)`: what is wrong with them for the device they go to, as the server knows it."""
    execute: Callable[[VirtualDevice, Any, Circumstances], Effect]
    """The effect on a virtual phone; called only where `requires` has no refusal. Total: it never raises."""
    succeeded: Callable[[Any], bool] = always_succeeded
    """Whether a final report with this specific status is a success (`response`) or a failure (`error`)."""
    pending: Callable[[Any], bool] = never_pending
    """Whether this specific status is progress: it frees the device's queue, and a final operation never carries it."""
    recovery: Recovery = Recovery.UNKNOWN
    probe: Callable[[VirtualDevice, Any], Outcome | None] = no_probe
    observed_by: ObservedBy = NOT_AT_ALL
    """Which facts of a phone show whether the command was executed; of a row that is final at ack, those of its next enrolment."""
    under_policy: Callable[..., bytes] = whatever_the_policy
    """`under_policy(command, wipe_data_flags, api_level=…)`: the canonical command as a phone of this level carries it out under a policy
    with these flags. Asked at the acknowledgement of a row that is final there."""
    asks_user: str = ""
    """What a phone asks its user before it executes such a command, if it asks at all; empty: it never does."""
    final_at_ack: bool = False
    """Whether the acknowledgement ends the operation and the device resource; the command then is the tombstone's last order."""
    holds_queue_s: int = 60
    """How long after its ack the command keeps later ones of its device from starting."""
    result_timeout_s: int = DAY_S
    """How long after the phone's last word an acknowledged command is given up."""
    as_observed: frozenset[Quirk] = frozenset()
    """What real AMAPI was seen to do otherwise with this type."""

    @property
    def destructive(self) -> bool:
        """Whether no later command reaches the device afterwards, so that nothing can be taken back (docs/roles.md)."""
        return self.final_at_ack

    @functools.cached_property
    def params_path(self) -> str:
        """The proto path of the params in issueCommand's body: `command.wipe_params`, or `command` without `params_field`."""
        return f"command.{proto_name(self.params_field)}" if self.params_field else "command"

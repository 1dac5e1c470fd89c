"""Approvals: what needs a second person, who agreed to exactly what, and what of it may still be done. ADR 0058; docs/approvals.md.

A rule says what needs approval; an approval is one thing that waits for it. Of a command, the operation's state says whether it still
waits; of anything else, the approval says whether the same call may be made once.
"""

import enum
import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import msgspec

from heliograph.domain.device import DeviceRecord, ManagementKind, position
from heliograph.domain.device_filter import parse_device_filter
from heliograph.domain.messages import Message, proto
from heliograph.domain.names import ApprovalName, ApprovalRulesName
from heliograph.protojson.errors import Aborted, FailedPrecondition, InvalidArgument, PermissionDenied, Violation
from heliograph.protojson.messages import Duration, Int32
from heliograph.protojson.times import parse_duration_ns

DAY_US = 86_400 * 1_000_000
METHOD_LIFE_US = DAY_US
"""How long a call other than issueCommand may wait for its approval, and be repeated after it: a command has its own duration."""
KEPT_US = 90 * DAY_US
"""How long an approval can be read after it has ended."""
RULES_MOST = 20
APPROVALS_MOST = 5
GRACE_MOST_US = DAY_US
REASON_MAX_CHARS = 1_000
SHOWN_DEVICES_MOST = 1_000
"""Devices that an approval of more than one names; the digest binds all of them."""

DELETE_DEVICE = "androidmanagement.enterprises.devices.delete"
DELETE_ENTERPRISE = "androidmanagement.enterprises.delete"
CREATE_KEY = "heliograph.keys.create"
CHANGE_RULES = "heliograph.approvalRules.patch"
METHODS = (DELETE_DEVICE, DELETE_ENTERPRISE, CREATE_KEY)
"""Methods that a rule may name. CHANGE_RULES needs an approval as soon as there is a rule: who can lift it has no need to ask."""


@proto("ApprovalRule.ManagementKind")
class RuleKind(enum.Enum):
    """Management kinds as rules name them."""

    MANAGEMENT_KIND_UNSPECIFIED = "MANAGEMENT_KIND_UNSPECIFIED"
    FULLY_MANAGED = "FULLY_MANAGED"
    COMPANY_OWNED_WORK_PROFILE = "COMPANY_OWNED_WORK_PROFILE"
    PERSONALLY_OWNED_WORK_PROFILE = "PERSONALLY_OWNED_WORK_PROFILE"


class ApprovalRule(Message):
    """What needs a second person. Of several that fit, the one that asks for most people counts, then the one with the longest grace."""

    command_types: Annotated[tuple[str, ...], msgspec.Meta(description="Types that end a device's management: WIPE and its like.")] = ()
    methods: Annotated[tuple[str, ...], msgspec.Meta(description="Ids of methods.")] = ()
    management_kinds: Annotated[tuple[RuleKind, ...], msgspec.Meta(description="Only of devices of these kinds; none: of all.")] = ()
    devices: Annotated[str, msgspec.Meta(description="Only on devices for which this filter holds; empty: on all.")] = ""
    approvals: Annotated[Int32, msgspec.Meta(description="How many people besides the one who asked; 0 means 1.")] = 0
    grace_period: Annotated[Duration, msgspec.Meta(description="How long it can be called off after it is approved.")] = Duration("")


class ApprovalRules(Message):
    """All rules of an enterprise; none: nothing needs approval."""

    rules: tuple[ApprovalRule, ...] = ()


class ApprovalRulesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of an enterprise's rules."""

    name: ApprovalRulesName
    rules: ApprovalRules


def rules_violations(wanted: ApprovalRules, *, command_types: Sequence[str]) -> Iterator[Violation]:
    """What is wrong with the rules; `command_types`: those that may need approval."""
    if len(wanted.rules) > RULES_MOST:
        yield Violation("rules", f"An enterprise has at most {RULES_MOST} approval rules.")
    for number, rule in enumerate(wanted.rules):
        path = f"rules[{number}]"
        if not rule.command_types and not rule.methods:
            yield Violation(path, f"{path} needs nothing approved: give it command_types or methods.")
        for name in rule.command_types:
            if name not in command_types:
                yield Violation(f"{path}.command_types", f"{name[:64]!r} cannot need approval: it is {' or '.join(command_types)}.")
        for name in rule.methods:
            if name not in METHODS:
                yield Violation(f"{path}.methods", f"{name[:128]!r} cannot need approval: it is {', '.join(METHODS)}.")
        yield from _filter_violations(rule.devices, f"{path}.devices")
        if not 0 <= rule.approvals <= APPROVALS_MOST:
            yield Violation(f"{path}.approvals", f"{path}.approvals must be between 1 and {APPROVALS_MOST}.")
        if not 0 <= grace_us_of(rule) <= GRACE_MOST_US:
            yield Violation(f"{path}.grace_period", f"{path}.grace_period must be at most a day.")


def _filter_violations(text: str, path: str) -> Sequence[Violation]:
    try:
        parse_device_filter(text, path=path)
    except InvalidArgument as error:
        return error.violations
    return ()


_filter = functools.lru_cache(maxsize=256)(parse_device_filter)
"""Rules are few, and judged for each WIPE."""


def grace_us_of(rule: ApprovalRule) -> int:
    """How long it can be called off once it is approved."""
    return parse_duration_ns(rule.grace_period) // 1_000 if rule.grace_period else 0


def rule_for(rules: ApprovalRules, *, what: str, device: DeviceRecord | None = None) -> ApprovalRule | None:
    """The rule by which a command type or a method needs approval, on this device; None: it needs none."""
    fitting = [rule for rule in rules.rules if _covers(rule, what, device)]
    return max(fitting, key=lambda rule: (rule.approvals, grace_us_of(rule)), default=None)


def strictest(rules: ApprovalRules) -> ApprovalRule:
    """As many people as any rule asks for: what changing the rules needs."""
    return ApprovalRule(approvals=max((rule.approvals for rule in rules.rules), default=0))


def _covers(rule: ApprovalRule, what: str, device: DeviceRecord | None) -> bool:
    if what not in rule.command_types and what not in rule.methods:
        return False
    kinds = {ManagementKind[kind.name] for kind in rule.management_kinds if kind is not RuleKind.MANAGEMENT_KIND_UNSPECIFIED}
    return device is None or ((not kinds or device.management_kind in kinds) and _filter(rule.devices).matches(device))


@proto("Approval.State")
class ApprovalState(enum.Enum):
    """How an approval stands."""

    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    """Of a command: it waits in its phone's queue, after the grace period. Of a method: the same call may be made once."""
    DONE = "DONE"
    """Of a method: the call was made."""
    DECLINED = "DECLINED"
    CALLED_OFF = "CALLED_OFF"
    EXPIRED = "EXPIRED"


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One person who agreed."""

    actor: str
    key_id: str = ""
    at_us: int


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that needs a second person."""

    name: ApprovalName
    what: str
    """The command's type, or the method's id."""
    target: str
    """The operation's name; of a method, the resource that it is called on."""
    devices: tuple[str, ...] = ()
    """Names of the devices that it concerns, at most SHOWN_DEVICES_MOST."""
    device_count: int = 0
    params: str = ""
    """Canonical JSON of what was asked, without secrets."""
    digest: str
    """What an approver agrees to: hex SHA-256 over all above, all devices and who asked."""
    asked_by: str
    asked_key: str = ""
    needed: int
    grace_us: int = 0
    created_us: int
    deadline_us: int
    """When it is over unless it is approved; of a method also when the call must have been made."""
    expires_us: int
    """When it can no longer be read."""
    state: ApprovalState = ApprovalState.PENDING
    votes: tuple[Vote, ...] = ()
    decided_us: int = 0
    decided_by: str = ""
    reason: str = ""
    """Of who declined it or called it off."""

    @property
    def position(self) -> str:
        """Its place in lists, oldest first."""
        return position(self.created_us, self.name.approval)

    @property
    def of_method(self) -> bool:
        """Whether it is a call that its caller repeats, and no command."""
        return "." in self.what


def digest_of(*parts: str, devices: Iterable[str]) -> str:
    """Hex SHA-256 over the parts and devices, each with its length before it."""
    found = hashlib.sha256()
    for part in (*parts, "devices", *devices):
        encoded = part.encode()
        found.update(len(encoded).to_bytes(4, "big") + encoded)
    return found.hexdigest()


def state_at(approval: Approval, now_us: int) -> ApprovalState:
    """How it stands now: time alone ends what waits, and what was approved and not done."""
    waits = approval.state is ApprovalState.PENDING or (approval.state is ApprovalState.APPROVED and approval.of_method)
    return ApprovalState.EXPIRED if waits and now_us >= approval.deadline_us else approval.state


class OwnApproval(PermissionDenied):
    """Nobody approves their own: another person must, and another key of yours is not another person."""

    reason = "OWN_APPROVAL"


class UnnamedApprover(PermissionDenied):
    """An approver must be a known person: use a key that was made with --person, or sign in with a browser."""

    reason = "UNNAMED_APPROVER"


class ApprovalChanged(Aborted):
    """What you agreed to differs from what waits: look at it again, and send its digest."""

    reason = "APPROVAL_CHANGED"


class NotPending(FailedPrecondition):
    """The approval waits no more."""

    reason = "APPROVAL_NOT_PENDING"

    def __init__(self, approval: Approval, state: ApprovalState) -> None:
        by = f" by {approval.decided_by}" if approval.decided_by else ""
        super().__init__(f"{approval.name} waits no more: it is {state.value}{by}.", metadata={"state": state.value})


def require_pending(approval: Approval, now_us: int) -> None:
    """Raises: NotPending."""
    if (state := state_at(approval, now_us)) is not ApprovalState.PENDING:
        raise NotPending(approval, state)


def approved(approval: Approval, *, actor: str, key_id: str, digest: str, now_us: int) -> Approval:
    """The approval with this person's vote; with the last one needed, APPROVED. The same person's second vote changes nothing.

    Raises: NotPending, OwnApproval, UnnamedApprover, ApprovalChanged.
    """
    require_pending(approval, now_us)
    _require_other(approval, actor)
    if digest != approval.digest:
        raise ApprovalChanged(metadata={"digest": approval.digest})
    if any(vote.actor == actor for vote in approval.votes):
        return approval
    votes = (*approval.votes, Vote(actor=actor, key_id=key_id, at_us=now_us))
    changed = msgspec.structs.replace(approval, votes=votes)
    return changed if len(votes) < approval.needed else _decided(changed, ApprovalState.APPROVED, actor, now_us)


def declined(approval: Approval, *, actor: str, reason: str, now_us: int) -> Approval:
    """The approval, DECLINED: one person is enough.  Raises: NotPending, OwnApproval, UnnamedApprover, InvalidArgument."""
    require_pending(approval, now_us)
    _require_other(approval, actor)
    return _decided(approval, ApprovalState.DECLINED, actor, now_us, checked_reason(reason))


def called_off(approval: Approval, *, actor: str, reason: str, now_us: int) -> Approval:
    """The approval, called off by anyone who may, the one who asked too.  Raises: NotPending: it is over, or done; InvalidArgument."""
    state = state_at(approval, now_us)
    if state not in {ApprovalState.PENDING, ApprovalState.APPROVED}:
        raise NotPending(approval, state)
    return _decided(approval, ApprovalState.CALLED_OFF, actor, now_us, checked_reason(reason))


def done(approval: Approval, now_us: int) -> Approval:
    """The approved call was made."""
    return _decided(approval, ApprovalState.DONE, approval.asked_by, now_us)


def checked_reason(reason: str) -> str:
    """The reason.  Raises: InvalidArgument: it is too long."""
    if len(reason) > REASON_MAX_CHARS:
        raise InvalidArgument(violations=[Violation("reason", f"reason must have at most {REASON_MAX_CHARS} characters.")])
    return reason


def past(state: ApprovalState) -> str:
    """`declined`, `called off`."""
    return state.value.lower().replace("_", " ")


def _require_other(approval: Approval, actor: str) -> None:
    if not actor:
        raise UnnamedApprover
    if actor == approval.asked_by:
        raise OwnApproval


def _decided(approval: Approval, state: ApprovalState, actor: str, now_us: int, reason: str = "") -> Approval:
    return msgspec.structs.replace(
        approval, state=state, decided_us=now_us, decided_by=actor, reason=reason, expires_us=max(approval.deadline_us, now_us) + KEPT_US
    )

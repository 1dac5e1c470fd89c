"""Evidence: what a phone's own facts say of a command that it reported as done.

A phone takes the facts that its command's row names before the command begins and again when it has ended. The row judges them: a
report is the agent's word, these are the system's. Two things hold for every row, and are tested for all of them: a deed that was done
is never contradicted, and one that was not done is never observed.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from heliograph.protojson.parser import MALFORMED

EVIDENCE_MAX_BYTES = 4_096
"""Facts of one command, as canonical JSON: they are stored with each operation. Those of APPS_MOST apps need about 3 KiB."""
APPS_MOST = 16
"""Apps whose data are measured for one command: each is asked for by itself, and stored twice."""
EMPTY_APP_BYTES = 64 * 1_024
"""An app without data still has folders: below this, nothing can be seen to have been cleared."""
DETAIL_MAX_CHARS = 500
"""A timeline shows facts in short; whole they stand beside it."""


class Judgement(enum.Enum):
    """What the facts say of a command that its phone reported as done."""

    NOT_OBSERVED = "NOT_OBSERVED"
    """They say nothing: the phone gave none, or was before as the command would have it."""
    OBSERVED = "OBSERVED"
    """They changed as the command would have it."""
    CONTRADICTED = "CONTRADICTED"
    """They are not what they would have to be, had the command been executed."""


Natural = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
ShortText = Annotated[str, msgspec.Meta(max_length=255)]


class Facts(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a phone's system says of it at one moment; None: not asked for, or kept from the agent.  Source: SOURCES."""

    boot_count: Natural | None = None
    device_secure: bool | None = None
    """Whether there is a PIN, pattern or password; as with the next two, of the work profile if it has a lock of its own."""
    device_locked: bool | None = None
    interactive: bool | None = None
    """Whether the screen is on."""
    password_changes: Natural | None = None
    """How often the password was changed while this agent was the phone's admin."""
    lost_mode: bool | None = None
    icc_ids: Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=64)] | None = None
    """Of the eSIMs that the admin added."""
    app_data_bytes: Annotated[dict[ShortText, Natural], msgspec.Meta(max_length=2 * APPS_MOST)] | None = None
    """By package; apps that are not installed are left out."""
    android_id: ShortText | None = None
    """Another one after each factory reset, and in each new work profile."""


SOURCES: Mapping[str, str] = {
    "boot_count": "`Settings.Global.BOOT_COUNT`",
    "device_secure": "`KeyguardManager.isDeviceSecure()`",
    "device_locked": "`KeyguardManager.isDeviceLocked()`",
    "interactive": "`PowerManager.isInteractive()`",
    "password_changes": "`DeviceAdminReceiver.onPasswordChanged()`, counted",
    "lost_mode": "`ActivityManager.getLockTaskModeState()`",
    "icc_ids": "`DevicePolicyManager.getSubscriptionIds()`, `SubscriptionInfo.getIccId()`",
    "app_data_bytes": "`StorageStatsManager.queryStatsForPackage()`, `getDataBytes()`",
    "android_id": "`Settings.Secure.ANDROID_ID`",
}
"""Where a real agent finds each fact in Android."""

NOTHING = Facts()


class Evidence(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The facts before a command began and after it had ended."""

    before: Facts = NOTHING
    after: Facts = NOTHING


class EvidenceUnreadable(ValueError):
    """The evidence cannot be used; the message says why, and quotes nothing of it."""


_decode = msgspec.json.Decoder(Evidence).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


def read_evidence(raw: bytes) -> Evidence:
    """The evidence in a phone's message; facts that this server does not know are left out.

    Raises: EvidenceUnreadable: not of this form, or larger than EVIDENCE_MAX_BYTES.
    """
    if len(raw) > 2 * EVIDENCE_MAX_BYTES:  # room for blanks, and for facts that are not known here
        raise EvidenceUnreadable(f"evidence larger than {2 * EVIDENCE_MAX_BYTES} bytes")
    try:
        evidence = _decode(raw)
    except MALFORMED:
        raise EvidenceUnreadable("evidence of another form than docs/device-protocol.md has") from None
    if len(encode_evidence(evidence)) > EVIDENCE_MAX_BYTES:
        raise EvidenceUnreadable(f"evidence larger than {EVIDENCE_MAX_BYTES} bytes")
    return evidence


def stored_evidence(stored: bytes) -> Evidence:
    """The evidence that `encode_evidence` wrote; none if it wrote none."""
    return _decode(stored) if stored else Evidence()


def encode_evidence(evidence: Evidence) -> bytes:
    """Canonical JSON; empty if there is no fact."""
    return b"" if evidence == Evidence() else _encode(evidence)


def encode_facts(facts: Facts) -> bytes:
    """Canonical JSON."""
    return _encode(facts)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A command that a phone reports as done, and its facts."""

    params: Any = None
    """The row's own, without secrets."""
    secret: bool = False
    """Whether the command came with a secret."""
    status: Any = None
    """The row's own status, if it has one."""
    before: Facts = NOTHING
    after: Facts = NOTHING


def _says_nothing(_claim: Claim) -> Judgement:
    return Judgement.NOT_OBSERVED


def _no_packages(_params: Any) -> tuple[str, ...]:  # noqa: ANN401 - the row's own struct
    return ()


@dataclass(frozen=True, kw_only=True)
class ObservedBy:
    """Of a row: which facts show whether its command was executed, and how they are judged."""

    facts: tuple[str, ...] = ()
    """Fields of Facts; none, and what the phone reports is judged by itself."""
    packages: Callable[[Any], tuple[str, ...]] = _no_packages
    """`packages(params)`: the apps whose data are measured, at most APPS_MOST of them."""
    judge: Callable[[Claim], Judgement] = _says_nothing
    observed: str = ""
    """When it is observed, for the docs page: "the boot count has risen"."""
    contradicted: str = ""


NOT_AT_ALL = ObservedBy()
"""Nothing on a phone shows whether the command was executed."""


def changed_to(before: object, after: object, *, wanted: object) -> Judgement:
    """The judgement of one fact that the command makes `wanted`; None: the phone did not give it."""
    if after is None:
        return Judgement.NOT_OBSERVED
    if after != wanted:
        return Judgement.CONTRADICTED
    return Judgement.NOT_OBSERVED if before is None or before == wanted else Judgement.OBSERVED


def grown(before: int | None, after: int | None) -> Judgement:
    """The judgement of a count that the command makes grow. One that shrank began again, and says nothing."""
    if before is None or after is None or after < before:
        return Judgement.NOT_OBSERVED
    return Judgement.OBSERVED if after > before else Judgement.CONTRADICTED


def renewed(before: str | None, after: str | None) -> Judgement:
    """The judgement of an identifier that the command makes another one."""
    if before is None or after is None:
        return Judgement.NOT_OBSERVED
    return Judgement.CONTRADICTED if before == after else Judgement.OBSERVED


def all_of(*judgements: Judgement) -> Judgement:
    """One contradiction contradicts; else one observation is enough."""
    for decisive in (Judgement.CONTRADICTED, Judgement.OBSERVED):
        if decisive in judgements:
            return decisive
    return Judgement.NOT_OBSERVED


def in_words(evidence: Evidence) -> str:
    """The facts in short, as a timeline shows them: `bootCount 41 → 42`; those that changed, if any did."""
    before, after = (msgspec.to_builtins(facts) for facts in (evidence.before, evidence.after))
    names = {**before, **after}
    changed = [name for name in names if before.get(name) != after.get(name)]
    said = [f"{name} {_in_words(before.get(name))} → {_in_words(after.get(name))}" for name in changed or names]
    text = ", ".join(said)
    return text if len(text) <= DETAIL_MAX_CHARS else text[: DETAIL_MAX_CHARS - 1] + "…"


def _in_words(value: object) -> str:
    return "?" if value is None else msgspec.json.encode(value).decode()

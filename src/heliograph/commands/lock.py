"""LOCK: as if the lock screen's timeout had expired."""

from heliograph.domain.command import Circumstances, CommandType, Done, Effect, NoParams
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, changed_to
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.usage_logs import logged, remote_lock
from heliograph.domain.phone.virtual_device import VirtualDevice, lock


def execute(phone: VirtualDevice, _params: NoParams, circumstances: Circumstances) -> Effect:
    """Locked if there is a credential, otherwise asleep."""
    locked = logged(lock(phone), "REMOTE_LOCK", remote_lock(phone), now_us=circumstances.now_us)
    return Done(phone=locked, outcome=Outcome())


def judge(claim: Claim) -> Judgement:
    """Locked where there is a credential. Without one the screen sleeps, and its user may have woken it by now.

    Source: AOSP KeyguardManager.isDeviceLocked ("requires a PIN, pattern or password to unlock").
    """
    before, after = claim.before, claim.after
    locked = changed_to(before.device_locked, after.device_locked, wanted=True)
    if after.device_secure or locked is Judgement.OBSERVED:
        return locked
    asleep = changed_to(before.interactive, after.interactive, wanted=False)
    return asleep if asleep is Judgement.OBSERVED else Judgement.NOT_OBSERVED


COMMAND = CommandType(
    name="LOCK",
    also_called=dict.fromkeys(("LOCK_NOW", "LOCK_DEVICE", "DEVICE_LOCK", "LOCK_SCREEN", "REMOTE_LOCK"), ""),
    number=1,
    summary=(
        "Lock the device, as if the lock screen timeout had expired. For a work profile, if there is a separate work profile lock, this "
        "only locks the work profile, with one exception: on work profiles on an organization-owned device running Android 8, 9, or 10, "
        "this locks the entire device."
    ),
    execute=execute,
    observed_by=ObservedBy(
        facts=("device_secure", "device_locked", "interactive"),
        judge=judge,
        observed="it was not locked and is now; without a password, the screen went dark",
        contradicted="it has a password and is not locked",
    ),
)

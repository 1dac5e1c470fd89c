"""Phones of a world in a snapshot, and out of it."""

import msgspec

from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Condition
from heliograph.domain.names import DeviceName
from heliograph.protocol import InFlightState
from heliograph.protojson.errors import InvalidArgument
from heliograph.sandbox.phones import Asleep, SandboxPhone, Surroundings
from heliograph.sandbox.snapshot import AsleepState, AwakeState, PhoneState, SnapshotUnreadable


def state_of_phone(phone: SandboxPhone) -> PhoneState:
    """The phone as a snapshot holds it."""
    known = PROFILES.get(phone.profile.name) is phone.profile
    asleep = phone.asleep_with
    return PhoneState(
        name=str(phone.name),
        device=str(phone.device),
        profile=phone.profile.name if known else "",
        model=None if known else phone.profile,
        asleep=AsleepState(identity=asleep.identity, policy=asleep.policy) if asleep is not None else None,
        awake=None if asleep is not None else _awake(phone),
    )


def _awake(phone: SandboxPhone) -> AwakeState:
    runner, journal = phone.runner, phone.journal
    # What it is in the middle of, it begins again: then it has not begun yet.
    begun = {entry.operation for entry in journal.entries if entry.state is InFlightState.EXECUTING}
    return AwakeState(
        device=runner.phone.device,
        policy=runner.phone.policy,
        user=runner.phone.user,
        pace=runner.phone.pace,
        effects=tuple(effect for effect in runner.phone.effects if effect.operation not in begun),
        demand=runner.mischief.on_demand(),
        lies=runner.phone.lies,
        refusal=runner.refusal if runner.condition is Condition.UNENROLLED else "",
        restarts=runner.restarts,
        identity=journal.identity,
        entries=tuple(
            msgspec.structs.replace(
                entry, state=InFlightState.ACKING, type="", params=msgspec.Raw(b"{}"), boot_id="", before=None, probe_blind=False
            )
            if entry.operation in begun
            else entry
            for entry in journal.entries
        ),
        final_order=journal.final_order,
        reported=runner.known_report,
    )


def phone_of_state(state: PhoneState, around: Surroundings) -> SandboxPhone:
    """The phone; nothing of it runs yet.  Raises: SnapshotUnreadable."""
    profile = state.model or PROFILES.get(state.profile)
    if profile is None or (state.asleep is None) == (state.awake is None):
        raise SnapshotUnreadable(f"phone {state.name[:160]!r} has no profile that is known here, or is neither asleep nor awake")
    asleep = Asleep(state.asleep.identity, state.asleep.policy) if state.asleep is not None else None
    name, device = _name(state.name), _name(state.device)
    phone = SandboxPhone(name, profile, around=around, asleep=asleep, device=device)
    if (awake := state.awake) is not None:
        runner = phone.runner
        runner.phone.be_as(awake.device, awake.policy, awake.user, awake.pace, awake.effects)
        runner.mischief.go_on_with(awake.demand)
        runner.phone.lies = awake.lies
        runner.refusal, runner.restarts, runner.reported = awake.refusal, awake.restarts, awake.reported
        phone.journal.resume(awake.identity, awake.entries, awake.final_order)
    return phone


def _name(text: str) -> DeviceName:
    try:
        return DeviceName.parse(text)
    except InvalidArgument:
        raise SnapshotUnreadable(f"{text[:160]!r} is not the name of a device") from None

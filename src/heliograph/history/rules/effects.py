"""Phones did only what they were allowed to: reported by the phones themselves, over all lives of their agents."""

from collections.abc import Iterator

from heliograph.domain.evidence import Judgement
from heliograph.domain.outcome import ErrorCode
from heliograph.history.events import Acted, Moment
from heliograph.history.evidence import NEVER, Evidence, device_named, is_final_at_ack
from heliograph.history.rules.breach import ROUNDING_US, SLEW, Breach

REFUSALS = {ErrorCode.API_LEVEL.value, ErrorCode.MANAGEMENT_MODE.value}
"""What a phone can only answer before it acknowledges."""
BEFORE = {
    Moment.ACKNOWLEDGED: Moment.ACKING,
    Moment.EXECUTING: Moment.ACKING,
    Moment.EXECUTED: Moment.EXECUTING,
    Moment.RESULT: Moment.ACKING,
    Moment.REPORTED: Moment.RESULT,
}
"""What a phone's agent comes to before a moment; that its effects stand behind the acknowledgement and the journal is for other rules."""
DELAY_US = 1_000_000
"""How long a phone may take from its last look at the clock to the effect: it writes its journal in between."""


def nothing_ran_after_it_was_cancelled_or_expired(evidence: Evidence) -> Iterator[Breach]:
    """No phone has executed or will execute a CANCELLED or EXPIRED operation; at most it asked its user, and withdrew the question."""
    for operation in evidence.final.values():
        done = operation.name not in evidence.withdrawn or any(act.succeeded for act in evidence.ended.get(operation.name, ()))
        if operation.outcome in {"cancelled", "expired"} and evidence.began.get(operation.name) and done:
            yield Breach(operation.name, f"{operation.name} ({operation.type}) is {operation.outcome} and was run.")


def nothing_ran_twice(evidence: Evidence) -> Iterator[Breach]:
    """A phone executes a command once, even if messages are repeated."""
    for operation, acts in evidence.began.items():
        if len(acts) > 1:
            lives = ", ".join(str(act.incarnation) for act in acts)
            times = f"{len(acts)} times, in the lives {lives} of {acts[0].phone}'s agent"
            yield Breach(operation, f"{operation} ({acts[0].type}) was run {times}.")


def what_succeeded_was_run(evidence: Evidence) -> Iterator[Breach]:
    """SUCCEEDED means that a phone executed it, and reported success; or its own facts say that it lied."""
    for operation in evidence.final.values():
        if operation.outcome != "succeeded" or evidence.judged.get(operation.name) is Judgement.CONTRADICTED:
            continue
        if not evidence.began.get(operation.name) or operation.name in evidence.withdrawn:
            yield Breach(operation.name, f"{operation.name} ({operation.type}) succeeded and was never run.")
        if any(act.succeeded is False for act in evidence.ended.get(operation.name, ())):
            yield Breach(operation.name, f"{operation.name} ({operation.type}) succeeded, and its phone says that it failed.")


def what_facts_say_is_so(evidence: Evidence) -> Iterator[Breach]:
    """What a phone's own facts confirm was run; what they contradict was not run with success."""
    for operation, judgement in evidence.judged.items():
        done = any(act.succeeded for act in evidence.ended.get(operation, ()))
        if judgement is Judgement.OBSERVED and not evidence.began.get(operation):
            yield Breach(operation, f"{operation} was observed and never run.")
        elif judgement is Judgement.CONTRADICTED and done:
            yield Breach(operation, f"{operation} was contradicted, and was run with success.")


def what_a_phone_refused_was_not_run(evidence: Evidence) -> Iterator[Breach]:
    """A phone refuses before it acts."""
    for operation in evidence.final.values():
        if operation.outcome == "failed" and operation.detail in REFUSALS and evidence.began.get(operation.name):
            yield Breach(operation.name, f"{operation.name} ({operation.type}) was refused as {operation.detail} and run.")


def a_phone_runs_its_own_commands_only(evidence: Evidence) -> Iterator[Breach]:
    """A phone executes only operations that exist, and only its own."""
    for acts in evidence.began.values():
        for act in acts:
            device = evidence.device_of.get(act.phone, "no device")
            if act.operation in evidence.final and evidence.final[act.operation].device != device:
                yield Breach(act.operation, f"{act.phone} is {device} and ran {act.operation}.")
            elif act.operation in evidence.final and evidence.final[act.operation].type != act.type:
                yield Breach(act.operation, f"{act.phone} ran {act.operation} as {act.type}: it is {evidence.final[act.operation].type}.")
            elif act.operation and device in evidence.lists and act.operation not in evidence.final:
                yield Breach(act.operation, f"{act.phone} ran {act.operation}, which does not exist.")


def what_ended_had_begun(evidence: Evidence) -> Iterator[Breach]:
    """An effect ends after it began, on the phone that began it, and as what it began."""
    for subject, ends in evidence.ended.items():
        begins = evidence.began.get(subject, [])
        if evidence.began_at.get(subject, NEVER) > evidence.ended_at[subject] or len(ends) > len(begins):
            yield Breach(subject, f"{subject} was ended {len(ends)} times and begun {len(begins)} times, or ended before it began.")
        elif strangers := {_who(end) for end in ends} - {_who(begin) for begin in begins}:
            yield Breach(subject, f"{subject} was ended by {min(strangers)} and begun by {_who(begins[0])}.")


def a_phone_says_i_will_first(evidence: Evidence) -> Iterator[Breach]:
    """A phone acknowledges before it is allowed to execute, executes before it is done, and has a result before it reports one."""
    for (moment, operation), position in evidence.reached.items():
        before = BEFORE.get(moment)
        if before and device_named(operation) in evidence.agents and evidence.reached.get((before, operation), NEVER) > position:
            yield Breach(operation, f"The phone of {operation} reached {moment.value} before {before.value}.")


def a_phone_acts_after_it_was_let(evidence: Evidence) -> Iterator[Breach]:
    """No effect before the answer to the acknowledgement, or the last order that says the same."""
    return _effects_before(evidence, Moment.ACKNOWLEDGED, "began before the answer to its acknowledgement.")


def a_phone_acts_after_its_journal_knows(evidence: Evidence) -> Iterator[Breach]:
    """No effect before the journal has recorded it, so that a crash cannot make the phone forget it."""
    return _effects_before(evidence, Moment.EXECUTING, "began before its phone's journal said so.")


def nothing_begins_after_its_time(evidence: Evidence) -> Iterator[Breach]:
    """A phone that first acknowledges after the operation's deadline may not execute; one that acknowledged in time does not begin late."""
    for tag, issue in evidence.issues.items():
        for operation in issue.shown:
            let = evidence.reached.get((Moment.ACKNOWLEDGED, operation.name))
            acking = evidence.reached.get((Moment.ACKING, operation.name), NEVER)
            begun = evidence.began_at.get(operation.name)
            if let is not None and _late_us(evidence, tag, acking) > 0:
                late_us = round(_late_us(evidence, tag, acking))
                yield Breach(operation.name, f"{operation.name} was acknowledged {late_us} us after its deadline, and allowed.")
            elif begun is not None and not is_final_at_ack(operation.type) and _late_us(evidence, tag, begun) > DELAY_US:
                yield Breach(operation.name, f"{operation.name} began {round(_late_us(evidence, tag, begun))} us after its deadline.")


def _who(act: Acted) -> str:
    return f"{act.phone} as {act.type}"


def _late_us(evidence: Evidence, tag: int, position: int) -> float:
    """How long after the latest end of its life an operation's event stands; negative: before."""
    issue = evidence.issues[tag]
    if position == NEVER or issue.completed is None:
        return -NEVER
    gained_us, _ = evidence.clock_gain_us(issue.began, position)
    return evidence.at_us(position) + gained_us - issue.completed.at_us - tag / 1_000 * (1 + SLEW) - ROUNDING_US


def _effects_before(evidence: Evidence, moment: Moment, how: str) -> Iterator[Breach]:
    for operation, position in evidence.began_at.items():
        act = evidence.began[operation][0]
        if not act.operation or evidence.device_of.get(act.phone, "") not in evidence.agents:
            continue
        known = min(evidence.reached.get((known, operation), NEVER) for known in (moment, Moment.ORDERED))
        if known > position:
            yield Breach(operation, f"{operation} ({act.type}) {how}")

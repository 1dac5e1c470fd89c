"""Whether a run kept the promises of design.md §6: a pure function of its history and of what the server shows in the end.

Every rule is a function that says, one sentence each, what broke it. Times are compared only where a rule is about time; else it is
the order of the history that counts: what completed before something was invoked happened before it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from heliograph.commands import COMMANDS
from heliograph.domain.outcome import ErrorCode
from heliograph.history.events import ACKING, ACKNOWLEDGED, Answer, Completed, Verb
from heliograph.history.evidence import NEVER, Evidence

ROUNDING_US = 1_000
"""An operation's time counts from a whole millisecond, so it may seem to expire up to one early."""
SLEW = 0.01
"""A stepped wall clock is made good at one per cent: durations are true to within that (server.SystemClock)."""
REFUSALS = {ErrorCode.API_LEVEL.value, ErrorCode.MANAGEMENT_MODE.value}
"""What a phone can only answer before it acknowledges."""

Rule = Callable[[Evidence], Iterator[str]]


def what_was_accepted_is_there(evidence: Evidence) -> Iterator[str]:
    """Nothing that a caller was told is issued is lost."""
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        for accepted in call.shown:
            found = evidence.final.get(accepted.name)
            if found is None:
                yield f"{accepted.name} was accepted and is lost."
            elif (found.type, found.tag) != (call.invoked.type, call.invoked.tag):
                yield f"{accepted.name} was accepted as {call.invoked.type} and is {found.type} with another duration or type now."


def what_was_refused_is_not_there(evidence: Evidence) -> Iterator[str]:
    """A caller who was told that nothing was done can rely on it."""
    for operation in evidence.final.values():
        call = evidence.issues.get(operation.tag)
        if call is not None and call.answer is Answer.FAIL:
            yield f"{operation.name} is there although its issue was refused."


def every_operation_was_asked_for_once(evidence: Evidence) -> Iterator[str]:
    """One issue, one operation at most: on that device, of that type."""
    if evidence.shown_twice:
        yield f"{evidence.shown_twice} operations are listed more than once."
    for tag, count in Counter(operation.tag for operation in evidence.final.values()).items():
        if count > 1:
            yield f"The issue with duration {tag} ns made {count} operations."
    for operation in evidence.final.values():
        call = evidence.issues.get(operation.tag)
        if call is None or (call.invoked.target, call.invoked.type) != (operation.device, operation.type):
            yield f"{operation.name} of type {operation.type} was never asked for."


def a_list_holds_what_was_accepted_before_it(evidence: Evidence) -> Iterator[str]:
    """`list` right after `issueCommand` contains it."""
    accepted: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        accepted[call.invoked.target] += [(call.ended, operation.name) for operation in call.shown]
    for call in evidence.of(Verb.LIST, Answer.OK):
        listed = {operation.name for operation in call.shown}
        for ended, name in accepted[call.invoked.target]:
            if ended < call.began and name not in listed:
                yield f"{name} was accepted before a list that does not hold it."


def every_operation_comes_to_an_end(evidence: Evidence) -> Iterator[str]:
    """With everybody back and well, nothing stays open."""
    return (f"{operation.name} ({operation.type}) never ended." for operation in evidence.final.values() if not operation.done)


def an_end_is_one_end(evidence: Evidence) -> Iterator[str]:
    """Done is a response or an error, not both and not neither."""
    for operation in evidence.final.values():
        if operation.done and operation.response == bool(operation.error_code):
            yield f"{operation.name} is done with {'both' if operation.response else 'neither'} of response and error."


def an_end_is_for_ever(evidence: Evidence) -> Iterator[str]:
    """Whoever read an end reads the same ever after, and so does everybody else."""
    first_end: dict[str, tuple[int, str]] = {}
    readings = sorted(((call.ended, call.began, shown) for call, shown in evidence.readings()), key=lambda reading: reading[:2])
    for ended, _began, shown in readings:
        if shown.done:
            first_end.setdefault(shown.name, (ended, shown.end))
    at_last = [(NEVER, NEVER, operation) for operation in evidence.final.values()]
    for _ended, began, shown in [*readings, *at_last]:
        known_since, end = first_end.get(shown.name, (NEVER, ""))
        if shown.done and end and shown.end != end:
            yield f"{shown.name} ended as {end} and was later read as {shown.end}."
        elif not shown.done and began > known_since:
            yield f"{shown.name} had ended and was later read as open."


def nothing_ran_after_it_was_cancelled_or_expired(evidence: Evidence) -> Iterator[str]:
    """These ends say that no phone did or will do it."""
    for operation in evidence.final.values():
        if operation.outcome in {"cancelled", "expired"} and evidence.began[operation.name]:
            yield f"{operation.name} ({operation.type}) is {operation.outcome} and was run."


def nothing_ran_twice(evidence: Evidence) -> Iterator[str]:
    """Whatever is sent again, a phone acts once."""
    for operation, acts in evidence.began.items():
        if len(acts) > 1:
            lives = ", ".join(str(act.incarnation) for act in acts)
            yield f"{operation} ({acts[0].type}) was run {len(acts)} times, in the lives {lives} of {acts[0].phone}'s agent."


def what_succeeded_was_run(evidence: Evidence) -> Iterator[str]:
    """SUCCEEDED means: a phone did it, and by its own account with success."""
    for operation in evidence.final.values():
        if operation.outcome != "succeeded":
            continue
        if not evidence.began[operation.name]:
            yield f"{operation.name} ({operation.type}) succeeded and was never run."
        if any(act.succeeded is False for act in evidence.ended[operation.name]):
            yield f"{operation.name} ({operation.type}) succeeded, and its phone says that it failed."


def what_a_phone_refused_was_not_run(evidence: Evidence) -> Iterator[str]:
    """A phone refuses before it acts."""
    for operation in evidence.final.values():
        if operation.outcome == "failed" and operation.detail in REFUSALS and evidence.began[operation.name]:
            yield f"{operation.name} ({operation.type}) was refused as {operation.detail} and run."


def a_phone_runs_its_own_commands_only(evidence: Evidence) -> Iterator[str]:
    """Nothing runs that is not there, nothing on another's phone."""
    for acts in evidence.began.values():
        for act in acts:
            device = evidence.device_of[act.phone]
            if act.operation and act.operation not in evidence.final:
                yield f"{act.phone} ran {act.operation}, which is not there."
            elif act.operation and evidence.final[act.operation].device != device:
                yield f"{act.phone} is {device} and ran {act.operation}."


def only_what_was_asked_to_is_cancelled(evidence: Evidence) -> Iterator[str]:
    """CANCELLED has somebody who wanted it."""
    asked = {call.invoked.target for call in evidence.of(Verb.CANCEL) if call.answer is not Answer.FAIL}
    for operation in evidence.final.values():
        if operation.outcome == "cancelled" and operation.name not in asked:
            yield f"{operation.name} is cancelled and nobody asked for it."


def a_cancel_before_the_ack_holds(evidence: Evidence) -> Iterator[str]:
    """Cancelled before the phone first said "I will": it never runs, whatever is lost or killed afterwards."""
    for call in evidence.of(Verb.CANCEL, Answer.OK):
        name = call.invoked.target
        if evidence.reached.get((ACKING, name), NEVER) <= call.ended:
            continue
        outcome = evidence.final[name].outcome if name in evidence.final else "lost"
        if evidence.began[name] or outcome not in {"cancelled", "expired", "failed"}:
            yield f"{name} was cancelled before its phone acknowledged it, and is {outcome}, run {len(evidence.began[name])} times."


def what_was_granted_is_not_cancelled(evidence: Evidence) -> Iterator[str]:
    """An acknowledgement that stands is the point of no return."""
    for operation in evidence.final.values():
        if operation.outcome == "cancelled" and (ACKNOWLEDGED, operation.name) in evidence.reached:
            yield f"{operation.name} is cancelled although the acknowledgement of its phone stood."


def nothing_expires_early(evidence: Evidence) -> Iterator[str]:
    """An operation lives as long as it was given; none times out in a run this short."""
    for call, shown in evidence.readings():
        issue = evidence.issues.get(shown.tag)
        if shown.outcome == "timed out":
            yield f"{shown.name} timed out within this run."
        if shown.outcome != "expired" or issue is None or not isinstance(call.completed, Completed):
            continue
        age_us, life_us = call.completed.at_us - issue.invoked.at_us, shown.tag // 1_000
        if age_us < life_us * (1 - SLEW) - ROUNDING_US:
            yield f"{shown.name} was expired {age_us} us after its issue, with a duration of {life_us} us."


def a_last_order_is_carried_out_once(evidence: Evidence) -> Iterator[str]:
    """Wiped, relinquished or deleted: the phone learns it, does it once, and forgets its credential. No other phone does."""
    orders, deletes = evidence.last_orders(), list(evidence.of(Verb.DELETE))
    deleted = {call.invoked.target for call in deletes if call.answer is Answer.OK}
    perhaps = {call.invoked.target for call in deletes if call.answer is Answer.UNKNOWN}
    for device, operations in orders.items():
        if len(operations) > 1:
            yield f"{device} was ended by {len(operations)} operations."
    for phone, rest in evidence.at_rest.items():
        device = evidence.device_of[phone]
        if device in orders or device in deleted:
            carried_out = len(evidence.began[orders[device][0].name if device in orders else device])
            if rest.managed or rest.enrolled or carried_out != 1:
                holds = "holds" if rest.enrolled else "has forgotten"
                yield f"{device} had its last order; {phone} carried it out {carried_out} times and {holds} its credential."
        elif device not in perhaps and not (rest.managed and rest.enrolled):
            yield f"{phone} is managed no more, and nobody ordered that for {device}."


def no_phone_is_left_with_work(evidence: Evidence) -> Iterator[str]:
    """What a server answers lets every phone close its journal."""
    for phone, rest in evidence.at_rest.items():
        if rest.unfinished:
            yield f"{phone} is not done with {', '.join(rest.unfinished)}."


def nothing_is_accepted_for_a_device_that_is_gone(evidence: Evidence) -> Iterator[str]:
    """Gone at once."""
    gone_since: dict[str, int] = {}
    for call in evidence.of(Verb.DELETE, Answer.OK):
        gone_since[call.invoked.target] = min(call.ended, gone_since.get(call.invoked.target, NEVER))
    for call, shown in evidence.readings():
        if shown.outcome == "succeeded" and COMMANDS[shown.type].final_at_ack:
            gone_since[shown.device] = min(call.ended, gone_since.get(shown.device, NEVER))
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        if call.began > gone_since.get(call.invoked.target, NEVER):
            yield f"A command was accepted for {call.invoked.target} after it was gone."


def the_server_ends_only_when_killed(evidence: Evidence) -> Iterator[str]:
    """A server that ends by itself has met something that it does not understand."""
    return (f"The server ended by itself: {fault.target}." for fault in evidence.ended_by_itself())


RULES: tuple[Rule, ...] = (
    what_was_accepted_is_there,
    what_was_refused_is_not_there,
    every_operation_was_asked_for_once,
    a_list_holds_what_was_accepted_before_it,
    every_operation_comes_to_an_end,
    an_end_is_one_end,
    an_end_is_for_ever,
    nothing_ran_after_it_was_cancelled_or_expired,
    nothing_ran_twice,
    what_succeeded_was_run,
    what_a_phone_refused_was_not_run,
    a_phone_runs_its_own_commands_only,
    only_what_was_asked_to_is_cancelled,
    a_cancel_before_the_ack_holds,
    what_was_granted_is_not_cancelled,
    nothing_expires_early,
    a_last_order_is_carried_out_once,
    no_phone_is_left_with_work,
    nothing_is_accepted_for_a_device_that_is_gone,
    the_server_ends_only_when_killed,
)

"""Answers to callers are true: nothing lost, nothing made up, lists whole and in order."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from heliograph.history.events import Answer, Verb
from heliograph.history.evidence import NEVER, Call, Evidence, id_of, is_final_at_ack
from heliograph.history.rules.breach import Breach

NOT_FOUND = 404


def what_was_accepted_is_there(evidence: Evidence) -> Iterator[Breach]:
    """A command that a caller was answered for is not lost."""
    accepted: dict[str, Call] = {}
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        for operation in call.shown:
            accepted[operation.name] = call
            found = evidence.final.get(operation.name)
            if found is None and operation.device in evidence.lists:
                yield Breach(operation.name, f"{operation.name} was accepted and is lost.")
            elif found and (found.type, found.tag) != (call.invoked.type, call.invoked.tag):
                was, now = call.invoked, f"{found.type} with a duration of {found.tag} ns"
                yield Breach(operation.name, f"{operation.name} was accepted as {was.type} with one of {was.tag} ns and is {now} now.")
    for call in evidence.of(Verb.GET, Answer.FAIL):
        issue = accepted.get(call.invoked.target)
        if issue and issue.ended < call.began and call.completed and call.completed.status == NOT_FOUND:
            yield Breach(call.invoked.target, f"{call.invoked.target} was accepted and could not be found afterwards.")


def what_was_refused_is_not_there(evidence: Evidence) -> Iterator[Breach]:
    """If the answer says that nothing was done, nothing was done."""
    for operation in evidence.final.values():
        call = evidence.issues.get(operation.tag)
        if call is not None and call.answer is Answer.FAIL:
            yield Breach(operation.name, f"{operation.name} exists although its issue was refused.")


def every_operation_was_asked_for_once(evidence: Evidence) -> Iterator[Breach]:
    """One issue, one operation at most: on that device, of that type."""
    for tag, count in Counter(operation.tag for operation in evidence.final.values()).items():
        if count > 1:
            names = [operation.name for operation in evidence.final.values() if operation.tag == tag]
            yield Breach(names[0], f"The issue with duration {tag} ns made {count} operations: {', '.join(names)}.")
    for operation in evidence.final.values():
        call = evidence.issues.get(operation.tag)
        if call is None or (call.invoked.target, call.invoked.type) != (operation.device, operation.type):
            yield Breach(operation.name, f"{operation.name} of type {operation.type} was never issued.")


def a_list_holds_what_was_accepted_before_it(evidence: Evidence) -> Iterator[Breach]:
    """`list` right after `issueCommand` contains it."""
    accepted: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        accepted[call.invoked.target] += [(call.ended, operation.name) for operation in call.shown]
    for known in accepted.values():
        known.sort()
    for call in evidence.of(Verb.LIST, Answer.OK):
        listed = {operation.name for operation in call.shown}
        for ended, name in accepted[call.invoked.target]:
            if ended > call.began:
                break
            if name not in listed:
                yield Breach(name, f"{name} was accepted before a list that does not have it.")


def a_list_is_in_order_without_doubles(evidence: Evidence) -> Iterator[Breach]:
    """A list shows the device's own operations, each once, the older before the newer."""
    lists = [(call.invoked.target, call.shown) for call in evidence.of(Verb.LIST, Answer.OK)]
    lists += [(final.device, final.operations) for final in evidence.lists.values()]
    for device, operations in lists:
        for operation in operations:
            if operation.device != device:
                yield Breach(operation.name, f"A list of {device} has {operation.name}.")
        for one, other in pairwise(operations):
            if id_of(one.name) >= id_of(other.name):
                yield Breach(other.name, f"A list of {device} has {other.name} right after {one.name}.")


def ids_ascend(evidence: Evidence) -> Iterator[Breach]:
    """What was accepted before another command was issued has the lower number on its device."""
    issues: dict[str, list[Call]] = defaultdict(list)
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        issues[call.invoked.target].append(call)
    for calls in issues.values():
        by_end = iter(sorted(calls, key=lambda call: call.ended))
        next_ended, highest = next(by_end, None), ""
        for call in calls:
            while next_ended is not None and next_ended.ended < call.began:
                highest = max([highest, *(operation.name for operation in next_ended.shown)], key=id_of)
                next_ended = next(by_end, None)
            for operation in call.shown:
                if highest and id_of(operation.name) <= id_of(highest):
                    yield Breach(operation.name, f"{operation.name} was issued after {highest} had been accepted.")


def nothing_is_accepted_for_a_device_that_is_gone(evidence: Evidence) -> Iterator[Breach]:
    """After a wipe, relinquishment or deletion, a device is gone at once."""
    gone_since: dict[str, int] = {}
    for call in evidence.of(Verb.DELETE, Answer.OK):
        gone_since[call.invoked.target] = min(call.ended, gone_since.get(call.invoked.target, NEVER))
    for call, shown in evidence.readings():
        if shown.outcome == "succeeded" and is_final_at_ack(shown.type):
            gone_since[shown.device] = min(call.ended, gone_since.get(shown.device, NEVER))
    for call in evidence.of(Verb.ISSUE, Answer.OK):
        if call.began > gone_since.get(call.invoked.target, NEVER):
            about = call.shown[0].name if call.shown else call.invoked.target
            yield Breach(about, f"A command was accepted for {call.invoked.target} after it was gone.")

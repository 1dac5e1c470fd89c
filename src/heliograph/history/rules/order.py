"""Order is the order in which commands start (design.md §3, 7)."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from heliograph.commands import COMMANDS
from heliograph.history.events import Moment, Shown
from heliograph.history.evidence import NEVER, Call, Evidence, device_named, id_of, is_final_at_ack
from heliograph.history.rules.breach import ROUNDING_US, SLEW, Breach

PARKED_AFTER = 10
"""Offers without an acknowledgement after which a command holds up the others no more."""


def commands_start_in_order(evidence: Evidence) -> Iterator[Breach]:
    """No command starts while an earlier one of its device is known to hold the queue.

    Known to be open: it was read as open, acknowledged, begun or reported only later. It holds the queue unless it may have expired,
    been parked, reported progress, or held it for as long as its row says. An acknowledgement that was sent may have been refused (a
    full disk): only one that was ever answered with "execute" keeps a command from expiring. How often a phone may have been offered
    something only its connections say: a phone that does not record them is not judged.
    """
    open_until = _open_until(evidence)
    starts: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for operation, position in evidence.began_at.items():
        if "/operations/" in operation:
            starts[device_named(operation)].append((id_of(operation), operation, position))
    earlier: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for operation in open_until:
        earlier[device_named(operation)].append((id_of(operation), operation))
    for device, started in starts.items():
        if device in evidence.connecting:
            yield from _overtaken(evidence, sorted(started), sorted(earlier[device]), open_until)


def _overtaken(
    evidence: Evidence, started: list[tuple[int, str, int]], waiting: list[tuple[int, str]], open_until: dict[str, int]
) -> Iterator[Breach]:
    """Walks a device's starts by number, with those earlier ones at hand that were open at any start yet to come."""
    earliest = [NEVER]
    for _, _, position in reversed(started):
        earliest.append(min(earliest[-1], position))
    at_hand: list[str] = []
    taken = 0
    for left, (number, operation, position) in zip(range(len(started), 0, -1), started, strict=True):
        while taken < len(waiting) and waiting[taken][0] < number:
            at_hand.append(waiting[taken][1])
            taken += 1
        at_hand = [name for name in at_hand if open_until[name] > earliest[left]]
        for name in at_hand:
            if open_until[name] > position and _holds(evidence, name, position):
                yield Breach(name, f"{operation} was begun while the earlier {name} held the queue.")


def _open_until(evidence: Evidence) -> dict[str, int]:
    """By operation: the last position at which it certainly was open."""
    found: dict[str, int] = {}
    for call, shown in evidence.readings():
        if not shown.done:
            found[shown.name] = max(call.began, found.get(shown.name, -1))
    for (moment, operation), position in evidence.reached.items():
        if moment is Moment.ACKNOWLEDGED or (moment is Moment.RESULT and operation in evidence.began_at):
            at_ack = is_final_at_ack(_type_of(evidence, operation))
            proof = evidence.reached.get((Moment.ACKING, operation), -1) if at_ack else position
            found[operation] = max(proof, found.get(operation, -1))
    return found


def _type_of(evidence: Evidence, operation: str) -> str:
    final, acts = evidence.final.get(operation), evidence.began.get(operation)
    return final.type if final else acts[0].type if acts else ""


def _holds(evidence: Evidence, operation: str, position: int) -> bool:
    """Whether an open operation certainly holds its device's queue at this position."""
    final = evidence.final.get(operation)
    issue = evidence.issues.get(final.tag) if final else None
    if final is None or issue is None or issue.began > position or evidence.reached.get((Moment.PROGRESS, operation), NEVER) < position:
        return False
    _, gained_us = evidence.clock_gain_us(issue.began, position)
    now_us = evidence.at_us(position) + gained_us
    in_time = all(
        now_us - since_us < long_us * (1 - SLEW) - ROUNDING_US for since_us, long_us in _spans_us(evidence, final, issue, position)
    )
    return in_time and _offers_most(evidence, device_named(operation), issue.began, position) < PARKED_AFTER


def _spans_us(evidence: Evidence, final: Shown, issue: Call, position: int) -> Iterator[tuple[int, float]]:
    """Since when and for how long an open operation holds the queue, in as many ways as can have ended at this position."""
    acking = evidence.reached.get((Moment.ACKING, final.name), NEVER)
    if acking < position:
        yield evidence.at_us(acking), COMMANDS[final.type].holds_queue_s * 1_000_000.0
    if acking > position or (Moment.ACKNOWLEDGED, final.name) not in evidence.reached:
        yield issue.invoked.at_us, final.tag / 1_000 - ROUNDING_US


def _offers_most(evidence: Evidence, device: str, start: int, end: int) -> float:
    """How often a command may have been offered between two positions: once a connection, and again after 1, 2, 4 … seconds."""
    connecting = evidence.connecting[device]
    connections = bisect_left(connecting, end) - bisect_left(connecting, start) + 1
    seconds = (evidence.at_us(end) - evidence.at_us(start)) / 1_000_000
    return connections * (1 + math.log2(seconds / connections + 1))

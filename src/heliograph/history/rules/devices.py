"""How devices and servers end."""

from collections.abc import Iterator

from heliograph.history.events import Answer, FaultKind, Verb
from heliograph.history.evidence import Evidence
from heliograph.history.rules.breach import Breach


def a_last_order_is_carried_out_once(evidence: Evidence) -> Iterator[Breach]:
    """Wiped, relinquished or deleted: the phone learns of it, executes it once, and forgets its credential. No other phone does."""
    orders, deletes = evidence.last_orders(), list(evidence.of(Verb.DELETE))
    deleted = {call.invoked.target for call in deletes if call.answer is Answer.OK}
    perhaps = {call.invoked.target for call in deletes if call.answer is Answer.UNKNOWN}
    for device, operations in orders.items():
        if len(operations) > 1:
            yield Breach(device, f"{device} was ended by {len(operations)} operations.")
    for phone, rest in evidence.at_rest.items():
        device = evidence.device_of.get(phone, "")
        if device in orders or device in deleted:
            carried_out = len(evidence.began.get(orders[device][0].name if device in orders else device, ()))
            if rest.managed or rest.enrolled or carried_out != 1:
                holds = "holds" if rest.enrolled else "has forgotten"
                yield Breach(device, f"{device} got its last order; {phone} executed it {carried_out} times and {holds} its credential.")
        elif device not in perhaps and not (rest.managed and rest.enrolled):
            yield Breach(phone, f"{phone} is no longer managed, although no one ordered that for {device}.")


def no_phone_is_left_with_work(evidence: Evidence) -> Iterator[Breach]:
    """The server's answers let every phone close its journal."""
    for phone, rest in evidence.at_rest.items():
        if rest.unfinished:
            yield Breach(rest.unfinished[0], f"{phone} has not finished {', '.join(rest.unfinished)}.")


def the_server_ends_only_when_killed(evidence: Evidence) -> Iterator[Breach]:
    """A server never ends by itself."""
    for fault in evidence.faults:
        if fault.what is FaultKind.SERVER_ENDED:
            yield Breach("", f"The server ended by itself: {fault.target}.")

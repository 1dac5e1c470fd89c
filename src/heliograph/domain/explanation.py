"""Why something is not done: one sentence, the next event with its time, and what to do, for each way of waiting.

All texts stand here; the timeline, `:explain`, the command line and pages show them. `service/explanations.py` finds out which one is true.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from heliograph.domain.operation import State
from heliograph.domain.outcome import ErrorCode


class Waiting(enum.Enum):
    """What something waits for; the words are on the wire."""

    PHONE_OFFLINE = "PHONE_OFFLINE"
    PHONE_NEVER_CONNECTED = "PHONE_NEVER_CONNECTED"
    PHONE_REPLACED = "PHONE_REPLACED"
    """The phone was reset by hand and enrolled again as another device."""
    PHONE_AT_ANOTHER_SERVER = "PHONE_AT_ANOTHER_SERVER"
    PHONE_NOT_AT_THIS_SERVER = "PHONE_NOT_AT_THIS_SERVER"
    """And others could not be asked."""
    COMMAND_TO_BE_OFFERED = "COMMAND_TO_BE_OFFERED"
    PHONE_SILENT = "PHONE_SILENT"
    """It is connected, was offered the command and has not acknowledged it."""
    COMMAND_PARKED = "COMMAND_PARKED"
    OTHER_COMMAND = "OTHER_COMMAND"
    COMMAND_UNDER_WAY = "COMMAND_UNDER_WAY"
    USER_ASKED = "USER_ASKED"
    PHONE_OFFLINE_SINCE_ACKNOWLEDGING = "PHONE_OFFLINE_SINCE_ACKNOWLEDGING"
    PHONE_REPLACED_SINCE_ACKNOWLEDGING = "PHONE_REPLACED_SINCE_ACKNOWLEDGING"
    APPROVAL = "APPROVAL"
    APPROVERS_MISSING = "APPROVERS_MISSING"
    """Too few people are left who may approve it."""
    GRACE_PERIOD = "GRACE_PERIOD"
    """It is approved, and can be called off for a while."""
    APPROVED_CALL = "APPROVED_CALL"
    """It is approved, and the one who asked makes the call again."""
    INVITATION_TO_BE_USED = "INVITATION_TO_BE_USED"
    """Someone was invited and has not signed in with the link."""
    RESERVATION_TO_END = "RESERVATION_TO_END"
    PHONE_TO_BE_RESET = "PHONE_TO_BE_RESET"
    NOTIFICATION_GIVEN_UP = "NOTIFICATION_GIVEN_UP"
    ENDPOINT_DISABLED = "ENDPOINT_DISABLED"
    ENDPOINT_RESTS = "ENDPOINT_RESTS"
    NOTHING = "NOTHING"
    """It is done, or works as it should."""


class Text(NamedTuple):
    """The three answers, each a sentence with names in braces; an empty one is left out."""

    sentence: str
    next_event: str
    """What happens next if nobody does anything; `{next}` is when."""
    advice: str


_REPLACED = (
    "Delete {device} (heliograph devices delete), which ends its commands, and issue this one to {successor}, which the phone is by now."
)

TEXTS: Mapping[Waiting, Text] = {
    Waiting.PHONE_OFFLINE: Text(
        "The device is not connected; it was last seen at {seen}.",
        "The command waits for it until {next}.",
        "Switch the phone on and see that it reaches this server's address.",
    ),
    Waiting.PHONE_NEVER_CONNECTED: Text(
        "The device is not connected and has never connected.",
        "The command waits for it until {next}.",
        "See that the phone has finished its enrolment and reaches this server's address.",
    ),
    Waiting.PHONE_REPLACED: Text(
        "The device is not connected, and will not come back: its serial number enrolled again at {replaced} as {successor}, so the phone"
        " was reset.",
        "The command waits for it until {next}.",
        _REPLACED,
    ),
    Waiting.PHONE_AT_ANOTHER_SERVER: Text(
        "The device is connected to another server and has not acknowledged the command.",
        "The command waits for it until {next}.",
        "Ask that server for its timeline: offers are counted where they are made.",
    ),
    Waiting.PHONE_NOT_AT_THIS_SERVER: Text(
        "The device is not connected to this server; other servers cannot be asked now.",
        "The command waits for it until {next}.",
        "See that the servers reach their database: /readyz of each says so.",
    ),
    Waiting.COMMAND_TO_BE_OFFERED: Text(
        "The device is connected and was not offered the command{here} yet.",
        "It is offered at once, and expires at {next}.",
        "",
    ),
    Waiting.PHONE_SILENT: Text(
        "It was offered {times}{here}, last at {offered}, and the device has not acknowledged it.",
        "It is offered again on each connection, and expires at {next}.",
        "See whether the agent on the phone runs: it is connected and does not answer.",
    ),
    Waiting.COMMAND_PARKED: Text(
        "It was offered {times}{here}, last at {offered}, and the device has not acknowledged it. It is parked: the device's other commands"
        " go first.",
        "It is offered again when no other command waits, and expires at {next}.",
        "Look for the reason in the agent's log, or cancel the command.",
    ),
    Waiting.OTHER_COMMAND: Text(
        "It waits for {holder}, which {is_first} and has not started or ended.",
        "The command waits until {next}.",
        "heliograph explain {holder} says why that one waits.",
    ),
    Waiting.COMMAND_UNDER_WAY: Text(
        "The device acknowledged the command at {acknowledged} and has not reported its end.{status}",
        "The server gives up on it at {next}.",
        "",
    ),
    Waiting.USER_ASKED: Text(
        "The device acknowledged the command at {acknowledged} and asks its user, who has not answered yet.{status}",
        "The server gives up on it at {next}.",
        "Have the user answer on the phone.",
    ),
    Waiting.PHONE_OFFLINE_SINCE_ACKNOWLEDGING: Text(
        "The device acknowledged the command at {acknowledged}, has not reported its end, and is not connected.{status}",
        "The server gives up on it at {next}.",
        "Switch the phone on: it reports what it did as soon as it connects.",
    ),
    Waiting.PHONE_REPLACED_SINCE_ACKNOWLEDGING: Text(
        "The device acknowledged the command at {acknowledged}, has not reported its end, and will not come back: its serial number"
        " enrolled again at {replaced} as {successor}, so the phone was reset.",
        "The server gives up on it at {next}.",
        _REPLACED,
    ),
    Waiting.APPROVAL: Text(
        "It waits for the approval of {people} besides {asked_by}: {approvers} can give it.",
        "It expires at {next}.",
        "Ask one of them: heliograph approvals show {approval}.",
    ),
    Waiting.APPROVERS_MISSING: Text(
        "It waits for the approval of {people} besides {asked_by}, and too few can give it: {approvers}.",
        "It expires at {next}.",
        "Make a key for another person (heliograph keys create --person), or call it off: heliograph approvals call-off {approval}.",
    ),
    Waiting.GRACE_PERIOD: Text(
        "It is approved, and can still be called off.",
        "It goes on at {next}.",
        "To call it off: heliograph approvals call-off {approval}.",
    ),
    Waiting.APPROVED_CALL: Text(
        "It is approved, and {asked_by} has not made the call again.",
        "It expires at {next}.",
        "Make the same call again: it succeeds once.",
    ),
    Waiting.INVITATION_TO_BE_USED: Text(
        "The invitation waits for {person}, who has not made a passkey with its link.",
        "The link is valid until {next}.",
        "If it is lost, invite them again: no one can read it a second time.",
    ),
    Waiting.RESERVATION_TO_END: Text(
        "The phone is reserved by {holder}.",
        "The reservation ends at {next} unless a heartbeat comes.",
        "Wait, or release it by force with a reason: heliograph lab release {serial} --force --reason TEXT.",
    ),
    Waiting.PHONE_TO_BE_RESET: Text(
        "The phone's last reservation ended at {ended}, and the phone was not reset since.",
        "",
        "heliograph lab reset makes it a new device, which can be reserved.",
    ),
    Waiting.NOTIFICATION_GIVEN_UP: Text(
        "The notification was given up at {given_up} after {attempts}: {reason}.",
        "It is deleted at {next}.",
        "Mend its destination, {destination}, then send it again: heliograph notifications resend.",
    ),
    Waiting.ENDPOINT_DISABLED: Text(
        "The endpoint is disabled: {reason}.",
        "",
        "Enable it when it takes notifications again: heliograph notifications endpoints enable {endpoint}.",
    ),
    Waiting.ENDPOINT_RESTS: Text(
        "The endpoint took no notification lately, so this server leaves it alone for a while; what it has not taken waits.",
        "The next attempt is at {next}.",
        "See that {url} answers with a status of 2xx: heliograph notifications endpoints test {endpoint}.",
    ),
    Waiting.NOTHING: Text("{done}", "", "{then}"),
}

AFTER: Mapping[ErrorCode | State, str] = {
    ErrorCode.API_LEVEL: "Update the phone's Android, or use a phone with a newer one.",
    ErrorCode.MANAGEMENT_MODE: "Issue a type that the way in which this phone is managed allows: docs/commands/README.md has a table.",
    ErrorCode.INVALID_VALUE: "Correct the command's parameters, and issue it again.",
    ErrorCode.UNSUPPORTED: "This phone cannot do it: nothing is to be gained by trying again.",
    ErrorCode.UNKNOWN: "Look at the command's status and into the agent's log.",
    State.EXPIRED: "Issue it again, with a longer duration if the phone is seldom connected.",
    State.FAILED: "Look at the command's status, then issue it again.",
}
"""What to do after a command that did not succeed; an error code comes before the state."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What `GET /heliograph/v1/{name}:explain` answers.  Heliograph's own: not in AMAPI."""

    name: str
    waiting: Waiting
    sentence: str
    """Why it is not done; of what is done, how it ended."""
    next_event: str = ""
    """What happens next if nobody does anything."""
    next_time: str = ""
    """When; RFC 3339."""
    advice: str = ""
    """What to do."""

    @property
    def text(self) -> str:
        """All of it, as a paragraph."""
        return " ".join(filter(None, (self.sentence, self.next_event, self.advice)))


def explanation(name: object, waiting: Waiting, *, next_time: str = "", **words: object) -> Explanation:
    """The explanation in this waiting's words, each name in braces replaced.  Raises: KeyError: a name was not given."""
    text = TEXTS[waiting]
    filled = [part.format_map({"next": next_time, **words}) for part in text]
    return Explanation(name=str(name), waiting=waiting, sentence=filled[0], next_event=filled[1], next_time=next_time, advice=filled[2])

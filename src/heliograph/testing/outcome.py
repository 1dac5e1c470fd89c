"""Whether a phone executed a command; and if not, how near it came, in a sentence for the person who reads the failed test."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from heliograph.testing.connection import Json
from heliograph.testing.requests import SentRequest, command_type
from heliograph.testing.times import moment, spoken

_ERROR_LEAST = 400
_ENDED_WELL = "SUCCEEDED"
_SEEN = "OBSERVED"


@dataclass(frozen=True, slots=True)
class Execution:
    """One time that the phone did what a command says."""

    type: str
    operation: str
    time: datetime
    judgement: str = "NOT_OBSERVED"
    """What the phone's own facts show of it: OBSERVED, CONTRADICTED, or nothing."""


@dataclass(frozen=True, slots=True)
class Network:
    """The phone lost its network, or got it back."""

    time: datetime
    online: bool


@dataclass(frozen=True, slots=True)
class Past:
    """All that is known of one phone: its operations, those of others, and when it had a network."""

    phone: str
    view: Json
    views: Sequence[Json]
    elsewhere: Sequence[Json]
    network: Sequence[Network]


def executions(past: Past, type_: str = "") -> list[Execution]:
    """What the phone did and succeeded in, oldest first; every execution counts, also a second one of the same operation."""
    done = [
        Execution(_type(view), _name(view), moment(effect["time"]), judgement_of(view))
        for view in past.views
        for effect in _done(view)
        if type_ in {"", _type(view)}
    ]
    return sorted(done, key=lambda execution: execution.time)


def _done(view: Json) -> list[Json]:
    """What the phone did for the operation, and succeeded in. One that restarts for it does not see the end: its facts show it."""
    ended = [effect for effect in view["effects"] if effect["what"] == "ended"]
    if not ended and judgement_of(view) == _SEEN:
        return [effect for effect in view["effects"] if effect["what"] == "began"]
    return [effect for effect in ended if effect.get("succeeded")]


def why_so_often(past: Past, type_: str, done: Sequence[Execution], *, most: int = 1) -> str:
    """It was done more often than `most` times: when, and for which operations."""
    wanted = "once" if most else "not"
    times = "once" if len(done) == 1 else f"{len(done)} times"
    lines = [f"{past.phone} was to execute {type_} {wanted}, but executed it {times}:"]
    lines += [f"{_clock(execution.time)} for {execution.operation}" for execution in done]
    if most and len({execution.operation for execution in done}) > 1:
        lines.append("Each is an operation of its own: was the command issued again without its requestId?")
    return "\n  ".join(lines)


def why_not(past: Past, type_: str, requests: Iterable[SentRequest]) -> str:
    """It was not done: the nearest that happened, of each command of this type."""
    head = f"{past.phone} did not execute {type_}"
    mine = [view for view in past.views if _type(view) == type_]
    if mine:
        missed = [_near_miss(past, view) for view in mine]
        return f"{head}: {missed[0]}" if len(missed) == 1 else "\n  ".join([f"{head}:", *missed])
    refused = [each for each in requests if command_type(each) == type_ and (each.status >= _ERROR_LEAST or not each.status)]
    if refused:
        return "\n  ".join([f"{head}: {_a(type_)} was sent, but not issued:", *map(_rejection, refused)])
    others = Counter(_type(view) for view in past.views)
    issued = ", ".join(f"{name} ({count} times)" if count > 1 else name for name, count in others.items()) or "nothing"
    lines = [f"{head}: none was issued to it. Issued to it: {issued}."]
    elsewhere = sorted({view["phone"] or _name(view) for view in past.elsewhere if _type(view) == type_})
    if elsewhere:
        lines.append(f"{_upper(_a(type_))} was issued to {', '.join(elsewhere)} instead.")
    return "\n  ".join(lines)


def _near_miss(past: Past, view: Json) -> str:
    command, timeline, error = _a(_type(view)), view["timeline"], view["operation"].get("error")
    state = timeline["state"]
    if state == "EXPIRED":
        ended, why = moment(timeline["endedAt"]), timeline["entries"][-1].get("detail", "")
        return f"{command} was issued but expired {f'at {_clock(ended)}: {why}' if why else _when_expired(past, ended)}"
    if state == "CANCELLED":
        return f"{command} was issued but cancelled at {_clock(moment(timeline['endedAt']))}, before the phone acknowledged it"
    if error is not None:
        code = view["operation"]["metadata"].get("errorCode", "")
        return f"{command} was issued but ended with {f'{code}: ' if code else ''}{error.get('message', '')}{_status_of(view)}"
    if state == _ENDED_WELL:
        why = _failed_effect(view) or _contradicted(view)
        return f"{command} was issued and answered as done{_status_of(view)}, but the phone has not done it{why}"
    if _name(view) in [question["operation"] for question in past.view["userIsAsked"]]:
        return f"{command} was issued, and the phone asks its user, who has not answered: approve(), decline(), or advance the clock"
    return f"{command} was issued and is {state}. {timeline.get('whyStuck', '')}".rstrip()


def _when_expired(past: Past, ended: datetime) -> str:
    """Where the end lies in the phone's coming and going."""
    gone = [change for change in past.network if not change.online and change.time <= ended]
    if not gone:
        return f"at {_clock(ended)}, while the phone had its network"
    back = [change for change in past.network if change.online and change.time >= gone[-1].time]
    if back and back[0].time < ended:
        return f"at {_clock(ended)}, {spoken(ended - back[0].time)} after the phone came back"
    if back and back[0].time == ended:
        return "at the very moment when the phone came back"
    if back:
        return f"{spoken(back[0].time - ended)} before the phone came back"
    return f"at {_clock(ended)}; the phone has been offline since {_clock(gone[-1].time)}, and still is"


def _failed_effect(view: Json) -> str:
    return ": it began and failed" if any(effect.get("succeeded") is False for effect in view["effects"]) else ""


def judgement_of(view: Json) -> str:
    """What the phone's facts say of the operation."""
    return str(view["timeline"].get("evidence", {}).get("judgement", "NOT_OBSERVED"))


def _contradicted(view: Json) -> str:
    """That the phone's own facts gave it away: `: its own facts contradict it (bootCount 1 → 1)`."""
    found = [entry for entry in view["timeline"]["entries"] if entry["what"] == "contradicted"]
    facts = f" ({found[-1]['detail']})" if found and found[-1].get("detail") else ""
    return f": its own facts contradict it{facts}" if found else ""


def _status_of(view: Json) -> str:
    """What the phone reported besides: ` (addEsimStatus: INTERNAL_ERROR)`."""
    metadata = view["operation"]["metadata"]
    said = [
        f"{name}: {value.get('status', value)}" for name, value in metadata.items() if name.endswith("Status") and isinstance(value, dict)
    ]
    return f" ({', '.join(said)})" if said else ""


def _rejection(request: SentRequest) -> str:
    error = request.response.get("error", {}) if isinstance(request.response, dict) else {}
    said = f": {error['message']}" if error.get("message") else ""
    met = f" [{request.fault}: {request.effect}]" if request.fault else ""
    return f"{_clock(request.time)} {request.method} was answered {request.status or 'nothing'}{said}{met}"


def _name(view: Json) -> str:
    return str(view["operation"]["name"])


def _type(view: Json) -> str:
    return str(view["operation"]["metadata"]["type"])


def _a(type_: str) -> str:
    return f"an {type_}" if type_[:1] in "AEIO" else f"a {type_}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _clock(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")

"""`/heliograph/v1/enterprises/*/deadLetters`: notifications that were given up.  Heliograph's own: not in AMAPI."""

from collections.abc import Sequence

import msgspec

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import list_body
from heliograph.domain.dead_letter import DeadLetter, DeadLetterName, is_message_id
from heliograph.domain.messages import Message
from heliograph.domain.names import EnterpriseName
from heliograph.protojson.errors import InvalidArgument, Violation
from heliograph.protojson.times import IllegalTimestamp, format_timestamp, parse_timestamp_us
from heliograph.service.dead_letters import Span, discard_dead_letters, list_dead_letters, resend_dead_letters

LATEST_US = 2**62
NAMES_MOST = 1_000


class ListDeadLettersQuery(PageQuery):
    """`startTime` and `endTime` as in the request to resend."""

    start_time: str = ""
    end_time: str = ""


class ChooseDeadLettersRequest(Message):
    """Which messages: those with `names`; without names, written at `startTime` or later and before `endTime` (RFC 3339)."""

    start_time: str = ""
    end_time: str = ""
    names: tuple[str, ...] = ()


class DeadLetterView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One dead letter."""

    name: str
    destination: str
    """`push`: the server's own push endpoint; otherwise the name of a push endpoint of the enterprise, or of a Pub/Sub topic."""
    notification_type: str
    data: bytes
    """Base64, as in a push."""
    publish_time: str
    give_up_time: str
    expire_time: str
    attempts: int
    reason: str


class ListDeadLettersResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page, the oldest message first."""

    dead_letters: tuple[DeadLetterView, ...] = ()
    next_page_token: str = ""


class ResendDeadLettersResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many wait to be sent again."""

    resent_count: int


class DiscardDeadLettersResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many are gone."""

    discarded_count: int


async def list_(call: Call) -> bytes:
    """One page of an enterprise's dead letters, the oldest message first."""
    query: ListDeadLettersQuery = call.query
    letters, next_page_token = await list_dead_letters(
        call.ports, EnterpriseName(*call.ids), _span(query), page_size=query.page_size, page_token=query.page_token
    )
    return list_body("deadLetters", (msgspec.json.encode(_view(letter)) for letter in letters), next_page_token)


async def resend(call: Call) -> bytes:
    """How many dead letters are sent again."""
    wanted = await call.message(ChooseDeadLettersRequest, root="")
    resent = await resend_dead_letters(call.ports, EnterpriseName(*call.ids), _chosen(wanted, EnterpriseName(*call.ids)))
    return msgspec.json.encode(ResendDeadLettersResponse(resent_count=resent))


async def discard(call: Call) -> bytes:
    """How many dead letters are gone for good. A request that chooses none is rejected: it must not empty the whole list by accident."""
    wanted = await call.message(ChooseDeadLettersRequest, root="")
    if wanted == ChooseDeadLettersRequest():
        description = "Choose the dead letters to discard: their names, or start_time and end_time."
        raise InvalidArgument(violations=[Violation("names", description)])
    gone = await discard_dead_letters(call.ports, EnterpriseName(*call.ids), _chosen(wanted, EnterpriseName(*call.ids)))
    return msgspec.json.encode(DiscardDeadLettersResponse(discarded_count=gone))


def _chosen(asked: ChooseDeadLettersRequest, enterprise: EnterpriseName) -> Span | Sequence[DeadLetterName]:
    """Raises: InvalidArgument: not a time, not a name of this enterprise's, or both."""
    if not asked.names:
        return _span(asked)
    if asked.start_time or asked.end_time:
        raise InvalidArgument(violations=[Violation("names", "Give either names or times: names choose these dead letters alone.")])
    if len(asked.names) > NAMES_MOST:
        description = f"names may have at most {NAMES_MOST} entries; it has {len(asked.names)}."
        raise InvalidArgument(violations=[Violation("names", description)])
    return [_name(text, enterprise, index) for index, text in enumerate(asked.names)]


def _name(text: str, enterprise: EnterpriseName, index: int) -> DeadLetterName:
    number = text.removeprefix(f"{enterprise}/deadLetters/")
    if number == text or not is_message_id(number):
        description = f"names[{index}] must have the form {enterprise}/deadLetters/NUMBER, as deadLetters.list shows them."
        raise InvalidArgument(violations=[Violation(f"names[{index}]", description)])
    return DeadLetterName(enterprise.enterprise, int(number))


def _span(asked: ListDeadLettersQuery | ChooseDeadLettersRequest) -> Span:
    """Raises: InvalidArgument: not a time."""
    start_us = _time_us("start_time", asked.start_time) if asked.start_time else 0
    return Span(max(start_us, 0), _time_us("end_time", asked.end_time) if asked.end_time else LATEST_US)


def _time_us(field: str, text: str) -> int:
    try:
        return parse_timestamp_us(text)
    except IllegalTimestamp as error:
        raise InvalidArgument(violations=[Violation(field, f"{field}: {error}")]) from None


def _view(letter: DeadLetter) -> DeadLetterView:
    return DeadLetterView(
        name=str(letter.name),
        destination=letter.destination,
        notification_type=letter.notification_type,
        data=letter.data,
        publish_time=format_timestamp(letter.created_us),
        give_up_time=format_timestamp(letter.given_up_us),
        expire_time=format_timestamp(letter.expires_us),
        attempts=letter.attempts,
        reason=letter.reason,
    )

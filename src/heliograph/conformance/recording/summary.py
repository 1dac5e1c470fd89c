"""A recording as candidates for the ledger: what each kind of request was answered, how often, and when last.

A candidate has the form of a file in `conformance/observations/`. What it is about, what Heliograph does, and its probe or test are for
anyone who takes it into the ledger.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from heliograph.conformance.ledger import Claim, Observed, Ours
from heliograph.conformance.recording.exchange import UNKNOWN, Exchange
from heliograph.conformance.recording.words import HIDDEN

_OK: Final = 200
_SERVICE: Final = "androidmanagement."


def candidates(exchanges: Iterable[Exchange], *, by: str) -> list[Claim]:
    """One claim for each kind of request that was seen, with an observation for each answer; `by`: who saw it."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for exchange in exchanges:
        if exchange.method != UNKNOWN:
            found[_subject(exchange)][_answer(exchange)].append(exchange.date)
    return [
        Claim(
            subject=subject,
            evidence=tuple(Observed(answer=answer, n=len(dates), date=max(dates), by=by) for answer, dates in answers.items()),
            heliograph=Ours(documented=""),
        )
        for subject, answers in found.items()
    ]


def _subject(exchange: Exchange) -> str:
    """`enterprises.devices.issueCommand`, and what was sent with it."""
    sent = [*dict.fromkeys(name for name, _ in exchange.query), *_parts(exchange.request)]
    method = f"`{exchange.method.removeprefix(_SERVICE)}`"
    return f"{method} with {', '.join(f'`{part}`' for part in sent)}" if sent else method


def _answer(exchange: Exchange) -> str:
    """The error's status and sentence; of a success the fields that are there."""
    answer = exchange.answer
    if exchange.status == _OK:
        return f"200: {', '.join(_parts(answer)) or 'an empty object'}"
    error = answer.get("error", {}) if isinstance(answer, dict) else {}
    return f"{exchange.status}: {error.get('message', HIDDEN)}" if isinstance(error, dict) else f"{exchange.status}: {HIDDEN}"


def _parts(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """The fields of a message in alphabetical order, with the values that are one of a few."""
    return sorted(set(_walk(value, "")))


def _walk(value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    match value:
        case dict() if value:
            for name, item in value.items():
                yield from _walk(item, f"{path}.{HIDDEN if name.startswith(HIDDEN[:-1]) else name}".lstrip("."))
        case list() if value:
            for item in value:
                yield from _walk(item, path)
        case bool():
            yield f"{path}={str(value).lower()}"
        case str() if value.isupper() and value.replace("_", "").isalnum():
            yield f"{path}={value}"
        case _:
            if path:
                yield path

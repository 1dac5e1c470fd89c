"""What a probe is, and words that several use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from heliograph.conformance.server import Answer, Server

ACCEPTED: Final = "accepted"
OK: Final = 200


@dataclass(frozen=True)
class Probe:
    """One question to a server."""

    ask: Callable[[Server], str]
    """The answer in a few words.  Raises: NotTried: it cannot be asked here; OSError."""
    changes: bool
    """Whether it issues a command or changes the enterprise; if so, it is made with `--yes` only."""


def reads(ask: Callable[[Server], str]) -> Probe:
    """A probe that changes nothing, whatever the server does with it."""
    return Probe(ask, changes=False)


def changes(ask: Callable[[Server], str]) -> Probe:
    """A probe that issues a command, or may if the server is not as expected."""
    return Probe(ask, changes=True)


def taken_or_status(answer: Answer) -> str:
    """Whether a request was accepted, else the status and its name."""
    return ACCEPTED if answer.status == OK else rejection(answer)


def rejection(answer: Answer) -> str:
    """`400 INVALID_ARGUMENT`."""
    return f"{answer.status} {answer.json.get('error', {}).get('status', '')}".rstrip()


def rejection_in_words(answer: Answer) -> str:
    """The status, and the first line of the message."""
    return f"{answer.status}: {answer.message.splitlines()[0] if answer.message else ''}"

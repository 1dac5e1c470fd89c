"""Every error can be answered: it has a message, and its code an HTTP status."""

from collections.abc import Iterator

import pytest

from heliograph.api.http.errors import HTTP_STATUS, V1_REASON, error_answer
from heliograph.protojson.errors import Code, HeliographError


def tree(of: type[HeliographError] = HeliographError) -> Iterator[type[HeliographError]]:
    """The class and all below it."""
    yield of
    for below in of.__subclasses__():
        yield from tree(below)


OURS = sorted({error for error in tree() if error.__module__.startswith("heliograph.")}, key=lambda error: error.__qualname__)


def test_every_code_has_a_status_and_a_word_in_the_old_form() -> None:
    without = sorted(code.name for code in set(Code) - (HTTP_STATUS.keys() & V1_REASON.keys()))

    assert not without, f"Add {', '.join(without)} to HTTP_STATUS and V1_REASON in src/heliograph/api/http/errors.py."


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.__qualname__)
def test_every_error_says_in_its_docstring_what_happened(error: type[HeliographError]) -> None:
    assert "__doc__" in vars(error), f"Write a docstring for {error.__qualname__}: it is the message that callers read."
    assert vars(error)["__doc__"], f"Write a docstring for {error.__qualname__}: it is the message that callers read."
    assert error.code in HTTP_STATUS
    assert error.reason == error.reason.upper()


def test_an_error_without_a_message_of_its_own_answers_its_docstring() -> None:
    status, _headers, body = error_answer(HeliographError())

    assert 500 == status
    assert b"Something went wrong." in body

"""Who acts now: set where a call, a message or a timer enters, and read by the store, which records it with every change.

A context variable: a task inherits it from the one that started it, so what a call sets off is the caller's.
"""

import contextlib
from collections.abc import Coroutine, Iterator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

import msgspec

from heliograph.domain.audit import Acting, ActorType

T = TypeVar("T")

UNKNOWN = Acting.server("unknown")
"""No entrance said who acts: a mistake in our own code, which tests look for."""

ACTING: ContextVar[Acting] = ContextVar("acting", default=UNKNOWN)


def speak_for(person: str) -> None:
    """From now on, what this task changes is this person's, who has shown who they are."""
    ACTING.set(msgspec.structs.replace(ACTING.get(), actor_type=ActorType.PERSON, actor=person))


@contextlib.contextmanager
def unrecorded() -> Iterator[None]:
    """What the block changes is no one's decision: that a session was used, for one."""
    before = ACTING.set(msgspec.structs.replace(ACTING.get(), silent=True))
    try:
        yield
    finally:
        ACTING.reset(before)


async def acting_as(acting: Acting, act: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine in this party's name."""
    ACTING.set(acting)
    return await act


def context_of(acting: Acting) -> Context:
    """A context for a task that runs in this party's name."""
    context = copy_context()
    context.run(ACTING.set, acting)
    return context

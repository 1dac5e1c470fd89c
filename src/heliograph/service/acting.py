"""Who acts now: set where a call, a message or a timer enters, and read by the store, which records it with every change.

A context variable: a task inherits it from the one that started it, so what a call sets off is the caller's.
"""

from collections.abc import Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from heliograph.domain.audit import Acting

T = TypeVar("T")

UNKNOWN = Acting.server("unknown")
"""No entrance said who acts: a mistake in our own code, which tests look for."""

ACTING: ContextVar[Acting] = ContextVar("acting", default=UNKNOWN)


async def acting_as(acting: Acting, act: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine in this party's name."""
    ACTING.set(acting)
    return await act


def context_of(acting: Acting) -> Context:
    """A context for a task that runs in this party's name."""
    context = copy_context()
    context.run(ACTING.set, acting)
    return context

"""How a mutant is made: one named thing of the product is another one, until the block ends or for a process's whole life."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class Patch(NamedTuple):
    """`owner.name` becomes what `made` makes of it."""

    owner: object
    name: str
    made: Callable[[Any], Any]


Mutant = Callable[[], Sequence[Patch]]
"""Its docstring says which promise it breaks."""


@contextlib.contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """The mutant lives until the block ends.  Raises: AttributeError: the product has no such thing any more."""
    patches = mutant()
    befores = [(patch.owner, patch.name, getattr(patch.owner, patch.name)) for patch in patches]
    try:
        for patch, (_, _, before) in zip(patches, befores, strict=True):
            setattr(patch.owner, patch.name, patch.made(before))
        yield
    finally:
        for owner, name, before in reversed(befores):
            setattr(owner, name, before)

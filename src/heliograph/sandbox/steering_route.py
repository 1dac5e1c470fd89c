"""A route of `/sandbox/v1` as data: from one row come the router, the OpenAPI document and the page about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from heliograph.protojson.messages import Message

H = TypeVar("H")

WRONG: Final = 400
"""The request is wrong, or comes at the wrong time; the one error that every route has."""
ABSENT: Final = 404
THERE_ALREADY: Final = 409
TOO_MANY: Final = 429
NOT_NOW: Final = 503
NOT_SETTLED: Final = 504
CHANGES: Final = (NOT_NOW, NOT_SETTLED)
"""Errors of whatever changes a world: it ends or is made again, or does not come to rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathParameter:
    """A variable part of a path."""

    description: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParameter:
    """Something that may stand in the query."""

    name: str
    description: str
    example: str = ""
    """In the route's own example; empty: it is not there."""


PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "enterprise": PathParameter(description="The enterprise's id.", example="sandbox"),
    "phone": PathParameter(description="The id that the phone enrolled with first.", example="pixel8-a15-fully-managed"),
    "fault": PathParameter(description="The number of a fault.", example="1"),
    "number": PathParameter(description="The number of a request.", example="1"),
    "endpoint": PathParameter(description="The number of a push endpoint.", example="1"),
    "id": PathParameter(description="The id of a Retry Test.", example="1c05d20627844214a9ff7cbcf696317d"),
    "world": PathParameter(description="The world's id.", example="3f820df29dfa"),
}
"""What may be variable in a path, by the name that it has in braces."""


@dataclass(frozen=True, slots=True)
class Verb(Generic[H]):
    """What can be done to a phone: the rest of a `SteeringRoute`."""

    handler: H
    summary: str
    body: type[Message] | None = None
    required: tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringRoute(Generic[H]):
    """One HTTP method at one path."""

    id: str
    """Its operationId: what it is about and a verb, as in `devices.create`."""
    http_method: str
    path: str
    handler: H
    summary: str
    """One sentence about what it does, which fits below the title of its section."""
    answer: type[Message] | None
    """What it answers with 200; None: text."""
    body: type[Message] | None = None
    """The message that its request takes; None: an empty object, or nothing."""
    required: tuple[str, ...] = ()
    """Fields of the body, as in JSON, without which it is refused."""
    query: tuple[QueryParameter, ...] = ()
    errors: tuple[int, ...] = ()
    """HTTP statuses of its errors besides WRONG."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """A body that it takes."""

    @property
    def subject(self) -> str:
        """What it is about: the id without its verb."""
        return self.id.rpartition(".")[0] or "world"

    @property
    def has_body(self) -> bool:
        """Whether a request to it has a body."""
        return self.http_method in {"POST", "PATCH"}

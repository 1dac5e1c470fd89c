"""`POST /batch`: many calls in one request, each answered by the API itself as if it had come alone.

Source: amapi.md §8.9.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import unquote_to_bytes

from heliograph.api.http.errors import BodyTooLarge, Headers, Internal, error_answer
from heliograph.api.http.failures import log_failure
from heliograph.api.http.multipart import Part, PartAnswer, PartRequest, boundary_of, first_call, parse_batch, render_answers
from heliograph.api.http.quota import Admission
from heliograph.api.http.request_body import BATCH_MAX_BYTES, BATCH_PATHS, read_beginning, read_body
from heliograph.api.http.streaming import WHOLE_ANSWER
from heliograph.asgi import Asgi, Message, Receive, answer_of
from heliograph.protojson.errors import HeliographError, InvalidArgument, ResourceExhausted, Unauthenticated
from heliograph.service.work_aside import work_aside

ANSWER_MAX_BYTES = 64 * 1_024 * 1_024
"""When so much is answered, no further call is begun: a thousand large lists would not fit into memory."""

AT_ONCE = 32
"""Calls of one batch in progress at a time: enough to share a transaction, too few to starve other callers."""

BEGINNING_BYTES = 64 * 1_024
"""So much of a batch without a credential of its own is read, to see whether its first call has one."""

SMALL_BYTES = 512
"""A call with a longer query and body takes its turn: 32 long ones one after the other would make everyone else wait."""

NOT_THE_PARTS = frozenset(
    {
        b"accept-encoding", b"connection", b"content-encoding", b"content-length", b"expect", b"te", b"transfer-encoding", b"upgrade",
        b"x-content-type-options",
    }
)  # fmt: skip
"""Headers of a connection and of the outer request's format: a part has none of these."""


_TOKEN = re.compile(rb"(?:^|&)(?:access_token|oauth_token)=([^&]+)")


class AnswerTooLarge(ResourceExhausted):
    """The answers to the calls before this one fill the batch. This call was not started: send it in another batch."""

    reason = "BATCH_ANSWER_TOO_LARGE"


class Batch:
    """Answers batches with the calls' answers from `app`."""

    def __init__(
        self,
        app: Asgi,
        *,
        part_max_bytes: int,
        body_timeout_s: float,
        authorizer: Admission | None = None,
        answer_max_bytes: int = ANSWER_MAX_BYTES,
        at_once: int = AT_ONCE,
    ) -> None:
        """`authorizer`: who may send a batch; None: everyone."""
        self._app = app
        self._authorizer = authorizer
        self._turn = asyncio.Lock()
        self._pause_s = 0.0
        self._answer_max_bytes = answer_max_bytes
        self._at_once = at_once
        self._part_max_bytes = part_max_bytes
        self._body_timeout_s = body_timeout_s

    async def answer(self, scope: Message, receive: Receive) -> tuple[bytes, bytes]:
        """The Content-Type and body that answer this request.

        Raises: InvalidArgument: it is not a batch; Unauthenticated, PermissionDenied: its sender is not known; BodyTooLarge;
            BodyTooSlow; ClientGone.
        """
        headers = dict(scope["headers"])
        boundary = boundary_of(headers.get(b"content-type", b""))
        authorization = headers.get(b"authorization") or _token_in(scope["query_string"])
        receive = await self._admitted(scope, receive, boundary, has_credential=authorization is not None)
        body = await read_body(receive, max_bytes=BATCH_MAX_BYTES, timeout_s=self._body_timeout_s)
        parts = await work_aside(partial(parse_batch, boundary=boundary), body)
        del body
        return render_answers(await self._answers(scope, parts, authorization))

    async def _admitted(self, scope: Message, receive: Receive, boundary: bytes, *, has_credential: bool) -> Receive:
        """The rest of the body, once the batch has shown a valid credential.

        That is its own or, as Google's Java client sends it by default, its first call's. Each call is admitted by itself later.

        Raises: Unauthenticated, PermissionDenied; BodyTooSlow; ClientGone.
        """
        if self._authorizer is None:
            return receive
        try:
            await self._authorizer.identify(scope)
        except Unauthenticated:
            if has_credential:
                raise
            beginning, receive = await read_beginning(receive, BEGINNING_BYTES, timeout_s=self._body_timeout_s)
            headers, query = first_call(beginning, boundary)
            await self._authorizer.identify({**scope, "headers": _inner_headers(scope, headers), "query_string": query})
        return receive

    async def _answers(self, scope: Message, parts: list[Part], authorization: bytes | None) -> list[PartAnswer]:
        """An answer to each part, in their order; several at a time, begun in their order."""
        answers: dict[int, PartAnswer] = {}
        left: Iterator[tuple[int, Part]] = iter(enumerate(parts))
        filled = 0

        async def worker() -> None:
            nonlocal filled
            for index, part in left:
                async with self._turn_of(part):
                    answers[index] = await self._answer(scope, part, authorization, full=filled >= self._answer_max_bytes)
                filled += len(answers[index].body)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._at_once, len(parts))):
                group.create_task(worker())
        return [answers[index] for index in range(len(parts))]

    @asynccontextmanager
    async def _turn_of(self, part: Part) -> AsyncIterator[None]:
        """The part may be read now: between two long parts, everyone else has a turn."""
        request = part.request
        if isinstance(request, PartRequest) and len(request.body) + len(request.query) > SMALL_BYTES:
            async with self._turn:
                await asyncio.sleep(self._pause_s)
                loop = asyncio.get_running_loop()
                loop.call_soon(self._note_turn, loop.time())
        yield

    def _note_turn(self, began_s: float) -> None:
        """The part was read in one go since `began_s`: everyone else now has as long."""
        self._pause_s = asyncio.get_running_loop().time() - began_s

    async def _answer(self, scope: Message, part: Part, authorization: bytes | None, *, full: bool) -> PartAnswer:
        try:
            request = self._request(part, root_path=str(scope.get("root_path", "")), full=full)
            return PartAnswer(part.content_id, *await self._called(scope, request, authorization))
        except Exception as error:  # noqa: BLE001 - no call harms another
            if not isinstance(error, HeliographError):
                log_failure("batch", error)
                error = Internal()
            status, headers, body = error_answer(error)
            return PartAnswer(part.content_id, status, _of_part(headers), body)

    def _request(self, part: Part, *, root_path: str, full: bool) -> PartRequest:
        """The part's call.  Raises: HeliographError: it is not a call that can be made."""
        if isinstance(part.request, InvalidArgument):
            raise part.request
        request = _below(root_path, part.request)
        if request.path in BATCH_PATHS:
            raise InvalidArgument("A batch cannot contain a batch: put its calls into the outer one.")
        if len(request.body) > self._part_max_bytes:
            raise BodyTooLarge(f"The request body is too large: at most {self._part_max_bytes} bytes are accepted.")
        if full:
            raise AnswerTooLarge
        return request

    async def _called(self, scope: Message, request: PartRequest, authorization: bytes | None) -> tuple[int, Headers, bytes]:
        """Status, headers and body with which the API answers the call."""
        headers = _of_part(request.headers)
        own = any(name == b"authorization" for name, _value in headers) or _token_in(request.query)
        if authorization is not None and not own:
            headers.append((b"authorization", authorization))

        async def receive() -> Message:
            return {"type": "http.request", "body": request.body, "more_body": False}

        inner = {
            **scope,
            "method": request.http_method,
            "path": request.path,
            "raw_path": request.raw_path,
            "query_string": request.query,
            WHOLE_ANSWER: True,
            "headers": _inner_headers(scope, headers),
        }
        start, body = await answer_of(self._app, inner, receive)
        return start["status"], _of_part(start["headers"]), body


def _below(root_path: str, request: PartRequest) -> PartRequest:
    """The call with its path as the server knows it: clients write the path under which the server stands, too."""
    if not root_path or not request.path.startswith(f"{root_path}/"):
        return request
    return request._replace(path=request.path[len(root_path) :], raw_path=request.raw_path[len(root_path.encode()) :])


def _inner_headers(scope: Message, headers: Headers) -> Headers:
    """A part's headers. This server's address comes from the outer request: a part names Google's."""
    own = [header for header in headers if header[0] != b"host"]
    return own + [header for header in scope["headers"] if header[0] in {b"host", b"x-forwarded-host", b"x-forwarded-proto"}]


def _of_part(headers: Headers) -> Headers:
    return [header for header in headers if header[0] not in NOT_THE_PARTS]


def _token_in(query_string: bytes) -> bytes | None:
    """The Authorization that a token in the query stands for."""
    found = _TOKEN.search(query_string)
    return b"Bearer " + unquote_to_bytes(found[1]) if found else None

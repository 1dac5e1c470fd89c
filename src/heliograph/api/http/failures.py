"""What happens when the server itself is at fault, or when no inner app has an answer: Google's form, on every path.

Source: amapi.md §4.1; asgi.readthedocs.io, HTTP & WebSocket.
"""

import contextlib
import traceback

import structlog

from heliograph.api.http.errors import Internal, error_answer
from heliograph.api.http.sending import send_answer
from heliograph.asgi import Asgi, ClientGone, Message, Receive, Send
from heliograph.protojson.errors import HeliographError

log = structlog.get_logger()

SERVER_ERROR = 1011  # RFC 6455 §7.4.1
FRAMES_MOST = 50
"""The innermost that are logged: a stack that has run full would be a line of 100 KB."""


class AnswerCutOff(RuntimeError):
    """The answer had begun when the server failed: the connection ends, so that no one takes its beginning for the whole."""


def outermost(app: Asgi) -> Asgi:
    """`app`, never left without an answer: what it raises becomes an error in Google's form."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ClientGone:
            return
        except HeliographError as error:
            await _answer(scope, send, error)
        except Exception as error:
            if scope["type"] == "lifespan":
                raise  # so an ASGI server learns that it is not supported
            log_failure("", error)
            await _answer(scope, send, Internal())

    return answer


def log_failure(method: str, error: Exception) -> None:
    """Log where it happened and its kind: the message may hold any value, and values may be secrets."""
    frames = traceback.extract_tb(error.__traceback__, limit=-FRAMES_MOST)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("api.failed", method=method, error=type(error).__qualname__, where=where)


async def _answer(scope: Message, send: Send, error: HeliographError) -> None:
    """Raises: AnswerCutOff."""
    status, headers, body = error_answer(error)
    if scope["type"] == "websocket":
        with contextlib.suppress(RuntimeError, OSError):  # it may be closed already
            await send({"type": "websocket.close", "code": SERVER_ERROR})
        return
    try:
        await send_answer(send, status, body, headers=headers)
    except RuntimeError:
        raise AnswerCutOff from None

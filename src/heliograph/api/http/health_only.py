"""What connections beyond the bound of connections are served: only pages that show how the server is."""

from typing import Any

from heliograph.api.http import http_rejections
from heliograph.api.http.cycle import CLOSE
from heliograph.asgi import JSON, Message, Send, send_whole
from heliograph.service.metrics import PROCESS

PAGES = frozenset({"/healthz", "/readyz", "/metrics"})


def only_health_pages(app: Any) -> Any:  # noqa: ANN401 - ASGI
    """The app, of which only these pages are served; everything else is refused."""

    async def answer(scope: Message, receive: Any, send: Send) -> None:  # noqa: ANN401 - ASGI
        if scope["path"] in PAGES:
            await app(scope, receive, send)
            return
        why = http_rejections.CROWDED
        PROCESS.requests_refused[why.reason] += 1
        await send_whole(send, why.status, why.body, [JSON, (b"retry-after", b"1"), CLOSE])

    return answer

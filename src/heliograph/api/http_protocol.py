"""How a connection's bytes are read."""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFER_OF_HTTP_2 = re.compile(rb"\r\n(?i:upgrade):(?=[ \t]*h2c)")


class Http11(HttpToolsProtocol):
    """HTTP/1.1, without losing the body of a request that offers HTTP/2 as well, as every POST of Java's HttpClient does.

    The parser takes what follows such a head for the other protocol. An offer may be passed over, so it never sees it.

    Source: RFC 9110 §7.8; uvicorn's HttpToolsProtocol.data_received.
    """

    def data_received(self, data: bytes) -> None:
        """A head that comes in pieces, the offer cut in two, is the one that is still misread."""
        if b"h2c" in data:
            data = OFFER_OF_HTTP_2.sub(b"\r\nignored:", data, count=1)
        super().data_received(data)

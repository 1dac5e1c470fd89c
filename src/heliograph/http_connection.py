"""One HTTP connection to a server, for programs that wait for each answer."""

import http.client
import select
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit


class HttpConnection:
    """Stays open between requests. Opens again what the server closed meanwhile: a person may think for minutes."""

    def __init__(self, url: str, *, timeout_s: float, bearer: Callable[[], str] | None = None) -> None:
        """Sends nothing yet; `bearer()` returns the token for each request.  Raises: ValueError: what is wrong with the address."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("write one such as http://127.0.0.1:8080")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_s)
        self._prefix = parts.path.rstrip("/")
        self._bearer = bearer

    def ask(self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """The answer's status and body, an error's too; `target` is below the path of the address.  Raises: OSError."""
        sent = {} if self._bearer is None else {"Authorization": f"Bearer {self._bearer()}"}
        self._drop_if_closed()
        try:
            self._connection.request(method, self._prefix + target, body, {**sent, **(headers or {})})
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            self.close()
            raise OSError(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def _drop_if_closed(self) -> None:
        """A server closes what is idle; a request sent into that would be lost."""
        if self._connection.sock is not None and select.select([self._connection.sock], [], [], 0)[0]:
            self.close()

"""One HTTP connection to a server, for programs that wait for each answer."""

import contextlib
import http.client
import select
from collections.abc import Callable, Iterator, Mapping
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
        with self._lost_if_it_fails():
            answer = self._answer(method, target, body, headers)
            return answer.status, answer.read()

    def ask_for_lines(self, target: str, headers: Mapping[str, str]) -> tuple[int, Iterator[bytes]]:
        """The answer's status, and its lines as they come, until the server ends them.

        The last line may have no end: the connection was cut. It serves nothing else meanwhile.

        Raises: OSError: also while the lines are read: the connection was lost, or said nothing for `timeout_s`.
        """
        with self._lost_if_it_fails():
            answer = self._answer("GET", target, None, headers)
        return answer.status, self._lines(answer)

    def _lines(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            with self._lost_if_it_fails():
                while line := answer.readline():
                    yield line
        finally:
            self.close()

    def _answer(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str] | None) -> http.client.HTTPResponse:
        sent = {} if self._bearer is None else {"Authorization": f"Bearer {self._bearer()}"}
        self._drop_if_closed()
        self._connection.request(method, self._prefix + target, body, {**sent, **(headers or {})})
        return self._connection.getresponse()

    @contextlib.contextmanager
    def _lost_if_it_fails(self) -> Iterator[None]:
        """Raises: OSError: for errors of HTTP too."""
        try:
            yield
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

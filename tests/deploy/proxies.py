"""deploy/nginx.conf and deploy/Caddyfile, running: the very files, with this machine's addresses, ports and certificate.

What differs is named in `_nginx` and `_caddyfile`, and nothing else is touched. They run as the user of the test.
"""

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.hung import Hung, last_words
from tests.not_tried import program_or_skip
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.running import Running
from tests.third_party import started
from tests.tls_front import self_signed

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
HOST = "localhost"
EXAMPLE = "amapi.example.com"
EXAMPLES_SERVER = "127.0.0.1:8080"
KINDS = ("nginx", "caddy")
NGINX_BY_ITSELF = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/heliograph.conf;
}}
"""
"""What Debian's /etc/nginx/nginx.conf does, in a folder of the test's own."""


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs: where it speaks TLS, where plain HTTP, and the authority that signed its certificate."""

    kind: str
    port: int
    plain_port: int
    authority: Path
    log: Path

    @property
    def url(self) -> str:
        """As clients write it."""
        return f"https://{HOST}:{self.port}"


@contextlib.contextmanager
def running_proxy(kind: str, folder: Path, *, port: int, server_port: int) -> Iterator[Proxy]:
    """The proxy listens on `port` and brings everything to `server_port`; skipped if its program is not here (in CI: failed)."""
    program = program_or_skip(kind)
    certificate, key = self_signed(folder, HOST)
    proxy = Proxy(kind, port, reserved_port(), certificate, folder / "log")
    arrange = {"nginx": _nginx, "caddy": _caddy}[kind]
    command = arrange(proxy, folder, {EXAMPLES_SERVER: f"127.0.0.1:{server_port}", "certificate": str(certificate), "key": str(key)})

    def start() -> Running:
        with proxy.log.open("wb") as log:
            # Caddy keeps certificates and its last configuration in the home of its user.
            process = Running([program, *command], stdout=log, stderr=log, env={**os.environ, "HOME": str(folder)})
        _until_it_listens(proxy, process)
        return process

    process = started(start)
    try:
        yield proxy
    finally:
        process.terminate()
        process.wait()


def _nginx(proxy: Proxy, folder: Path, here: dict[str, str]) -> list[str]:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    text = re.sub(r" *listen \[::\].*\n", "", text)  # not every machine of a test has IPv6
    text = text.replace("listen 80;", f"listen 127.0.0.1:{proxy.plain_port};").replace("listen 443 ", f"listen 127.0.0.1:{proxy.port} ")
    text = re.sub(r"/etc/letsencrypt/\S+/fullchain\.pem", here["certificate"], text)
    text = re.sub(r"/etc/letsencrypt/\S+/privkey\.pem", here["key"], text)
    text = text.replace(EXAMPLES_SERVER, here[EXAMPLES_SERVER]).replace(EXAMPLE, HOST)
    (folder / "heliograph.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""  # else its workers cannot enter the test's folder
    (folder / "nginx.conf").write_text(NGINX_BY_ITSELF.format(folder=folder, user=user))
    return ["-c", str(folder / "nginx.conf"), "-e", str(folder / "errors"), "-p", str(folder)]


def _caddy(proxy: Proxy, folder: Path, here: dict[str, str]) -> list[str]:
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    ports = f"\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port {proxy.plain_port}\n\thttps_port {proxy.port}\n"
    text = re.sub(r"^\{\n", "{\n" + ports, text, count=1, flags=re.MULTILINE)
    own = f"{HOST}:{proxy.port} {{\n\ttls {here['certificate']} {here['key']}\n"
    text = text.replace(f"{{$NAME:{EXAMPLE}}} {{\n", own, 1)
    text = text.replace(EXAMPLES_SERVER, here[EXAMPLES_SERVER])
    (folder / "Caddyfile").write_text(text)
    return ["run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def _until_it_listens(proxy: Proxy, process: Running) -> None:
    """Raises: AssertionError: it ended; Hung: it did not, and has now."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", proxy.port), timeout=5).close()
        except OSError:
            assert process.poll() is None, proxy.log.read_text(errors="replace")
            if time.monotonic() > until:
                raise Hung(last_words(process.pid)) from None
            time.sleep(0.05)
        else:
            return

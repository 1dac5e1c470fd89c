"""The proxies' bounds beside the server's own: what the server waits for and takes, they wait for and pass on."""

import json
import re
import subprocess
from typing import Any

import pytest

from heliograph.api.http.request_body import BATCH_MAX_BYTES, BODY_MAX_BYTES
from heliograph.api.http.ws_frames import SILENT_MOST
from heliograph.protocol import KEEP_ALIVE_MOST_S
from heliograph.service.events import HEARTBEAT_S
from heliograph.service.limits import HttpLimits
from tests.deploy.proxies import DEPLOY
from tests.not_tried import program_or_skip
from tests.patience import PATIENCE_S

NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
SERVER = HttpLimits()
UNITS = {"": 1, "s": 1, "m": 60, "K": 1_024, "M": 1_024 * 1_024}
NANOSECONDS = 1_000_000_000


def of_nginx(directive: str, within: str = "") -> int:
    """The directive's number, in seconds or bytes, within the location, or outside of all."""
    outside = re.sub(r"location [^{]+\{.*?\n    \}", "", NGINX, flags=re.DOTALL)
    block = re.search(rf"location {re.escape(within)} \{{(.*?)\n    \}}", NGINX, re.DOTALL) if within else None
    found = re.search(rf"\b{directive} +(?:\d+ )?(\d+)([smkM]?);", block[1] if block else outside)
    assert found is not None, directive
    unit = found[2].upper() if directive.endswith(("_size", "_buffers")) else found[2]
    return int(found[1]) * UNITS[unit]


@pytest.fixture(scope="module")
def caddy() -> dict[str, Any]:
    """Caddy's server as it understands its file."""
    words = (program_or_skip("caddy"), "adapt", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile")
    adapted = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=PATIENCE_S).stdout)
    return dict(adapted["apps"]["http"]["servers"]["srv0"])


def test_nginx_outlives_a_phones_silence_and_a_streams() -> None:
    assert of_nginx("proxy_read_timeout", "/device/") >= KEEP_ALIVE_MOST_S * SILENT_MOST
    assert of_nginx("proxy_send_timeout", "/device/") >= KEEP_ALIVE_MOST_S * SILENT_MOST
    assert of_nginx("proxy_read_timeout") > HEARTBEAT_S


def test_nginx_gives_up_an_idle_connection_before_the_server_does() -> None:
    assert of_nginx("keepalive_timeout") < SERVER.idle_s


def test_nginx_passes_what_the_server_takes() -> None:
    assert of_nginx("large_client_header_buffers") >= SERVER.head_max_bytes
    assert of_nginx("client_max_body_size") > BODY_MAX_BYTES
    assert of_nginx("client_max_body_size", "/batch") > BATCH_MAX_BYTES


def test_caddy_gives_up_an_idle_connection_before_the_server_does(caddy: dict[str, Any]) -> None:
    (transport,) = (handler["transport"] for handler in handlers(caddy) if handler["handler"] == "reverse_proxy")

    assert transport["keep_alive"]["idle_timeout"] < SERVER.idle_s * NANOSECONDS
    assert "response_header_timeout" not in transport  # a phone's poll waits


def test_caddy_passes_what_the_server_takes_and_cuts_nothing_that_lasts(caddy: dict[str, Any]) -> None:
    assert caddy["max_header_bytes"] > SERVER.head_max_bytes
    assert not {"read_timeout", "write_timeout"} & set(caddy)
    assert "request_body" not in {handler["handler"] for handler in handlers(caddy)}


def handlers(part: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Every handler, however deep."""
    if isinstance(part, list):
        return [found for one in part for found in handlers(one)]
    if not isinstance(part, dict):
        return []
    own = [part] if "handler" in part else []
    return own + [found for one in part.values() for found in handlers(one)]

"""deploy/single.yaml: a server that takes its options, and the Caddy of deploy/Caddyfile in front of it."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.proxies import DEPLOY
from tests.e2e.program import running_server
from tests.not_tried import program_or_skip
from tests.patience import PATIENCE_S

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "single.yaml").read_text(encoding="utf-8"))
SERVER, CADDY = COMPOSE["services"]["heliograph"], COMPOSE["services"]["caddy"]
NAME = "amapi.example.net"


def interpolated(text: str) -> str:
    """The text with what compose puts in for NAME."""
    return re.sub(r"\$\{NAME:\?[^}]*\}", NAME, text)


def test_the_server_takes_its_options(tmp_path: Path) -> None:
    first, *options = (interpolated(word) for word in SERVER["command"])
    here = {"/var/lib/heliograph": str(tmp_path), "0.0.0.0": "127.0.0.1"}  # noqa: S104 - taken away
    translated = [re.sub("|".join(map(re.escape, here)), lambda found: here[found[0]], option) for option in options]

    assert "serve" == first
    with running_server(*translated, stderr=subprocess.DEVNULL) as (url, _):
        assert url
    assert (tmp_path / "heliograph.db").exists()


def test_caddy_serves_the_name_and_brings_everything_to_the_server() -> None:
    environment = {name: interpolated(value) for name, value in CADDY["environment"].items()}
    words = [program_or_skip("caddy"), "adapt", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile"]
    done = subprocess.run(
        list(map(str, words)), env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    adapted = json.dumps(json.loads(done.stdout))

    assert f'"host": ["{NAME}"]' in adapted
    assert '"dial": "heliograph:8080"' in adapted
    assert "example.com" not in adapted


def test_only_the_proxy_is_reached_from_outside_and_its_word_counts() -> None:
    subnet = COMPOSE["networks"]["default"]["ipam"]["config"][0]["subnet"]

    assert "ports" not in SERVER
    assert f"--trusted-proxy={subnet}" in SERVER["command"]
    mounted = {volume.split(":")[0] for service in (SERVER, CADDY) for volume in service["volumes"]}
    assert {"./Caddyfile", *COMPOSE["volumes"]} == mounted

"""`heliograph notifications endpoints`, and the metric of those that were disabled."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.live import Live
from tests.e2e.program import Sandbox

URL = "https://emm.example.com/notifications"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(live: Live, enterprise: str) -> Run:
    """Runs a command on the endpoints of a new enterprise."""
    sandbox = Sandbox(live.url, Path(), Path())
    return lambda *words, **more: sandbox.run("notifications", "endpoints", *words, "--enterprise", enterprise.partition("/")[2], **more)


def test_an_endpoint_is_created_with_its_secret_and_then_listed_without(run: Run) -> None:
    empty = run("list")
    created = run("create", URL, "--id", "emm", "--type", "COMMAND", "--oidc-email", "p@e.example", "--webhooks", "v1", "--webhooks", "v1a")
    listed = run("list")
    shown = run("get", "emm")

    assert "No push endpoint yet" in empty.stdout
    assert "pushEndpoints/emm is created." in created.stdout
    assert "whsec_" in created.stdout
    assert "whpk_" in created.stdout
    assert ["emm", "ENABLED", "COMMAND", "token, v1, v1a", URL] == listed.stdout.splitlines()[1].split("\t")
    assert "whsec_" not in listed.stdout + shown.stdout
    assert '"audience": "https://emm.example.com/notifications"' in shown.stdout


def test_a_secret_is_rotated_and_an_endpoint_disabled_enabled_tried_out_and_deleted(run: Run) -> None:
    run("create", "https://emm.localhost/", "--id", "emm", "--webhooks", "v1")

    rotated = run("rotate", "emm", "--grace", "2h")
    disabled = run("disable", "emm")
    why = run("list").stdout
    enabled = run("enable", "emm")
    tested = run("test", "emm")
    deleted = run("delete", "emm", "--yes")

    assert "whsec_" in rotated.stdout
    assert "is disabled." in disabled.stdout
    assert "DISABLED: It was disabled by a caller." in why
    assert "is enabled." in enabled.stdout
    assert "A test message is on its way" in tested.stdout
    assert "is deleted." in deleted.stdout
    assert "No push endpoint yet" in run("list").stdout


def test_metrics_count_the_endpoints_that_were_disabled(live: Live) -> None:
    live.ports.publishing.closed += 2

    assert b"heliograph_push_endpoints_disabled_total 2.0" in live.call("GET", "/metrics").body.splitlines()

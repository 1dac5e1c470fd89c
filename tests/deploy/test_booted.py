"""docs/self-host.md, line by line, in a Debian that boots: the hardened units run under a real systemd."""

import json
import re
import resource
from collections.abc import Iterator

import pytest

import heliograph
from tests.deploy.booted import ROOT, Machine, booted

PAGE = (ROOT / "docs" / "self-host.md").read_text(encoding="utf-8")
TRIED = re.compile(r"<!-- run by tests/deploy/test_booted\.py -->\n```console\n(.*?)```", re.DOTALL)
NAME = "localhost"
"""A name for which Caddy signs the certificate itself, without asking the world."""
AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
QUICK = """
mkdir -p /etc/systemd/system/heliograph.service.d
printf '[Service]\\nWatchdogSec=5s\\nTimeoutStopSec=1s\\n' >/etc/systemd/system/heliograph.service.d/quick.conf
systemctl daemon-reload
systemctl restart heliograph
"""
"""A watchdog that a test can wait for, and that a busy machine's stutter does not wake."""


def steps() -> list[str]:
    """The blocks of the page that are tried, as scripts."""
    return ["\n".join(line.removeprefix("# ") for line in block.splitlines()) for block in TRIED.findall(PAGE)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the page was followed from its beginning to its end."""
    with booted(tmp_path_factory.mktemp("booted"), heliograph.__version__) as machine:
        environment = {"NAME": NAME, "VERSION": heliograph.__version__, "SSL_CERT_FILE": AUTHORITY}
        for number, step in enumerate(steps()):
            machine.run(step, **environment)
            if number == 1:
                machine.until(f"test -e {AUTHORITY} && curl --silent --fail --cacert {AUTHORITY} https://{NAME}/readyz")
        yield machine


def on_it(machine: Machine, script: str) -> str:
    """What `heliograph` prints, signed in as the page says."""
    return machine.run(f"export HELIOGRAPH_KEY=~/acme.json; {script}", SSL_CERT_FILE=AUTHORITY)


def test_the_page_has_steps() -> None:
    assert 6 <= len(steps())


def test_a_phone_enrols_over_tls_and_executes_a_command(machine: Machine) -> None:
    token = json.loads(on_it(machine, "heliograph tokens create --no-qr --json"))["value"]
    fleet = f"heliograph fleet --server https://{NAME} --enrollment-token {token} --profile pixel8-a15-fully-managed --count 1 --seed 1"
    on_it(machine, f"systemd-run --unit=phone --setenv=SSL_CERT_FILE={AUTHORITY} {fleet}")
    machine.until(f"SSL_CERT_FILE={AUTHORITY} heliograph --key ~/acme.json devices list --json | grep --quiet '\"name\"'")
    device = re.search(r"enterprises/acme/devices/[^\"]+", on_it(machine, "heliograph devices list --json"))
    assert device is not None

    assert "LOCK" in on_it(machine, f"heliograph issue {device[0]} LOCK --wait")


def test_the_server_runs_hardened_as_its_own_user(machine: Machine) -> None:
    pid = machine.run("systemctl show --property=MainPID --value heliograph").strip()

    assert "heliograph" == machine.run(f"ps -o user= -p {pid}").strip()
    status = machine.run(f"cat /proc/{pid}/status")
    assert {"0"} == {value.strip("0") or "0" for value in re.findall(r"^Cap(?:Eff|Prm|Bnd):\s*(\S+)", status, re.MULTILINE)}
    assert "NoNewPrivs:\t1" in status
    most = min(65_536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])  # what this machine allows the one inside
    assert str(most) in machine.run(f"grep open /proc/{pid}/limits")


def test_the_backup_has_its_time(machine: Machine) -> None:
    assert "heliograph-backup.timer" in machine.run("systemctl list-timers --no-pager")
    assert machine.run("ls /var/backups/heliograph").split()
    assert "heliograph.key" not in machine.run("ls /var/backups/heliograph")


def test_a_restored_server_knows_its_keys_and_kept_the_database_that_was_there(machine: Machine) -> None:
    on_it(machine, "heliograph devices list")

    assert "heliograph.db.replaced-1" in machine.run("ls /var/lib/heliograph")


def test_prometheus_reads_the_server_and_the_alerts(machine: Machine) -> None:
    machine.run("sed --in-place s/15s/1s/ /etc/prometheus/prometheus.yml; systemctl restart prometheus")

    machine.until("curl --silent '127.0.0.1:9090/api/v1/query?query=heliograph_ready' | grep --quiet '\"1\"\\]'")
    assert "HeliographDown" in machine.run("curl --silent 127.0.0.1:9090/api/v1/rules")


def test_a_server_whose_loop_stands_still_is_replaced(machine: Machine) -> None:
    machine.run(QUICK)
    pid = machine.run("systemctl show --property=MainPID --value heliograph").strip()

    machine.run(f"kill -STOP {pid}")

    machine.until(f"curl --silent --fail 127.0.0.1:8080/readyz && test $(systemctl show --property=MainPID --value heliograph) != {pid}")


def test_wrong_options_are_not_tried_again(machine: Machine) -> None:
    machine.run("echo 'no-such-option = 1' >>/etc/heliograph/heliograph.toml; systemctl stop heliograph; ! systemctl start heliograph")

    assert "2" == machine.run("systemctl show --property=ExecMainStatus --value heliograph").strip()
    assert "failed" == machine.run("systemctl show --property=ActiveState --value heliograph").strip()

"""`heliograph lab reserve` and its like against a real server, which is killed in between."""

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tests.e2e.program import running_server
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HELIOGRAPH, *arguments, "--server", url], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )  # fmt: skip


def enrolled(url: str, enterprise: str, number: int) -> str:
    """The device that the lab's one phone becomes."""
    token = json.loads(run(url, "tokens", "create", "--enterprise", enterprise, "--json").stdout)["value"]
    report = {"managementMode": "DEVICE_OWNER", "ownership": "COMPANY_OWNED", "apiLevel": 35, "appliedState": "ACTIVE"}
    body: dict[str, Any] = {
        "enrollmentToken": token, "installationId": f"i{number}", "credentialHash": f"{number:064x}", "serial": "R58N", "report": report
    }  # fmt: skip
    request = urllib.request.Request(f"{url}/device/v1/enroll", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
        return str(json.load(answer)["name"])


def test_a_reservation_outlives_a_kill_and_the_phone_waits_for_its_reset(tmp_path: Path) -> None:
    with running_server("--no-auth", "--data-dir", str(tmp_path / "data"), stderr=subprocess.DEVNULL) as (url, server):
        enterprise = json.loads(run(url, "enterprises", "create", "--agreement-accepted", "--json").stdout)["name"]
        device = enrolled(url, enterprise, 1)
        reserved = run(url, "lab", "reserve", device, "--owner", "build 17", "--duration", "10m")
        server.kill()
        server.wait()

    assert reserved.stdout.startswith(f"{enterprise}/reservations/R58N is yours until ")
    assert reserved.stdout.endswith("fencing token 1.\n")
    with running_server("--no-auth", "--data-dir", str(tmp_path / "data"), stderr=subprocess.DEVNULL) as (url, _):
        name = f"{enterprise}/reservations/R58N"
        taken = run(url, "lab", "reserve", device)
        alive = run(url, "lab", "heartbeat", name, "--fencing-token", "1", "--duration", "1m")
        released = run(url, "lab", "release", name, "--fencing-token", "1")
        dirty = run(url, "lab", "reserve", device)
        again = json.loads(run(url, "lab", "reserve", enrolled(url, enterprise, 2), "--json").stdout)
        forced = run(url, "lab", "release", "R58N", "--enterprise", enterprise, "--force", "--reason", "it hangs")
        listed = run(url, "lab", "reservations", "--enterprise", enterprise).stdout.splitlines()

    assert (2, True) == (taken.returncode, "is reserved by build 17." in taken.stderr)
    assert (0, 0) == (alive.returncode, released.returncode)
    assert (2, True) == (dirty.returncode, "heliograph lab reset makes it a new device." in dirty.stderr)
    assert "2" == again["fencingToken"]
    assert forced.returncode == 0, forced.stderr
    assert ["R58N", "FORCED", "it hangs"] == [listed[1].split("\t")[column] for column in (0, 1, 5)]


def test_a_release_says_whose_it_is(tmp_path: Path) -> None:
    neither = run("http://127.0.0.1:1", "lab", "release", "S")
    both = run("http://127.0.0.1:1", "lab", "release", "S", "--force", "--fencing-token", "1")

    assert [2, 2] == [neither.returncode, both.returncode]
    assert "--fencing-token N if the reservation is yours" in neither.stderr

"""How long a browser waits for the first byte of each page of the console, with 100,000 devices and half a million commands behind it."""

import http.client
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from benchmarks.figures import Figures, Number, Scale, percentile
from benchmarks.seed import ENTERPRISE, Seeded, device_name
from benchmarks.signed_in import Deployment, Heliograph, scratch

ASKED = 100
"""Times that each page is asked for, each round."""
P95_MOST_MS = 50.0  # issue 14
SUMMARY_MOST_S = 120.0
MS = 1_000.0
FLEET = f"/console/enterprises/{ENTERPRISE}"
COUNTED = b'class="counts"'


def measure_console(scale: Scale) -> Figures:
    """The 95th percentile of each page, round by round; and how long it takes until a fleet is counted that no one looked at before."""
    figures = Figures()
    seeded = Seeded(scale.devices, scale.operations // 10, days_ago=0)
    seeded.make()
    with scratch() as folder:
        seeded.copy(folder)
        deployment = Deployment(folder)
        server = deployment.start()
        try:
            first_s, counted_s = _until_counted(server)
            figures.numbers.append(
                Number("console, the very first page, with which the server loads the console: first byte", [first_s * MS], "ms")
            )
            figures.numbers.append(Number("console, the very first page: until its devices and commands are counted", [counted_s], "s"))
            for name, path in _pages(server, seeded).items():
                rounds = [_measured(server, path) for _ in range(scale.rounds)]
                p95s, cpus = [p95_ms for p95_ms, _ in rounds], [cpu_ms for _, cpu_ms in rounds]
                figures.numbers.append(Number(f"console, {name}: p95 of the first byte", p95s, "ms", most=P95_MOST_MS))
                figures.numbers.append(Number(f"console, {name}: CPU a page", cpus, "ms"))
        finally:
            deployment.stop()
    figures.notes.append(f"{scale.devices:,} devices, {seeded.operations:,} commands of the last five days, SQLite, one caller with a key.")
    return figures


def _pages(server: Heliograph, seeded: Seeded) -> Mapping[str, str]:
    """The pages, by what they are."""
    middle = device_name(seeded.devices // 2)
    next_page = server.call(f"/v1/enterprises/{ENTERPRISE}/devices?pageSize=50")["nextPageToken"]
    return {
        "fleet": FLEET,
        "fleet, its second page": f"{FLEET}?page={next_page}",
        "fleet, a search by id": f"{FLEET}?q={middle.device}",
        "fleet, a search by a text that no device has": f"{FLEET}?q=nothing-has-this",
        "device": f"{FLEET}/devices/{middle.device}",
        "command form": f"{FLEET}/devices/{middle.device}/commands/WIPE",
        "operation": f"/console/{seeded.operation_name(seeded.operations // 2)}",
    }


def _until_counted(server: Heliograph) -> tuple[float, float]:
    """Seconds until the first byte of the very first page, and until a page shows the numbers."""
    began = time.perf_counter()
    first_s, body = _ask(server, FLEET)
    while COUNTED not in body:
        if time.perf_counter() - began > SUMMARY_MOST_S:
            raise TimeoutError(FLEET)
        time.sleep(0.05)
        _, body = _ask(server, FLEET)
    return first_s, time.perf_counter() - began


def _measured(server: Heliograph, path: str) -> tuple[float, float]:
    """The 95th percentile of the time to the first byte, and the server's CPU a page; both in ms."""
    used_s = server.cpu_s()
    times_s = sorted(_ask(server, path)[0] for _ in range(ASKED))
    return percentile(times_s, 0.95) * MS, (server.cpu_s() - used_s) / ASKED * MS


def _ask(server: Heliograph, path: str) -> tuple[float, bytes]:
    """Seconds to the first byte, and the page.  Raises: AssertionError: another answer than a page."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    try:
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", path, headers={"Accept": "text/html", "Authorization": f"Bearer {server.token}"})
        answer = connection.getresponse()
        first_s = time.perf_counter() - began
        body = answer.read()
        if answer.status != http.client.OK:
            raise AssertionError(f"{path}: {answer.status}")
        return first_s, body
    finally:
        connection.close()

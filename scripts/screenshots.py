"""The pictures in docs/images, taken of a sandbox with a clock that stands still: `make screenshots`."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
SIZE: Final = (1_100, 640)
TALL: Final = (1_100, 1_060)
COLOURS: Final = 200
"""Enough for a page, in a third of the bytes."""
NOW: Final = "2026-11-27T12:00:00Z"
START_MOST_S: Final = 60.0


def main() -> None:
    """Take every picture again."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sys.exit("Chromium is not here: scripts/test_needs.sh chromium installs it.")
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        words = [sys.executable, "-m", "heliograph", "sandbox", "--port", "0", "--ready-file", str(ready)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sandbox:
            try:
                _take(program, _url(ready))
            finally:
                sandbox.terminate()


def _url(ready: Path) -> str:
    """The sandbox's address, once it answers."""
    deadline_s = time.monotonic() + START_MOST_S
    while not ready.exists():
        if time.monotonic() > deadline_s:
            sys.exit("The sandbox does not start.")
        time.sleep(0.1)
    return str(json.loads(ready.read_text())["url"])


def _take(program: str, url: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    fleet, phones = _of_a_fleet(url), _of_phones(url)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for address, file, size in (
            (f"{fleet}/console", "console.png", SIZE),
            (f"{phones}/console/sandbox", "wall.png", TALL),
            (f"{phones}/console/sandbox/requests", "requests.png", SIZE),
        ):
            page = browser.new_page(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
            page.goto(address)
            page.screenshot(path=IMAGES / file)
            Image.open(IMAGES / file).convert("RGB").quantize(COLOURS).save(IMAGES / file, optimize=True)
        browser.close()


def _of_a_fleet(url: str) -> str:
    """A world with a device that does not answer."""
    world: str = _post(f"{url}/sandbox/v1/worlds", {"seed": 14, "now": NOW})["url"]
    _post(f"{world}/sandbox/v1/devices/zebra-tc52-a10-dedicated", {"online": False}, method="PATCH")
    _post(f"{world}/v1/enterprises/sandbox/devices/zebra-tc52-a10-dedicated:issueCommand", {"type": "LOCK", "duration": "7200s"})
    _post(f"{world}/sandbox/v1/clock:advance", {"duration": "2400s"})
    return world


def _of_phones(url: str) -> str:
    """A world in which every phone of the first two rows shows something else."""
    phones = ["pixel8-a15-fully-managed", "pixel7-a14-cope", "galaxy-s25-a15-byod", "moto-g5-a8-fully-managed", "zebra-tc52-a10-dedicated",
              "legacy-a7-fully-managed", "galaxy-a14-a13-byod", "pixel9-a16qpr2-cope"]  # fmt: skip
    world: str = _post(f"{url}/sandbox/v1/worlds", {"seed": 14, "now": NOW, "phones": phones})["url"]
    lost = {
        "lostMessage": {"defaultMessage": "This phone is lost. Please call us: there is a reward."},
        "lostPhoneNumber": {"defaultMessage": "+1 202 555 0143"}, "lostOrganization": {"defaultMessage": "Acme Field Service"},
    }  # fmt: skip
    commands = {
        "galaxy-s25-a15-byod": {"type": "REQUEST_DEVICE_INFO", "requestDeviceInfoParams": {"deviceInfo": "EID"}},
        "pixel7-a14-cope": {"type": "START_LOST_MODE", "startLostModeParams": lost},
        "moto-g5-a8-fully-managed": {"type": "LOCK"},
        "legacy-a7-fully-managed": {"type": "WIPE", "wipeParams": {}},
        "zebra-tc52-a10-dedicated": {"type": "LOCK"},
    }
    _post(f"{world}/sandbox/v1/devices/galaxy-s25-a15-byod", {"consent": "IGNORE"}, method="PATCH")
    _post(f"{world}/sandbox/v1/devices/zebra-tc52-a10-dedicated", {"online": False}, method="PATCH")
    for phone, command in commands.items():
        _post(f"{world}/v1/enterprises/sandbox/devices/{phone}:issueCommand", command)
    _post(f"{world}/sandbox/v1/clock:advance", {"duration": "120s"})
    _post(f"{world}/v1/enterprises/sandbox/devices/pixel8-a15-fully-managed:issueCommand", {"type": "REBOOT"})
    return world


def _post(url: str, body: object, *, method: str = "POST") -> Any:  # noqa: ANN401 - any JSON
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method)  # noqa: S310 - our own loopback URL
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own loopback URL
        return json.load(answer)


if __name__ == "__main__":
    main()

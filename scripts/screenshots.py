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
from playwright.sync_api import Page, sync_playwright

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
SIZE: Final = (1_280, 700)
TALL: Final = (1_280, 1_240)
COLOURS: Final = 200
"""Enough for a page, in a third of the bytes."""
NOW: Final = "2026-11-27T12:00:00Z"
POLICY: Final = {"cameraDisabled": True, "maximumTimeToLock": "600000", "kioskCustomLauncherEnabled": True}
CHANGED: Final = json.dumps({"cameraDisabled": False, "maximumTimeToLock": "300000", "kioskCustomLauncherEnabled": True}, indent=2)
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
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, reduced_motion="reduce")
        page.goto(f"{fleet}/console")
        _picture(page, "console")
        page.goto(f"{fleet}/console/enterprises/sandbox/policies/kiosk:edit")
        page.get_by_label("Policy, as JSON").fill(CHANGED)
        page.get_by_role("button", name="Check and compare").click()
        _picture(page, "console-policy")
        page.goto(f"{phones}/console/sandbox/requests")
        _picture(page, "requests", live=True)
        page.set_viewport_size({"width": TALL[0], "height": TALL[1]})
        page.goto(f"{phones}/console/sandbox")
        _picture(page, "wall", live=True)
        browser.close()


def _of_a_fleet(url: str) -> str:
    """A world with a device that does not answer."""
    world: str = _post(f"{url}/sandbox/v1/worlds", {"seed": 14, "now": NOW})["url"]
    _post(f"{world}/sandbox/v1/devices/zebra-tc52-a10-dedicated", {"online": False}, method="PATCH")
    device = f"{world}/v1/enterprises/sandbox/devices/zebra-tc52-a10-dedicated"
    _post(f"{device}:issueCommand", {"type": "LOCK", "duration": "7200s"})
    _post(f"{world}/sandbox/v1/clock:advance", {"duration": "2400s"})
    _post(f"{world}/v1/enterprises/sandbox/policies/kiosk", POLICY, method="PATCH")
    _post(f"{device}?updateMask=policyName", {"policyName": "enterprises/sandbox/policies/kiosk"}, method="PATCH")
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


def _picture(page: Page, name: str, *, live: bool = False) -> None:
    """What the window shows, as `name`.png; of a page that follows what happens, once it does."""
    if live:
        page.get_by_text("Live", exact=True).wait_for()
    picture = IMAGES / f"{name}.png"
    page.screenshot(path=picture)
    Image.open(picture).convert("RGB").quantize(COLOURS).save(picture, optimize=True)


def _post(url: str, body: object, *, method: str = "POST") -> Any:  # noqa: ANN401 - any JSON
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method)  # noqa: S310 - our own loopback URL
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own loopback URL
        return json.load(answer)


if __name__ == "__main__":
    main()

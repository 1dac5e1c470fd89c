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
    world = _post(f"{url}/sandbox/v1/worlds", {"seed": 14, "now": NOW})["url"]
    _post(f"{world}/sandbox/v1/devices/zebra-tc52-a10-dedicated", {"online": False}, method="PATCH")
    device = f"{world}/v1/enterprises/sandbox/devices/zebra-tc52-a10-dedicated"
    _post(f"{device}:issueCommand", {"type": "LOCK", "duration": "7200s"})
    _post(f"{world}/sandbox/v1/clock:advance", {"duration": "2400s"})
    _post(f"{world}/v1/enterprises/sandbox/policies/kiosk", POLICY, method="PATCH")
    _post(f"{device}?updateMask=policyName", {"policyName": "enterprises/sandbox/policies/kiosk"}, method="PATCH")
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(f"{world}/console")
        _picture(page, "console")
        page.goto(f"{world}/console/enterprises/sandbox/policies/kiosk:edit")
        page.get_by_label("Policy, as JSON").fill(CHANGED)
        page.get_by_role("button", name="Check and compare").click()
        _picture(page, "console-policy")
        browser.close()


def _picture(page: Page, name: str) -> None:
    """What the window shows, as `name`.png."""
    picture = IMAGES / f"{name}.png"
    page.screenshot(path=picture)
    Image.open(picture).convert("RGB").quantize(COLOURS).save(picture, optimize=True)


def _post(url: str, body: object, *, method: str = "POST") -> Any:  # noqa: ANN401 - any JSON
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method)  # noqa: S310 - our own loopback URL
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own loopback URL
        return json.load(answer)


if __name__ == "__main__":
    main()

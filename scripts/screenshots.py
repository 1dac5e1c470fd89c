"""The pictures in docs/images, taken of a sandbox with a clock that stands still and a seed: `make screenshots`.

`tests/console/test_screenshots.py` takes them again and compares: a page that looks different fails, until its picture is taken again.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = ("--no-sandbox",)
COLOURS: Final = 200
"""Enough for a page, in a third of the bytes."""
NOW: Final = "2026-11-27T12:00:00Z"
POLICY: Final = {"cameraDisabled": True, "maximumTimeToLock": "600000", "kioskCustomLauncherEnabled": True}
CHANGED: Final = json.dumps({"cameraDisabled": False, "maximumTimeToLock": "300000", "kioskCustomLauncherEnabled": True}, indent=2)
START_MOST_S: Final = 60.0
WIDE, TALL, HIGH, NARROW = (1_280, 700), (1_280, 900), (1_280, 1_240), (390, 844)
ZEBRA, PIXEL = "zebra-tc52-a10-dedicated", "pixel8-a15-fully-managed"
FLEET: Final = "/console/enterprises/sandbox"


Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


class Picture(NamedTuple):
    """What a picture shows."""

    path: str
    """Below the world's address; `{operation}` is the newest command of the zebra."""
    size: tuple[int, int] = WIDE
    scheme: str = "light"
    wall: bool = False
    """Of the world in which every phone shows something else."""
    act: "Callable[[Page], None]" = lambda _: None
    """What is done on the page before."""


def _compare(page: "Page") -> None:
    page.get_by_label("Policy, as JSON").fill(CHANGED)
    page.get_by_role("button", name="Check and compare").click()
    page.get_by_role("button", name="Save").first.wait_for()


def _as_if_measured(page: "Page") -> None:
    """How long a request took is different each time."""
    page.locator("[data-name=Took]").evaluate_all("cells => cells.forEach(cell => cell.textContent = '0.7 ms')")


PICTURES: Final[Mapping[str, Picture]] = {
    "console.png": Picture(FLEET, size=TALL),
    "console-device.png": Picture(f"{FLEET}/devices/{ZEBRA}", scheme="dark"),
    "console-command.png": Picture(f"{FLEET}/devices/{PIXEL}/commands"),
    "console-operation.png": Picture("/console/{operation}", size=NARROW),
    "console-policy.png": Picture(f"{FLEET}/policies/kiosk:edit", act=_compare),
    "wall.png": Picture("/console/sandbox", size=HIGH, wall=True),
    "requests.png": Picture("/console/sandbox/requests", wall=True, act=_as_if_measured),
}


def main() -> None:
    """Take every picture again."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sys.exit("Chromium is not here: scripts/test_needs.sh chromium installs it.")
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        words = [sys.executable, "-m", "heliograph", "sandbox", "--port", "0", "--ready-file", str(ready)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sandbox, sync_playwright() as playwright:
            try:
                browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
                IMAGES.mkdir(exist_ok=True)
                for name, image, _ in taken(browser, _url(ready)):
                    image.quantize(COLOURS).save(IMAGES / name, optimize=True)
                browser.close()
            finally:
                sandbox.terminate()


def taken(browser: "Browser", sandbox_url: str) -> Iterator[tuple[str, Image.Image, Box]]:
    """Every picture by its name, of worlds of this sandbox that are the same each time; and where the page is in it, without the menu."""
    fleet, operation = _of_a_fleet(sandbox_url)
    phones = _of_phones(sandbox_url)
    for name, picture in PICTURES.items():
        size = {"width": picture.size[0], "height": picture.size[1]}
        page = browser.new_page(viewport=size, color_scheme=picture.scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto((phones if picture.wall else fleet) + picture.path.format(operation=operation))
        page.get_by_text("Live", exact=True).or_(page.locator("main:not([data-live])")).first.wait_for()
        while page.get_by_text("being counted").count():  # on a machine that is busy
            page.reload()
        picture.act(page)
        image = Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
        place = page.locator("main").bounding_box() or {"x": 0, "y": 0}
        yield name, image, (int(place["x"]), int(place["y"]), *image.size)
        page.close()


def _url(ready: Path) -> str:
    """The sandbox's address, once it answers."""
    deadline_s = time.monotonic() + START_MOST_S
    while not ready.exists():
        if time.monotonic() > deadline_s:
            sys.exit("The sandbox does not start.")
        time.sleep(0.1)
    return str(json.loads(ready.read_text())["url"])


def _of_a_fleet(url: str) -> tuple[str, str]:
    """The address of a world with something to see, and the name of a command that waits."""
    world: str = _post(f"{url}/sandbox/v1/worlds", {"seed": 14, "now": NOW})["url"]
    devices = f"{world}/v1/enterprises/sandbox/devices"
    for hours, commands in enumerate((3, 1, 4, 2)):
        for phone in (PIXEL, "pixel7-a14-cope", "galaxy-a14-a13-byod")[: commands if hours else 3]:
            _done(world, _post(f"{devices}/{phone}:issueCommand", {"type": "LOCK"})["name"])
        _done(world, _post(f"{devices}/galaxy-a14-a13-byod:issueCommand", {"type": "REBOOT"})["name"])
        _post(f"{world}/sandbox/v1/clock:advance", {"duration": "3600s"})
    _done(world, _post(f"{devices}/{ZEBRA}:issueCommand", {"type": "LOCK"})["name"])
    _post(f"{world}/sandbox/v1/devices/{ZEBRA}", {"online": False}, method="PATCH")
    waiting: str = _post(f"{devices}/{ZEBRA}:issueCommand", {"type": "LOCK", "duration": "7200s"})["name"]
    _post(f"{world}/sandbox/v1/clock:advance", {"duration": "2400s"})
    _post(f"{world}/v1/enterprises/sandbox/policies/kiosk", POLICY, method="PATCH")
    _post(f"{devices}/{ZEBRA}?updateMask=policyName", {"policyName": "enterprises/sandbox/policies/kiosk"}, method="PATCH")
    return world, waiting


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


def _done(world: str, operation: str) -> None:
    """The command has ended."""
    deadline_s = time.monotonic() + START_MOST_S
    while not _ask(f"{world}/v1/{operation}").get("done"):
        if time.monotonic() > deadline_s:
            raise TimeoutError(operation)
        time.sleep(0.02)


def _post(url: str, body: object, *, method: str = "POST") -> Any:  # noqa: ANN401 - any JSON
    return _ask(urllib.request.Request(url, json.dumps(body).encode(), method=method))  # noqa: S310 - our own loopback URL


def _ask(request: str | urllib.request.Request) -> Any:  # noqa: ANN401 - any JSON
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own loopback URL
        return json.load(answer)


if __name__ == "__main__":
    main()

"""The pictures of the console in docs/images, taken again: what the pages look like now is what the docs show."""

from io import BytesIO

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser

from scripts.screenshots import IMAGES, PICTURES, taken
from tests.sandbox.client import Client

LOUD = 64
"""Of 255: what the reduced colours of a stored picture, and a letter's edges, do not come to."""
LOUD_MOST = 60
"""Pixels: fewer than a word that changed, or a line that moved."""


def loud_pixels(one: Image.Image, other: Image.Image) -> int:
    """How many pixels differ by more than LOUD in a channel."""
    channels = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).split()
    loudest = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    return sum(loudest.histogram()[LOUD + 1 :])


def test_the_pages_look_as_their_pictures_do(sandbox: Client, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("pictures")
    changed = {}
    seen = []

    for name, image, page in taken(browser, sandbox.url):
        image.save(folder / name)
        seen.append(name)
        stored = Image.open(BytesIO((IMAGES / name).read_bytes()))
        assert stored.size == image.size, name
        # The menu grows with every section, and has tests of its own.
        if (count := loud_pixels(stored.crop(page), image.crop(page))) > LOUD_MOST:
            changed[name] = f"{count} pixels differ: look at {folder / name}, and run make screenshots if it is right"

    assert list(PICTURES) == seen
    assert {} == changed


def test_a_page_that_looks_different_is_noticed(sandbox: Client, browser: Browser) -> None:
    """One word more, or everything a pixel lower."""
    name, image, _ = next(iter(taken(browser, sandbox.url)))
    stored = Image.open(BytesIO((IMAGES / name).read_bytes())).convert("RGB")
    word = image.copy()
    word.paste(stored.crop((240, 60, 320, 100)), (600, 60))

    assert loud_pixels(stored, word) > LOUD_MOST
    assert loud_pixels(stored, ImageChops.offset(stored, 0, 1)) > LOUD_MOST

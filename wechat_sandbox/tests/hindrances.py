"""What hinders people who cannot see well, as axe finds it on an open page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"], "resultTypes": ["violations"]}
"""The rules about colours: everything else of a page is the same in the dark."""

AT_ONCE = "document.getAnimations().forEach((one) => one.finish())"
"""Colours go over into each other; what stands there at the end counts."""


def hindrances(page: Page) -> list[str]:
    """Rules that the page breaks badly, in light colours and in dark ones."""
    page.emulate_media(color_scheme="light")
    found = Axe().run(page).response["violations"]
    page.emulate_media(color_scheme="dark")
    for frame in page.frames:
        frame.evaluate(AT_ONCE)
    found += Axe().run(page, options=COLOURS).response["violations"]
    return [one["id"] for one in found if one["impact"] in SERIOUS]

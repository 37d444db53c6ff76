"""Text stands out from its ground: WCAG's ratio for every pair the kit uses, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[1] / "static" / "ui" / "css" / "tokens.css"
TEXT_MIN = 4.5
SHAPE_MIN = 3.0

GROUNDS = ("paper", "card", "side", "hover")
TEXTS = ("ink", "muted", "brand", "celadon", "amber", "plum", "indigo")
TONES = ("brand", "celadon", "amber", "plum", "indigo", "muted")


def variables(block: str) -> dict[str, str]:
    """The colours set in the first rule of that selector."""
    found = re.search(re.escape(block) + r" \{(.*?)\n\}", CSS.read_text(), re.DOTALL)
    assert found
    return dict(re.findall(r"--zg-([a-z-]+): (#[0-9a-f]{6});", found[1]))


LIGHT = variables(":root")
DARK = LIGHT | variables('[data-bs-theme="dark"]')


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def pairs() -> list[tuple[str, str, float]]:
    on_grounds = [(text, ground, TEXT_MIN) for text in TEXTS for ground in GROUNDS]
    on_soft = [(tone, f"{tone}-soft", TEXT_MIN) for tone in TONES]
    ink_on_soft = [("ink", f"{tone}-soft", TEXT_MIN) for tone in TONES]
    links_on_soft = [("indigo", f"{tone}-soft", TEXT_MIN) for tone in TONES]
    on_solid = [
        ("on-brand", "brand", TEXT_MIN),
        ("on-brand", "brand-strong", TEXT_MIN),
        ("on-solid", "plum", TEXT_MIN),
        ("muted", "card-paper", TEXT_MIN),
        ("paper", "ink", TEXT_MIN),
    ]
    on_sunken = [(text, "sunken", TEXT_MIN) for text in ("ink", "muted", "brand", "indigo")]
    shapes = [("line-strong", "card", SHAPE_MIN), ("focus", "card", SHAPE_MIN)]
    return [*on_grounds, *on_soft, *ink_on_soft, *links_on_soft, *on_solid, *on_sunken, *shapes]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground", "least"), pairs())
def test_text_stands_out(theme: dict[str, str], text: str, ground: str, least: float) -> None:
    assert contrast(theme[text], theme[ground]) >= least


def test_palette_is_the_agreed_one() -> None:
    agreed = {"brand": "#c2362b", "ink": "#1f2328", "paper": "#f7f5f1", "celadon": "#2f7d6b"}
    assert agreed.items() <= LIGHT.items()
    assert DARK["brand"] == "#f08a80"

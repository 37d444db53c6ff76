"""A customer's first look weighs little: the page and whatever files it loads by itself.

``python -m benchmarks wallet`` weighs the same pages on a wire and has the limit people feel; this
one is lower, so that what grows is seen here first.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from zhanggui.channels.wechat.tests.factories import PHONE_AGENT
from zhanggui.stamps.tests.factories import Shop, make_programme, stamp
from zhanggui.stamps.tests.pressing import make_seal
from zhanggui.stamps.tests.test_places import HERE, Phone, put, set_limits
from zhanggui.ui.staticfiles import packed_copies

AT_MOST_KB = 57
HEADERS = 330
"""Bytes of headers beside each file."""
NAMED = re.compile(r'<(?:script src|link rel="stylesheet" href)="([^"]+)"')
IMPORTED = re.compile(r'^import [^"]*"([^"]+)";', re.MULTILINE)


@pytest.fixture
def phone(client: Client, shop: Shop, settings: Settings, tmp_path: Path) -> Phone:
    """A customer inside WeChat who has what makes pages heavy, at a shop that uses everything."""
    settings.STATIC_PACKED = tmp_path
    put(shop.store, HERE)
    set_limits()
    make_seal(shop.store)
    for design in ("tea", "coffee"):
        make_programme(name=f"会员卡{design}", design=design)
    for _ in range(4):
        stamp(shop.desk, shop.card)
    return Phone(client, shop)


@pytest.mark.parametrize(
    ("name", "script"), [("wallet", "ui/js/texts.js"), ("card", "stamps/js/press.js")]
)
def test_what_a_first_look_weighs(phone: Phone, name: str, script: str) -> None:
    tokens = [phone.shop.card.token] if name == "card" else []
    url = reverse(f"stamps:{name}", args=[phone.shop.merchant.slug, *tokens])
    headers = {"User-Agent": PHONE_AGENT}
    page = phone.client.get(url, headers=headers)
    wire = phone.client.get(url, headers=headers | {"Accept-Encoding": "br"})

    files = loaded(page.content.decode())
    assert {"vendor/htmx/htmx.min.js", "wechat/sdk.js", script} <= files.keys()
    assert wire["Content-Encoding"] == "br"
    weights = files | {url: len(wire.content) + HEADERS}
    table = "\n".join(f"{size:7} {file}" for file, size in sorted(weights.items()))
    assert sum(weights.values()) <= AT_MOST_KB * 1_000, table


def loaded(html: str) -> dict[str, int]:
    """Bytes on the wire of each file of ours that a page names and of what scripts import."""
    found: dict[str, int] = {}
    waiting = [url.removeprefix(settings.STATIC_URL) for url in NAMED.findall(html)]
    assert waiting
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = Path(str(finders.find(name)))
        copies = packed_copies(path, settings.STATIC_URL + name)
        sizes = [Path(copy).stat().st_size for copy in copies.values()]
        found[name] = min([*sizes, path.stat().st_size]) + HEADERS
        if path.suffix == ".js":
            ways = IMPORTED.findall(path.read_text())
            waiting += [normpath(join(dirname(name), way)) for way in ways]
    return found

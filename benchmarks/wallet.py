"""A phone's first look at the wallet and at a card: bytes on the wire, time to the first paint.

The shop uses what makes pages heavy: stamps to press, and the question where the phone is.
Chromium on a slow phone (its processor four times slower) behind a 3G line (1.6 Mbit/s down,
150 ms a request), with an empty cache each time. Pictures are not counted.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import phones
from benchmarks.results import Result

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from benchmarks.world import World

PROGRAMS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "chromium-headless-shell",
)
OPTIONS = ("--disable-gpu", "--disable-background-networking", "--disable-component-update")
AT_MOST_KB = 60
AT_MOST_MS = 1_000
SLOWER = 4
LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
    "locale": "zh-CN",
}
CARDS = 3
PAINTS = """() => Object.fromEntries(
  performance.getEntriesByType('paint').map((entry) => [entry.name, entry.startTime]))"""


@dataclass
class Visit:
    """What one look cost."""

    paints: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes on the wire with headers, by request."""
    pictures: set[str] = field(default_factory=set)

    @property
    def kilobytes(self) -> float:
        """All but pictures."""
        return sum(size for key, size in self.sizes.items() if key not in self.pictures) / 1_000

    @property
    def requests(self) -> int:
        """How many files, pictures left out."""
        return len(set(self.sizes) - self.pictures)


def measure(world: World, *, is_quick: bool = False) -> list[Result]:
    """Look at both pages as a customer with three cards and some history."""
    from playwright.sync_api import sync_playwright

    paths, token = _customer(world)
    program = next((path for path in map(shutil.which, PROGRAMS) if path), None)
    if program is None:
        message = "no Chromium on this machine: apt install chromium"
        raise RuntimeError(message)
    found: list[Result] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[*OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        base = f"http://127.0.0.1:{world.place.port}"
        for name, path in paths.items():
            _look(browser, base + path, token)  # the server has its templates after this one
            visits = [_look(browser, base + path, token) for _ in range(3 if is_quick else 9)]
            found += _results(name, visits)
        browser.close()
    return found


def _results(name: str, visits: list[Visit]) -> list[Result]:
    weight = median(visit.kilobytes for visit in visits)
    paint = median(visit.paints["first-contentful-paint"] for visit in visits)
    slowest = max(visit.paints["first-contentful-paint"] for visit in visits)
    kb, ms = f"the {AT_MOST_KB} KB allowed", f"the {AT_MOST_MS} ms allowed"
    return [
        Result(f"{name}.weight", weight, "KB", weight / AT_MOST_KB, kb),
        Result(f"{name}.requests", visits[0].requests, "files"),
        Result(f"{name}.first_paint", paint, "ms", paint / AT_MOST_MS, ms),
        Result(f"{name}.first_paint.slowest", slowest, "ms", slowest / AT_MOST_MS, ms),
    ]


def _look(browser: Browser, url: str, token: str) -> Visit:
    """Open an address with an empty cache and wait until everything is there."""
    visit = Visit()
    context = browser.new_context(**PHONE)
    path = "/w/tea/"
    context.add_cookies(
        [{"name": "zhanggui_customer", "value": token, "domain": "127.0.0.1", "path": path}]
    )
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.emulateNetworkConditions", LINE)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})

    def ended(event: dict[str, Any]) -> None:
        visit.sizes[event["requestId"]] = int(event["encodedDataLength"])

    def answered(event: dict[str, Any]) -> None:
        if event["type"] == "Image":
            visit.pictures.add(event["requestId"])

    wire.on("Network.loadingFinished", ended)
    wire.on("Network.responseReceived", answered)
    response = page.goto(url, wait_until="networkidle")
    if response is None or response.status != 200:
        message = f"{url}: {response.status if response else 'no answer'}"
        raise RuntimeError(message)
    visit.paints = page.evaluate(PAINTS)
    context.close()
    return visit


def _customer(world: World) -> tuple[dict[str, str], str]:
    """A customer with three cards and coupons; addresses to look at, and the session's token."""
    from django.urls import reverse

    from zhanggui.accounts.models import Store
    from zhanggui.contacts import services as contacts
    from zhanggui.contacts.models import IdentityLink, LinkKind
    from zhanggui.core import tenancy
    from zhanggui.coupons import services as coupons
    from zhanggui.coupons.models import Way
    from zhanggui.stamps import services as stamps
    from zhanggui.stamps.models import Limits

    actor = world.actor
    phones.carve(world)
    with tenancy.merchant_scope(world.merchant.pk):
        Store.objects.filter(pk=world.store.pk).update(latitude=31.2304, longitude=121.4737)
        Limits.objects.update(asks_place=True)
        customer = contacts.create_customer(name="林小满", phone=None, actor=actor)
        link = IdentityLink(
            merchant_id=world.merchant.pk,
            customer=customer,
            kind=LinkKind.PHONE,
            account_id=0,
            openid="phone:bench",
            proof="phone",
        )
        link.save()
        token = contacts.open_session(link=link)
        template = coupons.create_template(
            values=coupons.TemplateInput(name="柠檬茶赠饮券"), actor=actor
        )
        for number in range(3):
            coupons.issue(
                template_id=template.pk,
                customer_id=customer.pk,
                way=Way.HAND,
                cause=f"bench:{number}",
                actor=actor,
            )
        cards = []
        for number, design in enumerate(["tea", "coffee", "flower"][:CARDS]):
            programme = stamps.create_programme(
                values=stamps.ProgrammeInput(
                    name=f"会员卡{number}", reward="招牌奶茶一杯", design=design
                ),
                actor=actor,
            )
            card = stamps.open_card(programme=programme, customer_id=customer.pk, actor=actor)
            stamps.adjust(card_id=card.pk, amount=4, reason="旧卡", actor=actor)
            cards.append(card)
    slug = world.merchant.slug
    return {
        "wallet": reverse("stamps:wallet", args=[slug]),
        "card": reverse("stamps:card", args=[slug, cards[0].token]),
    }, token

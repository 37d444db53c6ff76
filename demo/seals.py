"""The tea house's physical stamps: in use, suspended, lost and a new one; some presses."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from typing import Any

from demo.base import ACTOR, owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made, store_key
from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.models import Merchant, Store
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError
from zhanggui.stamps import services, touches
from zhanggui.stamps.models import Card, CardState, Kind, PressUse, Seal, SealState

PX_PER_MM = 163 / 25.4
NOISE_MM = 0.25
PRESSES = 12
LOST_A_POINT = 4
PHONES = (
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) MicroMessenger/8.0.49", 1.0),
    ("Mozilla/5.0 (Linux; Android 14; V2055A Build/UP1A) MicroMessenger/8.0.49", 1.04),
    ("Mozilla/5.0 (Linux; Android 13; M2102K1C Build/TKQ1) MicroMessenger/8.0.48", 0.97),
)
SCREENS = ([390, 844, 3], [393, 873, 2.75], [393, 851, 2.75])
PATTERNS = (
    ((-11, 0), (5, -16), (17, 4), (-2, 0), (-10, 10)),
    ((-12, 4), (13, -10), (-4, 9), (-7, -5), (11, 3)),
)
"""The first two stores' stamps, so that one can always paste the same into the sandbox's phone."""


def make() -> None:
    """Make what is missing."""
    tea = MERCHANTS[0]
    if find("seal:new") is not None:
        return
    owner = owner_of(tea)
    dice = random.Random(7)  # noqa: S311  a demo repeats itself
    with tenancy.merchant_scope(id_of(f"merchant:{tea.slug}")):
        stores = [Store.objects.get(pk=id_of(store_key(tea, plan))) for plan in tea.stores]
        for number, (store, pattern) in enumerate(zip(stores, PATTERNS, strict=False), 1):
            key = f"seal:{number}"
            if find(key) is None:
                _in_use(key, f"{store.name}{number}号章", store, pattern, dice)
        for key, name, state, reason in (
            ("seal:lost", "茶席旧章", SealState.LOST, "外摆活动后没有找到。"),
            ("seal:spare", "备用章", SealState.RETIRED, "手柄裂了，换了新章。"),
        ):
            if find(key) is None:
                seal_id = made(
                    key,
                    lambda n=name: services.make_seal(name=n, store=stores[0], actor=owner),  # type: ignore[misc]
                )
                services.step_seal(seal_id=seal_id, to=state, reason=reason, actor=owner)
        _press(dice)
        made(
            "seal:new",
            lambda: services.make_seal(name="二楼茶席章", store=stores[-1], actor=owner),
        )


def _in_use(
    key: str, name: str, store: Store, pattern: Sequence[Sequence[float]], dice: random.Random
) -> None:
    owner = owner_of(MERCHANTS[0])
    layout = [[float(x), float(y)] for x, y in pattern]
    seal_id = made(
        key,
        lambda: services.make_seal(name=name, store=store, points=layout, actor=owner),
    )
    services.step_seal(seal_id=seal_id, to=SealState.ENROLLING, reason="", actor=owner)
    for number in range(5):
        seal = Seal.objects.select_related("store").get(pk=seal_id)
        link = services.read_link(services.phone_link(seal=seal, use=PressUse.ENROL))
        sent = _sent(seal.points, number % 2, dice)
        services.enrol_press(link=link, sent=sent, phone=f"demo-{number % 2}", actor=ACTOR)


def _press(dice: random.Random) -> None:
    zone = Merchant.objects.values_list("time_zone", flat=True).get(
        pk=tenancy.current_merchant_id()
    )
    cards = Card.objects.select_related("programme", "customer").filter(state=CardState.OPEN)
    seals = list(Seal.objects.filter(state=SealState.ACTIVE).order_by("pk"))
    for number, card in enumerate(cards.order_by("-pk")[: 3 * PRESSES : 3]):
        actor = customer_actor(card.customer_id, card.customer.name)
        nonce = services.allow_press(card=card, kind=Kind.ACCUMULATE, actor=actor)
        points = seals[number % len(seals)].points
        felt = LOST_A_POINT if number and number % 5 == 0 else len(points)
        try:
            services.press(
                card=card,
                kind=Kind.ACCUMULATE,
                nonce=nonce.token,
                sent=_sent(points[:felt], number % 3, dice),
                actor=actor,
                zone=zone,
            )
        except DomainError:
            continue  # a full card, or the press in which the phone lost a point


def _sent(points: Sequence[Sequence[float]], phone: int, dice: random.Random) -> touches.Sent:
    agent, scale = PHONES[phone]
    angle = dice.uniform(0, 2 * math.pi)
    turn = complex(math.cos(angle), math.sin(angle)) / scale
    found: list[list[Any]] = []
    for name, (x, y) in enumerate(points):
        noise = complex(dice.gauss(0, NOISE_MM), dice.gauss(0, NOISE_MM))
        spot = (complex(x, y) * turn + noise) * PX_PER_MM
        found.append([name, round(spot.real + 180, 1), round(spot.imag + 150, 1)])
    frames = [[at, found] for at in (0, 30, 60)]
    sent = {"screen": SCREENS[phone], "area": [358, 300], "frames": frames, "released": 280}
    return touches.read(json.dumps(sent), agent)

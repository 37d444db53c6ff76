"""A stamp and a phone for tests: presses as a page sends them."""

from __future__ import annotations

import json
import math
import random
from itertools import count
from typing import Any

from zhanggui.accounts.models import Store
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.core import clock
from zhanggui.stamps import services, touches
from zhanggui.stamps.models import Card, Kind, PressUse, Seal, SealChange, SealState
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.tests.factories import customer_of

T1 = [[-11.0, 0.0], [5.0, -16.0], [17.0, 4.0], [-2.0, 0.0], [-10.0, 10.0]]
T2 = [[-12.0, 4.0], [13.0, -10.0], [-4.0, 9.0], [-7.0, -5.0], [11.0, 3.0]]
T3 = [[-10.0, 0.0], [5.0, -16.0], [17.0, 4.0], [-3.0, 0.0], [-10.0, 10.0]]
PX = 163 / 25.4
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; V2055A Build/UP1A) AppleWebKit/537.36 Chrome/116 Mobile"
    " Safari/537.36 MicroMessenger/8.0.49"
)
_turns = count(1)


def make_seal(
    store: Store,
    points: list[list[float]] | None = None,
    *,
    state: SealState = SealState.ACTIVE,
    name: str = "",
) -> Seal:
    """A stamp in use (or in another state) without an enrolment."""
    seal = services.make_seal(
        name=name or f"印章{next(_turns)}", store=store, points=points or T1, actor=ACTOR
    )
    if state != SealState.DRAFT:
        seal.state = state
        seal.save(update_fields=["state"])
        SealChange(seal=seal, to_state=state, store=store, by="x", at=clock.now()).save()
    return seal


def points_px(
    points: list[list[float]], *, turn: float = 0.0, scale: float = 1.0, noise: float = 0.3
) -> list[tuple[float, float]]:
    """Where a phone feels the stamp; every press differs a little."""
    dice = random.Random(next(_turns))  # noqa: S311
    angle = math.radians(turn + dice.uniform(-10, 10))
    found = []
    for x, y in points:
        spun = complex(x, y) * complex(math.cos(angle), math.sin(angle)) * scale
        spot = (spun + complex(dice.gauss(0, noise), dice.gauss(0, noise))) * PX
        found.append((round(spot.real + 200, 2), round(spot.imag + 200, 2)))
    return found


def sent_text(
    points: list[tuple[float, float]], *, frames: int = 3, released: float | None = 300
) -> str:
    """What the page posts."""
    touched = [[n, x, y] for n, (x, y) in enumerate(points)]
    told = [[n * 40, touched] for n in range(frames)]
    return json.dumps(
        {"screen": [393, 873, 2.75], "area": [400, 400], "frames": told, "released": released}
    )


def sent(points: list[tuple[float, float]] | None = None, **values: Any) -> touches.Sent:
    """The same, read."""
    return touches.read(sent_text(points or points_px(T1), **values), PHONE)


def nonce_of(card: Card, kind: Kind = Kind.ACCUMULATE) -> str:
    """The right to press once."""
    return services.allow_press(card=card, kind=kind, actor=customer_of(card)).token


def press(
    card: Card,
    points: list[tuple[float, float]] | None = None,
    *,
    kind: Kind = Kind.ACCUMULATE,
    nonce: str | None = None,
    key: str = "",
) -> Confirmed:
    """One press from beginning to end."""
    return services.press(
        card=card,
        kind=kind,
        nonce=nonce_of(card, kind) if nonce is None else nonce,
        sent=sent(points),
        actor=customer_of(card),
        zone="Asia/Shanghai",
        key=key,
    )


def enrol(seal: Seal, phone: str, points: list[tuple[float, float]] | None = None) -> Any:
    """A press on the enrolment page."""
    link = services.read_link(services.phone_link(seal=seal, use=PressUse.ENROL))
    made = sent(points or points_px(seal.points))
    return services.enrol_press(link=link, sent=made, phone=phone, actor=ACTOR)

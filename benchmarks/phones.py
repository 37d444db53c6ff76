"""Customers who are signed in on their phones, each with a card, and a stamp to press on it."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks import load

if TYPE_CHECKING:
    from benchmarks.world import World

POINTS = [[-11.0, 0.0], [5.0, -16.0], [17.0, 4.0], [-2.0, 0.0], [-10.0, 10.0]]
"""The stamp T1 of the specification's vectors, in mm."""
PX = 163 / 25.4
NOISE_MM = 0.25
LIFE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Phone:
    """A customer's browser, the card on it, and the right to press once."""

    card_id: int
    token: str
    nonce: str
    cookies: str

    def press(self, port: int, touches: str) -> bytes:
        """The request that a stamp's five points make."""
        form = {"nonce": self.nonce, "kind": "accumulate", "press": touches, "key": self.nonce}
        return load.post(
            port,
            f"/w/tea/cards/{self.token}/press",
            cookies=self.cookies,
            csrf="c" * 32,
            fields=urlencode(form),
        )


def touches(dice: random.Random) -> str:
    """What a phone sends when the stamp was laid on it; no two are alike."""
    angle = dice.uniform(0, 2 * math.pi)
    turn = complex(math.cos(angle), math.sin(angle))
    points = []
    for number, (x, y) in enumerate(POINTS):
        noise = complex(dice.gauss(0, NOISE_MM), dice.gauss(0, NOISE_MM))
        spot = (complex(x, y) * turn + noise) * PX
        points.append([number, round(spot.real + 200, 2), round(spot.imag + 200, 2)])
    frames = [[40 * number, points] for number in range(3)]
    sent = {"screen": [393, 873, 2.75], "area": [400, 400], "frames": frames, "released": 300}
    return json.dumps(sent)


def lay_out(world: World, many: int) -> list[Phone]:
    """Sign customers in and give each the right to press."""
    from zhanggui.contacts.models import CustomerSession, IdentityLink
    from zhanggui.core import clock, tenancy, tokens
    from zhanggui.stamps.models import Card, PressNonce

    now, merchant_id = clock.now(), world.merchant.pk
    ids = world.cards(many)
    with tenancy.merchant_scope(merchant_id):
        found = list(Card.objects.filter(pk__in=ids).values_list("pk", "token", "customer_id"))
        links = IdentityLink.objects.bulk_create(
            IdentityLink(
                merchant_id=merchant_id,
                customer_id=customer_id,
                account_id=world.account.pk,
                openid=f"bench{customer_id}",
            )
            for _pk, _token, customer_id in found
        )
        secrets = [(tokens.new_token(), tokens.new_token()) for _ in found]
        CustomerSession.objects.bulk_create(
            CustomerSession(
                merchant_id=merchant_id,
                token_digest=tokens.digest(session),
                link=link,
                expires_at=now + LIFE,
            )
            for link, (session, _nonce) in zip(links, secrets, strict=True)
        )
        PressNonce.objects.bulk_create(
            PressNonce(
                merchant_id=merchant_id,
                digest=tokens.digest(nonce),
                customer_id=customer_id,
                subject_id=pk,
                operation="stamps.accumulate",
                expires_at=now + LIFE,
            )
            for (pk, _token, customer_id), (_session, nonce) in zip(found, secrets, strict=True)
        )
    return [
        Phone(pk, token, nonce, f"zhanggui_customer={session}; zhanggui_csrf={'c' * 32}")
        for (pk, token, _customer), (session, nonce) in zip(found, secrets, strict=True)
    ]


def carve(world: World) -> int:
    """The stamp of the world's store, in use; answers its id."""
    from zhanggui.core import tenancy
    from zhanggui.stamps import services
    from zhanggui.stamps.models import Seal, SealState

    with tenancy.merchant_scope(world.merchant.pk):
        known = Seal.objects.first()
        if known is None:
            known = services.make_seal(
                name="柜台", store=world.store, points=POINTS, actor=world.actor
            )
            Seal.objects.filter(pk=known.pk).update(state=SealState.ACTIVE)
        return int(known.pk)

"""Tills of the tea house: one at the counter that books, one of a mini program, an old one."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made, store_key
from demo.models import Made
from zhanggui.accounts.actors import Actor, customer_actor, token_actor
from zhanggui.accounts.models import Merchant, Store
from zhanggui.api import codes, services
from zhanggui.api.codes import Till
from zhanggui.api.guards import Caller
from zhanggui.api.models import ApiToken
from zhanggui.api.operations import Typed
from zhanggui.api.services import TokenInput
from zhanggui.api.writing import Booking
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError
from zhanggui.stamps import api
from zhanggui.stamps.models import Card, CardState, Kind, Method
from zhanggui.stamps.services import request_code, till

STAMPS = 6
COUNTER = ("stamps.read", "stamps.give", "stamps.cancel", "coupons.read", "coupons.redeem")


def make() -> None:
    """Make what is missing."""
    tea = MERCHANTS[0]
    merchant = Merchant.objects.get(pk=id_of(f"merchant:{tea.slug}"))
    owner = owner_of(tea)
    with tenancy.merchant_scope(merchant.pk):
        store = Store.objects.get(pk=id_of(store_key(tea, tea.stores[0])))
        here = f"{store.name}一号收银机"
        counter = _token("counter", TokenInput(here, COUNTER, [store.pk], 365), merchant, owner)
        _token("orders", TokenInput("点单小程序", ("stamps.read", "coupons.read")), merchant, owner)
        old = _token("old", TokenInput("旧收银机", COUNTER, [store.pk], 30), merchant, owner)
        if old.revoked_at is None:
            services.revoke_token(token=old, actor=owner)
        if find("tills:story") is None:  # whole or not at all
            with transaction.atomic():
                _story(counter, store)
                Made.objects.create(key="tills:story", row_id=counter.pk)


def _token(key: str, values: TokenInput, merchant: Merchant, owner: Actor) -> ApiToken:
    token_id = made(
        f"tills:{key}",
        lambda: services.create_token(merchant=merchant, values=values, actor=owner).token,
    )
    return ApiToken.objects.select_related("merchant").get(pk=token_id)


def _story(token: ApiToken, store: Store) -> None:
    """Some stamps."""
    caller = Caller(token, token.merchant, token_actor(token.pk, token.name))
    at = Till(caller, store)
    given = 0
    open_cards = Card.objects.filter(state=CardState.OPEN, balance__lt=F("due_at") - 1)
    for card in open_cards.order_by("-pk"):  # a reward would be a story of its own
        if given == STAMPS:
            break
        try:
            with transaction.atomic():
                _stamp(at, card)
        except DomainError:  # a full card, another store's programme, stamped a moment ago
            continue
        given += 1


def _stamp(at: Till, card: Card) -> None:
    actor = customer_actor(card.customer_id, card.customer.name)
    shown = request_code(card=card, kind=Kind.ACCUMULATE, actor=actor)

    def write(code: OneTimeCode, typed: Typed) -> dict[str, Any]:
        return till.give(
            code=code,
            counter=at.counter,
            wish=till.Wish(amount=1, reason="", is_again=False),
            method=Method(typed.way),
            actor=at.caller.actor,
        ).as_json()

    booking = Booking(at.caller, f"demo-{card.pk}", "stamp", {})
    codes.spend(at, shown.digits, api.STAMP, booking, write)

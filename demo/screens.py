"""The tea house's counter screen, and some stamps by its codes."""

from __future__ import annotations

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made, store_key
from zhanggui.accounts.actors import customer_actor
from zhanggui.accounts.models import Merchant, Store
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, CardState, CounterScreen

STAMPED = 6
KEY = "screen:till"


def make() -> None:
    """Make what is missing."""
    tea = MERCHANTS[0]
    if find(KEY) is not None:
        return
    merchant = Merchant.objects.get(pk=id_of(f"merchant:{tea.slug}"))
    with tenancy.merchant_scope(merchant.pk):
        store = Store.objects.get(pk=id_of(store_key(tea, tea.stores[0])))
        made(KEY, lambda: _screen(store))
        screen = CounterScreen.objects.get(pk=id_of(KEY))
        cards = Card.objects.select_related("programme", "customer").filter(state=CardState.OPEN)
        for card in cards.order_by("-pk")[1 : 3 * STAMPED : 3]:
            _stamp(screen, card, merchant.time_zone)


def _screen(store: Store) -> CounterScreen:
    screen, _token = services.make_screen(
        name="一楼收银台", store=store, actor=owner_of(MERCHANTS[0])
    )
    return screen


def _stamp(screen: CounterScreen, card: Card, zone: str) -> None:
    shown = services.next_code(screen=screen, ref="")
    if shown is None:
        return
    actor = customer_actor(card.customer_id, card.customer.name)
    try:
        scanned = services.scan(token=shown.token, actor=actor)
        services.stamp_by_counter(card=card, proof=scanned.proof, actor=actor, zone=zone)
    except DomainError:
        return  # a full card, or one that was stamped a moment ago

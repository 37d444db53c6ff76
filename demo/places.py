"""The second merchant compares places: its stores are on the map, some customers were far away."""

from __future__ import annotations

from datetime import timedelta

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made, store_key
from zhanggui.accounts import services as accounts
from zhanggui.accounts.actors import Actor, customer_actor, person_actor
from zhanggui.accounts.models import Person, Store
from zhanggui.accounts.points import Point, Told
from zhanggui.contacts import services as contacts
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import DomainError
from zhanggui.stamps import selectors, services
from zhanggui.stamps.models import Card, CardState, Kind, Limits, ManagerBinding
from zhanggui.stamps.services import LimitsInput, watching

KEY = "places:limits"
POINTS = (Point(30.25530, 120.16480), Point(30.27680, 120.13130), Point(30.29120, 120.20520))
"""Where the sandbox's phones can be, too: at the lake, in Wensan road, in the east of the city."""
FAR = (Point(30.2360, 120.4346), Point(30.1842, 120.2646))
PHONES = 5
LONG_AGO = timedelta(hours=7)


def make() -> None:
    """Make what is missing."""
    shop = MERCHANTS[1]
    if find(KEY) is not None:
        return
    owner = owner_of(shop)
    with tenancy.merchant_scope(id_of(f"merchant:{shop.slug}")):
        stores = [Store.objects.get(pk=id_of(store_key(shop, plan))) for plan in shop.stores]
        for store, point in zip(stores, POINTS, strict=False):
            if store.point is None:
                accounts.locate_store(store_id=store.pk, point=point, actor=owner)
        _stamp_some(stores[0])
        watching.watch_places(owner)
        made(KEY, lambda: _limits(owner))


def _limits(owner: Actor) -> Limits:
    values = LimitsInput(
        operations_a_day=200, may_stamp_own=False, second_person_above=5, asks_place=True
    )
    return services.set_limits(values=values, actor=owner)


def _stamp_some(store: Store) -> None:
    """Two customers in the store, three who only read their code out."""
    binding = ManagerBinding.objects.filter(store_id=store.pk, removed_at=None).first()
    desk = selectors.desk_of(binding.person_id) if binding is not None else None
    if desk is None:
        return
    manager = person_actor(Person.objects.get(pk=desk.person_id))
    cards = Card.objects.select_related("programme", "customer").filter(state=CardState.OPEN)
    for number, card in enumerate(cards.order_by("-pk")[:PHONES]):
        point = FAR[number // 3] if number % 3 else POINTS[0]
        customer = customer_actor(card.customer_id, card.customer.name)
        with clock.at(clock.now() - LONG_AGO + timedelta(minutes=number)):
            contacts.note_place(customer=card.customer, told=Told(point, 65), actor=customer)
            try:
                shown = services.request_code(card=card, kind=Kind.ACCUMULATE, actor=customer)
                services.confirm(desk=desk, digits=shown.digits, actor=manager)
            except DomainError:
                continue  # a full card, or one that was stamped a moment ago

"""Smallest valid rows of stamps; a test names only what it is about."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from zhanggui.accounts.actors import Actor, customer_actor, person_actor
from zhanggui.accounts.models import Merchant, Person, Store
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_person, make_store
from zhanggui.channels.wechat.models import TrackedCode
from zhanggui.channels.wechat.services import effective_account
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, tenancy
from zhanggui.core.tokens import new_token
from zhanggui.ledger import checks
from zhanggui.stamps import selectors, services
from zhanggui.stamps.models import (
    Card,
    Kind,
    ManagerBinding,
    ManagerInvitation,
    Poster,
    Programme,
    StampRecord,
)
from zhanggui.stamps.results import CodeShown, Confirmed, Desk, Preview

_numbers = count(1)


def make_manager(store: Store, name: str = "李店长") -> Desk:
    """A person bound to the store."""
    person = make_person(name, phone=None)
    ManagerBinding.objects.create(
        person=person, merchant_id=store.merchant_id, store_id=store.pk, name=name
    )
    desk = selectors.desk_of(person.pk)
    assert desk is not None
    return desk


def make_programme(*, name: str = "", **values: Any) -> Programme:
    """A programme of the merchant in scope, valid in every store, without caps."""
    values = {"reward": "招牌奶茶一杯", "gap_s": 0, "per_day": 200, **values}
    return services.create_programme(
        values=services.ProgrammeInput(name=name or f"集章卡{next(_numbers)}", **values),
        actor=ACTOR,
    )


def make_card(programme: Programme, name: str = "王小明", phone: str | None = None) -> Card:
    """A card of a new customer."""
    customer = contacts.create_customer(name=name, phone=phone, actor=ACTOR)
    return services.open_card(programme=programme, customer_id=customer.pk, actor=ACTOR)


def make_invitation(store: Store, *, max_people: int = 1) -> ManagerInvitation:
    """A QR code for managers that WeChat was not asked for."""
    moment = clock.now()
    invitation = ManagerInvitation(
        merchant_id=store.merchant_id,
        store=store,
        scene_code_id=next(_numbers),
        max_people=max_people,
        created_by_id=1,
        created_at=moment,
        expires_at=moment + timedelta(hours=24),
    )
    invitation.save()
    return invitation


def customer_of(card: Card) -> Actor:
    """The customer who holds the card."""
    customer = Customer.objects.get(pk=card.customer_id)
    return customer_actor(customer.pk, customer.name)


def manager_of(desk: Desk) -> Actor:
    """The manager as an actor."""
    return Actor(
        kind=person_actor(Person.objects.get(pk=desk.person_id)).kind,
        id=desk.person_id,
        name=desk.person_name,
        ip="192.0.2.7",
        device="iPhone · 微信",
    )


def take_code(card: Card, kind: Kind = Kind.ACCUMULATE) -> CodeShown:
    """The customer taps the icon."""
    return services.request_code(card=card, kind=kind, actor=customer_of(card))


def confirm(desk: Desk, digits: str, **values: Any) -> Confirmed:
    """The manager confirms."""
    return services.confirm(desk=desk, digits=digits, actor=manager_of(desk), **values)


def preview(desk: Desk, digits: str) -> Preview:
    """The manager presses 下一步."""
    seen = services.preview(desk=desk, digits=digits, actor=manager_of(desk))
    assert isinstance(seen, Preview)
    return seen


def stamp(desk: Desk, card: Card, **values: Any) -> Confirmed:
    """One stamp from beginning to end."""
    return confirm(desk, take_code(card).digits, **values)


def cancel(desk: Desk, card: Card, **values: Any) -> Confirmed:
    """One stamp taken back from beginning to end."""
    return confirm(desk, take_code(card, Kind.CANCEL).digits, **values)


def balance_of(card: Card) -> int:
    """What stands on the card now."""
    return Card.objects.values_list("balance", flat=True).get(pk=card.pk)


def state_of(code_id: int) -> str:
    """The state in the row of a code."""
    return OneTimeCode.objects.values_list("state", flat=True).get(pk=code_id)


def make_poster(merchant: Merchant, **values: Any) -> Poster:
    """A poster whose code is kept here only: WeChat was not asked."""
    number = next(_numbers)
    account = effective_account(merchant) or make_account(merchant=merchant)
    code = TrackedCode.objects.create(
        account=account,
        merchant=merchant,
        token=new_token(),
        name=f"海报{number}",
        is_permanent=True,
        url=f"http://weixin.qq.com/q/{number}",
    )
    made = Poster(name=f"海报{number}", headline="盖章集好礼", code_id=code.pk, **values)
    made.save()
    return made


def wrong_digits() -> str:
    """Six digits that are no live code of the merchant in scope."""
    from zhanggui.codes import services as codes

    while True:
        digits = codes.draw()
        if not OneTimeCode.objects.filter(digits_hash__in=codes.hashes_of(digits)).exists():
            return digits


@dataclass
class Shop:
    """A merchant with a store, a manager, a programme and one card; its scope is open."""

    merchant: Merchant
    store: Store
    desk: Desk
    programme: Programme
    card: Card
    scope: ExitStack

    def records(self) -> list[StampRecord]:
        """All records, oldest first."""
        return list(StampRecord.objects.order_by("pk"))

    def adds_up(self) -> bool:
        """Whether the ledger has nothing to complain about."""
        return checks.findings() == []


def make_shop(slug: str = "", **programme: Any) -> Shop:
    """A whole shop; close ``scope`` when done."""
    merchant = make_merchant(slug)
    store = make_store(merchant)
    scope = ExitStack()
    scope.enter_context(tenancy.merchant_scope(merchant.pk))
    made = make_programme(**programme)
    return Shop(merchant, store, make_manager(store), made, make_card(made), scope)


def closed_shop() -> Shop:
    """A shop whose scope is shut, to be kept longer than a test."""
    made = make_shop()
    made.scope.close()
    return made


def reopened(made: Shop) -> Shop:
    """The same with its scope open; close ``scope`` when done."""
    made.scope.enter_context(tenancy.merchant_scope(made.merchant.pk))
    return made


class FakeCoupons:
    """Gives coupons from memory, so that a test can have one used."""

    def __init__(self) -> None:
        self.worth_fen = 1800
        self.given: dict[int, str] = {}
        """State of each coupon: ``usable``, ``used`` or ``voided``."""

    def templates(self, kept: Collection[int]) -> list[tuple[str, str]]:
        return [("1", "招牌奶茶券")]

    def value_fen(self, template_id: int) -> int:
        return self.worth_fen

    def issue(self, **_values: Any) -> int:
        coupon_id = len(self.given) + 1
        self.given[coupon_id] = "usable"
        return coupon_id

    def is_used(self, coupon_id: int) -> bool:
        return self.given[coupon_id] == "used"

    def void(self, coupon_id: int, **_values: Any) -> bool:
        if self.is_used(coupon_id):
            return False
        self.given[coupon_id] = "voided"
        return True

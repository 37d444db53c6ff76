"""All addresses of the site, and rows to fill the numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter

from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import person_actor, system_actor
from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_platform_staff,
    make_role,
    make_staff,
    make_store,
    membership_of,
)
from zhanggui.api.tests.factories import make_caller
from zhanggui.billing.tests.factories import make_order
from zhanggui.channels.pay.tests import factories as pay
from zhanggui.channels.wechat.models import (
    AuthorisationVisit,
    AutoReply,
    CallbackDelivery,
    ChannelAccount,
    Component,
    ConditionalMenu,
    ConditionalVersion,
    MenuVersion,
    MiniCode,
    ReplyPicture,
    TrackedCode,
)
from zhanggui.channels.wechat.tests.factories import make_account, make_component
from zhanggui.collecting.tests.factories import make_request
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import DuplicatePair, Likeness
from zhanggui.contacts.tests.factories import (
    make_bulk_change,
    make_customer,
    make_link,
    make_segment,
    make_tag,
)
from zhanggui.core import clock, tenancy
from zhanggui.core.tokens import new_token
from zhanggui.coupons.tests import factories as coupons
from zhanggui.files.models import ImportBatch, Task
from zhanggui.messaging.tests import factories as messaging
from zhanggui.signin.models import EmbedOrigin
from zhanggui.stamps.models import ManagerBinding, PendingManager, Seal, StampRecord
from zhanggui.stamps.services import adjust, make_screen, report_not_me
from zhanggui.stamps.tests import factories as stamps
from zhanggui.stamps.tests.pressing import make_seal

_numbers = count(1)


@dataclass(frozen=True)
class Address:
    """One route with its view's guard and the names and types of its places."""

    route: str
    guard: str | None
    places: tuple[tuple[str, bool], ...]
    """Name, and whether it takes a number."""
    view: Callable[..., HttpResponseBase]

    @property
    def kind(self) -> str:
        """What stands before the colon of the guard."""
        return (self.guard or "").partition(":")[0]

    @property
    def permission(self) -> str:
        """What stands after it."""
        return (self.guard or "").partition(":")[2]

    def path(self, **values: Any) -> str:
        """The address with its places filled; what is not given becomes 1 or ``x``."""
        path = f"/{self.route}"
        for name, is_number in self.places:
            value = values.get(name, 1 if is_number else "x")
            start = path.index("<")
            end = path.index(">")
            assert path[start:end].endswith(name)
            path = f"{path[:start]}{value}{path[end + 1 :]}"
        return path

    def arguments(self, **values: Any) -> dict[str, Any]:
        """What the view is called with for such an address."""
        return {name: values.get(name, 1 if is_number else "x") for name, is_number in self.places}


@cache
def addresses() -> tuple[Address, ...]:
    """Every address of the site."""
    return tuple(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[Any], before: str) -> Iterator[Address]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            assert not pattern.default_kwargs
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            places = _places(route, pattern)
            view = pattern.callback
            assert not pattern.default_args, f"/{route}: a view of its own says it better"
            yield Address(route, getattr(view, "guard", None), places, view)


def _places(route: str, pattern: URLPattern) -> tuple[tuple[str, bool], ...]:
    # converters of an address hold those of its own part only, which is all this site uses
    converters = pattern.pattern.converters
    return tuple((name, isinstance(kind, IntConverter)) for name, kind in converters.items())


def of_kind(kind: str) -> list[Address]:
    """Addresses behind one kind of guard."""
    return [address for address in addresses() if address.kind == kind]


def _in_scope[Row](merchant: Merchant, make: Callable[[], Row]) -> Row:
    with tenancy.merchant_scope(merchant.pk):
        return make()


def _store(merchant: Merchant) -> int:
    return make_store(merchant).pk


def _membership(merchant: Merchant) -> int:
    return membership_of(make_staff(merchant, role=Role.CLERK), merchant).pk


def _role(merchant: Merchant) -> int:
    return make_role(merchant, "accounts.view_stores").pk


def _invite(merchant: Merchant) -> int:
    boss = make_staff(merchant, role=Role.OWNER)
    made = account_services.invite(
        place=merchant, role=Role.CLERK, inviter=boss, actor=system_actor("tests")
    )
    return made.invitation.pk


def _support(merchant: Merchant) -> int:
    person = make_platform_staff(role=Role.OWNER)
    session = account_services.open_support(
        merchant=merchant,
        operator=None,
        person=person,
        reason="x",
        minutes=30,
        actor=person_actor(person),
    )
    return session.pk


def _customer(merchant: Merchant) -> int:
    return make_customer(merchant).pk


def _tag(merchant: Merchant) -> int:
    return make_tag(merchant).pk


def _segment(merchant: Merchant) -> int:
    return make_segment(merchant).pk


def _change(merchant: Merchant) -> int:
    return make_bulk_change(merchant).pk


def _link(merchant: Merchant) -> int:
    return make_link(merchant, 1).pk


def _merge(merchant: Merchant) -> int:
    survivor, replaced = make_customer(merchant).pk, make_customer(merchant).pk
    with tenancy.merchant_scope(merchant.pk):
        return contacts.merge_customers(survivor_id=survivor, replaced_id=replaced, actor=ACTOR).pk


def _pair(merchant: Merchant) -> int:
    first, second = make_customer(merchant).pk, make_customer(merchant).pk
    with tenancy.merchant_scope(merchant.pk):
        pair = DuplicatePair(first_id=first, second_id=second, likeness=Likeness.PHONE)
        pair.save()
        return pair.pk


def _erasure(merchant: Merchant) -> int:
    customer = make_customer(merchant)
    with tenancy.merchant_scope(merchant.pk):
        return contacts.request_erasure(
            customer_id=customer.pk, typed=customer.number, at_once=False, actor=ACTOR
        ).pk


def _programme(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        return stamps.make_programme().pk


def _card(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        return stamps.make_card(stamps.make_programme()).pk


def _adjustment(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        card = stamps.make_card(stamps.make_programme(slots=20))
        return adjust(card_id=card.pk, amount=9, reason="x", actor=ACTOR).pk


def _record(merchant: Merchant) -> int:
    desk = stamps.make_manager(make_store(merchant))
    with tenancy.merchant_scope(merchant.pk):
        card = stamps.make_card(stamps.make_programme())
        return stamps.stamp(desk, card).record_id


def _seal(merchant: Merchant) -> int:
    store = make_store(merchant)
    with tenancy.merchant_scope(merchant.pk):
        known = Seal.objects.first()  # two of one pattern are refused
        return known.pk if known else make_seal(store).pk


def _screen(merchant: Merchant) -> int:
    store = make_store(merchant)
    with tenancy.merchant_scope(merchant.pk):
        return make_screen(name="收银台", store=store, actor=ACTOR)[0].pk


def _case(merchant: Merchant) -> int:
    record_id = _record(merchant)
    with tenancy.merchant_scope(merchant.pk):
        record = StampRecord.objects.get(pk=record_id)
        return report_not_me(record=record, text="", actor=ACTOR).pk


def _invitation(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        return stamps.make_invitation(make_store(merchant)).pk


def _pending(merchant: Merchant) -> int:
    store = make_store(merchant)
    with tenancy.merchant_scope(merchant.pk):
        invitation = stamps.make_invitation(store, max_people=2)
        pending = PendingManager(invitation=invitation, store=store, person_id=1, name="周")
        pending.save()
        return pending.pk


def _binding(merchant: Merchant) -> int:
    store = make_store(merchant)
    desk = stamps.make_manager(store)
    return ManagerBinding.objects.get(person_id=desk.person_id).pk


def _account(merchant: Merchant) -> ChannelAccount:
    own = ChannelAccount.objects.filter(merchant=merchant, is_connected=True).first()
    return own or make_account(merchant=merchant)


def _version(merchant: Merchant) -> int:
    account = _account(merchant)
    return MenuVersion.objects.create(account=account, number=next(_numbers)).number


def _conditional(merchant: Merchant) -> int:
    menu = ConditionalMenu.objects.create(account=_account(merchant), name="x")
    ConditionalVersion.objects.create(menu=menu, number=1, name="x")
    return menu.pk


def _conditional_version(merchant: Merchant) -> int:
    """A version of the newest such menu; its number stands in no other."""
    mine = ConditionalMenu.objects.filter(account__merchant=merchant)
    menu_id = mine.latest("pk").pk if mine.exists() else _conditional(merchant)
    number = next(_numbers) + 1
    return ConditionalVersion.objects.create(menu_id=menu_id, number=number, name="x").number


def _reply(merchant: Merchant) -> int:
    account = _account(merchant)
    reply = AutoReply.objects.create(account=account, occasion="keyword", kind="picture")
    ReplyPicture.objects.create(reply=reply, content=b"x")
    return reply.pk


def _wish(merchant: Merchant) -> int:
    component = Component.objects.first() or make_component()
    return AuthorisationVisit.objects.create(
        state_digest=new_token().encode(),
        code_digest=b"x",
        component=component,
        person=make_staff(merchant),
        tier="merchant",
        merchant=merchant,
        kind="official",
        expires_at=clock.now(),
    ).pk


def _origin(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        address = f"https://x{next(_numbers)}.example"
        origin = EmbedOrigin(merchant_id=merchant.pk, origin=address)
        origin.save()
        return origin.pk


def _code(merchant: Merchant) -> int:
    return TrackedCode.objects.create(
        account=_account(merchant),
        merchant=merchant,
        token=new_token(),
        name="x",
        url="http://weixin.qq.com/q/x",
    ).pk


def _mini_code(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        code = MiniCode(account=_account(merchant), scene=new_token(16), name="x", picture=b"x")
        code.save()
        return int(code.pk)


def _delivery(merchant: Merchant) -> int:
    delivery = CallbackDelivery.objects.create(
        account=_account(merchant),
        platform_key=f"msg:{next(_numbers)}",
        kind="text",
        body_sealed=b"x",
        sent_at=clock.now(),
    )
    return delivery.pk


def _order(merchant: Merchant) -> int:
    return make_order(merchant).pk


def _message(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        return messaging.make_message(merchant).pk


def _mailing(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        return messaging.make_mailing().pk


def _task(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        task = Task(kind="files.export", title="x", actor_kind="person")
        task.save()
        return task.pk


def _batch(merchant: Merchant) -> int:
    with tenancy.merchant_scope(merchant.pk):
        batch = ImportBatch(kind="x", file_name="x.xlsx", file_hash=b"x")
        batch.save()
        return batch.pk


ROWS: dict[str, Callable[[Merchant], int]] = {
    "store_id": _store,
    "membership_id": _membership,
    "role_id": _role,
    "invite_id": _invite,
    "support_id": _support,
    "customer_id": _customer,
    "other_id": _customer,
    "link_id": _link,
    "merge_id": _merge,
    "pair_id": _pair,
    "erasure_id": _erasure,
    "tag_id": _tag,
    "segment_id": _segment,
    "change_id": _change,
    "programme_id": _programme,
    "adjustment_id": _adjustment,
    "card_id": _card,
    "record_id": _record,
    "case_id": _case,
    "screen_id": _screen,
    "seal_id": _seal,
    "poster_id": lambda merchant: _in_scope(merchant, lambda: stamps.make_poster(merchant)).pk,
    "invitation_id": _invitation,
    "pending_id": _pending,
    "binding_id": _binding,
    "delivery_id": _delivery,
    "version_number": _version,
    "conditional_id": _conditional,
    "conditional_number": _conditional_version,
    "reply_id": _reply,
    "visit_id": _wish,
    "origin_id": _origin,
    "code_id": _code,
    "task_id": _task,
    "batch_id": _batch,
    "order_id": _order,
    "payment_id": lambda merchant: pay.make_payment(merchant).pk,
    "refund_id": lambda merchant: pay.make_refund(merchant).pk,
    "bill_id": lambda merchant: pay.make_bill(merchant).pk,
    "difference_id": lambda merchant: pay.make_difference(merchant).pk,
    "notification_id": lambda merchant: pay.make_notification(merchant).pk,
    "mini_code_id": _mini_code,
    "coupon_template_id": lambda merchant: _in_scope(merchant, coupons.make_template).pk,
    "coupon_id": lambda merchant: _in_scope(merchant, coupons.make_coupon).pk,
    "coupon_link_id": lambda merchant: (
        _in_scope(merchant, lambda: coupons.make_link(coupons.make_template())).pk
    ),
    "use_id": lambda merchant: (
        _in_scope(merchant, lambda: coupons.redeem(coupons.make_coupon())).pk
    ),
    "collect_id": lambda merchant: make_request(merchant).pk,
    "api_token_id": lambda merchant: make_caller(merchant).token.pk,
    "message_id": _message,
    "mailing_id": _mailing,
}
"""A new number in an address needs its line here: how to make such a row of a merchant."""

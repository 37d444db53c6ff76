"""Coupons of the tea house: four kinds, given by hand and by link, some of them used."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made, store_key
from demo.models import Made
from zhanggui.accounts.actors import Actor, customer_actor
from zhanggui.accounts.models import Merchant
from zhanggui.contacts.models import Customer
from zhanggui.core import clock, tenancy
from zhanggui.coupons import services
from zhanggui.coupons.models import CouponKind, CouponTemplate, Validity, Way
from zhanggui.coupons.services import Place, TemplateInput
from zhanggui.stamps.models import Card, ManagerBinding

MOST = 24
DAYS_AGO = (20, 16, 11, 9, 6, 4, 2, 1)
TEMPLATES = {
    "gift": TemplateInput(
        name="招牌茶赠饮券",
        amount_fen=1_800,
        terms="任选一款招牌茶，中杯。\n不与其他优惠同享。",
        days_valid=60,
        stock=500,
        per_person=2,
    ),
    "cash": TemplateInput(
        name="满 50 减 10",
        kind=CouponKind.CASH,
        amount_fen=1_000,
        min_spend_fen=5_000,
        days_valid=30,
        stock=200,
        per_person=1,
    ),
    "percent": TemplateInput(
        name="工作日下午茶 8.5 折",
        kind=CouponKind.PERCENT,
        percent_off=15,
        weekdays=(1, 2, 3, 4, 5),
        days_valid=30,
    ),
    "booklet": TemplateInput(
        name="五次品鉴卡",
        amount_fen=3_800,
        uses=5,
        days_valid=180,
        is_transferable=False,
        takes_press=True,
        terms="每次可品鉴一款当季新茶。",
    ),
}


def make() -> None:
    """Make what is missing."""
    tea = MERCHANTS[0]
    merchant = Merchant.objects.get(pk=id_of(f"merchant:{tea.slug}"))
    owner = owner_of(tea)
    with tenancy.merchant_scope(merchant.pk):
        templates = {name: _template(name, values, owner) for name, values in TEMPLATES.items()}
        # each whole or not at all: a demo that was killed begins the missing one anew
        if find("coupons:festival") is None:
            with transaction.atomic():
                _festival(merchant.pk, owner)
        if find("coupons:story") is None:
            with transaction.atomic():
                _story(merchant, templates, owner)


def _template(name: str, values: TemplateInput, owner: Actor) -> CouponTemplate:
    template_id = made(
        f"coupons:template:{name}",
        lambda: services.create_template(values=values, actor=owner),
    )
    return CouponTemplate.objects.get(pk=template_id)


def _festival(merchant_id: int, owner: Actor) -> None:
    """A coupon of fixed days that begins next week, taken by a poster's code."""
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=merchant_id)
    today = clock.local_date(clock.now(), zone)
    values = TemplateInput(
        name="冬至汤圆茶点券",
        validity=Validity.FIXED,
        starts_at=clock.start_of(today + timedelta(days=7), zone),
        ends_at=clock.start_of(today + timedelta(days=21), zone),
        amount_fen=2_200,
        stock=100,
        per_person=1,
    )
    template = services.create_template(values=values, actor=owner)
    services.create_link(
        template_id=template.pk, name="门口海报", most=60, expires_at=None, actor=owner
    )
    Made.objects.create(key="coupons:festival", row_id=template.pk)


def _story(merchant: Merchant, templates: dict[str, CouponTemplate], owner: Actor) -> None:
    tea = MERCHANTS[0]
    now = clock.now()
    names = list(templates)
    store_id = id_of(store_key(tea, tea.stores[0]))
    manager = ManagerBinding.objects.filter(store_id=store_id, removed_at=None).first()
    holders = Card.objects.order_by("customer_id").values_list("customer_id", flat=True).distinct()
    for place, customer_id in enumerate(holders[:MOST]):
        customer = Customer.objects.get(pk=customer_id)
        name = names[place % len(names)]
        with clock.at(now - timedelta(days=DAYS_AGO[place % len(DAYS_AGO)], minutes=place * 7)):
            coupon = services.issue(
                template_id=templates[name].pk,
                customer_id=customer_id,
                way=Way.HAND,
                cause=f"demo:{place}",
                actor=owner,
                is_told=False,
            )
        is_workday = clock.local_date(now, merchant.time_zone).isoweekday() <= 5  # noqa: PLR2004
        if place % 3 == 0 and manager is not None and (name != "percent" or is_workday):
            with clock.at(now - timedelta(minutes=20 + place * 3)):
                code = services.request_code(
                    coupon_id=coupon.pk,
                    customer_id=customer_id,
                    actor=customer_actor(customer_id, customer.name),
                )
                services.revoke_code(coupon_id=coupon.pk, code_id=code.code_id, actor=owner)
                record = services.redeem(
                    coupon_id=coupon.pk,
                    holder="",
                    place=Place(store_id, manager.person_id, manager.name),
                    actor=owner,
                )
            if place == 0:
                services.undo_by_office(record_id=record.pk, reason="扫错了顾客的券", actor=owner)
        elif place == MOST - 1:
            services.freeze(coupon_id=coupon.pk, reason="顾客说手机丢了", actor=owner)
        elif place == MOST - 2:
            services.void(coupon_id=coupon.pk, reason="重复发放", actor=owner)
    Made.objects.create(key="coupons:story", row_id=templates["gift"].pk)

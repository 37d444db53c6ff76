"""SMS credit, rules, wishes and mailings of the tea house, so that the pages have something."""

from __future__ import annotations

from django.db.models import Model

from demo.cast import PLATFORM_STAFF
from demo.made import id_of, made
from demo.plans import actor_of
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator
from zhanggui.contacts.models import Customer
from zhanggui.core import tenancy
from zhanggui.messaging import campaigns, consents, house_rules, services, stock, templates
from zhanggui.messaging.models import Campaign, ConsentSource, Kind, Message, Purse, Route
from zhanggui.messaging.receivers import Phone

TEA = "qinglan-tea"
OPERATOR = "nanfeng"
NOTICE = {"subject": "清明营业时间", "text": "4 月 5 日 10:00 至 18:00 营业，其余照常。"}
TOLD = 5
"""Customers who get a notice; the demo's worker sends it to the sandbox's phones."""


def make() -> None:
    """Make what is missing."""
    platform = actor_of(f"member:platform/{PLATFORM_STAFF[0].key}")
    made(f"sms_stock:{OPERATOR}", lambda: _stock(platform))
    merchant = Merchant.objects.get(pk=id_of(f"merchant:{TEA}"))
    for purse, segments in ((Purse.SERVICE, 1_000), (Purse.MARKETING, 500)):
        made(f"sms_gift:{purse.value}", lambda p=purse, n=segments: _gift(merchant, p, n, platform))  # type: ignore[misc]
    with tenancy.merchant_scope(merchant.pk):
        for name in ("stamps.stamped", "stamps.cancelled"):
            made(f"message_rule:{name}", lambda n=name: _switch_on(n, platform))  # type: ignore[misc]
        _wishes(platform)
        _notices(merchant)
        made("mailing:notice", lambda: _mailing(platform))


def _stock(actor: Actor) -> Model:
    operator = Operator.objects.get(pk=id_of(f"operator:{OPERATOR}"))
    return stock.fill(operator=operator, segments=20_000, reason="首批短信", actor=actor)


def _gift(merchant: Merchant, purse: Purse, segments: int, actor: Actor) -> Model:
    return stock.give(
        operator=None,
        merchant=merchant,
        purse=purse,
        segments=segments,
        reason="开业支持",
        actor=actor,
    )


def _switch_on(name: str, actor: Actor) -> Model:
    return house_rules.change_rule(
        template=templates.get(name),
        is_on=True,
        by_wechat=True,
        by_notice=True,
        by_sms=False,
        words="",
        actor=actor,
    )


def _with_phone() -> list[Customer]:
    return list(Customer.objects.filter(phone_hash__isnull=False).order_by("pk")[: TOLD * 2])


def _wishes(actor: Actor) -> None:
    for place, customer in enumerate(_with_phone()):
        consents.note(
            customer=customer,
            kind=Kind.MARKETING,
            route=Route.SMS,
            wants=place % 4 != 3,  # noqa: PLR2004  every fourth says no
            source=ConsentSource.STAFF,
            actor=actor,
        )


def _notices(merchant: Merchant) -> None:
    for customer in _with_phone()[:TOLD]:
        _send(merchant, customer, f"customer:{customer.pk}")
    _send(merchant, Phone("+8613800138999"), "phone")


def _send(merchant: Merchant, to: Customer | Phone, subject: str) -> Message:
    return services.send(
        merchant=merchant,
        to=to,
        template="messaging.announcement",
        data=NOTICE,
        purpose="demo.notice",
        subject=subject,
        path=f"/w/{merchant.slug}/",
    )


def _mailing(actor: Actor) -> Campaign:
    return campaigns.draft(
        name="春茶上新",
        template="messaging.marketing",
        body={"text": "{customer}您好，明前龙井到店，凭此短信享九折。"},
        segment_id=None,
        actor=actor,
    )

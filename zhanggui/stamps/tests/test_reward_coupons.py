"""Rewards as real coupons: won, withdrawn, used."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core.errors import NotFound
from zhanggui.coupons.models import Coupon
from zhanggui.coupons.tests.factories import make_template, redeem
from zhanggui.stamps import services
from zhanggui.stamps.errors import RewardUsed
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    make_card,
    make_programme,
    stamp,
)


@pytest.fixture
def promised(shop: Shop) -> Shop:
    """The card wins a coupon at its fourth stamp."""
    shop.programme = make_programme(
        slots=4, max_per_code=3, reward_template_id=make_template(name="招牌奶茶券").pk
    )
    shop.card = make_card(shop.programme)
    stamp(shop.desk, shop.card, amount=3, reason="三杯")
    return shop


@pytest.mark.spec("stamps D31")
def test_a_cancel_voids_the_coupon(promised: Shop) -> None:
    stamp(promised.desk, promised.card)
    (coupon,) = Coupon.objects.all()
    assert (coupon.state, coupon.customer_id, coupon.way) == (
        "usable",
        promised.card.customer_id,
        "reward",
    )
    done = cancel(promised.desk, promised.card)

    assert done.lost == ["招牌奶茶一杯"]
    coupon.refresh_from_db()
    assert coupon.state == "voided"
    assert balance_of(promised.card) == 3
    assert promised.adds_up()


@pytest.mark.spec("stamps D31")
def test_won_again_it_is_another_coupon(promised: Shop) -> None:
    stamp(promised.desk, promised.card)
    cancel(promised.desk, promised.card)
    stamp(promised.desk, promised.card)

    assert sorted(Coupon.objects.values_list("state", flat=True)) == ["usable", "voided"]


@pytest.mark.spec("stamps D32")
def test_used_it_stays_and_the_office_may_force(promised: Shop) -> None:
    stamp(promised.desk, promised.card)
    redeem(Coupon.objects.get(), promised.store)
    with pytest.raises(RewardUsed):
        cancel(promised.desk, promised.card)
    newest = promised.records()[-1]
    services.cancel_record(record_id=newest.pk, reason="误集", actor=ACTOR, is_forced=True)

    assert balance_of(promised.card) == -1
    assert Coupon.objects.get().redeemed == 1
    assert stamp(promised.desk, promised.card).won == []
    assert balance_of(promised.card) == 0
    assert promised.adds_up()


def test_only_the_own_coupons_can_be_promised(shop: Shop) -> None:
    with pytest.raises(NotFound):
        make_programme(reward_template_id=987_654)


def test_the_card_leads_to_what_it_won(promised: Shop, client: Client) -> None:
    link = make_link(promised.merchant, make_account(merchant=promised.merchant).pk)
    sign_in_customer(client, link)
    card = services.open_card(
        programme=promised.programme, customer_id=link.customer_id, actor=ACTOR
    )
    stamp(promised.desk, card, amount=3, reason="三杯")
    stamp(promised.desk, card)
    coupon = Coupon.objects.get()
    url = reverse("stamps:card", args=[promised.merchant.slug, card.token])
    leads_to = reverse("coupons:coupon", args=[promised.merchant.slug, coupon.token])

    won = client.get(url).content.decode()
    redeem(coupon, promised.store)
    used = client.get(url).content.decode()

    assert f'<a href="{leads_to}">' in won
    assert "去使用" in won
    assert f'<a href="{leads_to}">' in used
    assert "去使用" not in used

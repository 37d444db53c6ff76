"""Stamps given and taken by hand: a reason, and two people above the limit."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import make_person, make_staff
from zhanggui.ledger.models import Account, Entry, Transaction
from zhanggui.stamps import services
from zhanggui.stamps.errors import (
    AdjustmentDecided,
    AdjustmentTooFar,
    AmountRefused,
    CardFull,
    ReasonMissing,
    SecondPerson,
)
from zhanggui.stamps.models import Adjustment, Card, CardEvent
from zhanggui.stamps.services import LimitsInput, RewardInput
from zhanggui.stamps.tests.factories import Shop, balance_of, make_shop, stamp


@pytest.fixture
def anna(shop: Shop) -> Actor:
    return person_actor(make_person("安娜"))


@pytest.fixture
def bert(shop: Shop) -> Actor:
    return person_actor(make_person("白先生"))


@pytest.mark.spec("stamps D38")
class TestSmall:
    def test_is_booked_at_once_with_its_reason(self, shop: Shop, anna: Actor) -> None:
        row = services.adjust(card_id=shop.card.pk, amount=5, reason=" 停电补录 ", actor=anna)

        assert (row.state, row.reason, row.asked_by) == ("done", "停电补录", "安娜")
        assert balance_of(shop.card) == 5
        account = Account.objects.get(code=f"adjust:{shop.programme.pk}")
        assert list(Entry.objects.filter(account=account).values_list("amount", flat=True)) == [-5]
        event = CardEvent.objects.get()
        assert (event.kind, event.amount, event.text, event.by) == (
            "adjust",
            5,
            "停电补录",
            "安娜",
        )
        assert AuditEntry.objects.filter(action="stamps.adjustment.booked").count() == 1
        assert shop.adds_up()

    def test_takes_stamps_too_but_none_that_are_not_there(self, shop: Shop, anna: Actor) -> None:
        stamp(shop.desk, shop.card)
        services.adjust(card_id=shop.card.pk, amount=-1, reason="误集", actor=anna)
        with pytest.raises(AdjustmentTooFar):
            services.adjust(card_id=shop.card.pk, amount=-1, reason="误集", actor=anna)

        assert balance_of(shop.card) == 0
        assert shop.adds_up()

    @pytest.mark.parametrize("amount", [0, 101, -101])
    def test_refuses_amounts_that_make_no_sense(self, shop: Shop, anna: Actor, amount: int) -> None:
        with pytest.raises(AmountRefused):
            services.adjust(card_id=shop.card.pk, amount=amount, reason="补", actor=anna)

    def test_needs_a_reason(self, shop: Shop, anna: Actor) -> None:
        with pytest.raises(ReasonMissing):
            services.adjust(card_id=shop.card.pk, amount=1, reason="  ", actor=anna)
        assert not Adjustment.objects.exists()

    def test_wins_what_it_reaches(self, db: None) -> None:
        shop = make_shop(slots=4, on_the_way=[RewardInput(2, "小食")])
        with shop.scope:
            actor = person_actor(make_person("安娜"))
            services.adjust(card_id=shop.card.pk, amount=4, reason="旧卡", actor=actor)
            card = Card.objects.get(pk=shop.card.pk)
            assert [one.name for one in card.rewards.order_by("position")] == [
                "小食",
                "招牌奶茶一杯",
            ]
            assert card.state == "rewarded"
            with pytest.raises(CardFull):
                services.adjust(card_id=shop.card.pk, amount=1, reason="旧卡", actor=actor)
            assert shop.adds_up()


@pytest.mark.spec("stamps D38")
class TestLarge:
    def test_waits_for_a_second_person(self, shop: Shop, anna: Actor, bert: Actor) -> None:
        row = services.adjust(card_id=shop.card.pk, amount=6, reason="旧卡", actor=anna)
        assert row.state == "waiting"
        assert not Transaction.objects.exists()
        with pytest.raises(SecondPerson):
            services.approve(adjustment_id=row.pk, actor=anna)
        done = services.approve(adjustment_id=row.pk, actor=bert)

        assert (done.state, done.decided_by) == ("done", "白先生")
        assert balance_of(shop.card) == 6
        with pytest.raises(AdjustmentDecided):
            services.approve(adjustment_id=row.pk, actor=bert)
        assert shop.adds_up()

    def test_may_be_turned_down_with_a_word(self, shop: Shop, anna: Actor, bert: Actor) -> None:
        row = services.adjust(card_id=shop.card.pk, amount=9, reason="旧卡", actor=anna)
        with pytest.raises(ReasonMissing):
            services.reject(adjustment_id=row.pk, note=" ", actor=bert)
        assert (
            services.reject(adjustment_id=row.pk, note="没有凭据", actor=bert).state == "rejected"
        )
        assert balance_of(shop.card) == 0

    def test_the_card_may_have_changed_meanwhile(
        self, shop: Shop, anna: Actor, bert: Actor
    ) -> None:
        row = services.adjust(card_id=shop.card.pk, amount=10, reason="旧卡", actor=anna)
        stamp(shop.desk, shop.card)
        with pytest.raises(CardFull):
            services.approve(adjustment_id=row.pk, actor=bert)
        assert Adjustment.objects.get().state == "waiting"

    def test_the_shop_sets_the_limit(self, shop: Shop, anna: Actor) -> None:
        services.set_limits(
            values=LimitsInput(operations_a_day=200, may_stamp_own=False, second_person_above=0),
            actor=anna,
        )
        row = services.adjust(card_id=shop.card.pk, amount=1, reason="补", actor=anna)
        assert row.state == "waiting"


@pytest.mark.spec("stamps D38")
class TestDoor:
    def test_one_asks_and_another_approves(self, client: Client, shop: Shop) -> None:
        slug, card = shop.merchant.slug, shop.card.pk
        asker, other = (
            make_staff(shop.merchant, role=Role.OWNER),
            make_staff(shop.merchant, role=Role.OWNER),
        )
        client.force_login(asker)
        wrong = client.post(reverse("stamps:adjust", args=[slug, card]), {"amount": 3})
        asked = client.post(
            reverse("stamps:adjust", args=[slug, card]), {"amount": 9, "reason": "旧卡转入"}
        )
        row = Adjustment.objects.get()
        own = client.get(reverse("stamps:adjustments", args=[slug])).content.decode()
        decide = reverse("stamps:adjustment_decide", args=[slug, row.pk])
        client.post(decide, {"ok": "1"})

        assert (wrong.status_code, asked.status_code) == (422, 302)
        assert "等待他人审批" in own
        assert balance_of(shop.card) == 0
        client.force_login(other)
        assert (
            "1 笔人工调整待审批"
            in client.get(reverse("accounts:overview", args=[slug])).content.decode()
        )
        page = client.get(reverse("stamps:adjustments", args=[slug])).content.decode()
        assert "旧卡转入" in page
        assert client.post(decide, {"ok": "1"}).status_code == 302
        assert balance_of(shop.card) == 9
        card_page = client.get(reverse("stamps:office_card", args=[slug, card])).content.decode()
        assert "旧卡转入" in card_page

    def test_turned_down_with_a_word(self, client: Client, shop: Shop, anna: Actor) -> None:
        row = services.adjust(card_id=shop.card.pk, amount=9, reason="旧卡", actor=anna)
        client.force_login(make_staff(shop.merchant, role=Role.OWNER))
        url = reverse("stamps:adjustment_decide", args=[shop.merchant.slug, row.pk])
        client.post(url, {"note": ""})
        assert Adjustment.objects.get().state == "waiting"
        client.post(url, {"note": "没有凭据"})
        listed = reverse("stamps:adjustments", args=[shop.merchant.slug])
        assert "没有凭据" in client.get(f"{listed}?state=rejected").content.decode()

    def test_the_shop_sets_its_limits(self, client: Client, shop: Shop) -> None:
        client.force_login(make_staff(shop.merchant, role=Role.OWNER))
        url = reverse("stamps:limits", args=[shop.merchant.slug])
        assert client.post(url, {"operations_a_day": 5}).status_code == 422
        fields = {"operations_a_day": 300, "second_person_above": 8, "may_stamp_own": "on"}
        fields |= {"signin_for_undo_min": 45, "far_from_m": 2000}
        assert client.post(url, fields).status_code == 302
        now = services.limits()
        assert (now.operations_a_day, now.second_person_above, now.may_stamp_own) == (300, 8, True)
        assert now.signin_for_undo_min == 45

"""SMS credit: filled once per cause, set aside, spent, given back; never below nothing."""

from __future__ import annotations

import pytest

from zhanggui.accounts import services as account_services
from zhanggui.accounts.models import AuditEntry, Merchant, Role
from zhanggui.accounts.tests.factories import ACTOR, make_operator, make_staff
from zhanggui.channels.sms.models import OutgoingSms
from zhanggui.core import tenancy
from zhanggui.ledger import checks
from zhanggui.ledger.errors import AlreadyBooked
from zhanggui.ledger.models import Entry, Transaction
from zhanggui.messaging import packs, segments, stock, wallet
from zhanggui.messaging.errors import AmountWrong, CreditSpent, NoCredit, ReasonNeeded, StockShort
from zhanggui.messaging.models import Grant, Purse, StockMove
from zhanggui.messaging.tests.factories import fill_purse


@pytest.mark.spec("platform P28")
class TestSegments:
    @pytest.mark.parametrize(
        ("signs", "parts"),
        [
            (0, 1),
            (1, 1),
            (70, 1),
            (71, 2),
            (134, 2),
            (135, 3),
            (160, 3),
            (201, 3),
            (202, 4),
            (500, 8),
        ],
    )
    def test_seventy_alone_sixty_seven_in_parts(self, signs: int, parts: int) -> None:
        assert segments.count("掌" * signs) == parts

    def test_an_emoji_is_two_signs(self) -> None:
        assert segments.count("🍵" * 35) == 1
        assert segments.count("🍵" * 36) == 2


@pytest.mark.spec("platform P28")
class TestGrant:
    def test_fills_the_purse_in_double_entry(self, tea: Merchant) -> None:
        fill_purse(tea, 1_000)
        assert (wallet.balance(Purse.SERVICE), wallet.balance(Purse.MARKETING)) == (1_000, 0)
        assert sorted(Entry.objects.values_list("amount", flat=True)) == [-1_000, 1_000]
        assert AuditEntry.objects.get().action == "messaging.credit.granted"
        assert checks.findings() == []

    def test_a_cause_gives_once(self, tea: Merchant) -> None:
        first = wallet.grant(merchant=tea, segments=500, cause="order:1", actor=ACTOR)
        again = wallet.grant(merchant=tea, segments=500, cause="order:1", actor=ACTOR)
        assert again.pk == first.pk
        assert wallet.balance(Purse.SERVICE) == 500
        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize("amount", [0, -5, 10_000_001])
    def test_only_sensible_amounts(self, tea: Merchant, amount: int) -> None:
        with pytest.raises(AmountWrong):
            wallet.grant(merchant=tea, segments=amount, cause="order:1", actor=ACTOR)
        assert not Grant.objects.exists()

    def test_a_new_merchant_gets_some_for_trying(self, db: None) -> None:
        merchant = account_services.create_merchant(
            name="试", slug="try-it", trade="茶", actor=ACTOR
        )
        with tenancy.merchant_scope(merchant.pk):
            assert wallet.balance(Purse.SERVICE) == 50

    def test_is_taken_back_with_its_order(self, tea: Merchant) -> None:
        grant = fill_purse(tea, 300)
        wallet.take_back(merchant=tea, cause=grant.cause, actor=ACTOR)
        wallet.take_back(merchant=tea, cause=grant.cause, actor=ACTOR)
        assert wallet.balance(Purse.SERVICE) == 0
        assert checks.findings() == []

    def test_what_is_spent_cannot_be_taken_back(self, tea: Merchant) -> None:
        grant = fill_purse(tea, 300)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=1, cause="message:1")
        with pytest.raises(CreditSpent):
            wallet.take_back(merchant=tea, cause=grant.cause, actor=ACTOR)
        assert wallet.balance(Purse.SERVICE) == 299
        grant.refresh_from_db()
        assert grant.taken_back_at is None


@pytest.mark.spec("platform P28")
class TestSpending:
    def test_set_aside_then_spent_and_given_back(self, tea: Merchant) -> None:
        fill_purse(tea, 10)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=6, cause="message:1")
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (4, 6)
        wallet.settle(merchant=tea, purse=Purse.SERVICE, used=5, freed=1, cause="batch:a")
        assert (wallet.balance(Purse.SERVICE), wallet.held(Purse.SERVICE)) == (5, 0)
        assert checks.findings() == []

    def test_never_below_nothing(self, tea: Merchant) -> None:
        fill_purse(tea, 5)
        with pytest.raises(NoCredit) as refusal:
            wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=6, cause="message:1")
        assert refusal.value.details == {"needed": 6, "left": 5}
        assert wallet.balance(Purse.SERVICE) == 5
        assert Transaction.objects.count() == 1

    def test_marketing_cannot_spend_what_codes_need(self, tea: Merchant) -> None:
        fill_purse(tea, 50)
        with pytest.raises(NoCredit):
            wallet.reserve(merchant=tea, purse=Purse.MARKETING, segments=1, cause="message:1")

    def test_a_cause_is_set_aside_once(self, tea: Merchant) -> None:
        fill_purse(tea, 50)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=1, cause="message:1")
        with pytest.raises(AlreadyBooked):
            wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=1, cause="message:1")
        assert wallet.balance(Purse.SERVICE) == 49

    def test_moves_into_the_other_purse(self, tea: Merchant) -> None:
        fill_purse(tea, 50)
        wallet.move(merchant=tea, source=Purse.SERVICE, segments=20, key="k", actor=ACTOR)
        assert (wallet.balance(Purse.SERVICE), wallet.balance(Purse.MARKETING)) == (30, 20)
        with pytest.raises(NoCredit):
            wallet.move(merchant=tea, source=Purse.SERVICE, segments=31, key="l", actor=ACTOR)
        assert checks.findings() == []


@pytest.mark.spec("platform P28")
class TestWarning:
    def test_owners_are_told_once_at_a_fifth(self, tea: Merchant) -> None:
        make_staff(tea, role=Role.OWNER)
        fill_purse(tea, 10)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=7, cause="message:1")
        assert not OutgoingSms.objects.exists()
        for n in (2, 3):
            wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=1, cause=f"message:{n}")
        assert OutgoingSms.objects.count() == 1
        fill_purse(tea, 10)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=9, cause="message:4")
        assert OutgoingSms.objects.count() == 2


@pytest.mark.spec("platform P11")
class TestStock:
    def test_an_operator_gives_what_it_has(self, tea: Merchant) -> None:
        operator = make_operator()
        stock.fill(operator=operator, segments=100, reason="首批", actor=ACTOR)
        stock.give(
            operator=operator,
            merchant=tea,
            purse=Purse.SERVICE,
            segments=60,
            reason="开业支持",
            actor=ACTOR,
        )
        assert (stock.left(operator), wallet.balance(Purse.SERVICE)) == (40, 60)
        with pytest.raises(StockShort):
            stock.give(
                operator=operator,
                merchant=tea,
                purse=Purse.SERVICE,
                segments=41,
                reason="再来",
                actor=ACTOR,
            )
        assert (stock.left(operator), wallet.balance(Purse.SERVICE)) == (40, 60)
        assert list(StockMove.objects.order_by("pk").values_list("amount", flat=True)) == [100, -60]

    def test_the_platform_gives_without_a_stock(self, tea: Merchant) -> None:
        for _ in range(2):
            stock.give(
                operator=None,
                merchant=tea,
                purse=Purse.MARKETING,
                segments=7,
                reason="补偿",
                actor=ACTOR,
            )
        assert wallet.balance(Purse.MARKETING) == 14

    def test_a_gift_has_a_reason(self, tea: Merchant) -> None:
        with pytest.raises(ReasonNeeded):
            stock.give(
                operator=None,
                merchant=tea,
                purse=Purse.SERVICE,
                segments=7,
                reason=" ",
                actor=ACTOR,
            )


def test_packs_begin_with_four(db: None) -> None:
    assert [pack.code for pack in packs.on_sale(None)] == [
        "sms-1k",
        "sms-5k",
        "sms-20k",
        "sms-100k",
    ]
    assert packs.milli_fen_a_segment(None) == 6_000
    assert packs.find("sms-5k", None) is not None
    assert packs.find("nothing", None) is None

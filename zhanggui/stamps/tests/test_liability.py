"""What open stamps may cost, and what other rules would have cost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.core import clock
from zhanggui.coupons import services as coupons
from zhanggui.coupons.models import Coupon
from zhanggui.coupons.tests.factories import make_template
from zhanggui.coupons.tests.factories import redeem as redeem_coupon
from zhanggui.coupons.tests.factories import take_code as take_coupon_code
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, RewardCosts, StampRecord, WhenFull
from zhanggui.stamps.selectors import liability
from zhanggui.stamps.selectors.liability import earned
from zhanggui.stamps.selectors.simulating import Move, Rule, tell
from zhanggui.stamps.tests.factories import Shop, cancel, make_card, make_programme, stamp

ZONE = "Asia/Shanghai"
DAY = date(2026, 3, 1)


@pytest.fixture
def owner(client: Client, shop: Shop) -> Client:
    client.force_login(make_staff(shop.merchant, role=Role.OWNER))
    return client


def url(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"stamps:{name}", args=[shop.merchant.slug, *args])


def give(shop: Shop, card: Card, many: int) -> None:
    """So many stamps, an hour apart: codes are limited."""
    start = clock.now() - timedelta(hours=many)
    for number in range(many):
        with clock.at(start + timedelta(hours=number)):
            stamp(shop.desk, card)


class TestReport:
    def test_a_card_has_earned_its_part_of_what_lies_ahead(self) -> None:
        assert earned(4, [(5, 300), (10, 2_000)]) == 300 * 4 / 5 + 2_000 * 4 / 10
        assert earned(5, [(5, 300), (10, 2_000)]) == 1_000
        assert earned(0, [(10, 2_000)]) == 0

    def test_adds_up_and_each_number_equals_its_rows(self, shop: Shop, owner: Client) -> None:
        template = make_template(amount_fen=1_800, days_valid=60)
        programme = make_programme(
            slots=3, when_full=WhenFull.RENEW, reward_template_id=template.pk, valid_days=90
        )
        won = make_card(programme, "韩梅梅")
        give(shop, won, 4)
        give(shop, shop.card, 2)
        services.set_costs(
            programme_id=shop.programme.pk, costs={10: 1_500}, percent=50, actor=ACTOR
        )

        page = owner.get(url(shop, "liability"))
        report = page.context["report"]
        of = {outlook.programme.pk: (outlook, sums) for outlook, sums in report.programmes}

        outlook, sums = of[shop.programme.pk]
        assert (sums.stamps, sums.full_fen, sums.expected_fen) == (2, 300, 150)
        assert (outlook.share, outlook.has_unknown) == (0.5, False)
        outlook, sums = of[programme.pk]
        assert (sums.stamps, sums.coupons, sums.full_fen) == (1, 1, 600 + 1_800)
        assert outlook.costs[0].fen == 1_800
        total = report.total
        assert (total.cards, total.stamps, total.coupons, total.full_fen) == (2, 3, 1, 2_700)
        assert sum(month.sums.full_fen for month in report.months) == 2_700
        for month in report.months:
            assert len(owner.get(month.cards_url).context["list"].rows) == month.sums.cards
            if month.first:
                rows = owner.get(month.coupons_url).context["list"].rows
                assert len(rows) == month.sums.coupons
        assert [month.first is None for month in report.months].count(True) == 1

    def test_what_has_run_out_costs_nothing(self, shop: Shop) -> None:
        give(shop, shop.card, 1)
        Card.objects.update(expires_at=clock.now() - timedelta(hours=1))

        report = liability.report(zone=ZONE, slug="x")

        assert (report.months, report.total.stamps) == ([], 0)

    def test_goes_by_what_became_of_stamps(self, shop: Shop) -> None:
        programme = make_programme(slots=2, when_full=WhenFull.RENEW)
        give(shop, make_card(programme), 2)
        lost = make_card(programme)
        give(shop, lost, 1)
        Card.objects.filter(pk=lost.pk).update(expires_at=clock.now() - timedelta(hours=1))
        services.expire_card(card_id=lost.pk, actor=ACTOR)

        outlook = liability.outlooks([programme])[programme.pk]

        assert outlook.measured == pytest.approx(2 / 3)
        assert outlook.share == outlook.measured
        assert liability.outlooks([shop.programme])[shop.programme.pk].share == 1.0

    def test_coupons_that_lapse_count_less(self, shop: Shop) -> None:
        template = make_template(amount_fen=1_000)
        programme = make_programme(
            slots=2, when_full=WhenFull.RENEW, reward_template_id=template.pk
        )
        for number in range(3):
            give(shop, make_card(programme, f"顾客{number}"), 2)
        used, lapsed, _open = Coupon.objects.order_by("pk")
        redeem_coupon(used, shop.store)
        Coupon.objects.filter(pk=lapsed.pk).update(ends_at=clock.now() - timedelta(days=1))

        total = liability.report(zone=ZONE, slug="x").total

        assert (total.coupons, total.full_fen, total.expected_fen) == (1, 1_000, 500)

    def test_a_redemption_that_was_undone_is_owed_again(self, shop: Shop, owner: Client) -> None:
        template = make_template(amount_fen=1_800, days_valid=60)
        programme = make_programme(
            slots=2, when_full=WhenFull.RENEW, reward_template_id=template.pk
        )
        give(shop, make_card(programme), 2)
        coupon = Coupon.objects.get()

        def owed() -> tuple[int, int, int]:
            report = owner.get(url(shop, "liability")).context["report"]
            rows = sum(
                len(owner.get(month.coupons_url).context["list"].rows)
                for month in report.months
                if month.first
            )
            return report.total.coupons, report.total.full_fen, rows

        assert owed() == (1, 1_800, 1)
        use = redeem_coupon(coupon, shop.store)
        assert owed() == (0, 0, 0)
        coupons.undo_by_manager(
            record_id=use.pk, store_id=shop.store.pk, person_id=7, name="李店长", actor=ACTOR
        )
        assert owed() == (1, 1_800, 1)
        take_coupon_code(coupon)
        assert owed() == (1, 1_800, 1)
        with clock.at(clock.now() + timedelta(minutes=10)):
            assert owed() == (1, 1_800, 1)

    def test_an_empty_shop_owes_nothing(self, client: Client, db: None) -> None:
        merchant = make_merchant("empty")
        client.force_login(make_staff(merchant, role=Role.OWNER))

        for name in ("liability", "trial"):
            page = client.get(reverse(f"stamps:{name}", args=["empty"]))
            assert page.status_code == 200
            assert "还没有集章活动" in page.content.decode()


class TestCosts:
    def test_are_kept_and_audited(self, shop: Shop, owner: Client) -> None:
        address = url(shop, "costs", shop.programme.pk)

        done = owner.post(address, {"cost_10": "12.50", "percent": "80"})

        row = RewardCosts.objects.get()
        assert done.status_code == 302
        assert (row.costs, row.percent) == ({"10": 1_250}, 80)
        assert AuditEntry.objects.filter(action="stamps.costs.set").count() == 1
        assert 'value="12.50"' in owner.get(address).content.decode()
        owner.post(address, {"cost_10": "", "percent": ""})
        row.refresh_from_db()
        assert (row.costs, row.percent) == ({}, None)

    @pytest.mark.parametrize("sent", [{"cost_10": "x"}, {"cost_10": "-1"}, {"percent": "101"}])
    def test_refuse_nonsense(self, shop: Shop, owner: Client, sent: dict[str, str]) -> None:
        answer = owner.post(url(shop, "costs", shop.programme.pk), sent)

        assert answer.status_code == 422
        assert "zg-field-error" in answer.content.decode()
        assert not RewardCosts.objects.exists()


def moves(*amounts: int, days: int = 1, card: int = 1) -> list[Move]:
    """Stamps and cancels of one card, some days apart."""
    found, after = [], 0
    for number, amount in enumerate(amounts):
        after += amount
        found.append(Move(card, amount, after, DAY + timedelta(days=number * days)))
    return found


TEN = Rule(10, {10: 1_000})


class TestTelling:
    def test_fewer_stamps_bring_more_rewards(self) -> None:
        told = moves(*[1] * 20)
        assert tell(told, TEN).given == {10: 2}
        eight = Rule(8, {8: 1_000})
        assert tell(told, eight).given == {8: 2}
        assert tell(moves(*[1] * 24), eight).fen(eight) == 3_000

    def test_rewards_on_the_way_count(self) -> None:
        rule = Rule(10, {5: 300, 10: 1_000})
        told = tell(moves(*[1] * 15), rule)
        assert told.given == {5: 2, 10: 1}
        assert told.fen(rule) == 1_600

    def test_a_card_that_stops_wins_once(self) -> None:
        assert tell(moves(*[1] * 30), Rule(10, {10: 1}, is_renewed=False)).given == {10: 1}

    def test_what_runs_out_is_lost(self) -> None:
        told = tell(moves(*[1] * 12, days=10), Rule(10, {10: 1_000}, valid_days=45))
        assert (told.rewards, told.expired) == (0, 10)

    def test_a_cancel_takes_back_what_it_won(self) -> None:
        assert tell(moves(*[1] * 10, -1), TEN).given == {10: 0}
        assert tell(moves(*[1] * 10, -1, 1), TEN).given == {10: 1}
        assert tell(moves(*[1] * 12, -3), TEN).given == {10: 0}
        assert tell(moves(1, -1), TEN).given == {}

    def test_begins_with_what_was_on_the_card(self) -> None:
        assert tell([Move(1, 1, 10, DAY)], TEN).given == {10: 1}
        assert tell([Move(1, 3, 12, DAY)], TEN).given == {10: 1}


class TestTrial:
    def test_compares_and_changes_nothing(self, shop: Shop, owner: Client) -> None:
        services.set_costs(
            programme_id=shop.programme.pk, costs={10: 1_000}, percent=None, actor=ACTOR
        )
        give(shop, shop.card, 9)
        cancel(shop.desk, shop.card)
        before = (StampRecord.objects.count(), AuditEntry.objects.count())
        asked: dict[str, str | int] = {
            "programme": shop.programme.pk,
            "slots": 4,
            "cost": "6",
            "valid_days": "",
            "when_full": "renew",
        }

        page = owner.get(url(shop, "trial"), asked)
        told = page.context["compared"]

        assert (told.now_fen, told.then_fen, told.difference_fen) == (0, 1_200, 1_200)
        assert (told.cards, told.moves, told.every) == (1, 10, 1)
        assert "+¥12.00" in page.content.decode()
        assert (StampRecord.objects.count(), AuditEntry.objects.count()) == before

    def test_begins_with_the_rules_of_today(self, shop: Shop, owner: Client) -> None:
        form = owner.get(url(shop, "trial")).context["form"]
        assert (form["slots"].value(), form.is_bound) == (10, False)

    @pytest.mark.parametrize(
        "wrong", [{"slots": "1"}, {"cost": "x"}, {"programme": "999"}, {"when_full": "x"}]
    )
    def test_refuses_nonsense(self, shop: Shop, owner: Client, wrong: dict[str, str]) -> None:
        asked = {"programme": str(shop.programme.pk), "slots": "4", "cost": "6"}
        asked["when_full"] = "stop"

        answer = owner.get(url(shop, "trial"), {**asked, **wrong})

        assert answer.status_code == 422
        assert answer.context["compared"] is None

    def test_of_very_many_only_some_cards_are_told(
        self, shop: Shop, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("zhanggui.stamps.selectors.simulating.MOST_ROWS", 2)
        for number in range(4):
            give(shop, make_card(shop.programme, f"顾客{number}"), 1)
        asked = {"programme": str(shop.programme.pk), "slots": "4", "cost": "6"}
        asked["when_full"] = "stop"

        page = owner.get(url(shop, "trial"), asked)

        assert page.context["compared"].every == 2
        assert page.context["compared"].cards == 4
        assert "每 2 张卡" in page.content.decode()

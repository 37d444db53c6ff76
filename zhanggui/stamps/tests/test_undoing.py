"""Undoing a stamp at the counter: one's own, within ten minutes, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.stamps import services
from zhanggui.stamps.errors import (
    AlreadyCancelled,
    CardState,
    NotManager,
    RewardUsed,
    UndoOver,
)
from zhanggui.stamps.models import ManagerBinding, Reward, RewardState, StampRecord
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.tests.factories import (
    FakeCoupons,
    Shop,
    balance_of,
    cancel,
    make_card,
    make_manager,
    make_programme,
    make_shop,
    manager_of,
    stamp,
)
from zhanggui.stamps.tests.pressing import make_seal, press
from zhanggui.stamps.tests.test_staff import HTMX, Counter, sign_in

NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


def undo(shop: Shop, record_id: int) -> Confirmed:
    return services.undo_stamp(desk=shop.desk, record_id=record_id, actor=manager_of(shop.desk))


class TestUndo:
    def test_takes_the_stamp_back_without_a_code(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)

        done = undo(shop, given.record_id)

        assert (done.kind, done.amount, done.before, done.after) == ("cancel", -1, 1, 0)
        back = StampRecord.objects.get(pk=done.record_id)
        assert (back.method, back.reverses_id) == ("undo", given.record_id)
        assert balance_of(shop.card) == 0
        entry = AuditEntry.objects.get(action="stamps.record.undone")
        assert entry.target == f"record:{given.record_id}"
        assert shop.adds_up()

    def test_a_reward_goes_with_it(self, shop: Shop, coupons: FakeCoupons) -> None:
        card = make_card(make_programme(slots=2, reward_template_id=1))
        stamp(shop.desk, card)
        given = stamp(shop.desk, card)
        assert undo(shop, given.record_id).lost == ["招牌奶茶一杯"]
        assert coupons.given == {1: "voided"}
        assert Reward.objects.get().state == RewardState.VOIDED
        assert shop.adds_up()

    def test_a_reward_that_was_used_stays(self, shop: Shop, coupons: FakeCoupons) -> None:
        card = make_card(make_programme(slots=2, reward_template_id=1))
        stamp(shop.desk, card)
        given = stamp(shop.desk, card)
        coupons.given[1] = "used"
        with pytest.raises(RewardUsed):
            undo(shop, given.record_id)

    def test_ten_minutes_and_not_longer(self, shop: Shop) -> None:
        with clock.at(NOON):
            first, second = (stamp(shop.desk, shop.card) for _ in range(2))
        with clock.at(NOON + timedelta(seconds=599)):
            undo(shop, second.record_id)
        with clock.at(NOON + timedelta(seconds=600)), pytest.raises(UndoOver) as refusal:
            undo(shop, first.record_id)
        assert refusal.value.code == "E_UNDO_STAMP"
        assert balance_of(shop.card) == 1

    def test_twice_is_refused(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        undo(shop, given.record_id)
        with pytest.raises(AlreadyCancelled):
            undo(shop, given.record_id)
        assert balance_of(shop.card) == 0

    def test_what_the_customer_cancelled_is_gone(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        with pytest.raises(AlreadyCancelled):
            undo(shop, given.record_id)

    def test_only_what_one_confirmed_oneself(self, shop: Shop) -> None:
        colleague = make_manager(shop.store, "赵小敏")
        theirs = stamp(colleague, shop.card)
        with pytest.raises(UndoOver):
            undo(shop, theirs.record_id)

    def test_a_press_is_cancelled_by_pressing(self, shop: Shop) -> None:
        make_seal(shop.store)
        with pytest.raises(UndoOver):
            undo(shop, press(shop.card).record_id)

    def test_another_shops_record_is_not_there(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        other = make_shop()
        with other.scope, pytest.raises(NotFound):
            undo(other, given.record_id)

    def test_a_removed_manager_undoes_nothing(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        ManagerBinding.objects.filter(pk=shop.desk.binding_id).update(removed_at=clock.now())
        with pytest.raises(NotManager):
            undo(shop, given.record_id)
        assert balance_of(shop.card) == 1

    def test_a_paused_programme_moves_nothing(self, shop: Shop) -> None:
        given = stamp(shop.desk, shop.card)
        services.pause_programme(programme_id=shop.programme.pk, actor=manager_of(shop.desk))
        with pytest.raises(CardState):
            undo(shop, given.record_id)


class TestBar:
    @pytest.fixture
    def counter(self, client: Client, shop: Shop) -> Counter:
        sign_in(client, shop.desk)
        return Counter(client, shop)

    def test_stands_on_the_desk_for_ten_minutes(self, counter: Counter) -> None:
        with clock.at(NOON):
            given = stamp(counter.shop.desk, counter.shop.card)
            assert f'data-undo-stamp="{given.record_id}"' in counter.get("desk")
        with clock.at(NOON + timedelta(minutes=10)):
            assert "data-undo-stamp" not in counter.get("desk")

    def test_undoes_by_one_tap(self, counter: Counter) -> None:
        given = stamp(counter.shop.desk, counter.shop.card)
        url = "/staff/stamp/undo"

        response = counter.client.post(url, {"record": given.record_id}, headers=HTMX)
        again = counter.client.post(url, {"record": given.record_id}, headers=HTMX)
        plain = counter.client.post(url, {"record": "x"})

        assert response.status_code == 200
        assert "已撤销" in response.content.decode()
        assert "data-undo-stamp" not in response.content.decode()
        assert (again.status_code, plain.status_code) == (409, 404)
        assert balance_of(counter.shop.card) == 0


class TestSignedInLongAgo:
    """A session that was carried off undoes nothing: WeChat has to confirm it (section 8)."""

    @pytest.mark.edge("threat stolen session")
    @pytest.mark.parametrize("what", ["stamp", "redemption"])
    def test_is_asked_to_sign_in_again(self, client: Client, shop: Shop, what: str) -> None:
        start = clock.now()
        with clock.at(start - timedelta(minutes=31)):
            sign_in(client, shop.desk)
        with clock.at(start):
            given = stamp(shop.desk, shop.card)
            name = "staff_undo_stamp" if what == "stamp" else "staff_undo"
            response = client.post(
                reverse(f"stamps:{name}"), {"record": given.record_id}, headers=HTMX
            )
            page = response.content.decode()
            assert response.status_code == 403
            assert "E_SIGN_IN_AGAIN" in page
            assert f"{reverse('wechat:oauth_start')}?audience=staff" in page
            assert balance_of(shop.card) == 1

            sign_in(client, shop.desk)  # what WeChat's page leads to
            again = client.post(
                reverse("stamps:staff_undo_stamp"), {"record": given.record_id}, headers=HTMX
            )
            assert again.status_code == 200
            assert balance_of(shop.card) == 0

    def test_the_shop_says_how_long(self, client: Client, shop: Shop) -> None:
        limits = services.LimitsInput(200, False, 5, signin_for_undo_min=60)
        services.set_limits(values=limits, actor=manager_of(shop.desk))
        start = clock.now()
        with clock.at(start - timedelta(minutes=59)):
            sign_in(client, shop.desk)
        with clock.at(start):
            given = stamp(shop.desk, shop.card)
            done = client.post(
                reverse("stamps:staff_undo_stamp"), {"record": given.record_id}, headers=HTMX
            )
        assert done.status_code == 200
        assert balance_of(shop.card) == 0

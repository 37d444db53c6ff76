"""Nobody goes below zero without the office: stamps that left a card cannot be cancelled again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import StoreState
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.core import clock
from zhanggui.coupons import services as coupons
from zhanggui.coupons.models import Coupon, TemplateState
from zhanggui.coupons.tests.factories import make_template
from zhanggui.stamps import services
from zhanggui.stamps.errors import StampsGone
from zhanggui.stamps.forms.programmes import ProgrammeForm
from zhanggui.stamps.models import Kind, Programme
from zhanggui.stamps.services import expiring
from zhanggui.stamps.services.programmes import values_of
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    confirm,
    make_card,
    make_programme,
    make_shop,
    preview,
    stamp,
    take_code,
)

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
NIGHT = datetime(2026, 5, 1, 16, 0, tzinfo=UTC)  # midnight in the shop


class TestExpiredStamps:
    def test_a_manager_cannot_cancel_them_off_the_new_round(self, db: None) -> None:
        shop = make_shop(valid_days=1)
        with shop.scope:
            with clock.at(T0):
                card = make_card(shop.programme)
                stamp(shop.desk, card)
            with clock.at(T0 + timedelta(hours=20)):
                over = NIGHT + timedelta(days=1)
                stamp(shop.desk, card)
            with clock.at(over):
                assert expiring.expire_card(card_id=card.pk, actor=system_actor("expiry"))
                services.begin_again(card_id=card.pk, actor=ACTOR)
            with clock.at(over + timedelta(hours=1)):
                digits = take_code(card, Kind.CANCEL).digits
                with pytest.raises(StampsGone):
                    preview(shop.desk, digits)
                with pytest.raises(StampsGone):
                    confirm(shop.desk, digits)
                assert balance_of(card) == 0
                newest = shop.records()[-1]
                with pytest.raises(StampsGone):
                    services.cancel_record(record_id=newest.pk, reason="误集", actor=ACTOR)
                services.cancel_record(
                    record_id=newest.pk, reason="误集", actor=ACTOR, is_forced=True
                )
            assert balance_of(card) == -1
            assert shop.adds_up()


class TestStampsTakenByHand:
    def test_they_are_not_taken_twice(self, db: None) -> None:
        shop = make_shop()
        with shop.scope:
            stamp(shop.desk, shop.card)
            stamp(shop.desk, shop.card)
            services.adjust(card_id=shop.card.pk, amount=-1, reason="多盖了", actor=ACTOR)
            cancel(shop.desk, shop.card)
            with pytest.raises(StampsGone):
                cancel(shop.desk, shop.card)
            assert balance_of(shop.card) == 0
            assert shop.adds_up()


@pytest.fixture
def promised(db: None) -> Shop:
    """A programme whose full card wins a real coupon."""
    shop = make_shop()
    shop.scope.enter_context(clock.at(T0))
    template = make_template(name="招牌奶茶券")
    shop.programme = make_programme(slots=4, max_per_code=4, reward_template_id=template.pk)
    shop.card = make_card(shop.programme)
    return shop


class TestFrozenReward:
    @pytest.mark.spec("stamps D31")
    def test_a_coupon_that_the_shop_froze_goes_with_its_stamp(self, promised: Shop) -> None:
        with promised.scope:
            stamp(promised.desk, promised.card, amount=4, reason="四杯")
            coupon = Coupon.objects.get()
            coupons.freeze(coupon_id=coupon.pk, reason="可疑", actor=ACTOR)
            assert cancel(promised.desk, promised.card).lost == ["招牌奶茶一杯"]
            coupon.refresh_from_db()
            assert (coupon.state, coupon.usable) == ("voided", 0)
            assert balance_of(promised.card) == 0
            assert promised.adds_up()


class TestStoppedCoupon:
    @pytest.fixture
    def stopped(self, promised: Shop) -> Shop:
        template = promised.programme.versions.get().rewards[-1]["template"]
        coupons.set_state(template_id=template, state=TemplateState.STOPPED, actor=ACTOR)
        return promised

    def test_a_programme_that_promises_it_can_be_changed_and_copied(self, stopped: Shop) -> None:
        with stopped.scope:
            programme = stopped.programme
            form = ProgrammeForm(None, zone="Asia/Shanghai", programme=programme)
            offered = dict(form.fields["reward_template"].choices)  # type: ignore[attr-defined]
            assert form.initial["reward_template"] in offered
            values = values_of(programme)
            services.edit_programme(programme_id=programme.pk, values=values, actor=ACTOR)
            assert programme.versions.count() == 1
            copy = services.copy_programme(programme_id=programme.pk, actor=ACTOR)
            assert copy.versions.get().rewards == programme.versions.get().rewards

    def test_a_new_programme_cannot_promise_it(self, stopped: Shop) -> None:
        with stopped.scope:
            form = ProgrammeForm(None, zone="Asia/Shanghai")
            choices = dict(form.fields["reward_template"].choices)  # type: ignore[attr-defined]
            assert list(choices) == [""]


class TestClosedStore:
    def test_it_stays_chosen_so_that_saving_does_not_open_the_card_everywhere(
        self, db: None
    ) -> None:
        shop = make_shop()
        with shop.scope:
            programme = make_programme(store_ids=[shop.store.pk])
            shop.store.state = StoreState.CLOSED
            shop.store.save(update_fields=["state"])
            form = ProgrammeForm(
                None, zone="Asia/Shanghai", programme=Programme.objects.get(pk=programme.pk)
            )
            stores = form.fields["stores"].queryset  # type: ignore[attr-defined]
            assert [store.pk for store in stores] == [shop.store.pk]
            assert form.initial["stores"] == [shop.store.pk]

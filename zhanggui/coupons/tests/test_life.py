"""The state machine of a coupon (5.4): every edge, and no other; counts, ledger, windows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise, product

import pytest

from zhanggui.accounts.models import AuditEntry
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import clock
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.coupons import rules, services
from zhanggui.coupons.errors import (
    AlreadyUndone,
    ConditionUnmet,
    CouponExpired,
    CouponFrozen,
    CouponHeld,
    CouponReasonMissing,
    CouponUsed,
    CouponVoided,
    CouponWrongStore,
    NotOwner,
    NotStarted,
    TemplatePaused,
    UndoWindow,
)
from zhanggui.coupons.models import (
    Coupon,
    CouponChange,
    CouponState,
    TemplateState,
    UseKind,
    UseRecord,
    Validity,
)
from zhanggui.coupons.services import steps
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    make_template,
    now,
    redeem,
    take_code,
)
from zhanggui.ledger.models import Account, Entry, Unit

S = CouponState
DAY = timedelta(days=1)


def path_of(coupon: Coupon) -> list[str]:
    """The states a coupon went through, as its history has them."""
    return list(
        CouponChange.objects.filter(coupon=coupon).order_by("pk").values_list("after", flat=True)
    )


class TestEdges:
    def test_start(self, shop: Shop) -> None:
        coupon = make_coupon(days_until_start=1)
        assert counts(coupon) == ("issued", 1, 0, 0, 0)
        with clock.at(coupon.starts_at):
            assert rules.state_now(coupon, clock.now()) is S.USABLE
            services.tidy()
        assert path_of(coupon) == ["issued", "usable"]

    @pytest.mark.edge("coupon USABLE>HELD", "coupon HELD>USABLE")
    def test_hold_and_release_by_the_customer(self, shop: Shop) -> None:
        coupon = make_coupon()
        code = take_code(coupon)
        assert counts(coupon) == ("held", 0, 1, 0, 0)
        services.revoke_code(coupon_id=coupon.pk, code_id=code.code_id, actor=ACTOR)
        assert counts(coupon) == ("usable", 1, 0, 0, 0)
        assert path_of(coupon) == ["usable", "held", "usable"]

    def test_released_when_the_code_expires(self, shop: Shop) -> None:
        coupon = make_coupon()
        code = take_code(coupon)
        with clock.at(code.expires_at - timedelta(seconds=1)):
            assert rules.state_now(now(coupon), clock.now()) is S.HELD
        with clock.at(code.expires_at):
            assert rules.state_now(now(coupon), clock.now()) is S.USABLE
            services.tidy()
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    def test_redeem(self, shop: Shop) -> None:
        coupon = make_coupon()
        record = redeem(coupon, shop.store)
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)
        assert path_of(coupon) == ["usable", "held", "redeemed"]
        assert record.store_id == shop.store.pk
        assert shop.adds_up()

    @pytest.mark.edge("coupon REDEEMED>USABLE")
    def test_undo(self, shop: Shop) -> None:
        coupon = make_coupon()
        record = redeem(coupon, shop.store)
        services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        assert counts(coupon) == ("usable", 1, 0, 0, 0)
        assert now(coupon).use_no == 2
        assert now(coupon).ends_at == coupon.ends_at
        assert shop.adds_up()
        redeem(coupon, shop.store)
        assert UseRecord.objects.get(kind=UseKind.REDEEM, use_no=2).coupon_id == coupon.pk

    @pytest.mark.edge("coupon REDEEMED>EXPIRED")
    def test_undo_after_the_end(self, shop: Shop) -> None:
        coupon = make_coupon(days_valid=1)
        with clock.at(coupon.ends_at - timedelta(hours=1)):
            record = redeem(coupon)
        with clock.at(coupon.ends_at + timedelta(hours=1)):
            services.undo_by_office(
                record_id=record.pk, reason="扫错了", is_usable_again=False, actor=ACTOR
            )
        assert counts(coupon) == ("expired", 0, 0, 0, 1)
        assert shop.adds_up()

    @pytest.mark.edge("coupon USABLE>EXPIRED", "coupon ISSUED>EXPIRED")
    @pytest.mark.parametrize("days_until_start", [0, 5], ids=["usable", "not-started"])
    def test_end(self, shop: Shop, days_until_start: int) -> None:
        coupon = make_coupon(
            template=make_template(
                validity=Validity.FIXED,
                starts_at=clock.now() + days_until_start * DAY,
                ends_at=clock.now() + 9 * DAY,
            )
        )
        with clock.at(coupon.ends_at - timedelta(seconds=1)):
            assert rules.state_now(coupon, clock.now()) is S.USABLE
        with clock.at(coupon.ends_at):
            assert rules.state_now(coupon, clock.now()) is S.EXPIRED
            services.tidy()
        assert counts(coupon) == ("expired", 0, 0, 0, 1)
        assert shop.adds_up()

    @pytest.mark.parametrize("state", ["usable", "issued", "held"])
    def test_void(self, shop: Shop, state: str) -> None:
        coupon = make_coupon(days_until_start=1 if state == "issued" else 0)
        code = take_code(coupon) if state == "held" else None
        assert now(coupon).state == state
        services.void(coupon_id=coupon.pk, reason="印错了", actor=ACTOR)
        assert counts(coupon) == ("voided", 0, 0, 0, 1)
        assert path_of(coupon)[-2:] == [state, "voided"]
        assert now(coupon).reason == "印错了"
        assert shop.adds_up()
        if code is not None:
            assert OneTimeCode.objects.get(pk=code.code_id).state == "revoked"

    def test_freeze_and_unfreeze(self, shop: Shop) -> None:
        coupon = make_coupon()
        code = take_code(coupon)
        services.freeze(coupon_id=coupon.pk, reason="有人举报", actor=ACTOR)
        assert counts(coupon) == ("frozen", 1, 0, 0, 0)
        assert OneTimeCode.objects.get(pk=code.code_id).state == "revoked"
        services.unfreeze(coupon_id=coupon.pk, actor=ACTOR)
        assert counts(coupon) == ("usable", 1, 0, 0, 0)
        assert path_of(coupon)[-2:] == ["frozen", "usable"]

    def test_unfrozen_after_the_end_has_expired(self, shop: Shop) -> None:
        coupon = make_coupon()
        services.freeze(coupon_id=coupon.pk, reason="有人举报", actor=ACTOR)
        with clock.at(coupon.ends_at + DAY):
            assert rules.state_now(now(coupon), clock.now()) is S.FROZEN
            services.unfreeze(coupon_id=coupon.pk, actor=ACTOR)
        assert counts(coupon) == ("expired", 0, 0, 0, 1)
        assert path_of(coupon)[-2:] == ["usable", "expired"]
        assert shop.adds_up()

    @pytest.mark.edge("coupon knows no other step")
    def test_no_other_edge(self, shop: Shop) -> None:
        coupon = make_coupon()
        wrong = [pair for pair in product(S, S) if pair not in rules.EDGES]
        assert len(wrong) == 49 - 14
        for before, after in wrong:
            coupon.state = before
            with pytest.raises(steps.WrongStep):
                steps.step(coupon, after, by="test", at=clock.now())
        assert path_of(coupon) == ["usable"]

    def test_history_has_only_known_edges(self, shop: Shop) -> None:
        coupon = make_coupon(uses=2)
        record = redeem(coupon)
        redeem(coupon)
        services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        steps_ = [S(state) for state in path_of(coupon)]
        assert all(pair in rules.EDGES for pair in pairwise(steps_))


class TestWhoMayNot:
    @pytest.mark.parametrize(
        ("lead", "refusal"),
        [
            (redeem, CouponUsed),
            (
                lambda coupon: services.void(coupon_id=coupon.pk, reason="x", actor=ACTOR),
                CouponVoided,
            ),
            (
                lambda coupon: services.freeze(coupon_id=coupon.pk, reason="x", actor=ACTOR),
                CouponFrozen,
            ),
            (
                lambda coupon: services.set_state(
                    template_id=coupon.template_id, state=TemplateState.PAUSED, actor=ACTOR
                ),
                TemplatePaused,
            ),
            (
                lambda coupon: services.hold_for_till(
                    coupon_id=coupon.pk, holder="till:1", minutes=5, actor=ACTOR
                ),
                CouponHeld,
            ),
        ],
        ids=["used", "voided", "frozen", "paused", "held-by-a-till"],
    )
    def test_refused_by_code_and_by_redeem(
        self, shop: Shop, lead: Callable[[Coupon], object], refusal: type[DomainError]
    ) -> None:
        coupon = make_coupon()
        lead(coupon)
        before, uses = counts(coupon), UseRecord.objects.count()
        with pytest.raises(refusal):
            take_code(coupon)
        with pytest.raises(refusal):
            redeem(coupon, holder="till:2")
        assert counts(coupon) == before
        assert UseRecord.objects.count() == uses
        assert not OneTimeCode.objects.filter(state="active").exists()

    def test_not_started_and_expired(self, shop: Shop) -> None:
        coupon = make_coupon(days_until_start=2)
        with pytest.raises(NotStarted):
            redeem(coupon)
        with clock.at(coupon.ends_at), pytest.raises(CouponExpired):
            redeem(coupon)
        assert counts(coupon) == ("issued", 1, 0, 0, 0)

    def test_another_customer(self, shop: Shop) -> None:
        coupon = make_coupon()
        stranger = make_customer("路人")
        with pytest.raises(NotOwner):
            services.request_code(coupon_id=coupon.pk, customer_id=stranger.pk, actor=ACTOR)

    def test_wrong_store(self, shop: Shop) -> None:
        coupon = make_coupon(store_ids=[shop.store.pk])
        with pytest.raises(CouponWrongStore):
            redeem(coupon, shop.other)
        redeem(coupon, shop.store)

    def test_conditions(self, shop: Shop) -> None:
        moment = clock.now()
        weekday = clock.local_date(moment, shop.merchant.time_zone).isoweekday()
        other_day = weekday % 7 + 1
        with clock.at(moment):
            coupon = make_coupon(weekdays=[other_day], min_spend_fen=5_000)
        with clock.at(moment), pytest.raises(ConditionUnmet):
            redeem(coupon)
        with clock.at(moment + DAY), pytest.raises(ConditionUnmet):
            redeem(coupon, order_fen=4_999)
        with clock.at(moment + DAY):
            redeem(coupon, order_fen=5_000)

    def test_reasons(self, shop: Shop) -> None:
        coupon = make_coupon()
        for act in (services.void, services.freeze):
            with pytest.raises(CouponReasonMissing):
                act(coupon_id=coupon.pk, reason="  ", actor=ACTOR)
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    def test_what_is_over_is_not_voided(self, shop: Shop) -> None:
        used = make_coupon()
        redeem(used)
        with pytest.raises(CouponUsed):
            services.void(coupon_id=used.pk, reason="x", actor=ACTOR)
        frozen = make_coupon()
        services.freeze(coupon_id=frozen.pk, reason="x", actor=ACTOR)
        with pytest.raises(CouponFrozen):
            services.void(coupon_id=frozen.pk, reason="x", actor=ACTOR)


@pytest.mark.spec("stamps D35")
class TestCodeAndTheEnd:
    def test_a_code_never_outlives_the_coupon(self, shop: Shop) -> None:
        coupon = make_coupon()
        with clock.at(coupon.ends_at - timedelta(seconds=40)):
            code = take_code(coupon)
        assert code.expires_at == coupon.ends_at
        assert code.life_s == 40

    def test_the_end_is_checked_again_when_redeeming(self, shop: Shop) -> None:
        coupon = make_coupon()
        with clock.at(coupon.ends_at - timedelta(seconds=40)):
            code = take_code(coupon)
        with clock.at(coupon.ends_at), pytest.raises(CouponExpired):
            redeem(coupon, holder=services.by_code(code.code_id))
        assert not UseRecord.objects.exists()


@pytest.mark.spec("stamps D34")
class TestHeld:
    def test_other_uses_are_refused_and_come_free_when_the_code_ends(self, shop: Shop) -> None:
        coupon = make_coupon()
        moment = clock.now()
        with clock.at(moment):
            code = take_code(coupon)
            with pytest.raises(CouponHeld) as held:
                redeem(coupon)
            assert held.value.retry_after_s == 180
            with pytest.raises(CouponHeld):
                services.hold_for_till(coupon_id=coupon.pk, holder="till:1", minutes=5, actor=ACTOR)
        with clock.at(code.expires_at):
            redeem(coupon)
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)

    def test_a_second_tap_shows_the_same_digits(self, shop: Shop) -> None:
        coupon = make_coupon()
        assert take_code(coupon).digits == take_code(coupon).digits
        assert counts(coupon) == ("held", 0, 1, 0, 0)

    def test_a_till_holds_60_minutes_at_most_and_gives_back(self, shop: Shop) -> None:
        coupon = make_coupon()
        moment = clock.now()
        with clock.at(moment):
            services.hold_for_till(coupon_id=coupon.pk, holder="t:1", minutes=600, actor=ACTOR)
            assert now(coupon).held_until == moment + timedelta(minutes=60)
            with pytest.raises(CouponHeld):
                take_code(coupon)
            services.release_from_till(coupon_id=coupon.pk, holder="t:2", actor=ACTOR)
            assert now(coupon).state == S.HELD
            services.release_from_till(coupon_id=coupon.pk, holder="t:1", actor=ACTOR)
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    def test_the_till_that_holds_it_redeems_it(self, shop: Shop) -> None:
        coupon = make_coupon()
        services.hold_for_till(coupon_id=coupon.pk, holder="t:1", minutes=5, actor=ACTOR)
        redeem(coupon, holder="t:1")
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)


class TestSeveralUses:
    def test_each_use_is_counted(self, shop: Shop) -> None:
        coupon = make_coupon(uses=3)
        redeem(coupon)
        assert counts(coupon) == ("usable", 2, 0, 1, 0)
        take_code(coupon)
        assert counts(coupon) == ("held", 1, 1, 1, 0)
        services.void(coupon_id=coupon.pk, reason="退款", actor=ACTOR)
        assert counts(coupon) == ("voided", 0, 0, 1, 2)
        assert shop.adds_up()

    def test_the_last_use_is_the_end(self, shop: Shop) -> None:
        coupon = make_coupon(uses=2)
        redeem(coupon)
        redeem(coupon)
        assert counts(coupon) == ("redeemed", 0, 0, 2, 0)
        with pytest.raises(CouponUsed):
            redeem(coupon)

    @pytest.mark.edge("coupon EXPIRED>USABLE")
    def test_a_use_undone_after_the_rest_has_lapsed(self, shop: Shop) -> None:
        coupon = make_coupon(uses=3, days_valid=1)
        with clock.at(coupon.ends_at - timedelta(minutes=5)):
            record = redeem(coupon)
        moment = coupon.ends_at + timedelta(hours=1)
        with clock.at(moment):
            services.tidy()
            assert counts(coupon) == ("expired", 0, 0, 1, 2)
            services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        assert counts(coupon) == ("usable", 1, 0, 0, 2)
        assert now(coupon).ends_at == moment + DAY
        assert shop.adds_up()

    def test_a_use_of_a_voided_one_undone_stays_void(self, shop: Shop) -> None:
        coupon = make_coupon(uses=2)
        record = redeem(coupon)
        services.void(coupon_id=coupon.pk, reason="退款", actor=ACTOR)
        services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        assert counts(coupon) == ("voided", 0, 0, 0, 2)
        assert shop.adds_up()

    def test_a_use_undone_while_a_code_is_out(self, shop: Shop) -> None:
        coupon = make_coupon(uses=2)
        record = redeem(coupon)
        take_code(coupon)
        services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        assert counts(coupon) == ("usable", 2, 0, 0, 0)
        assert not OneTimeCode.objects.filter(state="active").exists()


@pytest.mark.spec("stamps D36")
class TestUndoWindows:
    def undo_at_counter(self, shop: Shop, record: UseRecord) -> UseRecord:
        return services.undo_by_manager(
            record_id=record.pk, store_id=shop.store.pk, person_id=7, name="李店长", actor=ACTOR
        )

    @pytest.mark.edge("coupon undone too late")
    def test_a_manager_has_ten_minutes(self, shop: Shop) -> None:
        first, second = make_coupon(), make_coupon()
        moment = clock.now()
        with clock.at(moment):
            one, two = redeem(first, shop.store), redeem(second, shop.store)
        with clock.at(moment + timedelta(minutes=10)):
            self.undo_at_counter(shop, one)
        with clock.at(moment + timedelta(minutes=10, seconds=1)), pytest.raises(UndoWindow):
            self.undo_at_counter(shop, two)
        assert counts(first) == ("usable", 1, 0, 0, 0)
        assert counts(second) == ("redeemed", 0, 0, 1, 0)

    def test_a_manager_undoes_only_in_the_own_store(self, shop: Shop) -> None:
        record = redeem(make_coupon(), shop.other)
        with pytest.raises(NotFound):
            self.undo_at_counter(shop, record)

    @pytest.mark.edge("coupon undone too late")
    def test_the_office_has_fifteen_days(self, shop: Shop) -> None:
        first, second = make_coupon(), make_coupon()
        moment = clock.now()
        with clock.at(moment):
            one, two = redeem(first), redeem(second)
        with clock.at(moment + 15 * DAY):
            services.undo_by_office(record_id=one.pk, reason="扫错了", actor=ACTOR)
        with clock.at(moment + 15 * DAY + timedelta(seconds=1)), pytest.raises(UndoWindow):
            services.undo_by_office(record_id=two.pk, reason="扫错了", actor=ACTOR)

    def test_the_office_says_why(self, shop: Shop) -> None:
        record = redeem(make_coupon())
        with pytest.raises(CouponReasonMissing):
            services.undo_by_office(record_id=record.pk, reason=" ", actor=ACTOR)

    def test_a_coupon_that_lapsed_since_gets_24_hours(self, shop: Shop) -> None:
        coupon = make_coupon(days_valid=1)
        with clock.at(coupon.ends_at - timedelta(minutes=1)):
            record = redeem(coupon, shop.store)
        moment = coupon.ends_at + timedelta(minutes=5)
        with clock.at(moment):
            self.undo_at_counter(shop, record)
            assert rules.state_now(now(coupon), clock.now()) is S.USABLE
        assert now(coupon).ends_at == moment + DAY
        with clock.at(moment + DAY), pytest.raises(CouponExpired):
            redeem(coupon)

    @pytest.mark.edge("coupon undone twice")
    def test_twice_is_refused(self, shop: Shop) -> None:
        record = redeem(make_coupon(), shop.store)
        self.undo_at_counter(shop, record)
        with pytest.raises(AlreadyUndone):
            self.undo_at_counter(shop, record)
        with pytest.raises(AlreadyUndone):
            services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        assert UseRecord.objects.filter(kind=UseKind.UNDO).count() == 1
        assert shop.adds_up()

    @pytest.mark.edge("coupon undone twice")
    def test_an_undo_is_not_undone(self, shop: Shop) -> None:
        record = redeem(make_coupon(), shop.store)
        undone = self.undo_at_counter(shop, record)
        with pytest.raises(NotFound):
            services.undo_by_office(record_id=undone.pk, reason="x", actor=ACTOR)


class TestBooks:
    def test_every_use_lies_in_the_ledger(self, shop: Shop) -> None:
        coupon = make_coupon(uses=2)
        record = redeem(coupon)
        services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        amounts = Entry.objects.filter(account_id=coupon.account_id).order_by("pk")
        assert list(amounts.values_list("amount", flat=True)) == [2, -1, 1]
        assert Account.objects.get(pk=coupon.account_id).unit == Unit.COUPON
        assert Account.objects.get(pk=coupon.account_id).balance == 2

    def test_each_step_is_in_the_audit_log(self, shop: Shop) -> None:
        coupon = make_coupon()
        code = take_code(coupon)
        redeem(coupon, shop.store, holder=services.by_code(code.code_id))
        entries = AuditEntry.objects.filter(target=f"coupon:{coupon.pk}").order_by("pk")
        assert list(entries.values_list("action", flat=True)) == [
            "coupons.coupon.issued",
            "coupons.coupon.redeemed",
        ]
        assert code.digits not in str(list(AuditEntry.objects.values_list("details", flat=True)))

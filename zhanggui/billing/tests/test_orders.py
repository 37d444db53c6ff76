"""Trial, renewal, upgrade, balance, cancelling, gifts and refunds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhanggui.accounts import standing
from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.services import create_merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_operator
from zhanggui.billing import periods, selectors, services, states
from zhanggui.billing.errors import (
    DowngradePlanned,
    EditionChanged,
    NotOnSale,
    NotRefundable,
    NoUpgrade,
    OrderMoved,
    OrderWaits,
    PlanMoved,
    PriceOutOfRange,
    ReasonMissing,
    UpgradeFirst,
)
from zhanggui.billing.models import (
    Change,
    Edition,
    Kind,
    Order,
    OrderChange,
    OrderState,
    Plan,
    PlanChange,
    Price,
    Way,
)
from zhanggui.billing.services import plans
from zhanggui.billing.services.orders import fulfil
from zhanggui.billing.tests.factories import (
    BASIC,
    PLUS,
    edition,
    make_order,
    make_subscriber,
    put_on_balance,
)
from zhanggui.core import clock, tenancy
from zhanggui.ledger import checks
from zhanggui.ledger.errors import NotEnough
from zhanggui.ledger.models import Entry, Unit

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 12, 6, 30, tzinfo=UTC)


def renew(merchant: Merchant, code: str = BASIC, months: int = 1, **values: bool) -> Order:
    use_balance = values.get("use_balance", False)
    return services.order_period(
        merchant=merchant,
        edition=code,
        months=months,
        use_balance=use_balance,
        note="",
        actor=ACTOR,
    )


def upgrade(merchant: Merchant, code: str = PLUS, *, use_balance: bool = False) -> Order:
    return services.order_upgrade(
        merchant=merchant, edition=code, use_balance=use_balance, note="", actor=ACTOR
    )


def receive(merchant: Merchant, order: Order) -> None:
    """The money arrives."""
    fulfil(plans.locked_plan(), order, merchant, role=states.SELLER, actor=ACTOR)


def plan_of(merchant: Merchant) -> Plan:
    plan = selectors.plan_of()
    assert plan is not None
    merchant.refresh_from_db()
    assert merchant.plan_ends_at == plan.ends_at
    return plan


@pytest.mark.spec("platform P10")
class TestTrial:
    @pytest.mark.spec("repairs A7")
    def test_begins_with_the_merchant_and_has_the_big_edition(self) -> None:
        with clock.at(NOW):
            merchant = create_merchant(name="新店", slug="new-shop", actor=ACTOR)
            stands = standing.of(Merchant.objects.get(pk=merchant.pk))
        with tenancy.merchant_scope(merchant.pk):
            plan = plan_of(merchant)
            assert PlanChange.objects.get().kind == Change.TRIAL
        assert (plan.is_trial, plan.edition.code) == (True, PLUS)
        assert plan.ends_at == NOW + timedelta(days=15)
        assert stands.features == frozenset(edition(PLUS).features)

    def test_is_not_given_where_nothing_is_tried(self) -> None:
        Edition.objects.update(is_trial=False)
        merchant = create_merchant(name="新店", slug="new-shop", actor=ACTOR)
        with tenancy.merchant_scope(merchant.pk):
            assert selectors.plan_of() is None
        assert standing.of(merchant).features is None

    @pytest.mark.spec("repairs U-43")
    def test_buying_costs_the_full_price_and_adds_the_days_left(self) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(code=PLUS, left=timedelta(days=5), is_trial=True)
            with tenancy.merchant_scope(merchant.pk):
                order = renew(merchant, BASIC, 12)
                assert (order.kind, order.total_fen) == (Kind.BUY, 99_800)
                receive(merchant, order)
                plan = plan_of(merchant)
        assert (plan.is_trial, plan.edition.code) == (False, BASIC)
        expected = periods.add_months(NOW + timedelta(days=5), 12, "Asia/Shanghai")
        assert plan.ends_at == expected

    def test_cannot_be_upgraded(self) -> None:
        merchant = make_subscriber(code=BASIC, is_trial=True)
        with tenancy.merchant_scope(merchant.pk), pytest.raises(NoUpgrade):
            upgrade(merchant)


@pytest.mark.spec("platform P10")
class TestRenewal:
    @pytest.mark.spec("repairs U-42")
    @pytest.mark.parametrize("months", [1, 12, 24, 36])
    def test_adds_the_period_once_paid(self, tea: Merchant, months: int) -> None:
        before = plan_of(tea).ends_at
        order = renew(tea, months=months)
        assert plan_of(tea).ends_at == before
        assert (order.way, order.state) == (Way.TRANSFER, OrderState.PENDING)

        receive(tea, order)

        assert plan_of(tea).ends_at == periods.add_months(before, months, tea.time_zone)
        assert AuditEntry.objects.filter(action="billing.plan.changed").count() == 1

    @pytest.mark.parametrize("months", [0, 2, 13, -1])
    def test_sells_only_its_periods(self, tea: Merchant, months: int) -> None:
        with pytest.raises(NotOnSale):
            renew(tea, months=months)
        assert not Order.objects.exists()

    @pytest.mark.parametrize("code", ["nothing", ""])
    def test_sells_only_its_editions(self, tea: Merchant, code: str) -> None:
        with pytest.raises(NotOnSale):
            renew(tea, code)

    def test_what_is_not_on_sale_is_refused(self, tea: Merchant) -> None:
        Edition.objects.filter(code=BASIC).update(is_on_sale=False)
        with pytest.raises(NotOnSale):
            renew(tea)

    @pytest.mark.parametrize(
        "left", [timedelta(days=-3), timedelta(days=-30), timedelta(days=-200)]
    )
    def test_after_the_end_begins_now_in_any_edition(self, left: timedelta) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(left=left)
            with tenancy.merchant_scope(merchant.pk):
                receive(merchant, renew(merchant, PLUS))
                plan = plan_of(merchant)
            assert standing.of(merchant).phase == standing.Phase.RUNNING
        assert plan.ends_at == periods.add_months(NOW, 1, "Asia/Shanghai")
        assert plan.edition.code == PLUS

    def test_a_bigger_edition_of_a_running_plan_is_an_upgrade(self, tea: Merchant) -> None:
        with pytest.raises(UpgradeFirst):
            renew(tea, PLUS)

    def test_one_order_at_a_time(self, tea: Merchant) -> None:
        renew(tea)
        with pytest.raises(OrderWaits):
            renew(tea)
        assert Order.objects.count() == 1


class TestDowngrade:
    @pytest.mark.spec("repairs U-43")
    def test_begins_where_the_present_period_ends_by_the_clock_alone(self) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(code=PLUS, left=timedelta(days=10))
            with tenancy.merchant_scope(merchant.pk):
                receive(merchant, renew(merchant, BASIC, 12))
                plan = plan_of(merchant)
            assert plan.edition.code == PLUS
            assert plan.next_from == NOW + timedelta(days=10)
            assert standing.of(merchant).has("own_roles")
        with clock.at(NOW + timedelta(days=10)):
            stands = standing.of(merchant)
            assert not stands.has("own_roles")
            assert stands.limits["staff"] == 3
            assert selectors.edition_now(plan).code == BASIC

    def test_the_smaller_one_can_be_renewed_and_nothing_else(self) -> None:
        merchant = make_subscriber(code=PLUS)
        with tenancy.merchant_scope(merchant.pk):
            receive(merchant, renew(merchant, BASIC))
            before = plan_of(merchant).ends_at
            receive(merchant, renew(merchant, BASIC))
            assert plan_of(merchant).ends_at == periods.add_months(before, 1, "Asia/Shanghai")
            with pytest.raises(DowngradePlanned):
                renew(merchant, PLUS)

    def test_an_upgrade_takes_it_back_for_the_price_of_its_stretch(self) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(code=PLUS, left=timedelta(days=10))
            with tenancy.merchant_scope(merchant.pk):
                receive(merchant, renew(merchant, BASIC))
                stretch = plan_of(merchant).ends_at - NOW - timedelta(days=10)
                order = upgrade(merchant)
                assert order.total_fen == 660 * stretch.days
                receive(merchant, order)
                assert plan_of(merchant).next_edition is None


@pytest.mark.spec("platform P10")
class TestUpgrade:
    @pytest.mark.spec("repairs U-43", "repairs M3")
    def test_begins_at_once_and_keeps_the_end(self) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(left=timedelta(days=100))
            with tenancy.merchant_scope(merchant.pk):
                order = upgrade(merchant)
                assert order.total_fen == 66_000
                receive(merchant, order)
                plan = plan_of(merchant)
            assert standing.of(merchant).has("own_roles")
        assert (plan.edition.code, plan.ends_at) == (PLUS, NOW + timedelta(days=100))

    @pytest.mark.parametrize("left", [timedelta(0), timedelta(days=-1), timedelta(days=-30)])
    def test_is_refused_when_the_plan_is_over(self, left: timedelta) -> None:
        with clock.at(NOW):
            merchant = make_subscriber(left=left)
            with tenancy.merchant_scope(merchant.pk), pytest.raises(NoUpgrade):
                upgrade(merchant)

    def test_is_refused_from_the_biggest(self) -> None:
        merchant = make_subscriber(code=PLUS)
        with tenancy.merchant_scope(merchant.pk), pytest.raises(NoUpgrade):
            upgrade(merchant)

    def test_is_refused_when_a_gift_made_it_dearer_in_between(self, tea: Merchant) -> None:
        order = upgrade(tea)
        services.grant(
            merchant=tea, edition=edition(), months=12, days=0, reason="补偿", actor=ACTOR
        )
        with pytest.raises(PlanMoved):
            receive(tea, order)


@pytest.mark.spec("platform P10")
class TestBalance:
    @pytest.mark.spec("repairs U-44")
    def test_pays_first_and_the_whole_at_once(self, tea: Merchant) -> None:
        put_on_balance(tea, 10_000)
        before = plan_of(tea).ends_at

        order = renew(tea, use_balance=True)

        assert (order.state, order.way) == (OrderState.PAID, Way.BALANCE)
        assert selectors.balance_fen() == 100
        assert plan_of(tea).ends_at > before
        assert checks.findings() == []

    def test_part_of_it_is_set_aside_and_returned(self, tea: Merchant) -> None:
        put_on_balance(tea, 1_000)
        order = renew(tea, use_balance=True)
        assert (order.balance_fen, order.rest_fen, selectors.balance_fen()) == (1_000, 8_900, 0)

        services.cancel_order(merchant=tea, order_id=order.pk, actor=ACTOR)

        assert selectors.balance_fen() == 1_000
        assert checks.findings() == []

    def test_is_left_alone_when_not_chosen(self, tea: Merchant) -> None:
        put_on_balance(tea, 10_000)
        assert renew(tea).balance_fen == 0
        assert selectors.balance_fen() == 10_000

    def test_never_falls_below_zero(self, tea: Merchant) -> None:
        put_on_balance(tea, 10_000)
        top_up = Order.objects.get(kind=Kind.TOP_UP)
        renew(tea, use_balance=True)
        with pytest.raises(NotEnough):
            services.refund_order(merchant=tea, order_id=top_up.pk, reason="退回", actor=ACTOR)
        assert selectors.balance_fen() == 100

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["top_up", "renew", "upgrade", "cancel", "refund", "wait"]),
                st.integers(1, 40_000),
                st.booleans(),
            ),
            max_size=8,
        )
    )
    def test_is_the_sum_of_its_entries_whatever_happens(
        self, steps: list[tuple[str, int, bool]]
    ) -> None:
        moment = NOW
        with clock.at(moment):
            merchant = make_subscriber(left=timedelta(days=40))
        with tenancy.merchant_scope(merchant.pk):
            for what, amount, use_balance in steps:
                with clock.at(moment):
                    self._step(merchant, what, amount, use_balance=use_balance)
                    assert checks.findings() == []
                    assert selectors.balance_fen() == self._entries() >= 0
                moment += timedelta(minutes=amount % 50)

    @staticmethod
    def _entries() -> int:
        rows = Entry.objects.filter(account__unit=Unit.CNY, account__code=selectors.BALANCE)
        return sum(rows.values_list("amount", flat=True))

    @staticmethod
    def _step(merchant: Merchant, what: str, amount: int, *, use_balance: bool) -> None:
        newest = Order.objects.order_by("-id").first()
        try:
            if what == "top_up":
                order = services.order_top_up(
                    merchant=merchant, amount_fen=amount, note="", actor=ACTOR
                )
                if use_balance:
                    receive(merchant, order)
            elif what == "renew":
                renew(merchant, use_balance=use_balance)
            elif what == "upgrade":
                upgrade(merchant, use_balance=use_balance)
            elif what == "cancel" and newest:
                services.cancel_order(merchant=merchant, order_id=newest.pk, actor=ACTOR)
            elif what == "refund" and newest:
                services.refund_order(
                    merchant=merchant, order_id=newest.pk, reason="测试", actor=ACTOR
                )
            elif what == "wait":
                services.lapse_orders()
        except (OrderWaits, OrderMoved, NotEnough, NotRefundable, NoUpgrade, UpgradeFirst):
            return


class TestStates:
    @pytest.mark.spec("repairs U-44")
    def test_an_unpaid_order_lapses_after_30_minutes_by_the_clock(self, tea: Merchant) -> None:
        with clock.at(NOW):
            order = renew(tea)
        with clock.at(NOW + timedelta(minutes=29, seconds=59)):
            assert services.lapse_orders() == 0
            assert list(selectors.orders(state="pending")) == [order]
        with clock.at(NOW + timedelta(minutes=30)):
            assert list(selectors.orders(state="pending")) == []
            assert list(selectors.orders(state="cancelled")) == [order]
            assert services.lapse_orders() == 1
        order.refresh_from_db()
        assert order.state == OrderState.CANCELLED

    def test_a_lapsed_order_makes_room_for_the_next(self, tea: Merchant) -> None:
        with clock.at(NOW):
            put_on_balance(tea, 500)
            renew(tea, use_balance=True)
        with clock.at(NOW + timedelta(minutes=31)):
            order = renew(tea, use_balance=True)
        assert order.balance_fen == 500
        assert checks.findings() == []

    def test_every_step_is_a_row_of_the_history(self, tea: Merchant) -> None:
        order = renew(tea)
        receive(tea, order)
        services.refund_order(merchant=tea, order_id=order.pk, reason="多付了", actor=ACTOR)
        rows = OrderChange.objects.order_by("id").values_list("from_state", "to_state", "reason")
        assert list(rows) == [
            ("", "pending", ""),
            ("pending", "paid", ""),
            ("paid", "refunded", "多付了"),
        ]

    @given(
        before=st.sampled_from(OrderState),
        after=st.sampled_from(OrderState),
        role=st.sampled_from([states.BUYER, states.SELLER, states.CLOCK]),
    )
    @settings(
        max_examples=48,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_only_steps_of_the_table_happen(
        self, tea: Merchant, before: OrderState, after: OrderState, role: str
    ) -> None:
        order = make_order(tea)
        Order.objects.filter(pk=order.pk).update(state=before)
        order.state = before
        allowed = role in states.TRANSITIONS.get((before, after), frozenset())
        if allowed:
            states.move(order, after, role=role, actor=ACTOR)
        else:
            with pytest.raises(OrderMoved):
                states.move(order, after, role=role, actor=ACTOR)
        order.refresh_from_db()
        assert order.state == (after if allowed else before)

    def test_a_paid_order_cannot_be_cancelled(self, tea: Merchant) -> None:
        order = renew(tea)
        receive(tea, order)
        with pytest.raises(OrderMoved):
            services.cancel_order(merchant=tea, order_id=order.pk, actor=ACTOR)

    def test_the_same_notice_three_times_extends_once(self, tea: Merchant) -> None:
        order = renew(tea)
        receive(tea, order)
        end = plan_of(tea).ends_at
        for _again in range(2):
            with pytest.raises(OrderMoved):
                receive(tea, Order.objects.get(pk=order.pk))
        assert plan_of(tea).ends_at == end


class TestRefund:
    @pytest.mark.spec("repairs U-44")
    def test_goes_back_the_way_it_came_and_takes_the_period_back(self, tea: Merchant) -> None:
        put_on_balance(tea, 1_000)
        before = plan_of(tea)
        order = renew(tea, use_balance=True)
        receive(tea, order)
        assert selectors.balance_fen() == 0

        services.refund_order(merchant=tea, order_id=order.pk, reason="重复购买", actor=ACTOR)

        assert selectors.balance_fen() == 1_000
        assert plan_of(tea).ends_at == before.ends_at
        assert checks.findings() == []

    def test_happens_once(self, tea: Merchant) -> None:
        order = renew(tea)
        receive(tea, order)
        services.refund_order(merchant=tea, order_id=order.pk, reason="重复", actor=ACTOR)
        with pytest.raises(OrderMoved):
            services.refund_order(merchant=tea, order_id=order.pk, reason="重复", actor=ACTOR)

    def test_needs_a_reason(self, tea: Merchant) -> None:
        order = renew(tea)
        receive(tea, order)
        with pytest.raises(ReasonMissing):
            services.refund_order(merchant=tea, order_id=order.pk, reason="  ", actor=ACTOR)

    def test_only_of_the_latest_change(self, tea: Merchant) -> None:
        first = renew(tea)
        receive(tea, first)
        receive(tea, renew(tea))
        with pytest.raises(NotRefundable):
            services.refund_order(merchant=tea, order_id=first.pk, reason="退", actor=ACTOR)
        first.refresh_from_db()
        assert first.state == OrderState.PAID


@pytest.mark.spec("platform P11")
class TestGrant:
    def test_adds_time_and_stands_in_the_orders_with_its_reason(self, tea: Merchant) -> None:
        before = plan_of(tea).ends_at
        order = services.grant(
            merchant=tea, edition=edition(), months=0, days=7, reason="停电补偿", actor=ACTOR
        )
        assert plan_of(tea).ends_at == before + timedelta(days=7)
        assert (order.kind, order.way, order.total_fen) == (Kind.GRANT, Way.FREE, 0)
        assert PlanChange.objects.latest("id").reason == "停电补偿"

    def test_another_edition_begins_at_once(self, tea: Merchant) -> None:
        services.grant(
            merchant=tea, edition=edition(PLUS), months=1, days=0, reason="试点", actor=ACTOR
        )
        assert plan_of(tea).edition.code == PLUS
        assert standing.of(tea).has("own_roles")

    def test_needs_a_reason(self, tea: Merchant) -> None:
        with pytest.raises(ReasonMissing):
            services.grant(
                merchant=tea, edition=edition(), months=1, days=0, reason=" ", actor=ACTOR
            )

    def test_gives_a_merchant_without_a_plan_its_first(self) -> None:
        merchant = make_merchant()
        with clock.at(NOW):
            services.grant(
                merchant=merchant, edition=edition(), months=1, days=0, reason="开业", actor=ACTOR
            )
        with tenancy.merchant_scope(merchant.pk):
            assert plan_of(merchant).ends_at == periods.add_months(NOW, 1, "Asia/Shanghai")


@pytest.mark.spec("platform P11")
class TestPrices:
    def test_an_operators_own_list_holds_for_its_merchants_only(self) -> None:
        operator = make_operator()
        theirs, ours = make_subscriber(operator=operator), make_subscriber()
        fen = dict.fromkeys(services.PERIODS, 0) | {
            "day_fen": 300,
            "month_1_fen": 8_000,
            "month_12_fen": 90_000,
            "month_24_fen": 170_000,
            "month_36_fen": 250_000,
        }
        services.set_price(edition=edition(), operator=operator, fen=fen, actor=ACTOR)
        for merchant, total in ((theirs, 8_000), (ours, 9_900)):
            with tenancy.merchant_scope(merchant.pk):
                assert renew(merchant).total_fen == total

    @pytest.mark.parametrize(
        ("percent", "is_taken"), [(79, False), (80, True), (150, True), (151, False)]
    )
    def test_an_operator_stays_in_the_platforms_range(self, percent: int, is_taken: bool) -> None:
        operator = make_operator()
        own = Price.objects.get(edition=edition(), operator=None)
        fen = {name: getattr(own, name) * percent // 100 for name in services.PERIODS}
        if is_taken:
            services.set_price(edition=edition(), operator=operator, fen=fen, actor=ACTOR)
        else:
            with pytest.raises(PriceOutOfRange):
                services.set_price(edition=edition(), operator=operator, fen=fen, actor=ACTOR)
        assert Price.objects.filter(operator=operator).exists() is is_taken


@pytest.mark.spec("platform P10")
class TestEditions:
    @pytest.mark.spec("repairs U-41")
    def test_a_change_reaches_everybody_who_has_it_at_once(self) -> None:
        merchant, other = make_subscriber(), make_subscriber(code=PLUS)
        row = edition()
        services.change_edition(
            edition=row,
            name="入门版",
            summary="",
            is_on_sale=True,
            feature_names=["stamps", "own_roles", "unheard-of"],
            limits={"staff": 5},
            resale_from_percent=50,
            resale_to_percent=200,
            version=row.version,
            actor=ACTOR,
        )
        merchant.refresh_from_db()
        other.refresh_from_db()
        stands = standing.of(merchant)
        assert (stands.plan, stands.features) == ("入门版", frozenset({"stamps", "own_roles"}))
        assert dict(stands.limits) == {"staff": 5}
        assert standing.of(other).plan == "高级版"

    def test_two_people_at_once_do_not_overwrite_each_other(self) -> None:
        row = edition()
        values: dict[str, Any] = {
            "name": "A",
            "summary": "",
            "is_on_sale": True,
            "feature_names": [],
            "limits": {},
            "resale_from_percent": 80,
            "resale_to_percent": 150,
            "version": row.version,
            "actor": ACTOR,
        }
        services.change_edition(edition=row, **values)
        with pytest.raises(EditionChanged):
            services.change_edition(edition=edition(), **(values | {"name": "B"}))
        assert edition().name == "A"

"""Two reviewers, two buyers, a reviewer and the clock at once: the money moves once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.races.racing import outcomes, race
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.services import create_store
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.billing import periods, selectors, services
from zhanggui.billing.models import Order, OrderState, Plan, PlanChange, Transfer
from zhanggui.billing.services import plans
from zhanggui.billing.tests.factories import (
    edition,
    make_order,
    make_subscriber,
    put_on_balance,
)
from zhanggui.core import clock, tenancy
from zhanggui.ledger import checks


@pytest.fixture
def tea(race_db: str) -> Any:
    """A merchant with a plan, in a database of its own; its scope is open."""
    merchant = make_subscriber()
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def hand_in(merchant: Merchant) -> Transfer:
    order = make_order(merchant)
    Order.objects.filter(pk=order.pk).update(expires_at=None)
    transfer = Transfer(
        order=order, amount_fen=order.rest_fen, paid_on=clock.now().date(), reference="1"
    )
    transfer.save()
    return transfer


def approving(merchant: Merchant, transfer: Transfer) -> Callable[[], Any]:
    return lambda: services.approve_transfer(
        merchant=merchant, transfer_id=transfer.pk, actor=ACTOR
    )


@pytest.mark.spec("repairs U-44")
def test_two_reviewers_extend_once(tea: Merchant) -> None:
    before = tea.plan_ends_at
    assert before is not None
    transfer = hand_in(tea)

    answers = race(tea.pk, [approving(tea, transfer)] * 4)

    assert outcomes(answers) == {"ok": 1, "E_ORDER_MOVED": 3}
    tea.refresh_from_db()
    assert tea.plan_ends_at == periods.add_months(before, 1, tea.time_zone)
    assert PlanChange.objects.count() == 1
    assert checks.findings() == []


def test_received_or_sent_back_but_not_both(tea: Merchant) -> None:
    transfer = hand_in(tea)
    back: Callable[[], Any] = lambda: services.reject_transfer(  # noqa: E731
        merchant=tea, transfer_id=transfer.pk, reason="看不清", actor=ACTOR
    )

    answers = race(tea.pk, [approving(tea, transfer), back] * 2)

    assert outcomes(answers) == {"ok": 1, "E_ORDER_MOVED": 3}
    transfer.refresh_from_db()
    paid = Order.objects.get().state == OrderState.PAID
    assert paid is (transfer.state == "approved")
    assert PlanChange.objects.exists() is paid


def test_the_balance_pays_one_of_two_orders(tea: Merchant) -> None:
    put_on_balance(tea, 10_000)
    renew: Callable[[], Any] = lambda: services.order_period(  # noqa: E731
        merchant=tea, edition="basic", months=1, use_balance=True, note="", actor=ACTOR
    )

    answers = race(tea.pk, [renew] * 3)

    paid = Order.objects.filter(state=OrderState.PAID, kind="renew").count()
    assert paid == 1
    assert outcomes(answers) == {"ok": 2, "E_ORDER_WAITS": 1}
    assert selectors.balance_fen() == 0
    assert checks.findings() == []


def test_cancelling_and_lapsing_give_the_balance_back_once(tea: Merchant) -> None:
    put_on_balance(tea, 1_000)
    order = services.order_period(
        merchant=tea, edition="basic", months=1, use_balance=True, note="", actor=ACTOR
    )
    Order.objects.filter(pk=order.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    cancel: Callable[[], Any] = lambda: services.cancel_order(  # noqa: E731
        merchant=tea, order_id=order.pk, actor=ACTOR
    )

    race(tea.pk, [cancel, services.lapse_orders, cancel, services.lapse_orders])

    assert selectors.balance_fen() == 1_000
    assert checks.findings() == []


def test_the_last_place_of_a_plan_is_taken_once(tea: Merchant) -> None:
    row = edition()
    row.limits = {"stores": 1}
    row.save()
    plans.copy_edition(row)
    runners = [
        lambda name=name: create_store(name=name, actor=ACTOR) for name in ("一店", "二店", "三店")
    ]
    assert outcomes(race(tea.pk, runners)) == {"ok": 1, "E_PLAN_LIMIT": 2}


def test_a_changed_edition_gives_nobody_their_old_end_back(tea: Merchant) -> None:
    give: Callable[[], Any] = lambda: services.grant(  # noqa: E731
        merchant=tea, edition=edition(), months=1, days=0, reason="续", actor=ACTOR
    )
    copy: Callable[[], Any] = lambda: plans.copy_edition(edition())  # noqa: E731

    assert outcomes(race(tea.pk, [give, copy] * 4)) == {"ok": 8}

    tea.refresh_from_db()
    assert tea.plan_ends_at == Plan.objects.get().ends_at


def test_without_the_lock_both_reviewers_win(tea: Merchant) -> None:
    """The control: a check in Python alone lets the second one through."""
    transfer = hand_in(tea)
    barrier = threading.Barrier(2)

    def check_then_act() -> bool:
        found = Transfer.objects.get(pk=transfer.pk)
        is_waiting = found.state == "waiting"
        barrier.wait(timeout=30)
        Transfer.objects.filter(pk=found.pk).update(state="approved")
        return is_waiting

    assert race(tea.pk, [check_then_act] * 2) == [True, True]

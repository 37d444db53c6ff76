"""Each reason why a coupon is not given or not taken has its own code, at the doors people use.

Source: docs/state-machines.md.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.api.tests.factories import Caller, code_of, make_caller
from zhanggui.codes.models import OneTimeCode
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.coupons import services
from zhanggui.coupons.errors import NotOwner
from zhanggui.coupons.models import Coupon, TemplateState, UseRecord
from zhanggui.coupons.services import gifts
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    make_link,
    make_shop,
    make_template,
    now,
    redeem,
    take_code,
)
from zhanggui.coupons.tests.test_mobile import Visitor, visitor
from zhanggui.ledger import checks

__all__ = ["visitor"]

DAY = timedelta(days=1)
BILL = {"bill": "0017"}


@pytest.fixture
def till(shop: Shop) -> Caller:
    """A till at the first store."""
    return make_caller(shop.merchant, name="一号收银机", stores=[shop.store])


def proves(mark: pytest.MarkDecorator, *values: Any) -> Any:
    """A case that proves the refusal that its mark names."""
    name = mark.args[0].removeprefix("coupon ")
    return pytest.param(f"E_COUPON_{name}", *values, id=name, marks=mark)


def nothing(coupon: Coupon) -> None:
    """It is as it was given."""


def held_by_a_phone(coupon: Coupon) -> None:
    """Its owner has taken six digits."""
    take_code(coupon)


def template_paused(coupon: Coupon) -> None:
    """The office puts all of them on hold."""
    services.set_state(template_id=coupon.template_id, state=TemplateState.PAUSED, actor=ACTOR)


def over(coupon: Coupon) -> None:
    """Its last second has passed."""
    end = clock.now() - timedelta(seconds=1)
    Coupon.objects.filter(pk=coupon.pk).update(starts_at=end - DAY, ends_at=end)


def frozen(coupon: Coupon) -> None:
    """The office has frozen it."""
    services.freeze(coupon_id=coupon.pk, reason="有人举报", actor=ACTOR)


def voided(coupon: Coupon) -> None:
    """The office has taken it away."""
    services.void(coupon_id=coupon.pk, reason="印错了", actor=ACTOR)


@pytest.mark.parametrize(
    ("code", "status", "values", "lead"),
    [
        proves(
            pytest.mark.edge("coupon NOT_STARTED"),
            409,
            {"days_until_start": 2},
            lambda _coupon: None,
        ),
        proves(pytest.mark.edge("coupon EXPIRED"), 410, {}, over),
        proves(pytest.mark.edge("coupon USED"), 409, {}, redeem),
        proves(pytest.mark.edge("coupon HELD"), 409, {}, held_by_a_phone),
        proves(pytest.mark.edge("coupon FROZEN"), 409, {}, frozen),
        proves(pytest.mark.edge("coupon VOIDED"), 410, {}, voided),
        proves(
            pytest.mark.edge("coupon CONDITION"),
            409,
            {"min_spend_fen": 5_000},
            lambda _coupon: None,
        ),
        proves(pytest.mark.edge("coupon PROGRAMME_PAUSED"), 409, {}, template_paused),
    ],
)
def test_at_a_till(
    till: Caller,
    code: str,
    status: int,
    values: dict[str, Any],
    lead: Callable[[Coupon], object],
) -> None:
    coupon = make_coupon(**values)
    lead(coupon)
    before, uses = counts(coupon), UseRecord.objects.count()

    refused = till.post(f"coupons/{coupon.code}/redeem", {"order_fen": 4_999})
    assert (refused.status_code, code_of(refused)) == (status, code)
    if code != "E_COUPON_CONDITION":  # a bill that is being made may still grow
        held = till.post(f"coupons/{coupon.code}/hold", BILL)
        assert (held.status_code, code_of(held)) == (status, code)
    assert (counts(coupon), UseRecord.objects.count()) == (before, uses)


@pytest.mark.edge("coupon WRONG_STORE")
def test_at_another_store(shop: Shop, till: Caller) -> None:
    coupon = make_coupon(store_ids=[shop.other.pk])
    refused = till.post(f"coupons/{coupon.code}/redeem", {})
    assert (refused.status_code, code_of(refused)) == (409, "E_COUPON_WRONG_STORE")
    there = make_caller(shop.merchant, stores=[shop.other])
    assert there.post(f"coupons/{coupon.code}/redeem", {}).status_code == 200


@pytest.mark.edge("coupon NOT_FOUND", "coupon code")
def test_nobody_outside_learns_whether_a_code_is_one(shop: Shop, till: Caller) -> None:
    stranger = make_shop("other")
    with stranger.scope:
        foreign = make_coupon()
    answers = [till.post(f"coupons/{code}/redeem", {}) for code in (foreign.code, "0" * 12)]
    assert [code_of(answer) for answer in answers] == ["E_COUPON_NOT_FOUND"] * 2
    assert answers[0].json() == answers[1].json()
    own = make_coupon()
    assert till.client.post(f"/api/v1/coupons/{own.code}/redeem").status_code == 401
    assert till.client.get(f"/api/v1/coupons/{own.code}").status_code in {401, 404, 405}


@pytest.mark.edge("coupon NOT_OWNER")
def test_another_customers(visitor: Visitor) -> None:
    theirs = make_coupon(make_template())
    for name in ("coupon", "code", "start"):
        address = visitor.url(name, theirs.token)
        for answer in (visitor.client.get(address), visitor.client.post(address)):
            assert answer.status_code in {404, 405}
    with pytest.raises(NotOwner) as refused:  # it was handed on while the page stood open
        services.request_code(coupon_id=theirs.pk, customer_id=visitor.customer.pk, actor=ACTOR)
    assert refused.value.code == "E_COUPON_NOT_OWNER"
    with pytest.raises(NotOwner):
        gifts.give(coupon_id=theirs.pk, customer_id=visitor.customer.pk, actor=ACTOR)
    assert counts(theirs) == ("usable", 1, 0, 0, 0)
    assert not OneTimeCode.objects.exists()


@pytest.mark.parametrize(
    ("code", "values"),
    [
        proves(pytest.mark.edge("coupon LIMIT_TOTAL"), {"stock": 1}),
        proves(pytest.mark.edge("coupon LIMIT_PERSON"), {"per_person": 1}),
    ],
)
def test_no_more_than_there_may_be(visitor: Visitor, code: str, values: dict[str, Any]) -> None:
    template = make_template(**values)
    make_coupon(template, visitor.customer if "per_person" in values else make_customer())
    refused = visitor.client.post(visitor.url("take", make_link(template).token))
    assert refused.status_code == 409
    assert code in refused.content.decode()
    assert Coupon.objects.count() == 1


@pytest.mark.edge("coupon new>ISSUED", "coupon ISSUED>USABLE", "coupon new>USABLE")
def test_its_first_day(till: Caller) -> None:
    coupon, at_once = make_coupon(days_until_start=1), make_coupon()
    assert (now(coupon).state, now(at_once).state) == ("issued", "usable")
    with clock.at(coupon.starts_at - timedelta(seconds=1)):
        assert code_of(till.post(f"coupons/{coupon.code}/redeem", {})) == "E_COUPON_NOT_STARTED"
    with clock.at(coupon.starts_at):
        fresh = make_caller(coupon.merchant)
        assert fresh.post(f"coupons/{coupon.code}/hold", BILL).json()["state"] == "held"
    assert list(coupon.changes.order_by("pk").values_list("after", flat=True)) == [
        "issued",
        "usable",
        "held",
    ]


@pytest.mark.edge("coupon moving screen")
def test_what_a_customer_shows_moves(visitor: Visitor) -> None:
    coupon = visitor.coupon()
    for page in (
        visitor.get("coupon", coupon.token, redeem=""),
        visitor.code(coupon).content.decode(),
    ):
        assert "coupon-band" in page
        assert "data-live-clock" in page


ACTS = ("redeem", "code", "hold", "release", "undo", "freeze", "unfreeze", "void", "tidy")
history = st.lists(
    st.tuples(st.sampled_from(ACTS), st.sampled_from([0, 60, 200, 90_000])), min_size=1, max_size=9
)


def act(coupon: Coupon, name: str) -> None:
    """Let something happen to a coupon."""
    last = UseRecord.objects.filter(coupon=coupon, kind="redeem").order_by("-pk").first()
    acts: dict[str, Callable[[], object]] = {
        "redeem": lambda: redeem(coupon),
        "code": lambda: take_code(coupon),
        "hold": lambda: services.hold_for_till(
            coupon_id=coupon.pk, holder="t:1", minutes=3, actor=ACTOR
        ),
        "release": lambda: services.release_from_till(
            coupon_id=coupon.pk, holder="t:1", actor=ACTOR
        ),
        "undo": lambda: (
            last and services.undo_by_office(record_id=last.pk, reason="扫错了", actor=ACTOR)
        ),
        "freeze": lambda: frozen(coupon),
        "unfreeze": lambda: services.unfreeze(coupon_id=coupon.pk, actor=ACTOR),
        "void": lambda: voided(coupon),
        "tidy": services.tidy,
    }
    acts[name]()


@pytest.mark.django_db
@pytest.mark.edge("coupon counts add up")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(uses=st.sampled_from([1, 3]), steps=history)
def test_counts_add_up_through_every_history(uses: int, steps: list[tuple[str, int]]) -> None:
    shop = make_shop()
    with shop.scope:
        coupon, at = make_coupon(uses=uses, days_valid=1), clock.now()
        for name, wait_s in steps:
            at += timedelta(seconds=wait_s)
            with clock.at(at), suppress(DomainError):
                act(coupon, name)
            row = now(coupon)
            assert row.total == uses == row.usable + row.held + row.redeemed + row.voided
            assert min(row.usable, row.held, row.redeemed, row.voided) >= 0
            assert (row.state == "held") == (row.held == 1)
            standing = UseRecord.objects.filter(coupon=coupon, kind="redeem", userecord=None)
            assert row.redeemed == standing.count()
            assert row.account.balance == row.usable + row.held
        assert checks.findings() == []


@pytest.mark.edge("coupon counts add up")
@pytest.mark.parametrize("column", ["usable", "held", "redeemed", "voided", "total"])
def test_the_database_refuses_counts_that_do_not(shop: Shop, column: str) -> None:
    coupon = make_coupon(uses=3)
    with pytest.raises(IntegrityError, match="coupon_"), transaction.atomic():
        Coupon.objects.filter(pk=coupon.pk).update(**{column: 2})
    assert counts(coupon) == ("usable", 3, 0, 0, 0)

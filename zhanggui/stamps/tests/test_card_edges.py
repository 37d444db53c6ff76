"""Edges of a card through the doors: counter, phone, office, clock.

Source: docs/state-machines.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff
from zhanggui.core import clock
from zhanggui.coupons.models import Coupon
from zhanggui.coupons.tests.factories import make_template, redeem
from zhanggui.ledger import checks
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, StampRecord
from zhanggui.stamps.services import expiring
from zhanggui.stamps.tests.factories import make_programme
from zhanggui.stamps.tests.test_mobile import Visitor, visitor
from zhanggui.stamps.tests.test_staff import Counter, counter

__all__ = ["counter", "visitor"]


@pytest.fixture
def office(counter: Counter) -> Client:
    """Somebody in the back office."""
    client = Client()
    client.force_login(make_staff(counter.shop.merchant, role=Role.OWNER))
    return client


def with_card(visitor: Visitor, **values: Any) -> None:
    """Give the visitor a card of two places that wins a coupon and then is done."""
    programme = make_programme(
        **{"slots": 2, "reward_template_id": make_template(name="招牌奶茶券").pk, **values}
    )
    visitor.card = services.open_card(
        programme=programme, customer_id=visitor.card.customer_id, actor=ACTOR
    )


def facts(visitor: Visitor) -> tuple[str, int]:
    """State and balance of the card."""
    card = Card.objects.get(pk=visitor.card.pk)
    return (card.state.upper(), card.balance)


def stamped(visitor: Visitor, counter: Counter, times: int = 1, kind: str = "accumulate") -> Any:
    """Code after code from the phone to the counter; the last answer."""
    answer = None
    for _ in range(times):
        answer = counter.confirm(visitor.digits(kind))
    return answer


def post(office: Client, visitor: Visitor, name: str, number: int = 0, **fields: str) -> Any:
    """The office does something."""
    place = [visitor.shop.merchant.slug, number or visitor.card.pk]
    return office.post(reverse(f"stamps:{name}", args=place), fields)


@pytest.mark.edge("card OPEN>OPEN by a stamp", "card OPEN>OPEN by a cancel")
def test_stamp_and_cancel(visitor: Visitor, counter: Counter) -> None:
    assert stamped(visitor, counter).status_code == 200
    assert facts(visitor) == ("OPEN", 1)
    assert stamped(visitor, counter, kind="cancel").status_code == 200
    assert facts(visitor) == ("OPEN", 0)
    assert checks.findings() == []


@pytest.mark.edge(
    "card OPEN>REWARDED", "card REWARDED takes none", "card REWARDED>OPEN by a cancel"
)
def test_full_and_opened_again(visitor: Visitor, counter: Counter) -> None:
    with_card(visitor)
    assert stamped(visitor, counter, 2).status_code == 200
    assert facts(visitor) == ("REWARDED", 0)
    coupon = Coupon.objects.get()
    assert coupon.state == "usable"
    booked = Transaction.objects.count()
    assert visitor.tap().status_code == 409
    assert Transaction.objects.count() == booked

    assert stamped(visitor, counter, kind="cancel").status_code == 200
    assert facts(visitor) == ("OPEN", 1)
    coupon.refresh_from_db()
    assert coupon.state == "voided"
    assert checks.findings() == []


@pytest.mark.edge("card OPEN>OPEN by a full round")
def test_a_round_follows(visitor: Visitor, counter: Counter) -> None:
    with_card(visitor, when_full="renew", max_per_code=3)
    stamped(visitor, counter)
    counter.confirm(visitor.digits(), amount=3, reason="三杯")
    card = Card.objects.get(pk=visitor.card.pk)
    assert (card.state, card.balance, card.cycle) == ("open", 0, 2)
    assert Coupon.objects.count() == 2
    assert checks.findings() == []


@pytest.mark.edge(
    "card with a used reward", "card REWARDED>OPEN by force", "card OPEN>REWARDED by paying back"
)
def test_only_the_office_takes_back_what_a_used_reward_was_won_with(
    visitor: Visitor, counter: Counter, office: Client
) -> None:
    with_card(visitor)
    stamped(visitor, counter, 2)
    redeem(Coupon.objects.get(), visitor.shop.store)
    asked = visitor.tap("cancel")
    if asked.status_code == 200:
        asked = counter.confirm(visitor.digits("cancel"))
    assert asked.status_code == 409
    assert "E_REWARD_USED" in asked.content.decode()
    assert facts(visitor) == ("REWARDED", 0)

    last = StampRecord.objects.latest("pk")
    refused = post(office, visitor, "cancel", last.pk, reason="误盖")
    assert refused.status_code == 409
    assert facts(visitor) == ("REWARDED", 0)
    forced = post(office, visitor, "cancel", last.pk, reason="误盖", is_forced="on")
    assert forced.status_code == 302
    assert facts(visitor) == ("OPEN", -1)

    assert stamped(visitor, counter).status_code == 200
    assert facts(visitor) == ("REWARDED", 0)
    assert Coupon.objects.count() == 1
    assert checks.findings() == []


@pytest.mark.edge("card with nothing to cancel")
def test_an_empty_card_gives_no_code_to_cancel(visitor: Visitor) -> None:
    assert visitor.tap("cancel").status_code == 409
    assert not Transaction.objects.exists()


@pytest.mark.edge("card OPEN begins no round", "card OPEN>EXPIRED", "card EXPIRED>OPEN")
def test_expires_and_begins_again(visitor: Visitor, counter: Counter) -> None:
    with_card(visitor, slots=4, valid_days=1)
    stamped(visitor, counter, 2)
    end = Card.objects.get(pk=visitor.card.pk).expires_at
    assert end is not None
    begin = visitor.card_url("card_begin")
    assert visitor.client.post(begin).status_code == 409
    assert facts(visitor) == ("OPEN", 2)
    with clock.at(end - timedelta(seconds=1)):
        assert expiring.expire_due(system_actor("expiry")) == 0
    with clock.at(end):
        assert visitor.tap().status_code == 409
        assert expiring.expire_due(system_actor("expiry")) == 1
        assert facts(visitor) == ("EXPIRED", 0)
        assert visitor.client.post(begin).status_code == 302
        assert facts(visitor) == ("OPEN", 0)
        assert stamped(visitor, counter).status_code == 200
        assert facts(visitor) == ("OPEN", 1)
    assert checks.findings() == []


@pytest.mark.parametrize(
    ("times", "before"),
    [
        pytest.param(1, "OPEN", marks=pytest.mark.edge("card OPEN>BLOCKED", "card BLOCKED>OPEN")),
        pytest.param(
            2, "REWARDED", marks=pytest.mark.edge("card REWARDED>BLOCKED", "card BLOCKED>REWARDED")
        ),
    ],
)
def test_blocked_and_as_it_was(
    visitor: Visitor, counter: Counter, office: Client, times: int, before: str
) -> None:
    with_card(visitor)
    stamped(visitor, counter, times)
    was = facts(visitor)
    assert was[0] == before
    refused = post(office, visitor, "card_block", reason=" ")
    assert refused.status_code == 422
    assert "data-dialog-now" in refused.content.decode()
    assert facts(visitor) == was

    assert post(office, visitor, "card_block", reason="一小时十个章").status_code == 302
    assert facts(visitor) == ("BLOCKED", was[1])
    assert visitor.tap("cancel").status_code == 409
    place = [visitor.shop.merchant.slug, visitor.card.pk]
    page = office.get(reverse("stamps:office_card", args=place))
    assert 'id="unblock"' in page.content.decode()
    entry = AuditEntry.objects.get(action="stamps.card.blocked")
    assert entry.details == {"reason": "一小时十个章"}

    assert post(office, visitor, "card_unblock").status_code == 302
    assert facts(visitor) == was


@pytest.mark.parametrize("name", ["card_block", "card_unblock"])
def test_a_card_that_is_over_is_neither_blocked_nor_opened(
    visitor: Visitor, office: Client, name: str
) -> None:
    Card.objects.filter(pk=visitor.card.pk).update(state="expired")
    assert post(office, visitor, name, reason="x").status_code == 409
    assert facts(visitor)[0] == "EXPIRED"


def test_a_clerk_neither_sees_nor_uses_the_button(visitor: Visitor, client: Client) -> None:
    client.force_login(make_staff(visitor.shop.merchant, role=Role.CLERK))
    place = [visitor.shop.merchant.slug, visitor.card.pk]
    page = client.get(reverse("stamps:office_card", args=place)).content.decode()
    assert 'id="block"' not in page
    assert client.post(reverse("stamps:card_block", args=place), {"reason": "x"}).status_code == 403
    assert facts(visitor) == ("OPEN", 0)

"""Every edge of a one-time code, through the phone of the customer and of the manager.

Source: docs/state-machines.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff
from zhanggui.codes import services as codes
from zhanggui.codes.models import CodeState, CodeTry, OneTimeCode
from zhanggui.core import clock
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, CardState
from zhanggui.stamps.services import expiring
from zhanggui.stamps.tests.factories import balance_of, make_manager, stamp
from zhanggui.stamps.tests.test_mobile import HTMX, Visitor, ref_of, visitor
from zhanggui.stamps.tests.test_staff import Counter, counter, sign_in

__all__ = ["counter", "visitor"]

LIFE = timedelta(seconds=180)
MOMENT = timedelta(milliseconds=100)


@pytest.fixture
def colleague(counter: Counter) -> Counter:
    """Another manager of the same store, on a phone of their own."""
    client = Client()
    sign_in(client, make_manager(counter.shop.store, "赵店员"))
    return Counter(client, counter.shop)


@pytest.fixture
def office(counter: Counter) -> Client:
    """Somebody in the back office."""
    client = Client()
    client.force_login(make_staff(counter.shop.merchant, role=Role.OWNER))
    return client


def newest() -> OneTimeCode:
    """The code that was made last."""
    return OneTimeCode.objects.latest("pk")


def state() -> str:
    """Its state by the clock."""
    return codes.state_now(newest(), clock.now()).name


def says(answer: Any, status: int, refusal: str) -> bool:
    """Whether a page is this refusal."""
    return answer.status_code == status and refusal in answer.content.decode()


def refused(counter: Counter, digits: str, status: int, refusal: str) -> None:
    """Neither looking nor confirming does anything with these digits."""
    before = (newest().state, Transaction.objects.count())
    assert says(counter.preview(digits), status, refusal)
    assert says(counter.confirm(digits), status, refusal)
    assert (newest().state, Transaction.objects.count()) == before


def withdraw(visitor: Visitor) -> str:
    """作废."""
    url = visitor.card_url("card_code_revoke")
    return visitor.client.post(url, ref_of(visitor), headers=HTMX).content.decode()


def post(office: Client, visitor: Visitor, name: str, **fields: str) -> Any:
    """The office does something to the card."""
    place = [visitor.shop.merchant.slug, visitor.card.pk]
    return office.post(reverse(f"stamps:{name}", args=place), fields)


@pytest.mark.edge("code new>ACTIVE")
def test_asked_for(visitor: Visitor) -> None:
    digits = visitor.digits()
    assert digits.isdecimal()
    assert len(digits) == 6
    assert state() == "ACTIVE"
    assert newest().expires_at - newest().created_at == LIFE


@pytest.mark.edge("code ACTIVE>HELD", "code HELD>ACTIVE", "code HELD by another")
def test_looked_at_it_is_held_for_a_minute(
    visitor: Visitor, counter: Counter, colleague: Counter
) -> None:
    at = clock.now()
    with clock.at(at):
        digits = visitor.digits()
        assert counter.preview(digits).status_code == 200
        assert (state(), newest().held_by_id) == ("HELD", counter.shop.desk.person_id)
    with clock.at(at + timedelta(seconds=60) - MOMENT):
        refused(colleague, digits, 409, "E_CODE_HELD")
        assert state() == "HELD"
    with clock.at(at + timedelta(seconds=60)):
        assert state() == "ACTIVE"
        assert colleague.confirm(digits).status_code == 200
    assert balance_of(visitor.card) == 1


@pytest.mark.edge("code HELD>HELD", "code HELD>EXPIRED", "code HELD never lives longer")
def test_the_holder_looks_again_and_it_lives_no_longer(visitor: Visitor, counter: Counter) -> None:
    at = clock.now()
    with clock.at(at):
        digits = visitor.digits()
        counter.preview(digits)
        end = newest().expires_at
    for seconds, held_s in ((50, 110), (170, 180)):
        with clock.at(at + timedelta(seconds=seconds)):
            assert counter.preview(digits).status_code == 200
            assert newest().held_until == at + timedelta(seconds=held_s)
            assert newest().expires_at == end == at + LIFE
    with clock.at(at + LIFE - MOMENT):
        assert state() == "HELD"
    with clock.at(at + LIFE):
        assert state() == "EXPIRED"
        refused(counter, digits, 410, "E_CODE_EXPIRED")


@pytest.mark.parametrize(
    "is_held",
    [
        pytest.param(False, marks=pytest.mark.edge("code ACTIVE>CONSUMED")),
        pytest.param(True, marks=pytest.mark.edge("code HELD>CONSUMED")),
    ],
)
@pytest.mark.edge("code CONSUMED stays")
def test_confirmed_once(
    visitor: Visitor, counter: Counter, colleague: Counter, *, is_held: bool
) -> None:
    digits = visitor.digits()
    if is_held:
        counter.preview(digits)
    assert counter.confirm(digits).status_code == 200
    assert (state(), Transaction.objects.count(), balance_of(visitor.card)) == ("CONSUMED", 1, 1)

    for desk in (counter, colleague):
        refused(desk, digits, 409, "E_CODE_USED")
    assert "集章成功" in withdraw(visitor)
    assert (state(), Transaction.objects.count()) == ("CONSUMED", 1)


@pytest.mark.parametrize(
    "is_held",
    [
        pytest.param(False, marks=pytest.mark.edge("code ACTIVE>REVOKED by the customer")),
        pytest.param(True, marks=pytest.mark.edge("code HELD>REVOKED by the customer")),
    ],
)
@pytest.mark.edge("code REVOKED stays")
def test_withdrawn(visitor: Visitor, counter: Counter, *, is_held: bool) -> None:
    digits = visitor.digits()
    if is_held:
        counter.preview(digits)
    for _ in range(2):
        assert "验证码已作废" in withdraw(visitor)
        assert state() == "REVOKED"
    refused(counter, digits, 410, "E_CODE_REVOKED")


@pytest.mark.edge("code ACTIVE>REVOKED by a newer code")
def test_replaced(visitor: Visitor, counter: Counter) -> None:
    stamp(visitor.shop.desk, visitor.card)
    older = visitor.digits("accumulate")
    first = newest()
    newer = visitor.digits("cancel")

    first.refresh_from_db()
    assert first.state == CodeState.REVOKED
    refused(counter, older, 410, "E_CODE_REVOKED")
    assert counter.confirm(newer).status_code == 200
    assert balance_of(visitor.card) == 0


@pytest.mark.parametrize(
    "is_held",
    [
        pytest.param(False, marks=pytest.mark.edge("code ACTIVE>REVOKED by its card")),
        pytest.param(True, marks=pytest.mark.edge("code HELD>REVOKED by its card")),
    ],
)
@pytest.mark.edge("code REVOKED stays", "card BLOCKED takes none")
def test_ends_with_its_card(
    visitor: Visitor, counter: Counter, office: Client, *, is_held: bool
) -> None:
    tapped = visitor.tap()
    digits = visitor.digits()
    if is_held:
        counter.preview(digits)
    assert post(office, visitor, "card_block", reason="一小时十个章").status_code == 302

    assert state() == "REVOKED"
    refused(counter, digits, 409, "E_CARD_STATE")
    assert "验证码已作废" in visitor.live(tapped).content.decode()
    assert visitor.tap().status_code == 409
    assert not CodeTry.objects.exists()

    assert post(office, visitor, "card_unblock").status_code == 302
    refused(counter, digits, 410, "E_CODE_REVOKED")
    assert counter.confirm(visitor.digits()).status_code == 200


@pytest.mark.edge("code ACTIVE>REVOKED by its card", "card EXPIRED takes none")
def test_ends_when_its_card_expires(visitor: Visitor, counter: Counter) -> None:
    at = clock.now()
    with clock.at(at):
        digits = visitor.digits()
    Card.objects.filter(pk=visitor.card.pk).update(expires_at=at + timedelta(seconds=60))
    with clock.at(at + timedelta(seconds=60)):
        refused(counter, digits, 409, "E_CARD_STATE")
        assert newest().state == CodeState.ACTIVE  # nobody has noted yet that the card is over
        assert expiring.expire_due(system_actor("expiry")) == 1
        assert newest().state == CodeState.REVOKED
        refused(counter, digits, 409, "E_CARD_STATE")
        assert visitor.tap().status_code == 409
    assert Card.objects.get(pk=visitor.card.pk).state == CardState.EXPIRED


@pytest.mark.edge("code ACTIVE>EXPIRED", "code EXPIRED stays")
def test_its_time_is_over(visitor: Visitor, counter: Counter) -> None:
    at = clock.now()
    with clock.at(at):
        digits = visitor.digits()
    with clock.at(at + LIFE - MOMENT):
        assert state() == "ACTIVE"
    with clock.at(at + LIFE):
        assert (state(), newest().state) == ("EXPIRED", "active")
        refused(counter, digits, 410, "E_CODE_EXPIRED")
        codes.tidy()
        assert newest().state == CodeState.EXPIRED
        assert "验证码已作废" not in withdraw(visitor)
        assert newest().state == CodeState.EXPIRED
    with clock.at(at + LIFE + timedelta(minutes=10)):
        assert says(counter.confirm(digits), 410, "E_CODE_EXPIRED")
    with clock.at(at + LIFE + timedelta(minutes=10) + MOMENT):
        assert says(counter.confirm(digits), 404, "E_CODE_INVALID")
    assert balance_of(visitor.card) == 0


@pytest.mark.edge("code whose card refuses", "code HELD>ACTIVE")
def test_a_refusing_card_leaves_it_as_it_was(visitor: Visitor, counter: Counter) -> None:
    digits = visitor.digits()
    services.pause_programme(programme_id=visitor.shop.programme.pk, actor=ACTOR)
    refused(counter, digits, 409, "E_CARD_STATE")
    assert (state(), newest().held_by_id) == ("ACTIVE", None)

    services.resume_programme(programme_id=visitor.shop.programme.pk, actor=ACTOR)
    assert counter.confirm(digits).status_code == 200

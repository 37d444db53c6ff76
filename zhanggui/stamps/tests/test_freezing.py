"""A frozen merchant, a merchant of a frozen operator, an archived one: customers and counters.

What customers hold stays in their hands; new business is refused at every door.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts import services as account_services
from zhanggui.accounts.errors import PlaceFrozen
from zhanggui.accounts.models import AuditEntry, Merchant, Operator
from zhanggui.accounts.tests.factories import ACTOR, make_operator, make_person
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, ManagerBinding
from zhanggui.stamps.services import managers
from zhanggui.stamps.tests.factories import (
    Shop,
    make_invitation,
    make_programme,
    stamp,
    state_of,
    take_code,
)

# a shop's manager at the counter and both chains of the door, as their own tests have them
from zhanggui.stamps.tests.test_door import (  # noqa: F401
    Chain,
    Sent,
    _keep_the_connection,
    chain,
    sent,
)
from zhanggui.stamps.tests.test_staff import Counter, counter  # noqa: F401

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}
pytestmark = [pytest.mark.spec("platform P03"), pytest.mark.django_db]


def freeze(merchant: Merchant) -> None:
    account_services.freeze_merchant(merchant=merchant, reason="欠费", actor=ACTOR)


def freeze_operator(merchant: Merchant) -> None:
    operator = Operator.objects.get(merchants=merchant)
    account_services.freeze_operator(operator=operator, reason="欠费", actor=ACTOR)


def archive(merchant: Merchant) -> None:
    account_services.archive_merchant(merchant=merchant, reason="停业", actor=ACTOR)


Shut = Callable[[Merchant], None]


@pytest.fixture(params=[freeze, freeze_operator, archive], ids=lambda way: way.__name__)
def shut(request: pytest.FixtureRequest, shop: Shop) -> Shut:
    """Every way to shut the shop, which an operator serves."""
    Merchant.objects.filter(pk=shop.merchant.pk).update(operator=make_operator())
    way: Shut = request.param
    return way


@pytest.fixture
def customer(client: Client, shop: Shop) -> Card:
    """A customer is signed in and holds a card with one stamp."""
    account = make_account(merchant=shop.merchant)
    link = make_link(shop.merchant, account.pk, nickname="陈小溪")
    sign_in_customer(client, link)
    card = services.open_card(programme=shop.programme, customer_id=link.customer_id, actor=ACTOR)
    stamp(shop.desk, card)
    return card


def page_of(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"stamps:{name}", args=[shop.merchant.slug, *args])


class TestCustomers:
    def test_keep_seeing_what_they_hold(
        self, client: Client, shop: Shop, customer: Card, shut: Shut
    ) -> None:
        shut(shop.merchant)
        wallet = client.get(page_of(shop, "wallet"))
        card = client.get(page_of(shop, "card", customer.token))
        assert (wallet.status_code, card.status_code) == (200, 200)
        assert shop.programme.name in wallet.content.decode()
        assert shop.programme.reward in card.content.decode()
        more = client.get(page_of(shop, "card_more", customer.token))
        assert more.status_code == 200
        customer.refresh_from_db()
        assert customer.balance == 1

    @pytest.mark.parametrize("headers", [HTMX, JSON, {}], ids=["piece", "json", "page"])
    def test_get_no_new_code(
        self, client: Client, shop: Shop, customer: Card, shut: Shut, headers: dict[str, str]
    ) -> None:
        shut(shop.merchant)
        codes = OneTimeCode.objects.count()
        address = page_of(shop, "card_code", customer.token)
        answer = client.post(address, {"kind": "accumulate"}, headers=headers)
        assert answer.status_code == 403
        if headers == JSON:
            refusal = answer.json()["error"]
            assert refusal["code"] in {"E_FROZEN", "E_ARCHIVED"}
            assert "顾客手里已有的不受影响" in refusal["message"]
            assert "欠费" not in refusal["message"]
        assert OneTimeCode.objects.count() == codes

    def test_get_no_new_card(self, client: Client, shop: Shop, customer: Card, shut: Shut) -> None:
        make_programme(name="早茶卡", reward="一笼虾饺")
        page = client.get(page_of(shop, "wallet")).content.decode()
        offer = page.split('name="offer" value="')[1].split('"')[0]
        shut(shop.merchant)
        cards = Card.objects.count()
        answer = client.post(page_of(shop, "join"), {"offer": offer})
        assert answer.status_code == 403
        assert Card.objects.count() == cards

    def test_go_on_after_it_is_open_again(self, client: Client, shop: Shop, customer: Card) -> None:
        freeze(shop.merchant)
        account_services.unfreeze_merchant(merchant=shop.merchant, actor=ACTOR)
        address = page_of(shop, "card_code", customer.token)
        assert client.post(address, {"kind": "accumulate"}, headers=HTMX).status_code == 200


class TestCounters:
    def test_by_both_chains_no_code_is_confirmed(
        self,
        chain: Chain,  # noqa: F811
        sent: Sent,  # noqa: F811
        shop: Shop,
        shut: Shut,
    ) -> None:
        shut(shop.merchant)
        answer = chain.send(sent)
        assert answer.status == 409
        assert answer.code == "E_CARD_STATE"
        assert not Transaction.objects.exists()
        assert set(OneTimeCode.objects.values_list("state", flat=True)) == {CodeState.ACTIVE}

    def test_pages_show_the_ledger_and_refuse_digits(
        self,
        counter: Counter,  # noqa: F811
        shop: Shop,
        shut: Shut,
    ) -> None:
        code = take_code(shop.card)
        shut(shop.merchant)
        counter.get("staff_ledger")
        counter.get("staff_figures")
        assert counter.preview(code.digits).status_code == 409
        confirmed = counter.confirm(code.digits)
        assert confirmed.status_code == 409
        assert "冻结" in confirmed.content.decode()
        assert state_of(code.code_id) == CodeState.ACTIVE
        assert not Transaction.objects.exists()
        assert not AuditEntry.objects.filter(action="stamps.code.confirmed").exists()

    def test_nobody_new_is_bound_and_the_code_is_kept(self, shop: Shop, shut: Shut) -> None:
        invitation = make_invitation(shop.store)
        shut(shop.merchant)
        person = make_person("新来的", phone=None)
        with pytest.raises(PlaceFrozen):
            managers.accept_scan(invitation_id=invitation.pk, person=person)
        assert not ManagerBinding.objects.filter(person_id=person.pk).exists()
        invitation.refresh_from_db()
        assert invitation.used_count == 0

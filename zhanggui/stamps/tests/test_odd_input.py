"""What no browser sends by itself: zero bytes, numbers of thousands of digits, the last day.

Each was an error page once. None may be: what makes no sense is refused or counts as empty.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Role, Store
from zhanggui.accounts.tests.factories import ACTOR, make_platform_staff, make_staff
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT, make_account
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import tenancy
from zhanggui.stamps import services
from zhanggui.stamps.errors import NothingToCancel
from zhanggui.stamps.models import Kind
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    confirm,
    make_card,
    stamp,
    take_code,
)

ENDLESS = "9" * 5000
OFFICE: dict[str, tuple[str, dict[str, str], int]] = {
    "stores-zero": ("accounts:stores", {"q": "\0"}, 400),
    "audit-zero": ("accounts:audit", {"action": "\0"}, 400),
    "audit-endless": ("accounts:audit", {"person": ENDLESS}, 400),
    "audit-other-script": ("accounts:audit", {"person": "٣"}, 400),
    "customers-zero": ("contacts:customers", {"q": "\0"}, 400),
    "cards-zero": ("stamps:cards", {"q": "\0"}, 400),
    "cards-endless": ("stamps:cards", {"programme": ENDLESS}, 200),
    "sample-endless": ("stamps:programme_sample", {"slots": ENDLESS}, 200),
    "ledger-zero": ("stamps:ledger", {"q": "\0"}, 400),
    "ledger-first-day": ("stamps:ledger", {"since": "0001-01-01", "until": "0001-01-01"}, 200),
    "ledger-last-day": ("stamps:ledger", {"since": "9999-12-31", "until": "9999-12-31"}, 200),
    "ledger-endless": ("stamps:ledger", {"store": ENDLESS}, 200),
    "ledger-beyond-bigint": ("stamps:ledger", {"store": "9" * 25}, 200),
    "figures-endless": ("stamps:figures", {"store": ENDLESS}, 200),
}


@pytest.mark.django_db
class TestOffice:
    @pytest.mark.parametrize(("name", "query", "status"), OFFICE.values(), ids=OFFICE.keys())
    def test_stays_upright(
        self, client: Client, shop: Shop, name: str, query: dict[str, str], status: int
    ) -> None:
        client.force_login(make_staff(shop.merchant, role=Role.OWNER))
        response = client.get(reverse(name, args=[shop.merchant.slug]), query)
        assert response.status_code == status

    def test_opens_a_store_under_a_key_with_a_zero_byte(self, client: Client, shop: Shop) -> None:
        client.force_login(make_staff(shop.merchant, role=Role.OWNER))
        url = reverse("accounts:store_new", args=[shop.merchant.slug])
        fields = {"name": "湖心店", "idempotency_key": "a\0b"}

        assert [client.post(url, fields).status_code for _time in range(2)] == [302, 302]

        with tenancy.merchant_scope(shop.merchant.pk):
            assert Store.objects.filter(name="湖心店").count() == 1

    def test_platform_resets_nobody_by_an_endless_number(self, client: Client, shop: Shop) -> None:
        client.force_login(make_platform_staff(role=Role.OWNER))
        url = reverse("accounts:platform_merchant_reset", args=[shop.merchant.slug])
        assert client.post(url, {"membership": ENDLESS}).status_code == 404


@pytest.mark.django_db
class TestPhone:
    def test_card_counts_an_endless_number_as_nothing(self, client: Client, shop: Shop) -> None:
        account = make_account(merchant=shop.merchant)
        link = make_link(shop.merchant, account.pk, nickname="陈小溪")
        sign_in_customer(client, link)
        card = services.open_card(
            programme=shop.programme, customer_id=link.customer_id, actor=ACTOR
        )
        url = reverse("stamps:card_live", args=[shop.merchant.slug, card.token])
        assert client.get(url, {"n": ENDLESS, "v": ENDLESS}).status_code == 200

    @pytest.mark.parametrize("path", ["/w/{}/?{}", "/w/{}/cards/{}/"], ids=["query", "path"])
    def test_an_address_too_long_for_a_qr_code_becomes_the_first_page(
        self, client: Client, shop: Shop, path: str
    ) -> None:
        make_account(merchant=shop.merchant)
        response = client.get(path.format(shop.merchant.slug, "a" * 3000))
        assert response.status_code == 401
        assert response.context["address"].endswith(f"/w/{shop.merchant.slug}/")

    @pytest.mark.parametrize("agent", ["Mozilla/5.0", PHONE_AGENT], ids=["outside", "inside"])
    def test_sign_in_to_a_merchant_with_a_zero_byte(self, client: Client, agent: str) -> None:
        query = {"audience": "customer", "merchant": "\0"}
        response = client.get("/oauth/wechat/start", query, headers={"User-Agent": agent})
        assert response.status_code == 400


@pytest.mark.django_db
class TestCookies:
    @pytest.mark.parametrize(
        "cookie", ["zhanggui_session", "zhanggui_customer", "zhanggui_csrf", "anything"]
    )
    @pytest.mark.parametrize("path", ["/login", "/choose", "/staff/", "/staff/confirm"])
    def test_with_a_zero_byte_are_refused(self, client: Client, cookie: str, path: str) -> None:
        client.cookies.load(f'{cookie}="\\000aaaaaaaaaaaa"')
        assert client.get(path).status_code == 400


@pytest.mark.django_db
class TestConfirm:
    @pytest.mark.parametrize("record_id", [2**63, 10**30, -1, -(10**30)])
    def test_a_record_no_row_can_have_is_none(self, shop: Shop, record_id: Any) -> None:
        card = make_card(shop.programme)
        stamp(shop.desk, card)
        code = take_code(card, Kind.CANCEL)

        with pytest.raises(NothingToCancel):
            confirm(shop.desk, code.digits, record_id=record_id)

        assert balance_of(card) == 1

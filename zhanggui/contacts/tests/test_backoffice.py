"""Customers in the back office."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.contacts.models import Customer
from zhanggui.contacts.permissions import VIEW_CUSTOMERS
from zhanggui.contacts.tests.factories import make_customer, make_link
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db
HERE = "/m/tea/customers/"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def staff(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, VIEW_CUSTOMERS.name))
    return client


def page(client: Client, path: str = HERE) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


class TestAccess:
    def test(self, client: Client, tea: Merchant) -> None:
        customer = make_customer(tea)
        for path in (HERE, f"{HERE}{customer.pk}/"):
            client.logout()
            assert client.get(path)["Location"].startswith("/login")
            client.force_login(make_staff(make_merchant(), role=Role.OWNER))
            assert client.get(path).status_code == 404
            client.force_login(make_staff(tea))
            assert client.get(path).status_code == 403
            client.force_login(make_staff(tea, role=Role.CLERK))
            assert client.get(path).status_code == 200

    def test_another_merchants_customer_is_404(self, staff: Client) -> None:
        foreign = make_customer(make_merchant("coffee"))
        assert staff.get(f"{HERE}{foreign.pk}/").status_code == 404


class TestList:
    @pytest.mark.spec("repairs U-51")
    def test_shows_phones_masked(self, staff: Client, tea: Merchant) -> None:
        make_customer(tea, "王小明", phone="13800138000")
        text = page(staff)
        assert "王小明" in text
        assert "138****8000" in text
        assert "13800138000" not in text

    @pytest.mark.parametrize("query", ["?q=wxm", "?q=8000", "?state=active"])
    def test_search_finds(self, staff: Client, tea: Merchant, query: str) -> None:
        make_customer(tea, "王小明", phone="13800138000")
        assert "王小明" in page(staff, HERE + query)

    @pytest.mark.parametrize("query", ["?q=zzz", "?state=blocked"])
    def test_search_finds_not(self, staff: Client, tea: Merchant, query: str) -> None:
        make_customer(tea, "王小明")
        assert "王小明" not in page(staff, HERE + query)

    def test_of_nobody_says_what_to_do(self, staff: Client) -> None:
        assert "zg-empty" in page(staff)

    def test_is_paged_by_key(
        self, staff: Client, tea: Merchant, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        start = clock.now()
        with tenancy.merchant_scope(tea.pk):
            Customer.objects.bulk_create(
                Customer(
                    merchant=tea,
                    number=str(number),
                    name=f"顾客{number:05d}",
                    name_key=f"顾客{number:05d}",
                    created_at=start - timedelta(seconds=number),
                )
                for number in range(120)
            )
        seen: list[str] = []
        path, following = HERE, ""
        for _page in range(3):
            with django_assert_num_queries(9):  # of 12 at most
                response = staff.get(path)
            rows = response.context["list"].page
            seen += [row.name for row in rows]
            following = rows.next
            path = f"{HERE}?after={following}"
        assert seen == [f"顾客{number:05d}" for number in range(120)]
        assert following == ""


class TestDetail:
    def test_shows_how_the_customer_is_known(self, staff: Client, tea: Merchant) -> None:
        link = make_link(tea, 1, nickname="小明同学")
        text = page(staff, f"{HERE}{link.customer_id}/")
        assert "小明同学" in text
        assert link.openid not in text

    def test_of_a_customer_added_by_hand(self, staff: Client, tea: Merchant) -> None:
        assert "zg-empty" in page(staff, f"{HERE}{make_customer(tea).pk}/")


def test_search_over_everything_finds_customers_by_initials(staff: Client, tea: Merchant) -> None:
    customer = make_customer(tea, "李志强")
    found = staff.get("/m/tea/find", {"q": "lzq"}, headers={"HX-Request": "true"})
    assert f'href="{HERE}{customer.pk}/"' in found.content.decode()

"""A person asks what is known, or asks to be forgotten."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.contacts import dossier, services
from zhanggui.contacts.errors import (
    CustomerGone,
    ErasureEnded,
    ErasureUnconfirmed,
    ErasureWaiting,
    MergeStuck,
    WrongState,
)
from zhanggui.contacts.fields import ERASED_NAME
from zhanggui.contacts.models import (
    Customer,
    CustomerSession,
    CustomerState,
    Erasure,
    IdentityLink,
    Merge,
)
from zhanggui.contacts.permissions import KEEP_PRIVACY, VIEW_CUSTOMERS
from zhanggui.contacts.tests.factories import make_customer, make_link, sign_in_customer
from zhanggui.core import clock, tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea() -> Iterator[Merchant]:
    merchant = make_merchant("tea")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


def ask(customer: Customer, *, typed: str = "", at_once: bool = True) -> Erasure:
    return services.request_erasure(
        customer_id=customer.pk,
        typed=typed or customer.number,
        at_once=at_once,
        reason="打电话来要求",
        actor=ACTOR,
    )


def known(tea: Merchant) -> IdentityLink:
    """Somebody about whom everything is known."""
    link = make_link(tea, 1, openid="o-1", unionid="u-1", nickname="小明同学")
    services.edit_customer(
        customer=link.customer,
        values=services.CustomerInput(name="王小明", phone="+8613800138000", note="对花生过敏"),
        actor=ACTOR,
    )
    link.customer.refresh_from_db()
    return link


def everything() -> str:
    """All columns of all rows that could tell who it was."""
    rows = [*Customer.objects.values(), *IdentityLink.objects.values(), *Merge.objects.values()]
    return repr([*rows, *Erasure.objects.values()])


class TestErase:
    @pytest.mark.spec("platform P16")
    def test_leaves_nothing_that_tells_who_it_was(self, tea: Merchant, client: Client) -> None:
        link = known(tea)
        sign_in_customer(client, link)
        old = make_link(tea, 2, openid="o-2", nickname="老号").customer
        services.merge_customers(survivor_id=link.customer_id, replaced_id=old.pk, actor=ACTOR)
        for word in ("王小明", "小明同学", "老号", "o-1", "u-1", "花生"):
            assert word in everything()

        ask(link.customer)

        for word in ("小明", "老号", "o-1", "o-2", "u-1", "花生", "打电话"):
            assert word not in everything()
        now = Customer.objects.get(pk=link.customer_id)
        assert (now.name, now.phone, now.search) == (ERASED_NAME, "", [])
        assert set(Customer.objects.values_list("state", flat=True)) == {CustomerState.ERASED}
        assert not CustomerSession.objects.exists()
        entry = AuditEntry.objects.get(action="contacts.customer.erased")
        assert entry.details["merged"] == [old.pk]

    @pytest.mark.spec("platform P16")
    def test_who_comes_again_is_somebody_new(self, tea: Merchant) -> None:
        link = known(tea)
        ask(link.customer)
        again = make_link(tea, 1, openid="o-1", unionid="u-1", nickname="小明")
        assert again.customer_id != link.customer_id
        assert again.customer.state == CustomerState.ACTIVE
        services.create_customer(name="王小明", phone="13800138000", actor=ACTOR)

    def test_needs_the_member_number(self, tea: Merchant) -> None:
        customer = make_customer(tea)
        with pytest.raises(ErasureUnconfirmed):
            ask(customer, typed="12")
        assert Customer.objects.get().state == CustomerState.ACTIVE
        assert not Erasure.objects.exists()

    def test_waits_seven_days_and_can_be_withdrawn(self, tea: Merchant) -> None:
        customer = make_customer(tea, "王小明")
        first = ask(customer, at_once=False)
        with pytest.raises(ErasureWaiting):
            ask(customer)
        assert services.erase_due(actor=ACTOR) == 0
        services.withdraw_erasure(erasure_id=first.pk, actor=ACTOR)
        with pytest.raises(ErasureEnded):
            services.withdraw_erasure(erasure_id=first.pk, actor=ACTOR)
        ask(customer, at_once=False)
        with clock.at(clock.now() + timedelta(days=6, hours=23)):
            assert services.erase_due_everywhere(actor=ACTOR) == 0
        with clock.at(clock.now() + timedelta(days=7, hours=1)):
            assert services.erase_due_everywhere(actor=ACTOR) == 1
        assert Customer.objects.get().state == CustomerState.ERASED

    def test_happens_once_and_nothing_is_added_afterwards(self, tea: Merchant) -> None:
        customer = make_customer(tea)
        other = make_customer(tea)
        made = services.merge_customers(survivor_id=customer.pk, replaced_id=other.pk, actor=ACTOR)
        ask(customer)
        with pytest.raises(CustomerGone):
            ask(customer)
        with pytest.raises(CustomerGone):
            services.hold(customer.pk)
        with pytest.raises(MergeStuck):
            services.undo_merge(merge_id=made.pk, actor=ACTOR)
        with pytest.raises(WrongState):
            services.edit_customer(
                customer=customer, values=services.CustomerInput(name="王"), actor=ACTOR
            )


class TestDossier:
    @pytest.mark.spec("platform P16")
    def test_holds_everything_as_data_and_as_sheets(self, tea: Merchant) -> None:
        link = known(tea)
        Customer.objects.filter(pk=link.customer_id).update(name="=1+1")
        sheets = dossier.sheets_of(Customer.objects.get())
        with zipfile.ZipFile(io.BytesIO(dossier.zip_of(sheets, "Asia/Shanghai"))) as box:
            data = json.loads(box.read("data.json"))
            book = CalamineWorkbook.from_filelike(io.BytesIO(box.read("data.xlsx")))
        assert "+8613800138000" in data["profile"][0].values()
        assert "小明同学" in data["identities"][0].values()
        assert {"profile", "identities", "merges", "stamp_cards", "stamps"} <= set(data)
        assert len(book.sheet_names) == len(sheets)
        assert "=1+1" in str(book.get_sheet_by_index(0).to_python())


class TestPages:
    def test_ask_for_the_right(self, tea: Merchant, client: Client) -> None:
        customer = make_customer(tea)
        url = reverse("contacts:privacy", args=["tea", customer.pk])
        client.force_login(make_staff(tea, VIEW_CUSTOMERS.name))
        assert client.get(url).status_code == 403
        assert client.post(url, {"typed": customer.number, "when": "now"}).status_code == 403
        assert Customer.objects.get().state == CustomerState.ACTIVE

    def test_erase_by_typing_the_number(self, tea: Merchant, client: Client) -> None:
        customer = make_customer(tea, "王小明")
        url = reverse("contacts:privacy", args=["tea", customer.pk])
        client.force_login(make_staff(tea, VIEW_CUSTOMERS.name, KEEP_PRIVACY.name))
        answer = client.post(url, {"typed": "1", "when": "now", "reason": "电话"})
        assert answer.status_code == 422
        assert "电话" in answer.content.decode()
        assert client.post(url, {"typed": customer.number, "when": "now"}).status_code == 302
        assert "王小明" not in client.get(url).content.decode()
        page = client.get(reverse("contacts:customers", args=["tea"])).content.decode()
        assert ERASED_NAME not in page

    def test_gather_everything_in_a_task(self, tea: Merchant, client: Client) -> None:
        customer = make_customer(tea)
        client.force_login(make_staff(tea, VIEW_CUSTOMERS.name, KEEP_PRIVACY.name))
        answer = client.post(reverse("contacts:hand_out", args=["tea", customer.pk]))
        assert answer.status_code == 302
        assert "/jobs/" in answer["Location"]

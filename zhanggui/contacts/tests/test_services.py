"""Customers: made once, known again, numbered, named, found by phone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from zhanggui.accounts.errors import PhoneFormat
from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant
from zhanggui.contacts import selectors, services
from zhanggui.contacts.errors import PhoneTaken
from zhanggui.contacts.models import Customer, CustomerSession, IdentityLink, LinkState
from zhanggui.contacts.tests.factories import make_customer, make_link
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea() -> Iterator[Merchant]:
    merchant = make_merchant("tea")
    with tenancy.merchant_scope(merchant.pk):
        yield merchant


class TestCreate:
    def test_gives_a_number_and_search_keys(self, tea: Merchant) -> None:
        customer = services.create_customer(name=" 王小明 ", phone="138 0013 8000", actor=ACTOR)
        assert customer.name == "王小明"
        assert len(customer.number) == 8
        assert customer.number.isdigit()
        assert customer.name_key == "王小明|wangxiaoming|wxm"
        assert customer.phone == "+8613800138000"
        assert b"13800138000" not in bytes(customer.phone_sealed or b"")
        assert AuditEntry.objects.get().action == "contacts.customer.created"

    def test_without_a_name(self, tea: Merchant) -> None:
        assert services.create_customer(name=" ", actor=ACTOR).name == services.NAMELESS

    def test_long_name_is_cut(self, tea: Merchant) -> None:
        assert len(services.create_customer(name="王" * 200, actor=ACTOR).name) == 80

    def test_same_phone_twice_is_refused(self, tea: Merchant) -> None:
        make_customer(tea, phone="13800138000")
        with pytest.raises(PhoneTaken):
            make_customer(tea, phone="+86 138-0013-8000")
        assert Customer.objects.count() == 1
        assert AuditEntry.objects.count() == 1

    def test_same_phone_at_another_merchant_is_another_customer(self, tea: Merchant) -> None:
        first = make_customer(tea, phone="13800138000")
        other = make_customer(make_merchant("coffee"), phone="13800138000")
        assert first.phone_hash != other.phone_hash

    def test_no_phone_number(self, tea: Merchant) -> None:
        with pytest.raises(PhoneFormat):
            services.create_customer(name="x", phone="123", actor=ACTOR)
        assert not Customer.objects.exists()

    def test_draws_another_number_when_one_is_taken(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drawn = iter([1, 1, 2])
        monkeypatch.setattr(secrets, "randbelow", lambda _below: next(drawn))
        numbers = [services.create_customer(name="x", actor=ACTOR).number for _time in range(2)]
        assert numbers == ["10000001", "10000002"]

    def test_gives_up_when_no_number_is_free(
        self, tea: Merchant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(secrets, "randbelow", lambda _below: 1)
        services.create_customer(name="x", actor=ACTOR)
        with pytest.raises(RuntimeError):
            services.create_customer(name="y", actor=ACTOR)


class TestIdentity:
    def know(self, **changes: Any) -> IdentityLink:
        values: dict[str, Any] = {
            "openid": "o1",
            "unionid": "",
            "nickname": "小明",
            "avatar_url": "",
        } | changes
        return services.customer_of_identity(account_id=1, actor=ACTOR, **values)

    def test_is_made_once(self, tea: Merchant) -> None:
        first, again = self.know(), self.know()
        assert first.pk == again.pk
        assert (Customer.objects.count(), IdentityLink.objects.count()) == (1, 1)
        assert sorted(AuditEntry.objects.values_list("action", flat=True)) == [
            "contacts.customer.created",
            "contacts.link.created",
        ]

    def test_the_name_follows_the_nickname(self, tea: Merchant) -> None:
        self.know(nickname="")
        assert Customer.objects.get().name == services.NAMELESS
        self.know(nickname="小明")
        assert Customer.objects.get().name == "小明"
        self.know(nickname="大明")
        customer = Customer.objects.get()
        assert (customer.name, customer.name_key) == ("大明", "大明|daming|dm")
        self.know(nickname="")
        assert Customer.objects.get().name == "大明"

    def test_a_name_the_shop_gave_stays(self, tea: Merchant) -> None:
        self.know()
        Customer.objects.update(name="王先生")
        assert self.know(nickname="大明").nickname == "大明"
        assert Customer.objects.get().name == "王先生"

    def test_the_same_unionid_is_the_same_person(self, tea: Merchant) -> None:
        first = self.know(unionid="u")
        second = services.customer_of_identity(
            account_id=2, openid="p9", unionid="u", nickname="小明", avatar_url="", actor=ACTOR
        )
        assert first.customer_id == second.customer_id
        assert Customer.objects.count() == 1

    def test_but_not_at_another_merchant(self, tea: Merchant) -> None:
        first = self.know(unionid="u")
        other = make_link(make_merchant("coffee"), 1, openid="o1", unionid="u")
        assert first.customer_id != other.customer_id

    def test_nor_through_a_replaced_link(self, tea: Merchant) -> None:
        first = self.know(unionid="u")
        IdentityLink.objects.update(state=LinkState.REPLACED)
        assert self.know(openid="o2", unionid="u").customer_id != first.customer_id

    def test_can_be_found_for_a_message(self, tea: Merchant) -> None:
        link = self.know()
        assert selectors.active_link(link.customer_id, account_id=1) == link
        assert selectors.active_link(link.customer_id, account_id=2) is None


class TestSession:
    def test_keeps_only_a_digest(self, tea: Merchant) -> None:
        token = services.open_session(link=make_link(tea, 1))
        assert token.encode() not in bytes(CustomerSession.objects.get().token_digest)
        services.close_session(token=token)
        assert not CustomerSession.objects.exists()


@pytest.mark.parametrize(
    ("name", "masked"),
    [("王小明", "王**"), ("王", "**"), ("Alexandra", "A**"), (" 李四 ", "李**"), ("", "**")],
)
def test_masked_name(name: str, masked: str) -> None:
    assert services.masked_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"), [("+8613800138000", "138****8000"), ("", "")], ids=["phone", "none"]
)
def test_masked_phone(phone: str, masked: str) -> None:
    assert services.masked_phone(phone) == masked


class TestSearch:
    @pytest.fixture(autouse=True)
    def people(self, tea: Merchant) -> None:
        for name, phone in [
            ("王小明", "13800138000"),
            ("王晓敏", None),
            ("Ａｎｎａ Li", "13912345678"),
            ("欧阳婉清", None),
        ]:
            make_customer(tea, name, phone=phone)

    @pytest.mark.parametrize(
        ("search", "names"),
        [
            ("王", ["王晓敏", "王小明"]),
            ("小明", ["王小明"]),
            ("wangxiaoming", ["王小明"]),
            ("WXM", ["王晓敏", "王小明"]),
            ("ｗｘｍ", ["王晓敏", "王小明"]),
            ("anna", ["Ａｎｎａ Li"]),
            ("anna li", ["Ａｎｎａ Li"]),
            ("oywq", ["欧阳婉清"]),
            ("8000", ["王小明"]),
            ("138 0013 8000", ["王小明"]),
            ("+86 13912345678", ["Ａｎｎａ Li"]),
            ("0000", []),
            ("13800138001", []),
            ("%", []),
            ("_", []),
            ("|", ["欧阳婉清", "Ａｎｎａ Li", "王晓敏", "王小明"]),
            ("", ["欧阳婉清", "Ａｎｎａ Li", "王晓敏", "王小明"]),
        ],
    )
    def test_finds(self, search: str, names: list[str]) -> None:
        found = [c.name for c in selectors.customers(search=search)]
        # a drawn member number may begin with the digits that are looked for
        by_number = {c.name for c in Customer.objects.all() if c.number.startswith(search or "x")}
        assert [n for n in found if n in names or n not in by_number] == names

    def test_by_number(self) -> None:
        customer = Customer.objects.first()
        assert customer is not None
        assert list(selectors.customers(search=customer.number)) == [customer]

    def test_of_another_merchant_finds_nothing(self) -> None:
        with tenancy.merchant_scope(make_merchant("coffee").pk):
            assert list(selectors.customers(search="王")) == []

"""Adding, changing, blocking one customer; notes, tags, the whole phone number; tags' pages."""

from __future__ import annotations

import pytest
from django.test import Client

from zhanggui.accounts.models import AuditEntry, Merchant, Role
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.contacts.models import Customer, CustomerState, Source, Tag
from zhanggui.contacts.tests.factories import make_customer, make_tag
from zhanggui.core import tenancy

pytestmark = pytest.mark.django_db
HERE = "/m/tea/customers/"


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea")


@pytest.fixture
def boss(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


@pytest.fixture
def clerk(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.CLERK))
    return client


def only(tea: Merchant) -> Customer:
    with tenancy.merchant_scope(tea.pk):
        return Customer.objects.get()


def actions(tea: Merchant) -> list[str]:
    with tenancy.merchant_scope(tea.pk):
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.mark.spec("platform P12")
class TestAdd:
    def test_keeps_what_was_typed(self, clerk: Client, tea: Merchant) -> None:
        tag = make_tag(tea, "熟客")
        response = clerk.post(
            f"{HERE}new",
            {
                "name": " 王小明 ",
                "phone": "138 0013 8000",
                "gender": "m",
                "birthday": "１９９０年５月１７日",
                "tags": [tag.pk],
                "note": "爱喝茉莉",
            },
        )
        customer = only(tea)
        assert response["Location"] == f"{HERE}{customer.pk}/"
        assert (customer.name, customer.phone, customer.gender) == ("王小明", "+8613800138000", "m")
        assert (customer.birthday, customer.birth_year) == (517, 1990)
        assert (customer.note, customer.tag_ids) == ("爱喝茉莉", [tag.pk])
        assert (customer.source, customer.phone_verified_at) == (Source.HAND, None)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("name", " \u3000 "),
            ("name", "王" * 200),
            ("phone", "123"),
            ("birthday", "1990-02-30"),
            ("birthday", "2999-01-01"),
            ("birthday", "gestern"),
            ("gender", "x"),
            ("tags", "999"),
            ("note", "长" * 1001),
        ],
    )
    def test_says_what_is_wrong(self, clerk: Client, tea: Merchant, field: str, value: str) -> None:
        make_tag(tea)
        response = clerk.post(f"{HERE}new", {"name": "王小明"} | {field: value})
        assert response.status_code == 422
        assert field in response.context["form"].errors
        with tenancy.merchant_scope(tea.pk):
            assert not Customer.objects.exists()

    def test_a_known_phone_leads_to_its_customer(self, clerk: Client, tea: Merchant) -> None:
        known = make_customer(tea, "王小明", phone="13800138000")
        response = clerk.post(f"{HERE}new", {"name": "老王", "phone": "13800138000"})
        assert response.status_code == 409
        assert f'href="{HERE}{known.pk}/"' in response.content.decode()
        assert only(tea).name == "王小明"

    def test_twice_pressed_is_one_customer(self, clerk: Client, tea: Merchant) -> None:
        for _press in range(2):
            clerk.post(f"{HERE}new", {"name": "王小明", "idempotency_key": "k1"})
        assert only(tea).name == "王小明"


class TestEdit:
    def test_an_empty_phone_keeps_the_number(self, clerk: Client, tea: Merchant) -> None:
        customer = make_customer(tea, "王小明", phone="13800138000")
        page = clerk.get(f"{HERE}{customer.pk}/edit").content.decode()
        assert "138****8000" in page
        assert "13800138000" not in page
        clerk.post(f"{HERE}{customer.pk}/edit", {"name": "王大明", "birthday": "2-29"})
        changed = only(tea)
        assert (changed.name, changed.phone) == ("王大明", "+8613800138000")
        assert (changed.birthday, changed.birth_year) == (229, None)
        clerk.post(f"{HERE}{customer.pk}/edit", {"name": "王大明", "forget_phone": "on"})
        assert only(tea).phone == ""

    def test_a_taken_phone_is_refused(self, clerk: Client, tea: Merchant) -> None:
        known = make_customer(tea, "王小明", phone="13800138000")
        other = make_customer(tea, "李四")
        response = clerk.post(f"{HERE}{other.pk}/edit", {"name": "李四", "phone": "13800138000"})
        assert response.status_code == 409
        assert f'href="{HERE}{known.pk}/"' in response.content.decode()

    def test_nothing_changed_writes_nothing(self, clerk: Client, tea: Merchant) -> None:
        customer = make_customer(tea, "王小明", phone="13800138000")
        clerk.post(f"{HERE}{customer.pk}/edit", {"name": "王小明"})
        assert actions(tea) == ["contacts.customer.created"]

    def test_the_log_names_fields_never_values(self, clerk: Client, tea: Merchant) -> None:
        customer = make_customer(tea, "王小明")
        clerk.post(f"{HERE}{customer.pk}/edit", {"name": "李四", "phone": "13800138000"})
        with tenancy.merchant_scope(tea.pk):
            entry = AuditEntry.objects.get(action="contacts.customer.edited")
        assert entry.details == {"fields": ["name", "phone"]}


class TestBlock:
    def test_needs_a_reason_and_can_be_taken_back(self, boss: Client, tea: Merchant) -> None:
        path = f"{HERE}{make_customer(tea).pk}/"
        boss.post(f"{path}block", {"reason": ""})
        assert only(tea).state == CustomerState.ACTIVE
        boss.post(f"{path}block", {"reason": "刷单"})
        assert (only(tea).state, only(tea).blocked_reason) == ("blocked", "刷单")
        assert "刷单" in boss.get(path).content.decode()
        assert boss.post(f"{path}block", {"reason": "刷单"}).status_code == 409
        boss.post(f"{path}unblock")
        assert (only(tea).state, only(tea).blocked_reason) == ("active", "")
        assert boss.post(f"{path}unblock").status_code == 409

    def test_a_clerk_may_not(self, clerk: Client, tea: Merchant) -> None:
        path = f"{HERE}{make_customer(tea).pk}/block"
        assert clerk.post(path, {"reason": "x"}).status_code == 403


class TestPhone:
    def test_is_shown_whole_only_by_right_and_logged(self, boss: Client, tea: Merchant) -> None:
        path = f"{HERE}{make_customer(tea, phone='13800138000').pk}/"
        assert "13800138000" not in boss.get(path).content.decode()
        assert boss.get(f"{path}phone").status_code == 405
        response = boss.post(f"{path}phone", headers={"HX-Request": "true"})
        assert "+8613800138000" in response.content.decode()
        assert "no-store" in response["Cache-Control"]
        assert actions(tea)[-1] == "contacts.phone.revealed"

    def test_a_clerk_sees_it_masked(self, clerk: Client, tea: Merchant) -> None:
        path = f"{HERE}{make_customer(tea, phone='13800138000').pk}/phone"
        assert clerk.post(path).status_code == 403
        assert "contacts.phone.revealed" not in actions(tea)


class TestNoteAndTags:
    def test_note(self, clerk: Client, tea: Merchant) -> None:
        path = f"{HERE}{make_customer(tea).pk}/note"
        clerk.post(path, {"note": " 爱喝茉莉 "})
        clerk.post(path, {"note": "长" * 1001})
        assert only(tea).note == "爱喝茉莉"

    def test_tags_in_place(self, clerk: Client, tea: Merchant) -> None:
        path, tag = f"{HERE}{make_customer(tea).pk}/tag", make_tag(tea, "熟客")
        answer = clerk.post(path, {"tag": tag.pk}, headers={"HX-Request": "true"})
        assert "熟客" in answer.content.decode()
        assert only(tea).tag_ids == [tag.pk]
        clerk.post(path, {"tag": tag.pk})
        assert only(tea).tag_ids == [tag.pk]
        clerk.post(path, {"tag": tag.pk, "off": "1"})
        assert only(tea).tag_ids == []
        foreign = make_tag(make_merchant("coffee"))
        assert clerk.post(path, {"tag": foreign.pk}).status_code == 404
        assert clerk.post(path, {"tag": "x"}).status_code == 404


class TestTags:
    def names(self, tea: Merchant) -> list[str]:
        with tenancy.merchant_scope(tea.pk):
            return list(Tag.objects.order_by("pk").values_list("name", flat=True))

    def test_one_name_once_whatever_its_case_and_width(self, boss: Client, tea: Merchant) -> None:
        for name, status in [("VIP", 302), ("ｖｉｐ", 409), (" ", 422), ("x" * 21, 422)]:
            values = {"name": name, "colour": "brand"}
            assert boss.post(f"{HERE}tags/new", values).status_code == status
        assert boss.post(f"{HERE}tags/new", {"name": "y", "colour": "evil"}).status_code == 422
        assert self.names(tea) == ["VIP"]

    def test_rename_merge_delete(self, boss: Client, tea: Merchant) -> None:
        one, two = make_tag(tea, "熟客"), make_tag(tea, "老客")
        with tenancy.merchant_scope(tea.pk):
            a, b = make_customer(tea, "甲"), make_customer(tea, "乙")
            Customer.objects.filter(pk=a.pk).update(tag_ids=[one.pk, two.pk])
            Customer.objects.filter(pk=b.pk).update(tag_ids=[one.pk])
        renamed = {"name": "常客", "colour": "muted"}
        assert boss.post(f"{HERE}tags/{one.pk}/", renamed).status_code == 302
        assert boss.post(f"{HERE}tags/{two.pk}/", renamed).status_code == 409
        text = boss.get(f"{HERE}tags/").content.decode()
        assert "常客" in text
        assert boss.post(f"{HERE}tags/{one.pk}/merge", {"into": one.pk}).status_code == 404
        boss.post(f"{HERE}tags/{one.pk}/merge", {"into": two.pk})
        with tenancy.merchant_scope(tea.pk):
            assert set(map(tuple, Customer.objects.values_list("tag_ids", flat=True))) == {
                (two.pk,)
            }
        boss.post(f"{HERE}tags/{two.pk}/delete")
        assert self.names(tea) == []
        with tenancy.merchant_scope(tea.pk):
            assert not Customer.objects.exclude(tag_ids=[]).exists()

    def test_a_clerk_only_looks(self, clerk: Client, tea: Merchant) -> None:
        tag = make_tag(tea)
        assert clerk.get(f"{HERE}tags/").status_code == 200
        assert clerk.post(f"{HERE}tags/{tag.pk}/delete").status_code == 403
        assert len(self.names(tea)) == 1

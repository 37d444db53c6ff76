"""The search over everything: pages and records, each only for those who may see them."""

from __future__ import annotations

import pytest
from django.test import Client

from zhanggui.accounts import rights
from zhanggui.accounts.models import Merchant, Person, Role
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
    make_store,
)

pytestmark = pytest.mark.django_db

PIECE = {"HX-Request": "true"}


@pytest.fixture
def tea() -> Merchant:
    return make_merchant("tea", name="花茶时光")


def found(client: Client, address: str, text: str) -> str:
    answer = client.get(address, {"q": text}, headers=PIECE)
    assert answer.status_code == 200
    return str(answer.content.decode())


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize("text", ["门店", "md", "mendian", "MD", "stores", "店"])
def test_page_is_found_by_its_name_in_both_languages_and_by_pinyin(
    tea: Merchant, text: str
) -> None:
    owner = signed_in(make_staff(tea, role=Role.OWNER))
    assert 'href="/m/tea/stores/"' in found(owner, "/m/tea/find", text)


def test_without_a_text_all_pages_of_the_menu_are_offered(tea: Merchant) -> None:
    owner = signed_in(make_staff(tea, role=Role.OWNER))
    answer = found(owner, "/m/tea/find", " ")
    assert 'href="/m/tea/stores/"' in answer
    assert 'href="/m/tea/audit/"' in answer


def test_stores_and_staff_are_found(tea: Merchant) -> None:
    store = make_store(tea, "御街店", address="中山路 8 号")
    make_staff(tea, role=Role.CLERK, name="周小满")
    owner = signed_in(make_staff(tea, role=Role.OWNER))
    assert f'href="/m/tea/stores/{store.pk}/"' in found(owner, "/m/tea/find", "中山路")
    assert "周小满" in found(owner, "/m/tea/find", "小满")


def test_what_one_may_not_see_is_not_found(tea: Merchant) -> None:
    make_store(tea, "御街店")
    make_staff(tea, role=Role.CLERK, name="周小满")
    nobody = signed_in(make_staff(tea))
    assert "没有找到" in found(nobody, "/m/tea/find", "御街")
    assert "周小满" not in found(nobody, "/m/tea/find", "小满")
    clerk = signed_in(make_staff(tea, rights.VIEW_STORES.name))
    assert "御街店" in found(clerk, "/m/tea/find", "御街")
    assert "周小满" not in found(clerk, "/m/tea/find", "小满")


def test_nothing_of_another_merchant_is_found(tea: Merchant) -> None:
    other = make_merchant("bakery", name="麦田面包")
    make_store(other, "御街店")
    make_staff(other, role=Role.CLERK, name="周小满")
    owner = signed_in(make_staff(tea, role=Role.OWNER))
    answer = found(owner, "/m/tea/find", "御街") + found(owner, "/m/tea/find", "小满")
    assert "/stores/" not in answer
    assert "周小满" not in answer.replace("“小满”", "")


def test_operator_finds_own_merchants_only() -> None:
    operator = make_operator("north", name="北方运营")
    make_merchant("tea", name="花茶时光", operator=operator)
    make_merchant("other", name="花海书店")
    client = signed_in(make_operator_staff(operator, role=Role.OWNER))
    answer = found(client, "/operator/north/find", "花")
    assert "花茶时光" in answer
    assert "花海书店" not in answer


def test_platform_finds_merchants_and_operators() -> None:
    operator = make_operator("north", name="北方花木")
    make_merchant("tea", name="花茶时光", operator=operator)
    client = signed_in(make_platform_staff(role=Role.OWNER))
    answer = found(client, "/platform/find", "花")
    assert "花茶时光" in answer
    assert "北方花木" in answer


def test_hostile_text_is_shown_as_text(tea: Merchant) -> None:
    owner = signed_in(make_staff(tea, role=Role.OWNER))
    answer = found(owner, "/m/tea/find", "<script>alert(1)</script>")
    assert "<script>" not in answer
    assert "&lt;script&gt;" in answer
    assert owner.get("/m/tea/find", {"q": "长" * 500}, headers=PIECE).status_code == 200


def test_without_scripts_the_answer_is_a_whole_page(tea: Merchant) -> None:
    owner = signed_in(make_staff(tea, role=Role.OWNER))
    answer = owner.get("/m/tea/find", {"q": "门店"}).content.decode()
    assert "<!doctype html>" in answer
    assert 'href="/m/tea/stores/"' in answer

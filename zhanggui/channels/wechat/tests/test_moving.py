"""An account authorised here while another shop uses it: refused, and moved by who stands above."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Merchant, Operator, Person, Role
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_person,
    make_platform_staff,
)
from zhanggui.channels.wechat.errors import AuthorisedElsewhere
from zhanggui.channels.wechat.models import AuthorisationVisit, ChannelAccount, Component
from zhanggui.channels.wechat.tests.factories import make_account, make_authorised, make_component
from zhanggui.channels.wechat.tests.test_authorising import APP_ID, begin, complete, wechat
from zhanggui.core import tenancy

pytestmark = [pytest.mark.django_db, pytest.mark.spec("repairs U-47")]
HERE = "/operator/grow/channels/wechat/"


@pytest.fixture
def grow() -> Operator:
    return make_operator("grow")


@pytest.fixture
def tea(grow: Operator) -> Merchant:
    return make_merchant("tea", name="青岚茶舍", operator=grow)


@pytest.fixture
def coffee(grow: Operator) -> Merchant:
    return make_merchant("coffee", name="拐角咖啡", operator=grow)


@pytest.fixture
def component() -> Component:
    return make_component()


@pytest.fixture
def boss() -> Person:
    return make_person("老板")


@pytest.fixture
def held(component: Component, coffee: Merchant) -> ChannelAccount:
    return make_authorised(component, merchant=coffee, app_id=APP_ID)


@pytest.fixture
def visit(held: ChannelAccount, tea: Merchant, boss: Person) -> AuthorisationVisit:
    """Tea's owner authorised the account that coffee uses, and was refused."""
    begun = begin(tea, boss)
    with wechat(), pytest.raises(AuthorisedElsewhere) as refused:
        complete(begun, boss)
    assert "青" not in refused.value.message
    assert "拐***" in refused.value.message
    assert "拐角咖啡" not in refused.value.message
    return AuthorisationVisit.objects.get()


@pytest.fixture
def manager(client: Client, grow: Operator) -> Client:
    client.force_login(make_operator_staff(grow, role=Role.OWNER))
    return client


def owner_of(account: ChannelAccount) -> str:
    account.refresh_from_db()
    return account.merchant.slug if account.merchant else ""


def actions(merchant: Merchant) -> set[str]:
    with tenancy.merchant_scope(merchant.pk):
        return set(AuditEntry.objects.values_list("action", flat=True))


def test_the_operator_sees_it_and_moves_it(
    manager: Client,
    visit: AuthorisationVisit,
    held: ChannelAccount,
    tea: Merchant,
    coffee: Merchant,
) -> None:
    overview = manager.get(reverse("accounts:operator_overview", args=["grow"]))
    assert f"{HERE}#wanted" in overview.content.decode()
    page = manager.get(HERE).content.decode()
    assert "拐角咖啡" in page
    assert "青岚茶舍" in page

    assert manager.post(f"{HERE}wanted/{visit.pk}/move")["Location"] == HERE

    assert owner_of(held) == "tea"
    assert "wechat.account.moved_away" in actions(coffee)
    assert "wechat.account.moved_here" in actions(tea)
    assert "wanted/" not in manager.get(HERE).content.decode()
    manager.post(f"{HERE}wanted/{visit.pk}/move")
    assert "wechat.account.moved_here" not in actions(coffee)


def test_it_may_be_left_where_it_is(
    manager: Client, visit: AuthorisationVisit, held: ChannelAccount
) -> None:
    manager.post(f"{HERE}wanted/{visit.pk}/dismiss")
    manager.post(f"{HERE}wanted/{visit.pk}/move")
    assert owner_of(held) == "coffee"
    assert "wanted/" not in manager.get(HERE).content.decode()


def test_another_account_in_use_at_the_new_place_stays(
    manager: Client, visit: AuthorisationVisit, held: ChannelAccount, tea: Merchant
) -> None:
    make_account(merchant=tea)
    answer = manager.post(f"{HERE}wanted/{visit.pk}/move", follow=True)
    assert "接入了另一个公众号" in answer.content.decode()
    assert owner_of(held) == "coffee"


def test_an_operator_of_one_side_only_sees_nothing(
    client: Client, visit: AuthorisationVisit, held: ChannelAccount, coffee: Merchant
) -> None:
    other = make_operator("other")
    Merchant.objects.filter(pk=coffee.pk).update(operator=other)
    for slug, operator in (("other", other), ("grow", Operator.objects.get(slug="grow"))):
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        here = f"/operator/{slug}/channels/wechat/"
        assert "wanted/" not in client.get(here).content.decode()
        client.post(f"{here}wanted/{visit.pk}/move")
    assert owner_of(held) == "coffee"


def test_the_platform_moves_between_operators(
    client: Client, visit: AuthorisationVisit, held: ChannelAccount, coffee: Merchant
) -> None:
    Merchant.objects.filter(pk=coffee.pk).update(operator=make_operator("other"))
    client.force_login(make_platform_staff(role=Role.OWNER))
    here = "/platform/channels/wechat/"
    assert f"wanted/{visit.pk}/move" in client.get(here).content.decode()
    client.post(f"{here}wanted/{visit.pk}/move")
    assert owner_of(held) == "tea"


def test_what_ended_meanwhile_is_not_moved(
    manager: Client, visit: AuthorisationVisit, held: ChannelAccount
) -> None:
    ChannelAccount.objects.filter(pk=held.pk).update(is_connected=False)
    manager.post(f"{HERE}wanted/{visit.pk}/move")
    assert owner_of(held) == "coffee"

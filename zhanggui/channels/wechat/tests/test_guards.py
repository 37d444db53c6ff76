"""Who may use the staff's phone pages."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path
from django.views.i18n import set_language

from zhanggui.accounts.models import Person
from zhanggui.accounts.tests.factories import make_person
from zhanggui.channels.wechat.guards import StaffRequest, staff_view
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import (
    PHONE_AGENT,
    make_account,
    make_identity,
    sign_in_staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
INSIDE = {"User-Agent": PHONE_AGENT}


@staff_view
def desk(request: StaffRequest) -> HttpResponse:
    """Show who came."""
    return HttpResponse(f"{request.person.name} {request.actor.kind} {request.actor.id}")


urlpatterns = [
    path("language", set_language, name="set_language"),
    path("staff/desk/", desk),
    path("", include("zhanggui.channels.wechat.urls")),
]


@pytest.fixture
def platform() -> ChannelAccount:
    return make_account()


def test_signed_in_by_wechat_gets_in(client: Client, platform: ChannelAccount) -> None:
    identity = make_identity(platform)
    sign_in_staff(client, identity)
    assert client.get("/staff/desk/").content.decode() == f"周店长 person {identity.person_id}"


def test_a_password_is_not_enough(client: Client, platform: ChannelAccount) -> None:
    client.force_login(make_person())
    assert client.get("/staff/desk/", headers=INSIDE).status_code == 302


def test_inside_wechat_goes_to_the_sign_in_and_back(
    client: Client, platform: ChannelAccount
) -> None:
    response = client.get("/staff/desk/?a=1", headers=INSIDE)
    assert response["Location"] == (
        "/oauth/wechat/start?audience=staff&next=%2Fstaff%2Fdesk%2F%3Fa%3D1"
    )


def test_elsewhere_asks_to_open_wechat(client: Client, platform: ChannelAccount) -> None:
    assert client.get("/staff/desk/").status_code == 401


@pytest.mark.parametrize(
    "headers", [{"HX-Request": "true"}, {"Accept": "application/json"}], ids=["htmx", "json"]
)
def test_pieces_get_401(client: Client, platform: ChannelAccount, headers: dict[str, str]) -> None:
    assert client.get("/staff/desk/", headers=INSIDE | headers).status_code == 401


def test_a_form_gets_401(client: Client, platform: ChannelAccount) -> None:
    assert client.post("/staff/desk/", headers=INSIDE).status_code == 401


def test_switched_off_is_out_at_once(client: Client, platform: ChannelAccount) -> None:
    sign_in_staff(client, make_identity(platform))
    Person.objects.update(is_active=False)
    assert client.get("/staff/desk/", headers=INSIDE).status_code == 302


def test_another_platform_account_asks_again(client: Client, platform: ChannelAccount) -> None:
    sign_in_staff(client, make_identity(platform))
    ChannelAccount.objects.update(is_connected=False)
    make_account()
    assert client.get("/staff/desk/", headers=INSIDE).status_code == 302


def test_without_a_platform_account_says_so(client: Client) -> None:
    assert client.get("/staff/desk/", headers=INSIDE).status_code == 409


def test_wecom_is_another_program(client: Client, platform: ChannelAccount) -> None:
    agent = f"{PHONE_AGENT} wxwork/4.1"
    assert client.get("/staff/desk/", headers={"User-Agent": agent}).status_code == 401


def test_names_its_guard() -> None:
    assert desk.guard == "staff"  # type: ignore[attr-defined]

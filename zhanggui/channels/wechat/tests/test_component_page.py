"""The platform's page for its third-party platform: errors, asking for tickets, old notices."""

from __future__ import annotations

import pytest
from django.test import Client

from zhanggui.accounts.models import Role
from zhanggui.accounts.tests.factories import make_platform_staff
from zhanggui.channels.wechat.models import CallbackDelivery, Component, DeliveryState
from zhanggui.channels.wechat.tests.factories import (
    START_TICKET_PATH,
    fake_wechat,
    make_component,
)
from zhanggui.core import clock

pytestmark = pytest.mark.django_db
HERE = "/platform/channels/wechat/third-party"


@pytest.fixture
def platform(client: Client) -> Client:
    client.force_login(make_platform_staff(role=Role.OWNER))
    return client


def page(client: Client) -> str:
    response = client.get(HERE)
    assert response.status_code == 200
    return response.content.decode()


def make_notice(component: Component) -> CallbackDelivery:
    return CallbackDelivery.objects.create(
        component=component,
        platform_key="info:x",
        kind="unauthorized",
        body_sealed=b"x",
        sent_at=clock.now(),
        state=DeliveryState.DEAD,
        error="LookupError",
    )


def test_an_error_of_wechat_comes_with_advice(platform: Client) -> None:
    make_component()
    Component.objects.update(last_error="x", last_error_code=61004, last_error_at=clock.now())
    shown = page(platform)
    assert "61004" in shown
    assert "第三方平台的白名单" in shown


def test_tickets_can_be_asked_for_every_ten_minutes(platform: Client) -> None:
    make_component()
    with fake_wechat() as fake:
        for _time in range(2):
            assert platform.post(f"{HERE}/ask").status_code == 302
    assert fake.paths() == [START_TICKET_PATH]


def test_without_a_platform_nothing_is_asked(platform: Client) -> None:
    assert platform.post(f"{HERE}/ask").status_code == 404


def test_a_notice_that_was_given_up_can_be_worked_on_again(platform: Client) -> None:
    notice = make_notice(make_component())
    assert "LookupError" in page(platform)
    platform.post(f"{HERE}/deliveries/{notice.pk}/replay")
    notice.refresh_from_db()
    assert (notice.state, notice.error) == (DeliveryState.RECEIVED, "")


def test_a_notice_nobody_has_is_not_found(platform: Client) -> None:
    assert platform.post(f"{HERE}/deliveries/1/replay").status_code == 404

"""The sandbox's phones call the demo's QR codes by what they are for."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from demo import sandbox
from demo.cast import MERCHANTS
from demo.errors import DemoError
from demo.tests.conftest import Filled
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Merchant, Store
from zhanggui.channels.wechat.models import SceneCode, TrackedCode
from zhanggui.core import tenancy
from zhanggui.signin.services.scanning import PURPOSE as SIGN_IN
from zhanggui.stamps import services


def invite(slug: str) -> tuple[Store, str]:
    """A QR code for managers of a shop's first store, and what its picture says."""
    shop = Merchant.objects.get(slug=slug)
    with tenancy.merchant_scope(shop.pk):
        store = Store.objects.filter(merchant=shop).order_by("pk")[0]
        made = services.invite_manager(store=store, actor=system_actor("demo"))
    return store, made.url


class TestNames:
    def test_an_invitation_says_whose_managers_it_makes(self, committed: Filled) -> None:
        store, url = invite(MERCHANTS[0].slug)
        assert committed.world.names[url] == f"添加管理员 · {MERCHANTS[0].name}{store.name}"

    def test_a_code_to_sign_in_says_so(self, committed: Filled, client: Client) -> None:
        client.post(reverse("signin:qr_code"), headers={"User-Agent": "Mozilla/5.0 Firefox/140"})
        newest = SceneCode.objects.latest("pk")
        assert newest.purpose == SIGN_IN
        assert committed.world.names[newest.url].startswith("登录")

    def test_a_printed_code_is_called_as_the_office_calls_it(self, filled: Filled) -> None:
        for tracked in TrackedCode.objects.all():
            assert filled.world.names[tracked.url] == tracked.name
        assert TrackedCode.objects.exists()

    def test_a_sandbox_that_is_away_hinders_nothing(
        self, committed: Filled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_given: object) -> None:
            raise DemoError("away")

        monkeypatch.setattr(sandbox.Sandbox, "name_code", fail)
        _store, url = invite(MERCHANTS[0].slug)
        assert SceneCode.objects.filter(url=url).exists()

    def test_nothing_is_told_outside_the_demo(self, committed: Filled) -> None:
        with override_settings(IS_DEMO=False):
            _store, url = invite(MERCHANTS[0].slug)
        assert url not in committed.world.names

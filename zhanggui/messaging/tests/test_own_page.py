"""A customer's own page offers what can be allowed in WeChat."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import make_staff
from zhanggui.channels.wechat.models import ChannelAccount, Form, Permit
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock, tenancy
from zhanggui.messaging.models import Rule
from zhanggui.messaging.tests.factories import PROBE, bind


class TestReminders:
    @pytest.fixture
    def reader(self, client: Client, tea: Merchant, account: ChannelAccount) -> Client:
        self.link = make_link(tea, account.pk)
        sign_in_customer(client, self.link)
        client.defaults["HTTP_USER_AGENT"] = PHONE_AGENT
        return client

    def test_each_with_what_is_left(
        self, reader: Client, tea: Merchant, account: ChannelAccount
    ) -> None:
        binding = bind(account)
        page = f"/w/{tea.slug}/wishes/"
        assert "wx-open-subscribe" not in reader.get(page).content.decode()
        binding.form = Form.NOTICE
        binding.save()
        shown = reader.get(page).content.decode()
        assert f'template="{binding.template_id}"' in shown
        assert "还没订阅" in shown
        for second in range(2):
            Permit.objects.create(
                account=account,
                openid=self.link.openid,
                template_id=binding.template_id,
                given_at=clock.now() + timedelta(seconds=second),
            )
        assert "还可收 2 条" in reader.get(page).content.decode()
        with tenancy.merchant_scope(tea.pk):
            Rule(template=PROBE.name, by_notice=False).save()
        assert "wx-open-subscribe" not in reader.get(page).content.decode()


def test_a_shop_decides_about_subscriptions_by_themselves(
    client: Client, tea: Merchant, account: ChannelAccount
) -> None:
    client.force_login(make_staff(tea, role=Role.OWNER))
    page = f"/m/{tea.slug}/messages/rules/{PROBE.name}/"
    shown = client.get(page).content.decode()
    assert account.pk
    assert 'name="by_notice"' in shown
    assert 'name="by_wechat"' in shown
    for sent, kept in (({"is_on": "on", "by_notice": "on"}, True), ({"is_on": "on"}, False)):
        assert client.post(page, sent).status_code == 302
        rule = Rule.objects.get(template=PROBE.name)
        assert (rule.is_on, rule.by_wechat, rule.by_notice) == (True, False, kept)

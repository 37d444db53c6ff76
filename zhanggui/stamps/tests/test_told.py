"""Customers are told about their stamps, if the shop wants that (D46)."""

from __future__ import annotations

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.models import TemplateBinding
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account
from zhanggui.contacts.models import Customer, IdentityLink
from zhanggui.messaging import house_rules, sending
from zhanggui.messaging.models import Message, Route, State
from zhanggui.stamps import services, told
from zhanggui.stamps.tests import factories
from zhanggui.stamps.tests.factories import Shop


def switch_on(name: str = told.STAMPED.name) -> None:
    from zhanggui.messaging import templates

    house_rules.change_rule(
        template=templates.get(name),
        is_on=True,
        by_wechat=True,
        by_notice=True,
        by_sms=False,
        words="",
        actor=ACTOR,
    )


def test_nothing_is_written_until_the_shop_wants_it(shop: Shop) -> None:
    desk = factories.make_manager(shop.store)
    factories.stamp(desk, factories.make_card(factories.make_programme()))
    assert not Message.objects.exists()
    assert not ProcrastinateJob.objects.filter(task_name="messaging.drain").exists()


@pytest.mark.spec("stamps D46")
def test_a_stamp_and_its_cancel_are_told_by_wechat(shop: Shop) -> None:
    switch_on()
    switch_on(told.CANCELLED.name)
    account = make_account(merchant=shop.merchant)
    mapping = {"thing1": "programme", "number2": "balance", "time3": "time"}
    for name in (told.STAMPED.name, told.CANCELLED.name):
        TemplateBinding.objects.create(
            account=account, template_key=name, template_id=f"tm-{name}", mapping=mapping
        )
    card = factories.make_card(factories.make_programme())
    customer = Customer.objects.get(pk=card.customer_id)
    IdentityLink(customer=customer, account_id=account.pk, openid="reader", follows=True).save()

    record = factories.stamp(factories.make_manager(shop.store), card)
    with fake_wechat() as wechat:
        assert sending.drain(merchant_id=shop.merchant.pk) == 1
    body = wechat.body()
    assert (body["touser"], body["template_id"]) == ("reader", "tm-stamps.stamped")
    assert body["data"]["number2"] == {"value": "1"}
    message = Message.objects.get()
    assert (message.route, message.state) == (Route.WECHAT, State.SENT)
    assert message.once == f"stamps|record:{record.record_id}|"

    services.cancel_record(record_id=record.record_id, reason="盖错了", actor=ACTOR)
    with fake_wechat() as wechat:
        assert sending.drain(merchant_id=shop.merchant.pk) == 1
    assert wechat.body()["data"]["number2"] == {"value": "0"}


@pytest.mark.parametrize("times", [1, 2])
def test_each_stamp_is_told_once(shop: Shop, times: int) -> None:
    switch_on()
    desk = factories.make_manager(shop.store)
    card = factories.make_card(factories.make_programme())
    for _ in range(times):
        factories.stamp(desk, card)
    assert Message.objects.count() == times
    jobs = ProcrastinateJob.objects.filter(task_name="messaging.drain")
    assert [job.args for job in jobs] == [{"merchant_id": shop.merchant.pk}] * times

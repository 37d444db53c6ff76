"""“That was not me”: the page behind a message, the case it opens, the office's desk (D46)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Role
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.channels.wechat.models import TemplateBinding
from zhanggui.channels.wechat.tests.factories import fake_wechat, make_account
from zhanggui.contacts.models import Customer, IdentityLink
from zhanggui.core import clock
from zhanggui.core.errors import TooMany
from zhanggui.messaging import links, sending, services
from zhanggui.messaging.models import Message
from zhanggui.stamps import told
from zhanggui.stamps.models import Case, CaseState, StampRecord, Verdict
from zhanggui.stamps.services import cancel_record, report_not_me, settle_case
from zhanggui.stamps.tests import factories
from zhanggui.stamps.tests.factories import Shop
from zhanggui.stamps.tests.test_told import switch_on


def stamped(shop: Shop) -> StampRecord:
    """A stamp that the customer was told of."""
    switch_on()
    card = factories.make_card(factories.make_programme(), name="王小明")
    done = factories.stamp(factories.make_manager(shop.store), card)
    return StampRecord.objects.get(pk=done.record_id)


def page_of(message: Message, shop: Shop) -> str:
    assert message.link_token is not None
    return f"/w/{shop.merchant.slug}/n/{links.written(message.link_token)}"


class TestPage:
    def test_a_message_leads_to_what_happened(self, client: Client, shop: Shop) -> None:
        record = stamped(shop)
        account = make_account(merchant=shop.merchant)
        TemplateBinding.objects.create(
            account=account, template_key=told.STAMPED.name, template_id="tm-1", mapping={}
        )
        customer = Customer.objects.get(pk=record.customer_id)
        IdentityLink(customer=customer, account_id=account.pk, openid="o", follows=True).save()
        with fake_wechat() as wechat:
            sending.drain(merchant_id=shop.merchant.pk)
        url = wechat.body()["url"]
        answer = client.get(url.partition("/w/")[1] + url.partition("/w/")[2])
        text = answer.content.decode()
        assert answer.status_code == 200
        assert shop.store.name in text
        assert "那不是我" in text
        assert f"· {shop.merchant.name}</title>" in text
        assert reverse("stamps:card", args=[shop.merchant.slug, record.card.token]) in text
        assert "王小明" not in text
        assert not Case.objects.exists()

    @pytest.mark.spec("stamps D46")
    def test_one_press_opens_one_case(self, client: Client, shop: Shop) -> None:
        record = stamped(shop)
        page = page_of(Message.objects.get(), shop)
        for text in ("我不在店里", "再说一遍"):
            assert client.post(page, {"text": text}).status_code == 302
        case = Case.objects.get()
        assert (case.record_id, case.store_id, case.text) == (
            record.pk,
            shop.store.pk,
            "我不在店里",
        )
        assert (case.manager_id, case.manager_name) == (record.manager_id, record.manager_name)
        opened = AuditEntry.objects.filter(action="stamps.case.opened")
        assert opened.count() == 1
        assert "门店正在核实" in client.get(page).content.decode()
        assert factories.balance_of(record.card) == 1

    def test_a_cancel_can_be_reported_too(self, client: Client, shop: Shop) -> None:
        record = stamped(shop)
        switch_on(told.CANCELLED.name)
        cancelled = cancel_record(record_id=record.pk, reason="盖错了", actor=ACTOR)
        message = Message.objects.get(template=told.CANCELLED.name)
        client.post(page_of(message, shop))
        assert Case.objects.get().record_id == cancelled.pk

    def test_a_message_that_was_sent_again_tells_of_the_same(
        self, client: Client, shop: Shop
    ) -> None:
        record = stamped(shop)
        sending.drain(merchant_id=shop.merchant.pk)
        old = Message.objects.get()
        new = services.resend(merchant=shop.merchant, message_id=old.pk, actor=ACTOR)
        assert new.link_token != old.link_token
        client.post(page_of(new, shop))
        client.post(page_of(old, shop))
        assert Case.objects.get().record_id == record.pk

    @pytest.mark.parametrize("case", ["wrong-token", "other-shop", "marketing-token"])
    def test_nobody_else_gets_in(self, client: Client, shop: Shop, case: str) -> None:
        stamped(shop)
        message = Message.objects.get()
        page = page_of(message, shop)
        if case == "wrong-token":
            page = page[:-3] + ("aaa" if not page.endswith("aaa") else "bbb")
        elif case == "other-shop":
            page = page.replace(shop.merchant.slug, make_merchant("coffee").slug)
        else:
            Message.objects.update(once="mailing|1|2")
        assert client.get(page).status_code == 404
        assert client.post(page).status_code == 404
        assert not Case.objects.exists()

    def test_only_for_thirty_days(self, client: Client, shop: Shop) -> None:
        record = stamped(shop)
        page = page_of(Message.objects.get(), shop)
        with clock.at(record.at + timedelta(days=30, seconds=1)):
            assert "那不是我" not in client.get(page).content.decode()
            assert client.post(page).status_code == 410
        assert not Case.objects.exists()

    def test_not_any_number_from_one_network(self, client: Client, shop: Shop) -> None:
        stamped(shop)
        page = page_of(Message.objects.get(), shop)
        codes = [client.post(page).status_code for _try in range(21)]
        assert codes == [302] * 20 + [TooMany.status]


class TestDesk:
    @pytest.fixture
    def case(self, shop: Shop) -> Case:
        return report_not_me(record=stamped(shop), text="不是我", actor=ACTOR)

    @pytest.fixture
    def owner(self, client: Client, shop: Shop) -> Client:
        client.force_login(make_staff(shop.merchant, role=Role.OWNER))
        return client

    def home(self, shop: Shop) -> str:
        return f"/m/{shop.merchant.slug}/stamps/reports/"

    def test_waits_on_the_overview_until_it_is_settled(
        self, owner: Client, shop: Shop, case: Case
    ) -> None:
        overview = f"/m/{shop.merchant.slug}/"
        assert "1 位顾客说" in owner.get(overview).content.decode()
        page = owner.get(f"{self.home(shop)}{case.pk}/")
        assert "不是我" in page.content.decode()
        answer = owner.post(
            f"{self.home(shop)}{case.pk}/", {"verdict": "unfounded", "note": "问过店员，是家人"}
        )
        assert answer["Location"] == self.home(shop)
        case.refresh_from_db()
        assert (case.state, case.verdict, case.note) == (
            CaseState.SETTLED,
            Verdict.UNFOUNDED,
            "问过店员，是家人",
        )
        assert "1 位顾客说" not in owner.get(overview).content.decode()
        assert AuditEntry.objects.filter(action="stamps.case.settled").count() == 1

    def test_a_cancelled_stamp_is_told_and_the_result_is_chosen(
        self, owner: Client, shop: Shop, case: Case
    ) -> None:
        url = f"{self.home(shop)}{case.pk}/"
        chosen = r'value="founded"[^>]*checked'
        assert re.search(chosen, owner.get(url).content.decode()) is None
        assert case.record_id is not None
        taken = cancel_record(record_id=case.record_id, reason="集错了", actor=ACTOR)

        page = owner.get(url).content.decode()
        assert re.search(chosen, page)
        assert "这次集章已取消" in page
        assert f"/stamps/ledger/{taken.pk}/" in page
        assert "集错了" in page
        assert ACTOR.name in page

    @pytest.mark.parametrize(
        "change", [{"note": ""}, {"note": "  "}, {"verdict": ""}, {"verdict": "x"}]
    )
    def test_needs_what_came_out_and_a_note(
        self, owner: Client, shop: Shop, case: Case, change: dict[str, str]
    ) -> None:
        sent = {"verdict": "founded", "note": "查过", **change}
        assert owner.post(f"{self.home(shop)}{case.pk}/", sent).status_code == 422
        case.refresh_from_db()
        assert case.state == CaseState.OPEN

    def test_is_settled_once(self, owner: Client, shop: Shop, case: Case) -> None:
        settle_case(case_id=case.pk, verdict=Verdict.FOUNDED, note="一", actor=ACTOR)
        sent = {"verdict": "unfounded", "note": "二"}
        assert owner.post(f"{self.home(shop)}{case.pk}/", sent).status_code == 409
        case.refresh_from_db()
        assert case.note == "一"

    def test_is_found_by_its_filters(self, owner: Client, shop: Shop, case: Case) -> None:
        for query, many in (
            ("", 1),
            ("?state=open", 1),
            ("?state=settled", 0),
            (f"?store={shop.store.pk}", 1),
            (f"?manager={case.manager_id}", 1),
            ("?q=王小", 1),
            ("?q=李", 0),
            ("?opened_from=2020-01-01&opened_to=2020-02-01", 0),
        ):
            found = owner.get(f"{self.home(shop)}{query}").context["list"].rows
            assert len(found) == many, query

    def test_a_clerk_sees_none(self, client: Client, shop: Shop, case: Case) -> None:
        client.force_login(make_staff(shop.merchant, role=Role.CLERK))
        assert client.get(self.home(shop)).status_code == 403
        assert client.get(f"{self.home(shop)}{case.pk}/").status_code == 403

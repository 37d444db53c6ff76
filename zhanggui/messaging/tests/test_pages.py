"""Pages of messages: log, credit, rules, mailings, wishes, desks of the tiers above."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import (
    ACTOR,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.billing.tests.factories import make_subscriber
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock, tenancy
from zhanggui.messaging import consents, sending, stock, wallet
from zhanggui.messaging.models import (
    Campaign,
    CampaignState,
    Consent,
    Kind,
    Message,
    MessagingSettings,
    Purse,
    Route,
    Rule,
    SmsPack,
    State,
    Why,
)
from zhanggui.messaging.tests.factories import (
    OFFER,
    PROBE,
    bind,
    fake_sms,
    fill_purse,
    make_mailing,
    make_message,
    make_reader,
    send,
)

PHONE = "+8613800138000"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
def owner(client: Client, tea: Merchant) -> Client:
    client.force_login(make_staff(tea, role=Role.OWNER))
    return client


def at(merchant: Merchant, path: str = "") -> str:
    return f"/m/{merchant.slug}/messages/{path}"


def text_of(response: Any) -> str:
    return str(response.content.decode())


class TestLog:
    def test_shows_fate_and_advice_and_masks(self, owner: Client, tea: Merchant) -> None:
        make_message(tea, state=State.REFUSED, route=Route.SMS, error_kind="SmsBlocked", error="x")
        page = text_of(owner.get(at(tea)))
        assert "138****8000" in page
        assert "请换一种方式联系" in page
        assert "13800138000" not in page

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("state=trouble", 1),
            ("state=waiting", 1),
            ("route=sms", 1),
            ("q=8000", 2),
            ("q=9999", 0),
            (f"template={PROBE.name}", 2),
            ("created_from=2020-01-01&created_to=2020-01-02", 0),
        ],
    )
    def test_filters(self, owner: Client, tea: Merchant, query: str, shown: int) -> None:
        make_message(tea, state=State.REFUSED, route=Route.SMS)
        make_message(tea)
        assert text_of(owner.get(f"{at(tea)}?{query}")).count("row-link") == shown

    def test_one_message_with_its_words(self, owner: Client, tea: Merchant) -> None:
        message = make_message(tea, state=State.SKIPPED, error=Why.NO_CREDIT.value)
        page = text_of(owner.get(at(tea, f"{message.pk}/")))
        assert f"{tea.name}: 新茶" in page
        assert "重新发送" in page

    def test_is_sent_again_by_hand(self, owner: Client, tea: Merchant) -> None:
        fill_purse(tea, 10)
        old = send(tea, make_reader(tea))
        assert old.error == Why.NO_WAY
        response = owner.post(at(tea, f"{old.pk}/resend"))
        new = Message.objects.get(resent_from=old.pk)
        assert response["Location"] == at(tea, f"{new.pk}/")

    def test_is_exported(self, owner: Client, tea: Merchant) -> None:
        make_message(tea, state=State.SENT)
        response = owner.post(f"/m/{tea.slug}/exports/messaging.messages", {"format": "csv"})
        content = b"".join(response)
        assert "138****8000" in content.decode("utf-8-sig")


class TestCredit:
    def test_statement_and_purses(self, owner: Client, tea: Merchant) -> None:
        fill_purse(tea, 1_234)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=3, cause="message:7")
        page = text_of(owner.get(at(tea, "credit/")))
        assert "1,231" in page
        assert "+1,234" in page
        assert "-3" in page or "−3" in page
        assert "+1,234" not in text_of(owner.get(at(tea, "credit/?kind=out")))

    def test_moves_once_for_each_form(self, owner: Client, tea: Merchant) -> None:
        fill_purse(tea, 50)
        form = {"source": "service", "segments": "20", "idempotency_key": "k1"}
        for _ in range(2):
            assert owner.post(at(tea, "credit/move"), form).status_code == 302
        assert wallet.balance(Purse.MARKETING) == 20
        refused = owner.post(
            at(tea, "credit/move"), form | {"segments": "99", "idempotency_key": "k2"}
        )
        assert refused.status_code == 409
        assert wallet.balance(Purse.SERVICE) == 30

    def test_the_overview_warns(self, owner: Client, tea: Merchant) -> None:
        fill_purse(tea, 10)
        wallet.reserve(merchant=tea, purse=Purse.SERVICE, segments=9, cause="message:7")
        make_message(tea, state=State.FAILED, route=Route.SMS, error_kind="SmsNoBalance")
        page = text_of(owner.get(f"/m/{tea.slug}/"))
        assert "只剩 1 条" in page
        assert "短信服务商账号余额不足" in page


class TestRules:
    def test_are_saved_and_hold(self, owner: Client, tea: Merchant) -> None:
        form = {
            "quiet_from": "20",
            "quiet_until": "9",
            "marketing_a_day": "2",
            "service_a_day": "5",
            "sms_after_wechat": "on",
        }
        assert owner.post(at(tea, "rules/"), form).status_code == 302
        row = MessagingSettings.objects.get()
        assert (row.quiet_from, row.quiet_until, row.needs_consent) == (20, 9, False)
        assert owner.post(at(tea, "rules/"), form | {"service_a_day": "0"}).status_code == 422

    def test_own_words_with_places_it_knows(self, owner: Client, tea: Merchant) -> None:
        url = at(tea, f"rules/{PROBE.name}/")
        form = {"is_on": "on", "by_sms": "on", "words": "{customer}，{nobody}"}
        refused = owner.post(url, form)
        assert refused.status_code == 422
        assert "{nobody}" in text_of(refused)
        assert not Rule.objects.exists()
        assert owner.post(url, form | {"words": "{customer}，{what}"}).status_code == 302
        assert Rule.objects.get().words == "{customer}，{what}"

    def test_the_preview_counts_segments(self, owner: Client, tea: Merchant) -> None:
        url = at(tea, f"rules/{PROBE.name}/preview")
        page = text_of(owner.post(url, {"words": "很" * 67}))
        assert "含签名共 71 字，计 2 条" in page

    def test_what_nobody_decides_about_is_not_there(self, owner: Client, tea: Merchant) -> None:
        assert owner.get(at(tea, "rules/messaging.marketing/")).status_code == 404


class TestMailings:
    FORM = {  # noqa: RUF012
        "name": "清明歇业",
        "template": "messaging.announcement",
        "field_subject": "清明歇业",
        "field_text": "4 月 5 日休息一天",
        "segment": "",
    }

    def test_written_looked_at_and_sent(
        self, owner: Client, tea: Merchant, account: ChannelAccount
    ) -> None:
        fill_purse(tea, 10)
        bind(account, "messaging.announcement", thing1="subject")
        make_reader(tea, account)
        make_reader(tea, phone=PHONE)
        make_reader(tea)
        response = owner.post(at(tea, "mailings/new"), self.FORM)
        row = Campaign.objects.get()
        assert response["Location"] == at(tea, f"mailings/{row.pk}/")
        page = text_of(owner.get(at(tea, f"mailings/{row.pk}/")))
        assert "发给 2 位顾客？" in page
        assert owner.post(at(tea, f"mailings/{row.pk}/confirm")).status_code == 302
        row.refresh_from_db()
        assert row.state == CampaignState.QUEUING

    def test_an_empty_field_is_told(self, owner: Client, tea: Merchant) -> None:
        refused = owner.post(at(tea, "mailings/new"), self.FORM | {"field_text": " "})
        assert refused.status_code == 422
        assert not Campaign.objects.exists()

    def test_without_credit_it_cannot_begin(self, owner: Client, tea: Merchant) -> None:
        make_reader(tea, phone=PHONE)
        row = make_mailing()
        page = text_of(owner.get(at(tea, f"mailings/{row.pk}/")))
        assert "还差 1 条" in page
        owner.post(at(tea, f"mailings/{row.pk}/confirm"))
        row.refresh_from_db()
        assert row.state == CampaignState.DRAFT


class TestWishes:
    @pytest.mark.spec("platform P29")
    def test_the_link_in_a_message_stops_marketing(self, client: Client, tea: Merchant) -> None:
        fill_purse(tea, 10, Purse.MARKETING)
        MessagingSettings(needs_consent=False).save()
        with clock.at(NOON):
            reader = make_reader(tea, phone=PHONE)
            message = send(tea, reader, template=OFFER.name, data={"what": "九折 {stop}"})
            with fake_sms() as gateway:
                sending.drain(merchant_id=tea.pk)
        link = gateway.texts[0]["text"].split("九折 ")[1].split(" ")[0]
        path = link[link.index("/w/") :]
        assert client.get(path).status_code == 200
        assert not Consent.objects.exists()
        assert "已退订营销短信" in text_of(client.post(path))
        row = Consent.objects.get()
        assert (row.customer_id, row.kind, row.route, row.wants) == (
            reader.pk,
            Kind.MARKETING,
            Route.SMS,
            False,
        )
        assert message.link_token is not None
        assert client.get(f"/w/{tea.slug}/stop/{'0' * 32}").status_code == 404
        assert client.get(f"/w/{tea.slug}/stop/nonsense").status_code == 404

    def test_a_customers_own_page(
        self, client: Client, tea: Merchant, account: ChannelAccount
    ) -> None:
        link = make_link(tea, account.pk)
        sign_in_customer(client, link)
        url = f"/w/{tea.slug}/wishes/"
        assert client.get(url).status_code == 200
        client.post(url, {"service_wechat": "on"})
        with tenancy.merchant_scope(tea.pk):
            said = {key: row.wants for key, row in consents.said(link.customer).items()}
        assert said == {
            ("service", "wechat"): True,
            ("service", "sms"): False,
            ("marketing", "sms"): False,
        }

    def test_staff_notes_what_a_customer_said(self, owner: Client, tea: Merchant) -> None:
        reader = make_reader(tea, phone=PHONE)
        page = text_of(owner.get(f"/m/{tea.slug}/customers/{reader.pk}/"))
        assert "未表示过" in page
        owner.post(
            at(tea, f"wishes/{reader.pk}"), {"kind": "marketing", "route": "sms", "wants": "yes"}
        )
        assert Consent.objects.get().wants
        bad = owner.post(at(tea, f"wishes/{reader.pk}"), {"kind": "x", "route": "sms"})
        assert bad.status_code == 404


class TestTiers:
    def test_an_operator_gives_out_of_its_stock(self, client: Client, db: None) -> None:
        operator = make_operator()
        merchant = make_subscriber(operator=operator)
        stock.fill(operator=operator, segments=100, reason="首批", actor=ACTOR)
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        form = {
            "merchant": str(merchant.pk),
            "purse": "service",
            "segments": "60",
            "reason": "支持",
            "idempotency_key": "one",
        }
        url = f"/operator/{operator.slug}/sms-credit/"
        assert client.post(url, form).status_code == 302
        assert client.post(url, form).status_code == 302  # the same form again gives nothing
        assert stock.left(operator) == 40
        assert client.post(url, form | {"idempotency_key": "two"}).status_code == 409
        other = make_subscriber()
        strange = form | {"merchant": str(other.pk), "idempotency_key": "three"}
        assert client.post(url, strange).status_code == 422
        assert "支持" in text_of(client.get(url))

    def test_the_platform_fills_gives_and_prices(self, client: Client, tea: Merchant) -> None:
        operator = make_operator()
        client.force_login(make_platform_staff(role=Role.OWNER))
        give = {"merchant": str(tea.pk), "purse": "marketing", "segments": "7", "reason": "补偿"}
        assert client.post("/platform/sms-credit/", give).status_code == 302
        assert wallet.balance(Purse.MARKETING) == 7
        fill = {"operator": str(operator.pk), "segments": "500", "reason": "首批"}
        assert client.post("/platform/sms-credit/stock", fill).status_code == 302
        assert stock.left(operator) == 500
        pack = {"name": "一千条", "segments": "1000", "price": "55.50", "is_on_sale": "on"}
        pack |= {"resale_from_percent": "80", "resale_to_percent": "150"}
        assert client.post("/platform/sms-credit/packs/sms-1k", pack).status_code == 302
        assert SmsPack.objects.get(code="sms-1k").price_fen == 5_550
        page = text_of(client.get("/platform/sms-credit/"))
        assert "一千条" in page
        assert "补偿" in page

"""Asking for money: who may pay, by which way, once; what stopping and refunds do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import stamina
from django.test import Client

from zhanggui.accounts.models import AuditEntry, Merchant
from zhanggui.accounts.tests.factories import ACTOR, make_merchant, make_staff
from zhanggui.channels.pay.models import PayAccount, Payment
from zhanggui.channels.pay.services import refunds
from zhanggui.channels.pay.tests.factories import (
    QUERY,
    REFUND,
    fake_pay,
    make_pay_account,
    notification_of,
    notify,
    refunding,
    transaction_of,
)
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT, make_account, run_jobs
from zhanggui.collecting import services
from zhanggui.collecting.models import PayerTry, PaymentRequest
from zhanggui.collecting.tests.factories import make_request
from zhanggui.contacts import services as contact_services
from zhanggui.contacts import timeline
from zhanggui.contacts.models import IdentityLink
from zhanggui.contacts.tests.factories import make_customer, make_link, sign_in_customer
from zhanggui.core import clock, tenancy

DESK = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130"}
BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile Safari"}
WECHAT = {"User-Agent": PHONE_AGENT}


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def tea(db: None) -> Merchant:
    return make_merchant("tea", name="茶舍")


@pytest.fixture
def account(tea: Merchant) -> PayAccount:
    return make_pay_account(tea)


@pytest.fixture
def official(tea: Merchant, account: PayAccount) -> ChannelAccount:
    """The shop's official account, to which its merchant number is linked."""
    return make_account(merchant=tea, app_id=account.app_id)


@pytest.fixture
def lin(client: Client, tea: Merchant, official: ChannelAccount) -> IdentityLink:
    link = make_link(tea, official.pk, nickname="林")
    sign_in_customer(client, link)
    return link


def address(found: PaymentRequest, rest: str = "") -> str:
    return f"/w/tea/pay/{found.token}/{rest}"


def begin(client: Client, found: PaymentRequest, headers: dict[str, str]) -> Any:
    return client.post(address(found, "begin"), headers=headers)


def of(merchant: Merchant, found: PaymentRequest) -> PaymentRequest:
    with tenancy.merchant_scope(merchant.pk):
        return PaymentRequest.objects.get(pk=found.pk)


def tries(merchant: Merchant) -> list[PayerTry]:
    with tenancy.merchant_scope(merchant.pk):
        rows = PayerTry.objects.select_related("payment__account__partner")
        return list(rows.order_by("id"))


def unpaid(request: httpx2.Request) -> dict[str, Any]:
    """WeChat Pay knows the order, and nobody has paid it."""
    number = request.url.path.rpartition("/")[2]
    return {"out_trade_no": number, "trade_state": "NOTPAY", "amount": {"total": 8_800}}


def tell_paid(client: Client, payment: Payment) -> None:
    """WeChat Pay's notification arrives and is worked on."""
    answer = notify(client, payment.account, notification_of(transaction_of(payment)))
    assert answer.status_code == 204
    run_jobs("pay")


@pytest.mark.spec("platform P32")
class TestWays:
    @pytest.mark.parametrize(
        "seen",
        [(DESK, "native"), (BROWSER, "h5"), (WECHAT, "jsapi")],
        ids=["computer", "phone", "wechat"],
    )
    def test_the_one_that_works_there(
        self,
        client: Client,
        tea: Merchant,
        lin: IdentityLink,
        seen: tuple[dict[str, str], str],
    ) -> None:
        headers, way = seen
        found = make_request(tea)
        assert "data-once" in client.get(address(found), headers=headers).content.decode()
        with fake_pay() as fake:
            answer = begin(client, found, headers)
        (one,) = tries(tea)
        assert (one.way, fake.names()) == (way, [f"POST /v3/pay/transactions/{way}"])
        assert answer["Location"] == address(found, f"{one.token}/")
        page = client.get(answer["Location"], headers=headers).content.decode()
        shown = {
            "native": one.payment.code_url != "" and "data:image/svg" in page,
            "h5": "redirect_url=http" in page,
            "jsapi": f'data-package="prepay_id={one.payment.prepay_id}"' in page,
        }
        assert [name for name, there in shown.items() if there] == [way]
        if way == "jsapi":
            body = fake.body()
            assert body["payer"] == {"openid": lin.openid}
            assert (body["amount"]["total"], one.customer_id) == (8_800, lin.customer_id)

    @pytest.mark.parametrize("headers", [DESK, BROWSER, WECHAT], ids=["desk", "phone", "wechat"])
    def test_one_that_is_off_is_neither_offered_nor_taken(
        self, client: Client, tea: Merchant, lin: IdentityLink, headers: dict[str, str]
    ) -> None:
        found = make_request(tea)
        off = {"native", "h5", "jsapi"} - set(_others(headers))
        PayAccount.objects.update(ways=sorted({"native", "h5", "jsapi"} - off))
        page = client.get(address(found), headers=headers).content.decode()
        assert f'action="{address(found, "begin")}"' not in page
        with fake_pay() as fake:
            assert begin(client, found, headers).status_code == 409
        assert (fake.calls, tries(tea)) == ([], [])

    def test_inside_wechat_the_app_id_must_be_linked(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        PayAccount.objects.update(app_id="wxsbelsewhere0001")
        found = make_request(tea)
        with fake_pay() as fake:
            assert begin(client, found, WECHAT).status_code == 409
        assert fake.calls == []


def _others(headers: dict[str, str]) -> set[str]:
    here = {DESK["User-Agent"]: "native", BROWSER["User-Agent"]: "h5", PHONE_AGENT: "jsapi"}
    return {"native", "h5", "jsapi"} - {here[headers["User-Agent"]]}


class TestPaying:
    def test_once_with_receipt_story_and_refund(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        found = make_request(tea)
        with fake_pay({REFUND: refunding()}) as fake:
            begin(client, found, WECHAT)
            (one,) = tries(tea)
            own = address(found, f"{one.token}/")
            mark = "waiting-prepaid-0"
            assert client.get(f"{own}state?was={mark}", headers=WECHAT).status_code == 204
            tell_paid(client, one.payment)
            tell_paid(client, one.payment)  # the same fact again
            assert client.get(f"{own}state?was={mark}", headers=WECHAT)["HX-Refresh"] == "true"
            row = of(tea, found)
            assert (row.state, row.paid_count, row.paid_fen) == ("paid", 1, 8_800)
            receipt = client.get(own, headers=WECHAT).content.decode()
            assert one.payment.number.upper() in receipt

            with tenancy.merchant_scope(tea.pk):
                story = timeline.page(lin.customer_id, permissions=frozenset({"collecting.view"}))
                assert "包间定金" in [str(one.entry.text) for one in story.entries]
                refunds.refund(
                    payment_id=one.payment_id, amount_fen=800, reason="少一人", actor=ACTOR
                )
            run_jobs("pay")
        assert fake.names().count(REFUND) == 1
        row = of(tea, found)
        assert (row.paid_fen, row.refunded_fen) == (8_800, 800)
        assert tries(tea)[0].refunded_fen == 800

    def test_of_two_payers_of_one_bill_the_second_gets_the_money_back(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        found = make_request(tea)
        with fake_pay({REFUND: refunding()}) as fake:
            begin(client, found, WECHAT)
            begin(client, found, DESK)
            first, second = tries(tea)
            body = notification_of(transaction_of(first.payment))
            notify(client, first.payment.account, body)
            body = notification_of(transaction_of(second.payment))
            notify(client, second.payment.account, body)
            run_jobs("pay")
        row = of(tea, found)
        assert (row.paid_count, row.paid_fen, row.refunded_fen) == (1, 8_800, 0)
        first, second = tries(tea)
        assert (first.state, first.payment.state) == ("paid", "paid")
        assert second.state != "paid"
        assert second.payment.state == "refunded"
        assert fake.names().count(REFUND) == 1

    def test_paid_closes_the_orders_of_others(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        found = make_request(tea)
        with fake_pay({QUERY: unpaid}) as fake:
            begin(client, found, WECHAT)
            begin(client, found, DESK)
            tell_paid(client, tries(tea)[0].payment)
        assert [name for name in fake.names() if name.endswith("/close")]
        assert [(one.state, one.payment.state) for one in tries(tea)] == [
            ("paid", "paid"),
            ("closed", "closed"),
        ]
        assert begin(client, found, DESK).status_code == 409

    def test_many_may_pay(self, client: Client, tea: Merchant, lin: IdentityLink) -> None:
        found = make_request(tea, is_many=True)
        with fake_pay():
            for headers in (WECHAT, DESK):
                begin(client, found, headers)
                tell_paid(client, tries(tea)[-1].payment)
        row = of(tea, found)
        assert (row.state, row.paid_count, row.paid_fen) == ("open", 2, 17_600)

    def test_who_comes_again_goes_on_with_the_same_order(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        found = make_request(tea)
        with fake_pay() as fake:
            places = {begin(client, found, WECHAT)["Location"] for _time in range(3)}
        assert (len(places), len(tries(tea)), len(fake.calls)) == (1, 1, 1)

    def test_only_the_customer_it_is_meant_for(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        other = make_customer(tea, "陈先生")
        found = make_request(tea, customer_id=other.pk)
        with fake_pay() as fake:
            assert begin(client, found, WECHAT).status_code == 403
            assert begin(client, found, DESK).status_code == 409
            mine = make_request(tea, customer_id=lin.customer_id)
            assert begin(client, mine, WECHAT).status_code == 302
        assert len(fake.calls) == 1

    def test_anothers_page_is_not_there(
        self, client: Client, tea: Merchant, lin: IdentityLink, official: ChannelAccount
    ) -> None:
        found = make_request(tea)
        with fake_pay():
            begin(client, found, WECHAT)
        own = address(found, f"{tries(tea)[0].token}/")
        for stranger, headers in ((Client(), DESK), (Client(), WECHAT)):
            if headers is WECHAT:
                sign_in_customer(stranger, make_link(tea, official.pk))
            assert stranger.get(own, headers=headers).status_code == 404
            assert stranger.get(f"{own}state", headers=headers).status_code == 404


class TestEnding:
    def test_stopping_closes_at_wechat_first(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        found = make_request(tea)
        with fake_pay({QUERY: unpaid}) as fake, tenancy.merchant_scope(tea.pk):
            begin(client, found, DESK)
            services.stop_request(request=found, actor=ACTOR)
            assert [one.state for one in tries(tea)] == ["waiting"]
            run_jobs("pay")
            assert [one.state for one in tries(tea)] == ["closed"]
        assert [name.rpartition("/")[2] for name in fake.names()][-1] == "close"
        assert client.get(address(found), headers=DESK).status_code == 410
        with fake_pay() as fake:
            assert begin(client, found, DESK).status_code == 410
        assert fake.calls == []

    def test_its_time_runs_out(self, client: Client, tea: Merchant, lin: IdentityLink) -> None:
        found = make_request(tea, days=1)
        with clock.at(clock.now() + timedelta(days=1, seconds=1)), fake_pay() as fake:
            assert client.get(address(found), headers=DESK).status_code == 410
            assert begin(client, found, DESK).status_code == 410
        assert fake.calls == []

    def test_a_frozen_shop_takes_no_money(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        found = make_request(tea)
        Merchant.objects.filter(pk=tea.pk).update(state="frozen")
        with fake_pay() as fake:
            answers = [begin(client, found, headers).status_code for headers in (DESK, WECHAT)]
        assert (answers, fake.calls) == ([403, 403], [])

    def test_when_wechat_pay_does_not_answer(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        found = make_request(tea)
        with fake_pay({"POST /v3/pay/transactions/native": httpx2.ConnectError("down")}):
            answer = begin(client, found, DESK)
        assert answer.status_code == 503
        assert address(found, "begin") in answer.content.decode()


class TestOffice:
    def test_from_the_form_to_the_code(
        self, client: Client, tea: Merchant, account: PayAccount
    ) -> None:
        client.force_login(make_staff(tea, "collecting.view", "collecting.request"))
        page = client.get("/m/tea/collect/new").content.decode()
        key = re.search(r'name="idempotency_key" value="(\w+)"', page)
        assert key is not None
        form = {"title": "包间定金", "amount_fen": "88", "payers": "one", "days": "3"}
        form["idempotency_key"] = key[1]
        answers = [client.post("/m/tea/collect/new", form) for _time in range(2)]
        with tenancy.merchant_scope(tea.pk):
            found = PaymentRequest.objects.get()
            assert AuditEntry.objects.filter(action="collecting.request.created").count() == 1
        assert {one["Location"] for one in answers} == {f"/m/tea/collect/{found.pk}/"}
        assert (found.amount_fen, found.is_many) == (8_800, False)
        shown = client.get(f"/m/tea/collect/{found.pk}/").content.decode()
        assert f"/w/tea/pay/{found.token}/" in shown
        assert "包间定金" in client.get("/m/tea/collect/").content.decode()
        for kind, head in (("png", b"\x89PNG"), ("svg", b"<svg")):
            picture = client.get(f"/m/tea/collect/{found.pk}/code.{kind}")
            assert picture.content.startswith(head)

    @pytest.mark.parametrize(
        "wrong",
        [{"amount_fen": "0"}, {"amount_fen": "50000.01"}, {"title": " "}, {"days": "365"}],
        ids=["nothing", "too-much", "no-title", "too-long"],
    )
    def test_wrong_input_is_told_at_the_field(
        self, client: Client, tea: Merchant, account: PayAccount, wrong: dict[str, str]
    ) -> None:
        client.force_login(make_staff(tea, "collecting.request"))
        form = {"title": "定金", "amount_fen": "88", "payers": "one", "days": "3"} | wrong
        answer = client.post("/m/tea/collect/new", form)
        assert answer.status_code == 422
        assert "zg-field-error" in answer.content.decode()
        with tenancy.merchant_scope(tea.pk):
            assert not PaymentRequest.objects.exists()

    def test_without_a_merchant_number(self, client: Client, tea: Merchant) -> None:
        client.force_login(make_staff(tea, "collecting.view", "collecting.request"))
        form = {"title": "定金", "amount_fen": "88", "payers": "one", "days": "3"}
        assert client.post("/m/tea/collect/new", form).status_code == 409
        assert "/m/tea/pay/account/" in client.get("/m/tea/collect/").content.decode()

    def test_for_one_customer(self, client: Client, tea: Merchant, account: PayAccount) -> None:
        client.force_login(make_staff(tea, "collecting.view", "collecting.request"))
        customer = make_customer(tea, "陈先生")
        page = client.get(f"/m/tea/collect/new?customer={customer.pk}").content.decode()
        assert "陈先生" in page
        form = {"title": "定金", "amount_fen": "88", "days": "3", "customer": str(customer.pk)}
        client.post("/m/tea/collect/new", form)
        with tenancy.merchant_scope(tea.pk):
            assert PaymentRequest.objects.get().customer_id == customer.pk
        assert client.get("/m/tea/collect/new?customer=999999").status_code == 404

    def test_stopping_twice(self, client: Client, tea: Merchant, account: PayAccount) -> None:
        client.force_login(make_staff(tea, "collecting.view", "collecting.request"))
        found = make_request(tea)
        answers = [client.post(f"/m/tea/collect/{found.pk}/stop").status_code for _n in range(2)]
        assert answers == [302, 409]

    def test_merging_takes_payments_along_and_undoing_gives_them_back(
        self, client: Client, tea: Merchant, lin: IdentityLink
    ) -> None:
        known = make_customer(tea, "林小姐")
        found = make_request(tea, customer_id=lin.customer_id)
        with fake_pay():
            begin(client, found, WECHAT)
        with tenancy.merchant_scope(tea.pk):
            merge = contact_services.merge_customers(
                survivor_id=known.pk, replaced_id=lin.customer_id, actor=ACTOR
            )
            assert (of(tea, found).customer_id, tries(tea)[0].customer_id) == (known.pk, known.pk)
            contact_services.undo_merge(merge_id=merge.pk, actor=ACTOR)
            assert of(tea, found).customer_id == lin.customer_id

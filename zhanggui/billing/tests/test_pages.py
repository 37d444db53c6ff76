"""My account, the sellers' desks and the price table, through the doors people use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from zhanggui.accounts import features, permissions, standing
from zhanggui.accounts.models import AuditEntry, Merchant, Person, Role
from zhanggui.accounts.tests.factories import (
    make_merchant,
    make_operator,
    make_operator_staff,
    make_platform_staff,
    make_staff,
)
from zhanggui.billing import selectors
from zhanggui.billing.models import (
    Edition,
    Kind,
    Order,
    OrderState,
    Plan,
    Price,
    Seller,
    Transfer,
    TransferState,
)
from zhanggui.billing.tests.factories import (
    BASIC,
    PLUS,
    edition,
    make_order,
    make_seller,
    make_subscriber,
    put_on_balance,
    receipt_file,
)
from zhanggui.core import clock, tenancy
from zhanggui.ui import formats

pytestmark = pytest.mark.django_db


def url(name: str, merchant: Merchant, *arguments: Any) -> str:
    return reverse(f"billing:{name}", args=[merchant.slug, *arguments])


def owner(merchant: Merchant) -> Person:
    return make_staff(merchant, role=Role.OWNER)


def refresh(row: Order | Transfer) -> None:
    """Read a row anew."""
    with tenancy.merchant_scope(row.merchant_id):
        row.refresh_from_db()


def end_of(merchant: Merchant) -> Any:
    with tenancy.all_merchants("tests"):
        return Plan.objects.get(merchant=merchant).ends_at


@pytest.fixture
def shop(client: Client) -> Merchant:
    """A merchant with a plan, whose owner is signed in."""
    merchant = make_subscriber()
    client.force_login(owner(merchant))
    return merchant


def hand_in(client: Client, merchant: Merchant, order: Order, **values: Any) -> Any:
    sent = {
        "amount_fen": f"{order.rest_fen / 100:.2f}",
        "paid_on": clock.local_date(clock.now(), "Asia/Shanghai").isoformat(),
        "reference": "2026 1122 0001",
        "proof": receipt_file(),
    } | values
    return client.post(url("order", merchant, order.pk), sent)


class TestAccount:
    @pytest.mark.spec("repairs M1")
    def test_shows_edition_end_balance_and_the_two_buttons(
        self, client: Client, shop: Merchant
    ) -> None:
        put_on_balance(shop, 123_450)
        page = client.get(url("account", shop)).content.decode()
        assert "基础版" in page
        assert "¥1,234.50" in page
        assert f"{formats.moment(end_of(shop))}</time>" in page
        assert url("renew", shop) in page
        assert url("upgrade", shop) in page

    @pytest.mark.spec("repairs A7")
    def test_a_trial_says_so_to_the_minute(self, client: Client) -> None:
        merchant = make_subscriber(code=PLUS, left=timedelta(days=15), is_trial=True)
        client.force_login(owner(merchant))
        page = client.get(url("account", merchant)).content.decode()
        assert "试用版" in page
        assert f"{formats.moment(end_of(merchant))}</time>" in page

    @pytest.mark.spec("repairs M2")
    def test_without_orders_says_there_are_no_data(self, client: Client, shop: Merchant) -> None:
        assert "暂无数据" in client.get(url("account", shop)).content.decode()

    @pytest.mark.spec("repairs M2", "platform P10")
    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("", {"A", "B", "C"}),
            ("kind=top_up", {"B"}),
            ("state=paid", {"B"}),
            ("state=pending", {"A"}),
            ("state=cancelled", {"C"}),
            ("way=transfer", {"A", "B", "C"}),
            ("way=balance", set()),
            ("q=note-A", {"A"}),
            ("q=nothing-like-it", set()),
            ("kind=unheard-of&state=unheard-of", {"A", "B", "C"}),
        ],
    )
    def test_filters_and_searches_orders(
        self, client: Client, shop: Merchant, query: str, shown: set[str]
    ) -> None:
        make_order(shop, note="note-A")
        paid = make_order(shop, kind=Kind.TOP_UP, note="note-B")
        lapsed = make_order(shop, note="note-C")
        with tenancy.merchant_scope(shop.pk):
            Order.objects.filter(pk=paid.pk).update(state=OrderState.PAID)
            Order.objects.filter(pk=lapsed.pk).update(expires_at=clock.now() - timedelta(seconds=1))
        page = client.get(f"{url('account', shop)}?{query}")
        rows = {order.note.removeprefix("note-") for order in page.context["page"].rows}
        assert rows == shown

    def test_costs_the_same_for_1_and_25_orders(
        self,
        client: Client,
        shop: Merchant,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for number in range(25):
            make_order(shop, note=str(number))
        client.get(url("account", shop))
        with django_assert_max_num_queries(12):
            client.get(url("account", shop))

    def test_a_merchant_without_a_plan_has_nothing_to_renew(self, client: Client) -> None:
        merchant = make_merchant()
        client.force_login(owner(merchant))
        assert client.get(url("account", merchant)).status_code == 200
        for name in ("renew", "upgrade"):
            assert client.get(url(name, merchant)).status_code == 302


class TestOrdering:
    def test_a_renewal_leads_to_its_order(self, client: Client, shop: Merchant) -> None:
        make_seller()
        answer = client.post(url("renew", shop), {"offer": f"{BASIC}:12", "note": "财务批准"})
        with tenancy.merchant_scope(shop.pk):
            order = Order.objects.get()
        assert answer["Location"] == url("order", shop, order.pk)
        assert (order.months, order.total_fen, order.note) == (12, 99_800, "财务批准")
        page = client.get(answer["Location"]).content.decode()
        assert "¥998.00" in page
        assert "6214 8300 0000 0000" in page
        today = clock.local_date(clock.now(), "Asia/Shanghai")
        assert f'type="date" name="paid_on" value="{today.isoformat()}"' in page

    def test_pressed_twice_is_ordered_once(self, client: Client, shop: Merchant) -> None:
        put_on_balance(shop, 100_000)
        sent = {"offer": f"{BASIC}:1", "use_balance": "on", "idempotency_key": "k1"}
        first, second = (client.post(url("renew", shop), sent) for _ in range(2))
        assert first["Location"] == second["Location"]
        with tenancy.merchant_scope(shop.pk):
            assert Order.objects.filter(kind=Kind.RENEW).count() == 1
            assert selectors.balance_fen() == 90_100

    @pytest.mark.parametrize(
        "offer", ["", "basic", "basic:2", "plus:12", "x:1", "basic:1:1", "<b>"]
    )
    def test_what_is_not_offered_is_refused_at_the_form(
        self, client: Client, shop: Merchant, offer: str
    ) -> None:
        assert client.post(url("renew", shop), {"offer": offer}).status_code == 422
        with tenancy.merchant_scope(shop.pk):
            assert not Order.objects.exists()

    @pytest.mark.spec("repairs M3")
    def test_upgrade_leads_to_the_big_edition(self, client: Client, shop: Merchant) -> None:
        page = client.get(url("upgrade", shop)).content.decode()
        assert "高级版" in page
        answer = client.post(url("upgrade", shop), {"edition": PLUS})
        with tenancy.merchant_scope(shop.pk):
            order = Order.objects.get()
        assert order.kind == Kind.UPGRADE
        assert answer["Location"] == url("order", shop, order.pk)

    def test_from_a_trial_upgrading_is_choosing_a_plan(self, client: Client) -> None:
        merchant = make_subscriber(code=PLUS, is_trial=True)
        client.force_login(owner(merchant))
        assert client.get(url("upgrade", merchant))["Location"] == url("renew", merchant)

    @pytest.mark.parametrize("amount", ["", "0", "-5", "abc", "1.234", "1e9", "100000000"])
    def test_a_top_up_needs_an_amount(self, client: Client, shop: Merchant, amount: str) -> None:
        assert client.post(url("top_up", shop), {"amount_fen": amount}).status_code == 422

    def test_a_top_up_takes_amounts_as_people_write_them(
        self, client: Client, shop: Merchant
    ) -> None:
        client.post(url("top_up", shop), {"amount_fen": "¥1,000.50"})
        with tenancy.merchant_scope(shop.pk):
            assert Order.objects.get().total_fen == 100_050

    def test_cancelling_asks_for_a_post(self, client: Client, shop: Merchant) -> None:
        order = make_order(shop)
        assert client.get(url("cancel", shop, order.pk)).status_code == 405
        client.post(url("cancel", shop, order.pk))
        refresh(order)
        assert order.state == OrderState.CANCELLED

    def test_seeing_is_not_paying(self, client: Client, shop: Merchant) -> None:
        order = make_order(shop)
        client.force_login(make_staff(shop, "billing.view"))
        assert client.get(url("account", shop)).status_code == 200
        assert client.get(url("renew", shop)).status_code == 403
        assert hand_in(client, shop, order).status_code == 403
        with tenancy.merchant_scope(shop.pk):
            assert not Transfer.objects.exists()

    @pytest.mark.spec("platform P10")
    def test_receipt_only_of_what_was_paid(self, client: Client, shop: Merchant) -> None:
        order = make_order(shop)
        assert client.get(url("receipt", shop, order.pk)).status_code == 404
        with tenancy.merchant_scope(shop.pk):
            Order.objects.filter(pk=order.pk).update(state=OrderState.PAID, paid_at=clock.now())
        page = client.get(url("receipt", shop, order.pk)).content.decode()
        assert "玖拾玖元整" in page


@pytest.mark.spec("platform P10")
class TestTransfer:
    def test_proof_then_review_extends_the_plan(self, client: Client, shop: Merchant) -> None:
        client.post(url("renew", shop), {"offer": f"{BASIC}:12"})
        with tenancy.merchant_scope(shop.pk):
            order = Order.objects.get()
        before = end_of(shop)
        assert hand_in(client, shop, order)["Location"] == url("order", shop, order.pk)
        refresh(order)
        assert order.expires_at is None

        client.force_login(make_platform_staff(role=Role.OWNER))
        queue = client.get(reverse("billing:platform_transfers")).content.decode()
        assert shop.name in queue
        with tenancy.merchant_scope(shop.pk):
            transfer = Transfer.objects.get()
        picture = client.get(reverse("billing:platform_proof", args=[shop.slug, transfer.pk]))
        assert picture.status_code == 200
        assert picture["X-Content-Type-Options"] == "nosniff"
        assert picture["Content-Disposition"].startswith("inline")
        client.post(reverse("billing:platform_approve", args=[shop.slug, transfer.pk]))

        assert end_of(shop) > before
        refresh(order)
        assert order.state == OrderState.PAID
        with tenancy.merchant_scope(shop.pk):
            assert AuditEntry.objects.filter(action="billing.order.paid").count() == 1

    def test_approving_twice_extends_once(self, client: Client, shop: Merchant) -> None:
        transfer = self._handed_in(client, shop)
        client.force_login(make_platform_staff(role=Role.OWNER))
        approve = reverse("billing:platform_approve", args=[shop.slug, transfer.pk])
        assert client.post(approve).status_code == 302
        end = end_of(shop)
        assert client.post(approve).status_code == 409
        assert end_of(shop) == end

    def test_sending_back_needs_a_reason_and_gives_30_more_minutes(
        self, client: Client, shop: Merchant
    ) -> None:
        transfer = self._handed_in(client, shop)
        order = transfer.order
        before = end_of(shop)
        client.force_login(make_platform_staff(role=Role.OWNER))
        reject = reverse("billing:platform_reject", args=[shop.slug, transfer.pk])
        assert client.post(reject, {"reason": " "}).status_code == 422
        assert client.post(reject, {"reason": "金额看不清"}).status_code == 302
        refresh(transfer)
        assert (transfer.state, transfer.reason) == (TransferState.REJECTED, "金额看不清")
        assert end_of(shop) == before
        with tenancy.merchant_scope(shop.pk):
            assert selectors.open_order() is not None
        client.force_login(owner(shop))
        refresh(order)
        assert hand_in(client, shop, order).status_code == 302

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("amount_fen", "1.00"),
            ("paid_on", "2999-01-01"),
            ("paid_on", "yesterday"),
            ("reference", ""),
            ("proof", ""),
            ("proof", SimpleUploadedFile("a.png", b"<svg onload=alert(1)>", "image/png")),
        ],
        ids=["amount", "future", "no-date", "no-reference", "no-file", "no-picture"],
    )
    def test_what_is_wrong_stands_at_its_field_and_nothing_is_kept(
        self, client: Client, shop: Merchant, field: str, value: Any
    ) -> None:
        answer = hand_in(client, shop, make_order(shop), **{field: value})
        assert answer.status_code in {413, 422}
        assert field in answer.context["form"].errors
        with tenancy.merchant_scope(shop.pk):
            assert not Transfer.objects.exists()

    def test_too_late(self, client: Client, shop: Merchant) -> None:
        order = make_order(shop)
        with tenancy.merchant_scope(shop.pk):
            Order.objects.filter(pk=order.pk).update(expires_at=clock.now() - timedelta(seconds=1))
        assert hand_in(client, shop, order).status_code == 410

    def test_a_second_proof_waits_for_the_first(self, client: Client, shop: Merchant) -> None:
        transfer = self._handed_in(client, shop)
        assert hand_in(client, shop, transfer.order).status_code == 409
        with tenancy.merchant_scope(shop.pk):
            assert Transfer.objects.count() == 1

    @staticmethod
    def _handed_in(client: Client, shop: Merchant) -> Transfer:
        order = make_order(shop)
        hand_in(client, shop, order)
        with tenancy.merchant_scope(shop.pk):
            return Transfer.objects.select_related("order").get()


@pytest.mark.spec("platform P11")
class TestOperatorsDesk:
    def test_reviews_and_gives_to_its_own_merchants_only(self, client: Client) -> None:
        operator = make_operator()
        mine, foreign = make_subscriber(operator=operator), make_subscriber()
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        for merchant, status in ((mine, 200), (foreign, 404)):
            plan = reverse("billing:operator_plan", args=[operator.slug, merchant.slug])
            assert client.get(plan).status_code == status
        before = end_of(foreign)
        gift = {"edition": BASIC, "months": "1", "days": "0", "reason": "x"}
        plan = reverse("billing:operator_plan", args=[operator.slug, foreign.slug])
        assert client.post(plan, gift).status_code == 404
        assert end_of(foreign) == before
        had = end_of(mine)
        own = reverse("billing:operator_plan", args=[operator.slug, mine.slug])
        assert client.post(own, gift).status_code == 302
        assert timedelta(days=28) <= end_of(mine) - had <= timedelta(days=31)

    def test_lists_its_own_merchants_orders_only(self, client: Client) -> None:
        operator = make_operator()
        make_order(make_subscriber(operator=operator), note="mine")
        make_order(make_subscriber(), note="foreign")
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        page = client.get(reverse("billing:operator_orders", args=[operator.slug]))
        assert [order.note for order in page.context["page"].rows] == ["mine"]

    def test_sets_its_price_within_the_range(self, client: Client) -> None:
        operator = make_operator()
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        address = reverse("billing:operator_price", args=[operator.slug, BASIC])
        fen = {
            "day_fen": "3.00",
            "month_1_fen": "89.00",
            "month_12_fen": "898.00",
            "month_24_fen": "1,700.00",
            "month_36_fen": "2400",
        }
        assert client.post(address, fen | {"month_1_fen": "1.00"}).status_code == 422
        assert client.post(address, fen).status_code == 302
        assert Price.objects.get(operator=operator).month_12_fen == 89_800
        client.post(reverse("billing:operator_price_drop", args=[operator.slug, BASIC]))
        assert not Price.objects.filter(operator=operator).exists()

    def test_names_its_account(self, client: Client) -> None:
        operator = make_operator()
        client.force_login(make_operator_staff(operator, role=Role.OWNER))
        address = reverse("billing:operator_seller", args=[operator.slug])
        client.post(address, {"payee": "苏州代理", "bank": "工行", "account_number": "6222"})
        assert Seller.objects.get(operator=operator).payee == "苏州代理"


class TestPlatform:
    @pytest.mark.spec("repairs U-41")
    def test_changes_the_matrix_and_the_price(self, client: Client) -> None:
        merchant = make_subscriber()
        client.force_login(make_platform_staff(role=Role.OWNER))
        address = reverse("billing:platform_edition", args=[BASIC])
        sent = self._form(client.get(address).context) | {
            "feature_names": ["stamps", "own_roles"],
            "limit_staff": "8",
            "limit_stores": "",
            "month_1_fen": "129.00",
        }
        assert client.post(address, sent).status_code == 302
        merchant.refresh_from_db()
        stands = standing.of(merchant)
        assert stands.has("own_roles")
        assert dict(stands.limits) == {"staff": 8}
        assert Price.objects.get(edition=edition(), operator=None).month_1_fen == 12_900
        assert client.post(address, sent).status_code == 409

    @staticmethod
    def _form(context: Any) -> dict[str, Any]:
        fields = [*context["form"], *context["prices"]]
        return {
            field.name: field.form.fields[field.name].prepare_value(field.value()) or ""
            for field in fields
        }

    def test_gives_a_period_with_a_reason(self, client: Client) -> None:
        merchant = make_subscriber()
        before = end_of(merchant)
        client.force_login(make_platform_staff(role=Role.OWNER))
        address = reverse("billing:platform_plan", args=[merchant.slug])
        gift = {"edition": BASIC, "months": "0", "days": "3", "reason": ""}
        assert client.post(address, gift).status_code == 422
        assert client.post(address, gift | {"reason": "补偿"}).status_code == 302
        assert end_of(merchant) == before + timedelta(days=3)

    def test_refunds_with_a_reason(self, client: Client) -> None:
        merchant = make_subscriber()
        put_on_balance(merchant, 5_000)
        with tenancy.merchant_scope(merchant.pk):
            order = Order.objects.get()
        client.force_login(make_platform_staff(role=Role.OWNER))
        address = reverse("billing:platform_refund", args=[merchant.slug, order.pk])
        assert client.post(address).status_code == 422
        assert client.post(address, {"reason": "客户要求"}).status_code == 302
        refresh(order)
        assert order.state == OrderState.REFUNDED

    def test_sees_the_orders_of_all(self, client: Client) -> None:
        make_order(make_subscriber(operator=make_operator()), note="a")
        make_order(make_subscriber(), note="b")
        client.force_login(make_platform_staff(role=Role.OWNER))
        page = client.get(reverse("billing:platform_orders"))
        assert {order.note for order in page.context["page"].rows} == {"a", "b"}

    @pytest.mark.parametrize("name", ["platform_editions", "platform_orders", "platform_transfers"])
    def test_pages_are_open_without_any_order(self, client: Client, name: str) -> None:
        client.force_login(make_platform_staff(role=Role.OWNER))
        assert client.get(reverse(f"billing:{name}")).status_code == 200


class TestRoles:
    @pytest.mark.parametrize(
        ("role", "account", "renew"),
        [
            (Role.OWNER, 200, 200),
            (Role.FINANCE, 200, 200),
            (Role.MANAGER, 200, 403),
            (Role.CLERK, 403, 403),
        ],
    )
    def test_who_sees_and_who_pays(
        self, client: Client, role: Role, account: int, renew: int
    ) -> None:
        merchant = make_subscriber()
        client.force_login(make_staff(merchant, role=role))
        assert client.get(url("account", merchant)).status_code == account
        assert client.get(url("renew", merchant)).status_code == renew


def test_every_feature_of_a_right_is_one_an_edition_can_name() -> None:
    named = {right.feature for right in permissions.known() if right.feature}
    assert named <= {feature.name for feature in features.known()}
    listed = {name for row in Edition.objects.all() for name in row.features}
    assert listed <= {feature.name for feature in features.known()}

"""Coupons in the back office: form, lists, issuing, voiding, undoing; figures and search."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Merchant, Role
from zhanggui.accounts.tests.factories import ACTOR, make_staff
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts import conditions, timeline
from zhanggui.contacts.models import Customer
from zhanggui.contacts.tests.factories import make_segment
from zhanggui.core import clock, tenancy
from zhanggui.coupons import permissions, selectors, services
from zhanggui.coupons.models import (
    Coupon,
    CouponKind,
    CouponLink,
    CouponTemplate,
    TemplateState,
    UseKind,
)
from zhanggui.coupons.tests.factories import (
    Shop,
    counts,
    make_coupon,
    make_customer,
    make_link,
    make_shop,
    make_template,
    now,
    redeem,
    take_code,
)
from zhanggui.files.models import Task

FORM = {"name": "赠饮券", "kind": "gift", "validity": "days", "days_valid": "30", "uses": "1"}


def url(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"coupons:{name}", args=[shop.merchant.slug, *args])


def staff(merchant: Merchant, role: Role) -> Client:
    client = Client()
    client.force_login(make_staff(merchant, role=role))
    return client


@pytest.fixture
def office(shop: Shop) -> Client:
    return staff(shop.merchant, Role.OWNER)


def text(response: Any) -> str:
    return str(response.content.decode())


class TestTemplateForm:
    def test_made_and_shown(self, shop: Shop, office: Client) -> None:
        values = FORM | {"stock": "100", "per_person": "2", "weekdays": ["1", "2"]}
        done = office.post(url(shop, "template_new"), values)
        template = CouponTemplate.objects.get()
        assert done["Location"] == url(shop, "template", template.pk)
        assert (template.stock, template.left, template.weekdays) == (100, 100, [1, 2])
        page = text(office.get(done["Location"]))
        assert "赠饮券" in page
        assert "100 / 100" in page

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"kind": "cash"}, "amount_fen"),
            ({"kind": "percent"}, "percent_off"),
            ({"validity": "fixed"}, "first_day"),
            (
                {"validity": "fixed", "first_day": "2026-03-09", "last_day": "2026-03-01"},
                "last_day",
            ),
            ({"days_valid": ""}, "days_valid"),
            ({"name": ""}, "name"),
            ({"uses": "0"}, "uses"),
        ],
    )
    def test_what_is_missing_is_said_at_its_field(
        self, shop: Shop, office: Client, values: dict[str, str], field: str
    ) -> None:
        answer = office.post(url(shop, "template_new"), FORM | values)
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
        assert not CouponTemplate.objects.exists()

    def test_a_day_is_meant_whole(self, shop: Shop, office: Client) -> None:
        days = {"validity": "fixed", "first_day": "2030-03-01", "last_day": "2030-03-31"}
        office.post(url(shop, "template_new"), FORM | days)
        template = CouponTemplate.objects.get()
        assert template.starts_at
        assert template.ends_at
        zone = shop.merchant.time_zone
        assert clock.local_date(template.starts_at, zone).isoformat() == "2030-03-01"
        assert clock.local_date(template.ends_at, zone).isoformat() == "2030-04-01"
        edit = text(office.get(url(shop, "template_edit", template.pk)))
        assert 'value="2030-03-31"' in edit

    def test_the_same_name_twice(self, shop: Shop, office: Client) -> None:
        make_template(name="赠饮券")
        answer = office.post(url(shop, "template_new"), FORM)
        assert answer.status_code == 409
        assert "name" in answer.context["form"].errors

    def test_sent_twice_is_one(self, shop: Shop, office: Client) -> None:
        values = FORM | {"idempotency_key": "k1"}
        first = office.post(url(shop, "template_new"), values)
        assert office.post(url(shop, "template_new"), values)["Location"] == first["Location"]

    def test_changed(self, shop: Shop, office: Client) -> None:
        template = make_template(name="赠饮券")
        done = office.post(
            url(shop, "template_edit", template.pk),
            FORM | {"name": "新名字", "kind": "cash", "amount_fen": "10"},
        )
        assert done.status_code == 302
        template.refresh_from_db()
        assert (template.name, template.kind, template.amount_fen) == (
            "新名字",
            CouponKind.CASH,
            1000,
        )

    def test_states(self, shop: Shop, office: Client) -> None:
        template = make_template()
        for state in ("stopped", "paused", "active"):
            office.post(url(shop, "template_state", template.pk), {"state": state})
            template.refresh_from_db()
            assert template.state == state
        bad = office.post(url(shop, "template_state", template.pk), {"state": "x"})
        assert bad.status_code == 404


class TestGivingOut:
    def test_by_hand(self, shop: Shop, office: Client) -> None:
        template, customer = make_template(), make_customer()
        values = {"customer": customer.pk, "template": template.pk, "idempotency_key": "k1"}
        done = office.post(url(shop, "issue"), values)
        coupon = Coupon.objects.get()
        assert done["Location"] == url(shop, "office_coupon", coupon.pk)
        assert office.post(url(shop, "issue"), values)["Location"] == done["Location"]
        assert Coupon.objects.count() == 1

    def test_by_hand_refused(self, shop: Shop, office: Client) -> None:
        template, customer = make_template(per_person=1), make_customer()
        make_coupon(template, customer)
        values = {"customer": customer.pk, "template": template.pk}
        answer = office.post(url(shop, "issue"), values)
        assert answer.status_code == 409
        assert "每人最多 1 张" in text(answer)

    def test_to_a_segment(self, shop: Shop, office: Client) -> None:
        template, segment = make_template(), make_segment(shop.merchant)
        done = office.post(url(shop, "segment", template.pk), {"segment": segment.pk})
        task = Task.objects.get()
        assert done["Location"].endswith(f"/{task.pk}/")
        assert task.kind == "coupons.issue"
        assert office.post(url(shop, "segment", template.pk), {}).status_code == 422

    def test_link_with_code(self, shop: Shop, office: Client) -> None:
        template = make_template()
        values = {"name": "三月传单", "most": "50", "last_day": "2030-03-31"}
        office.post(url(shop, "link_new", template.pk), values)
        link = CouponLink.objects.get()
        assert (link.most, link.left) == (50, 50)
        page = text(office.get(url(shop, "template", template.pk)))
        assert selectors.link_url(shop.merchant, link) in page
        for kind in ("png", "svg"):
            assert office.get(url(shop, "link_picture", link.pk, kind)).status_code == 200
        assert office.get(url(shop, "link_picture", link.pk, "exe")).status_code == 404
        office.post(url(shop, "link_close", link.pk))
        assert not CouponLink.objects.get().is_open


class TestCouponPage:
    def test_its_whole_life(self, shop: Shop, office: Client) -> None:
        coupon = make_coupon()
        redeem(coupon, shop.store)
        page = text(office.get(url(shop, "office_coupon", coupon.pk)))
        assert coupon.code in page
        assert "核销中" in page
        assert "已用完" in page
        assert shop.store.name in page

    @pytest.mark.parametrize(
        ("what", "state"),
        [
            pytest.param("void", "voided", marks=pytest.mark.edge("coupon USABLE>VOIDED")),
            pytest.param("freeze", "frozen", marks=pytest.mark.edge("coupon USABLE>FROZEN")),
        ],
    )
    def test_taken_away_with_a_reason(
        self, shop: Shop, office: Client, what: str, state: str
    ) -> None:
        coupon = make_coupon()
        path = url(shop, "change", coupon.pk, what)
        assert office.post(path, {"reason": ""}).status_code == 422
        assert office.post(path, {"reason": "重复发放"}).status_code == 302
        assert now(coupon).state == state
        assert "重复发放" in text(office.get(url(shop, "office_coupon", coupon.pk)))
        assert office.post(path, {"reason": "再来"}).status_code in {409, 410}

    @pytest.mark.parametrize(
        ("days_until_start", "is_held"),
        [
            pytest.param(2, False, marks=pytest.mark.edge("coupon ISSUED>VOIDED")),
            pytest.param(0, True, marks=pytest.mark.edge("coupon HELD>VOIDED")),
        ],
        ids=["not-started", "held"],
    )
    def test_taken_away_before_and_while_it_is_used(
        self, shop: Shop, office: Client, days_until_start: int, *, is_held: bool
    ) -> None:
        coupon = make_coupon(days_until_start=days_until_start)
        if is_held:
            take_code(coupon)
        before = now(coupon).state
        answer = office.post(url(shop, "change", coupon.pk, "void"), {"reason": "x"})
        assert answer.status_code == 302
        assert counts(coupon) == ("voided", 0, 0, 0, 1)
        assert coupon.changes.latest("pk").before == before
        assert not OneTimeCode.objects.filter(state="active").exists()

    @pytest.mark.edge("coupon FROZEN>USABLE")
    def test_unfrozen(self, shop: Shop, office: Client) -> None:
        coupon = make_coupon()
        office.post(url(shop, "change", coupon.pk, "freeze"), {"reason": "x"})
        office.post(url(shop, "change", coupon.pk, "unfreeze"))
        assert counts(coupon) == ("usable", 1, 0, 0, 0)
        assert office.post(url(shop, "change", coupon.pk, "melt")).status_code == 404

    @pytest.mark.edge("coupon REDEEMED>USABLE", "coupon undone twice")
    def test_undo_with_a_reason(self, shop: Shop, office: Client) -> None:
        coupon = make_coupon()
        record = redeem(coupon, shop.store)
        path = url(shop, "undo", record.pk)
        assert office.get(path).status_code == 200
        assert office.post(path, {"reason": ""}).status_code == 422
        assert office.post(path, {"reason": "扫错了"}).status_code == 302
        assert counts(coupon) == ("usable", 1, 0, 0, 0)
        assert office.post(path, {"reason": "扫错了"}).status_code == 409
        undone = coupon.records.get(kind=UseKind.UNDO)
        assert undone.reason == "扫错了"


class TestLists:
    def test_filters_and_exports(self, shop: Shop, office: Client) -> None:
        used = make_coupon(customer=make_customer("林小雨"))
        redeem(used, shop.store)
        make_coupon(customer=make_customer("赵铁柱"))
        page = text(office.get(url(shop, "coupons")))
        assert "林小雨" in page
        assert "赵铁柱" in page
        assert "林小雨" not in text(office.get(url(shop, "coupons"), {"state": "usable"}))
        assert "赵铁柱" not in text(office.get(url(shop, "coupons"), {"q": used.code}))
        assert "赵铁柱" not in text(office.get(url(shop, "redemptions")))
        assert "林小雨" in text(office.get(url(shop, "redemptions"), {"q": "小雨"}))

    @pytest.mark.parametrize(
        "state", ["issued", "usable", "held", "redeemed", "expired", "voided", "frozen", "open"]
    )
    def test_each_state_finds_by_the_clock(self, shop: Shop, state: str) -> None:
        coupon = make_coupon()
        found = selectors.coupons(values={"state": state}, zone=shop.merchant.time_zone)
        assert list(found) == ([coupon] if state in {"usable", "open"} else [])
        with clock.at(coupon.ends_at):
            found = selectors.coupons(values={"state": state}, zone=shop.merchant.time_zone)
            assert list(found) == ([coupon] if state == "expired" else [])

    def test_figures_of_a_template_lead_to_their_rows(self, shop: Shop, office: Client) -> None:
        template = make_template(amount_fen=800)
        redeem(make_coupon(template))
        make_coupon(template)
        figures = selectors.template_figures([template.pk])[template.pk]
        assert (figures.issued, figures.redeemed, figures.liability_fen) == (2, 1, 800)
        assert figures.rate == 0.5
        for state, many in (("", 2), ("used", 1), ("open", 1)):
            values = {"template": str(template.pk), "state": state}
            found = selectors.coupons(values=values, zone=shop.merchant.time_zone)
            assert found.count() == many

    def test_what_runs_out_waits_on_the_overview(self, shop: Shop, office: Client) -> None:
        template = make_template(name="快发完的券", stock=10)
        path = reverse("accounts:overview", args=[shop.merchant.slug])
        assert "快发完的券" not in text(office.get(path))
        for _ in range(9):
            make_coupon(template)
        assert "“快发完的券”只剩 1 张" in text(office.get(path))
        services.set_state(template_id=template.pk, state=TemplateState.STOPPED, actor=ACTOR)
        assert "快发完的券" not in text(office.get(path))

    def test_segments_ask_for_usable_coupons(self, shop: Shop) -> None:
        template = make_template()
        usable, used = make_coupon(template), make_coupon(template)
        redeem(used)
        make_coupon()
        fits = conditions.fitting([{"kind": "coupons.usable", "value": str(template.pk)}])
        assert list(Customer.objects.filter(fits)) == [usable.customer]

    def test_search_over_everything(self, shop: Shop, office: Client) -> None:
        coupon = make_coupon()
        path = reverse("accounts:find", args=[shop.merchant.slug])
        page = text(office.get(path, {"q": coupon.code[:6].lower()}))
        assert url(shop, "office_coupon", coupon.pk) in page

    def test_the_figure_of_the_overview_counts_the_rows_behind_it(
        self, shop: Shop, office: Client
    ) -> None:
        stays, undone = redeem(make_coupon(), shop.store), redeem(make_coupon(), shop.store)
        services.undo_by_office(record_id=undone.pk, reason="扫错了", actor=ACTOR)
        overview = reverse("accounts:overview", args=[shop.merchant.slug])
        for page in (overview, reverse("accounts:store", args=[shop.merchant.slug, shop.store.pk])):
            shown = office.get(page, {"chart": "coupons.redeemed"}).context
            (found,) = [
                one for one in shown["numbers"] if one.number.measure.name == "coupons.redeemed"
            ]
            rows = office.get(found.url).context["list"].rows
            assert found.number.value == sum(shown["course"].series[0].values) == 1
            assert [row.pk for row in rows] == [stays.pk]

    def test_story_of_the_customer(self, shop: Shop) -> None:
        coupon = make_coupon()
        record = redeem(coupon, shop.store)
        services.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        story = timeline.page(coupon.customer_id, permissions={permissions.VIEW.name})
        found = [one.source for one in story.entries if not one.source.startswith("contacts")]
        assert found == ["redemptions", "redemptions", "coupons"]
        tones = [one.entry.tone for one in story.entries if one.source in found]
        assert tones == ["cancel", "redeem", "redeem"]


class TestRights:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("template_new", None),
            ("template_edit", "template"),
            ("issue", None),
            ("undo", "use"),
        ],
    )
    def test_a_clerk_only_looks(self, shop: Shop, name: str, kind: str | None) -> None:
        clerk = staff(shop.merchant, Role.CLERK)
        template = make_template()
        args = {"template": [template.pk], "use": [redeem(make_coupon()).pk], None: []}[kind]
        assert clerk.get(url(shop, name, *args)).status_code == 403
        assert clerk.get(url(shop, "templates")).status_code == 200
        coupon = make_coupon()
        path = url(shop, "change", coupon.pk, "void")
        assert clerk.post(path, {"reason": "x"}).status_code == 403
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    def test_another_merchant_sees_nothing(self, shop: Shop, office: Client) -> None:
        other = make_shop("other")
        with other.scope:
            coupon = make_coupon()
            link = make_link(coupon.template)
        with tenancy.merchant_scope(shop.merchant.pk):
            assert office.get(url(shop, "office_coupon", coupon.pk)).status_code == 404
            assert office.get(url(shop, "template", coupon.template_id)).status_code == 404
            assert office.post(url(shop, "link_close", link.pk)).status_code == 404

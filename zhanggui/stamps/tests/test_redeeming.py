"""Redeeming a coupon at the manager's desk: one input (R14), preview, confirm, undo, ledger."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Store
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.codes.models import CodeTry, OneTimeCode
from zhanggui.contacts.services import masked_name
from zhanggui.contacts.tests.factories import make_link as make_identity
from zhanggui.contacts.tests.factories import sign_in_customer
from zhanggui.core import clock, tenancy
from zhanggui.coupons import services as coupons
from zhanggui.coupons.models import Coupon, TemplateState, UseKind, UseRecord
from zhanggui.coupons.tests import factories as coupon_factories
from zhanggui.coupons.tests.factories import counts, make_coupon, make_customer, take_code
from zhanggui.stamps import services
from zhanggui.stamps.models import Kind, StampRecord
from zhanggui.stamps.tests.factories import balance_of, cancel, make_shop, stamp
from zhanggui.stamps.tests.factories import take_code as take_stamp_code
from zhanggui.stamps.tests.test_staff import HTMX, Counter, counter, sign_in
from zhanggui.ui import qr

__all__ = ["counter"]


def confirm(counter: Counter, digits: str, key: str = "", **headers: str) -> Any:
    url = reverse("stamps:staff_redeem")
    return counter.client.post(url, {"digits": digits, "key": key}, headers=HTMX | headers)


def redeemed(counter: Counter, coupon: Coupon) -> UseRecord:
    """Redeem a coupon from beginning to end."""
    assert confirm(counter, take_code(coupon).digits).status_code == 200
    return UseRecord.objects.filter(coupon=coupon).latest("pk")


class TestOneInput:
    @pytest.mark.spec("stamps R14")
    def test_the_code_decides_which_of_the_three(self, counter: Counter) -> None:
        shop = counter.shop
        coupon = make_coupon()
        stamp(shop.desk, shop.card)
        kinds = {}
        for digits in (
            take_stamp_code(shop.card).digits,
            take_code(coupon).digits,
        ):
            page = counter.preview(digits).content.decode()
            kinds[digits] = re.search(r'data-preview="(\w+)"', page)[1]  # type: ignore[index]
        digits = take_stamp_code(shop.card, Kind.CANCEL).digits
        page = counter.preview(digits).content.decode()
        assert 'data-preview="cancel"' in page
        assert list(kinds.values()) == ["accumulate", "redeem"]

    @pytest.mark.spec("stamps R13")
    def test_preview_then_redeemed_once(self, counter: Counter) -> None:
        coupon = make_coupon(name="柠檬茶赠饮券", terms="任选一款招牌茶，中杯。")
        digits = take_code(coupon).digits
        seen = counter.preview(digits).content.decode()
        assert "使用说明" in seen
        assert "任选一款招牌茶，中杯。" in seen
        assert "核销" in seen
        assert "柠檬茶赠饮券" in seen
        assert masked_name(coupon.customer.name) in seen
        assert "有效期至" in seen
        assert counts(coupon) == ("held", 0, 1, 0, 0)
        assert not UseRecord.objects.exists()

        done = confirm(counter, digits).content.decode()
        assert "核销成功" in done
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)
        again = confirm(counter, digits)
        assert again.status_code == 409
        assert "E_CODE_USED" in again.content.decode()
        assert UseRecord.objects.count() == 1
        record = UseRecord.objects.get()
        assert record.manager_name == counter.shop.desk.person_name
        assert record.store_id == counter.shop.store.pk
        assert record.code_id is not None
        assert counter.shop.adds_up()

    def test_the_scanner_reads_what_the_customer_shows(
        self, counter: Counter, client: Client
    ) -> None:
        shop = counter.shop
        account = make_account(merchant=shop.merchant)
        link = make_identity(shop.merchant, account.pk, nickname="陈小溪")
        coupon = make_coupon(customer=link.customer)
        sign_in_customer(client, link)
        url = reverse("coupons:code", args=[shop.merchant.slug, coupon.token])
        layer = client.post(url, headers=HTMX)
        digits = layer.context["layer"].digits

        assert html.escape(qr.data_uri(digits)) in layer.content.decode()
        assert 'data-preview="redeem"' in counter.preview(digits).content.decode()

    def test_the_same_key_answers_the_same(self, counter: Counter) -> None:
        digits = take_code(make_coupon()).digits
        first, second = confirm(counter, digits, key="k1"), confirm(counter, digits, key="k1")
        assert first.status_code == second.status_code == 200
        assert UseRecord.objects.count() == 1
        json = confirm(counter, digits, key="k1", Accept="application/json").json()
        assert json["record_id"] == UseRecord.objects.get().pk

    def test_a_coupons_code_never_stamps(self, counter: Counter) -> None:
        coupon = make_coupon()
        digits = take_code(coupon).digits
        assert counter.confirm(digits).status_code == 200
        assert not StampRecord.objects.exists()
        assert not CodeTry.objects.exists()
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)
        assert confirm(counter, digits).status_code == 409

    def test_a_stamps_code_never_redeems(self, counter: Counter) -> None:
        digits = take_stamp_code(counter.shop.card).digits
        assert confirm(counter, digits).status_code == 409
        assert counter.confirm(digits).status_code == 200


class TestRefusals:
    @pytest.mark.edge("code ACTIVE>REVOKED by its coupon", "code REVOKED stays")
    @pytest.mark.parametrize(
        ("lead", "status", "code"),
        [
            (
                lambda coupon: coupons.set_state(
                    template_id=coupon.template_id, state=TemplateState.PAUSED, actor=ACTOR
                ),
                409,
                "E_COUPON_PROGRAMME_PAUSED",
            ),
            (
                lambda coupon: coupons.freeze(coupon_id=coupon.pk, reason="x", actor=ACTOR),
                409,
                "E_COUPON_FROZEN",
            ),
            (
                lambda coupon: coupons.void(coupon_id=coupon.pk, reason="x", actor=ACTOR),
                410,
                "E_COUPON_VOIDED",
            ),
        ],
        ids=["paused", "frozen", "voided"],
    )
    def test_changed_between_code_and_counter(
        self,
        counter: Counter,
        lead: Callable[[Coupon], object],
        status: int,
        code: str,
    ) -> None:
        coupon = make_coupon()
        digits = take_code(coupon).digits
        lead(coupon)
        for answer in (counter.preview(digits), confirm(counter, digits)):
            assert code in answer.content.decode()
            assert answer.status_code == status
        assert not UseRecord.objects.exists()

    def test_another_store_leaves_the_code_usable(self, counter: Counter) -> None:
        other = make_store(counter.shop.merchant, name="二店")
        coupon = make_coupon(store_ids=[other.pk])
        digits = take_code(coupon).digits
        for answer in (counter.preview(digits), confirm(counter, digits)):
            assert answer.status_code == 409
            assert "E_COUPON_WRONG_STORE" in answer.content.decode()
        assert not CodeTry.objects.exists()
        assert OneTimeCode.objects.get().state == "active"

    def test_another_merchants_code_looks_unknown_and_counts(self, counter: Counter) -> None:
        stranger = make_shop("other")
        with stranger.scope:
            digits = take_code(make_coupon()).digits
        with tenancy.merchant_scope(counter.shop.merchant.pk):
            answers = [counter.preview(digits), confirm(counter, digits)]
            assert ["E_CODE_INVALID" in a.content.decode() for a in answers] == [True, True]
            assert CodeTry.objects.count() == 2

    def test_five_wrong_ones_lock_both_doors(self, counter: Counter) -> None:
        digits = take_code(make_coupon()).digits
        wrong = f"{(int(digits) + 1) % 10**6:06d}"
        answers = [confirm(counter, wrong).status_code for _ in range(5)]
        assert answers == [404, 404, 404, 404, 429]
        assert counter.preview(digits).status_code == 429
        assert confirm(counter, digits).status_code == 429
        assert not UseRecord.objects.exists()

    def test_expired_is_told(self, counter: Counter) -> None:
        moment = clock.now()
        with clock.at(moment):
            digits = take_code(make_coupon()).digits
        with clock.at(moment + timedelta(seconds=180)):
            answer = confirm(counter, digits)
        assert answer.status_code == 410
        assert "E_CODE_EXPIRED" in answer.content.decode()
        assert not CodeTry.objects.filter(kind="wrong").exists()

    def test_who_is_no_longer_a_manager(self, counter: Counter) -> None:
        digits = take_code(make_coupon()).digits
        services.leave(desk=counter.shop.desk, actor=ACTOR)
        assert confirm(counter, digits).status_code == 403
        assert not UseRecord.objects.exists()

    def test_no_digits_in_the_log(self, counter: Counter) -> None:
        digits = take_code(make_coupon()).digits
        counter.preview(digits)
        confirm(counter, digits)
        told = str(list(AuditEntry.objects.values_list("action", "target", "details")))
        assert digits not in told
        assert "stamps.code.previewed" in told
        assert "coupons.coupon.redeemed" in told


class TestUndoBar:
    def undo(self, counter: Counter, record: UseRecord) -> Any:
        url = reverse("stamps:staff_undo")
        return counter.client.post(url, {"record": record.pk}, headers=HTMX)

    def test_within_ten_minutes(self, counter: Counter) -> None:
        coupon = make_coupon(name="赠饮")
        moment = clock.now()
        with clock.at(moment):
            record = redeemed(counter, coupon)
        with clock.at(moment + timedelta(minutes=9)):
            assert f'name="record" value="{record.pk}"' in counter.get("desk")
            assert self.undo(counter, record).status_code == 200
            assert 'name="record"' not in counter.get("desk")
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    def test_on_the_page_that_says_redeemed(self, counter: Counter) -> None:
        coupon = make_coupon()
        done = confirm(counter, take_code(coupon).digits).content.decode()
        record = UseRecord.objects.get(coupon=coupon)
        assert f'hx-post="{reverse("stamps:staff_undo")}"' in done
        assert f'name="record" value="{record.pk}"' in done

    def test_in_the_ledger_own_and_recent_ones_only(self, counter: Counter) -> None:
        coupon = make_coupon()
        moment = clock.now()
        with clock.at(moment):
            record = redeemed(counter, coupon)
            other = redeemed(counter, make_coupon())
            UseRecord.objects.filter(pk=other.pk).update(manager_id=0)
            page = counter.get("staff_redemptions")
            assert f'data-dialog-open="undo-{record.pk}"' in page
            assert f'data-dialog-open="undo-{other.pk}"' not in page
        with clock.at(moment + timedelta(minutes=10, seconds=1)):
            assert "data-dialog-open" not in counter.get("staff_redemptions")
        with clock.at(moment + timedelta(minutes=9)):
            url = reverse("stamps:staff_undo")
            sent = {"record": record.pk, "back": "ledger"}
            answer = counter.client.post(url, sent)
            assert answer.headers["Location"] == reverse("stamps:staff_redemptions")
            assert "data-dialog-open" not in counter.get("staff_redemptions")
        assert counts(coupon) == ("usable", 1, 0, 0, 0)

    @pytest.mark.edge("coupon undone too late")
    def test_not_later(self, counter: Counter) -> None:
        coupon = make_coupon()
        moment = clock.now()
        with clock.at(moment):
            record = redeemed(counter, coupon)
        with clock.at(moment + timedelta(minutes=10, seconds=1)):
            assert 'name="record"' not in counter.get("desk")
            answer = self.undo(counter, record)
        assert answer.status_code == 409
        assert "E_UNDO_WINDOW" in answer.content.decode()
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)

    def test_nothing_of_another_store(self, counter: Counter) -> None:
        other = make_store(counter.shop.merchant, name="二店")
        record = coupon_factories.redeem(make_coupon(), other)
        assert self.undo(counter, record).status_code == 404
        assert self.undo(counter, UseRecord(pk=2**70)).status_code == 404


class TestLedger:
    def rows(self, counter: Counter, **query: Any) -> int:
        return counter.get("staff_redemptions", **query).count('<li id="r')

    def test_fifteen_days_of_this_store(self, counter: Counter) -> None:
        zone = counter.shop.merchant.time_zone
        today = clock.local_date(clock.now(), zone)
        oldest = clock.start_of(today - timedelta(days=14), zone)
        other: Store = make_store(counter.shop.merchant, name="二店")
        for moment, store in (
            (oldest, counter.shop.store),
            (oldest - timedelta(seconds=1), counter.shop.store),
            (oldest, other),
        ):
            with clock.at(moment):
                coupon_factories.redeem(make_coupon(), store)
        assert self.rows(counter) == 1

    def test_codes_that_wait_are_shown_in_their_colour(self, counter: Counter) -> None:
        take_code(make_coupon())
        page = counter.get("staff_live")
        assert "zg-is-redeem" in page
        assert "核销" in page

    @pytest.mark.spec("stamps D42")
    def test_search_and_switch_keep_each_other(self, counter: Counter) -> None:
        coupon = make_coupon(customer=make_customer("林小雨"))
        redeemed(counter, coupon)
        redeemed(counter, make_coupon(customer=make_customer("赵铁柱")))
        assert self.rows(counter, q="林小雨") == 1
        assert self.rows(counter, q="小雨") == 1
        assert self.rows(counter, q="没有这人") == 0
        day = clock.local_date(clock.now(), counter.shop.merchant.time_zone).isoformat()
        page = counter.get("staff_redemptions", q="林小雨", since=day, until=day)
        link = re.search(r'href="(/staff/ledger\?[^"]+)"', page)
        assert link
        ledger = counter.client.get(link[1].replace("&amp;", "&")).content.decode()
        assert 'value="林小雨"' in ledger
        assert f'name="since" value="{day}"' in ledger
        assert f"/staff/redemptions?q=%E6%9E%97%E5%B0%8F%E9%9B%A8&amp;since={day}" in ledger

    @pytest.mark.spec("stamps D42")
    def test_what_came_less_what_was_taken_back_is_the_balance(self, counter: Counter) -> None:
        shop = counter.shop
        stamp(shop.desk, shop.card)
        stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        rows = {
            kind: counter.get("staff_ledger", kind=kind).count('<li id="r')
            for kind in ("accumulate", "cancel")
        }
        assert rows["accumulate"] - rows["cancel"] == balance_of(shop.card)
        assert "is-struck" in counter.get("staff_ledger")

    @pytest.mark.spec("stamps D42")
    def test_undone_stays_struck_and_linked(self, counter: Counter) -> None:
        record = redeemed(counter, make_coupon())
        coupons.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        undone = UseRecord.objects.get(kind=UseKind.UNDO)
        page = counter.get("staff_redemptions")
        assert f'href="#r{undone.pk}"' in page
        assert f'href="#r{record.pk}"' in page
        assert "is-struck" in page
        assert self.rows(counter, kind="redeem") == 1
        assert self.rows(counter, kind="undo") == 1

    def test_figures_equal_their_rows(self, counter: Counter) -> None:
        record = redeemed(counter, make_coupon())
        redeemed(counter, make_coupon())
        coupons.undo_by_office(record_id=record.pk, reason="扫错了", actor=ACTOR)
        page = counter.get("staff_figures")
        links = re.findall(r'href="(/staff/redemptions\?kind=[^"]+)"', page)
        assert len(links) == 6
        for url in links:
            found = counter.client.get(url.replace("&amp;", "&")).content.decode()
            wanted = 2 if "kind=redeem" in url else 1
            assert found.count('<li id="r') == wanted

    def test_many_rows_are_paged(self, counter: Counter) -> None:
        coupon = make_coupon(uses=60)
        for _ in range(53):
            coupon_factories.redeem(coupon, counter.shop.store)
        page = counter.get("staff_redemptions")
        assert page.count('<li id="r') == 50
        older = re.search(r'rel="next" href="([^"]+)"', page)
        assert older
        url = reverse("stamps:staff_redemptions") + older[1].replace("&amp;", "&")
        assert counter.client.get(url).content.decode().count('<li id="r') == 3


class TestPlainBrowser:
    def test_without_a_script_the_whole_page_comes(self, counter: Counter) -> None:
        digits = take_code(make_coupon()).digits
        seen = counter.client.post(reverse("stamps:staff_preview"), {"digits": digits})
        assert 'data-preview="redeem"' in seen.content.decode()
        assert "<html" in seen.content.decode()
        done = counter.client.post(reverse("stamps:staff_redeem"), {"digits": digits})
        assert 'data-result="redeem"' in done.content.decode()

    def test_stamps_as_before(self, counter: Counter, client: Client) -> None:
        sign_in(client, counter.shop.desk)
        stamp(counter.shop.desk, counter.shop.card)
        cancel(counter.shop.desk, counter.shop.card)
        assert counter.shop.adds_up()

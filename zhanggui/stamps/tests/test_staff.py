"""The manager's pages: desk, preview, confirm, data, ledger, leaving."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from zhanggui.accounts.models import AuditEntry, Person, Role
from zhanggui.accounts.tests.factories import ACTOR, make_person, make_staff, make_store
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import (
    PHONE_AGENT,
    make_account,
    make_identity,
    sign_in_staff,
)
from zhanggui.codes.models import CodeState, OneTimeCode
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import name_key
from zhanggui.core import clock
from zhanggui.coupons import services as coupons
from zhanggui.coupons.tests.factories import make_coupon, redeem
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import selectors, services
from zhanggui.stamps.models import Kind, ManagerBinding
from zhanggui.stamps.results import Desk
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    cancel,
    make_card,
    make_invitation,
    make_manager,
    make_programme,
    make_shop,
    stamp,
    take_code,
    wrong_digits,
)

HTMX = {"HX-Request": "true"}
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Counter:
    """A signed-in manager of the shop's store."""

    client: Client
    shop: Shop

    def get(self, name: str, /, **query: Any) -> str:
        response = self.client.get(reverse(f"stamps:{name}"), query)
        assert response.status_code == 200, response.content.decode()[:400]
        return response.content.decode()

    def preview(self, digits: str) -> Any:
        """下一步."""
        url = reverse("stamps:staff_preview")
        return self.client.post(url, {"digits": digits}, headers=HTMX)

    def confirm(self, digits: str, **fields: Any) -> Any:
        """确认."""
        url = reverse("stamps:staff_confirm")
        return self.client.post(url, {"digits": digits} | fields, headers=HTMX)


def sign_in(client: Client, desk: Desk) -> None:
    """The manager signs in through the platform's account."""
    account = ChannelAccount.objects.filter(merchant=None).first() or make_account()
    person = Person.objects.get(pk=desk.person_id)
    sign_in_staff(client, make_identity(account, person=person, nickname=person.name))


@pytest.fixture
def counter(client: Client, shop: Shop) -> Counter:
    sign_in(client, shop.desk)
    return Counter(client, shop)


def without_token(response: Any) -> str:
    """The page without the sign of its form, which is another one each time."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())


def rows_of(page: str) -> int:
    return page.count('<li id="r')


class TestAccess:
    @pytest.mark.parametrize(
        "name",
        ["desk", "staff_figures", "staff_ledger", "staff_customers", "staff_attempts"],
    )
    def test_unbound_person_reads_what_to_do(self, client: Client, db: None, name: str) -> None:
        sign_in_staff(client, make_identity(make_account(), person=make_person("路人", phone=None)))

        response = client.get(reverse(f"stamps:{name}"))

        assert response.status_code == 403
        assert "还没有绑定门店" in response.content.decode()

    @pytest.mark.parametrize("name", ["staff_preview", "staff_confirm", "staff_leave"])
    def test_unbound_person_changes_nothing(self, client: Client, shop: Shop, name: str) -> None:
        sign_in_staff(client, make_identity(make_account(), person=make_person("路人", phone=None)))
        code = take_code(shop.card)

        for headers in ({}, HTMX):
            response = client.post(
                reverse(f"stamps:{name}"), {"digits": code.digits}, headers=headers
            )
            assert response.status_code == 403
            assert "E_NOT_MANAGER" in response.content.decode()
        assert OneTimeCode.objects.get().state == CodeState.ACTIVE
        assert not Transaction.objects.exists()

    @pytest.mark.spec("stamps R08")
    def test_bound_manager_lands_on_the_desk(self, counter: Counter) -> None:
        page = counter.get("desk")

        assert counter.shop.store.name in page
        assert "管理员：李店长" in page
        assert 'inputmode="numeric"' in page

    def test_signed_out_session_changes_nothing(self, counter: Counter) -> None:
        code = take_code(counter.shop.card)
        counter.client.logout()

        response = counter.confirm(code.digits)

        assert response.status_code == 401
        assert not Transaction.objects.exists()
        inside = counter.client.get(reverse("stamps:desk"), headers={"User-Agent": PHONE_AGENT})
        assert inside.status_code == 302

    @pytest.mark.edge("code without a binding", "binding REMOVED stays")
    @pytest.mark.spec("stamps D08")
    def test_removed_while_on_the_page(self, counter: Counter) -> None:
        code = take_code(counter.shop.card)
        assert counter.preview(code.digits).status_code == 200
        services.remove_manager(binding_id=counter.shop.desk.binding_id, actor=ACTOR)

        response = counter.confirm(code.digits)

        assert response.status_code == 403
        assert "E_NOT_MANAGER" in response.content.decode()
        assert OneTimeCode.objects.get().state in {CodeState.ACTIVE, CodeState.HELD}
        assert balance_of(counter.shop.card) == 0

    @pytest.mark.spec("stamps R07", "stamps R08")
    def test_removed_and_bound_again(self, counter: Counter, client: Client) -> None:
        shop = counter.shop
        office = Client()
        office.force_login(make_staff(shop.merchant, role=Role.OWNER))
        place = [shop.merchant.slug, shop.store.pk, shop.desk.binding_id]
        office.post(reverse("stamps:remove", args=place), {"last": "1"})
        assert counter.client.get(reverse("stamps:desk")).status_code == 403

        person = Person.objects.get(pk=shop.desk.person_id)
        services.accept_scan(invitation_id=make_invitation(shop.store).pk, person=person)

        assert shop.store.name in counter.get("desk")
        assert counter.confirm(take_code(shop.card).digits).status_code == 200


class TestPreview:
    @pytest.mark.spec("stamps D17")
    def test_says_what_the_code_stands_for(self, counter: Counter) -> None:
        stamp(counter.shop.desk, counter.shop.card)
        page = counter.preview(take_code(counter.shop.card).digits).content.decode()

        assert "zg-is-stamp" in page
        assert "<strong>集章</strong>" in page
        assert "王**" in page
        assert "王小明" not in page
        assert 'data-before="1"' in page
        assert 'data-after="2"' in page
        assert balance_of(counter.shop.card) == 1

        page = counter.preview(take_code(counter.shop.card, Kind.CANCEL).digits).content.decode()

        assert "zg-is-cancel" in page
        assert "<strong>取消累计</strong>" in page
        assert 'data-after="0"' in page
        assert balance_of(counter.shop.card) == 1

    @pytest.mark.spec("stamps D24")
    def test_offers_as_many_as_the_programme_allows(self, counter: Counter) -> None:
        single = counter.preview(take_code(counter.shop.card).digits).content.decode()
        several = make_card(make_programme(max_per_code=3))
        page = counter.preview(take_code(several).digits).content.decode()

        assert 'name="amount"' not in single
        assert re.findall(r'name="amount" value="(\d)"', page) == ["1", "2", "3"]
        assert 'name="reason"' in page

    @pytest.mark.spec("stamps D29")
    def test_offers_other_stamps_of_24_hours(self, counter: Counter) -> None:
        shop = counter.shop
        with clock.at(clock.now() - timedelta(hours=25)):
            stamp(shop.desk, shop.card)
        older = stamp(shop.desk, shop.card)
        newest = stamp(shop.desk, shop.card)

        page = counter.preview(take_code(shop.card, Kind.CANCEL).digits).content.decode()

        found = re.findall(r'name="record" value="(\d+)"[^>]*?(checked)?>', page)
        assert found == [(str(newest.record_id), "checked"), (str(older.record_id), "")]

    @pytest.mark.spec("stamps D16")
    @pytest.mark.parametrize("typed", ["12345", "1234567", "abcdef", "", "１２３４５"])
    def test_refuses_what_is_not_six_digits(self, counter: Counter, typed: str) -> None:
        response = counter.preview(typed)

        assert response.status_code == 422
        assert "E_CODE_FORMAT" in response.content.decode()
        assert 'name="digits"' in response.content.decode()

    @pytest.mark.spec("stamps D16")
    def test_folds_what_was_typed(self, counter: Counter) -> None:
        digits = take_code(counter.shop.card).digits
        wide = str.maketrans("0123456789", "０１２３４５６７８９")

        assert counter.preview(f" {digits[:3].translate(wide)}-{digits[3:]} ").status_code == 200

    @pytest.mark.spec("stamps D23")
    def test_locks_after_five_wrong_codes(self, counter: Counter) -> None:
        good = take_code(counter.shop.card).digits
        for _ in range(4):
            response = counter.preview(wrong_digits())
            assert response.status_code == 404
            assert "E_CODE_INVALID" in response.content.decode()

        locked = counter.preview(wrong_digits())
        still = counter.preview(good)

        for response in (locked, still):
            assert response.status_code == 429
            assert "E_LOCKED" in response.content.decode()
            assert "data-countdown" in response.content.decode()

    @pytest.mark.edge("code HELD by another")
    @pytest.mark.spec("stamps D17")
    def test_tells_that_another_manager_is_at_it(self, counter: Counter, client: Client) -> None:
        digits = take_code(counter.shop.card).digits
        counter.preview(digits)
        other = Client()
        sign_in(other, make_manager(counter.shop.store, "赵小敏"))

        response = Counter(other, counter.shop).preview(digits)

        assert response.status_code == 409
        assert "E_CODE_HELD" in response.content.decode()

    def test_needs_no_script(self, counter: Counter) -> None:
        digits = take_code(counter.shop.card).digits

        page = counter.client.post(reverse("stamps:staff_preview"), {"digits": digits})

        assert "<html" in page.content.decode()
        assert "确认集章" in page.content.decode()
        assert counter.client.get(reverse("stamps:staff_preview")).status_code == 405

    def test_keeps_digits_out_of_addresses_and_caches(self, counter: Counter) -> None:
        response = counter.preview(take_code(counter.shop.card).digits)

        assert "no-store" in response["Cache-Control"]
        assert 'method="post"' in response.content.decode()


class TestConfirm:
    @pytest.mark.spec("stamps R10")
    def test_books_one_stamp(self, counter: Counter) -> None:
        digits = take_code(counter.shop.card).digits

        response = counter.confirm(digits, key="k1")

        assert response.status_code == 200
        assert "集章成功" in response.content.decode()
        assert balance_of(counter.shop.card) == 1
        assert AuditEntry.objects.filter(action="stamps.code.confirmed").count() == 1

    @pytest.mark.spec("stamps D19")
    def test_the_same_key_answers_the_same(self, counter: Counter) -> None:
        digits = take_code(counter.shop.card).digits

        first, second = (counter.confirm(digits, key="k1") for _ in range(2))

        assert first.status_code == second.status_code == 200
        assert without_token(first) == without_token(second)
        assert Transaction.objects.count() == 1

    @pytest.mark.spec("stamps D18")
    def test_a_spent_code_says_by_whom(self, counter: Counter) -> None:
        digits = take_code(counter.shop.card).digits
        counter.confirm(digits, key="k1")

        response = counter.confirm(digits, key="k2")

        assert response.status_code == 409
        assert "E_CODE_USED" in response.content.decode()
        assert Transaction.objects.count() == 1

    @pytest.mark.spec("stamps D24")
    def test_more_than_one_needs_a_reason_and_a_limit(self, counter: Counter) -> None:
        card = make_card(make_programme(max_per_code=3))
        digits = take_code(card).digits

        without = counter.confirm(digits, amount="2")
        too_many = counter.confirm(digits, amount="4", reason="四杯")
        assert (without.status_code, too_many.status_code) == (422, 422)
        assert "E_REASON" in without.content.decode()
        assert "E_AMOUNT" in too_many.content.decode()
        assert balance_of(card) == 0

        assert counter.confirm(digits, amount="3", reason="三杯").status_code == 200
        assert balance_of(card) == 3

    @pytest.mark.spec("stamps R11", "stamps D29")
    def test_takes_the_chosen_stamp_back(self, counter: Counter) -> None:
        shop = counter.shop
        older = stamp(shop.desk, shop.card)
        stamp(shop.desk, shop.card)
        digits = take_code(shop.card, Kind.CANCEL).digits

        response = counter.confirm(digits, record=str(older.record_id))

        assert "取消成功" in response.content.decode()
        rows = selectors.records_of_card(shop.card.pk, size=50).rows
        assert [row.is_cancelled for row in rows] == [False, False, True]

    @pytest.mark.parametrize("field", ["amount", "record"])
    def test_refuses_nonsense(self, counter: Counter, field: str) -> None:
        digits = take_code(counter.shop.card).digits

        response = counter.confirm(digits, **{field: "x"})

        assert response.status_code == 422
        assert not Transaction.objects.exists()

    @pytest.mark.edge("code at another store")
    @pytest.mark.spec("stamps D20")
    def test_leaves_a_code_of_another_store(self, counter: Counter) -> None:
        other = make_store(counter.shop.merchant, "二店")
        there = make_manager(other)
        card = make_card(make_programme(store_ids=[other.pk]))
        digits = take_code(card).digits

        response = counter.confirm(digits)

        assert response.status_code == 409
        assert "E_WRONG_STORE" in response.content.decode()
        assert services.confirm(desk=there, digits=digits, actor=ACTOR).after == 1

    @pytest.mark.edge("code of another shop")
    @pytest.mark.spec("stamps D21")
    def test_a_foreign_code_looks_unknown(self, counter: Counter) -> None:
        other = make_shop("other")
        digits = take_code(other.card).digits
        other.scope.close()

        foreign = counter.preview(digits).content.decode()

        assert "E_CODE_INVALID" in foreign
        assert other.merchant.name not in foreign

    def test_next_customer_brings_the_bar(self, counter: Counter) -> None:
        url = reverse("stamps:staff_bar")

        piece = counter.client.get(url, headers=HTMX)

        assert 'name="digits"' in piece.content.decode()
        assert "<html" not in piece.content.decode()
        assert counter.client.get(url)["Location"] == reverse("stamps:desk")


class TestLedger:
    @pytest.mark.spec("stamps R15", "stamps R16")
    def test_shows_the_own_store_only(self, counter: Counter) -> None:
        shop = counter.shop
        there = make_manager(make_store(shop.merchant, "二店"), "别店长")
        stamp(shop.desk, shop.card)
        stamp(there, make_card(shop.programme, "李雷"))

        page = counter.get("staff_ledger")

        assert rows_of(page) == 1
        assert "李雷" not in page
        assert rows_of(counter.get("staff_ledger", store=there.store_id)) == 1

    @pytest.mark.spec("stamps D40")
    def test_reaches_back_to_midnight_of_the_14th_day(self, counter: Counter) -> None:
        shop = counter.shop
        today = clock.local_date(clock.now(), "Asia/Shanghai")
        first = datetime.combine(today - timedelta(days=14), datetime.min.time(), ZONE)
        with clock.at(first - timedelta(seconds=1)):
            stamp(shop.desk, shop.card)
        with clock.at(first):
            stamp(shop.desk, make_card(shop.programme, "刚好"))

        page = counter.get("staff_ledger")
        reaching = counter.get("staff_ledger", since="2020-01-01")

        assert rows_of(page) == rows_of(reaching) == 1
        assert "刚好" in page

    @pytest.mark.spec("stamps D41")
    def test_searches_name_number_and_phone(self, counter: Counter) -> None:
        shop = counter.shop
        card = make_card(shop.programme, "Ｌily 李", phone="13812345678")
        stamp(shop.desk, card)
        stamp(shop.desk, shop.card)
        number = Customer.objects.get(pk=card.customer_id).number

        for search in ("lily", "ＬＩＬＹ", "李", number, "5678"):
            assert rows_of(counter.get("staff_ledger", q=search)) == 1, search
        Customer.objects.filter(pk=card.customer_id).update(name="新名", name_key=name_key("新名"))
        for search in ("lily", "新名", "xinming"):
            assert rows_of(counter.get("staff_ledger", q=search)) == 1, search

    @pytest.mark.spec("stamps D42")
    def test_keeps_search_and_dates_when_the_kind_changes(self, counter: Counter) -> None:
        shop = counter.shop
        stamp(shop.desk, shop.card)
        stamp(shop.desk, shop.card)
        taken = cancel(shop.desk, shop.card)

        page = counter.get("staff_ledger", q="王", since="2026-01-01")

        assert "q=%E7%8E%8B" in page
        assert "kind=cancel" in page
        assert f'href="#r{taken.record_id}"' in page
        given = rows_of(counter.get("staff_ledger", q="王", kind="accumulate"))
        assert (given, rows_of(counter.get("staff_ledger", q="王", kind="cancel"))) == (2, 1)
        assert given - 1 == balance_of(shop.card)

    def test_turns_pages_in_as_many_queries(
        self, counter: Counter, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        shop = counter.shop
        for number in range(60):
            stamp(shop.desk, make_card(shop.programme, f"顾客{number}"))

        with django_assert_max_num_queries(9):
            page = counter.get("staff_ledger")
        assert rows_of(page) == 50
        after = re.search(r'rel="next" href="\?([^"]+)"', page)
        assert after
        older = counter.client.get(reverse("stamps:staff_ledger") + "?" + after[1])
        assert rows_of(older.content.decode()) == 10

    def test_is_empty_at_first(self, counter: Counter) -> None:
        assert "近 15 天没有集章" in counter.get("staff_ledger")
        assert "没有符合的流水" in counter.get("staff_ledger", q="没有")


class TestFigures:
    @pytest.mark.spec("stamps R15")
    def test_each_equals_its_rows(self, counter: Counter) -> None:
        shop = counter.shop
        with clock.at(clock.now() - timedelta(days=8)):
            stamp(shop.desk, shop.card)
        stamp(shop.desk, shop.card)
        stamp(shop.desk, make_card(shop.programme, "李雷"))
        cancel(shop.desk, shop.card)
        there = make_manager(make_store(shop.merchant, "二店"))
        stamp(there, make_card(shop.programme, "别店"))

        page = counter.get("staff_figures")

        found_links = re.findall(r'<a href="([^"]+)"><b>(\d+)</b>', page)
        numbers = [one for one in found_links if "ledger" in one[0] or "customers" in one[0]]
        assert [int(number) for _, number in numbers] == [2, 1, 2, 2, 1, 2, 3, 1, 2]
        for href, number in numbers:
            rows = counter.client.get(href.replace("&amp;", "&")).content.decode()
            found = rows_of(rows) if "ledger" in href else rows.count("zg-cell-text")
            assert found == int(number), href

    @pytest.mark.spec("stamps D43")
    def test_every_kind_of_figure_leads_to_as_many_rows(self, counter: Counter) -> None:
        shop = counter.shop
        with clock.at(clock.now() - timedelta(days=8)):
            stamp(shop.desk, shop.card)
            redeem(make_coupon(), shop.store)
        stamp(shop.desk, shop.card)
        cancel(shop.desk, shop.card)
        services.cancel_record(
            record_id=stamp(shop.desk, shop.card).record_id, reason="误集", actor=ACTOR
        )
        used = [redeem(make_coupon(), shop.store) for _ in range(2)]
        coupons.undo_by_office(record_id=used[0].pk, reason="错券", actor=ACTOR)
        counter.preview(wrong_digits())
        take_code(shop.card)

        page = counter.get("staff_figures")

        links = re.findall(r'<a href="([^"]+)"(?: data-way="\w+")?>(?:[^<]*)<b>(\d+)</b>', page)
        by_place: dict[str, list[int]] = {}
        for href, number in links:
            rows = counter.client.get(href.replace("&amp;", "&")).content.decode()
            is_ledger = "ledger" in href or "redemptions" in href
            found = rows_of(rows) if is_ledger else rows.count("zg-cell-text")
            assert found == int(number), href
            wanted = re.search(r"(kind|way)=(\w+)", href)
            place = wanted.group(2) if wanted else href.split("?")[0].rsplit("/", 1)[-1]
            by_place.setdefault(place, []).append(int(number))
        assert by_place == {
            "accumulate": [2, 2, 3],
            "cancel": [2, 2, 2],
            "customers": [1, 1, 1],
            "redeem": [2, 2, 3],
            "undo": [1, 1, 1],
            "attempts": [1, 1, 1],
            "otp": [2, 2, 3],
        }
        waiting = counter.get("staff_live")
        assert waiting.count("王小明") == 1

    @pytest.mark.spec("stamps D44")
    def test_after_a_move_only_the_new_store_is_seen_for_its_15_days(
        self, counter: Counter
    ) -> None:
        shop = counter.shop
        second = make_store(shop.merchant, "二店")
        there = make_manager(second)
        stamp(shop.desk, shop.card)
        with clock.at(clock.now() - timedelta(days=14)):
            stamp(there, make_card(shop.programme, "韩梅梅"))
        services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)
        services.accept_scan(
            invitation_id=make_invitation(second).pk,
            person=Person.objects.get(pk=shop.desk.person_id),
        )

        rows = counter.get("staff_ledger")
        assert "韩梅梅" in rows
        assert "王小明" not in rows
        assert "二店" in counter.get("staff_figures")

    def test_wrong_codes_and_waiting_codes_have_rows(self, counter: Counter) -> None:
        counter.preview(wrong_digits())
        code = take_code(counter.shop.card)

        page = counter.get("staff_figures")
        attempts = counter.get("staff_attempts")
        waiting = counter.get("staff_live")

        assert "没通过的验证码" in page
        assert "验证码错误" in attempts
        assert "李店长" in attempts
        assert "王小明" in waiting
        assert code.digits not in waiting + attempts + page


class TestLeave:
    @pytest.mark.edge("binding ACTIVE>REMOVED by oneself")
    @pytest.mark.spec("stamps D11")
    def test_ends_the_own_binding(self, counter: Counter) -> None:
        response = counter.client.post(reverse("stamps:staff_leave"))

        assert "您已退出门店管理" in response.content.decode()
        assert selectors.desk_of(counter.shop.desk.person_id) is None
        assert ManagerBinding.objects.get().removed_by == "self"
        assert counter.client.get(reverse("stamps:desk")).status_code == 403

    def test_asks_first(self, counter: Counter) -> None:
        assert "退出这家门店的管理" in counter.get("desk")
        assert counter.client.get(reverse("stamps:staff_leave")).status_code == 405
        assert selectors.desk_of(counter.shop.desk.person_id) is not None

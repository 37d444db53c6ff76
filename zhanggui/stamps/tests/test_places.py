"""How far the customer's phone is from the store: told, compared, shown, looked at (7.7, 8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import AuditEntry, Role, Store
from zhanggui.accounts.points import Point, Told
from zhanggui.accounts.tests.factories import ACTOR, make_staff, make_store
from zhanggui.channels.wechat.tests.factories import PHONE_AGENT, make_account
from zhanggui.contacts import dossier
from zhanggui.contacts import services as contacts
from zhanggui.contacts.models import Whereabouts
from zhanggui.contacts.services import whereabouts
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, Case, CaseKind, Method, StampRecord
from zhanggui.stamps.services import LimitsInput, watching
from zhanggui.stamps.tests.factories import (
    Shop,
    cancel,
    confirm,
    customer_of,
    make_card,
    make_manager,
    make_programme,
    manager_of,
    preview,
    stamp,
    take_code,
)
from zhanggui.stamps.tests.pressing import make_seal, press
from zhanggui.stamps.tests.test_staff import HTMX, sign_in

HERE = Point(31.23040, 121.47370)
HOME = Point(31.33040, 121.47370)
HOME_M = 11_120
"""A tenth of a degree farther north."""


@pytest.fixture
def placed(shop: Shop) -> Shop:
    """The shop compares places, and its store is on the map."""
    put(shop.store, HERE)
    set_limits()
    return shop


def put(store: Store, point: Point | None) -> None:
    latitude, longitude = point or (None, None)
    Store.objects.filter(pk=store.pk).update(latitude=latitude, longitude=longitude)


def set_limits(**values: Any) -> None:
    wanted = {"operations_a_day": 200, "may_stamp_own": False, "second_person_above": 5}
    services.set_limits(values=LimitsInput(**(wanted | {"asks_place": True} | values)), actor=ACTOR)


def tell(card: Card, point: Point, accuracy_m: int = 0) -> None:
    told = Told(point, accuracy_m)
    contacts.note_place(customer=card.customer, told=told, actor=customer_of(card))


def last() -> tuple[int | None, bool]:
    record = StampRecord.objects.latest("pk")
    return record.distance_m, record.is_far


class TestDistance:
    @pytest.mark.parametrize(
        ("point", "accuracy_m", "found"),
        [
            (HERE, 0, (0, False)),
            (HOME, 0, (HOME_M, True)),
            (HOME, 120, (HOME_M - 120, True)),
            (HERE, 5000, (0, False)),
            (Point(31.2393, 121.4737), 0, (990, False)),
            (Point(31.2394, 121.4737), 0, (1001, True)),
            (Point(39.90420, 116.40740), 0, (1_067_313, True)),
        ],
    )
    def test_by_a_code(
        self, placed: Shop, point: Point, accuracy_m: int, found: tuple[int, bool]
    ) -> None:
        tell(placed.card, point, accuracy_m)
        stamp(placed.desk, placed.card)
        distance_m, is_far = last()
        assert distance_m == pytest.approx(found[0], abs=3)
        assert is_far is found[1]

    def test_the_shop_says_what_is_far(self, placed: Shop) -> None:
        set_limits(far_from_m=20_000)
        tell(placed.card, HOME)
        stamp(placed.desk, placed.card)
        assert last()[1] is False

    def test_by_a_press_and_its_cancel(self, placed: Shop) -> None:
        make_seal(placed.store)
        tell(placed.card, HOME)
        press(placed.card)
        cancel(placed.desk, placed.card)
        methods = [Method(one.method) for one in placed.records()]
        assert methods == [Method.PRESS, Method.CODE]
        assert all(one.is_far for one in placed.records())

    def test_by_a_code_that_wins(self, placed: Shop) -> None:
        card = make_card(make_programme(slots=2))
        tell(card, HOME)
        with clock.at(clock.now() + timedelta(minutes=1)):
            stamp(placed.desk, card)
        with clock.at(clock.now() + timedelta(minutes=2)):
            assert stamp(placed.desk, card).won
        assert [one.is_far for one in placed.records()] == [True, True]

    def test_an_undo_is_nobodys_place(self, placed: Shop) -> None:
        tell(placed.card, HOME)
        given = stamp(placed.desk, placed.card)
        services.undo_stamp(
            desk=placed.desk, record_id=given.record_id, actor=manager_of(placed.desk)
        )
        assert last() == (None, False)


class TestUnknown:
    def test_who_tells_nothing(self, placed: Shop) -> None:
        stamp(placed.desk, placed.card)
        assert last() == (None, False)

    @pytest.mark.parametrize(("minutes", "is_known"), [(9, True), (11, False), (-5, False)])
    def test_only_what_was_told_a_moment_ago(
        self, placed: Shop, minutes: int, *, is_known: bool
    ) -> None:
        with clock.at(clock.now() - timedelta(minutes=minutes)):
            tell(placed.card, HOME)
        stamp(placed.desk, placed.card)
        assert last()[1] is is_known

    def test_a_store_that_is_not_on_the_map(self, placed: Shop) -> None:
        put(placed.store, None)
        tell(placed.card, HOME)
        stamp(placed.desk, placed.card)
        assert last() == (None, False)

    def test_anothers_phone(self, placed: Shop) -> None:
        tell(make_card(placed.programme, "王芳"), HOME)
        stamp(placed.desk, placed.card)
        assert last() == (None, False)

    def test_it_is_forgotten(self, placed: Shop) -> None:
        tell(placed.card, HOME)
        assert whereabouts.forget() == 0
        with clock.at(clock.now() + timedelta(minutes=61)):
            assert whereabouts.forget() == 1
        assert not Whereabouts.objects.exists()

    def test_it_is_handed_out_and_erased(self, placed: Shop) -> None:
        tell(placed.card, HOME)
        customer = placed.card.customer
        told = {sheet.name: sheet.rows for sheet in dossier.sheets_of(customer)}["whereabouts"]
        assert [row[1:] for row in told] == [(HOME.latitude, HOME.longitude, 0)]
        contacts.request_erasure(
            customer_id=customer.pk, typed=customer.number, at_once=True, actor=ACTOR
        )
        assert not Whereabouts.objects.exists()


class Phone:
    """A customer's phone at the shop's pages."""

    def __init__(self, client: Client, shop: Shop) -> None:
        account = make_account(merchant=shop.merchant)
        link = make_link(shop.merchant, account.pk)
        Card.objects.filter(pk=shop.card.pk).update(customer=link.customer)
        shop.card.customer = link.customer
        sign_in_customer(client, link)
        self.client, self.shop = client, shop

    def tell(self, **values: Any) -> Any:
        url = reverse("contacts:tell_place", args=[self.shop.merchant.slug])
        sent = {"latitude": HOME.latitude, "longitude": HOME.longitude, "accuracy": 30}
        return self.client.post(
            url, sent | values, headers={"User-Agent": PHONE_AGENT, "HX-Request": "true"}
        )

    def card(self) -> str:
        url = reverse("stamps:card", args=[self.shop.merchant.slug, self.shop.card.token])
        return self.client.get(url, headers={"User-Agent": PHONE_AGENT}).content.decode()


@pytest.fixture
def phone(client: Client, placed: Shop) -> Phone:
    return Phone(client, placed)


class TestPhone:
    def test_the_phone_tells(self, phone: Phone) -> None:
        assert phone.tell().status_code == 204
        row = Whereabouts.objects.get()
        assert (row.customer_id, row.latitude, row.accuracy_m) == (
            phone.shop.card.customer_id,
            HOME.latitude,
            30,
        )
        told = AuditEntry.objects.get(action="contacts.place.told")
        assert str(HOME.latitude) not in f"{told.details}{told.target}", "that it was, not where"

    def test_the_newest_place_counts(self, phone: Phone) -> None:
        phone.tell()
        phone.tell(latitude=HERE.latitude)
        assert Whereabouts.objects.get().latitude == HERE.latitude

    @pytest.mark.parametrize(
        "values",
        [
            {"latitude": ""},
            {"latitude": "nan"},
            {"latitude": "inf"},
            {"longitude": "x"},
            {"accuracy": "-1"},
            {"accuracy": "5001"},
            {"latitude": "48.85", "longitude": "2.35"},
        ],
        ids=["empty", "nan", "inf", "text", "negative", "vague", "abroad"],
    )
    def test_what_is_no_place_is_refused(self, phone: Phone, values: dict[str, str]) -> None:
        answer = phone.tell(**values)
        assert answer.status_code == 422
        assert "E_PLACE" in answer.content.decode()
        assert not Whereabouts.objects.exists()

    def test_a_phone_that_tells_without_end(self, phone: Phone) -> None:
        answers = [phone.tell().status_code for _ in range(61)]
        assert answers == [204] * 60 + [429]

    def test_the_card_asks(self, phone: Phone) -> None:
        page = phone.card()
        assert "让门店知道您在店里？" in page
        assert "不同意也照样集章" in page
        assert "stamps/js/place" in page
        # above the card: below it the small stamp would cover the answers on a low screen
        assert page.index("data-place-no") < page.index('id="stage"')
        assert page.index('id="stage"') < page.index("data-place-told")

    @pytest.mark.parametrize("why", ["off", "nowhere", "elsewhere", "paused"])
    def test_the_card_does_not_ask(self, phone: Phone, why: str) -> None:
        shop = phone.shop
        if why == "off":
            set_limits(asks_place=False)
        elif why == "nowhere":
            put(shop.store, None)
        elif why == "elsewhere":  # the programme runs in a store that is not on the map
            other = make_store(shop.merchant, "南店")
            shop.programme.places.create(store=other, merchant_id=shop.merchant.pk)
        else:
            services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)
        assert "data-place" not in phone.card()


class TestCounter:
    @pytest.mark.edge("threat relay by chat")
    def test_the_manager_is_warned_before_confirming(self, placed: Shop, client: Client) -> None:
        tell(placed.card, HOME)
        sign_in(client, placed.desk)
        digits = take_code(placed.card).digits
        page = client.post(
            reverse("stamps:staff_preview"), {"digits": digits}, headers=HTMX
        ).content.decode()
        assert "顾客的手机离店至少 11 公里" in page
        confirm(placed.desk, digits)
        ledger = client.get(reverse("stamps:staff_ledger")).content.decode()
        assert "手机离店至少 11 公里" in ledger
        found = client.get(reverse("stamps:staff_ledger"), {"q": "王小明"}).content.decode()
        assert "手机离店至少 11 公里" in found

    def test_nothing_is_said_of_who_is_near(self, placed: Shop, client: Client) -> None:
        tell(placed.card, HERE)
        assert preview(placed.desk, take_code(placed.card).digits).far_m is None
        stamp(placed.desk, make_card(placed.programme, "王芳"))
        sign_in(client, placed.desk)
        assert "手机离店" not in client.get(reverse("stamps:staff_ledger")).content.decode()

    def test_a_manager_notes_the_place_once(self, placed: Shop, client: Client) -> None:
        put(placed.store, None)
        sign_in(client, placed.desk)
        desk, url = reverse("stamps:desk"), reverse("stamps:staff_place")
        assert "这家店在哪里？" in client.get(desk).content.decode()
        pages = [
            client.post(
                url,
                {"latitude": point.latitude, "longitude": point.longitude, "accuracy": 40},
                follow=True,
            )
            for point in (HERE, HOME)
        ]
        page = pages[1].content.decode()
        assert "只能在后台修改" in page
        assert "这家店在哪里？" not in page
        assert Store.objects.get(pk=placed.store.pk).point == HERE
        assert AuditEntry.objects.filter(action="accounts.store.located").count() == 1

    def test_a_vague_place_is_not_noted(self, placed: Shop, client: Client) -> None:
        put(placed.store, None)
        sign_in(client, placed.desk)
        sent = {"latitude": "31.2", "longitude": "121.4", "accuracy": "9000"}
        page = client.post(reverse("stamps:staff_place"), sent, follow=True).content.decode()
        assert "请打开定位后再试" in page
        assert Store.objects.get(pk=placed.store.pk).point is None

    def test_not_asked_where_places_are_not_compared(self, shop: Shop, client: Client) -> None:
        sign_in(client, shop.desk)
        assert "这家店在哪里？" not in client.get(reverse("stamps:desk")).content.decode()


@pytest.fixture
def owner(client: Client, placed: Shop) -> Client:
    client.force_login(make_staff(placed.merchant, role=Role.OWNER))
    return client


def office(shop: Shop, name: str, *args: Any) -> str:
    return reverse(f"stamps:{name}", args=[shop.merchant.slug, *args])


class TestOffice:
    def test_the_ledger_shows_and_finds_them(self, placed: Shop, owner: Client) -> None:
        stamp(placed.desk, make_card(placed.programme, "王芳"))
        tell(placed.card, HOME)
        given = stamp(placed.desk, placed.card)
        page = owner.get(office(placed, "ledger"))
        assert page.content.decode().count("手机离店至少 11 公里") == 1
        found = owner.get(office(placed, "ledger"), {"far": "1"}).context["page"].rows
        assert [row.pk for row in found] == [given.record_id]
        entry = owner.get(office(placed, "record", given.record_id)).content.decode()
        assert "离门店至少 11 公里" in entry

    def test_the_fraud_desk_counts_them(self, placed: Shop, owner: Client) -> None:
        other = make_manager(placed.store, "夜班")
        stamp(other, make_card(placed.programme, "王芳"))
        tell(placed.card, HOME)
        stamp(placed.desk, placed.card)
        rows = owner.get(office(placed, "fraud")).context["rows"]
        assert {one.name: one.far for one, _query in rows} == {"李店长": 1, "夜班": 0}
        for one, query in rows:
            found = owner.get(f"{office(placed, 'ledger')}?{query}&far=1").context["page"]
            assert len(found.rows) == one.far

    @pytest.mark.edge("threat relay by chat")
    def test_a_case_for_each_customer_and_day(self, placed: Shop, owner: Client) -> None:
        placed.programme.gap_s = 0
        placed.programme.save()
        tell(placed.card, HOME)
        given = [stamp(placed.desk, placed.card) for _ in range(2)]
        for _ in range(2):
            watching.watch_places(ACTOR)
        case = Case.objects.get()
        assert (case.kind, case.record_id) == (CaseKind.FAR, given[0].record_id)
        assert (case.manager_id, case.store_id) == (placed.desk.person_id, placed.store.pk)
        page = owner.get(office(placed, "report", case.pk)).content.decode()
        assert "手机显示离门店很远" in page
        assert "王小明" in page

    def test_the_hourly_watch_looks_for_it(self, placed: Shop) -> None:
        tell(placed.card, HOME)
        stamp(placed.desk, placed.card)
        watching.watch(ACTOR)
        assert Case.objects.get().kind == CaseKind.FAR

    def test_limits_are_set_by_the_office(self, placed: Shop, owner: Client) -> None:
        sent = {
            "operations_a_day": 200,
            "second_person_above": 5,
            "signin_for_undo_min": 30,
            "asks_place": "on",
            "far_from_m": 300,
        }
        assert owner.post(office(placed, "limits"), sent).status_code == 302
        now = services.limits()
        assert (now.asks_place, now.far_from_m) == (True, 300)
        wrong = owner.post(office(placed, "limits"), sent | {"far_from_m": 99})
        assert wrong.status_code == 422
        assert services.limits().far_from_m == 300

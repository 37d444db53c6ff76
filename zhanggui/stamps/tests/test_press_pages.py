"""The doors of a press: the customer's card, the layer of cancelling, the manager's entrance."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Person
from zhanggui.accounts.tests.factories import make_person, make_store
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.core import clock
from zhanggui.stamps import retention
from zhanggui.stamps.models import (
    Case,
    DeviceScale,
    Kind,
    Press,
    PressNonce,
    Seal,
    SealState,
    StampRecord,
)
from zhanggui.stamps.registrations import customers
from zhanggui.stamps.tests.factories import Shop, balance_of, make_card, make_shop, stamp
from zhanggui.stamps.tests.pressing import PHONE, T1, T2, make_seal, points_px, sent_text
from zhanggui.stamps.tests.test_mobile import HTMX, Visitor, visitor

__all__ = ["visitor"]


@pytest.fixture
def seal(shop: Shop) -> Seal:
    return make_seal(shop.store)


def allow(visitor: Visitor, kind: str = "accumulate") -> str:
    answer = visitor.client.post(visitor.card_url("press_allow"), {"kind": kind}, headers=HTMX)
    assert answer.status_code == 200
    return str(answer.json()["nonce"])


def press(visitor: Visitor, kind: str = "accumulate", **values: Any) -> Any:
    """What the page posts."""
    sent = {"kind": kind, "press": sent_text(points_px(T1)), "nonce": allow(visitor, kind)}
    headers = {**HTMX, "User-Agent": PHONE}
    return visitor.client.post(visitor.card_url("press"), sent | values, headers=headers)


class TestCard:
    @pytest.mark.spec("stamps R17")
    def test_the_card_takes_stamps_where_one_is_in_use(self, visitor: Visitor) -> None:
        assert "data-press=" not in visitor.client.get(visitor.card_url()).content.decode()
        make_seal(visitor.shop.store, state=SealState.SUSPENDED)
        assert "data-press=" not in visitor.client.get(visitor.card_url()).content.decode()
        make_seal(visitor.shop.store, T2)
        page = visitor.client.get(visitor.card_url()).content.decode()

        assert 'data-press="accumulate"' in page
        assert page.index("请店员在这张卡上盖章") < page.index("出示集章验证码")  # a code is second
        assert 'id="corner-button"' in page
        assert re.search(r'<label id="pill" for="corner-button"', page)

    def test_a_press_shows_the_stamp_at_once(self, visitor: Visitor, seal: Seal) -> None:
        answer = press(visitor)
        page = answer.content.decode()

        assert answer.status_code == 200
        assert "data-sheet-done" in page
        assert visitor.shop.store.name in page
        assert balance_of(visitor.card) == 1
        assert 'hx-trigger="load, every 2s"' in page
        asked = html.unescape(re.search(r'hx-get="([^"]+live[^"]+)"', page)[1])  # type: ignore[index]
        card = visitor.client.get(asked, headers=HTMX).content.decode()
        assert 'data-balance="1"' in card
        assert 'data-fresh="1"' in card
        assert Press.objects.get().model.startswith("V2055A 393x873")

    def test_a_refusal_says_why_and_offers_a_code(self, visitor: Visitor, seal: Seal) -> None:
        answer = press(visitor, press=sent_text(points_px(T1)[:4]))
        page = answer.content.decode()

        assert answer.status_code == 422
        assert "手机只感应到 4 个点" in page
        assert "E_POINTS_FEW" in page
        assert visitor.card_url("card_code") in page
        assert balance_of(visitor.card) == 0

    def test_cancels_only_from_the_layer_of_cancelling(self, visitor: Visitor, seal: Seal) -> None:
        press(visitor)
        layer = visitor.client.get(visitor.card_url("card_cancel"), headers=HTMX)
        assert 'data-press="cancel"' in layer.content.decode()
        answer = press(visitor, "cancel", more="1")

        assert answer.status_code == 200
        assert "stamps-sheet is-done zg-is-cancel" in answer.content.decode()
        assert balance_of(visitor.card) == 0
        assert [row.kind for row in StampRecord.objects.order_by("pk")] == [
            Kind.ACCUMULATE,
            Kind.CANCEL,
        ]

    def test_the_same_request_again_is_one_stamp(self, visitor: Visitor, seal: Seal) -> None:
        values = {"nonce": allow(visitor), "press": sent_text(points_px(T1)), "key": "abc"}
        first, again = press(visitor, **values), press(visitor, **values)

        assert (first.status_code, again.status_code) == (200, 200)
        assert balance_of(visitor.card) == 1
        other = press(visitor, **values | {"key": "abd"})
        assert (other.status_code, "E_NONCE_USED" in other.content.decode()) == (409, True)

    @pytest.mark.parametrize(
        "broken",
        [
            "",
            "{}",
            "[]",
            "null",
            '{"frames": 5}',
            '{"frames": [[0, [[0, 1]]]]}',
            '{"frames": [[0, [[0, "a", 1]]]]}',
            '{"frames": [], "area": [1]}',
            '{"frames": [], "screen": ["x"]}',
            "x" * 70_000,
        ],
    )
    def test_what_no_page_of_ours_sends(self, visitor: Visitor, seal: Seal, broken: str) -> None:
        answer = press(visitor, press=broken)
        assert (answer.status_code, "E_FORM" in answer.content.decode()) == (422, True)
        assert not Press.objects.exists()

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "-1e9"])
    def test_numbers_that_are_none(self, visitor: Visitor, seal: Seal, number: str) -> None:
        touches = [[n, x, y] for n, (x, y) in enumerate(points_px(T1))]
        text = json.dumps({"frames": [[0, touches], [90, touches]], "released": 200})
        spoiled = text.replace(str(touches[0][1]), number)

        assert press(visitor, press=spoiled).status_code == 422
        assert balance_of(visitor.card) == 0

    def test_belongs_to_who_holds_the_card(self, visitor: Visitor, seal: Seal) -> None:
        foreign = make_card(visitor.shop.programme)
        other = make_shop("other")
        other.scope.close()
        for card, name in ((foreign, "press"), (other.card, "press"), (foreign, "press_allow")):
            assert visitor.client.post(visitor.url(name, card.token)).status_code == 404
        assert visitor.client.get(visitor.card_url("press")).status_code == 405
        assert not PressNonce.objects.exists()

    def test_a_right_of_one_customer_is_none_of_anothers(
        self, visitor: Visitor, seal: Seal
    ) -> None:
        from zhanggui.stamps.tests.pressing import nonce_of

        theirs = nonce_of(make_card(visitor.shop.programme))
        assert press(visitor, nonce=theirs).status_code == 410
        assert balance_of(visitor.card) == 0


class TestManagerEntersByStamp:
    @pytest.fixture
    def person(self, shop: Shop) -> Person:
        return Person.objects.get(pk=shop.desk.person_id)

    def enter(self, client: Client, person: Person, points: Any) -> Any:
        account = make_account()
        sign_in_staff(client, make_identity(account, person=person, nickname=person.name))
        assert client.get(reverse("stamps:desk_door")).status_code == 200
        return client.post(reverse("stamps:desk_press"), {"press": sent_text(points)}, headers=HTMX)

    @pytest.mark.spec("stamps R18")
    def test_a_bound_manager_lands_on_the_desk(
        self, client: Client, shop: Shop, seal: Seal, person: Person
    ) -> None:
        answer = self.enter(client, person, points_px(T1))

        assert (answer.status_code, answer["HX-Redirect"]) == (204, reverse("stamps:desk"))
        assert client.get(answer["HX-Redirect"]).status_code == 200
        assert Press.objects.get().use == "desk"

    @pytest.mark.spec("stamps R18")
    def test_a_stranger_never_does(self, client: Client, shop: Shop, seal: Seal) -> None:
        answer = self.enter(client, make_person("路人", phone=None), points_px(T1))

        assert answer.status_code == 403
        assert "E_NOT_MANAGER" in answer.content.decode()
        assert "HX-Redirect" not in answer
        assert client.get(reverse("stamps:desk")).status_code == 403

    def test_not_by_the_stamp_of_another_store(
        self, client: Client, shop: Shop, seal: Seal, person: Person
    ) -> None:
        make_seal(make_store(shop.merchant), T2)
        answer = self.enter(client, person, points_px(T2))
        assert (answer.status_code, "E_STAMP_UNKNOWN" in answer.content.decode()) == (422, True)

    def test_a_lost_stamp_alarms(self, client: Client, shop: Shop, person: Person) -> None:
        make_seal(shop.store, T1, state=SealState.LOST)
        answer = self.enter(client, person, points_px(T1))
        assert answer.status_code == 409
        assert Case.objects.get().kind == "gone_seal"

    def test_a_recording_opens_nothing(
        self, client: Client, shop: Shop, seal: Seal, person: Person
    ) -> None:
        points = points_px(T1)
        assert self.enter(client, person, points).status_code == 204
        again = {"press": sent_text(points)}
        assert client.post(reverse("stamps:desk_press"), again, headers=HTMX).status_code == 409

    def test_codes_still_work(self, shop: Shop, seal: Seal) -> None:
        stamp(shop.desk, shop.card)
        assert balance_of(shop.card) == 1


class TestDoctor:
    def send(self, visitor: Visitor, touches: str, gesture: str = "", screen: str = "") -> Any:
        values = {"touches": touches, "gesture": gesture, "screen": screen or "[393, 873, 2.75]"}
        headers = {**HTMX, "User-Agent": PHONE}
        return visitor.client.post(visitor.url("doctor_send"), values, headers=headers)

    @pytest.mark.parametrize(
        ("touches", "gesture", "verdict", "said"),
        [
            ("5", "", "fine", "能感应印章"),
            ("2", "", "few", "同时只能感应 2 个触点"),
            ("3", "1", "gesture", "三指手势"),
        ],
    )
    def test_says_what_the_phone_feels_and_remembers_the_model(
        self, visitor: Visitor, touches: str, gesture: str, verdict: str, said: str
    ) -> None:
        assert visitor.client.get(visitor.url("doctor")).status_code == 200
        answer = self.send(visitor, touches, gesture)

        assert said in answer.content.decode()
        known = DeviceScale.objects.get()
        assert (known.model, known.doctor) == ("V2055A 393x873@2", verdict)
        assert known.most_touches == int(touches)
        assert known.presses == 0

    def test_the_most_touches_stay(self, visitor: Visitor) -> None:
        self.send(visitor, "5")
        self.send(visitor, "1")
        assert DeviceScale.objects.get().most_touches == 5

    @pytest.mark.parametrize("screen", ["x", "{}", "5", '["a"]'])
    def test_nonsense(self, visitor: Visitor, screen: str) -> None:
        assert self.send(visitor, "-3", screen=screen).status_code == 422
        assert self.send(visitor, "x").status_code == 200


class TestRetention:
    def test_touches_go_after_90_days_and_rights_after_one(
        self, visitor: Visitor, seal: Seal
    ) -> None:
        press(visitor)
        allow(visitor)
        assert retention.forget() == 0
        with clock.at(clock.now() + timedelta(days=2)):
            assert retention.forget() == 2
        with clock.at(clock.now() + timedelta(days=91)):
            assert retention.forget() == 1
            assert retention.forget() == 0
        kept = Press.objects.get()
        assert (kept.frames, kept.mark, kept.outcome) == ({}, None, "ok")

    def test_an_erased_customer_leaves_no_touches(self, visitor: Visitor, seal: Seal) -> None:
        press(visitor)
        customers.erase([visitor.card.customer_id])
        kept = Press.objects.get()
        assert (kept.frames, kept.customer_id) == ({}, None)
        assert not PressNonce.objects.exists()

"""How far guessing comes: five tries, then a lock that no new session opens."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from zhanggui.accounts import todo
from zhanggui.accounts.guards import MerchantRequest
from zhanggui.accounts.models import AuditEntry, Person
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.codes import services as codes
from zhanggui.codes import tries
from zhanggui.codes.models import CodeState, CodeTry
from zhanggui.core import clock
from zhanggui.stamps import selectors, services
from zhanggui.stamps.errors import CodeExpired, CodeInvalid, Locked
from zhanggui.stamps.models import ManagerBinding
from zhanggui.stamps.permissions import MANAGE_MANAGERS
from zhanggui.stamps.registrations import wiring
from zhanggui.stamps.results import Desk
from zhanggui.stamps.tests.factories import (
    Shop,
    confirm,
    make_card,
    make_manager,
    make_programme,
    preview,
    stamp,
    state_of,
    take_code,
    wrong_digits,
)

T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)


def guess(desk: Desk, times: int = 1) -> list[str]:
    """Type wrong codes; the refusals."""
    refusals = []
    for number in range(times):
        try:
            (preview if number % 2 else confirm)(desk, wrong_digits())
        except (CodeInvalid, Locked) as refusal:
            refusals.append(refusal.code)
    return refusals


def alerts(shop: Shop, *rights: str) -> list[todo.Todo]:
    """What waits on the overview of somebody with these rights."""
    request = MerchantRequest()
    request.merchant, request.permissions = shop.merchant, frozenset(rights)
    return todo.answers([wiring.many_wrong_codes(request)])


class TestLock:
    @pytest.mark.spec("stamps D23")
    def test_locked_at_the_fifth(self, shop: Shop) -> None:
        with clock.at(T0):
            assert guess(shop.desk, 6) == ["E_CODE_INVALID"] * 4 + ["E_LOCKED"] * 2
            code = take_code(shop.card)
            with pytest.raises(Locked) as refusal:
                confirm(shop.desk, code.digits)
            assert refusal.value.retry_after_s == 600
            with pytest.raises(Locked):
                preview(shop.desk, code.digits)
        assert CodeTry.objects.count() == 5
        with clock.at(T0 + timedelta(seconds=600)):
            assert stamp(shop.desk, shop.card).after == 1

    def test_says_how_many_are_left(self, shop: Shop) -> None:
        left = []
        for _ in range(4):
            with pytest.raises(CodeInvalid) as refusal:
                confirm(shop.desk, wrong_digits())
            left.append(refusal.value.details["left"])

        assert left == [4, 3, 2, 1]

    @pytest.mark.spec("stamps D23")
    def test_survives_unbinding_and_binding_again(self, shop: Shop) -> None:
        guess(shop.desk, 5)
        services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)
        ManagerBinding.objects.create(
            person_id=shop.desk.person_id,
            merchant_id=shop.merchant.pk,
            store_id=shop.store.pk,
            name="李店长",
        )
        again = selectors.desk_of(shop.desk.person_id)
        assert again is not None
        with pytest.raises(Locked):
            confirm(again, take_code(shop.card).digits)

    def test_does_not_touch_a_colleague(self, shop: Shop) -> None:
        guess(shop.desk, 5)

        assert stamp(make_manager(shop.store, "赵店员"), shop.card).after == 1

    @pytest.mark.edge("threat guessing")
    @pytest.mark.spec("stamps D23")
    def test_twenty_a_day(self, shop: Shop) -> None:
        for number in range(20):
            with clock.at(T0 + timedelta(minutes=11 * number)):
                guess(shop.desk)
        with clock.at(T0 + timedelta(minutes=11 * 20)), pytest.raises(Locked) as refusal:
            stamp(shop.desk, shop.card)

        assert refusal.value.retry_after_s == (24 * 60 - 11 * 20) * 60
        with clock.at(T0 + timedelta(hours=24)):
            assert stamp(shop.desk, shop.card).after == 1

    @pytest.mark.spec("stamps D23")
    def test_a_thousand_guesses(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        chance = random.Random(23)  # noqa: S311  the same guesses every time
        guesses = [f"{chance.randrange(10**6):06d}" for _ in range(1000)]
        to_draw = iter(guesses[5::100])  # every code that is live will be guessed, but too late
        monkeypatch.setattr(codes, "draw", lambda: next(to_draw))
        programme = make_programme(name="另一张")
        live = [take_code(make_card(programme, name=f"顾客{n}")) for n in range(10)]
        answers = []
        for digits in guesses:
            try:
                confirm(shop.desk, digits)
            except (CodeInvalid, Locked) as refusal:
                answers.append(refusal.code)

        assert {code.digits for code in live} <= set(guesses)
        assert answers == ["E_CODE_INVALID"] * 4 + ["E_LOCKED"] * 996
        assert CodeTry.objects.count() == 5
        assert shop.records() == []
        assert {state_of(code.code_id) for code in live} == {CodeState.ACTIVE}

    @pytest.mark.spec("stamps D23")
    def test_holds_on_another_device_and_after_signing_in_anew(self, shop: Shop) -> None:
        identity = make_identity(make_account(), person=Person.objects.get(pk=shop.desk.person_id))
        first, second = Client(), Client()
        for device in (first, second):
            sign_in_staff(device, identity)
        good = take_code(shop.card).digits
        for _ in range(5):
            send(first, wrong_digits())

        assert send(second, good) == (429, "E_LOCKED")
        first.logout()
        sign_in_staff(first, identity)
        assert send(first, good) == (429, "E_LOCKED")
        assert shop.records() == []
        # it is the person who is locked, not the counter
        colleague = Client()
        person = Person.objects.get(pk=make_manager(shop.store, "赵店员").person_id)
        sign_in_staff(colleague, make_identity(identity.account, person=person))
        assert send(colleague, good) == (200, "")


def send(device: Client, digits: str) -> tuple[int, str]:
    """Confirm a code from a device; the status and the refusal's code."""
    response = device.post(
        reverse("stamps:staff_confirm"),
        {"digits": digits},
        headers={"Accept": "application/json"},
    )
    return response.status_code, response.json().get("error", {}).get("code", "")


class TestStoreAlert:
    @pytest.mark.edge("threat guessing")
    @pytest.mark.spec("stamps D23")
    def test_at_forty_a_day_the_office_is_told_once(self, shop: Shop) -> None:
        with clock.at(T0):
            for number in range(9):
                guess(make_manager(shop.store, f"店员{number}"), 5)
            assert list(selectors.guessed_at()) == [shop.store]
            assert [str(what.title) for what in alerts(shop, MANAGE_MANAGERS.name)] == [
                f"{shop.store.name}的验证码输错较多"
            ]
            assert alerts(shop) == []
        with clock.at(T0 + timedelta(hours=25)):
            assert list(selectors.guessed_at()) == []

        (entry,) = AuditEntry.objects.filter(action=tries.ALERT)
        assert entry.target == f"store:{shop.store.pk}"
        assert entry.details == {"wrong": 40}


class TestExpired:
    @pytest.mark.spec("stamps D22")
    def test_is_not_counted_but_told_three_times_only(self, shop: Shop) -> None:
        with clock.at(T0):
            code = take_code(shop.card)
        with clock.at(T0 + timedelta(seconds=180)):
            for _ in range(3):
                with pytest.raises(CodeExpired):
                    confirm(shop.desk, code.digits)
            with pytest.raises(CodeInvalid) as refusal:
                confirm(shop.desk, code.digits)

        assert refusal.value.details == {"left": 4}

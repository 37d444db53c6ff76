"""Sign-in by phone and password: who gets in, who is told what, what is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse

from zhanggui.accounts import services
from zhanggui.accounts.models import (
    Merchant,
    Person,
    PlatformAuditEntry,
    Role,
    Session,
    TierState,
)
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_operator,
    make_person,
    make_staff,
)
from zhanggui.core import clock
from zhanggui.core.models import LimitCounter

pytestmark = pytest.mark.django_db
LOGIN = "/login"
START = datetime.now(UTC)


def enter(client: Client, phone: str, password: str = PASSWORD, **more: Any) -> Any:
    client.cookies["zhanggui_language"] = more.pop("language", "en")
    return client.post(LOGIN, {"phone": phone, "password": password, **more})


def is_in(client: Client) -> bool:
    return SESSION_KEY in client.session


def actions() -> list[str]:
    return list(PlatformAuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def owner() -> Person:
    person = make_staff(make_merchant("tea"), role=Role.OWNER)
    person.set_phone("+8613800138000")
    person.save()
    return person


@pytest.mark.spec("platform P05")
class TestRightPassword:
    def test_lets_in_and_leads_to_the_places(self, client: Client, owner: Person) -> None:
        answer = enter(client, "13800138000")
        assert (answer.status_code, answer["Location"]) == (302, "/choose")
        assert client.session[SESSION_KEY] == str(owner.pk)
        assert actions() == ["accounts.signed_in"]

    @pytest.mark.parametrize(
        "typed",
        ["１３８００１３８０００", " 138 0013 8000 ", "138-0013-8000", "+86 138 0013 8000"],
        ids=["full-width", "blanks", "hyphens", "country-code"],
    )
    def test_folds_what_was_typed(self, client: Client, owner: Person, typed: str) -> None:
        assert enter(client, typed).status_code == 302

    def test_rotates_the_session(self, client: Client, owner: Person) -> None:
        session = client.session
        session["before"] = "x"
        session.save()
        before = session.session_key
        enter(client, "13800138000")
        assert client.session.session_key != before
        assert not Session.objects.filter(session_key=before).exists()

    def test_the_session_knows_person_and_device_and_lasts_twelve_hours(
        self, client: Client, owner: Person
    ) -> None:
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36"
        client.post(
            LOGIN, {"phone": "13800138000", "password": PASSWORD}, headers={"User-Agent": agent}
        )
        session = Session.objects.get()
        assert (session.person_id, session.device) == (owner.pk, "Windows · Chrome")
        left = session.expire_date - datetime.now(UTC)
        assert timedelta(hours=11, minutes=58) < left <= timedelta(hours=12)

    def test_forgets_the_wrong_tries_before(self, client: Client, owner: Person) -> None:
        for _ in range(4):
            enter(client, "13800138000", "wrong")
        enter(client, "13800138000")
        assert not LimitCounter.objects.filter(kind="sign-in-phone").exists()

    @pytest.mark.parametrize(
        ("wanted", "where"),
        [
            ("/m/tea/stores/", "/m/tea/stores/"),
            ("/m/tea/?a=1", "/m/tea/?a=1"),
            ("https://evil.example/", "/choose"),
            ("//evil.example/", "/choose"),
            ("/\\evil.example/", "/choose"),
            ("javascript:alert(1)", "/choose"),
            ("m/tea/", "/choose"),
            ("", "/choose"),
        ],
    )
    def test_goes_on_only_to_pages_of_this_site(
        self, client: Client, owner: Person, wanted: str, where: str
    ) -> None:
        assert enter(client, "13800138000", next=wanted)["Location"] == where

    def test_who_is_in_needs_no_form(self, client: Client, owner: Person) -> None:
        client.force_login(owner)
        assert client.get(LOGIN)["Location"] == "/choose"


class TestWrongPassword:
    @pytest.mark.parametrize(
        ("language", "text"),
        [("zh-hans", "手机号或密码不正确"), ("en", "Phone number or password is not right")],
    )
    def test_is_told_in_both_languages(
        self, client: Client, owner: Person, language: str, text: str
    ) -> None:
        answer = enter(client, "13800138000", "wrong", language=language)
        assert answer.status_code == 403
        assert text in answer.content.decode()
        assert not is_in(client)

    def test_an_unknown_phone_reads_the_same(self, client: Client, owner: Person) -> None:
        known = enter(client, "13800138000", "wrong")
        unknown = enter(client, "13900139000", "wrong")
        assert known.status_code == unknown.status_code == 403
        assert "Phone number or password is not right" in unknown.content.decode()

    def test_an_unknown_phone_costs_a_hash_too(
        self, client: Client, owner: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed: list[str] = []
        monkeypatch.setattr("zhanggui.accounts.backends.make_password", hashed.append)
        enter(client, "13900139000", "guess")
        assert hashed == ["guess"]

    def test_is_recorded_without_phone_and_password(self, client: Client, owner: Person) -> None:
        enter(client, "13800138000", "wrong-secret")
        entry = PlatformAuditEntry.objects.get()
        assert (entry.action, entry.person_id) == ("accounts.sign_in.refused", None)
        assert entry.details == {"code": "E_SIGN_IN", "by": "Somebody not signed in"}
        assert "13800138000" not in str(LimitCounter.objects.values_list("subject"))

    @pytest.mark.parametrize("who", ["switched-off", "no-password"])
    def test_people_who_cannot_sign_in(self, client: Client, owner: Person, who: str) -> None:
        if who == "switched-off":
            owner.is_active = False
        else:
            owner.set_unusable_password()
        owner.save()
        assert enter(client, "13800138000").status_code == 403

    def test_a_mistyped_phone_is_no_try(self, client: Client, owner: Person) -> None:
        answer = enter(client, "138001380", language="zh-hans")
        assert answer.status_code == 422
        assert "手机号是 11 位数字" in answer.content.decode()
        assert not LimitCounter.objects.exists()
        assert actions() == []


class TestLimits:
    def test_the_fifth_wrong_try_locks_the_phone_for_ten_minutes(
        self, client: Client, owner: Person
    ) -> None:
        with clock.at(START):
            answers = [enter(client, "13800138000", "wrong") for _ in range(5)]
            assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 429]
            assert "locked for 10 minutes" in answers[-1].content.decode()
            assert answers[-1]["Retry-After"] == "600"
        with clock.at(START + timedelta(minutes=9)):
            assert enter(client, "13800138000").status_code == 429
        with clock.at(START + timedelta(minutes=10, seconds=1)):
            assert enter(client, "13800138000").status_code == 302

    def test_the_lock_is_told_in_chinese(self, client: Client, owner: Person) -> None:
        for _ in range(4):
            enter(client, "13800138000", "wrong")
        answer = enter(client, "13800138000", "wrong", language="zh-hans")
        assert "分钟内不能登录" in answer.content.decode()

    def test_an_unknown_phone_locks_just_the_same(self, client: Client) -> None:
        answers = [enter(client, "13900139000", "wrong") for _ in range(5)]
        assert answers[-1].status_code == 429

    def test_other_phones_stay_free(self, client: Client, owner: Person) -> None:
        for _ in range(5):
            enter(client, "13900139000", "wrong")
        assert enter(client, "13800138000").status_code == 302

    def test_thirty_wrong_tries_lock_the_address(self, client: Client, owner: Person) -> None:
        for number in range(29):
            enter(client, f"139001390{number:02d}", "wrong")
        assert enter(client, "13900139029", "wrong").status_code == 429
        assert enter(client, "13800138000").status_code == 429
        other = Client(REMOTE_ADDR="203.0.113.9")
        assert enter(other, "13800138000").status_code == 302


class TestFrozen:
    def test_people_of_a_frozen_merchant_stay_out(self, client: Client, owner: Person) -> None:
        Merchant.objects.filter(slug="tea").update(state=TierState.FROZEN)
        answer = enter(client, "13800138000", language="zh-hans")
        assert answer.status_code == 403
        assert "已被冻结" in answer.content.decode()
        assert not is_in(client)

    def test_who_also_works_elsewhere_gets_in(self, client: Client, owner: Person) -> None:
        Merchant.objects.filter(slug="tea").update(state=TierState.FROZEN)
        services.add_membership(
            person=owner, place=make_merchant("coffee"), role=Role.CLERK, actor=ACTOR
        )
        assert enter(client, "13800138000").status_code == 302
        page = client.get("/choose").content.decode()
        assert "/m/coffee/" in page
        assert "/m/tea/" not in page


class TestSignOut:
    def test_ends_the_session(self, client: Client, owner: Person) -> None:
        enter(client, "13800138000")
        assert client.post("/logout")["Location"] == "/login"
        assert not is_in(client)
        assert not Session.objects.filter(person_id=owner.pk).exists()
        assert actions() == ["accounts.signed_in", "accounts.signed_out"]

    def test_is_no_link(self, client: Client, owner: Person) -> None:
        client.force_login(owner)
        assert client.get("/logout").status_code == 405
        assert is_in(client)

    def test_keeps_the_language(self, client: Client, owner: Person) -> None:
        client.post(reverse("set_language"), {"language": "en", "next": "/login"})
        enter(client, "13800138000")
        client.post("/logout")
        assert client.cookies["zhanggui_language"].value == "en"


@pytest.mark.spec("platform P05")
class TestChooser:
    def test_one_place_is_entered_directly(self, client: Client, owner: Person) -> None:
        client.force_login(owner)
        assert client.get("/choose")["Location"] == "/m/tea/"

    def test_several_places_are_shown(self, client: Client, owner: Person) -> None:
        services.add_membership(
            person=owner, place=make_merchant("coffee"), role=Role.CLERK, actor=ACTOR
        )
        services.add_membership(person=owner, place=None, role=Role.OWNER, actor=ACTOR)
        client.force_login(owner)
        page = client.get("/choose").content.decode()
        assert all(path in page for path in ("/m/tea/", "/m/coffee/", "/platform/"))

    def test_two_places_do_not_disturb_each_other_in_one_browser(
        self, client: Client, owner: Person
    ) -> None:
        north = make_operator("north", name="北方")
        services.add_membership(person=owner, place=north, role=Role.OWNER, actor=ACTOR)
        enter(client, "13800138000")
        for path, here, there in (
            ("/m/tea/", "/m/tea/", "/operator/north/overview/"),
            ("/operator/north/overview/", "/operator/north/overview/", "/m/tea/"),
            ("/m/tea/stores/", "/m/tea/", "/operator/north/overview/"),
        ):
            page = client.get(path).content.decode()
            assert f'<a href="{here}" aria-current="true">' in page
            assert f'<a href="{there}">' in page

    def test_no_place_says_what_to_do(self, client: Client) -> None:
        client.force_login(make_person())
        answer = client.get("/choose")
        assert answer.status_code == 200
        assert "您还没有加入任何商家" in answer.content.decode()

    def test_anonymous_signs_in_first(self, client: Client) -> None:
        assert client.get("/choose")["Location"] == "/login?next=%2Fchoose"


class TestHome:
    def test_shows_the_way_in(self, client: Client) -> None:
        assert "/login" in client.get("/").content.decode()

    def test_leads_who_is_in_to_work(self, client: Client, owner: Person) -> None:
        client.force_login(owner)
        assert client.get("/")["Location"] == "/choose"

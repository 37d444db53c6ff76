"""Signing in by code, a forgotten password, another number: alike for known and unknown phones."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from zhanggui.accounts.models import Person, PlatformAuditEntry, Role, Session
from zhanggui.accounts.tests.factories import PASSWORD, make_person, make_platform_staff
from zhanggui.channels.sms.models import OutgoingSms, SmsState
from zhanggui.core import clock
from zhanggui.signin.models import SmsCode
from zhanggui.signin.tests.inbox import Inbox, ask, picture

pytestmark = pytest.mark.django_db
PHONE = "+8613800138000"
NEW_PASSWORD = "moon lantern 9"
LOGIN = "/login?way=sms"


def is_in(client: Client) -> bool:
    return SESSION_KEY in client.session


def plain(answer: Any) -> str:
    """A page without what is random in it: tokens of the form and of the picture."""
    return re.sub(r"[\w-]{60,}", "", answer.content.decode())


@pytest.mark.spec("platform P05")
class TestCode:
    @pytest.mark.parametrize(
        "typed", ["13800138000", "１３８００１３８０００", "+86 138-0013-8000"]
    )
    def test_lets_in(self, client: Client, inbox: Inbox, typed: str) -> None:
        """T-6."""
        person = make_person(phone=PHONE)
        asked = ask(client, LOGIN, typed, way="sms", next="/me/")
        assert asked.status_code == 200
        sent = {"way": "sms", "phone": typed, "code": inbox.code(PHONE), "next": "/me/"}
        assert client.post("/login", sent)["Location"] == "/me/"
        assert client.session[SESSION_KEY] == str(person.pk)
        assert Session.objects.get(person_id=person.pk).way == "sms"

    @pytest.mark.spec("repairs U-6")
    def test_an_unknown_number_reads_the_same_and_gets_nothing(self, client: Client) -> None:
        make_person(phone=PHONE)
        known = plain(ask(client, LOGIN, "13800138000", way="sms"))
        unknown = plain(ask(client, LOGIN, "13900139000", way="sms"))
        mask = unknown.replace("13900139000", "13800138000").replace("139****9000", "138****8000")
        assert mask == known
        assert OutgoingSms.objects.filter(state=SmsState.WAITING).count() == 1
        answers = [
            client.post("/login", {"way": "sms", "phone": phone, "code": "000000"})
            for phone in ("13800138000", "13900139000")
        ]
        assert [answer.status_code for answer in answers] == [422, 422]

    def test_a_wrong_code_stays_out(self, client: Client, inbox: Inbox) -> None:
        make_person(phone=PHONE)
        ask(client, LOGIN, "13800138000", way="sms")
        wrong = "000000" if inbox.code(PHONE) != "000000" else "111111"
        answer = client.post("/login", {"way": "sms", "phone": "13800138000", "code": wrong})
        assert answer.status_code == 422
        assert "验证码不正确" in answer.content.decode()
        assert not is_in(client)

    def test_somebody_switched_off_reads_like_a_wrong_code(
        self, client: Client, inbox: Inbox
    ) -> None:
        make_person(phone=PHONE)
        ask(client, LOGIN, "13800138000", way="sms")
        Person.objects.update(is_active=False)
        sent = {"way": "sms", "phone": "13800138000", "code": inbox.code(PHONE)}
        assert client.post("/login", sent).status_code == 422
        assert not is_in(client)

    def test_without_a_provider_there_is_only_the_password(
        self, client: Client, settings: Any
    ) -> None:
        settings.SMS_PROVIDER = ""
        page = client.get(LOGIN).content.decode()
        assert 'name="password"' in page
        assert 'name="code"' not in page


@pytest.mark.spec("platform P05")
class TestForgot:
    def change(self, client: Client, code: str, phone: str = "13800138000", **more: Any) -> Any:
        fields = {"phone": phone, "code": code, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
        return client.post("/signin/forgot", {**fields, **more})

    def test_a_code_and_a_new_password_end_all_sessions(self, client: Client, inbox: Inbox) -> None:
        person = make_person(phone=PHONE)
        other = Client()
        other.post("/login", {"phone": PHONE, "password": PASSWORD})
        ask(client, "/signin/forgot", "13800138000")
        assert self.change(client, inbox.code(PHONE))["Location"] == "/choose"
        person.refresh_from_db()
        assert person.check_password(NEW_PASSWORD)
        assert other.get("/me/").status_code == 302
        assert Session.objects.filter(person_id=person.pk).count() == 1
        assert PlatformAuditEntry.objects.filter(action="accounts.password.chosen").exists()

    @pytest.mark.spec("repairs U-6")
    def test_known_and_unknown_numbers_are_answered_alike(self, client: Client) -> None:
        """T-5."""
        make_person(phone=PHONE)
        bodies: dict[str, str] = {}
        times: dict[str, list[float]] = {"13800138000": [], "13900139000": []}
        for number in range(7):
            for phone, measured in times.items():
                with clock.at(clock.now() + timedelta(hours=2 * number)):
                    sent = {"do": "ask", "phone": phone, **picture(client, "/signin/forgot")}
                    began = time.perf_counter()
                    answer = client.post("/signin/forgot", sent)
                    measured.append(time.perf_counter() - began)
                assert answer.status_code == 200
                bodies[phone] = plain(answer).replace("13900139000", "13800138000")
        assert bodies["13900139000"].replace("139****9000", "138****8000") == bodies["13800138000"]
        known, unknown = (median(measured) for measured in times.values())
        assert abs(known - unknown) < 0.05
        for phone in times:
            assert self.change(client, "000000", phone).status_code == 422

    def test_a_code_for_signing_in_changes_no_password(self, client: Client, inbox: Inbox) -> None:
        """T-4."""
        person = make_person(phone=PHONE)
        ask(client, LOGIN, "13800138000", way="sms")
        assert self.change(client, inbox.code(PHONE)).status_code == 422
        person.refresh_from_db()
        assert person.check_password(PASSWORD)

    def test_a_short_password_spends_no_code(self, client: Client, inbox: Inbox) -> None:
        make_person(phone=PHONE)
        ask(client, "/signin/forgot", "13800138000")
        short = self.change(client, inbox.code(PHONE), password="12345", again="12345")
        assert short.status_code == 422
        assert self.change(client, inbox.code(PHONE)).status_code == 302


class TestChangePhone:
    def change(self, client: Client, code: str, password: str = PASSWORD) -> Any:
        return client.post(
            "/me/phone", {"phone": "13900139000", "code": code, "password": password}
        )

    def test_the_new_number_is_proved_and_the_old_one_told(
        self, client: Client, inbox: Inbox
    ) -> None:
        person = make_person(phone=PHONE)
        client.post("/login", {"phone": PHONE, "password": PASSWORD})
        other = Client()
        other.post("/login", {"phone": PHONE, "password": PASSWORD})
        ask(client, "/me/phone", "13900139000")
        assert self.change(client, inbox.code("+8613900139000"))["Location"] == "/me/"
        person.refresh_from_db()
        assert person.phone == "+8613900139000"
        assert "139****9000" in inbox.texts(PHONE)[-1]
        assert client.get("/me/").status_code == 200
        assert other.get("/me/").status_code == 302

    def test_needs_the_password_and_spends_no_code_without(
        self, client: Client, inbox: Inbox
    ) -> None:
        client.force_login(make_person(phone=PHONE))
        ask(client, "/me/phone", "13900139000")
        code = inbox.code("+8613900139000")
        assert self.change(client, code, "wrong").status_code == 403
        assert SmsCode.objects.get().used_at is None
        assert self.change(client, code).status_code == 302

    @pytest.mark.spec("repairs A3")
    def test_a_taken_number_is_refused_after_its_code_only(
        self, client: Client, inbox: Inbox
    ) -> None:
        make_person(phone="+8613900139000")
        client.force_login(make_person(phone=PHONE))
        asked = ask(client, "/me/phone", "13900139000")
        assert asked.status_code == 200
        assert self.change(client, "000000").status_code == 422
        assert self.change(client, inbox.code("+8613900139000")).status_code == 409
        assert Person.objects.by_phone(PHONE) is not None


@pytest.mark.spec("platform P05")
class TestSessions:
    def test_are_listed_with_device_place_and_last_use(self, client: Client) -> None:
        person = make_person(phone=PHONE)
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0 Safari/537.36"
        other = Client(REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT=agent)
        other.post("/login", {"phone": PHONE, "password": PASSWORD})
        client.post("/login", {"phone": PHONE, "password": PASSWORD})
        page = client.get("/me/").content.decode()
        assert "Windows · Chrome" in page
        assert "203.0.113.9" in page
        assert Session.objects.filter(person_id=person.pk).count() == 2
        client.post("/me/sessions/end-others")
        assert other.get("/me/").status_code == 302
        assert client.get("/me/").status_code == 200

    def test_the_last_use_is_noted_every_five_minutes(self, client: Client) -> None:
        person = make_person(phone=PHONE)
        client.post("/login", {"phone": PHONE, "password": PASSWORD})
        began = Session.objects.get(person_id=person.pk).last_used_at
        for minutes, is_noted in ((4, False), (6, True)):
            with clock.at(began + timedelta(minutes=minutes)):
                client.get("/me/security/", REMOTE_ADDR="203.0.113.9")
            session = Session.objects.get(person_id=person.pk)
            assert (session.last_used_at > began) is is_noted
            assert (session.ip == "203.0.113.9") is is_noted


class TestFirstStart:
    @pytest.mark.spec("platform P46")
    @pytest.mark.parametrize("path", ["/", "/login"])
    def test_without_an_owner_the_pages_say_what_to_do(self, client: Client, path: str) -> None:
        assert "zhanggui createowner" in client.get(path).content.decode()
        make_platform_staff(role=Role.OWNER)
        assert "createowner" not in client.get(path).content.decode()

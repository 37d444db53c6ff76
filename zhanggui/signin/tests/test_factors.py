"""Second factors: app, passkeys, recovery codes; where they are needed, and what removes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from zhanggui.accounts.models import Merchant, Person, PlatformAuditEntry, Role, Session
from zhanggui.accounts.tests.factories import (
    ACTOR,
    PASSWORD,
    make_merchant,
    make_person,
    make_platform_staff,
    make_staff,
)
from zhanggui.core import clock
from zhanggui.signin.models import Passkey, RecoveryCode, TotpDevice
from zhanggui.signin.services import factors
from zhanggui.signin.tests.authenticator import ATTESTED, PRESENT, Device

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ORIGIN = "http://localhost"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def digits(secret: str = SECRET, at: datetime | None = None) -> str:
    return pyotp.TOTP(secret).at(at or clock.now())


def with_app(person: Person) -> Person:
    factors.keep_totp(person=person, secret=SECRET, actor=ACTOR)
    return person


def enter(client: Client, person: Person, **more: Any) -> Any:
    return client.post("/login", {"phone": person.phone, "password": PASSWORD, **more})


def is_in(client: Client) -> bool:
    return SESSION_KEY in client.session


@pytest.fixture
def client() -> Client:
    return Client(HTTP_HOST="localhost")


@pytest.mark.spec("platform P05")
class TestSecondStep:
    def test_a_password_alone_lets_nobody_in_who_has_an_app(self, client: Client) -> None:
        person = with_app(make_person())
        answer = enter(client, person, next="/me/")
        assert answer["Location"] == "/signin/second"
        assert not is_in(client)
        assert client.get("/me/").status_code == 302
        done = client.post("/signin/second", {"digits": digits()})
        assert done["Location"] == "/me/"
        assert is_in(client)
        assert Session.objects.get(person_id=person.pk).way == "password+totp"

    def test_the_same_digits_work_once(self, client: Client) -> None:
        person = with_app(make_person())
        with clock.at(START):
            enter(client, person)
            assert client.post("/signin/second", {"digits": digits()}).status_code == 302
            other = Client()
            enter(other, person)
            assert other.post("/signin/second", {"digits": digits()}).status_code == 403
            assert not is_in(other)

    @pytest.mark.parametrize(("off_by_s", "status"), [(-30, 302), (30, 302), (-61, 403), (61, 403)])
    def test_a_clock_may_be_half_a_minute_wrong(
        self, client: Client, off_by_s: int, status: int
    ) -> None:
        person = with_app(make_person())
        with clock.at(START):
            enter(client, person)
            typed = digits(at=START + timedelta(seconds=off_by_s))
            assert client.post("/signin/second", {"digits": typed}).status_code == status

    def test_five_wrong_tries_lock_it_for_ten_minutes(self, client: Client) -> None:
        person = with_app(make_person())
        with clock.at(START):
            enter(client, person)
            statuses = [
                client.post("/signin/second", {"digits": "000000"}).status_code for _ in range(5)
            ]
            assert statuses == [403] * 5
            assert client.post("/signin/second", {"digits": digits()}).status_code == 429

    def test_waits_ten_minutes_for_it(self, client: Client) -> None:
        person = with_app(make_person())
        with clock.at(START):
            enter(client, person)
        with clock.at(START + timedelta(minutes=11)):
            answer = client.post("/signin/second", {"digits": digits()})
            assert answer["Location"] == "/login"

    def test_without_a_first_step_there_is_no_second(self, client: Client) -> None:
        assert client.get("/signin/second")["Location"] == "/login"

    def test_a_recovery_code_stands_in_once(self, client: Client) -> None:
        person = with_app(make_person())
        codes = factors.renew_recovery_codes(person=person, actor=ACTOR)
        assert len(codes) == 10
        enter(client, person)
        assert client.get("/signin/second?with=recovery").status_code == 200
        sent = {"with": "recovery", "code": f" {codes[0].upper()} "}
        assert client.post("/signin/second", sent).status_code == 302
        other = Client()
        enter(other, person)
        assert other.post("/signin/second", sent).status_code == 403
        assert RecoveryCode.objects.filter(person=person, used_at=None).count() == 9
        assert not any(code in repr(list(RecoveryCode.objects.values())) for code in codes)

    def test_a_recovery_code_of_somebody_else_does_not(self, client: Client) -> None:
        other = with_app(make_person())
        codes = factors.renew_recovery_codes(person=other, actor=ACTOR)
        enter(client, with_app(make_person()))
        answer = client.post("/signin/second", {"with": "recovery", "code": codes[0]})
        assert answer.status_code == 403


class TestSetUp:
    def test_scan_confirm_and_keep_the_codes(self, client: Client) -> None:
        person = make_person()
        client.force_login(person)
        page = client.get("/me/security/app").content.decode()
        found = re.search(r"secret=([A-Z2-7]+)", page)
        assert found is not None
        wrong = client.post("/me/security/app", {"digits": "000000"})
        assert wrong.status_code == 403
        assert not TotpDevice.objects.exists()
        done = client.post("/me/security/app", {"digits": digits(found.group(1))})
        assert done["Location"] == "/me/security/recovery"
        shown = client.get("/me/security/recovery").content.decode()
        assert len(re.findall(r"<li>[a-z0-9]{5}-[a-z0-9]{5}</li>", shown)) == 10
        assert client.get("/me/security/recovery")["Location"] == "/me/security/"
        assert found.group(1) not in repr(TotpDevice.objects.values().get())
        assert PlatformAuditEntry.objects.filter(action="signin.totp.added").count() == 1

    def test_a_second_app_is_refused(self, client: Client) -> None:
        client.force_login(with_app(make_person()))
        page = client.get("/me/security/app").content.decode()
        found = re.search(r"secret=([A-Z2-7]+)", page)
        assert found is not None
        answer = client.post("/me/security/app", {"digits": digits(found.group(1))})
        assert answer.status_code == 409

    def test_removing_it_forgets_the_recovery_codes(self, client: Client) -> None:
        person = with_app(make_person())
        factors.renew_recovery_codes(person=person, actor=ACTOR)
        client.force_login(person)
        client.post("/me/security/app/remove")
        assert not TotpDevice.objects.exists()
        assert not RecoveryCode.objects.exists()
        assert client.post("/me/security/recovery/renew").status_code == 404

    def test_who_needs_one_cannot_remove_the_last(self, client: Client) -> None:
        person = with_app(make_platform_staff(role=Role.OWNER))
        client.force_login(person)
        client.post("/me/security/app/remove")
        assert TotpDevice.objects.filter(person=person).exists()


@pytest.mark.spec("platform P05")
class TestPlatform:
    def test_its_people_are_led_to_set_one_up(self, client: Client) -> None:
        person = make_platform_staff(role=Role.OWNER)
        assert enter(client, person, next="/platform/")["Location"] == "/platform/"
        answer = client.get("/platform/")
        assert answer["Location"] == "/me/second-factor?next=%2Fplatform%2F"
        assert "设置二次验证" in client.get(answer["Location"]).content.decode()
        page = client.get("/me/security/app?next=/platform/").content.decode()
        found = re.search(r"secret=([A-Z2-7]+)", page)
        assert found is not None
        client.post("/me/security/app", {"digits": digits(found.group(1)), "next": "/platform/"})
        assert 'href="/platform/"' in client.get("/me/security/recovery").content.decode()
        assert client.get("/platform/").status_code == 200

    def test_a_post_is_refused_and_does_nothing(self, client: Client) -> None:
        person = make_platform_staff(role=Role.OWNER)
        enter(client, person)
        assert client.post("/platform/sms/stop", {"reason": "x"}).status_code == 403

    def test_nothing_is_asked_of_others(self, client: Client) -> None:
        enter(client, make_staff(make_merchant("tea"), role=Role.OWNER))
        assert client.get("/m/tea/").status_code == 200


@pytest.mark.spec("platform P05")
class TestMerchantRule:
    def test_an_owner_requires_it_of_everybody(self, client: Client) -> None:
        tea = make_merchant("tea")
        owner = with_app(make_staff(tea, role=Role.OWNER))
        enter(client, owner)
        client.post("/signin/second", {"digits": digits()})
        assert client.post("/m/tea/security/set", {"needed": "1"}).status_code == 302
        tea.refresh_from_db()
        assert tea.needs_second_factor
        assert client.get("/m/tea/").status_code == 200
        clerk = Client()
        enter(clerk, make_staff(tea, role=Role.MANAGER))
        assert clerk.get("/m/tea/")["Location"].startswith("/me/second-factor")
        assert clerk.post("/m/tea/security/set", {"needed": "0"}).status_code == 403
        assert clerk.get("/m/tea/", headers={"HX-Request": "true"}).status_code == 403

    def test_who_has_none_is_asked_for_it_first(self, client: Client) -> None:
        enter(client, make_staff(make_merchant("tea"), role=Role.OWNER))
        answer = client.post("/m/tea/security/set", {"needed": "1"})
        assert answer["Location"].startswith("/me/second-factor")
        assert not Merchant.objects.get().needs_second_factor

    def test_shows_who_has_one(self, client: Client) -> None:
        tea = make_merchant("tea")
        with_app(make_staff(tea, role=Role.CLERK, name="有验证器"))
        client.force_login(make_staff(tea, role=Role.OWNER, name="没有验证器"))
        page = client.get("/m/tea/security/").content.decode()
        assert "没有验证器" in page
        assert page.count("已设置") == 1

    def test_an_app_set_up_meanwhile_is_asked_for(self, client: Client) -> None:
        tea = make_merchant("tea")
        owner = make_staff(tea, role=Role.OWNER)
        enter(client, owner)
        with_app(owner)
        Merchant.objects.update(needs_second_factor=True)
        page = client.get("/m/tea/")["Location"]
        assert client.post(page, {"digits": "000000"}).status_code == 403
        sent = {"digits": digits(), "next": "/m/tea/"}
        assert client.post("/me/second-factor", sent)["Location"] == "/m/tea/"
        assert client.get("/m/tea/").status_code == 200


class TestSessionFromBefore:
    """Somebody signed in by password alone; the person then set an app up in another browser."""

    @pytest.fixture
    def weak(self, client: Client) -> Client:
        person = make_person()
        enter(client, person)
        with_app(person)
        return client

    @pytest.mark.parametrize(
        "door",
        [
            "/me/security/recovery/renew",
            "/me/security/app",
            "/me/security/app/remove",
            "/me/security/passkeys/new",
            "/me/security/passkeys/add",
            "/me/security/passkeys/1/remove",
        ],
    )
    def test_changes_no_factors(self, weak: Client, door: str) -> None:
        assert weak.post(door, headers={"Accept": "application/json"}).status_code == 403
        assert weak.session["_factors"] == 1
        assert TotpDevice.objects.count() == 1
        assert not RecoveryCode.objects.exists()

    def test_is_asked_for_the_app_first(self, weak: Client) -> None:
        asked = weak.get("/me/security/")["Location"]
        assert asked.startswith("/me/second-factor?")
        sent = {"digits": digits(), "next": "/me/security/"}
        assert weak.post("/me/second-factor", sent)["Location"] == "/me/security/"
        assert weak.get("/me/security/").status_code == 200


def add_passkey(client: Client, device: Device) -> Any:
    options = client.post("/me/security/passkeys/new").json()
    return client.post(
        "/me/security/passkeys/add?name=Phone",
        device.create(options, origin=ORIGIN),
        content_type="application/json",
    )


def use_passkey(client: Client, device: Device, query: str = "", **more: Any) -> Any:
    options = client.post(f"/signin/passkey/begin{query}").json()
    answer = device.get(options, origin=more.pop("origin", ORIGIN), **more)
    return client.post(
        f"/signin/passkey/finish{query}",
        answer,
        content_type="application/json",
        headers={"Accept": "application/json"},
    )


@pytest.mark.spec("platform P05")
class TestPasskeys:
    @pytest.fixture
    def person(self) -> Person:
        return make_person()

    @pytest.fixture
    def device(self, client: Client, person: Person) -> Device:
        device = Device()
        client.force_login(person)
        assert add_passkey(client, device).json() == {"url": "/me/security/recovery"}
        client.logout()
        return device

    def test_signs_in_by_itself_and_counts_as_two_factors(
        self, client: Client, person: Person, device: Device
    ) -> None:
        assert use_passkey(client, device).json() == {"url": "/choose"}
        assert is_in(client)
        session = Session.objects.get(person_id=person.pk)
        assert session.way == "passkey"
        assert client.session["_factors"] == 2
        assert Passkey.objects.get().last_used_at is not None

    def test_is_the_second_factor_after_a_password(
        self, client: Client, person: Person, device: Device
    ) -> None:
        assert enter(client, person)["Location"] == "/signin/second"
        assert use_passkey(client, device, "?for=second").json() == {"url": "/choose"}
        assert Session.objects.get(person_id=person.pk).way == "password+passkey"

    def test_of_somebody_else_finishes_no_sign_in(
        self, client: Client, person: Person, device: Device
    ) -> None:
        enter(client, with_app(make_person()))
        assert use_passkey(client, device, "?for=second").status_code == 403
        assert not is_in(client)

    def test_the_answer_works_once(self, client: Client, device: Device) -> None:
        options = client.post("/signin/passkey/begin").json()
        answer = device.get(options, origin=ORIGIN)
        send: dict[str, Any] = {"data": answer, "content_type": "application/json"}
        assert client.post("/signin/passkey/finish", **send).status_code == 200
        client.post("/logout")
        assert client.post("/signin/passkey/finish", **send).status_code == 403
        client.post("/signin/passkey/begin")
        assert client.post("/signin/passkey/finish", **send).status_code == 403

    @pytest.mark.parametrize(
        "wrong", [{"origin": "https://evil.example"}, {"flags": PRESENT}], ids=["origin", "no-lock"]
    )
    def test_refuses_what_does_not_fit(
        self, client: Client, device: Device, wrong: dict[str, Any]
    ) -> None:
        assert use_passkey(client, device, **wrong).status_code == 403
        assert not is_in(client)

    def test_a_copy_that_counts_behind_is_refused(self, client: Client, device: Device) -> None:
        use_passkey(client, device)
        client.post("/logout")
        device.count -= 1
        assert use_passkey(client, device).status_code == 403

    def test_a_device_that_counts_nothing_works(self, client: Client) -> None:
        device = Device(counts=False)
        client.force_login(make_person())
        add_passkey(client, device)
        for _ in range(2):
            client.logout()
            assert use_passkey(client, device).status_code == 200

    def test_an_unknown_one_is_refused(self, client: Client) -> None:
        assert use_passkey(client, Device()).status_code == 403

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"rawId": "!"}', b"\xff"])
    def test_nonsense_is_refused(self, client: Client, body: bytes) -> None:
        client.post("/signin/passkey/begin")
        answer = client.post("/signin/passkey/finish", body, content_type="application/json")
        assert answer.status_code == 403

    def test_somebody_switched_off_stays_out(
        self, client: Client, person: Person, device: Device
    ) -> None:
        Person.objects.update(is_active=False)
        assert use_passkey(client, device).status_code == 403

    def test_without_the_devices_lock_none_is_added(self, client: Client) -> None:
        client.force_login(make_person())
        options = client.post("/me/security/passkeys/new").json()
        answer = Device().create(options, origin=ORIGIN, flags=PRESENT | ATTESTED)
        sent = client.post("/me/security/passkeys/add", answer, content_type="application/json")
        assert sent.status_code == 403
        assert not Passkey.objects.exists()

    def test_an_address_of_numbers_has_none(self) -> None:
        client = Client(HTTP_HOST="127.0.0.1")
        client.force_login(make_person())
        assert client.post("/me/security/passkeys/new").status_code == 409
        assert "通行密钥跟着域名走" in client.get("/me/security/").content.decode()

    def test_ten_are_enough(self, client: Client) -> None:
        client.force_login(make_person())
        for _ in range(10):
            assert add_passkey(client, Device()).status_code == 200
        assert client.post("/me/security/passkeys/new").status_code == 409

    def test_only_ones_own_is_removed(self, client: Client, person: Person, device: Device) -> None:
        passkey = Passkey.objects.get()
        client.force_login(make_person())
        path = f"/me/security/passkeys/{passkey.pk}/remove"
        assert client.post(path).status_code == 404
        client.force_login(person)
        client.post(path)
        assert not Passkey.objects.exists()
        client.logout()
        assert use_passkey(client, device).status_code == 403

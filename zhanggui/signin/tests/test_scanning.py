"""Signing in by a QR code of the platform's account: browser, chat, phone, and thieves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from zhanggui.accounts.models import Person, PlatformAuditEntry, Role, Session
from zhanggui.accounts.tests.factories import make_merchant, make_staff
from zhanggui.channels.wechat import hooks
from zhanggui.channels.wechat.hooks import ScanEvent
from zhanggui.channels.wechat.models import ChannelAccount, OutgoingMessage, PersonIdentity
from zhanggui.channels.wechat.tests.factories import (
    FakeWechat,
    fake_wechat,
    make_account,
    make_identity,
)
from zhanggui.core import clock, sealing
from zhanggui.signin.models import QrState, QrVisit, TotpDevice
from zhanggui.signin.services import scanning

pytestmark = pytest.mark.django_db
OPENID = "openid-of-zhou"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


@pytest.fixture
def wechat() -> Iterator[FakeWechat]:
    with fake_wechat() as fake:
        yield fake


@pytest.fixture
def account() -> ChannelAccount:
    return make_account()


@pytest.fixture
def owner(account: ChannelAccount) -> Person:
    person = make_staff(make_merchant(), role=Role.OWNER)
    make_identity(account, person=person, openid=OPENID)
    return person


@pytest.fixture
def browser() -> Client:
    return Client(headers={"user-agent": CHROME})


def scan(openid: str = OPENID) -> None:
    visit = QrVisit.objects.latest("pk")
    hooks.scan_handlers[scanning.PURPOSE](
        ScanEvent(visit.account_id, openid, 1, None, visit.pk, False, clock.now())
    )


def chat() -> str:
    """The newest message of the account."""
    message = OutgoingMessage.objects.latest("pk")
    return sealing.unseal(
        bytes(message.body_sealed), column="wechat_outgoingmessage.body", merchant_id=None
    )


def link_in_chat() -> str:
    found = re.search(r"/signin/wechat/[0-9a-z]{26}", chat())
    assert found is not None
    return found.group()


def show_code(browser: Client) -> QrVisit:
    assert browser.post("/signin/wechat/code").status_code == 200
    return QrVisit.objects.latest("pk")


def is_in(client: Client) -> bool:
    return SESSION_KEY in client.session


@pytest.mark.usefixtures("wechat", "owner")
@pytest.mark.spec("platform P05")
class TestEnter:
    def test_scan_number_and_confirmation_let_in(self, browser: Client, owner: Person) -> None:
        visit = show_code(browser)
        assert browser.get("/signin/wechat/state?v=open").status_code == 204
        scan()

        seen = browser.get("/signin/wechat/state?v=open").content.decode()
        assert f">{visit.digits}<" in seen
        phone = Client()
        asked = phone.get(link_in_chat()).content.decode()
        assert owner.name in asked
        assert "Chrome" in asked
        assert f">{visit.digits}<" not in asked
        assert phone.post(link_in_chat(), {"digits": visit.digits}).status_code == 302
        assert not is_in(browser)
        assert not is_in(phone)
        assert "/signin/wechat/enter" in browser.get("/signin/wechat/state").content.decode()

        answer = browser.post("/signin/wechat/enter?next=/me/")

        assert answer["HX-Redirect"] == "/me/"
        assert browser.session[SESSION_KEY] == str(owner.pk)
        assert Session.objects.get(person_id=owner.pk).way == "wechat"
        assert browser.post("/signin/wechat/enter").status_code == 410

    def test_asks_for_the_second_factor_afterwards(self, browser: Client, owner: Person) -> None:
        TotpDevice.objects.create(person=owner, secret_sealed=b"x")
        visit = show_code(browser)
        scan()
        Client().post(link_in_chat(), {"digits": visit.digits})

        assert browser.post("/signin/wechat/enter")["HX-Redirect"] == "/signin/second"
        assert not is_in(browser)

    def test_shows_the_same_open_code_again(self, browser: Client, wechat: FakeWechat) -> None:
        show_code(browser)
        show_code(browser)

        assert QrVisit.objects.count() == 1
        assert wechat.paths().count("/cgi-bin/qrcode/create") == 1


@pytest.mark.usefixtures("wechat", "owner")
class TestThief:
    def test_another_browser_gets_nothing_of_a_confirmed_code(self, browser: Client) -> None:
        visit = show_code(browser)
        scan()
        Client().post(link_in_chat(), {"digits": visit.digits})

        thief = Client()
        assert thief.post("/signin/wechat/enter").status_code == 410
        assert not is_in(thief)
        assert f">{visit.digits}<" not in thief.get("/signin/wechat/state").content.decode()

    def test_scanning_alone_lets_nobody_in(self, browser: Client) -> None:
        show_code(browser)
        scan()

        assert browser.post("/signin/wechat/enter").status_code == 410
        assert not is_in(browser)

    def test_the_third_wrong_number_refuses(self, browser: Client) -> None:
        visit = show_code(browser)
        scan()
        link = link_in_chat()
        wrong = "99" if visit.digits != "99" else "98"

        answers = [Client().post(link, {"digits": wrong}).status_code for _try in range(3)]

        assert answers == [422, 422, 403]
        assert Client().post(link, {"digits": visit.digits}).status_code == 403
        assert QrVisit.objects.get().state == QrState.REFUSED
        assert browser.post("/signin/wechat/enter").status_code == 410

    def test_that_is_not_me_takes_a_confirmation_back(self, browser: Client) -> None:
        visit = show_code(browser)
        scan()
        link = link_in_chat()
        Client().post(link, {"digits": visit.digits})
        Client().post(link, {"do": "refuse"})

        assert browser.post("/signin/wechat/enter").status_code == 410
        assert not is_in(browser)

    def test_the_first_scan_counts(self, browser: Client, account: ChannelAccount) -> None:
        other = make_staff(make_merchant(), role=Role.OWNER)
        make_identity(account, person=other, openid="openid-of-other")
        show_code(browser)
        scan()
        scan("openid-of-other")

        assert QrVisit.objects.get().openid == OPENID
        assert "/signin/wechat/" not in chat()

    @pytest.mark.parametrize("link", ["23456789abcdefghjkmnpqrstu", "x"])
    def test_an_unknown_link_says_only_that_it_is_over(self, link: str) -> None:
        assert Client().get(f"/signin/wechat/{link}").status_code == 410

    def test_after_five_minutes_it_is_over(self, browser: Client) -> None:
        visit = show_code(browser)
        scan()
        link = link_in_chat()
        with clock.at(clock.now() + timedelta(minutes=6)):
            assert Client().post(link, {"digits": visit.digits}).status_code == 410
            assert browser.post("/signin/wechat/enter").status_code == 410

    def test_unlinked_in_between_lets_nobody_in(self, browser: Client) -> None:
        visit = show_code(browser)
        scan()
        Client().post(link_in_chat(), {"digits": visit.digits})
        PersonIdentity.objects.all().delete()

        assert browser.post("/signin/wechat/enter").status_code == 410
        assert not is_in(browser)

    def test_too_many_codes_are_refused(self, wechat: FakeWechat) -> None:
        browser = Client()
        answers = []
        for _code in range(11):
            answers.append(browser.post("/signin/wechat/code").status_code)
            QrVisit.objects.update(state=QrState.REFUSED)

        assert answers == [200] * 10 + [429]
        assert wechat.paths().count("/cgi-bin/qrcode/create") == 10


@pytest.mark.usefixtures("wechat", "account")
class TestUnknownWechat:
    def test_is_told_to_link_first(self, browser: Client) -> None:
        show_code(browser)
        scan("a-stranger")

        assert QrVisit.objects.get().state == QrState.UNKNOWN
        assert "/signin/wechat/" not in chat()
        assert browser.post("/signin/wechat/enter").status_code == 410

    def test_of_somebody_without_a_place_lets_nobody_in(
        self, browser: Client, account: ChannelAccount
    ) -> None:
        make_identity(account, openid=OPENID)
        show_code(browser)
        scan()

        assert QrVisit.objects.get().state == QrState.UNKNOWN


@pytest.mark.usefixtures("wechat")
@pytest.mark.spec("platform P05")
class TestLink:
    def prove(self, browser: Client, openid: str = OPENID) -> None:
        assert browser.post("/me/security/wechat/code").status_code == 200
        scan(openid)
        visit = QrVisit.objects.latest("pk")
        assert Client().post(link_in_chat(), {"digits": visit.digits}).status_code == 302

    def test_links_and_signs_in_and_unlinks(self, browser: Client, account: ChannelAccount) -> None:
        person = make_staff(make_merchant(), role=Role.OWNER)
        browser.force_login(person)
        self.prove(browser)

        assert browser.post("/me/security/wechat/link")["HX-Redirect"] == "/me/security/"
        assert PersonIdentity.objects.get().person == person
        assert PlatformAuditEntry.objects.filter(action="signin.wechat.linked").count() == 1

        browser.post("/me/security/wechat/unlink")
        assert not PersonIdentity.objects.exists()
        assert account.pk

    def test_takes_over_a_wechat_that_was_nobody(
        self, browser: Client, account: ChannelAccount
    ) -> None:
        make_identity(account, openid=OPENID)
        person = make_staff(make_merchant(), role=Role.OWNER)
        browser.force_login(person)
        self.prove(browser)
        browser.post("/me/security/wechat/link")

        assert PersonIdentity.objects.get().person == person

    def test_of_somebody_else_is_refused(self, browser: Client, account: ChannelAccount) -> None:
        other = make_staff(make_merchant(), role=Role.OWNER)
        make_identity(account, person=other, openid=OPENID)
        browser.force_login(make_staff(make_merchant(), role=Role.OWNER))
        self.prove(browser)

        assert browser.post("/me/security/wechat/link").status_code == 409
        assert PersonIdentity.objects.get().person == other

    def test_a_code_of_somebody_else_links_nothing(
        self, browser: Client, account: ChannelAccount
    ) -> None:
        browser.force_login(make_staff(make_merchant(), role=Role.OWNER))
        self.prove(browser)
        other = Client()
        other.force_login(make_staff(make_merchant(), role=Role.OWNER))

        assert other.post("/me/security/wechat/link").status_code == 410
        assert not PersonIdentity.objects.exists()
        assert account.pk


def test_without_an_account_of_the_platform_nothing_is_offered() -> None:
    assert "way=wechat" not in Client().get("/login").content.decode()
    assert Client().post("/signin/wechat/code").status_code == 409

"""The threats of section 8, each tried over real connections against the served application."""

from __future__ import annotations

import http.client
import json
import logging
import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connection
from django.test import Client

from config.hot import HotDoors
from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Person
from zhanggui.accounts.sessions import SINCE_KEY
from zhanggui.accounts.tests.factories import ACTOR, make_store
from zhanggui.channels.wechat.models import ChannelAccount, PersonIdentity
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.codes import services as codes
from zhanggui.codes.models import CodeState, CodeTry, OneTimeCode
from zhanggui.contacts import guards
from zhanggui.contacts.tests.factories import make_link, sign_in_customer
from zhanggui.core import clock, tenancy
from zhanggui.coupons.tests.factories import counts, make_coupon
from zhanggui.coupons.tests.factories import take_code as coupon_code
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import desks, services
from zhanggui.stamps.errors import InvitationPending, InvitationUsed
from zhanggui.stamps.models import (
    Card,
    Case,
    CaseKind,
    CaseState,
    Kind,
    ManagerBinding,
    PendingManager,
)
from zhanggui.stamps.results import Desk
from zhanggui.stamps.services import LimitsInput, watching
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    make_card,
    make_invitation,
    make_manager,
    make_programme,
    make_shop,
    stamp,
    state_of,
    take_code,
)
from zhanggui.stamps.tests.test_mobile import DIGITS

CSRF = "c" * 32
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) MicroMessenger/8.0.49"
ANDROID = "Mozilla/5.0 (Linux; Android 14; V2309A) Mobile MicroMessenger/8.0.49"
GUESSES = 1_000
PARALLEL = 20


class Quiet(WSGIRequestHandler):
    """Writes no line of its own; connections stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class Said:
    """An answer."""

    status: int
    text: str

    @property
    def code(self) -> str:
        """Of the refusal, in JSON."""
        error = json.loads(self.text).get("error", {}) if self.text.startswith("{") else {}
        return str(error.get("code", ""))

    @property
    def seconds(self) -> int:
        """How long to wait."""
        return int(json.loads(self.text)["error"]["retry_after"])


@dataclass
class Phone:
    """Somebody's phone: cookies, a connection of its own, a browser that says what it is."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    agent: str = IPHONE
    wants: str = "application/json"

    def __post_init__(self) -> None:
        self._wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._wire.connect()
        self._wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Put it away."""
        self._wire.close()

    def send(self, method: str, path: str, headers: dict[str, str], **fields: Any) -> Said:
        """One request over the phone's connection."""
        line = "; ".join(f"{k}={v}" for k, v in {"zhanggui_csrf": CSRF, **self.cookies}.items())
        body = urlencode({name: str(value) for name, value in fields.items()})
        sent = {
            "Cookie": line,
            "User-Agent": self.agent,
            "Accept": self.wants,
            "X-CSRFToken": CSRF,
            "Content-Type": "application/x-www-form-urlencoded",
            **headers,
        }
        self._wire.request(method, path, body=body, headers=sent)
        answer = self._wire.getresponse()
        return Said(answer.status, answer.read().decode())

    def post(self, path: str, **fields: Any) -> Said:
        """Send a form."""
        return self.send("POST", path, {}, **fields)

    def get(self, path: str) -> Said:
        """Open a page."""
        return self.send("GET", path, {})

    def piece(self, path: str, **fields: Any) -> Said:
        """Send a form as htmx does; the answer is a piece of a page."""
        headers = {"HX-Request": "true", "Accept": "text/html"}
        return self.send("POST", path, headers, **fields)

    def confirm(self, digits: str, **fields: Any) -> Said:
        """确认."""
        return self.post("/staff/confirm", digits=digits, **fields)

    def preview(self, digits: str) -> Said:
        """下一步."""
        return self.piece("/staff/preview", digits=digits)


@dataclass
class Place:
    """The served application with a shop in it."""

    port: int
    shop: Shop
    phones: list[Phone] = field(default_factory=list)

    def phone(self, cookies: dict[str, str], agent: str = IPHONE) -> Phone:
        """A phone that is put away after the test."""
        self.phones.append(Phone(self.port, cookies, agent))
        return self.phones[-1]

    def staff(
        self, identity: PersonIdentity, agent: str = IPHONE, signed_in: datetime | None = None
    ) -> Phone:
        """The phone of somebody who signed in through the platform's account, on an iPhone."""
        browser = Client()
        sign_in_staff(browser, identity)
        session = browser.session
        session["_device"] = "iPhone · 微信"
        if signed_in is not None:
            session[SINCE_KEY] = signed_in.isoformat()
        session.save()
        name = settings.SESSION_COOKIE_NAME
        return self.phone({name: browser.cookies[name].value}, agent)

    def manager(
        self,
        desk: Desk | None = None,
        agent: str = IPHONE,
        signed_in: datetime | None = None,
    ) -> Phone:
        """The phone of a manager who signed in through WeChat."""
        desk = desk or self.shop.desk
        account = ChannelAccount.objects.filter(merchant=None).first() or make_account()
        person = Person.objects.get(pk=desk.person_id)
        identity = PersonIdentity.objects.filter(person=person).first() or make_identity(
            account, person=person
        )
        return self.staff(identity, agent, signed_in)

    def customer(self) -> tuple[Phone, Card, str]:
        """The phone of a customer with a card; the card, and its address."""
        account = make_account(merchant=self.shop.merchant)
        link = make_link(self.shop.merchant, account.pk, nickname="陈小溪")
        browser = Client()
        sign_in_customer(browser, link)
        card = services.open_card(
            programme=self.shop.programme, customer_id=link.customer_id, actor=ACTOR
        )
        cookies = {guards.COOKIE: browser.cookies[guards.COOKIE].value}
        return self.phone(cookies), card, f"/w/{self.shop.merchant.slug}/cards/{card.token}"


@pytest.fixture
def place(shop: Shop) -> Iterator[Place]:
    """Serve the application on a free port, as its own server does: a thread a connection."""
    desks.forget()
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.daemon_threads = False  # so that closing waits for them and their connections
    server.set_app(HotDoors(WSGIHandler()))
    runner = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    runner.start()
    served = Place(int(server.server_address[1]), shop)
    try:
        yield served
    finally:
        for phone in served.phones:
            phone.close()
        server.shutdown()
        runner.join()
        server.server_close()
        desks.forget()


def wrong(number: int = 1) -> list[str]:
    """Digits that no live code of the shop has."""
    found: list[str] = []
    while len(found) < number:
        digits = codes.draw()
        if not OneTimeCode.objects.filter(digits_hash__in=codes.hashes_of(digits)).exists():
            found.append(digits)
    return found


def bookings() -> int:
    """How often the ledger was written to."""
    return Transaction.objects.count()


class TestGuessing:
    @pytest.mark.edge("threat guessing")
    @pytest.mark.spec("stamps D23")
    def test_a_script_is_locked_at_the_fifth_also_on_a_second_device(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chance = random.Random(8)  # noqa: S311  the same guesses every time
        guesses = [f"{chance.randrange(10**6):06d}" for _ in range(GUESSES)]
        drawn = iter(guesses[10::200])
        monkeypatch.setattr(codes, "draw", lambda: next(drawn))
        programme = make_programme()
        live = [take_code(make_card(programme, name=f"顾客{n}")) for n in range(5)]
        first, second = place.manager(), place.manager()

        answers = [first.confirm(digits) for digits in guesses]

        assert [said.code for said in answers[:5]] == ["E_CODE_INVALID"] * 4 + ["E_LOCKED"]
        assert Counter(said.code for said in answers[5:]) == {"E_LOCKED": GUESSES - 5}
        assert CodeTry.objects.count() == 5
        locked = second.confirm(live[0].digits)
        assert (locked.status, locked.code) == (429, "E_LOCKED")
        assert 0 < locked.seconds <= 600
        assert bookings() == 0
        assert {state_of(code.code_id) for code in live} == {CodeState.ACTIVE}


class TestSlip:
    @pytest.mark.edge("threat slip of a digit")
    @pytest.mark.spec("stamps D17", "stamps D20")
    def test_a_code_of_other_stores_is_refused_and_the_preview_names_who(
        self, place: Place
    ) -> None:
        other = make_store(place.shop.merchant, name="二店")
        there = make_card(make_programme(store_ids=[other.pk]), name="李四光")
        code = take_code(there)
        manager = place.manager()
        refused = manager.confirm(code.digits)
        assert (refused.status, refused.code) == (409, "E_WRONG_STORE")
        assert state_of(code.code_id) == CodeState.ACTIVE
        assert not CodeTry.objects.exists()

        seen = manager.preview(take_code(place.shop.card).digits)
        assert seen.status == 200
        assert "集章" in seen.text
        assert "王" in seen.text
        assert "王小明" not in seen.text
        assert bookings() == 0


class TestReplay:
    @pytest.mark.edge("threat replay and race")
    @pytest.mark.spec("stamps D18", "stamps D19")
    def test_twenty_at_once_book_once_and_a_repeat_changes_nothing(self, place: Place) -> None:
        desks_ = [make_manager(place.shop.store, f"店员{n}") for n in range(PARALLEL)]
        phones = [place.manager(desk) for desk in desks_]
        digits = take_code(place.shop.card).digits
        ready = threading.Barrier(PARALLEL)

        def confirm(phone: Phone) -> Said:
            ready.wait(30)
            return phone.confirm(digits, key=f"k{id(phone)}")

        with ThreadPoolExecutor(PARALLEL) as pool:
            answers = list(pool.map(confirm, phones))

        found = Counter((said.status, said.code) for said in answers)
        assert found == {(200, ""): 1, (409, "E_CODE_USED"): PARALLEL - 1}
        assert (balance_of(place.shop.card), bookings()) == (1, 1)
        winner = next(n for n, said in enumerate(answers) if said.status == 200)
        again = phones[winner].confirm(digits, key=f"k{id(phones[winner])}")
        assert again == answers[winner]
        assert phones[winner].confirm(digits, key="another").code == "E_CODE_USED"
        assert (balance_of(place.shop.card), bookings()) == (1, 1)


class TestAnotherOperation:
    @pytest.mark.edge("threat code used for something else")
    @pytest.mark.spec("stamps R12")
    def test_a_code_does_what_it_was_made_for_and_nothing_else(self, place: Place) -> None:
        manager = place.manager()
        assert manager.confirm(take_code(place.shop.card).digits).status == 200
        cancels = take_code(place.shop.card, Kind.CANCEL).digits
        coupon = make_coupon()
        redeems = coupon_code(coupon).digits

        assert "取消" in manager.preview(cancels).text
        assert "核销" in manager.preview(redeems).text
        assert manager.post("/staff/redeem", digits=cancels).status == 409
        assert manager.confirm(cancels, kind="accumulate", operation="stamps.accumulate").status
        assert balance_of(place.shop.card) == 0  # it cancelled, whatever the form said
        assert counts(coupon) == ("held", 0, 1, 0, 0)
        assert manager.confirm(redeems, kind="accumulate", amount=1).status == 200
        assert balance_of(place.shop.card) == 0  # it redeemed, at the door of stamps too
        assert counts(coupon) == ("redeemed", 0, 0, 1, 0)
        assert manager.post("/staff/redeem", digits=redeems).status == 409


class TestRelay:
    @pytest.mark.edge("threat relay by chat")
    @pytest.mark.spec("stamps D12", "stamps D39")
    def test_a_code_sent_on_by_chat_is_short_lived_local_and_seen_at_once(
        self, place: Place
    ) -> None:
        customer, card, address = place.customer()
        rival = make_shop()
        rival.scope.close()

        page = customer.piece(f"{address}/code", kind="accumulate").text
        digits = DIGITS.search(page)
        live = re.search(r'hx-get="([^"]+live[^"]*)"', page)
        assert digits
        assert live
        stranger = place.manager(rival.desk).confirm(digits[1])
        assert (stranger.status, stranger.code) == (404, "E_CODE_INVALID")
        assert place.manager().confirm(digits[1]).status == 200
        news = customer.get(live[1].replace("&amp;", "&"))
        assert news.status == 200
        assert "集章成功" in news.text or "已使用" in news.text

        late = take_code(place.shop.card)
        expired = clock.now() - timedelta(seconds=1)
        OneTimeCode.objects.filter(pk=late.code_id).update(
            created_at=expired - timedelta(seconds=180), expires_at=expired
        )
        said = place.manager().confirm(late.digits)
        assert (said.status, said.code) == (410, "E_CODE_EXPIRED")
        assert balance_of(card) == 1
        assert balance_of(place.shop.card) == 0


class TestCollusion:
    @pytest.mark.edge("threat collusion")
    @pytest.mark.spec("stamps D25", "stamps D37")
    def test_caps_hold_own_cards_are_refused_and_outliers_become_cases(self, place: Place) -> None:
        programme = make_programme(gap_s=30, per_day=2, slots=10)
        friend = make_card(programme, name="老朋友")
        manager = place.manager()
        assert manager.confirm(take_code(friend).digits).status == 200
        soon = manager.confirm(take_code(friend).digits)
        assert (soon.status, soon.code) == (429, "E_VELOCITY")
        Card.objects.update(stamped_at=clock.now() - timedelta(minutes=1))
        assert manager.confirm(take_code(friend).digits).status == 200
        Card.objects.update(stamped_at=clock.now() - timedelta(minutes=1))
        third = manager.confirm(take_code(friend).digits)
        assert third.code == "E_VELOCITY"

        phone = "+8613900001111"
        person = Person.objects.get(pk=place.shop.desk.person_id)
        person.set_phone(phone)
        person.save()
        own = make_card(place.shop.programme, name="店长自己", phone=phone)
        assert manager.confirm(take_code(own).digits).code == "E_SELF"

        friends = [make_card(place.shop.programme, name=f"老朋友{n}") for n in range(4)]
        for card in friends * 5:  # stamped from home, code after code
            assert manager.confirm(take_code(card).digits).status == 200

        limits = LimitsInput(operations_a_day=10, may_stamp_own=False, second_person_above=1)
        services.set_limits(values=limits, actor=ACTOR)
        ManagerBinding.objects.filter(person=person).update(operations=10)
        assert manager.confirm(take_code(place.shop.card).digits).code == "E_VELOCITY"
        big = services.adjust(card_id=friend.pk, amount=5, reason="补章", actor=ACTOR)
        assert big.state == "waiting"
        watching.watch(system_actor("watch"))
        case = Case.objects.get(kind=CaseKind.SAME_CARDS)
        assert (case.manager_id, case.store_id) == (person.pk, place.shop.store.pk)
        assert case.state == CaseState.OPEN
        assert bookings() == 22


class TestStolenSession:
    @pytest.mark.edge("threat stolen session")
    def test_is_worth_nothing_on_another_device_and_ends_with_the_rights(
        self, place: Place
    ) -> None:
        mine = place.manager()
        digits = take_code(place.shop.card).digits
        thief = place.phone(mine.cookies, ANDROID)
        for _ in range(2):  # also when the server remembers the session
            assert thief.confirm(digits).code == "E_SIGNED_OUT"
            assert thief.get("/staff/ledger").status in {302, 401, 403}
            assert mine.get("/staff/ledger").status == 200
        assert settings.SESSION_COOKIE_AGE == 12 * 60 * 60

        given = stamp(place.shop.desk, make_card(place.shop.programme))
        old = place.manager(signed_in=clock.now() - timedelta(minutes=31))
        stale = old.piece("/staff/stamp/undo", record=given.record_id)
        assert stale.status == 403
        assert "E_SIGN_IN_AGAIN" in stale.text

        services.remove_manager(binding_id=place.shop.desk.binding_id, actor=ACTOR)
        gone = mine.confirm(digits)
        assert (gone.status, gone.code) == (403, "E_NOT_MANAGER")
        assert bookings() == 1  # the stamp that could not be undone


class TestLeakedInvitation:
    @pytest.mark.edge("threat leaked invitation")
    @pytest.mark.spec("stamps D02", "stamps D03")
    def test_works_once_and_late_scans_wait_for_the_office(self, place: Place) -> None:
        account = ChannelAccount.objects.filter(merchant=None).first() or make_account()
        people = [make_identity(account, nickname=name) for name in ("小赵", "小钱", "小孙")]
        invitation = make_invitation(place.shop.store)
        services.accept_scan(invitation_id=invitation.pk, person=people[0].person)
        with pytest.raises(InvitationUsed):
            services.accept_scan(invitation_id=invitation.pk, person=people[1].person)

        late = make_invitation(place.shop.store)
        at = late.created_at + timedelta(minutes=31)
        with clock.at(at), pytest.raises(InvitationPending):
            services.accept_scan(invitation_id=late.pk, person=people[2].person)
        assert PendingManager.objects.count() == 1

        digits = take_code(place.shop.card).digits
        for identity, status in zip(people, (200, 403, 403), strict=True):
            assert place.staff(identity).confirm(digits).status == status
        assert bookings() == 1


class TestFlooding:
    @pytest.mark.edge("threat flooding")
    @pytest.mark.spec("stamps D13")
    def test_only_managers_can_try_and_codes_are_few(self, place: Place) -> None:
        account = ChannelAccount.objects.filter(merchant=None).first() or make_account()
        unbound = place.staff(make_identity(account, nickname="路人"))
        nobody = place.phone({})
        for digits in wrong(6):
            assert unbound.confirm(digits).status == 403
            assert nobody.confirm(digits).status == 401
        assert not CodeTry.objects.exists()
        manager = place.manager()
        assert manager.confirm(take_code(place.shop.card).digits).status == 200

        customer, _card, address = place.customer()
        asked = []
        for _ in range(6):
            asked.append(customer.piece(f"{address}/code", kind="accumulate"))
            ref = re.search(r'name="ref" value="(\w+)"', asked[-1].text)
            if ref:
                customer.piece(f"{address}/code/revoke", ref=ref[1])
        assert [said.status for said in asked] == [200] * 5 + [429]
        assert "E_TOO_MANY_CODES" in asked[-1].text


class TestLeaks:
    @pytest.mark.edge("threat database leak", "threat digits in a log")
    @pytest.mark.spec("stamps D45")
    def test_neither_database_nor_log_has_the_digits(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        manager = place.manager()
        live, used = take_code(make_card(place.shop.programme)), take_code(place.shop.card)
        missed = wrong()[0]
        manager.preview(used.digits)
        assert manager.confirm(used.digits, key="k").status == 200
        manager.confirm(missed)

        typed = {live.digits, used.digits, missed}
        own = [record.getMessage() for record in caplog.records]
        lines = [line for line in own if not line.startswith("(0.")]  # Django's echo of SQL
        assert lines
        with tenancy.all_merchants("a test reads the table"), connection.cursor() as cursor:
            cursor.execute("SELECT t::text FROM codes_onetimecode t")
            rows = [str(row[0]) for row in cursor.fetchall()]
        for digits in typed:
            alone = re.compile(rf"(?<![\d.]){digits}(?!\d)")
            assert not any(alone.search(line) for line in lines)
            assert not any(alone.search(row) or digits.encode().hex() in row for row in rows)
        row = OneTimeCode.objects.get(pk=live.code_id)
        assert row.expires_at - row.created_at == timedelta(seconds=180)


class TestClock:
    @pytest.mark.edge("threat wrong clock")
    def test_only_the_servers_clock_counts(self, place: Place) -> None:
        late = take_code(place.shop.card)
        OneTimeCode.objects.filter(pk=late.code_id).update(
            expires_at=clock.now() - timedelta(seconds=1)
        )
        said = place.manager().send(
            "POST",
            "/staff/confirm",
            {"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "X-Now": "2026-01-01T00:00:00Z"},
            digits=late.digits,
            now="2026-01-01T00:00:00Z",
            at="0",
        )
        assert said.code == "E_CODE_EXPIRED"
        assert bookings() == 0


class TestOracle:
    @pytest.mark.edge("threat oracle")
    @pytest.mark.spec("stamps D21")
    def test_a_code_of_another_shop_looks_like_none_at_all(self, place: Place) -> None:
        foreign = make_shop()
        with foreign.scope:
            digits = take_code(foreign.card).digits
        unknown = wrong()[0]
        answers = []
        for number, typed in enumerate((digits, unknown)):
            phone = place.manager(make_manager(place.shop.store, f"店员{number}"))
            seen = phone.preview(typed)  # the page holds what was typed, and a key of its own
            page = Said(seen.status, re.sub(r'value="[^"]*"', "", seen.text))
            answers.append([phone.confirm(typed), page])
        assert answers[0] == answers[1]
        assert answers[0][0].code == "E_CODE_INVALID"
        assert CodeTry.objects.count() == 4

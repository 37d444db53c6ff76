"""A press on a card by both chains: one table of attacks, the same answers and headers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from config import hot
from config.hot import HotDoors
from zhanggui.accounts.models import Merchant, TierState
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import make_account
from zhanggui.contacts.guards import COOKIE
from zhanggui.contacts.models import (
    Customer,
    CustomerSession,
    CustomerState,
    IdentityLink,
    LinkKind,
    LinkState,
)
from zhanggui.contacts.services import open_session
from zhanggui.contacts.tests.factories import make_customer, make_link
from zhanggui.core import clock
from zhanggui.core.models import LimitCounter
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import services
from zhanggui.stamps.models import Card, Press, PressNonce
from zhanggui.stamps.tests.factories import Shop, balance_of, make_card, make_shop
from zhanggui.stamps.tests.pressing import PHONE, T1, make_seal, nonce_of, points_px, sent_text
from zhanggui.stamps.tests.test_door import (
    SECURITY_HEADERS,
    Answer,
    _keep_the_connection,  # noqa: F401  a fixture
)

SECRET = "c" * 32


class Sent:
    """A good press; a case changes what it is about."""

    def __init__(self, shop: Shop) -> None:
        self.account = make_account(merchant=shop.merchant)
        self.link = make_link(shop.merchant, self.account.pk, nickname="陈小溪")
        self.card = services.open_card(
            programme=shop.programme, customer_id=self.link.customer_id, actor=ACTOR
        )
        make_seal(shop.store)
        self.method = "POST"
        self.slug, self.token = shop.merchant.slug, self.card.token
        self.cookies = {COOKIE: open_session(link=self.link)}
        self.headers: dict[str, str] = {}
        self.fields = {"kind": "accumulate", "key": "k" * 32, "more": ""}
        self.fields |= {"nonce": nonce_of(self.card), "press": sent_text(points_px(T1))}

    def to(self, application: Any) -> Answer:
        """Send it as the page does."""
        told = {"HX-Request": "true", "X-CSRFToken": SECRET, "User-Agent": PHONE} | self.headers
        cookies = {settings.CSRF_COOKIE_NAME: SECRET} | self.cookies
        line = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        request = RequestFactory().generic(
            self.method,
            f"/w/{self.slug}/cards/{self.token}/press",
            data=urlencode(self.fields),
            content_type="application/x-www-form-urlencoded",
            headers={name: one for name, one in told.items() if one} | {"Cookie": line},
        )
        started: list[Any] = []
        body = b"".join(application(request.environ, lambda *what: started.append(what)))
        return Answer(int(started[0][0].split()[0]), dict(started[0][1]), body)


@pytest.fixture
def sent(shop: Shop) -> Sent:
    return Sent(shop)


def no_session(sent: Sent, _shop: Shop) -> None:
    sent.cookies.clear()


def made_up_session(sent: Sent, _shop: Shop) -> None:
    sent.cookies[COOKIE] = "x" * 26


def ended_session(_sent: Sent, _shop: Shop) -> None:
    CustomerSession.objects.update(expires_at=clock.now())


def session_of_another_shop(sent: Sent, _shop: Shop) -> None:
    rival = make_shop("rival")
    with rival.scope:
        link = make_link(rival.merchant, make_account(merchant=rival.merchant).pk)
        sent.cookies[COOKIE] = open_session(link=link)


def of_another_account(sent: Sent, _shop: Shop) -> None:
    ChannelAccount.objects.filter(pk=sent.account.pk).update(is_connected=False)
    make_account()


def unlinked(_sent: Sent, _shop: Shop) -> None:
    IdentityLink.objects.update(state=LinkState.REPLACED)


def by_phone_inside_wechat(_sent: Sent, _shop: Shop) -> None:
    IdentityLink.objects.update(kind=LinkKind.PHONE, account_id=0)


def blocked(_sent: Sent, _shop: Shop) -> None:
    Customer.objects.update(state=CustomerState.BLOCKED)


def frozen(_sent: Sent, _shop: Shop) -> None:
    Merchant.objects.update(state=TierState.FROZEN)


def plan_over(_sent: Sent, _shop: Shop) -> None:
    plan_of(features=["stamps"], ended=timedelta(days=20))


def without_stamps(_sent: Sent, _shop: Shop) -> None:
    plan_of(features=["coupons"], ended=-timedelta(days=20))


def plan_of(*, features: list[str], ended: timedelta) -> None:
    step: dict[str, Any] = {"from": None, "features": features, "limits": {}, "plan": "x"}
    step["is_trial"] = False
    Merchant.objects.update(plan_ends_at=clock.now() - ended, plan_steps=[step])


def unknown_shop(sent: Sent, _shop: Shop) -> None:
    sent.slug = "nobody"


def foreign_card(sent: Sent, shop: Shop) -> None:
    sent.token = make_card(shop.programme).token


def handed_on(sent: Sent, shop: Shop) -> None:
    other = make_customer(shop.merchant)
    Card.objects.filter(pk=sent.card.pk).update(customer_id=other.pk)


def no_csrf_token(sent: Sent, _shop: Shop) -> None:
    sent.headers["X-CSRFToken"] = ""


def wrong_csrf_token(sent: Sent, _shop: Shop) -> None:
    sent.headers["X-CSRFToken"] = "d" * 32


def foreign_origin(sent: Sent, _shop: Shop) -> None:
    sent.headers["Origin"] = "https://evil.example"


def foreign_host(sent: Sent, _shop: Shop) -> None:
    sent.headers["Host"] = "evil.example"


def by_get(sent: Sent, _shop: Shop) -> None:
    sent.method = "GET"


type Attack = Callable[[Sent, Shop], None]
ATTACKS: list[tuple[Attack, int]] = [
    (no_session, 401),
    (made_up_session, 401),
    (ended_session, 401),
    (session_of_another_shop, 401),
    (of_another_account, 401),
    (unlinked, 401),
    (by_phone_inside_wechat, 401),
    (blocked, 403),
    (frozen, 403),
    (plan_over, 403),
    (without_stamps, 404),
    (unknown_shop, 404),
    (foreign_card, 404),
    (handed_on, 404),
    (no_csrf_token, 403),
    (wrong_csrf_token, 403),
    (foreign_origin, 403),
    (foreign_host, 400),
    (by_get, 405),
]


class TestAttacks:
    @pytest.mark.parametrize(
        ("attack", "status"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS]
    )
    def test_is_refused_by_both_and_changes_nothing(
        self, shop: Shop, sent: Sent, attack: Attack, status: int
    ) -> None:
        django = WSGIHandler()
        attack(sent, shop)
        answers = [sent.to(HotDoors(django)), sent.to(django)]

        assert [answer.status for answer in answers] == [status, status]
        for answer in answers:
            for name, value in SECURITY_HEADERS.items():
                # Django answers a foreign host before any header is set
                assert status == 400 or answer.headers[name] == value
        assert not Transaction.objects.exists()
        assert not Press.objects.exists()
        assert PressNonce.objects.get().used_at is None


class TestPress:
    def test_both_chains_press_and_say_the_same(self, shop: Shop, sent: Sent) -> None:
        django, bodies, headers = WSGIHandler(), [], []
        for place, application in enumerate((HotDoors(django), django)):
            sent.fields |= {"nonce": nonce_of(sent.card), "press": sent_text(points_px(T1))}
            sent.fields["key"] = f"k{place}"
            answer = sent.to(application)
            assert answer.status == 200, answer.body
            words = answer.body.decode().replace(shop.store.name, "").replace(f"n={place}", "n=_")
            bodies.append(words.replace(f"{place + 1} / 20", "_").replace(f" {place + 1} ", " _ "))
            headers.append(answer.headers)

        assert bodies[0] == bodies[1]
        assert set(headers[0]) == set(headers[1])
        assert balance_of(sent.card) == 2
        assert shop.adds_up()

    def test_a_refusal_is_the_same_page(self, shop: Shop, sent: Sent) -> None:
        django = WSGIHandler()
        sent.fields["press"] = sent_text(points_px(T1)[:4])
        found = sent.to(HotDoors(django))
        sent.fields["nonce"] = nonce_of(sent.card)
        again = sent.to(django)

        assert (found.status, again.status) == (422, 422)
        assert "E_POINTS_FEW" in found.body.decode()
        assert _without_csrf(found.body) == _without_csrf(again.body)
        assert Press.objects.count() == 2

    def test_the_41st_in_ten_minutes_waits_by_both(self, shop: Shop, sent: Sent) -> None:
        django = WSGIHandler()
        assert sent.to(HotDoors(django)).status == 200
        LimitCounter.objects.filter(kind="stamps-press").update(count=39)
        sent.fields |= {"nonce": nonce_of(sent.card), "press": sent_text(points_px(T1))}
        sent.fields["key"] = "k2"
        assert sent.to(HotDoors(django)).status == 200
        sent.fields |= {"nonce": nonce_of(sent.card), "press": sent_text(points_px(T1))}
        sent.fields["key"] = "k3"

        assert [sent.to(HotDoors(django)).status, sent.to(django).status] == [429, 429]
        assert balance_of(sent.card) == 2

    def test_a_shop_that_takes_another_address_is_found_there(self, shop: Shop, sent: Sent) -> None:
        doors = HotDoors(WSGIHandler())
        assert sent.to(doors).status == 200
        Merchant.objects.filter(pk=shop.merchant.pk).update(slug="moved")
        assert sent.to(doors).status == 404
        sent.slug = "moved"
        sent.fields |= {"nonce": nonce_of(sent.card), "press": sent_text(points_px(T1))}
        sent.fields["key"] = "k2"
        assert sent.to(doors).status == 200

    def test_the_good_one_takes_the_short_chain(
        self, shop: Shop, sent: Sent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def closed(*_what: Any) -> Any:
            raise AssertionError

        assert sent.to(HotDoors(closed)).status == 200
        monkeypatch.setattr(hot, "is_holder", lambda *_who, **_names: False)
        with pytest.raises(AssertionError):
            sent.to(HotDoors(closed))


def _without_csrf(body: bytes) -> str:

    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", body.decode())

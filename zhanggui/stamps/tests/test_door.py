"""The confirm door by both chains: one table of attacks, the same answers and headers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.core.exceptions import TooManyFieldsSent
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client, RequestFactory
from django.utils import timezone

from config.hot import HotDoors, HotRequest
from zhanggui.accounts.models import AuditEntry, Person, Session, Store
from zhanggui.accounts.sessions import SessionStore
from zhanggui.accounts.tests.factories import ACTOR, make_person
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.tests.factories import make_account, make_identity, sign_in_staff
from zhanggui.codes.models import CodeTry
from zhanggui.core.models import IdempotencyRecord
from zhanggui.coupons.models import UseRecord
from zhanggui.coupons.tests.factories import make_coupon
from zhanggui.coupons.tests.factories import take_code as take_coupon_code
from zhanggui.ledger.models import Transaction
from zhanggui.stamps import desks, services
from zhanggui.stamps.models import Card, ManagerBinding, Reward
from zhanggui.stamps.tests.factories import (
    Shop,
    balance_of,
    make_shop,
    stamp,
    take_code,
    wrong_digits,
)

ADDRESS = "/staff/confirm"
SECRET = "c" * 32
SECURITY_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The refusal's code, if it is one in JSON."""
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            return ""
        return str(json.loads(self.body).get("error", {}).get("code", ""))


@dataclass
class Sent:
    """A request to the door; a case changes what it is about."""

    digits: str
    cookies: dict[str, str]
    fields: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    address: str = ADDRESS


class Chain:
    """One of the two ways to the view."""

    def __init__(self, application: Any) -> None:
        self.application = application

    def send(self, sent: Sent) -> Answer:
        """Send a request as a browser does, CSRF checks included."""
        headers = {"Accept": "application/json", "X-CSRFToken": SECRET} | sent.headers
        cookies = {settings.CSRF_COOKIE_NAME: SECRET} | sent.cookies
        request = RequestFactory().generic(
            sent.method,
            sent.address,
            data="&".join(
                f"{name}={value}" for name, value in {"digits": sent.digits, **sent.fields}.items()
            ),
            content_type="application/x-www-form-urlencoded",
            headers={k: v for k, v in headers.items() if v} | {"Cookie": _cookie_line(cookies)},
        )
        started: list[Any] = []
        pieces = self.application(request.environ, lambda *what: started.append(what))
        body = b"".join(pieces)
        status, found = started[0][0], dict(started[0][1])
        return Answer(int(status.split()[0]), found, body)


def _cookie_line(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items() if value)


@pytest.fixture(autouse=True)
def _keep_the_connection() -> Iterator[None]:
    # a server begins each request with a fresh look at its connection; a test has only this one
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture(params=["hot", "remembered", "ordinary"])
def chain(request: pytest.FixtureRequest, sent: Sent) -> Chain:
    """Both ways; the hot one also with a session that it remembers from the last request."""
    django = WSGIHandler()
    desks.forget()
    if request.param == "remembered":
        remember(sent)
    return Chain(django if request.param == "ordinary" else HotDoors(django))


def remember(sent: Sent) -> None:
    """Let the hot door know the session as it is now."""
    asked = RequestFactory().get("/staff/ledger")
    asked.COOKIES.update(sent.cookies)
    assert desks.who_of(asked)
    assert desks.assumed(asked)


@pytest.fixture
def sent(shop: Shop, client: Client) -> Sent:
    """A good request: a signed-in manager with a live code."""
    account = make_account()
    identity = make_identity(account, person=Person.objects.get(pk=shop.desk.person_id))
    sign_in_staff(client, identity)
    return Sent(
        digits=take_code(shop.card).digits,
        cookies={settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value},
    )


def session_key(sent: Sent) -> str:
    """The key of the session in use."""
    return sent.cookies[settings.SESSION_COOKIE_NAME]


def edit_session(sent: Sent, **values: Any) -> None:
    """Change what the session holds."""
    session = SessionStore(session_key(sent))
    session.update(values)
    session.save()


def no_session(sent: Sent, _shop: Shop) -> None:
    sent.cookies.clear()


def made_up_session(sent: Sent, _shop: Shop) -> None:
    sent.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32


def strange_session(sent: Sent, _shop: Shop) -> None:
    sent.cookies[settings.SESSION_COOKIE_NAME] = "' OR 1=1 --"


def ended_session(sent: Sent, _shop: Shop) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def tampered_session(sent: Sent, _shop: Shop) -> None:
    Session.objects.update(session_data="eyJhIjoxfQ:1xx:yyyy")


def session_of_somebody_else(sent: Sent, _shop: Shop) -> None:
    other = make_person(phone=None)
    other.set_unusable_password()
    other.save()
    edit_session(sent, **{SESSION_KEY: str(other.pk)})


def password_sign_in(sent: Sent, _shop: Shop) -> None:
    session = SessionStore(session_key(sent))
    del session["wechat_account_id"]
    session.save()


def carried_off(sent: Sent, _shop: Shop) -> None:
    edit_session(sent, _device="iPhone · 微信")
    sent.headers["User-Agent"] = "Mozilla/5.0 (Linux; Android 14; V2309A) MicroMessenger/8.0.49"


def platform_account_gone(sent: Sent, _shop: Shop) -> None:
    ChannelAccount.objects.update(is_connected=False)


def new_password(sent: Sent, shop: Shop) -> None:
    Person.objects.filter(pk=shop.desk.person_id).update(password=make_password("another"))


def switched_off(sent: Sent, shop: Shop) -> None:
    Person.objects.filter(pk=shop.desk.person_id).update(is_active=False)


def unbound(sent: Sent, shop: Shop) -> None:
    services.remove_manager(binding_id=shop.desk.binding_id, actor=ACTOR)


def no_csrf_token(sent: Sent, _shop: Shop) -> None:
    sent.headers["X-CSRFToken"] = ""


def wrong_csrf_token(sent: Sent, _shop: Shop) -> None:
    sent.headers["X-CSRFToken"] = "d" * 32


def no_csrf_cookie(sent: Sent, _shop: Shop) -> None:
    sent.cookies[settings.CSRF_COOKIE_NAME] = ""


def foreign_origin(sent: Sent, _shop: Shop) -> None:
    sent.headers["Origin"] = "https://evil.example"


def foreign_host(sent: Sent, _shop: Shop) -> None:
    sent.headers["Host"] = "evil.example"


def by_get(sent: Sent, _shop: Shop) -> None:
    sent.method = "GET"


def unknown_code(sent: Sent, _shop: Shop) -> None:
    sent.digits = wrong_digits()


def foreign_code(sent: Sent, _shop: Shop) -> None:
    rival = make_shop()
    with rival.scope:
        sent.digits = take_code(rival.card).digits


def five_digits(sent: Sent, _shop: Shop) -> None:
    sent.digits = sent.digits[:5]


def letters(sent: Sent, _shop: Shop) -> None:
    sent.digits = "12345a"


def nothing_typed(sent: Sent, _shop: Shop) -> None:
    sent.digits = ""


def too_many(sent: Sent, _shop: Shop) -> None:
    sent.fields["amount"] = "2"


def amount_as_text(sent: Sent, _shop: Shop) -> None:
    sent.fields["amount"] = "many"


def withdrawn_code(sent: Sent, shop: Shop) -> None:
    services.request_code(card=shop.card, kind="accumulate", actor=ACTOR)  # type: ignore[arg-type]
    from zhanggui.codes.models import OneTimeCode

    code = OneTimeCode.objects.get()
    services.revoke_code(card=shop.card, code_id=code.pk, actor=ACTOR)


def locked(sent: Sent, shop: Shop) -> None:
    now = timezone.now()
    for _ in range(5):
        CodeTry(kind="wrong", person_id=shop.desk.person_id, store_id=shop.store.pk, at=now).save()


type Attack = Callable[[Sent, Shop], None]
ATTACKS: list[tuple[Attack, int, str]] = [
    (no_session, 401, "E_SIGNED_OUT"),
    (made_up_session, 401, "E_SIGNED_OUT"),
    (strange_session, 401, "E_SIGNED_OUT"),
    (ended_session, 401, "E_SIGNED_OUT"),
    (tampered_session, 401, "E_SIGNED_OUT"),
    (session_of_somebody_else, 401, "E_SIGNED_OUT"),
    (password_sign_in, 401, "E_SIGNED_OUT"),
    (carried_off, 401, "E_SIGNED_OUT"),
    (platform_account_gone, 401, "E_SIGNED_OUT"),
    (new_password, 401, "E_SIGNED_OUT"),
    (switched_off, 401, "E_SIGNED_OUT"),
    (unbound, 403, "E_NOT_MANAGER"),
    (no_csrf_token, 403, ""),
    (wrong_csrf_token, 403, ""),
    (no_csrf_cookie, 403, ""),
    (foreign_origin, 403, ""),
    (foreign_host, 400, ""),
    (by_get, 405, ""),
    (unknown_code, 404, "E_CODE_INVALID"),
    (foreign_code, 404, "E_CODE_INVALID"),
    (five_digits, 422, "E_CODE_FORMAT"),
    (letters, 422, "E_CODE_FORMAT"),
    (nothing_typed, 422, "E_CODE_FORMAT"),
    (too_many, 422, "E_AMOUNT"),
    (amount_as_text, 422, "E_FORM"),
    (withdrawn_code, 410, "E_CODE_REVOKED"),
    (locked, 429, "E_LOCKED"),
]


AT_BOTH_DOORS = (
    ended_session,
    carried_off,
    new_password,
    unbound,
    no_csrf_token,
    foreign_origin,
    by_get,
    unknown_code,
    nothing_typed,
    locked,
)


class TestAttacks:
    @pytest.mark.parametrize(
        ("attack", "refusal"),
        [(attack, (status, code)) for attack, status, code in ATTACKS],
        ids=[attack.__name__ for attack, _, _ in ATTACKS],
    )
    def test_is_refused_and_changes_nothing(
        self, shop: Shop, chain: Chain, sent: Sent, attack: Attack, refusal: tuple[int, str]
    ) -> None:
        attack(sent, shop)
        answer = chain.send(sent)

        assert (answer.status, answer.code) == refusal
        for name, value in SECURITY_HEADERS.items():
            if answer.status != 400:  # Django answers a foreign host before any header is set
                assert answer.headers[name] == value
                assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert balance_of(shop.card) == 0
        assert not Transaction.objects.exists()
        assert not IdempotencyRecord.objects.exists()

    @pytest.mark.parametrize(
        ("attack", "refusal"),
        [(attack, (status, code)) for attack, status, code in ATTACKS if attack in AT_BOTH_DOORS],
        ids=[attack.__name__ for attack, _, _ in ATTACKS if attack in AT_BOTH_DOORS],
    )
    def test_the_door_of_coupons_refuses_the_same(
        self, shop: Shop, sent: Sent, attack: Attack, refusal: tuple[int, str]
    ) -> None:
        coupon = make_coupon(customer=shop.card.customer)
        sent.digits, sent.address = take_coupon_code(coupon).digits, "/staff/redeem"
        sent.headers["Idempotency-Key"] = "c" * 26
        remember(sent)
        attack(sent, shop)
        answer = Chain(HotDoors(WSGIHandler())).send(sent)

        assert (answer.status, answer.code) == refusal
        assert not UseRecord.objects.exists()
        assert not IdempotencyRecord.objects.exists()

    @pytest.mark.parametrize("status", [429])
    def test_a_lock_says_how_long(self, shop: Shop, chain: Chain, sent: Sent, status: int) -> None:
        locked(sent, shop)
        answer = chain.send(sent)

        assert answer.status == status
        assert 590 <= int(answer.headers["Retry-After"]) <= 600


class TestRemembered:
    """What the hot door assumes is never acted upon."""

    def test_a_bad_code_of_an_ended_session_leaves_no_trace(self, shop: Shop, sent: Sent) -> None:
        remember(sent)
        ended_session(sent, shop)
        sent.digits = "12345"
        answer = Chain(HotDoors(WSGIHandler())).send(sent)

        assert (answer.status, answer.code) == (401, "E_SIGNED_OUT")
        assert not AuditEntry.objects.filter(action__startswith="stamps.code.refused").exists()

    def test_a_guess_of_an_ended_session_is_not_counted(self, shop: Shop, sent: Sent) -> None:
        remember(sent)
        ended_session(sent, shop)
        sent.digits = wrong_digits()
        answer = Chain(HotDoors(WSGIHandler())).send(sent)

        assert (answer.status, answer.code) == (401, "E_SIGNED_OUT")
        assert not CodeTry.objects.exists()

    def test_a_guess_counts_once(self, shop: Shop, sent: Sent) -> None:
        remember(sent)
        sent.digits = wrong_digits()
        answer = Chain(HotDoors(WSGIHandler())).send(sent)

        assert (answer.status, answer.code) == (404, "E_CODE_INVALID")
        assert CodeTry.objects.count() == 1

    def test_a_manager_moved_to_another_store_books_there(self, shop: Shop, sent: Sent) -> None:
        remember(sent)
        other = Store(name="二号店")
        other.save()
        ManagerBinding.objects.filter(pk=shop.desk.binding_id).update(store_id=other.pk)
        answer = Chain(HotDoors(WSGIHandler())).send(sent)

        assert (answer.status, json.loads(answer.body)["store_name"]) == (200, "二号店")
        assert [one.store_id for one in Transaction.objects.all()] == [other.pk]


class TestConfirm:
    @pytest.mark.spec("stamps R10")
    def test_books_and_answers(self, shop: Shop, chain: Chain, sent: Sent) -> None:
        answer = chain.send(sent)

        assert answer.status == 200
        assert json.loads(answer.body)["after"] == 1
        assert balance_of(shop.card) == 1
        assert answer.headers["Cache-Control"].startswith("max-age=0")
        assert shop.adds_up()

    @pytest.mark.spec("stamps D19")
    @pytest.mark.parametrize("where", ["header", "field"])
    def test_the_same_key_answers_the_same_body(
        self, shop: Shop, chain: Chain, sent: Sent, where: str
    ) -> None:
        if where == "header":
            sent.headers["Idempotency-Key"] = "k" * 26
        else:
            sent.fields["key"] = "k" * 26
        first, again = chain.send(sent), chain.send(sent)

        assert first.status == 200
        assert (again.status, again.body) == (200, first.body)
        assert Transaction.objects.count() == 1

    def test_the_last_stamp_wins_and_the_same_key_wins_once(
        self, shop: Shop, chain: Chain, sent: Sent
    ) -> None:
        Card.objects.filter(pk=shop.card.pk).update(balance=shop.card.terms.slots - 1)
        sent.headers["Idempotency-Key"] = "w" * 26
        first, again = chain.send(sent), chain.send(sent)
        assert (first.status, again.status) == (200, 200), first.body
        assert first.body == again.body
        assert Reward.objects.filter(card=shop.card).count() == 1

    @pytest.mark.parametrize("accept", ["application/json", "text/html"])
    def test_digits_of_a_coupon_redeem_it(
        self, shop: Shop, chain: Chain, sent: Sent, accept: str
    ) -> None:
        """One input for all operations: the code decides (R14), also at the door of stamps."""
        coupon = make_coupon(customer=shop.card.customer)
        sent.digits = take_coupon_code(coupon).digits
        sent.headers |= {"Accept": accept, "HX-Request": "true", "Idempotency-Key": "c" * 26}

        first, again = chain.send(sent), chain.send(sent)

        assert (first.status, again.status) == (200, 200), first.body
        assert UseRecord.objects.get().coupon_id == coupon.pk
        assert balance_of(shop.card) == 0

    def test_a_piece_of_a_page(self, shop: Shop, chain: Chain, sent: Sent) -> None:
        sent.headers |= {"Accept": "text/html", "HX-Request": "true"}
        answer = chain.send(sent)

        assert answer.status == 200
        assert 'data-result="accumulate"' in answer.body.decode()

    def test_a_refusal_as_a_piece_of_a_page(self, shop: Shop, chain: Chain, sent: Sent) -> None:
        sent.headers |= {"Accept": "text/html", "HX-Request": "true"}
        sent.digits = wrong_digits()
        answer = chain.send(sent)

        assert answer.status == 404
        assert "<html" not in answer.body.decode()

    def test_without_a_script_a_whole_page_comes(
        self, shop: Shop, chain: Chain, sent: Sent
    ) -> None:
        sent.headers["Accept"] = "text/html"
        answer = chain.send(sent)

        assert answer.status == 200
        assert "<html" in answer.body.decode()
        assert balance_of(shop.card) == 1

    @pytest.mark.parametrize("language", ["zh-hans", "en"])
    def test_speaks_the_language_of_the_request(
        self, shop: Shop, chain: Chain, sent: Sent, language: str
    ) -> None:
        sent.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        sent.digits = wrong_digits()

        assert chain.send(sent).headers["Content-Language"] == language


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"digits=048+213&reason=a%20%26%E8%8C%B6&key="),
        ("application/x-www-form-urlencoded; charset=utf-8", b"a=1&a=2&b&c=%FF%00"),
        ("application/x-www-form-urlencoded", "digits=０４８".encode()),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 900)),
        ("application/json", b'{"digits": "048213"}'),
    ],
    ids=["form", "repeated-and-broken", "not-ascii", "many", "no-form"],
)
def test_a_hot_request_reads_forms_as_django_does(content_type: str, body: bytes) -> None:
    def environ() -> dict[str, Any]:
        made: dict[str, Any] = RequestFactory().post(ADDRESS, body, content_type).environ
        return made

    ours, theirs = HotRequest(environ()), WSGIRequest(environ())

    assert {name: ours.POST.getlist(name) for name in ours.POST} == dict(theirs.POST.lists())


def test_a_hot_request_refuses_too_many_fields() -> None:
    body = b"&".join([b"a=1"] * 1001)
    request = HotRequest(
        RequestFactory().post(ADDRESS, body, "application/x-www-form-urlencoded").environ
    )

    with pytest.raises(TooManyFieldsSent):
        request.POST.get("a")


def test_both_chains_send_the_same_headers(shop: Shop, sent: Sent) -> None:
    stamp(shop.desk, shop.card)
    sent.digits = "12"
    django = WSGIHandler()
    hot, ordinary = Chain(HotDoors(django)).send(sent), Chain(django).send(sent)

    assert set(hot.headers) == set(ordinary.headers)
    differing = {n for n, v in hot.headers.items() if v != ordinary.headers[n] and n != "Vary"}
    assert differing == set()
    assert set(hot.headers["Vary"].split(", ")) == set(ordinary.headers["Vary"].split(", "))
    assert hot.body == ordinary.body

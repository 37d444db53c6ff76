"""Whatever goes wrong at the desk or at a scan: its own text in both languages, nothing changed."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from zhanggui.accounts.models import Merchant, Person
from zhanggui.accounts.tests.factories import ACTOR, make_person, make_store
from zhanggui.channels.wechat import crypto
from zhanggui.channels.wechat.crypto import MessageBox
from zhanggui.channels.wechat.models import ChannelAccount, OutgoingMessage, PersonIdentity
from zhanggui.channels.wechat.tests.factories import (
    AES_KEY,
    TEXT_PATH,
    TOKEN,
    FakeWechat,
    fake_wechat,
    make_account,
    make_identity,
    make_scene_code,
    run_jobs,
    sign_in_staff,
)
from zhanggui.codes.models import CodeTry, OneTimeCode
from zhanggui.core import clock
from zhanggui.core.models import IdempotencyRecord
from zhanggui.ledger.models import Entry, Transaction
from zhanggui.stamps import selectors, services
from zhanggui.stamps.models import (
    Card,
    InvitationState,
    Kind,
    ManagerBinding,
    ManagerInvitation,
    PendingManager,
    StampRecord,
)
from zhanggui.stamps.services.managers import PURPOSE
from zhanggui.stamps.tests.factories import (
    Shop,
    confirm,
    customer_of,
    make_card,
    make_invitation,
    make_manager,
    make_programme,
    make_shop,
    preview,
    stamp,
    take_code,
    wrong_digits,
)

HTMX = {"HX-Request": "true"}
REFUSAL = re.compile(r'data-refusal="(E_\w+)".*?</svg>.*?<div>(.*?)(?:<div>.*)?<small>', re.DOTALL)
LANGUAGES = ("zh-hans", "en")


def full_width(digits: str) -> str:
    return digits.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)})


def five_digits(shop: Shop) -> str:
    return take_code(shop.card).digits[:5]


def seven_digits(shop: Shop) -> str:
    return take_code(shop.card).digits + "0"


def letters(shop: Shop) -> str:
    return take_code(shop.card).digits[:5] + "O"


def nothing(shop: Shop) -> str:
    take_code(shop.card)
    return ""


def unknown(shop: Shop) -> str:
    take_code(shop.card)
    return wrong_digits()


def foreign(shop: Shop) -> str:
    rival = make_shop()
    with rival.scope:
        return take_code(rival.card).digits


def expired(shop: Shop) -> str:
    with clock.at(clock.now() - timedelta(seconds=180)):
        return take_code(shop.card).digits


def used(shop: Shop) -> str:
    digits = take_code(shop.card).digits
    confirm(make_manager(shop.store, "赵小敏"), digits)
    return digits


def withdrawn(shop: Shop) -> str:
    code = take_code(shop.card)
    services.revoke_code(card=shop.card, code_id=code.code_id, actor=customer_of(shop.card))
    return code.digits


def replaced(shop: Shop) -> str:
    stamp(shop.desk, shop.card)
    digits = take_code(shop.card).digits
    take_code(shop.card, Kind.CANCEL)
    return digits


def held(shop: Shop) -> str:
    digits = take_code(shop.card).digits
    preview(make_manager(shop.store, "赵小敏"), digits)
    return digits


def of_another_store(shop: Shop) -> str:
    other = make_store(shop.merchant, "二店")
    return take_code(make_card(make_programme(store_ids=[other.pk]))).digits


def paused(shop: Shop) -> str:
    digits = take_code(shop.card).digits
    services.pause_programme(programme_id=shop.programme.pk, actor=ACTOR)
    return digits


def too_late_to_cancel(shop: Shop) -> str:
    moment = clock.now()
    with clock.at(moment - timedelta(hours=24, seconds=1)):
        stamp(shop.desk, shop.card)
    with clock.at(moment - timedelta(seconds=30)):
        return take_code(shop.card, Kind.CANCEL).digits


def nothing_to_cancel_here(shop: Shop) -> str:
    stamp(make_manager(make_store(shop.merchant, "二店")), shop.card)
    return take_code(shop.card, Kind.CANCEL).digits


type Case = Callable[[Shop], str]
CASES: list[tuple[Case, int, str]] = [
    (five_digits, 422, "E_CODE_FORMAT"),
    (seven_digits, 422, "E_CODE_FORMAT"),
    (letters, 422, "E_CODE_FORMAT"),
    (nothing, 422, "E_CODE_FORMAT"),
    (unknown, 404, "E_CODE_INVALID"),
    (foreign, 404, "E_CODE_INVALID"),
    (expired, 410, "E_CODE_EXPIRED"),
    (used, 409, "E_CODE_USED"),
    (withdrawn, 410, "E_CODE_REVOKED"),
    (replaced, 410, "E_CODE_REVOKED"),
    (held, 409, "E_CODE_HELD"),
    (of_another_store, 409, "E_WRONG_STORE"),
    (paused, 409, "E_CARD_STATE"),
    (too_late_to_cancel, 409, "E_CANCEL_WINDOW"),
    (nothing_to_cancel_here, 409, "E_NOTHING_TO_CANCEL"),
]


def told(response: Any) -> tuple[str, str]:
    """The code and the text a page shows."""
    found = REFUSAL.search(response.content.decode())
    assert found, response.content.decode()[:800]
    return found[1], html.unescape(found[2]).strip()


def everything() -> list[Any]:
    """What a refusal must leave as it is."""
    codes = OneTimeCode.objects.order_by("pk").values_list("pk", "state", "held_by_id")
    return [
        Transaction.objects.count(),
        Entry.objects.count(),
        StampRecord.objects.count(),
        IdempotencyRecord.objects.count(),
        list(Card.objects.order_by("pk").values_list("pk", "balance", "version")),
        list(codes),
    ]


def is_english(text: str) -> bool:
    # names of people stay as they are in both languages
    return bool(re.search("[a-z]{3}", text))


class TestDesk:
    @pytest.mark.parametrize("step", ["staff_preview", "staff_confirm"])
    @pytest.mark.parametrize(
        ("case", "refusal"),
        [(case, (status, code)) for case, status, code in CASES],
        ids=[case.__name__ for case, _, _ in CASES],
    )
    def test_refuses_in_both_languages_and_changes_nothing(
        self, client: Client, shop: Shop, case: Case, refusal: tuple[int, str], step: str
    ) -> None:
        person = Person.objects.get(pk=shop.desk.person_id)
        sign_in_staff(client, make_identity(make_account(), person=person))
        digits = case(shop)
        before = everything()
        texts = []
        for language in LANGUAGES:
            client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
            url = reverse(f"stamps:{step}")
            response = client.post(url, {"digits": digits, "key": "k" * 26}, headers=HTMX)
            code, text = told(response)
            assert (response.status_code, code) == refusal
            texts.append(text)

        assert everything() == before
        assert [is_english(text) for text in texts] == [False, True]
        counted = 2 if refusal[1] == "E_CODE_INVALID" else 0
        assert CodeTry.objects.filter(kind="wrong").count() == counted

    def test_each_refusal_has_a_text_of_its_own(self) -> None:
        from zhanggui.stamps import errors

        kinds = [getattr(errors, name) for name in errors.__all__]
        assert len({str(kind.text) for kind in kinds}) == len(kinds)

    @pytest.mark.parametrize("fields", [{"amount": "x"}, {"record": "x"}, {"amount": "0"}])
    def test_a_broken_form_says_so(
        self, client: Client, shop: Shop, fields: dict[str, str]
    ) -> None:
        person = Person.objects.get(pk=shop.desk.person_id)
        sign_in_staff(client, make_identity(make_account(), person=person))
        digits = take_code(shop.card).digits
        before = everything()

        response = client.post(
            reverse("stamps:staff_confirm"), {"digits": digits} | fields, headers=HTMX
        )

        assert (response.status_code, told(response)[0]) == (422, "E_FORM")
        assert everything() == before

    def test_signed_out_says_that_nothing_was_changed(self, client: Client, shop: Shop) -> None:
        make_account()
        digits = take_code(shop.card).digits
        before = everything()
        texts = []
        for language in LANGUAGES:
            client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
            response = client.post(
                reverse("stamps:staff_confirm"),
                {"digits": digits},
                headers={"Accept": "application/json"},
            )
            error = response.json()["error"]
            assert (response.status_code, error["code"]) == (401, "E_SIGNED_OUT")
            texts.append(error["message"])

        assert texts == [
            "您已退出登录，请重新登录；没有做任何改动。",
            "You are signed out. Sign in again; nothing was changed.",
        ]
        assert everything() == before

    @pytest.mark.spec("stamps R09")
    def test_leading_zeros_full_width_and_blanks_are_good(
        self, client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("secrets.randbelow", lambda _most: 42)
        code = take_code(shop.card)
        assert code.digits == "000042"
        person = Person.objects.get(pk=shop.desk.person_id)
        sign_in_staff(client, make_identity(make_account(), person=person))

        response = client.post(
            reverse("stamps:staff_confirm"),
            {"digits": f" {full_width('000')} 0-4 2", "key": "k" * 26},
            headers=HTMX,
        )

        assert response.status_code == 200
        assert shop.records()[0].code_id == code.code_id


T0 = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
SCANNER = "scanner-1"


@dataclass
class Door:
    """The platform's account, pushed to as WeChat does; keeps what it wrote into the chat."""

    client: Client
    account: ChannelAccount
    wechat: FakeWechat

    def scan(self, invitation: ManagerInvitation, at: datetime, openid: str = SCANNER) -> str:
        """Somebody scans the picture; answers what the chat says then."""
        scene = make_scene_code(
            self.account,
            PURPOSE,
            merchant_id=invitation.merchant_id,
            subject_id=invitation.pk,
        )
        body = (
            f"<xml><ToUserName>gh_x</ToUserName><FromUserName>{openid}</FromUserName>"
            f"<CreateTime>{int(at.timestamp())}</CreateTime><MsgType>event</MsgType>"
            f"<Event>SCAN</Event><EventKey>{scene.scene}</EventKey></xml>"
        )
        sealed = MessageBox(AES_KEY, self.account.app_id).encrypt(body)
        now = str(int(time.time()))
        response = self.client.post(
            f"/hooks/wechat/{self.account.app_id}/",
            f"<xml><Encrypt>{sealed}</Encrypt></xml>",
            content_type="text/xml",
            query_params={
                "timestamp": now,
                "nonce": "n",
                "encrypt_type": "aes",
                "msg_signature": crypto.signature(TOKEN, now, "n", sealed),
            },
        )
        assert response.content == b"success"
        with clock.at(at):
            run_jobs()
        return self.said()

    def said(self) -> str:
        """The newest message in the chat."""
        assert self.wechat.paths()[-1] == TEXT_PATH
        return str(self.wechat.body()["text"]["content"])


@pytest.fixture
def door(db: None) -> Iterator[Door]:
    """No browser is signed in: a scan needs nobody but the platform's account (R03)."""
    with fake_wechat() as fake:
        yield Door(Client(), make_account(), fake)


@pytest.fixture
def invitation(shop: Shop) -> ManagerInvitation:
    """A QR code made at T0."""
    with clock.at(T0):
        return make_invitation(shop.store)


def bound_names(shop: Shop) -> list[str]:
    return [binding.name for binding in selectors.managers_of(shop.store.pk)]


def qr_used(shop: Shop, invitation: ManagerInvitation, _who: Person) -> datetime:
    with clock.at(T0):
        services.accept_scan(invitation_id=invitation.pk, person=make_person("早到", phone=None))
    return T0 + timedelta(minutes=1)


def qr_revoked(shop: Shop, invitation: ManagerInvitation, _who: Person) -> datetime:
    services.revoke_invitation(invitation_id=invitation.pk, actor=ACTOR)
    return T0


def qr_late(shop: Shop, invitation: ManagerInvitation, _who: Person) -> datetime:
    return T0 + timedelta(minutes=31)


def qr_last_second(shop: Shop, invitation: ManagerInvitation, _who: Person) -> datetime:
    return T0 + timedelta(hours=23, minutes=59, seconds=59)


def qr_expired(shop: Shop, invitation: ManagerInvitation, _who: Person) -> datetime:
    return T0 + timedelta(hours=24)


def qr_bound_here(shop: Shop, invitation: ManagerInvitation, who: Person) -> datetime:
    ManagerBinding.objects.create(
        person=who, merchant_id=shop.merchant.pk, store_id=shop.store.pk, name=who.name
    )
    return T0


def qr_bound_elsewhere(shop: Shop, invitation: ManagerInvitation, who: Person) -> datetime:
    other = make_store(shop.merchant, "二店")
    ManagerBinding.objects.create(
        person=who, merchant_id=shop.merchant.pk, store_id=other.pk, name=who.name
    )
    return T0


def qr_bound_at_a_rival(shop: Shop, invitation: ManagerInvitation, who: Person) -> datetime:
    rival = make_shop()
    rival.scope.close()
    ManagerBinding.objects.create(
        person=who, merchant_id=rival.merchant.pk, store_id=rival.store.pk, name=who.name
    )
    return T0


def qr_sixth(shop: Shop, invitation: ManagerInvitation, _who: Person) -> datetime:
    for number in range(4):
        make_manager(shop.store, f"店员{number}")
    return T0


type Scan = Callable[[Shop, ManagerInvitation, Person], datetime]
SCANS: list[tuple[Scan, str, str]] = [
    (qr_used, "这个二维码已被使用", "already used"),
    (qr_revoked, "商家已作废这个二维码", "has withdrawn this QR code"),
    (qr_late, "需要商家先通过", "the shop must approve you first"),
    (qr_last_second, "需要商家先通过", "the shop must approve you first"),
    (qr_expired, "现在已过期", "valid for 24 hours and has expired"),
    (qr_bound_here, "您已经是", "You already manage"),
    (qr_bound_elsewhere, "这个微信已绑定二店", "already manages 二店"),
    (qr_bound_at_a_rival, "这个微信已绑定其他门店", "already manages another store"),
    (qr_sixth, "本店已有 5 名管理员", "already has 5 managers"),
]


class TestScan:
    @pytest.mark.spec("stamps R03", "stamps R04")
    def test_binds_and_says_where_to_go(
        self, shop: Shop, door: Door, invitation: ManagerInvitation
    ) -> None:
        said = door.scan(invitation, T0)

        assert f"您已成为{shop.merchant.name}·{shop.store.name}的管理员" in said
        assert "/staff/" in said
        assert ManagerBinding.objects.filter(removed_at=None).count() == 2

    @pytest.mark.spec("stamps D06")
    def test_three_times_is_one_row(
        self, shop: Shop, door: Door, invitation: ManagerInvitation
    ) -> None:
        for second in range(3):
            door.scan(invitation, T0 + timedelta(seconds=second))

        assert "您已经是" in door.said()
        who = PersonIdentity.objects.get(openid=SCANNER).person
        assert ManagerBinding.objects.filter(person=who).count() == 1

    @pytest.mark.spec("stamps R02", "stamps R05", "stamps D02", "stamps D05")
    @pytest.mark.parametrize(
        "said_in",
        [
            (case, language, text)
            for case, *texts in SCANS
            for language, text in zip(LANGUAGES, texts, strict=True)
        ],
        ids=[f"{case.__name__}-{language}" for case, _, _ in SCANS for language in LANGUAGES],
    )
    def test_that_binds_nobody_says_why(
        self,
        shop: Shop,
        door: Door,
        invitation: ManagerInvitation,
        settings: Any,
        said_in: tuple[Scan, str, str],
    ) -> None:
        case, language, expected = said_in
        who = make_person("扫码人", phone=None)
        make_identity(door.account, person=who, openid=SCANNER)
        at = case(shop, invitation, who)
        settings.LANGUAGE_CODE = language
        before = list(ManagerBinding.objects.order_by("pk").values_list("pk", "removed_at"))
        used_before = ManagerInvitation.objects.get().used_count

        said = door.scan(invitation, at)

        assert expected in said
        after = list(ManagerBinding.objects.order_by("pk").values_list("pk", "removed_at"))
        assert after == before
        assert ManagerInvitation.objects.get().used_count == used_before
        is_waiting = case in {qr_late, qr_last_second}
        assert PendingManager.objects.count() == int(is_waiting)
        for rival in Merchant.objects.exclude(pk=shop.merchant.pk):
            assert rival.name not in said

    @pytest.mark.spec("stamps D03", "stamps R02")
    @pytest.mark.parametrize("ok", [True, False], ids=["approved", "rejected"])
    def test_a_late_one_hears_the_office_s_answer(
        self, shop: Shop, door: Door, invitation: ManagerInvitation, ok: bool
    ) -> None:
        at = T0 + timedelta(hours=23, minutes=59, seconds=59)
        door.scan(invitation, at)
        who = PersonIdentity.objects.get(openid=SCANNER).person
        assert selectors.desk_of(who.pk) is None
        pending = PendingManager.objects.get()
        decide = services.approve_pending if ok else services.reject_pending

        with clock.at(at + timedelta(hours=3)):
            decide(pending_id=pending.pk, actor=ACTOR)
            run_jobs("messages")

        assert OutgoingMessage.objects.count() == 1
        assert ("商家已通过您的申请" if ok else "没有通过") in door.said()
        assert f"{shop.merchant.name}·{shop.store.name}" in door.said()
        assert (selectors.desk_of(who.pk) is not None) is ok
        state = InvitationState.USED if ok else InvitationState.FRESH
        assert ManagerInvitation.objects.get().state == state

"""Many requests at the same moment: one message, one sign-in, one use, each with a control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from zhanggui.accounts import services as account_services
from zhanggui.accounts.errors import SignInLocked, WrongSignIn
from zhanggui.accounts.tests.factories import ACTOR, make_person
from zhanggui.channels.sms.models import OutgoingSms
from zhanggui.core.errors import DomainError
from zhanggui.core.models import LimitCounter
from zhanggui.core.tests.threads import together
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import codes, factors, pictures
from zhanggui.signin.services.pictures import Challenge
from zhanggui.signin.tests.inbox import Inbox, answer_of

pytestmark = pytest.mark.timeout(180)
PHONE = "+8613800138000"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TIMES = 8


def outcomes(work: Callable[[int], Any], times: int = TIMES) -> Counter[str]:
    """What became of each: ``ok``, or the name of the refusal."""
    answers = together(work, times=times)
    unexpected = [
        one for one in answers if isinstance(one, Exception) and not isinstance(one, DomainError)
    ]
    assert unexpected == []
    return Counter(type(one).__name__ if isinstance(one, Exception) else "ok" for one in answers)


def send(challenge: Challenge) -> None:
    codes.send_code(phone=PHONE, purpose=Purpose.LOGIN, challenge=challenge, ip=None)


def challenge() -> Challenge:
    token = pictures.new_picture("mine")
    return Challenge(token, answer_of(token), "mine")


@pytest.mark.spec("repairs U-3", "repairs A4")
def test_one_picture_in_twenty_posts_sends_one_message(race_db: str) -> None:
    """T-2, through the page itself."""
    account_services.edit_registration(
        place=None, is_open=True, needs_approval=False, title="", actor=ACTOR
    )
    client = Client()
    page = client.get("/join").content.decode()
    token = page.split('name="picture_token" value="')[1].split('"')[0]
    sent = {
        "do": "ask",
        "phone": "13800138000",
        "picture_token": token,
        "picture": answer_of(token),
    }

    def post(_number: int) -> int:
        other = Client()
        other.cookies.update(client.cookies)
        return int(other.post("/join", sent).status_code)

    statuses = Counter(together(post, times=20))
    assert statuses[200] == 1
    assert statuses[410] == 19
    assert OutgoingSms.objects.count() == 1


@pytest.mark.spec("repairs U-5")
def test_many_pictures_for_one_number_send_one_message(race_db: str) -> None:
    solved = [challenge() for _ in range(TIMES)]
    found = outcomes(lambda number: send(solved[number]))
    assert found["ok"] == 1
    assert OutgoingSms.objects.count() == 1


def test_control_without_the_slot_many_are_sent(
    race_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "_SLOT", codes._SLOT.replace("WHERE c.sent_at <= %(oldest)s", ""))
    monkeypatch.setattr(codes, "_refuse_too_soon", lambda *_given: None)
    solved = [challenge() for _ in range(TIMES)]
    outcomes(lambda number: send(solved[number]))
    assert 1 < OutgoingSms.objects.count() <= codes.PHONE_HOUR.most


@pytest.mark.spec("repairs U-4")
def test_a_code_is_used_once(race_db: str) -> None:
    send(challenge())
    digits = Inbox().code(PHONE)
    found = outcomes(
        lambda _number: codes.check_code(
            phone=PHONE, purpose=Purpose.LOGIN, digits=digits, ip=None
        ),
        times=4,
    )
    assert found == {"ok": 1, "CodeOver": 3}


@pytest.mark.spec("repairs U-4")
def test_more_than_five_guesses_at_once_are_five(race_db: str) -> None:
    send(challenge())
    right = Inbox().code(PHONE)
    wrong = [f"{number:06d}" for number in range(TIMES) if f"{number:06d}" != right]
    compared: list[bytes] = []
    kept = codes._hash

    def hashed(digits: str, phone: str, purpose: Purpose, place: str) -> bytes:
        compared.append(digits.encode())
        return kept(digits, phone, purpose, place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codes, "_hash", hashed)
        found = outcomes(
            lambda number: codes.check_code(
                phone=PHONE, purpose=Purpose.LOGIN, digits=wrong[number], ip=None
            ),
            times=len(wrong),
        )
    assert found["ok"] == 0
    assert len(compared) == codes.MOST_TRIES


def test_more_than_five_passwords_at_once_are_five(race_db: str) -> None:
    make_person(phone=PHONE)
    found = outcomes(
        lambda _number: account_services.authenticate(phone=PHONE, password="guess"),
        times=TIMES,
    )
    assert found[WrongSignIn.__name__] + found[SignInLocked.__name__] == TIMES
    assert LimitCounter.objects.get(kind="sign-in-phone").count == 5


def test_digits_of_the_app_work_once(race_db: str) -> None:
    person = make_person(phone=PHONE)
    factors.keep_totp(person=person, secret=SECRET, actor=ACTOR)
    digits, _left = factors.digits_now(SECRET)
    found = outcomes(lambda _number: factors.check_totp(person=person, digits=digits), times=4)
    assert found["ok"] == 1


def test_a_recovery_code_works_once(race_db: str) -> None:
    person = make_person(phone=PHONE)
    factors.keep_totp(person=person, secret=SECRET, actor=ACTOR)
    code = factors.renew_recovery_codes(person=person, actor=ACTOR)[0]
    found = outcomes(
        lambda _number: factors.spend_recovery_code(person=person, code=code, actor=ACTOR),
        times=4,
    )
    assert found["ok"] == 1

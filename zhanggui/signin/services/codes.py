"""Codes by SMS: sent under limits, tried at most five times, bound to one purpose."""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from datetime import timedelta
from math import ceil

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zhanggui.accounts import devices
from zhanggui.accounts.models import phone_hash
from zhanggui.channels.sms import services as sms
from zhanggui.channels.sms.models import SmsPurpose
from zhanggui.core import clock, limits, sealing
from zhanggui.core.errors import TooMany
from zhanggui.core.limits import Limit
from zhanggui.signin.errors import CodeBurnt, CodeOver, CodesSpent, CodeTooSoon, CodeWrong
from zhanggui.signin.models import Purpose, SmsCode
from zhanggui.signin.services import pictures
from zhanggui.signin.services.pictures import Challenge

LENGTH = 6
LASTS = timedelta(minutes=5)
BETWEEN = timedelta(seconds=60)
MOST_TRIES = 5
HASH_PURPOSE = "signin_smscode.digits"

PHONE_HOUR = Limit("sms-phone-hour", most=5, window_s=3600, lock_s=3600)
PHONE_DAY = Limit("sms-phone-day", most=10, window_s=86_400, lock_s=86_400)
IP_HOUR = Limit("sms-ip-hour", most=20, window_s=3600, lock_s=3600)
CHECK_IP = Limit("sms-check-ip", most=60, window_s=600, lock_s=600)

PURPOSE_WORDS = {
    Purpose.REGISTER: gettext_lazy("signing up"),
    Purpose.LOGIN: gettext_lazy("signing in"),
    Purpose.RESET: gettext_lazy("a new password"),
    Purpose.CHANGE_PHONE: gettext_lazy("changing the phone number"),
    Purpose.CUSTOMER: gettext_lazy("signing in as a customer"),
}

_SLOT = """
INSERT INTO signin_smscode AS c
  (phone_hash, purpose, digits_hash, sent_at, expires_at, tries, used_at)
VALUES (%(phone)s, %(purpose)s, %(digits)s, %(now)s, %(ends)s, 0, NULL)
ON CONFLICT (phone_hash, purpose) DO UPDATE SET
  digits_hash = excluded.digits_hash, sent_at = excluded.sent_at,
  expires_at = excluded.expires_at, tries = 0, used_at = NULL
WHERE c.sent_at <= %(oldest)s
RETURNING id
"""


def send_code(
    *,
    phone: str,
    purpose: Purpose,
    challenge: Challenge,
    ip: str | None,
    is_known: bool = True,
    place: str = "",
) -> int:
    """Send a code to a phone; answers after how many seconds the next one may be asked for.

    Every slot is taken before anything is sent, so that many requests at once send one message.

    Args:
        phone: E.164.
        purpose: what the code will be good for, and for nothing else.
        challenge: the picture code; used up here.
        ip: who asks; counted by network.
        is_known: False where nobody signs in with this number: everything happens alike, but no
            message is paid for.
        place: where alone the code will be good, for example a merchant.

    Raises:
        SmsNotSetUp, SmsStopped, SmsBudgetSpent: nothing can be sent (503, 503, 429).
        PictureOver, PictureWrong: as ``pictures.solve`` (410, 422).
        CodeTooSoon: less than 60 seconds after the last one (429).
        CodesSpent: 5 an hour or 10 a day for the number, 20 an hour for the address (429).
    """
    sms.refuse_stopped()
    pictures.solve(challenge)
    _refuse_too_soon(phone, purpose)
    _claim_slots(phone, ip)
    digits = "".join(secrets.choice("0123456789") for _ in range(LENGTH))
    moment = clock.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                _SLOT,
                {
                    "phone": phone_hash(phone),
                    "purpose": purpose,
                    "digits": _hash(digits, phone, purpose, place),
                    "now": moment,
                    "ends": moment + LASTS,
                    "oldest": moment - BETWEEN,
                },
            )
            is_free = cursor.fetchone() is not None
        if not is_free:
            raise CodeTooSoon(retry_after_s=ceil(BETWEEN.total_seconds()))
        _send(phone, purpose, digits, is_meant=is_known)
    return ceil(BETWEEN.total_seconds())


def _send(phone: str, purpose: Purpose, digits: str, *, is_meant: bool) -> None:
    text = _(
        "[Zhanggui] %(digits)s is your code for %(purpose)s, good for 5 minutes. Nobody of us "
        "ever asks you for it."
    )
    places = {"digits": digits, "purpose": PURPOSE_WORDS[purpose]}
    sms.send(
        phone=phone,
        text=text % places,
        purpose=SmsPurpose.CODE,
        params={"code": digits},
        is_meant=is_meant,
    )


def _claim_slots(phone: str, ip: str | None) -> None:
    subject = phone_hash(phone).hex()
    try:
        if network := devices.network_of(ip):
            limits.claim(IP_HOUR, network)
        limits.claim(PHONE_HOUR, subject)
        limits.claim(PHONE_DAY, subject)
    except TooMany as refusal:
        wait = refusal.retry_after_s or 0
        raise CodesSpent(retry_after_s=wait, minutes=ceil(wait / 60)) from None


def _refuse_too_soon(phone: str, purpose: Purpose) -> None:
    wait = seconds_to_next(phone=phone, purpose=purpose)
    if wait:
        raise CodeTooSoon(retry_after_s=wait)


def seconds_to_next(*, phone: str, purpose: Purpose) -> int:
    """How long until the next code may be asked for; 0 when it may now."""
    sent = SmsCode.objects.filter(phone_hash=phone_hash(phone), purpose=purpose)
    moment = sent.values_list("sent_at", flat=True).first()
    if moment is None:
        return 0
    return max(ceil((moment + BETWEEN - clock.now()).total_seconds()), 0)


def check_code(
    *, phone: str, purpose: Purpose, digits: str, ip: str | None, place: str = ""
) -> None:
    """Spend the newest code of a phone; the try is counted before it is compared.

    Raises:
        CodeWrong: other digits, or no code was asked for (422).
        CodeOver: used, or older than five minutes (410).
        CodeBurnt: five tries were wrong; only this code is lost, never the number (410).
        CodesSpent: too many tries from this address (429).
    """
    _claim_check(ip)
    rows = SmsCode.objects.filter(phone_hash=phone_hash(phone), purpose=purpose)
    moment = clock.now()
    with transaction.atomic(durable=True):
        is_counted = rows.filter(used_at=None, expires_at__gt=moment, tries__lt=MOST_TRIES).update(
            tries=F("tries") + 1
        )
    code = rows.first()
    if code is None:
        raise CodeWrong
    if not is_counted:
        is_burnt = code.used_at is None and code.tries >= MOST_TRIES
        raise CodeBurnt if is_burnt else CodeOver
    wanted = bytes(code.digits_hash)
    if not hmac.compare_digest(_hash(fold(digits), phone, purpose, place), wanted):
        raise CodeBurnt if code.tries >= MOST_TRIES else CodeWrong
    with transaction.atomic(durable=True):
        is_first = rows.filter(used_at=None, digits_hash=wanted).update(used_at=moment)
    if not is_first:
        raise CodeOver


def _claim_check(ip: str | None) -> None:
    network = devices.network_of(ip)
    if not network:
        return
    try:
        limits.claim(CHECK_IP, network)
    except TooMany as refusal:
        wait = refusal.retry_after_s or 0
        raise CodesSpent(retry_after_s=wait, minutes=ceil(wait / 60)) from None


def fold(typed: str) -> str:
    """Digits as people type them: full width and blanks are folded."""
    return "".join(unicodedata.normalize("NFKC", typed).split())


def _hash(digits: str, phone: str, purpose: Purpose, place: str) -> bytes:
    text = f"{purpose.value}|{place}|{phone}|{digits}"
    return sealing.keyed_hash(text, purpose=HASH_PURPOSE, merchant_id=None)


def forget() -> int:
    """Remove codes that are over for a day; answers how many."""
    before = clock.now() - timedelta(days=1)
    return SmsCode.objects.filter(expires_at__lt=before).delete()[0]

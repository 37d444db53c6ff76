"""One door for messages to phones: written down in the business transaction, sent by a job."""

from __future__ import annotations

import json
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.functional import Promise

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Person
from zhanggui.channels.sms import client, tasks
from zhanggui.channels.sms.errors import (
    SmsBudgetSpent,
    SmsNotSetUp,
    SmsRefused,
    SmsStopped,
    SmsUnreachable,
)
from zhanggui.channels.sms.models import (
    BODY_COLUMN,
    PHONE_COLUMN,
    OutgoingSms,
    SmsDay,
    SmsPurpose,
    SmsState,
    SmsStop,
)
from zhanggui.core import clock, sealing
from zhanggui.core.errors import DomainError
from zhanggui.ui.formats import masked_phone

log = structlog.get_logger("zhanggui.sms")

ZONE = "Asia/Shanghai"
CODE_LASTS = timedelta(minutes=5)
PLATFORM = "platform"
NOBODY = "nobody"
UNLIMITED = 10**9

_CLAIM = """
INSERT INTO sms_smsday AS d (owner, day, sent) VALUES (%(owner)s, %(day)s, 1)
ON CONFLICT (owner, day) DO UPDATE SET sent = d.sent + 1 WHERE d.sent < %(most)s
RETURNING sent
"""


def send(
    *,
    phone: str,
    text: str | Promise,
    purpose: SmsPurpose,
    params: tuple[str, ...] = (),
    merchant_id: int | None = None,
    is_meant: bool = True,
) -> OutgoingSms:
    """Write a message down and let a job send it, inside the caller's transaction.

    Args:
        phone: E.164.
        text: the words, as the sandbox shows them and a log of the shop may.
        purpose: chooses the provider's template.
        params: what the template's places are filled with; the text itself when empty.
        merchant_id: on whose account; None for the platform's own.
        is_meant: False goes the same way and sends nothing, so that whoever asks for a code of a
            number nobody has cannot tell it by the time it takes.

    Raises:
        SmsNotSetUp: no provider is named in the settings (E_SMS_NOT_SET_UP, 503).
        SmsStopped: the platform's emergency switch is on (E_SMS_STOPPED, 503).
        SmsBudgetSpent: the day's budget is used up (E_SMS_BUDGET, 429).
    """
    refuse_stopped()
    words = str(text)
    body = json.dumps({"text": words, "params": list(params) or [words]}, ensure_ascii=False)
    message = OutgoingSms(
        merchant_id=merchant_id,
        purpose=purpose,
        phone_sealed=sealing.seal(phone, column=PHONE_COLUMN, merchant_id=merchant_id),
        phone_masked=masked_phone(phone),
        body_sealed=sealing.seal(body, column=BODY_COLUMN, merchant_id=merchant_id),
        provider=settings.SMS_PROVIDER,
    )
    if not is_meant:
        message.state, message.error = SmsState.REFUSED, "not a user"
        message.phone_sealed, message.body_sealed = b"", None
    with transaction.atomic():
        _claim_of_budget(merchant_id, is_meant=is_meant)
        message.save(force_insert=True)
        tasks.send_message.defer(message_id=message.pk)
    return message


def refuse_stopped() -> None:
    """Refuse where nothing can be sent.

    Raises:
        SmsNotSetUp, SmsStopped: as ``send``.
    """
    if not client.is_set_up():
        raise SmsNotSetUp
    if settings.SMS_IS_STOPPED or SmsStop.objects.filter(is_on=True).exists():
        raise SmsStopped


def _claim_of_budget(merchant_id: int | None, *, is_meant: bool) -> None:
    most = settings.SMS_DAILY_BUDGET if merchant_id is None else settings.SMS_MERCHANT_BUDGET
    owner = PLATFORM if merchant_id is None else f"merchant:{merchant_id}"
    day = clock.local_date(clock.now(), ZONE)
    if most < 1:
        raise SmsBudgetSpent
    if not is_meant:  # a spent budget must not tell who is registered, either
        if SmsDay.objects.filter(owner=owner, day=day, sent__gte=most).exists():
            raise SmsBudgetSpent
        most, owner = UNLIMITED, NOBODY
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"owner": owner, "day": day, "most": most})
        if cursor.fetchone() is None:
            raise SmsBudgetSpent


def deliver(*, message_id: int, is_last_try: bool) -> None:
    """Hand one message over to the provider.

    Raises:
        SmsUnreachable: no answer and tries are left; the job comes again.
    """
    message = OutgoingSms.objects.filter(pk=message_id, state=SmsState.WAITING).first()
    if message is None or message.body_sealed is None:
        return
    if message.purpose == SmsPurpose.CODE and clock.now() >= message.created_at + CODE_LASTS:
        _done(message, SmsState.FAILED, error="too late")
        return
    try:
        number = client.current().send(_content_of(message))
    except SmsRefused as refusal:
        _done(message, SmsState.REFUSED, error=refusal.code)
    except SmsNotSetUp as refusal:
        _done(message, SmsState.REFUSED, error=refusal.code)
    except SmsUnreachable as error:
        if not is_last_try and not error.is_sent:
            raise
        _done(message, SmsState.FAILED, error=error.code)
    else:
        _done(message, SmsState.SENT, provider_id=number)


def _content_of(message: OutgoingSms) -> client.Message:
    body = json.loads(
        sealing.unseal(
            bytes(message.body_sealed or b""), column=BODY_COLUMN, merchant_id=message.merchant_id
        )
    )
    return client.Message(
        phone=sealing.unseal(
            bytes(message.phone_sealed), column=PHONE_COLUMN, merchant_id=message.merchant_id
        ),
        text=body["text"],
        params=tuple(body["params"]),
        purpose=message.purpose,
        request_id=f"zg{message.pk}",
    )


def _done(message: OutgoingSms, state: SmsState, *, error: str = "", provider_id: str = "") -> None:
    OutgoingSms.objects.filter(pk=message.pk, state=SmsState.WAITING).update(
        state=state,
        error=error[:80],
        provider_id=provider_id[:80],
        body_sealed=None,
        done_at=clock.now(),
    )


def stop_sending(*, reason: str, actor: Actor) -> None:
    """Switch all messages off at once, for the whole installation."""
    with transaction.atomic():
        _stop, is_new = SmsStop.objects.get_or_create(
            is_on=True, defaults={"reason": reason, "stopped_at": clock.now()}
        )
        if is_new:
            audit.record_platform(actor, "sms.sending.stopped", details={"reason": reason})


def resume_sending(*, actor: Actor) -> None:
    """Let messages go out again."""
    with transaction.atomic():
        if SmsStop.objects.filter(is_on=True).delete()[0]:
            audit.record_platform(actor, "sms.sending.resumed")


def notify_person(person: Person, text: str | Promise) -> None:
    """Tell a person something by SMS; where that is not possible nothing goes out."""
    if not person.phone:
        return
    try:
        send(phone=person.phone, text=text, purpose=SmsPurpose.NOTICE)
    except DomainError as refusal:
        log.info("notice not sent", person=person.pk, code=refusal.code)

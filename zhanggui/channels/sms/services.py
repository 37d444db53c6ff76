"""One door for messages to phones: written down in the business transaction, sent by a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Person
from zhanggui.channels.sms import client, receipts, tasks
from zhanggui.channels.sms.errors import (
    SmsBudgetSpent,
    SmsError,
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
from zhanggui.channels.sms.providers import Message
from zhanggui.core import clock, constraints, sealing
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
    params: Mapping[str, str] | None = None,
    merchant_id: int | None = None,
    is_meant: bool = True,
) -> OutgoingSms:
    """Write a message down and let a job send it, inside the caller's transaction.

    Args:
        phone: E.164.
        text: the words, as the sandbox shows them and a log of the shop may.
        purpose: chooses the provider's template.
        params: what the template's places are filled with, in order; the text itself without.
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
    message = _row(phone, words, params or {"text": words}, purpose, merchant_id)
    if not is_meant:
        message.state, message.error = SmsState.REFUSED, "not a user"
        message.phone_sealed, message.phone_hash, message.body_sealed = b"", None, None
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


def hand_over(
    *,
    phone: str,
    text: str,
    params: Mapping[str, str],
    template: str,
    purpose: SmsPurpose,
    merchant_id: int,
    out_id: str,
) -> OutgoingSms:
    """Send one message now, at most once for each ``out_id``; never inside a transaction.

    Whoever calls has paid for it, so it takes nothing of the day's budget. What a worker left in
    the middle of the call is not repeated unless the provider knows repeats.

    Args:
        phone: E.164.
        text: the words without the signature.
        params: what the template's places are filled with, in order.
        template: the product's own name of it.
        purpose: which of the provider's templates is taken when none has that name.
        merchant_id: on whose account.
        out_id: ours, at most 40 signs; comes back with the receipt.

    Returns:
        The message with its state: handed over, refused, failed (nobody knows), arrived.

    Raises:
        SmsUnreachable: it certainly did not go out; worth another try with the same ``out_id``.
        SmsRefused: a limit is reached or our account refused; worth another try later.
        SmsNotSetUp, SmsStopped: as ``send``.
    """
    refuse_stopped()
    message = _row(phone, text, params, purpose, merchant_id)
    message.out_id, message.template = out_id, template
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError as error:
        if constraints.violated(error) != "one_sms_an_out_id":
            raise
        message = OutgoingSms.objects.get(out_id=out_id)
    _hand_over(message, waits=True)
    message.refresh_from_db()
    return message


def deliver(*, message_id: int, is_last_try: bool) -> None:
    """Hand one message of the queue over to the provider.

    Raises:
        SmsUnreachable: no answer and tries are left; the job comes again.
    """
    message = OutgoingSms.objects.filter(pk=message_id).first()
    if message is None:
        return
    is_late = clock.now() >= message.created_at + CODE_LASTS
    if message.purpose == SmsPurpose.CODE and is_late and message.state == SmsState.WAITING:
        _done(message, SmsState.FAILED, error="too late")
        return
    try:
        _hand_over(message)
    except SmsNotSetUp as refusal:
        _done(message, SmsState.REFUSED, error=refusal.code)
    except SmsUnreachable as error:
        if not is_last_try:
            raise
        _done(message, SmsState.FAILED, error=error.code, kind=error)


def _hand_over(message: OutgoingSms, *, waits: bool = False) -> None:
    """Call the provider, with a note before and after.

    Args:
        message: which one.
        waits: what is refused for a limit, or for our account's sake, waits for its end.

    Raises:
        SmsUnreachable: it certainly did not go out.
        SmsRefused: it was refused and waits.
        SmsNotSetUp: no provider is named in the settings.
    """
    provider = client.current()
    if not _begin(message, knows_repeats=provider.knows_repeats):
        return
    try:
        sent = client.send(_content_of(message))
    except SmsRefused as refusal:
        if refusal.passes and waits:
            _wait(message, refusal)
            raise
        _done(message, SmsState.REFUSED, error=refusal.code, kind=refusal)
    except SmsUnreachable as error:
        if error.is_sent and not provider.knows_repeats:
            _done(message, SmsState.FAILED, error=error.code, kind=error)
            return
        _wait(message, error)
        raise
    else:
        _done(
            message,
            SmsState.SENT,
            provider=sent.provider,
            provider_id=sent.accepted.provider_id[:80],
            segments=sent.accepted.segments,
        )


def _wait(message: OutgoingSms, why: SmsError) -> None:
    """It did not go out; whoever asked tries again."""
    OutgoingSms.objects.filter(pk=message.pk, state=SmsState.HANDING).update(
        state=SmsState.WAITING, error=why.code[:80], error_kind=type(why).__name__
    )


def _begin(message: OutgoingSms, *, knows_repeats: bool) -> bool:
    """Note that the call begins; False when it was made before."""
    rows = OutgoingSms.objects.filter(pk=message.pk, body_sealed__isnull=False)
    if rows.filter(state=SmsState.WAITING).update(state=SmsState.HANDING):
        return True
    left = rows.filter(state=SmsState.HANDING)
    if knows_repeats:
        return left.exists()
    left.update(state=SmsState.FAILED, error="interrupted", body_sealed=None, done_at=clock.now())
    return False


def _row(
    phone: str, text: str, params: Mapping[str, str], purpose: SmsPurpose, merchant_id: int | None
) -> OutgoingSms:
    body = json.dumps({"text": text, "params": dict(params)}, ensure_ascii=False)
    return OutgoingSms(
        merchant_id=merchant_id,
        purpose=purpose,
        phone_sealed=sealing.seal(phone, column=PHONE_COLUMN, merchant_id=merchant_id),
        phone_masked=masked_phone(phone),
        phone_hash=receipts.hash_of(phone),
        body_sealed=sealing.seal(body, column=BODY_COLUMN, merchant_id=merchant_id),
        provider=settings.SMS_PROVIDER,
    )


def _content_of(message: OutgoingSms) -> Message:
    body = json.loads(
        sealing.unseal(
            bytes(message.body_sealed or b""), column=BODY_COLUMN, merchant_id=message.merchant_id
        )
    )
    return Message(
        phone=sealing.unseal(
            bytes(message.phone_sealed), column=PHONE_COLUMN, merchant_id=message.merchant_id
        ),
        text=body["text"],
        params=body["params"],
        purpose=message.purpose,
        out_id=message.out_id or f"zg{message.pk}",
        template=message.template,
    )


def _done(
    message: OutgoingSms,
    state: SmsState,
    *,
    error: str = "",
    kind: SmsError | None = None,
    **values: object,
) -> None:
    OutgoingSms.objects.filter(
        pk=message.pk, state__in=[SmsState.WAITING, SmsState.HANDING]
    ).update(
        state=state,
        error=error[:80],
        error_kind=type(kind).__name__ if kind else "",
        body_sealed=None,
        done_at=clock.now(),
        **values,
    )
    if values.get("provider_id"):
        # a receipt may have come first: by our own id it found the row, by the provider's not
        OutgoingSms.objects.filter(pk=message.pk, provider_id="").update(**values)
        message.refresh_from_db()
        receipts.take_early(message)


def send_test(*, provider: str, phone: str, actor: Actor) -> OutgoingSms:
    """Send one message by one provider now, whichever is active; not inside a transaction.

    Args:
        provider: its name.
        phone: E.164.
        actor: who tries it out.

    Returns:
        The message with its state: handed over, refused, failed.

    Raises:
        SmsNotSetUp: no such provider (E_SMS_NOT_SET_UP, 503).
        SmsStopped: the emergency switch is on (E_SMS_STOPPED, 503).
    """
    refuse_stopped()
    text = _("This is a test of the text messages of this installation.")
    message = _row(phone, text, {"text": text}, SmsPurpose.NOTICE, None)
    message.provider, message.state = provider, SmsState.HANDING
    with transaction.atomic():
        message.save(force_insert=True)
        audit.record_platform(actor, "sms.test.sent", details={"provider": provider})
    try:
        sent = client.send_by(provider, _content_of(message))
    except SmsError as error:
        is_refused = isinstance(error, SmsRefused)
        state = SmsState.REFUSED if is_refused else SmsState.FAILED
        _done(message, state, error=error.code, kind=error)
    else:
        provider_id = sent.accepted.provider_id[:80]
        _done(message, SmsState.SENT, provider_id=provider_id, segments=sent.accepted.segments)
    message.refresh_from_db()
    return message


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
        signed = _("[Zhanggui] %(text)s") % {"text": text}
        send(phone=person.phone, text=signed, purpose=SmsPurpose.NOTICE, params={"text": str(text)})
    except DomainError as refusal:
        log.info("notice not sent", person=person.pk, code=refusal.code)

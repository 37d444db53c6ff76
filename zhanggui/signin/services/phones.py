"""Changing the number one signs in with, and the merchant's rule of the second factor."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from zhanggui.accounts import audit
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import PasswordWrong
from zhanggui.accounts.models import Merchant, Person
from zhanggui.accounts.services.people import PASSWORD_LIMIT
from zhanggui.channels.sms import services as sms
from zhanggui.channels.sms.models import SmsPurpose
from zhanggui.core import limits
from zhanggui.core.errors import DomainError
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import codes
from zhanggui.ui.formats import masked_phone


def prove_password(*, person: Person, password: str) -> None:
    """Check one's own password once more before something that could lock one out.

    Raises:
        PasswordWrong: it does not fit (403).
        TooMany: five wrong tries in ten minutes (429).
    """
    subject = f"person:{person.pk}"
    limits.claim(PASSWORD_LIMIT, subject)
    if not person.check_password(password):
        raise PasswordWrong
    limits.forget(PASSWORD_LIMIT, subject)


def change_phone(
    *, person: Person, phone: str, digits: str, password: str, session_key: str, actor: Actor
) -> None:
    """Sign in with another number from now on; the old one is told, other sessions end.

    Raises:
        PasswordWrong, TooMany: as ``prove_password``; nothing is spent.
        CodeWrong, CodeOver, CodeBurnt, CodesSpent: as ``codes.check_code``.
        PhoneTaken: somebody signs in with this number; told only after the code proved that one
            holds it (409).
    """
    if person.has_usable_password():
        prove_password(person=person, password=password)
    codes.check_code(phone=phone, purpose=Purpose.CHANGE_PHONE, digits=digits, ip=actor.ip)
    old = person.phone
    with transaction.atomic():
        account_services.change_phone(person=person, phone=phone, actor=actor)
        account_services.end_sessions(person, except_key=session_key)
        if old:
            _tell(old, phone)


def _tell(old: str, new: str) -> None:
    text = _(
        "[Zhanggui] Your account now signs in with %(phone)s. If that was not you, call the "
        "platform at once."
    )
    try:
        sms.send(phone=old, text=text % {"phone": masked_phone(new)}, purpose=SmsPurpose.NOTICE)
    except DomainError as refusal:  # a used-up budget must not undo the change
        sms.log.info("notice not sent", code=refusal.code)


def set_merchant_rule(*, merchant: Merchant, is_needed: bool, actor: Actor) -> None:
    """Say whether a merchant's people enter only with a second factor; needs its scope."""
    with transaction.atomic():
        changed = Merchant.objects.filter(pk=merchant.pk, needs_second_factor=not is_needed).update(
            needs_second_factor=is_needed
        )
        if changed:
            merchant.needs_second_factor = is_needed
            action = "signin.rule.switched_on" if is_needed else "signin.rule.switched_off"
            audit.record(actor, action, f"merchant:{merchant.pk}")

"""Signing in by a QR code of the platform's official account, and linking one's WeChat.

The code on the screen belongs to one browser. Its scan comes as an event of the official account;
whoever scanned gets a link into the chat, to a page that names the waiting browser and asks for
the two digits on its screen. So a code that was photographed, sent on or put before somebody
else's eyes lets nobody in. After that the browser itself takes its session, by a POST.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from zhanggui.accounts import audit, devices
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.models import Membership, Person
from zhanggui.channels.wechat import messages
from zhanggui.channels.wechat import services as wechat_services
from zhanggui.channels.wechat.errors import NoAccount
from zhanggui.channels.wechat.hooks import ScanEvent, identity_uses
from zhanggui.channels.wechat.models import PersonIdentity
from zhanggui.core import clock, limits, tokens
from zhanggui.core.limits import Limit
from zhanggui.core.retention import remove_in_batches
from zhanggui.signin.errors import (
    QrDigitsWrong,
    QrOver,
    QrRefused,
    WechatLinked,
    WechatNeeded,
    WechatTaken,
)
from zhanggui.signin.models import QrPurpose, QrState, QrVisit
from zhanggui.signin.services import entering

PURPOSE = "signin.qr"
VISIT_KEY = "signin_qr"
LIFE = timedelta(minutes=5)
KEPT = timedelta(days=1)
MOST_TRIES = 3
NEW_CODES = Limit("signin-qr-network", most=40, window_s=600, lock_s=300)
NEW_CODES_OF_ONE = Limit("signin-qr-browser", most=10, window_s=600, lock_s=300)


def can_scan() -> bool:
    """Whether the platform has an official account whose codes can be scanned."""
    return wechat_services.platform_account() is not None


def begin(*, request: HttpRequest, purpose: QrPurpose, person: Person | None = None) -> QrVisit:
    """Put a code on this browser's screen; the open one is shown again.

    Calls WeChat, so it must not run inside a transaction.

    Args:
        request: of the browser.
        purpose: signing in, or linking a WeChat to somebody who is in.
        person: who links; None for signing in.

    Raises:
        NoAccount: the platform has no official account (E_NO_ACCOUNT, 409).
        TooMany: too many codes were asked for (E_TOO_MANY, 429).
        WechatRefused, WechatUnreachable: as ``create_scene_code``.
    """
    account = wechat_services.platform_account()
    if account is None:
        raise NoAccount
    known = open_visit(request, purpose, person)
    if known is not None and known.state == QrState.OPEN:
        return known
    network = devices.network_of(devices.ip_of(request))
    if network:
        limits.claim(NEW_CODES, network)
    limits.claim(NEW_CODES_OF_ONE, entering.browser_of(request))
    now = clock.now()
    visit = QrVisit.objects.create(
        purpose=purpose,
        account_id=account.pk,
        digits=f"{secrets.randbelow(90) + 10}",
        person=person,
        device=devices.device_of(request)[:120],
        ip=devices.ip_of(request),
        created_at=now,
        expires_at=now + LIFE,
    )
    code = wechat_services.create_scene_code(
        account=account,
        purpose=PURPOSE,
        merchant_id=None,
        subject_id=visit.pk,
        expires_in_s=int(LIFE.total_seconds()),
    )
    visit.url = code.url
    visit.save(update_fields=["url"])
    request.session[VISIT_KEY] = visit.pk
    return visit


def open_visit(request: HttpRequest, purpose: QrPurpose, person: Person | None) -> QrVisit | None:
    """The newest code of this browser for a purpose, unless it is over."""
    visit_id = request.session.get(VISIT_KEY)
    if not isinstance(visit_id, int):
        return None
    visits = QrVisit.objects.filter(pk=visit_id, purpose=purpose, expires_at__gt=clock.now())
    if purpose == QrPurpose.LINK:
        visits = visits.filter(person=person)
    return visits.exclude(state=QrState.DONE).exclude(url="").first()


def scanned(event: ScanEvent) -> None:
    """A code was scanned: tell whoever did where to confirm. The first scan counts."""
    now = clock.now()
    with transaction.atomic():
        visit = QrVisit.objects.select_for_update().filter(pk=event.subject_id or 0).first()
        if visit is None or visit.account_id != event.account_id or visit.expires_at <= now:
            _say(event, _("This QR code is over. Ask for a new one on the computer."))
            return
        is_again = visit.state == QrState.SCANNED and visit.openid == event.openid
        if visit.state != QrState.OPEN and not is_again:
            _say(event, _("This QR code was scanned before. Ask for a new one on the computer."))
            return
        visit.openid = event.openid
        if visit.purpose == QrPurpose.ENTER:
            visit.person = _person_of(event)
        if visit.person is None:
            visit.state = QrState.UNKNOWN
            visit.save(update_fields=["openid", "state"])
            _say(event, _unlinked())
            return
        token = tokens.new_token()
        visit.state, visit.token_digest = QrState.SCANNED, tokens.digest(token)
        visit.save(update_fields=["openid", "person", "state", "token_digest"])
        _say(event, _asking(visit, token))


def _person_of(event: ScanEvent) -> Person | None:
    found = PersonIdentity.objects.select_related("person").filter(
        account_id=event.account_id, openid=event.openid, person__is_active=True
    )
    identity = found.first()
    if identity is None or not Membership.objects.filter(person=identity.person).exists():
        return None
    return identity.person


def _say(event: ScanEvent, text: str) -> None:
    messages.send_text(account_id=event.account_id, openid=event.openid, text=text, lasts=LIFE)


def _unlinked() -> str:
    return _(
        "This WeChat is linked to nobody here. Sign in with your password first, then link it "
        "under “My profile › Sign-in safety”."
    )


def _asking(visit: QrVisit, token: str) -> str:
    path = reverse("signin:qr_confirm", args=[token])
    if visit.purpose == QrPurpose.LINK:
        link = messages.link(_("Link this WeChat"), path)
        return _("Somebody wants to link this WeChat for signing in. %(link)s") % {"link": link}
    link = messages.link(_("Look and confirm"), path)
    return _("Somebody wants to sign in as you on a computer (%(device)s). %(link)s") % {
        "device": messages.plain(visit.device),
        "link": link,
    }


def visit_of_phone(token: str) -> QrVisit:
    """The visit a phone was asked about.

    Raises:
        QrOver: unknown, used or too old; all read the same (410).
    """
    visits = QrVisit.objects.select_related("person")
    visit = visits.filter(token_digest=tokens.digest(token), expires_at__gt=clock.now()).first()
    if visit is None or visit.state in {QrState.DONE, QrState.OPEN, QrState.UNKNOWN}:
        raise QrOver
    return visit


def confirm(*, token: str, digits: str) -> QrVisit:
    """Say on the phone that it is oneself, with the number from the screen.

    Raises:
        QrOver: unknown, used or too old (410).
        QrDigitsWrong: another number; the third one refuses (422).
        QrRefused: refused before (403).
    """
    visit = visit_of_phone(token)
    if visit.state == QrState.CONFIRMED:
        return visit
    if visit.state != QrState.SCANNED:
        raise QrRefused
    if not secrets.compare_digest(digits.encode(), visit.digits.encode()):
        _count(visit)
        raise QrDigitsWrong
    changed = QrVisit.objects.filter(
        pk=visit.pk, state=QrState.SCANNED, tries__lt=MOST_TRIES
    ).update(state=QrState.CONFIRMED)
    if not changed:
        raise QrRefused
    visit.state = QrState.CONFIRMED
    return visit


def _count(visit: QrVisit) -> None:
    """Count a wrong number at once, so that a refusal cannot give it back."""
    with transaction.atomic(durable=True):
        QrVisit.objects.filter(pk=visit.pk, state=QrState.SCANNED).update(tries=F("tries") + 1)
        refused = QrVisit.objects.filter(
            pk=visit.pk, state=QrState.SCANNED, tries__gte=MOST_TRIES
        ).update(state=QrState.REFUSED)
    if refused:
        raise QrRefused


def refuse(*, token: str) -> None:
    """Say on the phone that it was somebody else.

    Raises:
        QrOver: unknown, used or too old (410).
    """
    visit = visit_of_phone(token)
    QrVisit.objects.filter(pk=visit.pk, state__in=[QrState.SCANNED, QrState.CONFIRMED]).update(
        state=QrState.REFUSED
    )


def enter(*, request: HttpRequest) -> bool:
    """Take the session that was confirmed on the phone; answers whether the person is in.

    Raises:
        QrOver: nothing was confirmed for this browser (410).
        PlaceFrozen, PlaceArchived: as ``refuse_shut_out`` (403).
    """
    visit = open_visit(request, QrPurpose.ENTER, None)
    if visit is None or visit.person is None or not _take(visit):
        raise QrOver
    request.session.pop(VISIT_KEY, None)
    if not visit.person.is_active or _person_by(visit) != visit.person:
        raise QrOver  # unlinked or shut out in the meantime
    return entering.go_on(request=request, person=visit.person, way="wechat")


def _take(visit: QrVisit) -> bool:
    confirmed = QrVisit.objects.filter(
        pk=visit.pk, state=QrState.CONFIRMED, expires_at__gt=clock.now()
    )
    return bool(confirmed.update(state=QrState.DONE))


def _person_by(visit: QrVisit) -> Person | None:
    found = PersonIdentity.objects.select_related("person").filter(
        account_id=visit.account_id, openid=visit.openid
    )
    identity = found.first()
    return identity.person if identity else None


def link(*, request: HttpRequest, person: Person) -> PersonIdentity:
    """Link the WeChat that was confirmed for this browser to the person who is in.

    Raises:
        QrOver: nothing was confirmed for this browser (410).
        WechatTaken: it is another person's (409).
        WechatLinked: the person has another one (409).
    """
    visit = open_visit(request, QrPurpose.LINK, person)
    if visit is None or visit.state != QrState.CONFIRMED:
        raise QrOver
    try:
        with transaction.atomic():
            if not _take(visit):
                raise QrOver
            identity = _linked(visit, person)
            audit.record_platform(
                person_actor(person, request), "signin.wechat.linked", f"person:{person.pk}"
            )
    except IntegrityError as error:
        if "one_person_per_openid" in str(error):
            raise WechatTaken from error
        raise
    request.session.pop(VISIT_KEY, None)
    return identity


def _linked(visit: QrVisit, person: Person) -> PersonIdentity:
    mine = PersonIdentity.objects.select_for_update().filter(
        person=person, account_id=visit.account_id
    )
    held = mine.first()
    if held is not None:
        if held.openid == visit.openid:
            return held
        raise WechatLinked
    found = (
        PersonIdentity.objects.select_for_update()
        .select_related("person")
        .filter(account_id=visit.account_id, openid=visit.openid)
        .first()
    )
    if found is None:
        return PersonIdentity.objects.create(
            person=person, account_id=visit.account_id, openid=visit.openid
        )
    if not _is_nobody(found.person):
        raise WechatTaken
    found.person = person
    found.save(update_fields=["person"])
    return found


def _is_nobody(person: Person) -> bool:
    """Whether somebody is known by this WeChat alone and works nowhere with it."""
    return (
        not person.phone_hash
        and not Membership.objects.filter(person=person).exists()
        and not any(uses(person) for uses in identity_uses)
    )


def linked(person: Person) -> PersonIdentity | None:
    """The WeChat a person signs in with, at the platform's account of now."""
    account = wechat_services.platform_account()
    if account is None:
        return None
    return PersonIdentity.objects.filter(person=person, account=account).first()


def unlink(*, person: Person, actor: Actor) -> None:
    """Let a WeChat sign nobody in any more.

    Raises:
        WechatNeeded: the person works with it at a counter (409).
    """
    identity = linked(person)
    if identity is None:
        return
    if any(uses(person) for uses in identity_uses):
        raise WechatNeeded
    with transaction.atomic():
        identity.delete()
        audit.record_platform(actor, "signin.wechat.unlinked", f"person:{person.pk}")


def forget() -> None:
    """Remove what was over a day ago."""
    remove_in_batches(QrVisit.objects.filter(expires_at__lt=clock.now() - KEPT))

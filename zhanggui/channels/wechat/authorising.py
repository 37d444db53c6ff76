"""Authorising the third-party platform by scanning: an account is connected without its secret.

The merchant's page begins a visit and leads to WeChat's page; its administrator scans and agrees.
Then the browser comes back with a code *and* WeChat pushes an event with another one, in either
order, and one of the two may be lost. Whoever comes first takes the visit, exchanges its code and
connects the account; the other finds the work done.

WeChat is asked outside transactions. Source: Open Platform, Authorization Process; sections 3.4
to 3.10 and behaviours 4 to 6 of the digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_noop

from zhanggui.accounts.actors import Actor, system_actor
from zhanggui.accounts.models import Merchant, Operator, Person, Tier
from zhanggui.channels.wechat import client, connecting, tokens
from zhanggui.channels.wechat.errors import (
    AccountHeld,
    AccountTaken,
    AuthorisationOver,
    AuthorisationUnknown,
    AuthorisedElsewhere,
    ChannelError,
    ChannelRefused,
    ChannelUnreachable,
    NoComponent,
    OtherAccountAuthorised,
    WechatRefused,
    WechatUnreachable,
    WrongKindAuthorised,
)
from zhanggui.channels.wechat.models import (
    AuthorisationVisit,
    ChannelAccount,
    Component,
    Ending,
    Kind,
)
from zhanggui.core import clock
from zhanggui.core import tokens as random_tokens
from zhanggui.core.errors import DomainError

log = structlog.get_logger("zhanggui.wechat.authorising")

VISIT_FOR = timedelta(hours=1)
"""The page's own code lives for 10 to 30 minutes, and its return for some more."""
BUSY_FOR = timedelta(seconds=60)
PATIENCE_S = 20.0
POLL_S = 0.1
SPENT_CODES = frozenset({61009, 61010})
AUTH_TYPES = {Kind.OFFICIAL: 1, Kind.MINI: 2}
REFUSALS: dict[str, type[DomainError]] = {
    kind.code: kind
    for kind in (AccountTaken, AccountHeld, OtherAccountAuthorised, WrongKindAuthorised)
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to WeChat's page that just began.

    ``desktop_url`` shows a QR code to scan; ``mobile_url`` is for a phone inside WeChat. Both
    must be opened by a link on a page of ours: WeChat refuses other referrers.
    """

    state: str
    desktop_url: str
    mobile_url: str
    expires_at: datetime


def active_component() -> Component | None:
    """The third-party platform in use, if one was set up."""
    return Component.objects.filter(is_active=True).first()


def begin_authorisation(
    *,
    tier: Tier,
    operator: Operator | None = None,
    merchant: Merchant | None = None,
    kind: Kind = Kind.OFFICIAL,
    person: Person,
    return_path: Callable[[str], str],
    app_id: str = "",
) -> Visit:
    """Begin a visit to WeChat's authorisation page.

    Args:
        tier: where the account is to be connected; with ``operator`` or ``merchant``.
        operator: set for an operator's account.
        merchant: set for a merchant's account.
        kind: what may be chosen on WeChat's page.
        person: who begins; only this person may finish.
        return_path: from a state to the path of ours that WeChat's page leads back to; that
            page calls ``complete_authorisation`` with the ``auth_code`` of its address.
        app_id: the one account to authorise again; only its administrator can scan then.

    Raises:
        NoComponent: no third-party platform is set up (E_NO_COMPONENT, 409).
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
    """
    component = active_component()
    if component is None:
        raise NoComponent
    code = _asked(lambda: tokens.component_api(component).pre_auth_code())
    state = random_tokens.new_token(32)
    now = clock.now()
    AuthorisationVisit.objects.create(
        state_digest=random_tokens.digest(state),
        code_digest=random_tokens.digest(code.value),
        component=component,
        person=person,
        tier=tier,
        operator=operator,
        merchant=merchant,
        kind=kind,
        app_id=app_id,
        created_at=now,
        expires_at=now + VISIT_FOR,
    )
    expires_at = now + timedelta(seconds=code.expires_in_s)
    back = quote(f"{settings.BASE_URL}{return_path(state)}", safe="")
    return Visit(
        state,
        _desktop_url(component, code.value, back, kind, app_id),
        _mobile_url(component, code.value, back, kind, app_id),
        expires_at,
    )


def _desktop_url(component: Component, code: str, back: str, kind: Kind, app_id: str) -> str:
    client.check_world(component.app_id, settings.WECHAT_MP_URL)
    return (
        f"{settings.WECHAT_MP_URL}/cgi-bin/componentloginpage"
        f"?component_appid={component.app_id}&pre_auth_code={quote(code, safe='')}"
        f"&redirect_uri={back}&auth_type={AUTH_TYPES[kind]}{_one_account(app_id)}"
    )


def _mobile_url(component: Component, code: str, back: str, kind: Kind, app_id: str) -> str:
    client.check_world(component.app_id, settings.WECHAT_OPEN_URL)
    return (
        f"{settings.WECHAT_OPEN_URL}/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1"
        f"&component_appid={component.app_id}&pre_auth_code={quote(code, safe='')}"
        f"&redirect_uri={back}&auth_type={AUTH_TYPES[kind]}{_one_account(app_id)}"
        "#wechat_redirect"
    )


def _one_account(app_id: str) -> str:
    return f"&biz_appid={app_id}" if app_id else ""


def complete_authorisation(
    *, state: str, code: str, person: Person, actor: Actor
) -> ChannelAccount:
    """Work on the return from WeChat's page; repeating it answers the same.

    Args:
        state: from the address that was given to ``begin_authorisation``.
        code: the ``auth_code`` of the address; empty when the administrator left.
        person: must be who began.
        actor: for the audit log.

    Raises:
        AuthorisationUnknown: no such visit of this person (E_AUTHORISATION_UNKNOWN, 404).
        AuthorisationOver: too late, or nothing was agreed (E_AUTHORISATION_OVER, 410).
        AuthorisedElsewhere: the account is in use elsewhere (E_AUTHORISED_ELSEWHERE, 409).
        AccountTaken: two places authorised it at one moment (E_ACCOUNT_TAKEN, 409).
        AccountHeld: another account is connected here (E_ACCOUNT_HELD, 409).
        OtherAccountAuthorised: not the one to renew (E_OTHER_ACCOUNT, 409).
        WrongKindAuthorised: a mini program instead of an account (E_WRONG_KIND, 409).
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer; the page may be loaded again (E_WECHAT_UNREACHABLE, 503).
    """
    visit = (
        AuthorisationVisit.objects.select_related("component", "operator", "merchant", "account")
        .filter(state_digest=random_tokens.digest(state), person=person)
        .first()
    )
    if visit is None:
        raise AuthorisationUnknown
    give_up_at = time.monotonic() + PATIENCE_S
    while visit.ending == Ending.OPEN:
        if not code or visit.expires_at <= clock.now():
            raise AuthorisationOver
        if _take(visit):
            return _finished(visit, code, actor=actor, at=clock.now())
        if time.monotonic() > give_up_at:
            raise WechatUnreachable
        time.sleep(POLL_S)  # WeChat's push came first and is being worked on
        visit.refresh_from_db()
    return _result(visit)


def _result(visit: AuthorisationVisit) -> ChannelAccount:
    if visit.account is not None:
        return visit.account
    raise refusal_of(visit)


def refusal_of(visit: AuthorisationVisit) -> DomainError:
    """Why a visit connected nothing."""
    if visit.refusal == AuthorisedElsewhere.code and visit.wanted is not None:
        return AuthorisedElsewhere(visit.wanted)
    return REFUSALS.get(visit.refusal, AuthorisationOver)()


def _take(visit: AuthorisationVisit) -> bool:
    now = clock.now()
    return bool(
        AuthorisationVisit.objects.filter(pk=visit.pk, ending=Ending.OPEN)
        .filter(Q(busy_until__isnull=True) | Q(busy_until__lte=now))
        .update(busy_until=now + BUSY_FOR)
    )


def _finished(
    visit: AuthorisationVisit, code: str, *, actor: Actor, at: datetime
) -> ChannelAccount:
    """Exchange the code of a visit that was taken and connect the account."""
    place = connecting.Place(Tier(visit.tier), visit.operator, visit.merchant)
    try:
        granted = _asked(lambda: connecting.exchange(visit.component, code))
    except (WechatUnreachable, WechatRefused):
        # nothing is decided: the page may be loaded again, the push may still come
        AuthorisationVisit.objects.filter(pk=visit.pk).update(busy_until=None)
        raise
    try:
        _refuse_other(visit, granted)
        account = connecting.connect_granted(
            place=place, component=visit.component, granted=granted, at=at, actor=actor
        )
    except AuthorisedElsewhere as refusal:
        connecting.keep_elsewhere(
            held=refusal.held, component=visit.component, granted=granted, at=at, actor=actor
        )
        _end(visit, Ending.REFUSED, refusal=refusal.code, wanted=refusal.held)
        raise
    except DomainError as refusal:
        _end(visit, Ending.REFUSED, refusal=refusal.code)
        raise
    _end(visit, Ending.CONNECTED, account=account)
    return account


def _refuse_other(visit: AuthorisationVisit, granted: connecting.Granted) -> None:
    if visit.app_id and granted.app_id != visit.app_id:
        raise OtherAccountAuthorised
    if granted.kind != visit.kind:
        raise WrongKindAuthorised


def _end(
    visit: AuthorisationVisit,
    ending: Ending,
    *,
    refusal: str = "",
    account: ChannelAccount | None = None,
    wanted: ChannelAccount | None = None,
) -> None:
    AuthorisationVisit.objects.filter(pk=visit.pk).update(
        ending=ending,
        refusal=refusal,
        account=account,
        wanted=wanted,
        ended_at=clock.now(),
        busy_until=None,
    )


def _asked[Got](ask: Callable[[], Got]) -> Got:
    try:
        return ask()
    except ChannelRefused as refusal:
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


class Busy(Exception):
    """The browser's return is being worked on; the event is looked at again soon."""


def on_authorised(
    *, component: Component, app_id: str, code: str, pre_auth_code: str, at: datetime
) -> None:
    """Work on WeChat's event ``authorized`` or ``updateauthorized``; runs in a job.

    A visit of ours is finished by it. Without one (the merchant agreed in WeChat's own pages)
    an account we know is renewed where it is; one we do not know belongs to nobody.

    Args:
        component: the third-party platform the event came to.
        app_id: which account.
        code: its authorisation code.
        pre_auth_code: of the page; empty when it was not ours.
        at: WeChat's time of the event.

    Raises:
        Busy: the return is being worked on; the job comes again.
        ChannelError: WeChat did not take the code; the job comes again.
    """
    visit = _visit_of(component, pre_auth_code)
    actor = system_actor(gettext_noop("WeChat"))
    if visit is not None and visit.ending == Ending.OPEN:
        if not _take(visit):
            raise Busy
        try:
            _finished(visit, code, actor=actor, at=at)
        except WechatRefused as refusal:
            if not _is_newer_known(app_id, at):
                raise
            log.info("the return was faster", code=refusal.code)
        except DomainError as refusal:  # the merchant's page says so
            log.info("not connected", code=refusal.code)
        return
    known = ChannelAccount.objects.filter(app_id=app_id, is_connected=True).first()
    if known is None:
        log.warning("nobody began this authorisation", component_id=component.pk)
        return
    if _is_newer_known(app_id, at):
        return
    try:
        granted = connecting.exchange(component, code)
    except ChannelRefused as refusal:
        if refusal.code in SPENT_CODES and _is_newer_known(app_id, at):
            return
        raise
    connecting.connect_granted(
        place=connecting.place_of(known), component=component, granted=granted, at=at, actor=actor
    )


def _visit_of(component: Component, pre_auth_code: str) -> AuthorisationVisit | None:
    if not pre_auth_code:
        return None
    return (
        AuthorisationVisit.objects.select_related("component", "operator", "merchant")
        .filter(component=component, code_digest=random_tokens.digest(pre_auth_code))
        .first()
    )


def _is_newer_known(app_id: str, at: datetime) -> bool:
    """Whether an authorisation at or after this moment is already kept."""
    accounts = ChannelAccount.objects.filter(app_id=app_id, is_connected=True)
    return accounts.filter(authorised_at__gte=at).exists()


DOUBT = timedelta(minutes=5)
"""Our clock and WeChat's differ, and events come in any order: within this, WeChat is asked."""


def on_unauthorised(*, component: Component, app_id: str, at: datetime) -> None:
    """Work on WeChat's event ``unauthorized``; runs in a job.

    An event older than the newest authorisation changes nothing; close to it WeChat is asked
    which one holds.

    Raises:
        ChannelError: WeChat does not answer; the job comes again.
    """
    account = ChannelAccount.objects.filter(app_id=app_id, component=component).first()
    if account is None:
        return
    newest = account.authorised_at or at
    if at < newest - DOUBT:
        return
    if at < newest + DOUBT and _still_authorised(component, app_id):
        return
    connecting.mark_revoked(account=account, at=at, actor=system_actor(gettext_noop("WeChat")))


def _still_authorised(component: Component, app_id: str) -> bool:
    try:
        tokens.component_api(component).authorizer_info(app_id)
    except ChannelRefused as refusal:
        if refusal.code in connecting.GONE_CODES:
            return False
        raise
    return True


def reconcile() -> None:
    """Compare with WeChat's own list what was lost on the way; run every night.

    Both push and return may be lost, and so may the event of a withdrawal.
    """
    component = active_component()
    if component is None:
        return
    try:
        listed = {line.app_id: line for line in tokens.component_api(component).authorizers()}
    except ChannelError as error:
        log.warning("no list of accounts", code=error.code)
        return
    actor = system_actor(gettext_noop("WeChat"))
    for account in ChannelAccount.objects.filter(component=component, is_connected=True):
        line = listed.get(account.app_id)
        if line is None:
            connecting.mark_revoked(account=account, at=clock.now(), actor=actor)
        elif line.refresh_token:
            connecting.take_refresh_token(account=account, refresh_token=line.refresh_token)

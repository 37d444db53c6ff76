"""Mini programs: signing customers in, their phone numbers, codes that open a page.

The session key that WeChat hands out with a sign-in is not kept: nothing here needs it.

Source: server interface of mini programs; chapter 7 of the digest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import api, client, services, tokens, troubles
from zhanggui.channels.wechat.client import credentials
from zhanggui.channels.wechat.client.credentials import Session
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    MiniCodeSpent,
    MiniPersonBlocked,
    NoMiniProgram,
    SceneUnknown,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.models import ChannelAccount, Kind, MiniCode
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.errors import CustomerBlocked
from zhanggui.contacts.models import (
    CustomerSession,
    CustomerState,
    IdentityLink,
    LinkKind,
    LinkState,
)
from zhanggui.core import clock, limits
from zhanggui.core import tokens as random_tokens
from zhanggui.core.limits import Limit

SPENT = frozenset({40029, 40163})
BLOCKED = 40226
SCENE_LENGTH = 16
PHONE_LIMIT = Limit("mini-phone", most=5, window_s=86_400, lock_s=3_600)
"""Each number costs the account money once WeChat's free thousand are used."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A customer who came in through a mini program; the token is told once."""

    token: str
    expires_in_s: int
    link: IdentityLink


def serving(merchant: Merchant) -> ChannelAccount | None:
    """The mini program of a shop's customers: its own, else the operator's, else the platform's."""
    return services.effective_accounts(merchant).get(Kind.MINI)


def sign_in(*, merchant: Merchant, code: str, actor: Actor) -> SignedIn:
    """Exchange the code of ``wx.login`` and open a session, in the merchant's scope.

    Calls WeChat: not inside a transaction.

    Raises:
        NoMiniProgram: none serves this shop (E_NO_MINI_PROGRAM, 409).
        MiniCodeSpent: wrong, used or old code (E_MINI_CODE, 422).
        MiniPersonBlocked: WeChat or the shop keeps the person out (403).
        WechatRefused, WechatUnreachable: WeChat said no, or nothing (409, 503).
    """
    account = serving(merchant)
    if account is None:
        raise NoMiniProgram
    found = _asked(account, lambda: _session(account, code))
    link = contact_services.customer_of_identity(
        account_id=account.pk,
        openid=found.openid,
        unionid=found.unionid,
        nickname="",
        avatar_url="",
        kind=LinkKind.MINI_PROGRAM,
        actor=actor,
    )
    if link.customer.state == CustomerState.BLOCKED:
        raise CustomerBlocked
    return _opened(link)


def _session(account: ChannelAccount, code: str) -> Session:
    tokens.not_in_transaction()
    if account.component is not None:
        component = tokens.component_api(account.component)
        return component.code_session(app_id=account.app_id, js_code=code)
    return credentials.code_session(
        client.current(), app_id=account.app_id, secret=account.unseal("secret"), js_code=code
    )


def _asked[Got](account: ChannelAccount, ask: Callable[[], Got]) -> Got:
    try:
        return ask()
    except ChannelRefused as refusal:
        if refusal.code in SPENT:
            raise MiniCodeSpent from refusal
        if refusal.code == BLOCKED:
            raise MiniPersonBlocked from refusal
        troubles.note(account, refusal)
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        troubles.note(account, error)
        raise WechatUnreachable from error


def _opened(link: IdentityLink) -> SignedIn:
    token = contact_services.open_session(link=link)
    lasts = timedelta(days=contact_services.SESSION_DAYS)
    return SignedIn(token, int(lasts.total_seconds()), link)


def link_of(token: str, merchant: Merchant) -> IdentityLink | None:
    """Whose session a token opens, in the merchant's scope; None when it is over.

    It ends when another mini program serves the shop or the identity leads elsewhere.
    """
    session = (
        CustomerSession.objects.select_related("link__customer")
        .filter(token_digest=random_tokens.digest(token), expires_at__gt=clock.now())
        .first()
    )
    if session is None or session.link.kind != LinkKind.MINI_PROGRAM:
        return None
    account = serving(merchant)
    if account is None or account.pk != session.link.account_id:
        return None
    return session.link if session.link.state == LinkState.ACTIVE else None


def prove_phone(
    *, merchant: Merchant, link: IdentityLink, code: str, actor: Actor
) -> SignedIn | None:
    """Exchange the code of the phone button and keep the number at the customer.

    Calls WeChat: not inside a transaction.

    Returns:
        A new session when the customer turned out to be another one (the old session ended),
        else None.

    Raises:
        TooMany: five numbers a day (429).
        MiniCodeSpent, WechatRefused, WechatUnreachable: as ``sign_in``.
        PhoneTaken: another WeChat holds the number at this shop (409).
    """
    account = serving(merchant)
    if account is None or account.pk != link.account_id:
        raise NoMiniProgram
    limits.claim(PHONE_LIMIT, f"{link.merchant_id}:{link.pk}")
    given = _asked(account, lambda: api.for_account(account).phone_number(code))
    number = given.pure if given.country == "86" else f"+{given.country}{given.pure}"
    customer_id = contact_services.prove_phone(link=link, phone=number, actor=actor)
    if customer_id == link.customer_id:
        return None
    return _opened(IdentityLink.objects.select_related("customer").get(pk=link.pk))


def create_code(*, merchant: Merchant, name: str, page: str, target: str, actor: Actor) -> MiniCode:
    """Let WeChat draw a code that opens the mini program, and keep it. Not in a transaction.

    Args:
        merchant: whose code; its scope is open.
        name: what it is for.
        page: of the mini program, without a slash in front; empty for its first one.
        target: name of the built-in page to show there; empty for none.
        actor: who makes it.

    Raises:
        NoMiniProgram: none serves this shop (E_NO_MINI_PROGRAM, 409).
        WechatRefused: for example a page that has no release (41030, 409).
        WechatUnreachable: no answer (503).
    """
    account = serving(merchant)
    if account is None:
        raise NoMiniProgram
    scene = random_tokens.new_token(SCENE_LENGTH)
    drawn = _asked(account, lambda: api.for_account(account).scene_code(scene, page=page))
    with transaction.atomic():
        code = MiniCode(
            account=account,
            scene=scene,
            name=name[:40],
            page=page,
            target=target,
            picture=drawn.content,
            picture_type=drawn.content_type,
        )
        code.save(force_insert=True)
        audit.record(actor, "wechat.mini_code.created", f"mini_code:{code.pk}")
    return code


def archive_code(*, code: MiniCode, actor: Actor) -> None:
    """Put a code away; who scans it is told that nobody knows it."""
    with transaction.atomic():
        rows = MiniCode.objects.filter(pk=code.pk, archived_at__isnull=True)
        if rows.update(archived_at=clock.now()):
            audit.record(actor, "wechat.mini_code.archived", f"mini_code:{code.pk}")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a scanned code leads to."""

    name: str
    url: str
    """Whole address of the page to show; empty for the mini program's own."""


def open_code(*, merchant: Merchant, scene: str) -> Opened:
    """What a scene stands for; each opening is counted.

    Raises:
        SceneUnknown: no code of this shop, or one that was put away (E_SCENE_UNKNOWN, 404).
    """
    rows = MiniCode.objects.filter(scene=scene[:32], archived_at__isnull=True)
    code = rows.select_related("account__merchant").first()
    if code is None:
        raise SceneUnknown
    rows.update(opened=F("opened") + 1)
    return Opened(code.name, url_of(code, merchant))


def url_of(code: MiniCode, merchant: Merchant) -> str:
    """The whole address of the page behind a code; empty when there is none."""
    known = {one.name: one.url for one in builtin.choices_for(code.account, merchant)}
    return known.get(code.target, "")

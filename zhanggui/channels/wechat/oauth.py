"""Signing in with WeChat (web authorisation), for customers and for staff.

One address on the platform's host receives every return. The ``state`` stands for a row here,
lives ten minutes, works once and belongs to the browser that began: its digest is bound to a
cookie, so that nobody can be signed in as somebody else by a link. The return only signs in;
binding, joining and claiming are buttons that post.

Silent first (``snsapi_base`` gives the openid alone); who has no nickname yet is asked once with
``snsapi_userinfo``.
"""

from __future__ import annotations

import hmac
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_noop

from zhanggui.accounts.actors import system_actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import client, selectors, services, tokens, troubles
from zhanggui.channels.wechat.client import credentials
from zhanggui.channels.wechat.client.credentials import Grant, Profile
from zhanggui.channels.wechat.errors import ChannelError
from zhanggui.channels.wechat.models import ChannelAccount, OAuthState, Outcome, PersonIdentity
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import clock, tenancy
from zhanggui.core import tokens as random_tokens

COOKIE = "zhanggui_oauth"
COOKIE_PATH = "/oauth/wechat/"
COOKIE_FORM = re.compile(r"[0-9a-z]{26}")
LIFETIME = timedelta(minutes=10)
DUPLICATES_FOR = timedelta(minutes=1)
"""WeChat's browser asks for the return address twice quite often; both get the same answer."""
PATIENCE_S = 8.0
POLL_S = 0.1
STATE_FORM = re.compile(r"[0-9A-Za-z]{1,128}")
NEXT_LENGTH = 500


class Audience(StrEnum):
    """Who signs in."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Scope(StrEnum):
    """What the person is asked for."""

    BASE = "snsapi_base"
    USERINFO = "snsapi_userinfo"


@dataclass(frozen=True, slots=True)
class Start:
    """A sign-in that just began."""

    url: str
    state: str


class Foreign(Exception):
    """The state is unknown, of another browser or of another account: say nothing about it."""


class Over(Exception):
    """The state was used or has expired; ``next_path`` is where the person wanted to go."""

    def __init__(self, state: OAuthState) -> None:
        super().__init__("state over")
        self.state = state


def is_inside_wechat(user_agent: str) -> bool:
    """Whether a browser is WeChat's own (not WeCom's)."""
    return "MicroMessenger" in user_agent and "wxwork" not in user_agent


def staff_start_url(next_path: str) -> str:
    """Where staff begins to sign in."""
    return _start_url(Audience.STAFF, next_path)


def customer_start_url(merchant: Merchant, next_path: str) -> str:
    """Where a customer of this merchant begins to sign in."""
    return _start_url(Audience.CUSTOMER, next_path, merchant=merchant.slug)


def _start_url(audience: Audience, next_path: str, **more: str) -> str:
    query = {"audience": audience.value, **more, "next": next_path}
    return f"{reverse('wechat:oauth_start')}?{urlencode(query)}"


def safe_next(path: str, *, audience: Audience, merchant: Merchant | None) -> str:
    """The path to go on to; anything that is not a page of this audience becomes its first page."""
    prefix = f"/w/{merchant.slug}/" if merchant else "/staff/"
    parts = urlsplit(path)
    is_ours = (
        not parts.scheme
        and not parts.netloc
        and len(path) <= NEXT_LENGTH
        and path.startswith(prefix)
        and "\\" not in path
        and ".." not in parts.path
        and path.isprintable()
    )
    return path if is_ours else prefix


def begin(
    *,
    account: ChannelAccount,
    audience: Audience,
    merchant: Merchant | None,
    next_path: str,
    browser: str,
    scope: Scope = Scope.BASE,
) -> Start:
    """Write down a sign-in and answer WeChat's page for it.

    Args:
        account: through which the person signs in.
        audience: customer or staff.
        merchant: whose customer; None for staff.
        next_path: where to go afterwards; made safe here.
        browser: the value of this browser's cookie.
        scope: what to ask for.
    """
    state = random_tokens.new_token(32)
    now = clock.now()
    OAuthState.objects.create(
        state_digest=random_tokens.digest(state),
        browser_digest=random_tokens.digest(browser),
        account=account,
        audience=audience.value,
        scope=scope.value,
        merchant=merchant,
        next_path=safe_next(next_path, audience=audience, merchant=merchant),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    through = account.component.app_id if account.component is not None else ""
    url = authorize_url(app_id=account.app_id, scope=scope, state=state, component_app_id=through)
    return Start(url, state)


def authorize_url(*, app_id: str, scope: Scope, state: str, component_app_id: str = "") -> str:
    """WeChat's page that asks the person; the order of the parameters matters to it.

    Of an account that authorises us the third-party platform asks (``component_app_id``).
    """
    client.check_world(app_id, settings.WECHAT_OPEN_URL)
    back = f"{settings.BASE_URL}{reverse('wechat:oauth_return', args=[app_id])}"
    through = f"&component_appid={component_app_id}" if component_app_id else ""
    return (
        f"{settings.WECHAT_OPEN_URL}/connect/oauth2/authorize?appid={app_id}"
        f"&redirect_uri={quote(back, safe='')}&response_type=code&scope={scope.value}"
        f"&state={state}{through}#wechat_redirect"
    )


def finish(*, app_id: str, state: str, code: str, browser: str) -> OAuthState:
    """Work on the return from WeChat; the row answered says how it ended.

    The first request with a state decides; a second one of the same browser with the same code
    within a minute waits for it and gets the same outcome. WeChat is asked outside transactions.

    Args:
        app_id: from the address.
        state: as it came back.
        code: empty when the person refused.
        browser: the value of this browser's cookie.

    Raises:
        Foreign: unknown state, or of another browser or account.
        Over: used or expired.
    """
    found = _state(app_id=app_id, state=state, browser=browser)
    if found.expires_at <= clock.now() and found.used_at is None:
        raise Over(found)
    code_digest = random_tokens.digest(code)
    claimed = OAuthState.objects.filter(pk=found.pk, used_at__isnull=True).update(
        used_at=clock.now(), code_digest=code_digest
    )
    if not claimed:
        return _outcome_of_first(found.pk, code_digest)
    found.outcome, found.identity_id = _outcome(found, code)
    found.save(update_fields=["outcome", "identity_id"])
    return found


def _state(*, app_id: str, state: str, browser: str) -> OAuthState:
    if not STATE_FORM.fullmatch(state) or not browser:
        raise Foreign
    found = (
        OAuthState.objects.select_related("account__component", "merchant")
        .filter(state_digest=random_tokens.digest(state), account__app_id=app_id)
        .first()
    )
    if found is None or not hmac.compare_digest(
        bytes(found.browser_digest), random_tokens.digest(browser)
    ):
        raise Foreign
    return found


def _outcome_of_first(state_id: int, code_digest: bytes) -> OAuthState:
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        found = OAuthState.objects.select_related("account__component", "merchant").get(pk=state_id)
        is_same = bytes(found.code_digest or b"") == code_digest
        is_fresh = found.used_at is not None and clock.now() - found.used_at <= DUPLICATES_FOR
        if not is_same or not is_fresh:
            raise Over(found)
        if found.outcome != Outcome.OPEN:
            return found
        if time.monotonic() > give_up_at:
            raise Over(found)
        time.sleep(POLL_S)


def _outcome(state: OAuthState, code: str) -> tuple[Outcome, int | None]:
    if not code:
        return Outcome.REFUSED, None
    try:
        return _identify(state, code)
    except ChannelError as error:
        troubles.note(state.account, error)
        return Outcome.FAILED, None


def _identify(state: OAuthState, code: str) -> tuple[Outcome, int | None]:
    tokens.not_in_transaction()
    account = state.account
    grant = _grant(account, code)
    if grant.is_snapshot:
        return Outcome.SNAPSHOT, None
    if state.scope == Scope.BASE:
        known_id = _known_by_name(state, grant.openid)
        return (Outcome.SIGNED_IN if known_id else Outcome.NAMELESS), known_id
    profile = credentials.oauth_profile(
        client.current(),
        app_id=account.app_id,
        access_token=grant.access_token,
        openid=grant.openid,
    )
    if profile.openid != grant.openid:  # two people in one answer: trust neither
        return Outcome.FAILED, None
    return Outcome.SIGNED_IN, _identity_id(state, profile, unionid=grant.unionid)


def _grant(account: ChannelAccount, code: str) -> Grant:
    if account.component is not None:
        return tokens.component_api(account.component).oauth_grant(app_id=account.app_id, code=code)
    return credentials.oauth_grant(
        client.current(), app_id=account.app_id, secret=account.unseal("secret"), code=code
    )


def _known_by_name(state: OAuthState, openid: str) -> int | None:
    """The identity behind an openid if its nickname is known, too."""
    if state.merchant is not None:
        with tenancy.merchant_scope(state.merchant.pk):
            links = IdentityLink.objects.filter(account_id=state.account_id, openid=openid)
            return links.exclude(nickname="").values_list("pk", flat=True).first()
    people = PersonIdentity.objects.filter(account_id=state.account_id, openid=openid)
    return people.exclude(nickname="").values_list("pk", flat=True).first()


def _identity_id(state: OAuthState, profile: Profile, *, unionid: str) -> int:
    """The identity link (customer) or person identity (staff), made on the first visit."""
    if state.merchant is not None:
        with tenancy.merchant_scope(state.merchant.pk):
            return contact_services.customer_of_identity(
                account_id=state.account_id,
                openid=profile.openid,
                unionid=unionid or profile.unionid,
                nickname=profile.nickname,
                avatar_url=profile.avatar_url,
                follows=selectors.is_follower(state.account_id, profile.openid),
                actor=system_actor(gettext_noop("WeChat sign-in")),
            ).pk
    person = services.person_of_openid(
        account=state.account,
        openid=profile.openid,
        nickname=profile.nickname,
        avatar_url=profile.avatar_url,
    )
    return PersonIdentity.objects.values_list("pk", flat=True).get(
        account=state.account, openid=profile.openid, person=person
    )


def account_for(audience: Audience, merchant: Merchant | None) -> ChannelAccount | None:
    """Through which account this audience signs in."""
    if audience == Audience.STAFF or merchant is None:
        return services.platform_account()
    return services.effective_account(merchant)


def account_name(account_id: int) -> str:
    """What an account is called; empty when it is unknown."""
    account = ChannelAccount.objects.filter(pk=account_id).first()
    return account.name if account else ""

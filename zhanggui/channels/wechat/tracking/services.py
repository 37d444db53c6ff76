"""Making, changing and putting away QR codes with a purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import api, tokens
from zhanggui.channels.wechat.authors import author_of
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    ChannelUnreachable,
    CodesFull,
    WechatRefused,
    WechatUnreachable,
)
from zhanggui.channels.wechat.models import ChannelAccount, SceneCode, TrackedCode
from zhanggui.channels.wechat.services import record
from zhanggui.core import clock
from zhanggui.core import tokens as random_tokens

PURPOSE = "wechat.tracked_code"
MOST_PERMANENT = 100_000
"""Permanent codes of one account in all its life; they cannot be deleted (WeChat, 45029)."""
LONGEST = timedelta(days=30)
NONE_LEFT = 45029


@dataclass(frozen=True, slots=True)
class CodeInput:
    """What the form of a code holds."""

    name: str
    caption: str = ""
    reply: str = ""
    page: str = ""
    page_url: str = ""
    tag_id: int | None = None


def create_code(
    *,
    account: ChannelAccount,
    merchant: Merchant | None,
    values: CodeInput,
    days: int | None,
    actor: Actor,
) -> TrackedCode:
    """Make a code at WeChat and keep it. Calls WeChat: not inside a transaction.

    Args:
        account: whose followers scan it.
        merchant: whose code it is; None for the lender's own.
        values: the form.
        days: how long it is good, 1 to 30; None for a permanent one.
        actor: who makes it.

    Raises:
        CodesFull: the account has used its 100,000 permanent codes (E_CODES_FULL, 409).
        WechatRefused: WeChat said no (E_WECHAT_REFUSED, 409).
        WechatUnreachable: no answer (E_WECHAT_UNREACHABLE, 503).
        ValueError: a number of days that the form does not offer.
    """
    tokens.not_in_transaction()
    if days is not None and not 1 <= days <= LONGEST.days:
        message = "a temporary code lives for 1 to 30 days"
        raise ValueError(message)
    if days is None and permanent_used(account) >= MOST_PERMANENT:
        raise CodesFull
    scene = random_tokens.new_token()
    now = clock.now()
    expires_at = now + timedelta(days=days) if days is not None else None
    url = _asked(account, scene, days)
    with transaction.atomic():
        code = TrackedCode(
            account=account,
            merchant=merchant,
            token=random_tokens.new_token(),
            is_permanent=days is None,
            url=url,
            expires_at=expires_at,
            created_at=now,
            created_by_id=author_of(actor),
        )
        _put(code, values)
        code.save()
        SceneCode.objects.create(
            account=account,
            scene=scene,
            purpose=PURPOSE,
            merchant_id=merchant.pk if merchant else None,
            subject_id=code.pk,
            url=url,
            created_at=now,
            expires_at=expires_at,
        )
        _record(actor, code, "wechat.code.created")
    return code


def _asked(account: ChannelAccount, scene: str, days: int | None) -> str:
    seconds = days * 24 * 60 * 60 if days is not None else None
    try:
        return api.for_account(account).qrcode_create(scene, expires_in_s=seconds).url
    except ChannelRefused as refusal:
        if refusal.code == NONE_LEFT:
            raise CodesFull from refusal
        raise WechatRefused(code=refusal.code, advice=refusal.advice) from refusal
    except ChannelUnreachable as error:
        raise WechatUnreachable from error


def _put(code: TrackedCode, values: CodeInput) -> None:
    code.name, code.caption, code.reply = values.name, values.caption, values.reply
    code.page = values.page
    code.page_url = "" if values.page else values.page_url
    code.tag_id = values.tag_id if code.merchant_id is not None else None


def _record(actor: Actor, code: TrackedCode, action: str) -> None:
    record(actor, code.account, action, merchant_id=code.merchant_id, details={"code": code.pk})


def permanent_used(account: ChannelAccount) -> int:
    """How many permanent codes of an account we know of, put away or not."""
    return TrackedCode.objects.filter(account=account, is_permanent=True).count()


def change_code(*, code: TrackedCode, values: CodeInput, actor: Actor) -> None:
    """Change what a code is called and what a scan does; its picture stays."""
    with transaction.atomic():
        kept = TrackedCode.objects.select_for_update().select_related("account").get(pk=code.pk)
        _put(kept, values)
        kept.save(update_fields=["name", "caption", "reply", "page", "page_url", "tag_id"])
        _record(actor, kept, "wechat.code.changed")


def archive_code(*, code: TrackedCode, actor: Actor) -> None:
    """Put a code away; scans of it are still counted, its figures stay."""
    _set_archived(code, actor, is_archived=True)


def bring_back_code(*, code: TrackedCode, actor: Actor) -> None:
    """Show a code in the list again."""
    _set_archived(code, actor, is_archived=False)


def _set_archived(code: TrackedCode, actor: Actor, *, is_archived: bool) -> None:
    with transaction.atomic():
        changed = TrackedCode.objects.filter(pk=code.pk, archived_at__isnull=is_archived).update(
            archived_at=clock.now() if is_archived else None
        )
        if changed:
            action = "wechat.code.archived" if is_archived else "wechat.code.brought_back"
            _record(actor, code, action)

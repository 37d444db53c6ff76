"""What a scan of a tracked code does: counted, answered, the customer tagged."""

from __future__ import annotations

import re
from typing import LiteralString

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from zhanggui.accounts.actors import system_actor
from zhanggui.channels.wechat import passive
from zhanggui.channels.wechat.hooks import ScanEvent
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.models import (
    ChannelAccount,
    CodeScan,
    SceneCode,
    TrackedCode,
)
from zhanggui.channels.wechat.passive import Reply
from zhanggui.channels.wechat.tracking.services import PURPOSE
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.models import Tag
from zhanggui.core import limits, tenancy
from zhanggui.core.limits import Limit

OPENED = Limit("wechat-code-opened", most=30, window_s=600, lock_s=600)
PRINTED = re.compile(r"/q/([23456789a-z]{26})$")


def scanned(event: ScanEvent) -> None:
    """Count one scan, once however often the job runs, and tag a customer who is known."""
    code = TrackedCode.objects.filter(pk=event.subject_id or 0).first()
    if code is None:
        return
    CodeScan.objects.get_or_create(
        code=code,
        openid=event.openid,
        at=event.scanned_at,
        defaults={"is_new_follower": event.is_new_follower},
    )
    if code.tag_id is not None and code.merchant_id is not None:
        with tenancy.merchant_scope(code.merchant_id):
            _tag(event, code.tag_id)


def _tag(event: ScanEvent, tag_id: int) -> None:
    """Put a tag on whoever scanned; somebody new becomes a customer by that."""
    tag = Tag.objects.filter(pk=tag_id).first()
    if tag is None:
        return
    actor = system_actor(gettext_noop("QR code scanned"))
    link = contact_services.customer_of_identity(
        account_id=event.account_id,
        openid=event.openid,
        unionid="",
        nickname="",
        avatar_url="",
        follows=True,
        actor=actor,
    )
    contact_services.tag_customer(customer_id=link.customer_id, tag=tag, actor=actor)


_OPENED: LiteralString = """
INSERT INTO wechat_codescan (code_id, openid, is_new_follower, at)
SELECT %(code)s, '', false, %(now)s FROM claimed
"""


def note_opened(code: TrackedCode, *, network: str) -> bool:
    """Count somebody who opened the printed address; who that is is not known.

    One network counts 30 times in ten minutes for one code, so that nobody inflates a figure.

    Returns:
        Whether it was counted.
    """
    return limits.claim_and(OPENED, f"{code.token}:{network}", _OPENED, {"code": code.pk})


def code_of(account: ChannelAccount, scene: str) -> TrackedCode | None:
    """The tracked code behind a scene; None for codes of other purposes."""
    found = SceneCode.objects.filter(account=account, scene=scene, purpose=PURPOSE).first()
    return TrackedCode.objects.filter(pk=found.subject_id or 0).first() if found else None


def said(account: ChannelAccount, code: TrackedCode) -> Reply | None:
    """What whoever scans a code reads in the chat; None for the account's usual answer."""
    url = page_of(account, code)
    if url:
        text = code.reply or _("Tap here to open it.")
        return passive.News([passive.Article(code.caption or code.name, url, text)])
    return passive.Text(code.reply) if code.reply else None


def read_printed(account: ChannelAccount, scanned: str) -> Reply | None:
    """Our printed address, scanned from the menu: the code answers as if scanned directly."""
    found = PRINTED.search(scanned)
    code = TrackedCode.objects.filter(token=found[1]).first() if found else None
    if code is None:
        return None
    return said(account, code) or passive.Text(code.caption or code.name)


def page_of(account: ChannelAccount, code: TrackedCode) -> str:
    """The page a code leads to; empty for none."""
    return builtin.address_of(account, code.page) if code.page else code.page_url

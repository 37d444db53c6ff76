"""Pictures that rules answer with: handed to WeChat, and again before it forgets them.

A passive reply names a picture by WeChat's own id, and temporary material lives for three days
(section 4.13 of the digest). Permanent material would take a place of the account's for good, so
a picture is handed over anew every two days for as long as its rule has it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db.models import Q

from zhanggui.channels.wechat import api
from zhanggui.channels.wechat.errors import ChannelError, ChannelRefused
from zhanggui.channels.wechat.models import AutoReply, ReplyKind, ReplyPicture, Standing
from zhanggui.core import clock

log = structlog.get_logger("zhanggui.wechat.pictures")

LIVES_FOR = timedelta(days=3)
SPARE = timedelta(hours=1)
"""WeChat's clock is not ours: so much earlier an id no longer counts."""
RENEWED_BEFORE = timedelta(days=1)


def hand_over(*, reply_id: int) -> None:
    """Let WeChat keep the picture of a rule; a job, safe to run twice.

    What WeChat refuses stays with the account's troubles and is tried again every hour.

    Raises:
        ChannelUnreachable: no answer; the job comes again.
    """
    found = ReplyPicture.objects.select_related("reply__account").filter(reply=reply_id).first()
    if found is None:
        return
    account = found.reply.account
    if not account.is_connected or account.standing != Standing.GOOD:
        return
    asked_at = clock.now()
    try:
        media = api.for_account(account).media_upload(
            "image",
            filename="picture.png" if found.is_png else "picture.jpg",
            content=bytes(found.content),
            content_type=found.content_type,
        )
    except ChannelRefused as refusal:
        log.warning("picture not taken", reply_id=reply_id, code=refusal.code)
        return
    # a picture that was replaced meanwhile has another row, and a job of its own
    AutoReply.objects.filter(pk=reply_id, picture=found.pk).update(
        media_id=media.media_id, media_until=asked_at + LIVES_FOR - SPARE
    )


def renew() -> None:
    """Hand over again what WeChat will forget within a day, or never took; every hour."""
    soon = clock.now() + RENEWED_BEFORE
    due = AutoReply.objects.filter(kind=ReplyKind.PICTURE, picture__isnull=False).filter(
        Q(media_until=None) | Q(media_until__lt=soon)
    )
    for reply_id in list(due.order_by("pk").values_list("pk", flat=True)):
        try:
            hand_over(reply_id=reply_id)
        except ChannelError as error:
            log.warning("picture not handed over", reply_id=reply_id, code=error.code)

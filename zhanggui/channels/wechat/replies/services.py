"""Writing the rules by which an account answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction

from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat import tasks
from zhanggui.channels.wechat.errors import ReplyThere, TooManyReplies
from zhanggui.channels.wechat.models import (
    AutoReply,
    ChannelAccount,
    Occasion,
    ReplyKind,
    ReplyPicture,
)
from zhanggui.channels.wechat.replies import rules
from zhanggui.channels.wechat.replies.rules import Word
from zhanggui.channels.wechat.services import record
from zhanggui.core import clock

MOST_RULES = 200


@dataclass(frozen=True, slots=True)
class ReplyInput:
    """What the form of a rule holds."""

    occasion: Occasion
    kind: ReplyKind
    words: Sequence[Word] = field(default_factory=tuple)
    priority: int = 0
    text: str = ""
    title: str = ""
    url: str = ""
    page: str = ""
    picture_url: str = ""
    picture: bytes = b""
    """A new picture, JPEG or PNG; empty keeps the one that is there."""
    is_on: bool = True


def add_reply(*, account: ChannelAccount, values: ReplyInput, actor: Actor) -> AutoReply:
    """Add a rule.

    Raises:
        ReplyThere: there is one answer to following and one for everything else (409).
        TooManyReplies: an account has at most 200 rules (409).
    """
    reply = AutoReply(account=account)
    _put(reply, values)
    try:
        with transaction.atomic():
            ChannelAccount.objects.select_for_update().get(pk=account.pk)
            if AutoReply.objects.filter(account=account).count() >= MOST_RULES:
                raise TooManyReplies
            reply.save()
            _put_picture(reply, values)
            record(actor, account, "wechat.reply.added", details={"occasion": reply.occasion})
    except IntegrityError as error:
        if "one_follow_and_one_default_reply" in str(error):
            raise ReplyThere from error
        raise
    return reply


def _put(reply: AutoReply, values: ReplyInput) -> None:
    is_keyword = values.occasion == Occasion.KEYWORD
    reply.occasion = values.occasion
    reply.kind = values.kind
    reply.words = rules.stored(values.words) if is_keyword else []
    reply.priority = values.priority if is_keyword else 0
    is_card = values.kind == ReplyKind.CARD
    reply.text = values.text
    reply.title = values.title if is_card else ""
    reply.page = values.page if is_card else ""
    reply.url = values.url if is_card and not values.page else ""
    reply.picture_url = values.picture_url if is_card else ""
    reply.is_on = values.is_on
    reply.changed_at = clock.now()


def _put_picture(reply: AutoReply, values: ReplyInput) -> None:
    """Keep a new picture and let a job hand it to WeChat; forget it with another kind of answer."""
    is_picture = values.kind == ReplyKind.PICTURE
    if is_picture and not values.picture:
        return
    ReplyPicture.objects.filter(reply=reply).delete()
    reply.media_id, reply.media_until = "", None
    reply.save(update_fields=["media_id", "media_until"])
    if is_picture:
        ReplyPicture.objects.create(reply=reply, content=values.picture)
        tasks.hand_over_picture.defer(reply_id=reply.pk)


def change_reply(*, reply: AutoReply, values: ReplyInput, actor: Actor) -> AutoReply:
    """Change a rule; its occasion stays.

    Raises:
        ReplyGone: somebody deleted it meanwhile (404).
    """
    with transaction.atomic():
        kept = AutoReply.objects.select_for_update().select_related("account").get(pk=reply.pk)
        occasion = Occasion(kept.occasion)
        _put(kept, values)
        kept.occasion = occasion
        kept.save()
        _put_picture(kept, values)
        record(actor, kept.account, "wechat.reply.changed", details={"occasion": kept.occasion})
    return kept


def switch_reply(*, reply: AutoReply, is_on: bool, actor: Actor) -> None:
    """Let a rule answer, or not."""
    with transaction.atomic():
        changed = (
            AutoReply.objects.filter(pk=reply.pk)
            .exclude(is_on=is_on)
            .update(is_on=is_on, changed_at=clock.now())
        )
        if changed:
            action = "wechat.reply.switched_on" if is_on else "wechat.reply.switched_off"
            record(actor, reply.account, action, details={"occasion": reply.occasion})


def delete_reply(*, reply: AutoReply, actor: Actor) -> None:
    """Forget a rule."""
    with transaction.atomic():
        gone, _rows = AutoReply.objects.filter(pk=reply.pk).delete()
        if gone:
            record(
                actor, reply.account, "wechat.reply.deleted", details={"occasion": reply.occasion}
            )

"""Labels of followers (标签) at WeChat: made here, put on customers who carry a tag of the shop.

They live at WeChat only: menus for some followers name them by their number.
Source: WeChat's documents of the official account, user tags (tags/create, members/batchtagging).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from django.db import transaction

from zhanggui.accounts.actors import Actor
from zhanggui.channels.wechat import api, tasks
from zhanggui.channels.wechat.client.official import Tag as Label
from zhanggui.channels.wechat.errors import (
    ChannelRefused,
    LabelNameTaken,
    LabelsFull,
    LabelUsed,
    WechatRefused,
)
from zhanggui.channels.wechat.menus.conditional import NO_LABEL
from zhanggui.channels.wechat.menus.matching import asked, labels_of
from zhanggui.channels.wechat.models import ChannelAccount, ConditionalMenu
from zhanggui.channels.wechat.services import record
from zhanggui.contacts.models import IdentityLink, LinkState, Tag
from zhanggui.core import tenancy

AT_ONCE = 50
"""So many followers WeChat labels in one call."""
FIRST_OWN = 100
"""Labels with smaller numbers are WeChat's own and cannot be changed."""
NAME_TAKEN, FULL = 45157, 45056


def own_labels(account: ChannelAccount) -> Sequence[Label]:
    """The labels that may be changed, as WeChat knows them now.

    Raises:
        WechatRefused, WechatUnreachable: as ``matching.labels_of``.
    """
    return [label for label in labels_of(account) if label.id >= FIRST_OWN]


def add(*, account: ChannelAccount, name: str, tag: Tag | None, actor: Actor) -> Label:
    """Make a label; with a tag also put it on the customers who carry that.

    Raises:
        LabelNameTaken: WeChat has one of this name (E_LABEL_NAME, 409).
        LabelsFull: WeChat takes 100 labels at most (E_LABELS_FULL, 409).
        WechatRefused, WechatUnreachable: WeChat did not make it.
    """
    try:
        label = asked(account, lambda calls: calls.tag_create(name))
    except WechatRefused as refusal:
        if refusal.details.get("code") == NAME_TAKEN:
            raise LabelNameTaken from refusal
        if refusal.details.get("code") == FULL:
            raise LabelsFull from refusal
        raise
    record(actor, account, "wechat.label.added", details={"label": label.id, "name": label.name})
    if tag is not None:
        put_on(account=account, label_id=label.id, tag=tag, actor=actor)
    return label


def put_on(*, account: ChannelAccount, label_id: int, tag: Tag, actor: Actor) -> None:
    """Put a label on everybody who carries a tag and follows the account; a job does it."""
    with transaction.atomic():
        details = {"label": label_id, "tag": tag.name}
        record(actor, account, "wechat.label.put_on", details=details)
        tasks.label_customers.defer(account_id=account.pk, label_id=label_id, tag_id=tag.pk)


def delete(*, account: ChannelAccount, label_id: int, actor: Actor) -> None:
    """Delete a label at WeChat; its followers stay.

    Raises:
        LabelUsed: a menu for some followers is for it (E_LABEL_USED, 409).
        WechatRefused, WechatUnreachable: WeChat did not delete it.
    """
    menus = ConditionalMenu.objects.filter(account=account, tag_id=label_id, archived_at=None)
    if used := menus.first():
        raise LabelUsed(menu=used.name)
    asked(account, lambda calls: calls.tag_delete(label_id))
    record(actor, account, "wechat.label.deleted", details={"label": label_id})


def label_customers(*, account_id: int, label_id: int, tag_id: int) -> int:
    """Put the label on customers, 50 at a time; twice does no harm.

    Returns:
        How many were told to WeChat.

    Raises:
        ChannelError: WeChat did not answer or the label is gone; the job decides.
    """
    account = ChannelAccount.objects.select_related("merchant").get(pk=account_id)
    if account.merchant_id is None:
        return 0
    calls = api.for_account(account)
    told = 0
    for openids in _batches(account.merchant_id, account.pk, tag_id):
        told += _put(lambda some: calls.tag_followers(label_id, some), openids)
    return told


def _batches(merchant_id: int, account_id: int, tag_id: int) -> Iterator[list[str]]:
    last = 0
    while True:
        with tenancy.merchant_scope(merchant_id):
            rows = IdentityLink.objects.filter(
                account_id=account_id,
                follows=True,
                state=LinkState.ACTIVE,
                customer__tag_ids__contains=[tag_id],
                pk__gt=last,
            )
            found = list(rows.order_by("pk").values_list("pk", "openid")[:AT_ONCE])
        if not found:
            return
        last = found[-1][0]
        yield [openid for _, openid in found]


def _put(tell: Callable[[Sequence[str]], None], openids: Sequence[str]) -> int:
    """Tell WeChat; where it takes not all of them, one by one, leaving out those it refuses."""
    try:
        tell(openids)
    except ChannelRefused as refusal:
        if refusal.code in NO_LABEL:
            raise
        if len(openids) == 1:
            return 0
        return sum(_put(tell, [openid]) for openid in openids)
    return len(openids)

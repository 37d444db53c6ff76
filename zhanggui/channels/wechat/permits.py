"""Who allowed which subscription notification: heard from WeChat, taken by messages, given back.

WeChat tells of every acceptance, and of whoever takes one back, by events; the server cannot ask
for what is left. Source: digest 2.6 (events), 4.10 and 7.6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from django.db import connection
from django.db.models import Count, Q, QuerySet

from zhanggui.channels.wechat.hooks import PushEvent
from zhanggui.channels.wechat.models import ChannelAccount, Permit, TemplateBinding
from zhanggui.core import clock

POPUP, CHANGED, SENT = (
    "subscribe_msg_popup_event",
    "subscribe_msg_change_event",
    "subscribe_msg_sent_event",
)
ACCEPT = "accept"
USED_UP = 43101
"""WeChat's code for "not allowed, or used up"."""
MOST_IN_AN_EVENT = 20
PARENTS = {
    POPUP: "SubscribeMsgPopupEvent",
    CHANGED: "SubscribeMsgChangeEvent",
    SENT: "SubscribeMsgSentEvent",
}
ID_LENGTH = 64
OPEN = Q(used_by="", ended_at=None)

_TAKE = """
UPDATE wechat_permit SET used_by = %(by)s
WHERE id = (
  SELECT id FROM wechat_permit
  WHERE account_id = %(account)s AND openid = %(openid)s AND template_id = %(template)s
    AND used_by = '' AND ended_at IS NULL
  ORDER BY given_at, id LIMIT 1
  FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


def items_of(event: PushEvent) -> Iterator[Mapping[str, str]]:
    """The entries of an event's list; WeChat writes one as an object, several as an array."""
    parent = PARENTS[event.name]
    starts = [f"{parent}.List.", "List."]  # XML, and the JSON form
    for start in starts:
        for place in range(MOST_IN_AN_EVENT):
            head = f"{start}{place}." if place else start
            found = {
                name.removeprefix(head): text
                for name, text in event.details.items()
                if name.startswith(head) and "." not in name.removeprefix(head)
            }
            if not found.get("TemplateId"):
                break
            yield found


def popped_up(event: PushEvent) -> None:
    """Somebody answered a subscription dialog: each yes allows one message more."""
    for item in items_of(event):
        if item.get("SubscribeStatusString") != ACCEPT:
            continue
        Permit.objects.get_or_create(
            account_id=event.account_id,
            openid=event.openid,
            template_id=item["TemplateId"][:ID_LENGTH],
            given_at=event.sent_at,
        )


def changed(event: PushEvent) -> None:
    """Somebody took permissions back in the account's settings; newer ones stay."""
    for item in items_of(event):
        if item.get("SubscribeStatusString") == ACCEPT:
            continue
        _rows(event.account_id, event.openid, item["TemplateId"]).filter(
            given_at__lte=event.sent_at
        ).update(ended_at=event.sent_at)


def _rows(account_id: int, openid: str, template_id: str) -> QuerySet[Permit]:
    return Permit.objects.filter(
        OPEN, account_id=account_id, openid=openid, template_id=template_id
    )


def has(binding: TemplateBinding, openid: str) -> bool:
    """Whether somebody still allows a notification."""
    return _rows(binding.account_id, openid, binding.template_id).exists()


def take(binding: TemplateBinding, openid: str, *, by: str) -> bool:
    """Take one permission for a message; False when none is left.

    One statement decides, so that two messages never share a permission. A lasting one is only
    looked at.

    Args:
        binding: by which template.
        openid: of the receiver.
        by: the message's number; ``give_back`` knows it again.
    """
    if binding.is_lasting:
        return has(binding, openid)
    values: dict[str, str | int] = {
        "by": by,
        "account": binding.account_id,
        "openid": openid,
        "template": binding.template_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        return cursor.fetchone() is not None


def taken_from(number: str) -> str:
    """Whose permission a message took; empty when none is known."""
    return Permit.objects.filter(used_by=number).values_list("openid", flat=True).first() or ""


def give_back(numbers: Collection[str]) -> None:
    """Free what messages took that did not go out."""
    if numbers:
        Permit.objects.filter(used_by__in=numbers, ended_at=None).update(used_by="")


def none_left(numbers: Collection[str]) -> None:
    """WeChat says that messages had no permission (43101): it knows better than we do."""
    for row in Permit.objects.filter(used_by__in=numbers):
        _rows(row.account_id, row.openid, row.template_id).update(ended_at=clock.now())


def left(account: ChannelAccount, openids: Collection[str]) -> dict[str, int]:
    """How many messages these identities still allow, by template id."""
    rows = Permit.objects.filter(OPEN, account=account, openid__in=openids)
    counted = rows.values_list("template_id").annotate(many=Count("pk")).order_by()
    return {str(template_id): many for template_id, many in counted}


def people_of(binding: TemplateBinding, most: int) -> dict[int, str]:
    """Who allows a notification now, newest first: the id of a permission to its openid."""
    rows = Permit.objects.filter(
        OPEN, account_id=binding.account_id, template_id=binding.template_id
    )
    newest: dict[str, int] = {}
    for pk, openid in rows.order_by("-given_at", "-pk").values_list("pk", "openid")[: most * 4]:
        newest.setdefault(openid, pk)
    return {pk: openid for openid, pk in list(newest.items())[:most]}

"""What contacts themselves tell about a customer: how it became known, merged and changed."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.models import Customer, Erasure, ErasureState, IdentityLink, LinkMove, Merge
from zhanggui.contacts.models import Source as CameBy
from zhanggui.contacts.timeline import Entry, Row, Source, Text

MOVED = ("link__nickname", "from_customer__number", "to_customer__number")


def _entry(title: Text, text: Callable[[Row], str], icon: str, tone: str) -> Callable[[Row], Entry]:
    return lambda row: Entry(title, text(row), icon, tone)


def _moved(row: Row) -> str:
    nickname, before, now = (row.told[name] for name in MOVED)
    return f"{nickname} · {before} → {now}"


SOURCES = (
    Source(
        name="contacts.created",
        rows=lambda customer_id: Customer.objects.filter(pk=customer_id),
        told=("source",),
        entry=_entry(
            _("Became a customer"),
            lambda row: str(CameBy(row.told["source"]).label),
            "user-plus",
            "success",
        ),
        at="created_at",
    ),
    Source(
        name="contacts.linked",
        rows=lambda customer_id: IdentityLink.objects.filter(customer_id=customer_id),
        told=("nickname",),
        entry=_entry(
            _("Came by WeChat for the first time"),
            lambda row: row.told["nickname"],
            "brand-wechat",
            "success",
        ),
        at="created_at",
    ),
    Source(
        name="contacts.arrived",
        rows=lambda customer_id: LinkMove.objects.filter(to_customer_id=customer_id),
        told=MOVED,
        entry=_entry(
            _("A WeChat identity came from another customer"), _moved, "arrows-exchange", "info"
        ),
    ),
    Source(
        name="contacts.departed",
        rows=lambda customer_id: LinkMove.objects.filter(from_customer_id=customer_id),
        told=MOVED,
        entry=_entry(
            _("A WeChat identity went to another customer"), _moved, "arrows-exchange", "info"
        ),
    ),
    Source(
        name="contacts.merged",
        rows=lambda customer_id: Merge.objects.filter(survivor_id=customer_id),
        told=("replaced__name", "replaced__number"),
        entry=_entry(
            _("Merged with another customer"),
            lambda row: f"{row.told['replaced__name']} {row.told['replaced__number']}",
            "arrow-merge",
            "info",
        ),
    ),
    Source(
        name="contacts.undone",
        rows=lambda customer_id: Merge.objects.filter(
            Q(survivor_id=customer_id) | Q(replaced_id=customer_id)
        ),
        told=("survivor__number", "replaced__number"),
        entry=_entry(
            _("A merge was taken back"),
            lambda row: f"{row.told['survivor__number']} / {row.told['replaced__number']}",
            "arrow-back-up",
            "muted",
        ),
        at="undone_at",
    ),
    Source(
        name="contacts.erased",
        rows=lambda customer_id: Erasure.objects.filter(customer_id=customer_id),
        told=("state",),
        entry=_entry(
            _("Erasure asked for"),
            lambda row: str(ErasureState(row.told["state"]).label),
            "eraser",
            "danger",
        ),
        at="requested_at",
    ),
)

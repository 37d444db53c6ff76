"""What contacts themselves tell about a customer: how it became known, merged and changed."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.models import Customer, Erasure, ErasureState, IdentityLink, LinkMove, Merge
from zhanggui.contacts.models import Source as CameBy
from zhanggui.contacts.timeline import Entry, Row, Source

MOVED = ("link__nickname", "from_customer__number", "to_customer__number")


def _created(row: Row) -> Entry:
    came_by = CameBy(row.told["source"])
    return Entry(_("Became a customer"), str(came_by.label), "user-plus", "success")


def _linked(row: Row) -> Entry:
    title = _("Came by WeChat for the first time")
    return Entry(title, row.told["nickname"], "brand-wechat", "success")


def _moved(row: Row) -> str:
    nickname, before, now = (row.told[name] for name in MOVED)
    return f"{nickname} · {before} → {now}"


def _arrived(row: Row) -> Entry:
    title = _("A WeChat identity came from another customer")
    return Entry(title, _moved(row), "arrows-exchange", "info")


def _departed(row: Row) -> Entry:
    title = _("A WeChat identity went to another customer")
    return Entry(title, _moved(row), "arrows-exchange", "info")


def _merged(row: Row) -> Entry:
    who = f"{row.told['replaced__name']} {row.told['replaced__number']}"
    return Entry(_("Merged with another customer"), who, "arrow-merge", "info")


def _undone(row: Row) -> Entry:
    who = f"{row.told['survivor__number']} / {row.told['replaced__number']}"
    return Entry(_("A merge was taken back"), who, "arrow-back-up", "muted")


def _erased(row: Row) -> Entry:
    state = ErasureState(row.told["state"])
    return Entry(_("Erasure asked for"), str(state.label), "eraser", "danger")


SOURCES = (
    Source(
        name="contacts.created",
        rows=lambda customer_id: Customer.objects.filter(pk=customer_id),
        told=("source",),
        entry=_created,
        at="created_at",
    ),
    Source(
        name="contacts.linked",
        rows=lambda customer_id: IdentityLink.objects.filter(customer_id=customer_id),
        told=("nickname",),
        entry=_linked,
        at="created_at",
    ),
    Source(
        name="contacts.arrived",
        rows=lambda customer_id: LinkMove.objects.filter(to_customer_id=customer_id),
        told=MOVED,
        entry=_arrived,
    ),
    Source(
        name="contacts.departed",
        rows=lambda customer_id: LinkMove.objects.filter(from_customer_id=customer_id),
        told=MOVED,
        entry=_departed,
    ),
    Source(
        name="contacts.merged",
        rows=lambda customer_id: Merge.objects.filter(survivor_id=customer_id),
        told=("replaced__name", "replaced__number"),
        entry=_merged,
    ),
    Source(
        name="contacts.undone",
        rows=lambda customer_id: Merge.objects.filter(
            Q(survivor_id=customer_id) | Q(replaced_id=customer_id)
        ),
        told=("survivor__number", "replaced__number"),
        entry=_undone,
        at="undone_at",
    ),
    Source(
        name="contacts.erased",
        rows=lambda customer_id: Erasure.objects.filter(customer_id=customer_id),
        told=("state",),
        entry=_erased,
        at="requested_at",
    ),
)

"""What contacts themselves tell about a customer: how it became known, merged and changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.models import Customer, Erasure, IdentityLink, LinkMove, Merge
from zhanggui.contacts.timeline import Before, Entry, Source

KINDS = 8
"""Ids of different tables are kept apart by ``id * KINDS + kind``."""


def entries(customer_id: int, before: Before, limit: int) -> Sequence[Entry]:
    """The newest entries of all tables of this module."""
    found: list[Entry] = []
    for kind, part in enumerate(PARTS):
        here = Before(before.at, (before.id - kind - 1) // KINDS + 1)
        found += _numbered(part(customer_id, here, limit), kind)
    return sorted(found, key=lambda e: (e.at, e.id), reverse=True)[:limit]


def _numbered(rows: Iterable[Entry], kind: int) -> Iterable[Entry]:
    for row in rows:
        yield Entry(row.at, row.id * KINDS + kind, row.title, row.text, row.icon, row.tone)


def _created(customer_id: int, before: Before, limit: int) -> list[Entry]:
    customers = Customer.objects.filter(before.rows("created_at"), pk=customer_id)
    return [
        Entry(
            customer.created_at,
            customer.pk,
            _("Became a customer"),
            str(customer.get_source_display()),
            "user-plus",
            "success",
        )
        for customer in customers[:limit]
    ]


def _links(customer_id: int, before: Before, limit: int) -> list[Entry]:
    links = IdentityLink.objects.filter(before.rows("created_at"), customer_id=customer_id)
    return [
        Entry(
            link.created_at,
            link.pk,
            _("Came by WeChat for the first time"),
            link.nickname,
            "brand-wechat",
            "success",
        )
        for link in links.order_by("-created_at", "-pk")[:limit]
    ]


def _moves(customer_id: int, before: Before, limit: int) -> list[Entry]:
    moves = LinkMove.objects.select_related("link", "from_customer", "to_customer").filter(
        before.rows(), Q(from_customer_id=customer_id) | Q(to_customer_id=customer_id)
    )
    return [
        Entry(
            move.at,
            move.pk,
            _("A WeChat identity came from another customer")
            if move.to_customer_id == customer_id
            else _("A WeChat identity went to another customer"),
            f"{move.link.nickname} · {move.from_customer.number} → {move.to_customer.number}",
            "arrows-exchange",
            "info",
        )
        for move in moves.order_by("-at", "-pk")[:limit]
    ]


def _merges(customer_id: int, before: Before, limit: int) -> list[Entry]:
    merges = Merge.objects.select_related("replaced").filter(before.rows(), survivor_id=customer_id)
    return [
        Entry(
            merge.at,
            merge.pk,
            _("Merged with another customer"),
            f"{merge.replaced.name} {merge.replaced.number}",
            "arrow-merge",
            "info",
        )
        for merge in merges.order_by("-at", "-pk")[:limit]
    ]


def _undone(customer_id: int, before: Before, limit: int) -> list[Entry]:
    merges = Merge.objects.select_related("replaced", "survivor").filter(
        Q(survivor_id=customer_id) | Q(replaced_id=customer_id),
        before.rows("undone_at"),
        undone_at__isnull=False,
    )
    return [
        Entry(
            merge.undone_at,
            merge.pk,
            _("A merge was taken back"),
            f"{merge.survivor.number} / {merge.replaced.number}",
            "arrow-back-up",
            "muted",
        )
        for merge in merges.order_by("-undone_at", "-pk")[:limit]
        if merge.undone_at is not None
    ]


def _erasures(customer_id: int, before: Before, limit: int) -> list[Entry]:
    erasures = Erasure.objects.filter(before.rows("requested_at"), customer_id=customer_id)
    return [
        Entry(
            erasure.requested_at,
            erasure.pk,
            _("Erasure asked for"),
            str(erasure.get_state_display()),
            "eraser",
            "danger",
        )
        for erasure in erasures.order_by("-requested_at", "-pk")[:limit]
    ]


PARTS: Sequence[Callable[[int, Before, int], list[Entry]]] = (
    _created,
    _links,
    _moves,
    _merges,
    _undone,
    _erasures,
)
SOURCE = Source(name="contacts", label=_("Profile"), entries=entries)

"""What messages tell of a customer: shown on the timeline, handed out, moved, erased."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from zhanggui.contacts.holders import Held, Holder, Merging, Sheet
from zhanggui.contacts.timeline import Entry, Row, Source
from zhanggui.messaging import fates, templates
from zhanggui.messaging.models import IN_WECHAT, Consent, Message, MessageDay, Route
from zhanggui.messaging.permissions import VIEW
from zhanggui.ui.formats import count

ICONS = dict.fromkeys(IN_WECHAT, "brand-wechat") | {Route.SMS: "message-2"}


def _entry(row: Row) -> Entry:
    message = Message(**row.told | {"due_at": row.moment("due_at")})
    return Entry(
        _("%(message)s: %(state)s")
        % {"message": templates.label_of(message.template), "state": message.get_state_display()},
        fates.advice(message),
        ICONS.get(Route(message.route), "message-2"),
        fates.tone(message),
    )


def _held(replaced_id: int, _survivor_id: int) -> Sequence[Held]:
    many = Message.objects.filter(customer_id=replaced_id).count()
    if not many:
        return ()
    return (Held(_("Messages"), count(many), _("Stay in the log under the customer who stays.")),)


def _merge(merging: Merging) -> dict[str, Any]:
    """Hand messages over; a no of either of the two is a no of the one who stays."""
    ids = list(Message.objects.filter(customer_id=merging.replaced_id).values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids).update(customer_id=merging.survivor_id)
    changed: list[list[Any]] = []
    for row in Consent.objects.filter(customer_id=merging.replaced_id):
        known = Consent.objects.filter(
            customer_id=merging.survivor_id, kind=row.kind, route=row.route
        ).first()
        if known is None:
            Consent.objects.filter(pk=row.pk).update(customer_id=merging.survivor_id)
            changed.append(["moved", row.pk])
        elif known.wants and not row.wants:
            Consent.objects.filter(pk=known.pk).update(wants=False)
            changed.append(["refused", known.pk])
    return {"messages": ids, "consents": changed}


def _undo(merging: Merging, moved: Mapping[str, Any]) -> None:
    Message.objects.filter(pk__in=moved.get("messages", [])).update(customer_id=merging.replaced_id)
    for what, pk in moved.get("consents", []):
        if what == "moved":
            Consent.objects.filter(pk=pk).update(customer_id=merging.replaced_id)
        else:
            Consent.objects.filter(pk=pk).update(wants=True)


def _erase(customer_ids: Collection[int]) -> None:
    """Take the words and the name off; that something was sent, and its cost, stays."""
    Message.objects.filter(customer_id__in=customer_ids).update(
        body_sealed=None, to_sealed=None, to_masked=""
    )
    Consent.objects.filter(customer_id__in=customer_ids).delete()
    MessageDay.objects.filter(customer_id__in=customer_ids).delete()


def _sheets(customer_id: int) -> Sequence[Sheet]:
    rows = [
        (
            row.created_at,
            str(templates.label_of(row.template)),
            row.get_route_display(),
            row.get_state_display(),
        )
        for row in Message.objects.filter(customer_id=customer_id).order_by("-created_at", "-pk")
    ]
    wishes = [
        (
            row.at,
            row.get_kind_display(),
            row.get_route_display(),
            str(_("Yes") if row.wants else _("No")),
        )
        for row in Consent.objects.filter(customer_id=customer_id).order_by("pk")
    ]
    columns = [_("Time"), _("Message"), _("Way"), _("State")]
    return [
        Sheet("messages", _("Messages"), columns, rows),
        Sheet(
            "message_wishes",
            _("Wishes about messages"),
            [_("Time"), _("Kind"), _("Way"), _("Wants them")],
            wishes,
        ),
    ]


HOLDER = Holder(
    name="messaging", held=_held, merge=_merge, undo=_undo, erase=_erase, sheets=_sheets
)
TIMELINE = Source(
    name="messaging",
    rows=lambda customer_id: Message.objects.filter(customer_id=customer_id),
    told=("template", "state", "route", "error", "error_kind", "due_at"),
    entry=_entry,
    at="created_at",
    permission=VIEW.name,
)

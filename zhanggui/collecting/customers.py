"""What payments tell of a customer: story, merging, handing out, erasing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from zhanggui.collecting import selectors
from zhanggui.collecting.models import PayerTry, PaymentRequest
from zhanggui.collecting.permissions import VIEW
from zhanggui.contacts.holders import Held, Holder, Merging, Sheet
from zhanggui.contacts.timeline import Entry, Row, Source
from zhanggui.ui.formats import money


def _entry(row: Row) -> Entry:
    told, refunded_fen = row.told, row.told["refunded_fen"]
    back = _(", %(amount)s given back") % {"amount": money(refunded_fen)}
    paid = _("Paid %(amount)s") % {"amount": money(told["payment__amount_fen"])}
    return Entry(
        f"{paid}{back}" if refunded_fen else paid,
        told["request__title"],
        "coin",
        "info" if refunded_fen else "success",
        url=selectors.office_url(told["merchant__slug"], told["request_id"]),
    )


def held(replaced_id: int, _survivor_id: int) -> Sequence[Held]:
    """How many payments a customer has made."""
    many = PayerTry.objects.filter(customer_id=replaced_id).count()
    return [Held(_("Payments"), str(many), _("They stand with the customer who stays."))]


def merge(merging: Merging) -> dict[str, Any]:
    """Hand requests and payments over."""
    tries = PayerTry.objects.filter(customer_id=merging.replaced_id)
    asked = PaymentRequest.objects.filter(customer_id=merging.replaced_id)
    moved = {
        "tries": sorted(tries.values_list("pk", flat=True)),
        "requests": sorted(asked.values_list("pk", flat=True)),
    }
    tries.update(customer_id=merging.survivor_id)
    asked.update(customer_id=merging.survivor_id)
    return moved


def undo(merging: Merging, moved: Mapping[str, Any]) -> None:
    """Give exactly these back."""
    tries = PayerTry.objects.filter(pk__in=moved.get("tries", ()), customer_id=merging.survivor_id)
    tries.update(customer_id=merging.replaced_id)
    asked = PaymentRequest.objects.filter(
        pk__in=moved.get("requests", ()), customer_id=merging.survivor_id
    )
    asked.update(customer_id=merging.replaced_id)


def in_use(customer_ids: Collection[int]) -> set[int]:
    """Who has paid or is asked for money."""
    tries = PayerTry.objects.filter(customer_id__in=customer_ids)
    asked = PaymentRequest.objects.filter(customer_id__in=customer_ids)
    return {
        *tries.values_list("customer_id", flat=True),
        *asked.values_list("customer_id", flat=True),
    }


def sheets(customer_id: int) -> Sequence[Sheet]:
    """Every payment of one person."""
    rows = [
        (
            one.paid_at,
            one.request.title,
            one.payment.amount_fen,
            one.refunded_fen,
            one.payment.number,
        )
        for one in selectors.paid_by([customer_id]).order_by("-paid_at", "-pk")
    ]
    columns = [_("Time"), _("What for"), _("Fen"), _("Fen given back"), _("Number")]
    return [Sheet("payments", _("Payments"), columns, rows)]


HOLDER = Holder(name="collecting", held=held, merge=merge, undo=undo, sheets=sheets, in_use=in_use)
TIMELINE = Source(
    name="collecting",
    rows=lambda customer_id: selectors.paid_by([customer_id]),
    told=(
        *("refunded_fen", "payment__amount_fen", "request__title", "request_id"),
        "merchant__slug",
    ),
    entry=_entry,
    at="paid_at",
    permission=VIEW.name,
)

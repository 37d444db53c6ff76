"""What happens to cards and records when customers merge, ask for their data or are erased.

Two customers who become one may each hold a card of the same programme. Both cards stay valid
under the survivor: the ledger is append-only and every stamp keeps the account it was booked on, so
that cancelling, balances and taking the merge back stay exact. The one that came second is marked
``is_extra``; new visits lead to the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from zhanggui.codes import services as code_services
from zhanggui.contacts.fields import ERASED_NAME
from zhanggui.contacts.holders import Held, Sheet
from zhanggui.contacts.timeline import Entry, Row, Source
from zhanggui.stamps import permissions
from zhanggui.stamps.models import Card, Case, Kind, Press, PressNonce, StampRecord
from zhanggui.stamps.operations import SUBJECT

Text = str | Promise


def held(customer_id: int) -> Sequence[Held]:
    """The cards of a customer, for the preview of a merge."""
    cards = Card.objects.select_related("programme").filter(customer_id=customer_id)
    return [
        Held(
            _("Stamp card %(programme)s") % {"programme": card.programme.name},
            ngettext("%(count)s stamp", "%(count)s stamps", card.balance) % {"count": card.balance},
            _("Stays valid with its stamps. Of two cards of one programme both can be used."),
        )
        for card in cards.order_by("pk")
    ]


def merge(survivor_id: int, replaced_id: int) -> dict[str, Any]:
    """Hand the cards over; waits for stamps that are being confirmed on them right now."""
    cards = Card.objects.select_for_update().filter(customer_id=replaced_id).order_by("pk")
    moved = [(card.pk, card.programme_id, card.is_extra) for card in cards]
    theirs = Card.objects.filter(customer_id=survivor_id)
    held_before = set(theirs.values_list("programme_id", flat=True))
    second = [pk for pk, programme_id, _extra in moved if programme_id in held_before]
    ids = [pk for pk, _programme, _extra in moved]
    Card.objects.filter(pk__in=second).update(is_extra=True)
    _hand_over(ids, survivor_id)
    return {"cards": [[pk, is_extra] for pk, _programme, is_extra in moved]}


def _hand_over(card_ids: Collection[int], customer_id: int) -> None:
    Card.objects.filter(pk__in=card_ids).update(customer_id=customer_id, version=F("version") + 1)
    StampRecord.objects.filter(card_id__in=card_ids).update(customer_id=customer_id)


def why_not_undo(survivor_id: int, _replaced_id: int, moved: Mapping[str, Any]) -> Text | None:
    """Cards that went on to somebody else cannot come back."""
    ids = [pk for pk, _extra in moved.get("cards", ())]
    if Card.objects.filter(pk__in=ids, customer_id=survivor_id).count() != len(ids):
        return _("one of the stamp cards belongs to another customer now.")
    return None


def undo(_survivor_id: int, replaced_id: int, moved: Mapping[str, Any]) -> None:
    """Give the cards back, with every stamp that came on them since."""
    cards: list[tuple[int, bool]] = [(pk, extra) for pk, extra in moved.get("cards", ())]
    ids = [pk for pk, _extra in cards]
    list(Card.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    _hand_over(ids, replaced_id)
    Card.objects.filter(pk__in=[pk for pk, extra in cards if not extra]).update(is_extra=False)


def erase(customer_ids: Collection[int]) -> None:
    """Take names and words off, end live codes; ledger, balances and counts stay."""
    StampRecord.objects.filter(customer_id__in=customer_ids).update(
        customer_name=ERASED_NAME, name_key=""
    )
    records = StampRecord.objects.filter(customer_id__in=customer_ids)
    Case.objects.filter(record__in=records).update(text="")
    Press.objects.filter(customer_id__in=customer_ids).update(customer_id=None, frames={})
    PressNonce.objects.filter(customer_id__in=customer_ids).delete()
    for card_id in Card.objects.filter(customer_id__in=customer_ids).values_list("pk", flat=True):
        code_services.revoke_live(subject_type=SUBJECT, subject_id=card_id)


def in_use(customer_ids: Collection[int]) -> set[int]:
    """Who has taken a card."""
    cards = Card.objects.filter(customer_id__in=customer_ids)
    return set(cards.values_list("customer_id", flat=True))


def sheets(customer_id: int) -> Sequence[Sheet]:
    """Cards and every stamp of one person."""
    cards = Card.objects.select_related("programme").filter(customer_id=customer_id).order_by("pk")
    records = StampRecord.objects.select_related("store", "card__programme").filter(
        card__customer_id=customer_id, card_id__in=[card.pk for card in cards]
    )
    return [
        Sheet(
            "stamp_cards",
            _("Stamp cards"),
            [_("Programme"), _("Stamps"), _("State"), _("Taken on")],
            [
                (c.programme.name, c.balance, str(c.get_state_display()), c.created_at)
                for c in cards
            ],
        ),
        Sheet(
            "stamps",
            _("Stamps"),
            [_("Time"), _("Programme"), _("Store"), _("Operation"), _("Stamps"), _("Reason")],
            [
                (
                    r.at,
                    r.card.programme.name,
                    r.store.name,
                    str(r.get_kind_display()),
                    r.amount,
                    r.reason,
                )
                for r in records.order_by("-at", "-pk")
            ],
        ),
    ]


def _entry(row: Row) -> Entry:
    told = row.told
    is_cancel = told["kind"] == Kind.CANCEL
    place = f"{told['store__name']} · {told['manager_name']}"
    return Entry(
        _("%(programme)s: %(amount)s stamps")
        % {"programme": told["card__programme__name"], "amount": f"{told['amount']:+d}"},
        f"{place} · {told['reason']}" if told["reason"] else place,
        "arrow-back-up" if is_cancel else "rubber-stamp",
        "cancel" if is_cancel else "stamp",
    )


TIMELINE = Source(
    name="stamps",
    rows=lambda customer_id: StampRecord.objects.filter(card__customer_id=customer_id),
    told=("kind", "amount", "reason", "manager_name", "store__name", "card__programme__name"),
    entry=_entry,
    permission=permissions.VIEW.name,
)
"""Cards taken are few and stand in the panel; here is every stamp given and taken back."""

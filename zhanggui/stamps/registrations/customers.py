"""What happens to cards and records when customers merge, ask for their data or are erased.

Two customers who become one may each hold a card of the same programme: one of the two goes on, and
what lies on the other is booked onto it (``services.joining``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from zhanggui.accounts.models import Merchant
from zhanggui.codes import services as code_services
from zhanggui.contacts.errors import MergeStuck
from zhanggui.contacts.fields import ERASED_NAME
from zhanggui.contacts.holders import Held, Merging, Sheet
from zhanggui.contacts.timeline import Entry, Row, Source
from zhanggui.core import clock, tenancy
from zhanggui.stamps import permissions
from zhanggui.stamps.errors import RewardUsed, StampsGone
from zhanggui.stamps.models import Card, Case, Kind, Press, PressNonce, StampRecord
from zhanggui.stamps.operations import SUBJECT
from zhanggui.stamps.services import expiring, joining, tallying
from zhanggui.stamps.services.cycles import Place

Text = str | Promise


def held(replaced_id: int, survivor_id: int) -> Sequence[Held]:
    """The cards of a customer, for the preview of a merge."""
    mine = {card.programme_id: card for card in _live_cards(survivor_id)}
    found = [
        Held(
            _("Stamp card %(programme)s") % {"programme": card.programme.name},
            ngettext("%(count)s stamp", "%(count)s stamps", card.balance) % {"count": card.balance},
            _becomes(card, mine.get(card.programme_id)),
        )
        for card in _live_cards(replaced_id).order_by("pk")
    ]
    return found or [Held(_("Stamp cards"), _cards(0), _becomes_none(len(mine)))]


def _cards(many: int) -> str:
    return ngettext("%(count)s card", "%(count)s cards", many) % {"count": many}


def _becomes_none(kept: int) -> Text:
    return _("The customer who stays keeps: %(cards)s.") % {"cards": _cards(kept)}


def _live_cards(customer_id: int) -> QuerySet[Card]:
    cards = Card.objects.select_related("programme", "customer", "terms")
    return cards.filter(customer_id=customer_id, merged_into=None)


def _becomes(card: Card, mine: Card | None) -> Text:
    if mine is None:
        return _("Belongs to the customer who stays.")
    into, folded = joining.choose(mine, card)
    amount = joining.fitting(into, folded)
    if amount < folded.balance:
        return _(
            "Joined to the other card of this programme, which has room for %(count)s stamps; the"
            " others come back only if the merge is taken back."
        ) % {"count": amount}
    return _("Joined to the other card of this programme, which then has %(count)s stamps.") % {
        "count": into.shown + amount
    }


def merge(merging: Merging) -> dict[str, Any]:
    """Hand the cards over and join those of one programme.

    Waits for stamps that are being confirmed on them right now.
    """
    theirs, mine = _live_cards(merging.replaced_id), _live_cards(merging.survivor_id)
    twice = theirs.values_list("programme_id", flat=True)
    both = Q(customer_id=merging.survivor_id, programme_id__in=list(twice), merged_into=None)
    wanted = Card.objects.filter(both | Q(customer_id=merging.replaced_id))
    ids = sorted(wanted.values_list("pk", flat=True))
    list(Card.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    for card in Card.objects.filter(pk__in=ids, expires_at__lte=clock.now()).order_by("pk"):
        expiring.expire_card(card_id=card.pk, actor=merging.actor)
    moved = sorted(
        Card.objects.filter(customer_id=merging.replaced_id).values_list("pk", flat=True)
    )
    kept = {card.programme_id: card for card in mine.filter(pk__in=ids)}
    pairs = [
        joining.choose(kept[card.programme_id], card)
        for card in theirs.order_by("pk")
        if card.programme_id in kept
    ]
    memories = [joining.fold(into, folded) for into, folded in pairs]
    _hand_over(moved, merging.survivor_id)
    for memory, (into, folded) in zip(memories, pairs, strict=True):
        for card in (into, folded):
            card.refresh_from_db(fields=["customer", "version"])
        joining.join(memory, into, folded, merge_id=merging.id, place=_place(merging))
    return {"cards": moved, "joined": memories}


def _place(merging: Merging) -> Place:
    merchant_id = tenancy.current_merchant_id()
    zones = Merchant.objects.values_list("time_zone", flat=True)
    return Place(merging.actor, zones.get(pk=merchant_id))


def _hand_over(card_ids: Collection[int], customer_id: int) -> None:
    if not card_ids:
        return
    cards = Card.objects.filter(pk__in=card_ids)
    owners = cards.values_list("customer_id", flat=True)
    with tallying.changing_hands({customer_id, *owners}):
        cards.update(customer_id=customer_id, version=F("version") + 1)
        StampRecord.objects.filter(card_id__in=card_ids).update(customer_id=customer_id)


def why_not_undo(survivor_id: int, _replaced_id: int, moved: Mapping[str, Any]) -> Text | None:
    """Cards that went on to somebody else cannot come back, nor what was spent of their stamps."""
    ids = moved.get("cards", ())
    if Card.objects.filter(pk__in=ids, customer_id=survivor_id).count() != len(ids):
        return _("one of the stamp cards belongs to another customer now.")
    reasons = map(joining.why_not_part, moved.get("joined", ()))
    return next((reason for reason in reasons if reason is not None), None)


def undo(merging: Merging, moved: Mapping[str, Any]) -> None:
    """Give the cards back, with every stamp that came on them since.

    Raises:
        MergeStuck: stamps or rewards of a joined card were used meanwhile (E_MERGE_STUCK, 409).
    """
    ids, memories = moved.get("cards", ()), moved.get("joined", ())
    folded = [memory["from"] for memory in memories]
    others = [*ids, *(memory["into"] for memory in memories)]
    for which in (folded, others):
        cards = Card.objects.select_for_update().filter(pk__in=which)
        list(cards.order_by("pk").values_list("pk"))
    _hand_over(ids, merging.replaced_id)
    try:
        for memory in memories:
            joining.part(memory, merge_id=merging.id, place=_place(merging))
    except RewardUsed as used:
        raise MergeStuck(why=joining.REWARD_USED) from used
    except StampsGone as gone:
        raise MergeStuck(why=joining.STAMPS_GONE) from gone


def erase(customer_ids: Collection[int]) -> None:
    """Take names and words off, end live codes; ledger, balances and counts stay."""
    StampRecord.objects.filter(customer_id__in=customer_ids).update(
        customer_name=ERASED_NAME, name_key=""
    )
    records = StampRecord.objects.filter(customer_id__in=customer_ids)
    Case.objects.filter(record__in=records).update(text="")
    Press.objects.filter(customer_id__in=customer_ids).update(customer_id=None, frames={})
    PressNonce.objects.filter(customer_id__in=customer_ids).delete()
    cards = Card.objects.filter(customer_id__in=customer_ids)
    code_services.revoke_free(
        subject_type=SUBJECT, subject_ids=list(cards.values_list("pk", flat=True))
    )


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

"""What pages of this module are given, turned into plain typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Store, StoreState
from zhanggui.stamps.models import Kind, Verdict
from zhanggui.stamps.selectors import LedgerWish

MOST_DIGITS, MOST_AMOUNT, LONGEST_REASON = 40, 100, 200
MOST_SEARCHED, LONGEST_ID = 40, 18


@dataclass(frozen=True, slots=True)
class ConfirmInput:
    """What the manager confirms after the preview."""

    digits: str
    amount: int
    reason: str
    record: int | None
    key: str


def read_confirm(sent: Mapping[str, str]) -> ConfirmInput | None:
    """Read the form of a hot door by hand: a form object would cost as much as the booking.

    Returns:
        The values, or None for what no page of ours sends. What was typed as digits is left to
        the service, which says what is wrong with it.
    """
    digits = sent.get("digits", "").strip()[:MOST_DIGITS]
    reason = sent.get("reason", "").strip()
    try:
        amount = int(sent.get("amount") or "1")
        record = int(sent["record"]) if sent.get("record") else None
    except ValueError:
        return None
    texts = reason + sent.get("key", "")
    is_readable = len(reason) <= LONGEST_REASON
    is_in_range = 1 <= amount <= MOST_AMOUNT and (record is None or 0 < record < 2**63)
    if not is_readable or not is_in_range or "\0" in texts:
        return None
    return ConfirmInput(digits, amount, reason, record, sent.get("key", ""))


class ProgrammeForm(forms.Form):
    """A programme: what is collected, for what, where and by which rules."""

    name = forms.CharField(
        label=_("Name of the card"),
        max_length=60,
        help_text=_("Customers see it on top of the card, for example “Tea card”."),
    )
    slots = forms.IntegerField(
        label=_("Stamps on a full card"), min_value=4, max_value=20, initial=10
    )
    reward = forms.CharField(
        label=_("Reward"),
        max_length=60,
        help_text=_("What a full card is worth, for example “One drink of your choice”."),
    )
    rules = forms.CharField(
        label=_("Rules"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Shown behind the three dots on the card. One rule a line."),
    )
    stores: forms.ModelMultipleChoiceField[Store] = forms.ModelMultipleChoiceField(
        label=_("Stores that take part"),
        queryset=None,  # the open scope decides, see below
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Choose none for every store, also those you open later."),
    )
    code_ttl_s = forms.IntegerField(
        label=_("A code is valid for"),
        min_value=60,
        max_value=600,
        initial=180,
        help_text=_("60 to 600 seconds. 180 is enough for a counter with a queue."),
    )
    max_per_code = forms.IntegerField(
        label=_("Stamps for one code, at most"),
        min_value=1,
        max_value=10,
        initial=1,
        help_text=_("With more than 1 the manager chooses how many and gives a reason."),
    )

    UNITS: ClassVar[dict[str, Any]] = {
        "slots": _("stamps"),
        "code_ttl_s": _("seconds"),
        "max_per_code": _("stamps"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = self.fields["stores"]
        if isinstance(places, forms.ModelMultipleChoiceField):
            places.queryset = Store.objects.filter(state=StoreState.OPEN).order_by("id")


class InvitationForm(forms.Form):
    """For how many people a QR code is."""

    people = forms.IntegerField(label=_("How many people"), min_value=1, max_value=5, initial=1)


class CancelForm(forms.Form):
    """Why the back office takes a stamp back."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Kept in the ledger, for example “Stamped twice by mistake”."),
    )


class ReportForm(forms.Form):
    """A customer's "that was not me"."""

    text = forms.CharField(
        label=_("What happened? (may stay empty)"),
        required=False,
        max_length=300,
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": _("For example: I was not in the shop that day.")}
        ),
    )


class SettleForm(forms.Form):
    """What came out of a case."""

    verdict = forms.ChoiceField(
        label=_("What came out"), choices=Verdict.choices, widget=forms.RadioSelect()
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Whom you asked and what you did. Only your staff reads it."),
    )


def read_filter(sent: Mapping[str, str]) -> LedgerWish:
    """Read a ledger's filters by hand; what is wrong is left out, not refused.

    A form object would cost as much as the query: this is the page managers turn most.
    """
    kind = sent.get("kind", "")
    store = sent.get("store", "")
    return LedgerWish(
        q=sent.get("q", "").strip().replace("\0", "")[:MOST_SEARCHED],
        kind=kind if kind in Kind.values else "",
        store=int(store) if store.isdecimal() and len(store) <= LONGEST_ID else None,
        since=_day(sent.get("since", "")),
        until=_day(sent.get("until", "")),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

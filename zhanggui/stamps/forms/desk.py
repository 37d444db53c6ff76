"""What pages of this module are given, turned into plain typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.stamps.models import Kind, Method, Verdict
from zhanggui.stamps.selectors import LedgerWish
from zhanggui.ui.forms import LinesInput
from zhanggui.ui.money import YuanField

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
    is_again: bool = False


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
    is_again = sent.get("again", "") == "1"
    return ConfirmInput(digits, amount, reason, record, sent.get("key", ""), is_again)


class InvitationForm(forms.Form):
    """For how many people a QR code is."""

    people = forms.IntegerField(label=_("How many people"), min_value=1, max_value=5, initial=1)


class CancelForm(forms.Form):
    """Why the back office takes a stamp back, and whether the card may owe it."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Kept in the ledger, for example “Stamped twice by mistake”."),
    )
    is_forced = forms.BooleanField(
        label=_("Cancel all the same; the card then owes the stamps"),
        required=False,
    )


class BlockForm(forms.Form):
    """Why a card takes no stamps until somebody has looked into it."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Kept in the change log, for example “Ten stamps within an hour”."),
    )


class AdjustForm(forms.Form):
    """Stamps given or taken by hand."""

    amount = forms.IntegerField(
        label=_("Stamps"),
        min_value=-100,
        max_value=100,
        help_text=_("3 gives three stamps, -3 takes three off."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Kept in the card's history, for example “Carried over from a paper card”."),
    )


class LimitsForm(forms.Form):
    """What the shop sets for all its programmes."""

    operations_a_day = forms.IntegerField(
        label=_("Codes that one manager may confirm in a day"),
        min_value=10,
        max_value=100_000,
        help_text=_("200 is more than a busy counter needs. Above it the manager is refused."),
    )
    second_person_above = forms.IntegerField(
        label=_("A second person approves adjustments of more than"),
        min_value=0,
        max_value=100,
        help_text=_("Whoever asks for one never approves it."),
    )
    reward_fen_a_day = YuanField(
        label=_("One card wins rewards in a day worth at most"),
        required=False,
        help_text=_(
            "By the value of their coupons. A stamp that would win more is given by the office, and"
            " a second person approves it. Empty: no limit."
        ),
    )
    may_stamp_own = forms.BooleanField(
        label=_("Managers may stamp their own card"),
        required=False,
        help_text=_("Recognised by the same WeChat or the same phone number."),
    )
    may_press_when_shut = forms.BooleanField(
        label=_("Stamps pressed outside opening hours count"),
        required=False,
        help_text=_(
            "They go to the fraud desk in any case. Only stores that have told their hours."
        ),
    )
    signin_for_undo_min = forms.IntegerField(
        label=_("Before undoing, a manager signs in again after"),
        min_value=5,
        max_value=720,
        help_text=_(
            "WeChat confirms it with one tap. So nobody undoes anything with a phone left lying"
            " about, or with a session that was carried off."
        ),
    )
    asks_place = forms.BooleanField(
        label=_("Ask customers where they are when they collect"),
        required=False,
        help_text=_(
            "WeChat asks them, and nobody has to agree. Only the distance to the store is kept; the"
            " place itself is deleted within two hours. Needs stores with a place on the map."
        ),
    )
    far_from_m = forms.IntegerField(
        label=_("A phone counts as far away from"),
        min_value=100,
        max_value=100_000,
        help_text=_(
            "Such stamps count, are marked in the ledger and go to the fraud desk: a code may have"
            " been read out to somebody who is not there."
        ),
    )


class ReportForm(forms.Form):
    """A customer's "that was not me"."""

    text = forms.CharField(
        label=_("What happened? (may stay empty)"),
        required=False,
        max_length=300,
        widget=LinesInput(
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
        widget=LinesInput(attrs={"rows": 3}),
        help_text=_("Whom you asked and what you did. Only your staff reads it."),
    )


def read_filter(sent: Mapping[str, str]) -> LedgerWish:
    """Read a ledger's filters by hand; what is wrong is left out, not refused.

    A form object would cost as much as the query: this is the page managers turn most.
    """
    kind = sent.get("kind", "")
    return LedgerWish(
        q=sent.get("q", "").strip().replace("\0", "")[:MOST_SEARCHED],
        kind=kind if kind in Kind.values else "",
        way=way if (way := sent.get("way", "")) in Method.values else "",
        store=_id(sent.get("store", "")),
        programme=_id(sent.get("programme", "")),
        manager=_id(sent.get("manager", "")),
        odd="1" if sent.get("odd") == "1" else "",
        far="1" if sent.get("far") == "1" else "",
        since=_day(sent.get("since", "")),
        until=_day(sent.get("until", "")),
    )


def _id(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= LONGEST_ID else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None

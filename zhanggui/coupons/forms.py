"""What pages of this module are given, turned into plain typed values."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts.models import Store, StoreState
from zhanggui.accounts.picture_forms import WithPicture
from zhanggui.contacts.models import Segment
from zhanggui.core import clock
from zhanggui.coupons import rules
from zhanggui.coupons.models import CouponKind, CouponTemplate, TemplateState, Validity
from zhanggui.coupons.services import TemplateInput
from zhanggui.ui.forms import LinesInput
from zhanggui.ui.money import YuanField

MOST_YUAN = 100_000
MOST_STOCK = 1_000_000
WEEKDAYS = [
    (1, pgettext_lazy("weekday", "Monday")),
    (2, pgettext_lazy("weekday", "Tuesday")),
    (3, pgettext_lazy("weekday", "Wednesday")),
    (4, pgettext_lazy("weekday", "Thursday")),
    (5, pgettext_lazy("weekday", "Friday")),
    (6, pgettext_lazy("weekday", "Saturday")),
    (7, pgettext_lazy("weekday", "Sunday")),
]


def _day_input() -> forms.DateInput:
    """The browser's own picker of days, which reads and writes ISO days only."""
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class TemplateForm(forms.Form):
    """A template: what it is worth, when and where it is taken, how many there are."""

    name = forms.CharField(
        label=_("Name of the coupon"),
        max_length=40,
        help_text=_("Customers and staff read it, for example “Free lemon tea”."),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=CouponKind.choices,
        initial=CouponKind.GIFT,
        widget=forms.RadioSelect,
    )
    amount_fen = YuanField(
        label=_("Amount off, or what the gift costs you"),
        min_value=Decimal(0),
        max_value=Decimal(MOST_YUAN),
        required=False,
        help_text=_("For a gift it only serves the figure of what you still owe."),
    )
    percent_off = forms.IntegerField(
        label=_("Percent off"),
        min_value=1,
        max_value=99,
        required=False,
        help_text=_("15 means that the customer pays 85 % of the price."),
    )
    min_spend_fen = YuanField(
        label=_("Smallest bill"),
        min_value=Decimal(0),
        max_value=Decimal(MOST_YUAN),
        required=False,
        help_text=_("Leave empty if any bill will do."),
    )
    terms = forms.CharField(
        label=_("Terms of use"),
        max_length=1000,
        required=False,
        widget=LinesInput(attrs={"rows": 3}),
        help_text=_("One a line, for example “Not together with other offers”."),
    )
    validity = forms.ChoiceField(
        label=_("Valid"),
        choices=Validity.choices,
        initial=Validity.DAYS,
        widget=forms.RadioSelect,
    )
    days_valid = forms.IntegerField(
        label=_("Days valid"), min_value=1, max_value=3650, initial=30, required=False
    )
    days_until_start = forms.IntegerField(
        label=_("Begins after"),
        min_value=0,
        max_value=365,
        initial=0,
        required=False,
        help_text=_("0: it can be used at once."),
    )
    first_day = forms.DateField(label=_("First day"), required=False, widget=_day_input())
    last_day = forms.DateField(label=_("Last day"), required=False, widget=_day_input())
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Only on these weekdays"),
        coerce=int,
        choices=WEEKDAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "is-short"}),
        help_text=_("Choose none for every day."),
    )
    stores: forms.ModelMultipleChoiceField[Store] = forms.ModelMultipleChoiceField(
        label=_("Stores that take it"),
        queryset=None,  # the open scope decides, see below
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Choose none for every store, also those you open later."),
    )
    uses = forms.IntegerField(
        label=_("Uses of one coupon"),
        min_value=1,
        max_value=100,
        initial=1,
        help_text=_("More than one makes a booklet: each use is redeemed by itself."),
    )
    stock = forms.IntegerField(
        label=_("How many in all"),
        min_value=1,
        max_value=MOST_STOCK,
        required=False,
        help_text=_("Leave empty for any number. Rewards are given even when none is left."),
    )
    per_person = forms.IntegerField(
        label=_("Per person, at most"),
        min_value=1,
        max_value=100,
        required=False,
        help_text=_("Leave empty for no limit. Rewards do not count."),
    )
    is_transferable = forms.BooleanField(
        label=_("Customers may hand it on to somebody else"), required=False, initial=True
    )
    takes_press = forms.BooleanField(
        label=_("The store's stamp redeems it"),
        required=False,
        help_text=_(
            "The staff presses the stamp on the customer's phone instead of typing a code in. Six"
            " digits go as before."
        ),
    )

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        self.zone = zone
        super().__init__(*args, **kwargs)
        places = self.fields["stores"]
        if isinstance(places, forms.ModelMultipleChoiceField):
            # closed ones that were chosen stay: without them saving would mean every store
            chosen = Q(state=StoreState.OPEN) | Q(pk__in=self.initial.get("stores", ()))
            places.queryset = Store.objects.filter(chosen).order_by("id")

    def clean(self) -> dict[str, Any]:
        """What belongs together: the worth of the kind, the days of the validity."""
        clean: dict[str, Any] = super().clean() or {}
        kind, validity = clean.get("kind"), clean.get("validity")
        if kind == CouponKind.CASH and not clean.get("amount_fen"):
            self._miss("amount_fen", _("Say how much the coupon takes off."))
        if kind == CouponKind.PERCENT and not clean.get("percent_off"):
            self._miss("percent_off", _("Say how many percent the coupon takes off."))
        if validity == Validity.DAYS and not clean.get("days_valid"):
            self._miss("days_valid", _("Say how many days it is valid."))
        first, last = clean.get("first_day"), clean.get("last_day")
        if validity == Validity.FIXED:
            if not first:
                self._miss("first_day", _("Choose the first day."))
            if not last:
                self._miss("last_day", _("Choose the last day."))
            if first and last and last < first:
                self._miss("last_day", _("The last day lies before the first."))
        return clean

    def _miss(self, field: str, text: Any) -> None:
        if field not in self.errors:
            self.add_error(field, text)

    def values(self) -> TemplateInput:
        """What was typed, once the form is valid."""
        clean: dict[str, Any] = self.cleaned_data
        kind = CouponKind(clean["kind"])
        is_fixed = clean["validity"] == Validity.FIXED
        return TemplateInput(
            name=clean["name"],
            kind=kind,
            amount_fen=0 if kind == CouponKind.PERCENT else clean["amount_fen"] or 0,
            percent_off=clean["percent_off"] if kind == CouponKind.PERCENT else 0,
            min_spend_fen=clean["min_spend_fen"] or 0,
            weekdays=clean["weekdays"],
            terms=clean["terms"],
            validity=Validity(clean["validity"]),
            starts_at=clock.start_of(clean["first_day"], self.zone) if is_fixed else None,
            ends_at=_after(clean["last_day"], self.zone) if is_fixed else None,
            days_valid=clean["days_valid"] or 30,
            days_until_start=clean["days_until_start"] or 0,
            uses=clean["uses"],
            stock=clean["stock"],
            per_person=clean["per_person"],
            is_transferable=clean["is_transferable"],
            takes_press=clean["takes_press"],
            store_ids=[store.pk for store in clean["stores"]],
        )


class NewTemplateForm(WithPicture, TemplateForm):
    """A template that is not there yet, with its picture."""


def _after(day: date, zone: str) -> datetime:
    """The first moment after a day."""
    return clock.start_of(min(day, date.max - timedelta(days=1)) + timedelta(days=1), zone)


def initial_of(template: CouponTemplate, zone: str) -> dict[str, Any]:
    """What the form of a template that is there begins with."""
    initial = {name: getattr(template, name) for name in TemplateForm.base_fields if name in KEPT}
    if template.starts_at and template.ends_at:
        initial["first_day"] = clock.local_date(template.starts_at, zone)
        initial["last_day"] = clock.local_date(template.ends_at - timedelta(seconds=1), zone)
    return {
        **initial,
        "amount_fen": template.amount_fen or None,
        "min_spend_fen": template.min_spend_fen or None,
        "percent_off": template.percent_off or None,
        "stores": rules.store_ids(template.pk),
    }


KEPT = frozenset(
    {
        "name",
        "kind",
        "terms",
        "validity",
        "days_valid",
        "days_until_start",
        "weekdays",
        "uses",
        "stock",
        "per_person",
        "is_transferable",
        "takes_press",
    }
)


class IssueForm(forms.Form):
    """Which coupon a customer gets by hand."""

    template: forms.ModelChoiceField[CouponTemplate] = forms.ModelChoiceField(
        label=_("Coupon"), queryset=None, empty_label=_("Choose a coupon")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["template"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = CouponTemplate.objects.filter(state=TemplateState.ACTIVE).order_by(
                "name"
            )


class SegmentForm(forms.Form):
    """To which customers a coupon goes."""

    segment: forms.ModelChoiceField[Segment] = forms.ModelChoiceField(
        label=_("Segment"),
        queryset=None,
        empty_label=_("Choose a segment"),
        help_text=_("Everybody who fits at this moment gets one coupon, exactly once."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["segment"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Segment.objects.order_by("name")


class LinkForm(forms.Form):
    """An address by which customers take the coupon."""

    name = forms.CharField(
        label=_("Where it hangs or goes"),
        max_length=40,
        help_text=_("Only you read it, for example “Leaflet March”."),
    )
    most = forms.IntegerField(
        label=_("How many, at most"),
        min_value=1,
        max_value=MOST_STOCK,
        required=False,
        help_text=_("Leave empty to give out as many as there are."),
    )
    last_day = forms.DateField(
        label=pgettext_lazy("coupon link", "Until"),
        required=False,
        widget=_day_input(),
    )

    def expires_at(self, zone: str) -> datetime | None:
        """When the link ends."""
        day: date | None = self.cleaned_data["last_day"]
        return _after(day, zone) if day else None


class ReasonForm(forms.Form):
    """Why a coupon is taken away, frozen, or its redemption undone."""

    reason = forms.CharField(label=_("Reason"), max_length=200)


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

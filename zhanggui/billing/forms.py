"""What people type on the pages of billing, as plain typed values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import features
from zhanggui.billing.models import Edition
from zhanggui.billing.selectors import Offer
from zhanggui.core import clock
from zhanggui.messaging.packs import Offer as PackOffer
from zhanggui.ui.money import YuanField

FEN = Decimal("0.01")
TRANSFER = "transfer"
"""The way of paying that needs no WeChat Pay."""
LONGEST_GIFT_DAYS = 366


class WayForm(forms.Form):
    """By which way an order is paid; only ways that are offered here (P32)."""

    pay_by = forms.ChoiceField(label=_("Pay by"), widget=forms.RadioSelect, required=False)

    def __init__(self, *args: Any, ways: Sequence[tuple[str, Any]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pay_by"].choices = list(ways)  # type: ignore[attr-defined]
        self.fields["pay_by"].required = len(ways) > 1
        if ways:
            self.fields["pay_by"].initial = ways[0][0]

    @property
    def has_ways(self) -> bool:
        """Whether there is anything to choose."""
        return self.fields["pay_by"].required


class PayForm(WayForm):
    """How an order is paid and what the buyer notes on it."""

    use_balance = forms.BooleanField(label=_("Use the balance first"), required=False)
    note = forms.CharField(
        label=_("Note on the order"),
        max_length=200,
        required=False,
        help_text=_("For your own books; it stands in the list of orders."),
    )


class PeriodForm(PayForm):
    """Which edition for how long; the offers are drawn by the page itself."""

    offer = forms.ChoiceField(
        label=_("Edition and period"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how long the plan shall run.")},
    )

    def __init__(self, *args: Any, offers: Iterable[Offer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["offer"].choices = [(one.key, one.key) for one in offers]  # type: ignore[attr-defined]


class UpgradeForm(PayForm):
    """Which bigger edition."""

    edition = forms.ChoiceField(label=_("Edition"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, editions: Iterable[Edition], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["edition"].choices = [(one.code, one.name) for one in editions]  # type: ignore[attr-defined]


class PackForm(PayForm):
    """Which pack of SMS credit; the packs are drawn by the page itself."""

    pack = forms.ChoiceField(
        label=_("Pack"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how much you want.")},
    )

    def __init__(self, *args: Any, packs: Iterable[PackOffer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pack"].choices = [(one.code, one.name) for one in packs]  # type: ignore[attr-defined]


class TopUpForm(WayForm):
    """How much is put on the balance."""

    amount_fen = YuanField(label=_("Amount"), min_value=FEN, help_text=_("Later orders use it."))
    note = forms.CharField(label=_("Note on the order"), max_length=200, required=False)


class TransferForm(forms.Form):
    """A transfer that was made, with its proof."""

    amount_fen = YuanField(label=_("Amount transferred"))
    paid_on = forms.DateField(
        label=_("Day of the transfer"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    reference = forms.CharField(
        label=_("Number of the transfer"),
        max_length=60,
        help_text=_("As it stands on the bank's receipt; it finds your money fastest."),
    )
    proof = forms.FileField(
        label=_("Receipt of the bank"),
        help_text=_("A picture or a PDF, at most 10 MB."),
        widget=forms.FileInput(attrs={"accept": "image/*,application/pdf"}),
        error_messages={"required": _("Add the bank's receipt as a picture or PDF.")},
    )

    def clean_paid_on(self) -> Any:
        """No transfer is made tomorrow."""
        day = self.cleaned_data["paid_on"]
        if day > clock.local_date(clock.now(), "Asia/Shanghai"):
            raise forms.ValidationError(_("This day has not come yet."))
        return day

    def clean_reference(self) -> str:
        """Blanks within the number are folded away."""
        return "".join(str(self.cleaned_data["reference"]).split())


class ReasonForm(forms.Form):
    """Why, in words the shop reads."""

    reason = forms.CharField(max_length=200)


class GrantForm(forms.Form):
    """A period given by hand."""

    edition = forms.ModelChoiceField(
        Edition.objects.all(), label=_("Edition"), empty_label=None, to_field_name="code"
    )
    months = forms.TypedChoiceField(
        label=pgettext_lazy("of a gift", "Months"), coerce=int, choices=[(n, n) for n in range(37)]
    )
    days = forms.IntegerField(
        label=pgettext_lazy("of a gift", "Days"),
        min_value=0,
        max_value=LONGEST_GIFT_DAYS,
        initial=0,
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("The shop reads it in its list of orders.")
    )

    def clean(self) -> dict[str, Any]:
        """A gift is some time, or another edition."""
        values = super().clean() or {}
        if not self.errors and not (values["months"] or values["days"]):
            self.add_error("days", _("Give at least a day."))
        return values


class EditionForm(forms.Form):
    """A row of the price table."""

    name = forms.CharField(label=_("Name of the edition"), max_length=30)
    summary = forms.CharField(label=_("For whom, in one line"), max_length=120, required=False)
    is_on_sale = forms.BooleanField(
        label=_("On sale"), required=False, help_text=_("Whoever has it keeps it.")
    )
    feature_names = forms.MultipleChoiceField(
        label=_("What it switches on"), required=False, widget=forms.CheckboxSelectMultiple
    )
    resale_from_percent = forms.IntegerField(
        label=_("Operators ask at least"), min_value=1, max_value=1000
    )
    resale_to_percent = forms.IntegerField(
        label=_("Operators ask at most"), min_value=1, max_value=1000
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["feature_names"].choices = [  # type: ignore[attr-defined]
            (one.name, one.label) for one in features.known()
        ]
        for limited in features.limits():
            self.fields[f"limit_{limited.name}"] = forms.IntegerField(
                label=str(limited.label),
                min_value=0,
                max_value=100_000,
                required=False,
                help_text=_("Empty: no limit."),
            )

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        """One field for each limit, for the template."""
        return [self[name] for name in self.fields if name.startswith("limit_")]

    def clean(self) -> dict[str, Any]:
        """Put the limits together; the range must be one."""
        values = super().clean() or {}
        names = [name for name in self.fields if name.startswith("limit_")]
        values["limits"] = {
            name.removeprefix("limit_"): values[name]
            for name in names
            if values.get(name) is not None
        }
        least, most = values.get("resale_from_percent"), values.get("resale_to_percent")
        if least and most and least > most:
            self.add_error("resale_to_percent", _("The most must not be below the least."))
        return {key: value for key, value in values.items() if key not in names}


class PriceForm(forms.Form):
    """What a seller asks for an edition."""

    month_1_fen = YuanField(label=_("1 month"))
    month_12_fen = YuanField(label=_("12 months"))
    month_24_fen = YuanField(label=_("24 months"))
    month_36_fen = YuanField(label=_("36 months"))
    day_fen = YuanField(
        label=_("A day, for upgrades"),
        help_text=_("An upgrade costs the difference of the day prices for each day left."),
    )

    def __init__(
        self, *args: Any, ranges: dict[str, Sequence[str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, (least, most) in (ranges or {}).items():
            self.fields[name].help_text = _("From %(least)s to %(most)s.") % {
                "least": least,
                "most": most,
            }


class SellerForm(forms.Form):
    """Where merchants transfer money to."""

    payee = forms.CharField(label=_("Payee"), max_length=80)
    bank = forms.CharField(label=_("Bank"), max_length=80)
    account_number = forms.CharField(label=_("Account number"), max_length=40)
    note = forms.CharField(
        label=_("What to write on the transfer"),
        max_length=200,
        required=False,
        help_text=_("Shops see it beside the account."),
    )

"""The form of a payment request."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.collecting.services import Asked
from zhanggui.ui.forms import LinesInput
from zhanggui.ui.money import YuanField

MOST_YUAN = 50_000
ONE, MANY = "one", "many"


class RequestForm(forms.Form):
    """What is asked for."""

    title = forms.CharField(
        label=_("What for?"),
        max_length=40,
        help_text=_("The payer reads it, for example “Deposit for Saturday’s party room”."),
    )
    amount_fen = YuanField(
        label=_("Amount"), min_value=Decimal("0.01"), max_value=Decimal(MOST_YUAN)
    )
    payers = forms.ChoiceField(
        label=_("Who pays?"),
        choices=[(ONE, _("One person")), (MANY, _("Any number of people, each this amount"))],
        initial=ONE,
        widget=forms.RadioSelect,
    )
    days = forms.TypedChoiceField(
        label=_("How long it can be paid"),
        coerce=int,
        choices=[(1, _("1 day")), (3, _("3 days")), (7, _("7 days")), (30, _("30 days"))],
        initial=3,
    )
    note = forms.CharField(
        label=_("Note to the payer"),
        max_length=200,
        required=False,
        widget=LinesInput(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, is_for_customer: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_for_customer:
            del self.fields["payers"]

    def asked(self) -> Asked:
        """What was typed, once the form is valid."""
        clean: dict[str, Any] = self.cleaned_data
        return Asked(
            title=clean["title"].strip(),
            amount_fen=clean["amount_fen"],
            days=clean["days"],
            note=clean["note"].strip(),
            is_many=clean.get("payers") == MANY,
        )

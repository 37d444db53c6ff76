"""What the pages of physical stamps are given."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Store, StoreState
from zhanggui.stamps.models import SealState

_PAIR = re.compile(r"(-?\d+(?:\.\d+)?)\s*[,，]\s*(-?\d+(?:\.\d+)?)")


class SealForm(forms.Form):
    """A new stamp: a name, its store, and for a stamp that exists already its pattern."""

    name = forms.CharField(
        label=_("Name of the stamp"),
        max_length=40,
        help_text=_("As it is written on its handle, for example “Counter 1”."),
    )
    store: forms.ModelChoiceField[Store] = forms.ModelChoiceField(
        label=_("Store"),
        queryset=None,  # the open scope decides, see below
        empty_label=None,
        help_text=_("Presses give stamps for this store. It can move to another one later."),
    )
    points = forms.CharField(
        label=_("Pattern of an existing stamp"),
        required=False,
        max_length=200,
        help_text=_(
            "Five points in millimetres such as “-11,0 5,-16 17,4 -2,0 -10,10”."
            " Left empty, a new pattern is made."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["store"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Store.objects.filter(state=StoreState.OPEN).order_by("id")

    def clean_points(self) -> list[list[float]] | None:
        """The pairs; None for a new pattern."""
        typed = self.cleaned_data["points"].strip()
        if not typed:
            return None
        return [[float(x), float(y)] for x, y in _PAIR.findall(typed)]


class MoveForm(forms.Form):
    """Where a stamp goes."""

    store: forms.ModelChoiceField[Store] = forms.ModelChoiceField(
        label=_("Store"), queryset=None, empty_label=None
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["store"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Store.objects.filter(state=StoreState.OPEN).order_by("id")


class StepForm(forms.Form):
    """The next state of a stamp, with a reason."""

    to = forms.ChoiceField(choices=SealState.choices)
    reason = forms.CharField(required=False, max_length=200)

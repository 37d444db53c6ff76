"""What the pages of counter screens are given."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Store, StoreState


class ScreenForm(forms.Form):
    """A new screen: a name and its store."""

    name = forms.CharField(
        label=_("Name of the screen"),
        max_length=40,
        help_text=_("Where it stands, for example “Till by the door”. It shows in the ledger."),
    )
    store: forms.ModelChoiceField[Store] = forms.ModelChoiceField(
        label=_("Store"),
        queryset=None,  # the open scope decides, see below
        empty_label=None,
        help_text=_("Stamps given by its codes count for this store."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["store"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = Store.objects.filter(state=StoreState.OPEN).order_by("id")

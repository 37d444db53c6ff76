"""The forms of a new token and of one that is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Store
from zhanggui.api.models import MOST_WRITES, ApiToken
from zhanggui.api.scopes import Scope
from zhanggui.api.services import TokenInput

FOREVER = 0
AS_IT_IS = -1
LENGTHS = [
    (30, _("30 days")),
    (90, _("90 days")),
    (365, _("One year")),
    (FOREVER, _("Until it is revoked")),
]


class TokenForm(forms.Form):
    """Name, scopes, stores, how long, how much in a day."""

    name = forms.CharField(
        label=_("Name of the till"),
        max_length=60,
        help_text=_("Stands in the ledger beside what it books, for example “Till 1, river road”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one thing.")},
    )
    stores = forms.TypedMultipleChoiceField(
        label=_("In which stores"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: in every store, also in those to come."),
    )
    days = forms.TypedChoiceField(
        label=_("How long it works"),
        coerce=int,
        choices=LENGTHS,
        initial=365,
    )
    writes_a_day = forms.IntegerField(
        label=_("Bookings in a day, at most"),
        min_value=1,
        max_value=MOST_WRITES,
        initial=ApiToken._meta.get_field("writes_a_day").default,
        help_text=_("If somebody steals the token, no more than this happens in a day."),
    )

    def __init__(
        self, *args: Any, scopes: Sequence[Scope], stores: Sequence[Store], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offered = scopes
        named = {
            "scopes": [(scope.name, scope.label) for scope in scopes],
            "stores": [(store.pk, store.name) for store in stores],
        }
        for field, choices in named.items():
            self.fields[field].choices = choices  # type: ignore[attr-defined]

    @property
    def ticked(self) -> list[tuple[Scope, bool]]:
        """The scopes and whether they are chosen, for the page."""
        chosen = set(self["scopes"].value() or ())
        return [(scope, scope.name in chosen) for scope in self.offered]

    def values(self) -> TokenInput:
        """What was typed, once the form is valid."""
        clean: dict[str, Any] = self.cleaned_data
        return TokenInput(
            name=clean["name"].strip(),
            scopes=clean["scopes"],
            store_ids=clean["stores"],
            days=max(clean["days"], FOREVER) or None,
            writes_a_day=clean["writes_a_day"],
            keeps_end=clean["days"] == AS_IT_IS,
        )


class TokenChangeForm(TokenForm):
    """The same for a token in use; its end stays unless somebody chooses another."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = self.fields["days"]
        assert isinstance(days, forms.TypedChoiceField)  # noqa: S101  for the type checker
        days.choices = [(AS_IT_IS, _("As it is")), *LENGTHS]

"""The forms of the report on liability: costs of rewards, and other rules to try."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.stamps.models import Programme, WhenFull
from zhanggui.stamps.selectors.liability import Cost, Outlook
from zhanggui.ui.formats import percent
from zhanggui.ui.money import YuanField


class CostsForm(forms.Form):
    """One amount for each reward of a programme."""

    percent = forms.IntegerField(
        label=_("Share of stamps that will be claimed"),
        min_value=0,
        max_value=100,
        required=False,
    )

    def __init__(self, outlook: Outlook, sent: Any = None) -> None:
        typed = None if outlook.typed is None else round(outlook.typed * 100)
        initial = {"percent": typed} | {
            _name(cost): cost.fen for cost in outlook.costs if cost.is_typed
        }
        super().__init__(sent, initial=initial)
        share = self.fields["percent"]
        share.help_text = (
            _("Leave it empty to go by the last 180 days: %(share)s.")
            % {"share": percent(outlook.measured)}
            if outlook.measured is not None
            else _("Leave it empty to reckon with all of them until stamps have come to an end.")
        )
        self.costs = outlook.costs
        for cost in outlook.costs:
            self.fields[_name(cost)] = YuanField(
                label=_("%(name)s, at stamp no. %(at)s") % {"name": cost.name, "at": cost.position},
                required=False,
                help_text=_("What it costs you, not what it sells for."),
            )

    @property
    def amounts(self) -> list[forms.BoundField]:
        """The amounts, in the order of the card."""
        return [self[_name(cost)] for cost in self.costs]

    def given(self) -> dict[int, int]:
        """Fen by position, those left empty missing."""
        clean = self.cleaned_data
        return {
            cost.position: clean[_name(cost)]
            for cost in self.costs
            if clean.get(_name(cost)) is not None
        }


def _name(cost: Cost) -> str:
    return f"cost_{cost.position}"


class TrialForm(forms.Form):
    """Other rules for the last 90 days."""

    programme = forms.ChoiceField(label=_("Programme"))
    slots = forms.IntegerField(label=_("Stamps until the reward"), min_value=2, max_value=20)
    cost = YuanField(label=_("Cost of the reward"))
    valid_days = forms.IntegerField(
        label=_("Days a round is valid"),
        min_value=0,
        max_value=3650,
        required=False,
        help_text=_("0 or empty: without an end."),
    )
    when_full = forms.ChoiceField(label=_("When full"), choices=WhenFull.choices)

    def __init__(self, programmes: list[Programme], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["programme"]
        if isinstance(choice, forms.ChoiceField):
            choice.choices = [(str(one.pk), one.name) for one in programmes]

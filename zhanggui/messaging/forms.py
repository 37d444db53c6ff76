"""What people type about messages, as plain typed values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.messaging.models import Purse
from zhanggui.messaging.templates import MessageTemplate
from zhanggui.messaging.wallet import MOST_AT_ONCE
from zhanggui.ui.forms import LinesInput

LONGEST_FIELD = 200
HOURS = [(str(hour), f"{hour:02d}:00") for hour in range(24)]


class SegmentsField(forms.IntegerField):
    """So many segments, at least one."""

    def __init__(self) -> None:
        super().__init__(
            label=pgettext_lazy("SMS", "Segments"), min_value=1, max_value=MOST_AT_ONCE
        )


class SettingsForm(forms.Form):
    """Hours, caps and what happens when WeChat refuses."""

    quiet_from = forms.TypedChoiceField(
        label=_("Quiet from"),
        choices=HOURS,
        coerce=int,
        help_text=_("Marketing written in the quiet hours waits for their end; service does not."),
    )
    quiet_until = forms.TypedChoiceField(label=_("Quiet until"), choices=HOURS, coerce=int)
    marketing_a_day = forms.IntegerField(
        label=_("Marketing a day"),
        min_value=0,
        max_value=100,
        help_text=_("The most one customer gets; 0 sends none."),
    )
    service_a_day = forms.IntegerField(
        label=_("Service messages a day"), min_value=1, max_value=100
    )
    needs_consent = forms.BooleanField(
        label=_("Marketing only to those who agreed"),
        required=False,
        help_text=_("The law wants a yes first. Switch it off only if you have it in writing."),
    )
    sms_after_wechat = forms.BooleanField(
        label=_("By SMS when WeChat refuses"),
        required=False,
        help_text=_("For example when a customer no longer follows you. Costs SMS credit."),
    )


class RuleForm(forms.Form):
    """One message: whether, by what, in which words."""

    is_on = forms.BooleanField(label=_("Send this message"), required=False)
    by_wechat = forms.BooleanField(
        label=_("By WeChat"), required=False, help_text=_("Free; comes first.")
    )
    by_notice = forms.BooleanField(
        label=_("By WeChat subscription"),
        required=False,
        help_text=_("Free; to those who allowed it in WeChat or in the mini program."),
    )
    by_sms = forms.BooleanField(
        label=_("By SMS"),
        required=False,
        help_text=_("To those WeChat does not reach. Costs SMS credit."),
    )
    words = forms.CharField(
        label=_("Own words for the SMS"),
        required=False,
        max_length=300,
        widget=LinesInput(attrs={"rows": 3}),
        help_text=_("Left empty, ours are used."),
    )

    def __init__(self, *args: Any, template: MessageTemplate, fixed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if fixed:
            del self.fields["words"]
        if not template.by_wechat:
            del self.fields["by_wechat"], self.fields["by_notice"]


class MailingForm(forms.Form):
    """A mailing's name and receivers; the fields of the message come by its template."""

    name = forms.CharField(
        label=_("Name of the mailing"), max_length=60, help_text=_("Only your staff sees it.")
    )
    template = forms.ChoiceField(label=_("Message"), widget=forms.RadioSelect())
    segment = forms.ChoiceField(
        label=_("To whom"),
        required=False,
        help_text=_("Segments are made at Customers › Segments."),
    )

    def __init__(
        self,
        *args: Any,
        templates: Sequence[MessageTemplate],
        segments: Sequence[tuple[str, str]],
        chosen: MessageTemplate,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields
        choices["template"].choices = [(one.name, one.label) for one in templates]
        choices["segment"].choices = [("", _("All customers")), *segments]
        for field in chosen.fields:
            self.fields[f"field_{field.name}"] = forms.CharField(
                label=str(field.label),
                max_length=LONGEST_FIELD,
                widget=LinesInput(attrs={"rows": 2, "placeholder": str(field.example)}),
            )
        self.own = [f"field_{field.name}" for field in chosen.fields]

    def own_fields(self) -> list[forms.BoundField]:
        """The fields of the message, for the page."""
        return [self[name] for name in self.own]

    def body(self) -> dict[str, str]:
        """Their values by the template's names."""
        return {name.removeprefix("field_"): self.cleaned_data[name] for name in self.own}


class MoveForm(forms.Form):
    """Credit from one purse into the other."""

    source = forms.ChoiceField(label=_("Out of"), choices=Purse.choices)
    segments = forms.IntegerField(
        label=pgettext_lazy("SMS", "Segments"), min_value=1, max_value=MOST_AT_ONCE
    )


class GiveForm(forms.Form):
    """Credit for a merchant."""

    merchant = forms.ChoiceField(label=_("Merchant"))
    purse = forms.ChoiceField(label=_("For"), choices=Purse.choices)
    segments = forms.IntegerField(
        label=pgettext_lazy("SMS", "Segments"), min_value=1, max_value=MOST_AT_ONCE
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("The merchant reads it.")
    )

    def __init__(self, *args: Any, merchants: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["merchant"]
        field.choices = merchants


class StockForm(forms.Form):
    """Credit for an operator's stock."""

    operator = forms.ChoiceField(label=_("Operator"))
    segments = forms.IntegerField(
        label=pgettext_lazy("SMS", "Segments"), min_value=1, max_value=MOST_AT_ONCE
    )
    reason = forms.CharField(label=_("Reason"), max_length=200)

    def __init__(self, *args: Any, operators: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["operator"]
        field.choices = operators


class PackForm(forms.Form):
    """A pack of SMS credit."""

    name = forms.CharField(label=_("Name"), max_length=40)
    segments = forms.IntegerField(
        label=pgettext_lazy("SMS", "Segments"), min_value=1, max_value=MOST_AT_ONCE
    )
    price = forms.DecimalField(
        label=_("Price in yuan"), min_value=0, max_value=1_000_000, decimal_places=2
    )
    is_on_sale = forms.BooleanField(label=_("On sale"), required=False)
    resale_from_percent = forms.IntegerField(
        label=_("Operators ask at least"), min_value=1, max_value=1_000
    )
    resale_to_percent = forms.IntegerField(
        label=_("Operators ask at most"), min_value=1, max_value=1_000
    )

    def clean(self) -> dict[str, Any]:
        """The range of operators is a range."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        least, most = values.get("resale_from_percent"), values.get("resale_to_percent")
        if least and most and most < least:
            self.add_error("resale_to_percent", _("The most must not be below the least."))
        return values


class PackPriceForm(forms.Form):
    """What an operator asks for a pack."""

    price = forms.DecimalField(
        label=_("Your price in yuan"), min_value=0, max_value=1_000_000, decimal_places=2
    )

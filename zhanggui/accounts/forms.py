"""What people type on the pages of accounts, as plain typed values."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import dates
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import hours, phones, points
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.accounts.models import Operator, Store
from zhanggui.accounts.points import Point
from zhanggui.core.errors import DomainError
from zhanggui.ui.forms import PhoneInput

SHORT_NAME = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{1,38})[a-z0-9]$",
    _("3 to 40 lower-case letters, digits and hyphens, for example huacha."),
)


def put_refusal(form: forms.Form, refusal: DomainError, field: str | None = None) -> int:
    """Show a refusal on the form, at a field when it is about one; answers the status."""
    form.add_error(field, refusal.message)
    return refusal.status


class PhoneField(forms.CharField):
    """A phone number; its value is E.164."""

    widget = PhoneInput

    def clean(self, value: Any) -> Any:
        """Fold and parse the number."""
        typed = super().clean(value)
        if not typed:
            return ""
        try:
            return phones.parse(typed)
        except PhoneFormat as refusal:
            raise forms.ValidationError(refusal.message, code=refusal.code) from None


class StoreForm(forms.Form):
    """What a store is called and where it is."""

    name = forms.CharField(
        label=_("Name of the store"),
        max_length=80,
        help_text=_("As customers call it, for example 人民路店."),
    )
    address = forms.CharField(label=_("Address"), max_length=200, required=False)
    phone = forms.CharField(
        label=_("Phone of the store"), max_length=30, required=False, widget=PhoneInput
    )
    place = forms.CharField(
        label=_("Place on the map"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "31.23040, 121.47370", "autocomplete": "off"}),
        help_text=_(
            "Latitude and longitude, in either order: find the store on lbs.qq.com/getpoint and"
            " copy the two numbers, or let a manager in the store note them on the phone. With them"
            " you see which stamps were given far away."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day in hours.WEEKDAYS:
            for end, label in (("opens", _("%(day)s, opens")), ("closes", _("%(day)s, closes"))):
                self.fields[f"{end}_{day}"] = forms.TimeField(
                    label=label % {"day": dates.WEEKDAYS[day - 1]},
                    required=False,
                    widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
                )

    @property
    def days(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The fields of each weekday, Monday first."""
        return [(self[f"opens_{day}"], self[f"closes_{day}"]) for day in hours.WEEKDAYS]

    def clean_place(self) -> Point | None:
        """The two numbers, in either order."""
        typed = self.cleaned_data["place"]
        point = points.read(typed)
        if typed and point is None:
            raise forms.ValidationError(
                _("Two numbers of a place in China, for example 31.23040, 121.47370."),
                code="place",
            )
        return point

    def clean(self) -> dict[str, Any]:
        """Opening and closing belong together."""
        clean: dict[str, Any] = super().clean() or {}
        for day in hours.WEEKDAYS:
            ends = {end: clean.get(f"{end}_{day}") for end in ("opens", "closes")}
            for end, value in ends.items():
                if value is None and any(ends.values()) and f"{end}_{day}" not in self.errors:
                    self.add_error(f"{end}_{day}", _("Say both times, or neither."))
        return clean

    def values(self) -> dict[str, Any]:
        """What was typed, once the form is valid: plain values, as the services take them."""
        clean: dict[str, Any] = self.cleaned_data
        typed = {day: (clean[f"opens_{day}"], clean[f"closes_{day}"]) for day in hours.WEEKDAYS}
        named = {name: clean[name] for name in ("name", "address", "phone")}
        return named | {"hours": hours.told(typed), "point": clean["place"]}


def store_initial(store: Store) -> dict[str, Any]:
    """What the form of a store begins with."""
    found: dict[str, Any] = {
        "name": store.name,
        "address": store.address,
        "phone": store.phone,
        "place": str(store.point or ""),
    }
    for day, (opens, closes) in store.hours.items():
        found |= {f"opens_{day}": opens, f"closes_{day}": closes}
    return found


class ProfileForm(forms.Form):
    """How one is called."""

    name = forms.CharField(
        label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class PasswordForm(forms.Form):
    """A new password, proved by the present one."""

    present = forms.CharField(
        label=_("Present password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("New password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 6 characters, nothing everybody uses."),
    )
    again = forms.CharField(
        label=_("New password once more"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Both new ones are the same."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("new") and values.get("again") and values["new"] != values["again"]:
            self.add_error("again", _("The two new passwords differ."))
        return values


class OperatorForm(forms.Form):
    """An operator to take in, with its first owner."""

    name = forms.CharField(label=_("Name of the operator"), max_length=80)
    slug = forms.CharField(
        label=_("Short name"),
        max_length=40,
        validators=[SHORT_NAME],
        help_text=_("Part of the address of its pages; cannot be changed later."),
    )
    owner_name = forms.CharField(
        label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    owner_phone = PhoneField(
        label=_("Mobile number"),
        max_length=30,
        widget=PhoneInput(attrs={"autocomplete": "off"}),
        help_text=_("They sign in with it. Whoever has an account here keeps their password."),
    )


class MerchantForm(OperatorForm):
    """A merchant to take in, with its first owner."""

    trade = forms.CharField(
        label=_("Trade"),
        max_length=40,
        required=False,
        help_text=_("For example tea shop, bakery, barber."),
    )
    operator = forms.ModelChoiceField(
        label=_("Operator"),
        queryset=Operator.objects.none(),
        required=False,
        empty_label=_("Directly under the platform"),
    )
    field_order = ("name", "slug", "trade", "operator", "owner_name", "owner_phone")

    def __init__(self, *args: Any, operators: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name of the merchant")
        if operators is None:
            del self.fields["operator"]
        else:
            self.fields["operator"].queryset = operators  # type: ignore[attr-defined]

"""What staff type about customers, tags and segments, as plain typed values."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.forms import PhoneField
from zhanggui.contacts import birthdays, selectors
from zhanggui.contacts.keys import NAME_LENGTH
from zhanggui.contacts.models import Customer, Gender, TagColour
from zhanggui.contacts.search import fold
from zhanggui.contacts.services import CustomerInput
from zhanggui.core import clock
from zhanggui.ui import formats
from zhanggui.ui.forms import LinesInput

LONGEST_NOTE = 1000
LONGEST_REASON = 200


class BirthdayField(forms.CharField):
    """A birthday with or without the year; its value is a ``Birthday`` or None."""

    def clean(self, value: Any) -> Any:
        """Read the day."""
        typed = super().clean(value)
        try:
            return birthdays.parse(typed, today=timezone.localdate(clock.now()))
        except ValueError:
            raise forms.ValidationError(
                gettext("There is no such day. Type it as 1990-05-17, or 5-17 without the year."),
                code="day",
            ) from None


class CustomerForm(forms.Form):
    """Everything staff may say about one customer."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("As you call the customer; found by pinyin and initials, too."),
    )
    phone = PhoneField(
        label=_("Mobile number"),
        max_length=30,
        required=False,
        help_text=_("Shown as 138****5678. One number belongs to one customer."),
    )
    forget_phone = forms.BooleanField(label=_("Remove the number"), required=False)
    gender = forms.ChoiceField(label=_("Gender"), choices=Gender.choices, required=False)
    birthday = BirthdayField(
        label=_("Birthday"),
        max_length=20,
        required=False,
        help_text=_("1990-05-17, or 5-17 without the year."),
    )
    tags = forms.MultipleChoiceField(
        label=_("Tags"), required=False, widget=forms.CheckboxSelectMultiple()
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=LinesInput(attrs={"rows": 3}),
        help_text=_("Only your staff sees it."),
    )

    def __init__(self, *args: Any, customer: Customer | None = None, **kwargs: Any) -> None:
        if customer is not None:
            birthday = birthdays.of_columns(customer.birthday, customer.birth_year)
            kwargs["initial"] = {
                "name": customer.name,
                "gender": customer.gender,
                "birthday": str(birthday or ""),
                "tags": [str(pk) for pk in customer.tag_ids],
                "note": customer.note,
            } | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self._put_phone(customer)
        field = self.fields["tags"]
        tags = [(str(tag.pk), tag.name) for tag in selectors.tags()]
        field.choices = tags  # type: ignore[attr-defined]
        if not tags:
            del self.fields["tags"]

    def _put_phone(self, customer: Customer | None) -> None:
        if customer is None or not customer.has_phone:
            del self.fields["forget_phone"]
            return
        masked = formats.masked_phone(customer.phone)
        self.fields["phone"].widget.attrs["placeholder"] = masked
        self.fields["phone"].help_text = gettext(
            "Leave it empty to keep %(phone)s. One number belongs to one customer."
        ) % {"phone": masked}

    def values(self, *, kept_phone: str = "") -> CustomerInput:
        """The typed values of a valid form; ``kept_phone`` stands for an empty phone."""
        clean = self.cleaned_data
        return CustomerInput(
            name=clean["name"],
            phone="" if clean.get("forget_phone") else clean["phone"] or kept_phone,
            gender=clean["gender"],
            birthday=clean["birthday"],
            note=clean["note"],
            tag_ids=tuple(int(pk) for pk in clean.get("tags", [])),
        )


class TagForm(forms.Form):
    """A tag's name and colour."""

    name = forms.CharField(label=_("Name of the tag"), max_length=20)
    colour = forms.ChoiceField(
        label=_("Colour"), choices=TagColour.choices, widget=forms.RadioSelect()
    )

    def clean_name(self) -> str:
        """A tag must have something to read."""
        name: str = self.cleaned_data["name"]
        if not fold(name):
            raise forms.ValidationError(_("Give the tag a name that people can read."))
        return name


class SegmentForm(forms.Form):
    """A segment's name; its conditions come as pairs of fields."""

    name = forms.CharField(label=_("Name of the segment"), max_length=40)


class BlockForm(forms.Form):
    """Why a customer is shut out."""

    reason = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON)

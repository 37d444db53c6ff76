"""What platform and operators type about merchants, operators and their registration."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.forms import PhoneField
from zhanggui.accounts.models import Operator
from zhanggui.accounts.services.people import SHORTEST_PASSWORD
from zhanggui.accounts.services.registration import AGREEMENT_AT_MOST
from zhanggui.accounts.services.tiers import DISPLAY_NAME_AT_MOST
from zhanggui.core import tokens
from zhanggui.ui.forms import LinesInput, PhoneInput

SHORT_NAME = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{1,38})[a-z0-9]$",
    _("3 to 40 lower-case letters, digits and hyphens, for example huacha."),
)


class PlaceForm(forms.Form):
    """A place to take in, with its first owner."""

    name = forms.CharField(label=_("Name"), max_length=80)
    slug = forms.CharField(
        label=_("Short name"),
        max_length=40,
        required=False,
        validators=[SHORT_NAME],
        help_text=_("Part of the address of its pages. Left empty, it is made from the name."),
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
    form_key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {})
        kwargs["initial"].setdefault("form_key", tokens.new_token())
        super().__init__(*args, **kwargs)


class OperatorForm(PlaceForm):
    """An operator to take in, with its first head."""

    name = forms.CharField(label=_("Name of the operator"), max_length=80)
    field_order = ("name", "slug", "owner_name", "owner_phone")


class MerchantForm(PlaceForm):
    """A merchant to take in, with its first owner."""

    name = forms.CharField(
        label=_("Registered name"),
        max_length=80,
        help_text=_("As on the licence. The merchant cannot change it; what customers see it can."),
    )
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
        if operators is None:
            del self.fields["operator"]
        else:
            self.fields["operator"].queryset = operators  # type: ignore[attr-defined]


class MerchantEditForm(forms.Form):
    """What the public sees of a merchant."""

    name = forms.CharField(
        label=_("Display name"),
        max_length=DISPLAY_NAME_AT_MOST,
        help_text=_("What customers see, at most 40 signs."),
    )
    trade = forms.CharField(label=_("Trade"), max_length=40, required=False)


class OperatorEditForm(forms.Form):
    """What an operator is called."""

    name = forms.CharField(label=_("Name of the operator"), max_length=80)
    slug = forms.CharField(
        label=_("Short name"),
        max_length=40,
        validators=[SHORT_NAME],
        help_text=_(
            "A change also changes its addresses: old links and printed codes stop working."
        ),
    )


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=LinesInput(attrs={"rows": 3}),
        help_text=_("Its people read this when they are refused, and it stands in the audit log."),
    )


class RegisteredNameForm(forms.Form):
    """The name in the register, changed for a reason."""

    registered_name = forms.CharField(label=_("Registered name"), max_length=80)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("For example: the licence was changed. It stands in the audit log."),
    )


class ArchiveForm(ReasonForm):
    """A deletion, confirmed by typing the name."""

    typed = forms.CharField(
        label=_("Name, typed out"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["typed"].help_text = _("Type %(name)s to confirm.") % {"name": name}

    def clean_typed(self) -> str:
        """The name, sign for sign."""
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.name.strip():
            raise forms.ValidationError(_("This is not the name. Nothing was deleted."))
        return typed


class TransferForm(forms.Form):
    """Whose merchant it becomes."""

    to = forms.ModelChoiceField(
        label=_("New operator"),
        queryset=Operator.objects.none(),
        required=False,
        empty_label=_("Directly under the platform"),
    )

    def __init__(self, *args: Any, operators: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = operators  # type: ignore[attr-defined]


class RegistrationForm(forms.Form):
    """Whether strangers may register, and what they see above the form."""

    is_open = forms.BooleanField(
        label=_("Merchants may register themselves"),
        required=False,
        help_text=_("Off: the address says that registration is closed."),
    )
    needs_approval = forms.BooleanField(
        label=_("Applications wait for approval"),
        required=False,
        help_text=_("Off: a new merchant begins at once."),
    )
    title = forms.CharField(
        label=_("Login title"),
        max_length=40,
        required=False,
        help_text=_("Above sign-in and registration; left empty, the name stands there."),
    )
    shortest_password = forms.IntegerField(
        label=_("Shortest password"),
        min_value=SHORTEST_PASSWORD,
        max_value=32,
        help_text=_(
            "Signs a new password needs, 6 to 32. Those in use keep working until they are changed."
        ),
    )


class PictureForm(forms.Form):
    """A picture for the sign-in page, a shop's logo, a card or a coupon."""

    picture = forms.FileField(
        label=_("Picture"),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text=_("JPEG, PNG or WebP, at most 5 MB."),
    )


class AgreementForm(forms.Form):
    """The text whoever registers accepts."""

    text = forms.CharField(
        label=_("Registration agreement"),
        max_length=AGREEMENT_AT_MOST,
        widget=LinesInput(attrs={"rows": 16}),
        help_text=_(
            "Plain text; an empty line begins a paragraph, a line that begins with # is a heading."
        ),
    )


class RejectForm(forms.Form):
    """Why an application is turned down."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=LinesInput(attrs={"rows": 3}),
        help_text=_("The applicant is told this sentence."),
    )

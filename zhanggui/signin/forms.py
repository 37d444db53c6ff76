"""What people type to sign up and to sign in, as plain typed values."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import phones
from zhanggui.accounts.errors import PhoneFormat
from zhanggui.accounts.forms import PhoneField
from zhanggui.accounts.services.people import LONGEST_PASSWORD, SHORTEST_PASSWORD
from zhanggui.signin.services.pictures import LENGTH as PICTURE_LENGTH
from zhanggui.ui.forms import DigitsInput, PhoneInput

MESSAGE_LONGEST = 2000
NAME_LONGEST = 80


def password_field(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    """A password as typed: any sign, blanks kept."""
    return forms.CharField(
        label=label,
        max_length=LONGEST_PASSWORD * 2,  # what is too long is told in words of our own
        strip=False,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
    )


class OnceInput(forms.TextInput):
    """A text that is never shown again: the next picture has other signs."""

    def format_value(self, value: Any) -> None:
        """Nothing."""


class PasswordSignInForm(forms.Form):
    """Phone and password."""

    phone = PhoneField(
        label=_("Mobile number"),
        max_length=30,
        widget=PhoneInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = password_field(_("Password"), "current-password")


class MobileField(PhoneField):
    """A number somebody is going to sign in with; its value is E.164."""

    def clean(self, value: Any) -> Any:
        """Refuse landlines and countries that are not set."""
        number = super().clean(value)
        try:
            return phones.parse_mobile(number) if number else number
        except PhoneFormat as refusal:
            raise forms.ValidationError(refusal.message, code=refusal.code) from None


class CodeForm(forms.Form):
    """A phone, the picture code in front of the message, and the code that came by SMS.

    ``is_asking`` says which half was sent: with "send me a code" the picture is needed, with the
    form's own button the code is. What the other half holds is kept and not judged.
    """

    phone = PhoneField(
        label=_("Mobile number"),
        max_length=30,
        widget=PhoneInput(attrs={"autocomplete": "tel"}),
    )
    picture = forms.CharField(
        label=_("Picture code"),
        max_length=20,
        required=False,
        widget=OnceInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "maxlength": PICTURE_LENGTH,
                "inputmode": "text",
            }
        ),
    )
    picture_token = forms.CharField(max_length=MESSAGE_LONGEST, required=False)
    code = forms.CharField(
        label=_("Code from the text message"), max_length=30, widget=DigitsInput()
    )
    asked_with = ("phone",)
    """What must be right before a code is sent."""

    def __init__(self, *args: Any, is_asking: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_asking = is_asking
        self.fields["picture"].required = is_asking

    def full_clean(self) -> None:
        """Judge only the half that was sent."""
        super().full_clean()
        if self.is_bound and self.is_asking:
            for name in [n for n in self.errors if n not in {*self.asked_with, "picture"}]:
                del self.errors[name]

    @property
    def digits(self) -> str:
        """The typed code."""
        return str(self.cleaned_data.get("code", ""))


class CodeSignInForm(CodeForm):
    """Signing in by phone and code."""


class OriginForm(forms.Form):
    """A site that may show the customers' sign-in."""

    origin = forms.CharField(
        label=_("Address of the site"),
        max_length=260,
        widget=forms.TextInput(
            attrs={"placeholder": "https://www.example.com", "inputmode": "url"}
        ),
        help_text=_("Without a page behind it; with and without www are two sites."),
    )


class NewPasswordFields(CodeForm):
    """A code and a new password, twice."""

    password = password_field(_("New password"), "new-password")
    again = password_field(_("New password once more"), "new-password")

    def __init__(self, *args: Any, shortest: int = SHORTEST_PASSWORD, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        help_text = _("At least %(n)s characters; a long one is a safe one.")
        self.fields["password"].help_text = help_text % {"n": shortest}

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        values: dict[str, Any] = super().clean() or {}
        first, second = values.get("password"), values.get("again")
        if first and second and first != second and not self.is_asking:
            self.add_error("again", _("The two passwords differ."))
        return values


class ForgotForm(NewPasswordFields):
    """A new password by a code."""


class RegisterForm(NewPasswordFields):
    """An account of one's own, without a merchant: for invitations."""

    phone = MobileField(label=_("Mobile number"), max_length=30, widget=PhoneInput)
    name = forms.CharField(
        label=_("Your name"),
        max_length=NAME_LONGEST,
        help_text=_("As colleagues call you."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = password_field(_("Password"), "new-password")
    again = password_field(_("Password once more"), "new-password")
    field_order: tuple[str, ...] = ("phone", "picture", "code", "name", "password", "again")


class JoinForm(RegisterForm):
    """Signing up as a merchant."""

    registered_name = forms.CharField(
        label=_("Registered name of the merchant"),
        max_length=NAME_LONGEST,
        help_text=_("As on the licence, for example 清岚茶事. It cannot be changed afterwards."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    agree = forms.BooleanField(label=_("I have read the agreement and accept it"), required=True)
    agreement = forms.IntegerField(required=False, widget=forms.HiddenInput)
    field_order = (
        "phone",
        "picture",
        "code",
        "registered_name",
        "name",
        "password",
        "again",
        "agree",
    )

    def __init__(self, *args: Any, has_agreement: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        self.fields["name"].help_text = _("As colleagues call you; the merchant's when empty.")
        if not has_agreement:
            del self.fields["agree"]
            del self.fields["agreement"]


class FoundForm(forms.Form):
    """Another merchant for the account one has."""

    registered_name = JoinForm.base_fields["registered_name"]
    agree = JoinForm.base_fields["agree"]
    agreement = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, has_agreement: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_agreement:
            del self.fields["agree"]
            del self.fields["agreement"]


class ChangePhoneForm(CodeForm):
    """Another number to sign in with."""

    phone = MobileField(label=_("New mobile number"), max_length=30, widget=PhoneInput)
    password = password_field(_("Present password"), "current-password")

    def __init__(self, *args: Any, has_password: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_password:
            del self.fields["password"]


class DigitsForm(forms.Form):
    """Six digits of an app."""

    digits = forms.CharField(
        label=_("Six digits from the app"), max_length=30, widget=DigitsInput()
    )


class RecoveryForm(forms.Form):
    """One recovery code."""

    code = forms.CharField(
        label=_("Recovery code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class PasskeyNameForm(forms.Form):
    """What a passkey is called."""

    name = forms.CharField(max_length=60, required=False)

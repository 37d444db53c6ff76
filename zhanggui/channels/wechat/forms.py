"""The form that connects an official account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat import crypto
from zhanggui.channels.wechat.models import Kind
from zhanggui.channels.wechat.services import Credentials

SECRET = forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"})
PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}


class ConnectForm(forms.Form):
    """App id and secrets of an official account, as its settings page shows them."""

    name = forms.CharField(
        label=_("Name of the official account"),
        max_length=80,
        help_text=_("As customers see it in WeChat."),
    )
    app_id = forms.RegexField(
        r"^wx[0-9A-Za-z_]{4,38}$",
        label=_("App id (AppID)"),
        max_length=40,
        widget=forms.TextInput(attrs=PLAIN),
        error_messages={"invalid": _("An app id begins with wx. Copy it from the account.")},
    )
    secret = forms.RegexField(
        r"^[0-9A-Za-z]{16,64}$",
        label=_("App secret (AppSecret)"),
        widget=SECRET,
        help_text=_("Kept encrypted and never shown again."),
        error_messages={"invalid": _("The app secret has letters and digits only, usually 32.")},
    )
    callback_token = forms.RegexField(
        f"^{crypto.TOKEN_FORM.pattern}$",
        label=_("Token"),
        widget=forms.TextInput(attrs=PLAIN),
        help_text=_("We made one up for you. It must be the same in WeChat."),
        error_messages={"invalid": _("3 to 32 letters and digits.")},
    )
    aes_key = forms.RegexField(
        f"^{crypto.AES_KEY_FORM.pattern}$",
        label=_("Encryption key (EncodingAESKey)"),
        widget=forms.TextInput(attrs=PLAIN),
        help_text=_("We made one up for you. Choose the safe mode in WeChat."),
        error_messages={"invalid": _("Exactly 43 letters and digits.")},
    )

    def __init__(self, *args: Any, kind: Kind = Kind.OFFICIAL, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind == Kind.MINI:
            self.fields["name"].label = _("Name of the mini program")

    def clean_name(self) -> str:
        """Keep no blanks around the name."""
        return str(self.cleaned_data["name"]).strip()

    def credentials(self) -> Credentials:
        """What was typed, once the form is valid."""
        clean: dict[str, Any] = self.cleaned_data
        return Credentials(
            app_id=clean["app_id"],
            secret=clean["secret"],
            callback_token=clean["callback_token"],
            aes_key=clean["aes_key"],
        )


class MiniCodeForm(forms.Form):
    """A code that opens the mini program."""

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=40,
        help_text=_("For yourselves, for example “Autumn fair, stand 3”."),
    )
    page = forms.RegexField(
        r"^[0-9A-Za-z_/-]{0,128}$",
        label=_("Page of the mini program"),
        required=False,
        widget=forms.TextInput(attrs=PLAIN | {"placeholder": "pages/index/index"}),
        help_text=_("Empty: its first page."),
        error_messages={"invalid": _("Letters, digits and slashes, as in pages/index/index.")},
    )
    target = forms.ChoiceField(label=_("Shows there"), required=False)

    def __init__(self, *args: Any, pages: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target = self.fields["target"]
        assert isinstance(target, forms.ChoiceField)  # noqa: S101  for the type checker
        target.choices = [("", _("Nothing more")), *pages]

"""What people type on the pages of this channel."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.pay import signing
from zhanggui.channels.pay.models import Mode, Way
from zhanggui.channels.pay.services.accounts import Keys
from zhanggui.core import clock
from zhanggui.ui.forms import LinesInput

PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
MOST_BYTES = 20_000
PEM = {"accept": ".pem,.crt,.cer,.key,.txt"}
WAY_HELP = _("Only ways that are opened for the merchant number at WeChat Pay.")


class WaysForm(forms.Form):
    """What an account is called and what it offers."""

    name = forms.CharField(label=_("Name of the account"), max_length=80)
    ways = forms.MultipleChoiceField(
        label=_("Ways of paying"),
        choices=Way.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=WAY_HELP,
        error_messages={"required": _("Switch on at least one way.")},
    )


class SubForm(WaysForm):
    """A merchant number that a service provider looks after."""

    sub_mchid = forms.RegexField(
        r"^[0-9]{6,32}$",
        label=_("Merchant number (sub_mchid)"),
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "numeric"}),
        help_text=_("The service provider gets it when it registers your shop at WeChat Pay."),
        error_messages={"invalid": _("A merchant number has digits only.")},
    )
    sub_app_id = forms.RegexField(
        r"^wx[0-9A-Za-z_]{4,30}$",
        label=_("Own app id"),
        required=False,
        widget=forms.TextInput(attrs=PLAIN),
        help_text=_("Only if customers pay inside your own official account or mini program."),
        error_messages={"invalid": _("An app id begins with wx. Copy it from the account.")},
    )
    field_order = ("name", "sub_mchid", "sub_app_id", "ways")


class PemInput(forms.FileInput):
    """Browsers do not insist on the file: its text may stand in the next field."""

    def use_required_attribute(self, initial: Any) -> bool:
        """Never."""
        return False


class PemField(forms.FileField):
    """A PEM file, or the same text pasted into the field ``<name>_text``; its value is the text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=PemInput(attrs=PEM), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Read the file as text; the form says when there is neither file nor text."""
        if not data:
            return ""
        file = super().clean(data, initial)
        if not isinstance(file, UploadedFile):
            return ""
        try:
            return file.read(MOST_BYTES).decode("ascii")
        except UnicodeDecodeError:
            raise forms.ValidationError(_("This is no PEM file; it begins with -----BEGIN.")) from (
                None
            )


def _pasted() -> forms.CharField:
    return forms.CharField(
        label=_("or its text"),
        required=False,
        max_length=MOST_BYTES,
        widget=LinesInput(attrs={**PLAIN, "rows": 3, "placeholder": "-----BEGIN ..."}),
    )


class ConnectForm(WaysForm):
    """A merchant number with its keys, as WeChat Pay's merchant platform gives them out."""

    mode = forms.ChoiceField(
        label=_("Kind of merchant number"),
        choices=[(Mode.DIRECT, Mode.DIRECT.label), (Mode.PARTNER, Mode.PARTNER.label)],
        initial=Mode.DIRECT,
        help_text=_("A service provider also collects for shops that WeChat Pay put under it."),
    )
    mchid = forms.RegexField(
        r"^[0-9]{6,32}$",
        label=_("Merchant number (mchid)"),
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "numeric"}),
        error_messages={"invalid": _("A merchant number has digits only.")},
    )
    app_id = forms.RegexField(
        r"^wx[0-9A-Za-z_]{4,30}$",
        label=_("App id (AppID)"),
        widget=forms.TextInput(attrs=PLAIN),
        help_text=_("The official account or mini program that is linked to the merchant number."),
        error_messages={"invalid": _("An app id begins with wx. Copy it from the account.")},
    )
    certificate = PemField(
        label=_("Certificate (apiclient_cert.pem)"),
        help_text=_("Only its serial number is kept. Or enter the serial number below."),
    )
    serial = forms.RegexField(
        r"^[0-9A-Fa-f]{8,64}$",
        label=_("or its serial number"),
        required=False,
        widget=forms.TextInput(attrs=PLAIN),
        error_messages={"invalid": _("Digits and the letters A to F, usually 40.")},
    )
    private_key = PemField(
        label=_("Private key (apiclient_key.pem)"),
        help_text=_("Kept encrypted and never shown again."),
    )
    private_key_text = _pasted()
    api_v3_key = forms.RegexField(
        r"^[0-9A-Za-z]{32}$",
        label=_("APIv3 key"),
        strip=True,
        widget=forms.PasswordInput(attrs={**PLAIN, "autocomplete": "new-password"}),
        help_text=_("Set by yourself at WeChat Pay; 32 letters and digits."),
        error_messages={"invalid": _("Exactly 32 letters and digits.")},
    )
    public_key_id = forms.RegexField(
        r"^PUB_KEY_ID_[0-9A-Za-z_]{4,50}$",
        label=_("Id of WeChat Pay's public key"),
        required=False,
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "PUB_KEY_ID_"}),
        help_text=_(
            "Leave both empty if WeChat Pay shows you no public key: then its platform "
            "certificates are fetched by themselves."
        ),
        error_messages={"invalid": _("It begins with PUB_KEY_ID_. Copy it whole.")},
    )
    public_key = PemField(label=_("WeChat Pay's public key (pub_key.pem)"), required=False)
    public_key_text = _pasted()

    def clean(self) -> dict[str, Any]:
        """Read the keys and see whether they belong together."""
        values = super().clean() or {}
        for name in ("private_key", "public_key"):
            values[name] = values.get(name) or values.get(f"{name}_text", "").strip()
        self._private(values)
        self._serial(values)
        self._public(values)
        return values

    def _private(self, values: dict[str, Any]) -> None:
        if not values["private_key"]:
            self._say("private_key", _("Add the private key as a file or as text."))
            return
        try:
            values["key"] = signing.load_private_key(values["private_key"])
        except signing.BadKey:
            self._say("private_key", _("This is no private key of WeChat Pay (RSA, no password)."))

    def _serial(self, values: dict[str, Any]) -> None:
        pem = values.get("certificate")
        if not pem:
            values["serial"] = (values.get("serial") or "").upper()
            if not values["serial"]:
                self._say("certificate", _("Add the certificate, or enter its serial number."))
            return
        try:
            certificate = signing.load_certificate(pem)
        except signing.BadKey:
            self._say("certificate", _("This is no certificate."))
            return
        values["serial"] = signing.serial_of(certificate)
        key = values.get("key")
        if key and not signing.is_pair(key, signing.key_of(certificate)):
            self._say("private_key", _("This key does not belong to the certificate above."))
        self._say_if_over(certificate)

    def _say_if_over(self, certificate: x509.Certificate) -> None:
        if certificate.not_valid_after_utc <= clock.now():
            self._say("certificate", _("This certificate is over. Apply for a new one."))

    def _public(self, values: dict[str, Any]) -> None:
        has_id, has_key = bool(values.get("public_key_id")), bool(values["public_key"])
        if has_id != has_key:
            missing = "public_key" if has_id else "public_key_id"
            self._say(missing, _("Public key and its id belong together: enter both or none."))
        elif has_key:
            try:
                signing.load_public_key(values["public_key"])
            except signing.BadKey:
                self._say(
                    "public_key", _("This is no public key. It begins with BEGIN PUBLIC KEY.")
                )

    def _say(self, name: str, text: Any) -> None:
        if name not in self.errors:
            self.add_error(name, text)

    def keys(self) -> Keys:
        """What was typed, once the form is valid."""
        clean = self.cleaned_data
        return Keys(
            serial=clean["serial"],
            private_key=clean["private_key"],
            api_v3_key=clean["api_v3_key"],
            public_key_id=clean["public_key_id"],
            public_key=clean["public_key"],
        )


class ReasonForm(forms.Form):
    """Why, or how something was settled."""

    reason = forms.CharField(max_length=200)


class DayForm(forms.Form):
    """Which day's bill."""

    day = forms.DateField(
        label=_("Day"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

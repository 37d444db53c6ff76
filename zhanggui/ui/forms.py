"""Forms in the kit's look: the renderer of all forms and the inputs that are our own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

WIDGETS = "django/forms/widgets/"
SELECTS = {"select.html", "clearable_file_input.html"}
CHECKS = {"checkbox.html", "radio_option.html", "checkbox_option.html", "input_option.html"}
PLAIN = {"hidden.html", "multiple_hidden.html", "radio.html", "checkbox_select.html"}
SAID_OUR_WAY = (
    _("This field is required."),
    _("Ensure this value is greater than or equal to %(limit_value)s."),
    _("Ensure this value is less than or equal to %(limit_value)s."),
    ngettext_lazy(
        "Ensure this value has at most %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at most %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    ),
    ngettext_lazy(
        "Ensure this value has at least %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at least %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    ),
    _("Enter a whole number."),
    _("Enter a number."),
    _("Enter a valid date."),
    _("Enter a valid time."),
    _("Enter a valid date/time."),
    _("Enter a valid value."),
    _("Enter a valid URL."),
    _("Enter a valid email address."),
    _("Select a valid choice. That choice is not one of the available choices."),
    _("Select a valid choice. %(value)s is not one of the available choices."),
    _("The submitted file is empty."),
)
"""Django's words for the commonest mistakes; named here, our catalogue says them as people do."""


class Renderer(TemplatesSetting):
    """Gives widgets the classes of the kit and draws fields with label, help and error."""

    form_template_name = "ui/forms/form.html"
    field_template_name = "ui/forms/field.html"

    def render(
        self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None
    ) -> str:
        """Render one widget, field or form."""
        widget = context.get("widget")
        if template_name.startswith(WIDGETS) and isinstance(widget, dict):
            attrs = dict(widget.get("attrs", {}))
            own = _css_of(template_name.removeprefix(WIDGETS))
            attrs["class"] = " ".join(filter(None, [own, str(attrs.get("class", ""))]))
            if not attrs["class"]:
                del attrs["class"]
            context = {**context, "widget": {**widget, "attrs": attrs}}
        return super().render(template_name, context, request)


def _css_of(name: str) -> str:
    if name in CHECKS:
        return "form-check-input"
    if name in PLAIN:
        return ""
    if name == "file.html":
        return "zg-file-input"
    return "form-select" if name in SELECTS else "form-control"


class DigitsInput(forms.TextInput):
    """Six boxes for a code; one plain input where no script runs."""

    template_name = "ui/forms/digits.html"

    def __init__(self, *, length: int = 6, attrs: dict[str, Any] | None = None) -> None:
        self.length = length
        usual = {
            "inputmode": "numeric",
            "autocomplete": "one-time-code",
            "autocapitalize": "off",
            "spellcheck": "false",
            "class": "form-control zg-digits-input",
        }
        super().__init__(attrs=usual | (attrs or {}))

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Add the boxes to what the template gets."""
        context = super().get_context(name, value, attrs)
        return context | {"boxes": range(self.length), "length": self.length}


class PhoneInput(forms.TextInput):
    """A phone number: numeric keyboard, filled in by the browser."""

    input_type = "tel"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        usual = {"inputmode": "tel", "autocomplete": "tel", "maxlength": "20"}
        super().__init__(attrs=usual | (attrs or {}))


class LinesInput(forms.Textarea):
    """Several lines; the end of a line counts as one sign, as people and their browsers see it."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Fold the two signs that forms send for it."""
        value = super().value_from_datadict(data, files, name)
        return value.replace("\r\n", "\n") if isinstance(value, str) else value

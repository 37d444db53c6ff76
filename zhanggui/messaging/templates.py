"""What can be sent: templates in code, registered by products in their ``apps.py``.

Words have places in braces, ``{programme}``; besides a template's own fields every message knows
``{shop}`` and ``{customer}``. The words are those of the SMS; WeChat's words belong to the template
of the official account, whose places the shop fills with the same fields (``wechat.notices``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat import notices
from zhanggui.channels.wechat.notices import Field
from zhanggui.messaging.models import Kind

Text = str | Promise
PLACE = re.compile(r"\{(\w+)\}")
STOP_WORDS = "拒收请回复TD"
"""What law asks of marketing by SMS: how to say stop."""
ALWAYS = (
    Field("shop", _("Name of the shop"), _("Qinglan Tea House")),
    Field("customer", _("Name of the customer"), _("Lin Xiaoyu"), "name"),
    Field("stop", _("Link to say stop"), "https://…"),
    Field("link", _("Link to the page about it"), "https://…"),
)


@dataclass(frozen=True)
class MessageTemplate:
    """A message of a product."""

    name: str
    """``product.what``, for example ``stamps.stamped``."""
    label: Text
    explanation: Text
    """When it goes out, in a sentence."""
    fields: tuple[Field, ...]
    words: Text
    """The SMS, with places."""
    kind: Kind = Kind.SERVICE
    keywords: tuple[str, ...] = ()
    """Words to look for in WeChat's template library."""
    is_on: bool = True
    """Until the shop says otherwise; likewise ``by_wechat`` and ``by_sms``."""
    by_wechat: bool = True
    by_sms: bool = False
    has_rule: bool = True
    """Shops decide about it; without, it always goes out as it is."""
    for_many: bool = False
    """A mailing can carry it; the shop types its fields."""
    page: str = ""
    """A tap and ``{link}`` open this page of the shop, with a token of the message's own."""
    lasts: timedelta = timedelta(days=1)
    """Sent later than this it would only confuse."""

    def all_fields(self) -> tuple[Field, ...]:
        """Its own fields and those every message has, with the links that it carries."""
        left_out = set() if self.kind == Kind.MARKETING else {"stop"}
        left_out |= set() if self.page else {"link"}
        return (*self.fields, *(one for one in ALWAYS if one.name not in left_out))


_known: dict[str, MessageTemplate] = {}


def register(*templates: MessageTemplate) -> None:
    """Make templates known, to WeChat's template pages, too.

    Raises:
        ValueError: another template has this name, or its words name a field it has not.
    """
    for template in templates:
        if _known.get(template.name, template) != template:
            message = f"two message templates are called {template.name}"
            raise ValueError(message)
        _known[template.name] = template
        if template.kind == Kind.SERVICE:  # WeChat's templates are not for marketing
            notices.register(
                notices.Notice(
                    template.name, template.label, template.all_fields(), template.keywords
                )
            )


def known() -> list[MessageTemplate]:
    """All templates, by name."""
    return [_known[name] for name in sorted(_known)]


def find(name: str) -> MessageTemplate | None:
    """A template by its name; None when its product is gone."""
    return _known.get(name)


def get(name: str) -> MessageTemplate:
    """A template that must be there.

    Raises:
        LookupError: nobody registered it: a bug.
    """
    found = _known.get(name)
    if found is None:
        message = f"no message template is called {name}"
        raise LookupError(message)
    return found


def label_of(name: str) -> Text:
    """What people call a template."""
    found = _known.get(name)
    return found.label if found else name


def default_words(template: MessageTemplate) -> str:
    """The words in the language of the installation."""
    with translation.override(settings.LANGUAGE_CODE):
        return str(template.words)


def filled(words: str, values: Mapping[str, str]) -> str:
    """Words with their places filled; places nobody knows stay as they are."""
    return PLACE.sub(lambda found: values.get(found[1], found[0]), words)


def unknown_places(template: MessageTemplate, words: str) -> list[str]:
    """Places in a shop's words that the template cannot fill, in order."""
    known_names = {field.name for field in template.all_fields()}
    return [name for name in PLACE.findall(words) if name not in known_names]


def sms_text(template: MessageTemplate, words: str, values: Mapping[str, str]) -> str:
    """The SMS without the signature; marketing says how to stop.

    What a shop typed into a field may name the shop, the customer and the way to say stop; so the
    template's own fields are filled first, those of every message afterwards.
    """
    own = {field.name: values[field.name] for field in template.fields if field.name in values}
    shared = {field.name: values[field.name] for field in ALWAYS if field.name in values}
    text = filled(filled(words or default_words(template), own), shared)
    if template.kind == Kind.MARKETING and STOP_WORDS not in text:
        text = f"{text} {STOP_WORDS}"
    return text

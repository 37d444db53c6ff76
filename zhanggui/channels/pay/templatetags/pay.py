"""What the pages of this channel need of templates."""

from __future__ import annotations

from django import template

from zhanggui.channels.pay.errors import ADVICE, Text, advice_for

register = template.Library()


@register.filter
def pay_advice(code: str) -> Text:
    """What can be done about a code; a text that is no code stays as it is."""
    return advice_for(code) if code in ADVICE or code.isupper() else code


@register.filter
def yuan(fen: int) -> str:
    """An amount as it is typed: 12.50."""
    return f"{fen / 100:.2f}"

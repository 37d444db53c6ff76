"""What a code on a counter's screen refuses.

Source: stamps specification 7.7 (5), feature 14.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class CounterGone(DomainError):
    """The code on the screen is old, or its screen was switched off."""

    code = "E_COUNTER_GONE"
    status = 410
    text = _("This code is over. Scan the one that the counter's screen shows now.")


class CounterUsed(DomainError):
    """Somebody used it already: one code, one stamp."""

    code = "E_COUNTER_USED"
    status = 409
    text = _("This code was already used. Scan the one that the counter's screen shows now.")


class CounterOff(DomainError):
    """None of the customer's cards is stamped by a counter's code at this store."""

    code = "E_COUNTER_OFF"
    status = 409
    text = _("This card is not stamped by the counter's code. Ask the staff for a stamp.")


class ScreenNameTaken(DomainError):
    """Two screens of a store have different names."""

    code = "E_SCREEN_NAME"
    status = 409
    text = _("There is already a screen of this name at the store. Choose another one.")

"""What this module refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class PhoneTaken(DomainError):
    code = "E_CUSTOMER_PHONE_TAKEN"
    status = 409
    text = _("Another customer of this shop already has this phone number.")


class CustomerBlocked(DomainError):
    code = "E_CUSTOMER_BLOCKED"
    status = 403
    text = _("The shop has blocked this customer. Ask the shop's staff.")

"""What this module refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class NoCredit(DomainError):
    code = "E_SMS_CREDIT"
    status = 409
    text = _("The SMS credit is not enough: %(needed)s needed, %(left)s left. Buy more first.")


class CreditSpent(DomainError):
    code = "E_SMS_SPENT"
    status = 409
    text = _("Part of this credit is used or set aside already, so it cannot be taken back.")


class StockShort(DomainError):
    code = "E_SMS_STOCK"
    status = 409
    text = _("Your stock holds only %(left)s segments. Ask the platform for more.")


class AmountWrong(DomainError):
    code = "E_SMS_AMOUNT"
    status = 422
    text = _("Give a whole number from 1 to %(most)s.")


class ReasonNeeded(DomainError):
    code = "E_SMS_REASON"
    status = 422
    text = _("Say what the credit is given for; the merchant reads it.")

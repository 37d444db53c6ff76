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


class PackPriceWrong(DomainError):
    code = "E_PACK_PRICE"
    status = 422
    text = _("The platform allows %(least)s to %(most)s for this pack.")


class NotResendable(DomainError):
    code = "E_NOT_RESENDABLE"
    status = 409
    text = _("This message went out, is on its way, or was sent once more already.")


class ReasonNeeded(DomainError):
    code = "E_SMS_REASON"
    status = 422
    text = _("Say what the credit is given for; the merchant reads it.")


class MailingMoved(DomainError):
    code = "E_MAILING_MOVED"
    status = 409
    text = _("Somebody confirmed or ended this mailing meanwhile. Load the page again.")


class NobodyReached(DomainError):
    code = "E_NOBODY_REACHED"
    status = 409
    text = _("Nobody can be reached: no follower, no number, or nobody who agreed to marketing.")


class TemplateNotForMany(DomainError):
    code = "E_NOT_FOR_MANY"
    status = 422
    text = _("A mailing cannot carry this message. Choose another one.")


class WordsMissing(DomainError):
    code = "E_WORDS_MISSING"
    status = 422
    text = _("Fill in every part of the message.")


class PlacesUnknown(DomainError):
    code = "E_PLACES_UNKNOWN"
    status = 422
    text = _("There is no such place: %(places)s. Use those listed below the text.")


class HoursWrong(DomainError):
    code = "E_HOURS_WRONG"
    status = 422
    text = _("Give hours from 0 to 23 and caps from 0 to 100.")

"""What goes wrong with a provider of SMS, and what this module refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class SmsError(Exception):
    """A call to a provider did not do what it should; ``code`` is the provider's own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SmsUnreachable(SmsError):
    """No answer, or "try again".

    ``is_sent`` tells that the request may have arrived: repeating it could send a second message.
    """

    def __init__(self, code: str, *, is_sent: bool) -> None:
        super().__init__(code)
        self.is_sent = is_sent


class SmsRefused(SmsError):
    """The provider said no: repeating the same call is useless."""


class SmsNotSetUp(DomainError):
    code = "E_SMS_NOT_SET_UP"
    status = 503
    text = _(
        "This installation cannot send text messages yet. Whoever runs it sets a provider; until "
        "then sign in by password."
    )


class SmsStopped(DomainError):
    code = "E_SMS_STOPPED"
    status = 503
    text = _("Text messages are switched off for the moment. Sign in by password, or come later.")


class SmsBudgetSpent(DomainError):
    code = "E_SMS_BUDGET"
    status = 429
    text = _("Today's text messages are used up. Sign in by password, or come back tomorrow.")

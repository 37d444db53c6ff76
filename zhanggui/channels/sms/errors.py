"""What goes wrong with a provider of SMS, and what this module refuses.

One tree: ``SmsUnreachable`` (again later, unless it may have arrived) and ``SmsRefused`` with what
it was about. Each keeps the provider's own code and an advice for whoever reads the log.
"""

from __future__ import annotations

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError

Text = str | Promise


class SmsError(Exception):
    """A call to a provider did not do what it should; ``code`` is the provider's own."""

    advice: ClassVar[Text] = _("The provider answered with a code we do not know. Ask it.")

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.provider = ""
        """Who said it; filled by the client."""


class SmsUnreachable(SmsError):
    """No answer, or "try again".

    ``is_sent`` tells that the request may have arrived: repeating it could send a second message.
    """

    advice = _("The provider does not answer. We try again by ourselves.")

    def __init__(self, code: str, *, is_sent: bool) -> None:
        super().__init__(code)
        self.is_sent = is_sent


class SmsRefused(SmsError):
    """The provider said no: repeating the same call is useless."""

    is_ours: ClassVar[bool] = False
    """It is our account that the provider refuses: another provider may take the message, and the
    same one once somebody has put the account right."""
    passes: ClassVar[bool] = False
    """Another try makes sense later: a limit ends, an account is put right."""


class SmsBadNumber(SmsRefused):
    """No such number, or one the provider does not serve."""

    advice = _("The number does not exist or cannot get messages. Correct it.")


class SmsBlocked(SmsRefused):
    """The receiver, or the network for it, does not want our messages."""

    advice = _("The receiver has blocked messages of this kind. Reach them another way.")


class SmsOverLimit(SmsRefused):
    """Too many messages to this number, or from this account, for now."""

    passes = True
    advice = _("The provider's limit for this number or account is reached. It takes more later.")


class SmsBadText(SmsRefused):
    """Signature, template or a value in it is not what the provider approved."""

    advice = _("Signature or template is not approved, or a value does not fit it. Check them.")


class SmsWrongTime(SmsRefused):
    """Marketing outside the hours the provider allows."""

    advice = _("The provider sends marketing by day only. Choose quiet hours that fit.")


class SmsNoBalance(SmsRefused):
    """The account at the provider has no money left."""

    is_ours = passes = True
    advice = _("The account at the SMS provider is empty. Whoever runs this installation fills it.")


class SmsNotAllowed(SmsRefused):
    """Our account at the provider may not send: keys, rights or services are wrong."""

    is_ours = passes = True
    advice = _("The SMS provider refuses our account. Whoever runs this installation checks it.")


_TREE: dict[str, type[SmsError]] = {
    one.__name__: one
    for one in (
        *(SmsUnreachable, SmsRefused, SmsBadNumber, SmsBlocked, SmsOverLimit, SmsBadText),
        *(SmsWrongTime, SmsNoBalance, SmsNotAllowed),
    )
}


def advice_of(kind: str) -> Text:
    """What to do about a failure whose class has this name; empty for no failure."""
    found = _TREE.get(kind)
    return found.advice if found else ""


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

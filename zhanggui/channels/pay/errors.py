"""What goes wrong with WeChat Pay, and what this module refuses.

The first tree is for callers: each error keeps WeChat's code and status. What people can meet on
a page stands below.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.core.errors import DomainError

Text = str | Promise


class PayError(Exception):
    """A call to WeChat Pay did not do what it should; ``code`` is WeChat's, where there is one."""

    def __init__(self, summary: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(summary)
        self.code = code
        self.status = status

    @property
    def advice(self) -> Text:
        """What to do about it."""
        return advice_for(self.code)


class PayUnreachable(PayError):
    """No answer that counts: the same call may work later, with the same numbers.

    ``is_sent`` tells that the request may have arrived. What has become of it must be asked
    before anything else is believed.
    """

    def __init__(
        self, summary: str, *, code: str = "", status: int = 0, is_sent: bool = False
    ) -> None:
        super().__init__(summary, code=code, status=status)
        self.is_sent = is_sent


class AnswerNotSigned(PayUnreachable):
    """An answer without a signature we can check; what it says is not believed."""


class PayRefused(PayError):
    """WeChat Pay said no: repeating the same call is useless."""


class NoSuchTrade(PayRefused):
    """WeChat Pay knows no order or refund of this number."""


class WrongWorld(PayRefused):
    """An app id of the sandbox against the real host, or the other way round."""


UNREACHABLE = "UNREACHABLE"
NOT_SIGNED = "NOT_SIGNED"
CANNOT_DECRYPT = "CANNOT_DECRYPT"
OLD_NAMES = {
    "RULELIMIT": "RULE_LIMIT",
    "ORDERNOTEXIST": "ORDER_NOT_EXIST",
    "SYSTEMERROR": "SYSTEM_ERROR",
    "ORDERPAID": "ORDER_PAID",
    "ORDERCLOSED": "ORDER_CLOSED",
    "NOTENOUGH": "NOT_ENOUGH",
    "NOAUTH": "NO_AUTH",
    "RATELIMIT_EXCEEDED": "FREQUENCY_LIMITED",
}
"""How older pages and answers spell some codes."""
UNKNOWN = _("WeChat Pay refused with a code we do not know. Look it up in its documentation.")
ADVICE: dict[str, Text] = {
    UNREACHABLE: _(
        "WeChat Pay does not answer. We try again by ourselves; look at the network if it lasts."
    ),
    NOT_SIGNED: _(
        "WeChat Pay's answer could not be verified. Check public key and its id, or switch to "
        "platform certificates."
    ),
    CANNOT_DECRYPT: _(
        "The APIv3 key is not the one set at WeChat Pay. Enter it again; a changed key replaces "
        "the old one at once."
    ),
    "SIGN_ERROR": _(
        "WeChat Pay does not accept our signature. Check merchant number, serial number and "
        "private key: all three belong to one certificate."
    ),
    "PARAM_ERROR": _("WeChat Pay found a value wrong. Tell support the code and the time."),
    "INVALID_REQUEST": _("WeChat Pay does not allow this now. Look at the state of the payment."),
    "APPID_MCHID_NOT_MATCH": _(
        "App id and merchant number are not linked. Link them at WeChat Pay under "
        "“Product centre > AppID accounts”."
    ),
    "MCH_NOT_EXISTS": _("There is no such merchant number. Copy it from WeChat Pay again."),
    "NO_AUTH": _(
        "This way of paying is not opened for the merchant number. Apply for it at WeChat Pay, or "
        "switch the way off here."
    ),
    "ORDER_CLOSED": _("The order is closed at WeChat Pay. Begin a new payment."),
    "ORDER_PAID": _("The order is paid already; we ask WeChat Pay and book it."),
    "OUT_TRADE_NO_USED": _("This number was used for another payment. Begin a new one."),
    "ORDER_NOT_EXIST": _("WeChat Pay knows no order of this number."),
    "RESOURCE_NOT_EXISTS": _("WeChat Pay knows no refund of this number."),
    "NOT_ENOUGH": _(
        "There is too little money on the merchant account for this refund. Put some in, then try "
        "again here."
    ),
    "USER_ACCOUNT_ABNORMAL": _(
        "The payer's account cannot take the money. Arrange another way with the payer."
    ),
    "RULE_LIMIT": _("A rule of WeChat Pay's risk control stands against it. Ask WeChat Pay."),
    "TRADE_ERROR": _("WeChat Pay could not do this. Try again; if it lasts, ask WeChat Pay."),
    "FREQUENCY_LIMITED": _("Too many calls at once. We slow down and try again by ourselves."),
    "SYSTEM_ERROR": _("WeChat Pay has trouble of its own. We ask again by ourselves."),
    "SERVICE_UNAVAILABLE": _("WeChat Pay has trouble of its own. We ask again by ourselves."),
    "NO_STATEMENT_EXIST": _("There is no bill for this day: nothing was paid or refunded."),
    "STATEMENT_CREATING": _("WeChat Pay is still writing this day's bill. We fetch it later."),
}


def advice_for(code: str) -> Text:
    """What can be done about a code of WeChat Pay, or of ours for "no answer"."""
    return ADVICE.get(code or UNREACHABLE, UNKNOWN)


class PayNotOffered(DomainError):
    code = "E_PAY_NOT_OFFERED"
    status = 409
    text = _("This way of paying is not switched on here. Choose another one.")


class PayDown(DomainError):
    code = "E_PAY_DOWN"
    status = 503
    text = _("WeChat Pay does not answer now. Nothing was charged; try again in a moment.")


class PayRefusedHere(DomainError):
    code = "E_PAY_REFUSED"
    status = 409
    text = _("WeChat Pay refused (%(code)s). %(advice)s")


class PayAccountHeld(DomainError):
    code = "E_PAY_ACCOUNT_HELD"
    status = 409
    text = _("This merchant number is connected elsewhere already. Disconnect it there first.")


class PaymentMoved(DomainError):
    code = "E_PAYMENT_MOVED"
    status = 409
    text = _("This payment has changed in the meantime. Load the page again to see how it stands.")


class RefundTooMuch(DomainError):
    code = "E_REFUND_TOO_MUCH"
    status = 409
    text = _("At most %(left)s of this payment can still be given back.")


class RefundTooLate(DomainError):
    code = "E_REFUND_TOO_LATE"
    status = 410
    text = _("WeChat Pay gives money back for a year after the payment. Transfer it by hand.")


class RefundElsewhere(DomainError):
    code = "E_REFUND_ELSEWHERE"
    status = 409
    text = _("This payment belongs to an order. Refund the order; the money follows by itself.")


class DayNotOver(DomainError):
    code = "E_DAY_NOT_OVER"
    status = 409
    text = _("WeChat Pay writes the bill of a day on the next one, after 10 o'clock.")


class ReasonMissing(DomainError):
    code = "E_PAY_REASON"
    status = 422
    text = pgettext_lazy("payment", "Say why in a few words; it stands in the history.")

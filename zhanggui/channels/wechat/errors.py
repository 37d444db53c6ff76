"""What goes wrong with WeChat, and what this module refuses.

Channel errors form one tree; each keeps the platform's code and an advice for the shop's staff.
They are no ``DomainError``: a caller decides what a person reads. What people can meet on a page
stands below.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError

Text = str | Promise


class ChannelError(Exception):
    """A call to WeChat did not do what it should; ``code`` is the platform's, if there is one."""

    def __init__(self, summary: str, *, code: int | None = None) -> None:
        super().__init__(summary)
        self.code = code

    @property
    def advice(self) -> Text:
        """What to do about it."""
        return advice_for(self.code)


class ChannelUnreachable(ChannelError):
    """No answer, or "try again": the same call may work later.

    ``is_sent`` tells that the request may have arrived, so that repeating it could do it twice.
    """

    def __init__(self, summary: str, *, code: int | None = None, is_sent: bool = False) -> None:
        super().__init__(summary, code=code)
        self.is_sent = is_sent


class ChannelRefused(ChannelError):
    """WeChat said no: repeating the same call is useless."""


class TokenExpired(ChannelRefused):
    """The access token is no longer good; one fresh token is worth one more try."""


class WrongWorld(ChannelRefused):
    """An app id of the sandbox against the real hosts, or the other way round."""


UNREACHABLE = _("WeChat does not answer. We try again by ourselves; check the network if it lasts.")
UNKNOWN = _("WeChat refused with a code we do not know. Look it up in WeChat's documentation.")
ADVICE: dict[int, Text] = {
    -1: _("WeChat is busy. We try again by ourselves."),
    40001: _("App secret or token is not right. Copy the app secret again and test it."),
    40003: _("This person belongs to another official account or does not follow this one."),
    40013: _("The app id is not right. Copy it again from the account's settings."),
    40014: _("The access token was replaced. Test the connection; that fetches a new one."),
    40029: _("The sign-in took too long. Open the page again."),
    40037: _("The template was deleted. Choose another one."),
    40125: _("The app secret is not right. Copy it again; a reset secret replaces the old one."),
    40163: _("The sign-in was used already. Open the page again."),
    40164: _("This server's address is not on the account's IP list. Add it there."),
    40243: _("The app secret is frozen. Unfreeze it in the account's settings."),
    42001: _("The access token ran out. Test the connection; that fetches a new one."),
    43004: _("The receiver does not follow the account."),
    43019: _("The receiver is on the account's blacklist."),
    45009: _("The account's daily limit is reached. It works again after midnight."),
    45011: _("Too many calls this minute. We slow down by ourselves."),
    45015: _("The receiver has been silent for over 48 hours. WeChat allows no message now."),
    45047: _("WeChat allows no more messages until the receiver writes again."),
    48001: _("The account may not do this. It must be a verified service account."),
    48002: _("The receiver has switched off messages."),
    50002: _("The account is limited by WeChat. Look into its notices."),
    61451: _("WeChat found a parameter wrong. Tell support."),
}


def advice_for(code: int | None) -> Text:
    """What the shop can do about a platform code; None stands for no answer at all."""
    if code is None:
        return UNREACHABLE
    return ADVICE.get(code, UNKNOWN)


class AccountTaken(DomainError):
    code = "E_ACCOUNT_TAKEN"
    status = 409
    text = _("This official account is connected elsewhere. Disconnect it there first.")


class AccountHeld(DomainError):
    code = "E_ACCOUNT_HELD"
    status = 409
    text = _("Another official account is connected here. Disconnect it first.")


class CredentialsRefused(DomainError):
    code = "E_WECHAT_CREDENTIALS"
    status = 422
    text = _("WeChat refused app id and secret (%(code)s). %(advice)s")


class WechatUnreachable(DomainError):
    code = "E_WECHAT_UNREACHABLE"
    status = 503
    text = _("WeChat does not answer. Nothing was changed; try again in a minute.")


class WechatRefused(DomainError):
    code = "E_WECHAT_REFUSED"
    status = 409
    text = _("WeChat refused (%(code)s). %(advice)s")


class NoAccount(DomainError):
    code = "E_NO_ACCOUNT"
    status = 409
    text = _("No official account is connected. Connect one in the settings first.")

"""What goes wrong with WeChat, and what this module refuses.

Channel errors form one tree; each keeps the platform's code and an advice for the shop's staff.
They are no ``DomainError``: a caller decides what a person reads. What people can meet on a page
stands below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.errorcodes import Text, Treatment, code_of
from zhanggui.core.errors import DomainError

if TYPE_CHECKING:
    from zhanggui.channels.wechat.menus.rules import Problem
    from zhanggui.channels.wechat.models import ChannelAccount


class ChannelError(Exception):
    """A call to WeChat did not do what it should; ``code`` is the platform's, if there is one."""

    def __init__(self, summary: str, *, code: int | None = None) -> None:
        super().__init__(summary)
        self.code = code
        self.raw: Mapping[str, Any] | None = None
        """WeChat's whole answer; never shown or logged as it is."""

    @property
    def advice(self) -> Text:
        """What to do about it."""
        return advice_for(self.code)

    @property
    def treatment(self) -> Treatment:
        """How the program treats it."""
        return code_of(self.code).treatment


class ChannelUnreachable(ChannelError):
    """No answer, or "try again": the same call may work later.

    ``is_sent`` tells that the request may have arrived, so that repeating it could do it twice.
    """

    def __init__(self, summary: str, *, code: int | None = None, is_sent: bool = False) -> None:
        super().__init__(summary, code=code)
        self.is_sent = is_sent


class ChannelBusy(ChannelUnreachable):
    """Too many calls within a minute; the same call works at ``until``."""

    def __init__(self, summary: str, *, code: int | None = None, until: datetime) -> None:
        super().__init__(summary, code=code)
        self.until = until


class ChannelRefused(ChannelError):
    """WeChat said no: repeating the same call is useless."""


class TokenExpired(ChannelRefused):
    """The access token is no longer good; one fresh token is worth one more try."""


class QuotaUsedUp(ChannelRefused):
    """The day's allowance of this call is used up; it works again at ``until``."""

    def __init__(self, summary: str, *, code: int | None = None, until: datetime) -> None:
        super().__init__(summary, code=code)
        self.until = until


class MerchantMustAct(ChannelRefused):
    """Only the merchant can change it: secret, rights, address list, authorisation."""


class AuthorisationLost(MerchantMustAct):
    """The account no longer lets us act: the authorisation was withdrawn or its token is dead."""


class WrongWorld(ChannelRefused):
    """An app id of the sandbox against the real hosts, or the other way round."""


def advice_for(code: int | None) -> Text:
    """What the shop can do about a platform code; None stands for no answer at all."""
    return code_of(code).advice


class AccountTaken(DomainError):
    code = "E_ACCOUNT_TAKEN"
    status = 409
    text = _("This official account is connected elsewhere. Disconnect it there first.")


class AuthorisedElsewhere(DomainError):
    code = "E_AUTHORISED_ELSEWHERE"
    status = 409
    text = _(
        "%(name)s is in use at %(where)s. Have it disconnected there, or ask whoever serves both "
        "shops to move it here."
    )

    def __init__(self, held: ChannelAccount) -> None:
        place = held.merchant or held.operator
        where = f"{place.name[:1]}***" if place else str(_("the platform"))
        super().__init__(name=held.name, where=where)
        self.held = held


class MoveOver(DomainError):
    code = "E_MOVE_OVER"
    status = 409
    text = _("This was decided meanwhile, or the account is no longer in use there.")


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


class PageForeign(DomainError):
    code = "E_PAGE_FOREIGN"
    status = 422
    text = _("Only pages of this site are signed for WeChat.")


class NoMiniProgram(DomainError):
    code = "E_NO_MINI_PROGRAM"
    status = 409
    text = _("No mini program is connected that serves this shop.")


class MiniCodeSpent(DomainError):
    code = "E_MINI_CODE"
    status = 422
    text = _("This code is wrong, used or older than five minutes. Ask WeChat for a new one.")


class MiniPersonBlocked(DomainError):
    code = "E_MINI_BLOCKED"
    status = 403
    text = _("WeChat does not let this person sign in.")


class ApiBody(DomainError):
    code = "E_API_BODY"
    status = 422
    text = _("The body must be JSON with the text “%(field)s”.")


class SceneUnknown(DomainError):
    code = "E_SCENE_UNKNOWN"
    status = 404
    text = _("Nobody knows this code. Scan it again.")


class NoComponent(DomainError):
    code = "E_NO_COMPONENT"
    status = 409
    text = _("Authorising by scanning is not set up here. Connect by app id and secret instead.")


class AuthorisationUnknown(DomainError):
    code = "E_AUTHORISATION_UNKNOWN"
    status = 404
    text = _("This authorisation was not begun by you. Begin it anew on the page of the account.")


class AuthorisationOver(DomainError):
    code = "E_AUTHORISATION_OVER"
    status = 410
    text = _("WeChat's page was open for too long or was left without an answer. Begin anew.")


class OtherAccountAuthorised(DomainError):
    code = "E_OTHER_ACCOUNT"
    status = 409
    text = _("Another account was authorised than the one to renew. Scan with its administrator.")


class WrongKindAuthorised(DomainError):
    code = "E_WRONG_KIND"
    status = 409
    text = _("An official account is asked for here, or a mini program: the other one was chosen.")


class MenuOverwritten(DomainError):
    code = "E_MENU_OVERWRITTEN"
    status = 409
    text = _("Somebody else has saved the menu meanwhile. Your changes are still on this page.")


class MenuEmpty(DomainError):
    code = "E_MENU_EMPTY"
    status = 409
    text = _("There is no menu yet. Add a button first.")


class NoMenuDefaults(DomainError):
    code = "E_NO_MENU_DEFAULTS"
    status = 409
    text = _("No product offers a page for this account.")


class MenuFaulty(DomainError):
    """Rows stand against publishing; the page marks them."""

    code = "E_MENU_FAULTY"
    status = 422
    text = _("Nothing was published: the marked rows are not right yet.")

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(rows=len(problems))
        self.problems = problems


class NoAudience(DomainError):
    code = "E_NO_AUDIENCE"
    status = 422
    text = _("Say whom this menu is for: choose a label, a kind of phone, or both.")


class LabelGone(DomainError):
    code = "E_LABEL_GONE"
    status = 409
    text = _("The account has no such label of followers any more. Choose another one.")


class LabelNameTaken(DomainError):
    code = "E_LABEL_NAME"
    status = 409
    text = _("WeChat has a label of this name already. Choose another name.")


class LabelsFull(DomainError):
    code = "E_LABELS_FULL"
    status = 409
    text = _("An account has at most 100 labels. Delete one that is no longer needed.")


class LabelUsed(DomainError):
    code = "E_LABEL_USED"
    status = 409
    text = _("The menu “%(menu)s” is for this label. Give the menu another one first.")


class NoMenuForAll(DomainError):
    code = "E_NO_MENU_FOR_ALL"
    status = 409
    text = _("Publish the menu for everybody first: WeChat wants one before any other.")


class ConditionalFull(DomainError):
    code = "E_CONDITIONAL_FULL"
    status = 409
    text = _("An account has at most 50 menus for some followers. Take one away first.")


class ReplyThere(DomainError):
    code = "E_REPLY_THERE"
    status = 409
    text = _("There is one already: change it instead.")


class TooManyReplies(DomainError):
    code = "E_REPLIES_FULL"
    status = 409
    text = _("An account holds at most 200 rules. Delete one you do not need.")


class CodesFull(DomainError):
    code = "E_CODES_FULL"
    status = 409
    text = _("This account has used up its 100,000 permanent codes. Make a temporary one.")


class TemplatesFull(DomainError):
    code = "E_TEMPLATES_FULL"
    status = 409
    text = _("WeChat allows 25 templates. Take one away before you add another.")


class NotPermitted(DomainError):
    code = "E_NOT_PERMITTED"
    status = 409
    text = _("This person allows no such message now. It must be allowed in WeChat once more.")


class TemplateUnknown(DomainError):
    code = "E_TEMPLATE_UNKNOWN"
    status = 422
    text = _("The account has no template with this id. Copy it again from its list.")


class TemplateUnmapped(DomainError):
    code = "E_TEMPLATE_UNMAPPED"
    status = 422
    text = _("Say for every place of the template what stands there.")

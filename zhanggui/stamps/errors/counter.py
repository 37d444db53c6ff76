"""What is refused at the counter: a card, a code, a cancel, a case.

Source: stamps specification D24-D46.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class AmountRefused(DomainError):
    """More stamps for one code than the programme allows (D24)."""

    code = "E_AMOUNT"
    status = 422
    text = _("One code gives 1 to %(most)s stamps here. Choose a number in between.")


class ReasonMissing(DomainError):
    """More than one stamp, or a cancel in the back office, without a reason."""

    code = "E_REASON"
    status = 422
    text = _("Write the reason in a few words; it stays with the entry.")


class FormBroken(DomainError):
    """A field of the confirmation is no number; only a changed page sends that."""

    code = "E_FORM"
    status = 422
    text = _("Part of this form got lost. Type the code again; nothing was changed.")


class CardFull(DomainError):
    """The stamps do not fit on the card (D27)."""

    code = "E_CARD_FULL"
    status = 409
    text = _(
        "The card has %(balance)s of %(slots)s stamps; there is no room for this."
        " Let the customer use the reward first."
    )


class CardState(DomainError):
    """Programme paused, card or customer blocked, store closed, shop frozen (D28)."""

    code = "E_CARD_STATE"
    status = 409
    text = _(
        "This card takes no stamps at the moment: the programme is paused, the card is blocked,"
        " the store is closed or the shop is frozen. Nothing was changed; ask the shop's office."
    )


class TooFast(DomainError):
    """Too short a time after the last stamp on the card (D25)."""

    code = "E_VELOCITY"
    status = 429
    text = _("This card was stamped a moment ago. Wait %(seconds)s seconds, then confirm again.")


class StampedJustNow(DomainError):
    """A stamp came another way within 30 s, and nobody has said that this is another one (D26)."""

    code = "E_AGAIN"
    status = 409
    text = _(
        "This card was stamped %(ago)s seconds ago (%(way)s). Once more is only for another"
        " purchase: say so, then it counts."
    )


class WayOff(DomainError):
    """The programme takes no stamps this way (7.7, feature 9)."""

    code = "E_WAY_OFF"
    status = 409
    text = _("This card takes no stamps this way (%(way)s). Use one of the ways shown on the card.")


class ScanOff(WayOff):
    """Scanned, but codes are typed in here."""

    text = _("Codes of this card are not scanned. Type in its six digits.")


class CodesOff(WayOff):
    """The programme gives no codes at all."""

    text = _("This card is not stamped by code. Let the staff press the stamp on it.")


class OtherCode(DomainError):
    """The code is no card's: another module does what it stands for (R14)."""

    code = "E_CODE_OTHER"
    status = 409
    text = _("This code is not for a stamp. Type it in at the desk: the preview says what it is.")


class TooWeak(DomainError):
    """The stamp would win a reward that needs a surer way (feature 9)."""

    code = "E_ASSURANCE"
    status = 409
    text = _("This stamp wins “%(reward)s”. For a reward of this value the shop wants: %(ways)s.")


class TooValuable(DomainError):
    """The stamp would win more than one card may win in a day (section 8)."""

    code = "E_REWARD_VALUE"
    status = 409
    text = _(
        "With this stamp the card would win rewards worth more than %(most)s today, the most that"
        " the shop allows. The office can give it by hand; a second person approves it."
    )


class UndoOver(DomainError):
    """Only the last ten minutes of one's own can be undone at the counter (feature 3)."""

    code = "E_UNDO_STAMP"
    status = 409
    text = _(
        "Only stamps that you gave in the last ten minutes can be undone here. For an older one"
        " the customer takes a code to cancel."
    )


class TooManyToday(TooFast):
    """The card has all the stamps it may get in a day (D25)."""

    text = _(
        "A card takes %(most)s stamps a day here, and this one has %(today)s already."
        " It can be stamped again tomorrow."
    )


class TooManyOperations(TooFast):
    """The manager has confirmed all the codes that one person may in a day (D25)."""

    text = _(
        "You have confirmed %(most)s codes today, which is the limit for one person."
        " Let a colleague go on, or ask the office to raise it."
    )


class OwnCard(DomainError):
    """A manager stamps the own card (D37)."""

    code = "E_SELF"
    status = 403
    text = _("This is your own card. Let a colleague stamp it; nothing was changed.")


class RewardUsed(DomainError):
    """The cancel would take a reward that was used already (D32)."""

    code = "E_REWARD_USED"
    status = 409
    text = _(
        "With this stamp the customer won “%(reward)s”, which was used already."
        " Only the shop's office can cancel it now."
    )


class RewardUsedOffice(RewardUsed):
    """The office may do it all the same, and says so (D32)."""

    text = _(
        "With this stamp the customer won “%(reward)s”, which was used already. Tick the box to"
        " cancel all the same: the card then owes the stamps, and the next ones pay them."
    )


class RewardWithdrawn(DomainError):
    """Its stamp was cancelled before it was handed over."""

    code = "E_REWARD_WITHDRAWN"
    status = 409
    text = _("“%(reward)s” was withdrawn with its stamp. Do not hand it out.")


class NothingToCancel(DomainError):
    """No stamp of this card at this store that a manager may still take back (D29)."""

    code = "E_NOTHING_TO_CANCEL"
    status = 409
    text = _("There is no stamp of this store on the card that could be cancelled.")


class AlreadyCancelled(NothingToCancel):
    """This very stamp was taken back before."""

    code = "E_NOTHING_TO_CANCEL"
    text = _("This stamp was already cancelled. A cancelled stamp cannot be cancelled again.")


class StampsGone(DomainError):
    """What a cancel would take has left the card by another way; only the office may go below 0."""

    code = "E_STAMPS_GONE"
    status = 409
    text = _(
        "These stamps are no longer on the card: they expired, were moved or taken off by hand."
        " There is nothing left to cancel."
    )


class CancelWindow(DomainError):
    """Too late: 24 hours for a manager, 15 days for the office (D30)."""

    code = "E_CANCEL_WINDOW"
    status = 409
    text = _(
        "This stamp is older than %(hours)s hours and can no longer be cancelled here."
        " The shop's office can do it within 15 days."
    )


class CancelWindowOffice(CancelWindow):
    """Too late for the office, too."""

    text = _("This stamp is older than 15 days and can no longer be cancelled.")


class ReportTooLate(DomainError):
    """A stamp can be disputed for a while only (D46)."""

    code = "E_REPORT_TOO_LATE"
    status = 410
    text = _("This happened more than %(days)s days ago. Please ask the shop itself.")


class CaseSettled(DomainError):
    """Two people looked at one case (D46)."""

    code = "E_CASE_SETTLED"
    status = 409
    text = _("A colleague has settled this case meanwhile. Load the page again.")

"""What stamps refuse: code, status, text; the refusals of codes themselves stand in ``codes``.

Source: stamps specification D01-D33.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.codes.errors import (
    Busy,
    CodeExpired,
    CodeFormat,
    CodeHeld,
    CodeInvalid,
    CodeRevoked,
    CodeUsed,
    Locked,
    TooManyCodes,
    WrongStore,
)
from zhanggui.core.errors import DomainError

__all__ = [
    "AdjustmentDecided",
    "AdjustmentTooFar",
    "AlreadyCancelled",
    "AmountRefused",
    "BoundElsewhere",
    "Busy",
    "CancelWindow",
    "CardFull",
    "CardNotOver",
    "CardState",
    "CodeExpired",
    "CodeFormat",
    "CodeHeld",
    "CodeInvalid",
    "CodeRevoked",
    "CodeUsed",
    "FormBroken",
    "InvitationClosed",
    "InvitationExpired",
    "InvitationLimit",
    "InvitationPending",
    "InvitationRevoked",
    "InvitationUsed",
    "LastManager",
    "Locked",
    "ManagerLimit",
    "NoStaffAccount",
    "NotManager",
    "NothingToCancel",
    "OwnCard",
    "ProgrammeNameTaken",
    "ProgrammeOver",
    "ReasonMissing",
    "RewardUsed",
    "RewardsWrong",
    "SecondPerson",
    "TooFast",
    "TooManyCodes",
    "TooManyOperations",
    "TooManyToday",
    "WrongStore",
]


class NotManager(DomainError):
    """The person has no active binding (any more)."""

    code = "E_NOT_MANAGER"
    status = 403
    text = _(
        "You are not a manager of a store (any more). Nothing was changed."
        " Ask the shop for a new QR code if you should be."
    )


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


class NothingToCancel(DomainError):
    """No stamp of this card at this store that a manager may still take back (D29)."""

    code = "E_NOTHING_TO_CANCEL"
    status = 409
    text = _("There is no stamp of this store on the card that could be cancelled.")


class AlreadyCancelled(NothingToCancel):
    """This very stamp was taken back before."""

    code = "E_NOTHING_TO_CANCEL"
    text = _("This stamp was already cancelled. A cancelled stamp cannot be cancelled again.")


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


class InvitationUsed(DomainError):
    """The QR code was used up (D02, D07)."""

    code = "E_QR_USED"
    status = 409
    text = _("This QR code was already used. Ask the shop for a new one.")


class InvitationPending(DomainError):
    """Scanned late: an admin must approve (D03)."""

    code = "E_QR_PENDING"
    status = 409
    text = _(
        "This QR code was made more than 30 minutes ago, so the shop must approve you first."
        " You will be told here."
    )


class InvitationRevoked(DomainError):
    """The admin withdrew the QR code (D04)."""

    code = "E_QR_REVOKED"
    status = 410
    text = _("The shop has withdrawn this QR code. Ask for a new one.")


class InvitationExpired(DomainError):
    """Older than 24 hours (R02)."""

    code = "E_QR_EXPIRED"
    status = 410
    text = _("This QR code was valid for 24 hours and has expired. Ask the shop for a new one.")


class InvitationClosed(DomainError):
    """The request to become a manager was already decided."""

    code = "E_QR_DECIDED"
    status = 409
    text = _("This request was already decided. Load the page again to see the outcome.")


class InvitationLimit(DomainError):
    """Five QR codes of a store are waiting already (D04)."""

    code = "E_QR_LIMIT"
    status = 409
    text = _("This store already has %(most)s open QR codes. Revoke one of them first.")


class BoundElsewhere(DomainError):
    """The scanner manages another store already (R05, D05)."""

    code = "E_BOUND_ELSEWHERE"
    status = 409
    text = _(
        "Your WeChat already manages %(store)s. One WeChat works for one store:"
        " leave that one on its manager page first, then scan again."
    )


class ManagerLimit(DomainError):
    """The store has all the managers it may have (D01)."""

    code = "E_MANAGER_LIMIT"
    status = 409
    text = _("This store already has %(most)s managers. Remove one of them first.")


class LastManager(DomainError):
    """The last manager goes only after a second confirmation (D09)."""

    code = "E_LAST_MANAGER"
    status = 409
    text = _(
        "This is the last manager: afterwards nobody can confirm codes at this store."
        " Tick the box to say that you know it, then remove again."
    )


class NoStaffAccount(DomainError):
    """The platform has no official account yet, so nobody could scan."""

    code = "E_NO_STAFF_ACCOUNT"
    status = 409
    text = _("The platform's official account is not connected yet. Ask the platform to do it.")


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


class ProgrammeOver(DomainError):
    """The programme was ended; that is for good."""

    code = "E_PROGRAMME_ENDED"
    status = 409
    text = _("This programme was ended for good. Copy it to begin a new one.")


class RewardsWrong(DomainError):
    """Two rewards at one place, or one behind the last place."""

    code = "E_PROGRAMME_REWARDS"
    status = 422
    text = _("Each reward has a place of its own, before the last stamp of the card.")


class CardNotOver(DomainError):
    """A new round begins only on a card that has expired."""

    code = "E_CARD_NOT_OVER"
    status = 409
    text = _("This card is still valid. Load the page again to see it.")


class AdjustmentTooFar(DomainError):
    """An adjustment would take stamps that are not there or were spent on a reward (D38)."""

    code = "E_ADJUST_BELOW"
    status = 409
    text = _("Only %(most)s stamps can be taken off this card; a reward was given for the others.")


class AdjustmentDecided(DomainError):
    """Two people decided about one adjustment."""

    code = "E_ADJUST_DECIDED"
    status = 409
    text = _("This adjustment was decided meanwhile. Load the page again to see the outcome.")


class SecondPerson(DomainError):
    """Who asked for an adjustment does not approve it (D38)."""

    code = "E_SECOND_PERSON"
    status = 403
    text = _("You asked for this yourself. Somebody else with the right must approve it.")


class ProgrammeNameTaken(DomainError):
    """Two programmes of a merchant have different names."""

    code = "E_PROGRAMME_NAME"
    status = 409
    text = _("There is already a programme of this name. Choose another one.")


class PointsFew(DomainError):
    """Fewer than five contacts (7.3)."""

    code = "E_POINTS_FEW"
    status = 422
    text = _(
        "The phone felt %(n)s of 5 points. Lay the stamp flat on the card and press it evenly;"
        " take fingers off the screen."
    )


class PointsMany(DomainError):
    """More than six contacts (7.3)."""

    code = "E_POINTS_MANY"
    status = 422
    text = _("The phone felt more than a stamp. Touch with the stamp only, fingers off the screen.")


class PointsBad(DomainError):
    """Contacts that no stamp makes (7.3)."""

    code = "E_POINTS_BAD"
    status = 422
    text = _("The touch was not clear. Wipe the screen, then press the stamp once more.")


class PressTime(DomainError):
    """Not together, too short, moved, or held too long (7.3)."""

    code = "E_PRESS_TIME"
    status = 422
    text = _("Press straight down, hold for half a second without moving, then lift.")


class StampUnknown(DomainError):
    """No stamp of the stores of this card (7.3)."""

    code = "E_STAMP_UNKNOWN"
    status = 422
    text = _("This was not a stamp of this card’s stores. Press again, or use a code.")


class ScaleOff(DomainError):
    """The right shape in a wrong size (7.3)."""

    code = "E_SCALE"
    status = 422
    text = _("The size does not fit. Press again without zooming the page, or use a code.")


class Ambiguous(DomainError):
    """Two stamps fit about as well (7.3)."""

    code = "E_AMBIGUOUS"
    status = 422
    text = _("The press fits more than one stamp. Press again, flat and without turning.")


class NonceUsed(DomainError):
    """One press for one permission (7.3)."""

    code = "E_NONCE_USED"
    status = 409
    text = _("This press was already counted. Look at the card; press again for another one.")


class NonceOver(DomainError):
    """The permission to press is for another card or older than two minutes (7.3)."""

    code = "E_NONCE_OVER"
    status = 410
    text = _("The page was open too long. Press once more.")


class Replayed(DomainError):
    """The same coordinates came before (7.7)."""

    code = "E_REPLAY"
    status = 409
    text = _("This press cannot be taken. Press once more, or use a code.")


class SealNotInUse(DomainError):
    """A suspended, retired or lost stamp (5.5)."""

    code = "E_STAMP_STATE"
    status = 409
    text = _("This stamp is not in use. Ask the store, or use a code.")


class PressOff(DomainError):
    """The programme or the store takes no presses."""

    code = "E_PRESS_OFF"
    status = 409
    text = _("This card is stamped by code. Tap the small stamp for one.")


class SealNameTaken(DomainError):
    """Two physical stamps of a merchant have different names."""

    code = "E_SEAL_NAME"
    status = 409
    text = _("There is already a stamp of this name. Choose another one.")


class SealStep(DomainError):
    """The stamp's state does not allow it (5.5)."""

    code = "E_SEAL_STATE"
    status = 409
    text = _("The stamp is in another state now. Load the page again.")


class SealTooAlike(DomainError):
    """The pattern could be taken for another stamp's (7.4)."""

    code = "E_SEAL_ALIKE"
    status = 409
    text = _(
        "This pattern is too much like that of %(name)s: %(distance)s mm apart, at least 2 mm are"
        " needed. Let a new one be made."
    )


class SealUnfit(DomainError):
    """A pattern that no phone could read safely (7.4)."""

    code = "E_SEAL_PATTERN"
    status = 422
    text = _(
        "This is no usable pattern. It needs five points in millimetres within 20 mm of the"
        " middle, 9 mm apart, and it must not look like itself turned or mirrored."
    )


class NoPattern(DomainError):
    """The merchant's patterns leave no room for another one (7.4)."""

    code = "E_SEAL_ROOM"
    status = 409
    text = _("No new pattern was found that is unlike all others. Try again.")


class EnrolmentOver(DomainError):
    """The link to the phone is old, or the stamp was enrolled meanwhile."""

    code = "E_ENROLMENT_OVER"
    status = 410
    text = _("This page is for enrolling a stamp and is over. Scan the code on the computer again.")

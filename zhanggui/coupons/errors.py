"""Why a coupon is not issued or not taken; each reason has its own code.

Source: stamps specification 5.4, D34-D36.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class CouponNotFound(DomainError):
    code = "E_COUPON_NOT_FOUND"
    status = 404
    text = _("There is no such coupon.")


class NotStarted(DomainError):
    code = "E_COUPON_NOT_STARTED"
    status = 409
    text = _("This coupon can be used from %(day)s on.")


class CouponExpired(DomainError):
    code = "E_COUPON_EXPIRED"
    status = 410
    text = _("This coupon has expired. It can no longer be redeemed.")


class CouponUsed(DomainError):
    code = "E_COUPON_USED"
    status = 409
    text = _("This coupon has been used already.")


class CouponHeld(DomainError):
    code = "E_COUPON_HELD"
    status = 409
    text = _(
        "This coupon is being redeemed somewhere else. It is free again in %(seconds)s seconds."
    )


class CouponFrozen(DomainError):
    code = "E_COUPON_FROZEN"
    status = 409
    text = _("The shop has frozen this coupon. Ask the shop what is the matter.")


class CouponVoided(DomainError):
    code = "E_COUPON_VOIDED"
    status = 410
    text = _("The shop has voided this coupon.")


class NotOwner(DomainError):
    code = "E_COUPON_NOT_OWNER"
    status = 403
    text = _("This coupon belongs to another customer.")


class CouponWrongStore(DomainError):
    code = "E_COUPON_WRONG_STORE"
    status = 409
    text = _("This coupon is not valid at this store. It stays usable at its own stores.")


class LimitTotal(DomainError):
    code = "E_COUPON_LIMIT_TOTAL"
    status = 409
    text = _("All coupons of this kind have been given out.")


class LimitPerson(DomainError):
    code = "E_COUPON_LIMIT_PERSON"
    status = 409
    text = _("One person gets at most %(most)s of these coupons.")


class ConditionUnmet(DomainError):
    code = "E_COUPON_CONDITION"
    status = 409
    text = _("The conditions of this coupon are not met: %(condition)s.")


class TemplatePaused(DomainError):
    code = "E_COUPON_PROGRAMME_PAUSED"
    status = 409
    text = _("The shop has put these coupons on hold.")


class TemplateStopped(DomainError):
    code = "E_COUPON_STOPPED"
    status = 409
    text = _("These coupons are no longer given out.")


class TemplateEnded(DomainError):
    code = "E_COUPON_ENDED"
    status = 410
    text = _("The time of these coupons is over; a new one could not be used any more.")


class TemplateNameTaken(DomainError):
    code = "E_COUPON_NAME"
    status = 409
    text = _("Another coupon has this name. Choose a name that staff can tell apart.")


class StockTooSmall(DomainError):
    code = "E_COUPON_STOCK"
    status = 409
    text = _("%(issued)s of these coupons are out already; the number cannot be smaller.")


class UndoWindow(DomainError):
    code = "E_UNDO_WINDOW"
    status = 409
    text = _(
        "A redemption can be undone for %(minutes)s minutes by a store manager and for %(days)s"
        " days by the office."
    )


class AlreadyUndone(DomainError):
    code = "E_COUPON_UNDONE"
    status = 409
    text = _("This redemption was undone already.")


class CouponReasonMissing(DomainError):
    code = "E_COUPON_REASON"
    status = 422
    text = _("Say why; the reason stays with the coupon.")


class NotTransferable(DomainError):
    code = "E_COUPON_NOT_TRANSFERABLE"
    status = 409
    text = _("This coupon cannot be handed on.")


class GiftOver(DomainError):
    code = "E_COUPON_GIFT_OVER"
    status = 410
    text = _("This gift is no longer there: it was taken, kept after all, or 24 hours are over.")


class HandedOn(DomainError):
    code = "E_COUPON_HANDED_ON"
    status = 409
    text = _("You have had this coupon and handed it on. Each person gets one here.")


class LinkOver(DomainError):
    code = "E_COUPON_LINK_OVER"
    status = 410
    text = _("No coupons are given out here any more.")


class ReportTooLate(DomainError):
    code = "E_COUPON_REPORT_TOO_LATE"
    status = 410
    text = _("This was more than %(days)s days ago. Please talk to the shop.")


class OrderMissing(DomainError):
    code = "E_COUPON_ORDER"
    status = 422
    text = _("This coupon asks for a smallest bill: say what the bill comes to, by “order_fen”.")

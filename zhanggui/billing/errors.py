"""What billing refuses.

code -> status: see each class; the texts are what the person reads.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class NoPlan(DomainError):
    code = "E_NO_PLAN"
    status = 409
    text = _("This shop has no plan, so there is nothing to renew. Everything is switched on.")


class NotOnSale(DomainError):
    code = "E_NOT_ON_SALE"
    status = 409
    text = _("This edition or period is not sold now. Load the page again and choose another one.")


class UpgradeFirst(DomainError):
    code = "E_UPGRADE_FIRST"
    status = 409
    text = _("A bigger edition begins at once, by an upgrade. After that it can be renewed.")


class NoUpgrade(DomainError):
    code = "E_NO_UPGRADE"
    status = 409
    text = _("Only a running plan can be upgraded, and only to a bigger edition.")


class DowngradePlanned(DomainError):
    code = "E_DOWNGRADE_PLANNED"
    status = 409
    text = _(
        "A smaller edition already follows. Renew that one, or upgrade to stay with the bigger one."
    )


class OrderWaits(DomainError):
    code = "E_ORDER_WAITS"
    status = 409
    text = _("Order %(number)s still waits for its payment. Pay or cancel it first.")


class OrderMoved(DomainError):
    code = "E_ORDER_MOVED"
    status = 409
    text = _("This order has changed in the meantime. Load the page again to see how it stands.")


class OrderClosing(DomainError):
    code = "E_ORDER_CLOSING"
    status = 409
    text = _("The payment is being closed at WeChat Pay. Try again in a moment.")


class OrderLapsed(DomainError):
    code = "E_ORDER_LAPSED"
    status = 410
    text = _("The 30 minutes to pay this order are over. Nothing was charged; order again.")


class PackGone(DomainError):
    code = "E_PACK_GONE"
    status = 409
    text = _("This pack is not sold now. Load the page again and choose another one.")


class PlanMoved(DomainError):
    code = "E_PLAN_MOVED"
    status = 409
    text = _(
        "The plan has changed since this upgrade was ordered, and it costs more now. Send the "
        "transfer back with a reason; the shop orders again."
    )


class TransferWaits(DomainError):
    code = "E_TRANSFER_WAITS"
    status = 409
    text = _("A proof of this order is being checked already. You are told when it is decided.")


class AmountDiffers(DomainError):
    code = "E_AMOUNT_DIFFERS"
    status = 422
    text = _("The order asks for %(wanted)s to be transferred. Enter what was really sent.")


class NotRefundable(DomainError):
    code = "E_NOT_REFUNDABLE"
    status = 409
    text = _("Only the latest change of a plan can be taken back, and only if it was paid.")


class ReasonMissing(DomainError):
    code = "E_REASON_MISSING"
    status = 422
    text = _("Say why in a few words; the shop reads it.")


class PriceOutOfRange(DomainError):
    code = "E_PRICE_RANGE"
    status = 422
    text = _("The platform allows %(least)s to %(most)s here.")


class EditionChanged(DomainError):
    code = "E_EDITION_CHANGED"
    status = 409
    text = _("Somebody else changed the editions in the meantime. Look again, then change them.")

"""What managers and their invitations refuse.

Source: stamps specification D01-D11.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class NotManager(DomainError):
    """The person has no active binding (any more)."""

    code = "E_NOT_MANAGER"
    status = 403
    text = _(
        "You are not a manager of a store (any more). Nothing was changed."
        " Ask the shop for a new QR code if you should be."
    )


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


class SignInAgain(DomainError):
    """What was done is undone only by who has just shown to be there (section 8)."""

    code = "E_SIGN_IN_AGAIN"
    status = 403
    text = _(
        "You signed in more than %(minutes)s minutes ago. Confirm in WeChat that it is you, then"
        " undo once more."
    )
    to_sign_in = ""
    """Where WeChat confirms it; set by the guard."""

"""What the ledger refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class NotBalanced(ValueError):
    """Amounts that do not sum to zero: a bug, never a person's mistake."""


class AlreadyBooked(DomainError):
    """What the transaction refers to was booked before."""

    code = "E_ALREADY_BOOKED"
    status = 409
    text = _("This was already booked. Load the page again to see it.")


class AlreadyReversed(DomainError):
    """A transaction is taken back once."""

    code = "E_ALREADY_REVERSED"
    status = 409
    text = _("This entry was already cancelled. Load the page again to see it.")


class ReversalOfReversal(DomainError):
    """What was taken back is not taken back again (D33)."""

    code = "E_REVERSAL"
    status = 409
    text = _("A cancel cannot be cancelled. Give the stamp again instead.")


class NotEnough(DomainError):
    """Neither money nor segments go below zero (U-44)."""

    code = "E_NOT_ENOUGH"
    status = 409
    text = _("The balance is not enough for this. Nothing was taken from it.")


class NothingSealed(DomainError):
    """A proof needs something that was sealed."""

    code = "E_NOTHING_SEALED"
    status = 409
    text = _("No booking is sealed yet. The first are sealed two minutes after they were made.")

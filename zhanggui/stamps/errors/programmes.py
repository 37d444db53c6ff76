"""What programmes and changes by hand refuse.

Source: stamps specification D27, D38.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


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


class WaysWrong(DomainError):
    """No way to stamp, or none that is sure enough for rewards of value."""

    code = "E_PROGRAMME_WAYS"
    status = 422
    text = _(
        "Choose at least one way to stamp, and for rewards of value at least one that this"
        " programme takes."
    )


class CardNotOver(DomainError):
    """A new round begins only on a card that has expired."""

    code = "E_CARD_NOT_OVER"
    status = 409
    text = _("This card is still valid. Load the page again to see it.")


class AdjustmentTooFar(DomainError):
    """An adjustment would take stamps that are not there or were spent on a reward (D38)."""

    code = "E_ADJUST_BELOW"
    status = 409
    text = _(
        "At most %(most)s stamps can be taken off this card now: none that are not there, and none"
        " for which a reward was given."
    )


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

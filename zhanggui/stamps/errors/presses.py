"""What a press and its physical stamp refuse.

Source: stamps specification 7.3, 7.4, 5.5.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


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


class StoreShut(DomainError):
    """Pressed outside the store's opening hours, in a shop that does not count that (7.7)."""

    code = "E_STORE_SHUT"
    status = 409
    text = _("The store is closed now, and its stamps do not count. Come back while it is open.")

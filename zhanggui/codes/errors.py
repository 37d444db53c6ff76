"""What a one-time code can be refused for: code, status, text.

Source: stamps specification D12-D23.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class CodeFormat(DomainError):
    """Not six digits; not counted as a try."""

    code = "E_CODE_FORMAT"
    status = 422
    text = _("A code has six digits. Ask the customer to read it out again.")


class CodeInvalid(DomainError):
    """No such code for this merchant; counted as a try."""

    code = "E_CODE_INVALID"
    status = 404
    text = _(
        "This code is not right. Compare it with the customer's phone and type it again;"
        " %(left)s wrong codes are left before a pause."
    )

    def __init__(self, *, left: int = 0) -> None:
        super().__init__(left=left)


class CodeExpired(DomainError):
    """It was right, but its time is over."""

    code = "E_CODE_EXPIRED"
    status = 410
    text = _("This code has expired. Ask the customer to tap for a new one and read it to you.")


class CodeUsed(DomainError):
    """Somebody confirmed it before; says who and when."""

    code = "E_CODE_USED"
    status = 409
    text = _(
        "%(manager)s already used this code at %(time)s."
        " If another stamp is due, ask the customer for a new code."
    )


class CodeRevoked(DomainError):
    """The customer withdrew it, or asked for a code of another kind."""

    code = "E_CODE_REVOKED"
    status = 410
    text = _(
        "The customer has withdrawn this code or taken a newer one."
        " Ask for the code that is on the phone now."
    )


class CodeHeld(DomainError):
    """Another manager looks at it right now."""

    code = "E_CODE_HELD"
    status = 409
    text = _(
        "Another manager is handling this code."
        " Leave it to them, or try again in %(seconds)s seconds."
    )


class WrongStore(DomainError):
    """A code of this merchant for other stores; it stays usable there."""

    code = "E_WRONG_STORE"
    status = 409
    text = _(
        "This card is not valid at this store. The code stays usable at the stores of the card."
    )


class Locked(DomainError):
    """Too many wrong tries of this person at this store."""

    code = "E_LOCKED"
    status = 429
    text = _(
        "Too many wrong codes. Typing codes is locked for you for a while; the codes of your"
        " customers stay as they are."
    )


class TooManyCodes(DomainError):
    """A customer asked for more than five new codes in ten minutes."""

    code = "E_TOO_MANY_CODES"
    status = 429
    text = _("You have asked for many codes. You can get the next one in %(seconds)s seconds.")


class Busy(DomainError):
    """So many codes of this merchant are live that a new one could be guessed."""

    code = "E_BUSY"
    status = 503
    text = _("Too many codes are in use at this moment. Try again in a minute.")

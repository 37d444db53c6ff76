"""What the API refuses by itself; products bring their own refusals."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class TokenMissing(DomainError):
    code = "E_TOKEN_MISSING"
    status = 401
    text = _("No token was sent. Send it with each call: “Authorization: Bearer <token>”.")


class TokenUnknown(DomainError):
    code = "E_TOKEN_UNKNOWN"
    status = 401
    text = _("Nobody knows this token. Compare it with the one that was shown when it was made.")


class TokenRevoked(DomainError):
    code = "E_TOKEN_REVOKED"
    status = 401
    text = _("The shop has revoked this token. Ask an owner of the shop for a new one.")


class TokenExpired(DomainError):
    code = "E_TOKEN_EXPIRED"
    status = 401
    text = _("The time of this token is over. Ask an owner of the shop for a new one.")


class ScopeMissing(DomainError):
    code = "E_SCOPE"
    status = 403
    text = _("This token may not do that: it lacks “%(scope)s”. An owner makes one that may.")


class TooManyCalls(DomainError):
    code = "E_RATE"
    status = 429
    text = _("Too many calls: %(most)s in a minute. Wait %(seconds)s seconds.")


class TooManyWrites(DomainError):
    code = "E_DAY_LIMIT"
    status = 429
    text = _(
        "This token has done all of today's %(most)s bookings. It goes on in %(seconds)s seconds;"
        " an owner can make one that may do more."
    )


class StoreUnknown(DomainError):
    code = "E_STORE"
    status = 404
    text = _("The shop has no such store, or this token may not be used there.")


class StoreMissing(DomainError):
    code = "E_STORE_MISSING"
    status = 422
    text = _("This token may be used in several stores: say in which, by “store”.")


class StoreShut(DomainError):
    code = "E_STORE_CLOSED"
    status = 409
    text = _("This store is closed in the back office: it takes no business.")


class KeyMissing(DomainError):
    code = "E_KEY_MISSING"
    status = 400
    text = _(
        "Every booking needs the header “Idempotency-Key”, 1 to 80 signs of your choice; the same"
        " key again gets the same answer."
    )


class BodyBroken(DomainError):
    code = "E_JSON"
    status = 400
    text = _("The body is not JSON.")


class BodyTooLong(DomainError):
    code = "E_BODY_LONG"
    status = 413
    text = _("The body is longer than %(most)s bytes.")


class InputWrong(DomainError):
    code = "E_INPUT"
    status = 422
    text = _("Something that was sent does not fit; “fields” says what and where.")


class MethodWrong(DomainError):
    code = "E_METHOD"
    status = 405
    text = _("This address does not know this method; “Allow” says which it knows.")


class CursorWrong(DomainError):
    code = "E_CURSOR"
    status = 422
    text = _("This cursor is damaged or of another list. Begin again without one.")


class OtherPurpose(DomainError):
    code = "E_CODE_PURPOSE"
    status = 409
    text = _(
        "This code is for something else: %(purpose)s. Nothing was done, the code stays usable."
    )


class NameTaken(DomainError):
    code = "E_TOKEN_NAME"
    status = 409
    text = _("Another token in use has this name. Choose one by which you find the till.")


class TokensFull(DomainError):
    code = "E_TOKENS_FULL"
    status = 409
    text = _("There are %(most)s tokens in use. Revoke one that nobody needs.")


class TokenOver(DomainError):
    code = "E_TOKEN_OVER"
    status = 409
    text = _("This token was revoked before.")

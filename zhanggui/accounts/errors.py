"""What accounts refuses.

code -> status: see each class; the texts are what the person reads.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class WrongSignIn(DomainError):
    code = "E_SIGN_IN"
    status = 403
    text = _("Phone number or password is not right. Check both and try again.")


class SignInLocked(DomainError):
    code = "E_SIGN_IN_LOCKED"
    status = 429
    text = _(
        "Too many wrong passwords. Sign-in is locked for %(minutes)s minutes to protect the "
        "account; then try again."
    )


class PlaceFrozen(DomainError):
    code = "E_FROZEN"
    status = 403
    text = _(
        "%(name)s is frozen: its people cannot sign in and no new business is taken. What "
        "customers hold stays theirs. Ask the operator or the platform."
    )


class PhoneFormat(DomainError):
    code = "E_PHONE_FORMAT"
    status = 422
    text = _("This is not a phone number. A mobile number has 11 digits, like 13800138000.")


class PhoneTaken(DomainError):
    code = "E_PHONE_TAKEN"
    status = 409
    text = _("This phone number already belongs to somebody who signs in here.")


class PasswordWeak(DomainError):
    code = "E_PASSWORD_WEAK"
    status = 422
    text = _("%(reason)s")


class PasswordWrong(DomainError):
    code = "E_PASSWORD_WRONG"
    status = 403
    text = _("The present password is not right. Nothing was changed.")


class AlreadyMember(DomainError):
    code = "E_ALREADY_MEMBER"
    status = 409
    text = _("This person is on the list already. Change the role there.")


class LastOwner(DomainError):
    code = "E_LAST_OWNER"
    status = 409
    text = _("One owner must stay. Make somebody else an owner first.")


class OwnMembership(DomainError):
    code = "E_OWN_MEMBERSHIP"
    status = 409
    text = _("You cannot change your own role. Ask another owner.")


class OwnerOnly(DomainError):
    code = "E_OWNER_ONLY"
    status = 403
    text = _("Only an owner can make, change or remove owners, or give more rights than you have.")


class NameTaken(DomainError):
    code = "E_NAME_TAKEN"
    status = 409
    text = _("There is another store with this name. Choose a name that tells them apart.")


class AddressTaken(DomainError):
    code = "E_ADDRESS_TAKEN"
    status = 409
    text = _("This short name is taken. Choose another one.")

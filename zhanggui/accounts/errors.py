"""What accounts refuses.

code -> status: see each class; the texts are what the person reads.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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

    @property
    def message(self) -> str:
        """The text, and the reason where one is told."""
        reason = self.details.get("reason")
        because = str(_("Reason: %(reason)s")) % {"reason": reason} if reason else ""
        return f"{super().message} {because}".rstrip()


class SecondFactorNeeded(DomainError):
    code = "E_SECOND_FACTOR_NEEDED"
    status = 403
    text = _("This place lets you in only with a second factor. Open the page again to give it.")


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
    text = _("Only an owner can make, change or remove owners. Ask one of them.")


class MoreThanOwn(DomainError):
    code = "E_MORE_THAN_OWN"
    status = 403
    text = _(
        "Nobody gives or takes rights they do not have themselves. You lack: %(rights)s. Ask an "
        "owner."
    )


class RoleEmpty(DomainError):
    code = "E_ROLE_EMPTY"
    status = 422
    text = _("A role needs at least one right. Tick what these people may do.")


class RoleNameTaken(DomainError):
    code = "E_ROLE_NAME_TAKEN"
    status = 409
    text = _("There is a role with this name already. Choose a name that tells them apart.")


class RoleInUse(DomainError):
    code = "E_ROLE_IN_USE"
    status = 409
    text = _(
        "%(people)s people have this role and %(invitations)s open invitations give it. Give them "
        "another role first."
    )


class InvitationUnknown(DomainError):
    code = "E_INVITATION_UNKNOWN"
    status = 404
    text = _("This invitation is not known here. Check that the link is complete.")


class InvitationExpired(DomainError):
    code = "E_INVITATION_EXPIRED"
    status = 410
    text = _("This invitation has expired. Ask %(name)s for a new link.")


class InvitationUsed(DomainError):
    code = "E_INVITATION_USED"
    status = 410
    text = _("This invitation has been used. Ask %(name)s for a new link.")


class InvitationRevoked(DomainError):
    code = "E_INVITATION_REVOKED"
    status = 410
    text = _("This invitation was taken back. Ask %(name)s for a new link.")


class InvitationVoid(DomainError):
    code = "E_INVITATION_VOID"
    status = 410
    text = _("%(name)s may no longer invite people for this role. Ask an owner for a new link.")


class InvitationSent(DomainError):
    code = "E_INVITATION_SENT"
    status = 409
    text = _(
        "This invitation exists already; its link was shown once. If it is lost, make a new link "
        "in the list."
    )


class SupportForbidden(DomainError):
    code = "E_SUPPORT_FORBIDDEN"
    status = 403
    text = _("%(name)s does not allow support access. Its owner can allow it in the settings.")


class SupportOver(DomainError):
    code = "E_SUPPORT_OVER"
    status = 403
    text = _(
        "Your support session at %(name)s is over. What you saved stays. Begin a new one with a "
        "reason if there is more to do."
    )


class NameTaken(DomainError):
    code = "E_NAME_TAKEN"
    status = 409
    text = _("There is another store with this name. Choose a name that tells them apart.")


class PlaceKnown(DomainError):
    code = "E_PLACE_KNOWN"
    status = 409
    text = _("Where this store is has been noted before. Only the back office changes it.")


class PlaceOdd(DomainError):
    code = "E_PLACE"
    status = 422
    text = _("The phone gave no place that could be used. Switch its location on and try again.")


class AddressTaken(DomainError):
    code = "E_ADDRESS_TAKEN"
    status = 409
    text = _("This short name is taken. Choose another one.")


class PlanReadOnly(DomainError):
    code = "E_READ_ONLY"
    status = 403
    text = _(
        "The plan of this shop has ended. Everything can be read and exported, but nothing "
        "changed. An owner renews it under My account; then all goes on at once."
    )
    way_label = pgettext_lazy("shop", "My account")


class PlanArchived(DomainError):
    code = "E_PLAN_ARCHIVED"
    status = 403
    text = _(
        "The plan of this shop ended long ago, so it is put away. An owner can still export its "
        "data or renew the plan under My account."
    )


class ShopPaused(DomainError):
    code = "E_SHOP_PAUSED"
    status = 403
    text = _(
        "%(name)s takes no new business at the moment. What you hold stays yours; ask the shop."
    )


class PlanLimit(DomainError):
    code = "E_PLAN_LIMIT"
    status = 409
    text = _(
        "The plan %(plan)s has room for %(most)s of these: %(what)s. Nothing was added. An owner "
        "can choose a bigger plan under My account."
    )


class PlaceArchived(PlaceFrozen):
    code = "E_ARCHIVED"
    status = 403
    text = _(
        "%(name)s was archived: its people cannot sign in and no new business is taken. What "
        "customers hold stays theirs. Ask the operator or the platform."
    )


class OperatorShut(DomainError):
    code = "E_OPERATOR_SHUT"
    status = 409
    text = _(
        "The operator %(name)s is frozen or archived, and its merchants with it. Unfreeze the "
        "operator, or transfer the merchant to another one."
    )


class OperatorHasMerchants(DomainError):
    code = "E_OPERATOR_HAS_MERCHANTS"
    status = 409
    text = _(
        "This operator still serves %(count)s merchants. Transfer or archive them first, then "
        "archive the operator."
    )


class ArchivedAlready(DomainError):
    code = "E_IS_ARCHIVED"
    status = 409
    text = _("%(name)s is archived. Restore it first.")


class WorksElsewhere(DomainError):
    code = "E_WORKS_ELSEWHERE"
    status = 409
    text = _(
        "%(name)s works at other places, too, so only the platform may give a new password. They "
        "can also use “Forgot password” themselves."
    )


class RegistrationClosed(DomainError):
    code = "E_REGISTRATION_CLOSED"
    status = 403
    text = _(
        "Registration is closed here at the moment. Ask whoever gave you this address to take "
        "your shop in."
    )


class AgreementChanged(DomainError):
    code = "E_AGREEMENT_CHANGED"
    status = 409
    text = _("The agreement has been changed. Read the new version and accept it, then go on.")


class AgreementEmpty(DomainError):
    code = "E_AGREEMENT_EMPTY"
    status = 422
    text = _("The agreement has no text. Write it first; nothing was published.")


class AppliedAlready(DomainError):
    code = "E_APPLIED_ALREADY"
    status = 409
    text = _("Your application waits already. You are told as soon as it is decided.")


class DecidedAlready(DomainError):
    code = "E_DECIDED_ALREADY"
    status = 409
    text = _("Somebody else has decided this application meanwhile. Nothing was changed.")


class PictureTooBig(DomainError):
    code = "E_PICTURE_BIG"
    status = 422
    text = _("This picture is too big. At most 5 MB and 40 million pixels.")


class PictureUnreadable(DomainError):
    code = "E_PICTURE_KIND"
    status = 422
    text = _("This is no picture that can be shown. Take a JPEG, PNG or WebP file.")


class SentTwice(DomainError):
    code = "E_SENT_TWICE"
    status = 409
    text = _(
        "This form was sent before, so nothing was taken in twice. You find the entry in the "
        "list; if you did not see its initial password, give a new one there."
    )


class ViewNameTaken(DomainError):
    code = "E_VIEW_NAME_TAKEN"
    status = 409
    text = _("You have a view of this name already.")


class TooManyViews(DomainError):
    code = "E_TOO_MANY_VIEWS"
    status = 409
    text = _("You can save 20 views of a list. Delete one first.")

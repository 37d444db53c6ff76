"""What this module refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.core.errors import DomainError


class PhoneTaken(DomainError):
    code = "E_CUSTOMER_PHONE_TAKEN"
    status = 409
    text = _("Another customer of this shop already has this phone number.")


class CustomerBlocked(DomainError):
    code = "E_CUSTOMER_BLOCKED"
    status = 403
    text = _("The shop has blocked this customer. Ask the shop's staff.")


class CustomerGone(DomainError):
    code = "E_CUSTOMER_GONE"
    status = 410
    text = _("The data of this customer were erased. Nothing can be added any more.")


class MergeSame(DomainError):
    code = "E_MERGE_SAME"
    status = 422
    text = _("This is the same customer twice. Choose another one.")


class MergeReplaced(DomainError):
    code = "E_MERGE_REPLACED"
    status = 409
    text = _("%(name)s was merged into another customer already. Open the list again.")


class MergeErasing(DomainError):
    code = "E_MERGE_ERASING"
    status = 409
    text = _("%(name)s waits to be erased. Withdraw that first, then merge.")


class MergeUndone(DomainError):
    code = "E_MERGE_UNDONE"
    status = 409
    text = _("This merge was taken back before.")


class MergeStuck(DomainError):
    code = "E_MERGE_STUCK"
    status = 409
    text = _("This merge can no longer be taken back: %(why)s")


class NothingToSplit(DomainError):
    code = "E_NOTHING_TO_SPLIT"
    status = 409
    text = _(
        "This is the only way the customer is known. Split off one of several identities, or add a"
        " phone number first."
    )


class ErasureUnconfirmed(DomainError):
    code = "E_ERASURE_UNCONFIRMED"
    status = 422
    text = _("Type the member number %(number)s to confirm.")


class ErasureWaiting(DomainError):
    code = "E_ERASURE_WAITING"
    status = 409
    text = _("This customer waits to be erased already.")


class ErasureEnded(DomainError):
    code = "E_ERASURE_ENDED"
    status = 409
    text = _("This request was already carried out or withdrawn.")


class WrongState(DomainError):
    code = "E_CUSTOMER_STATE"
    status = 409
    text = _("The customer's state has changed meanwhile. Look again before you go on.")


class TagUnknown(DomainError):
    code = "E_TAG_UNKNOWN"
    status = 404
    text = _("This tag does not exist any more. Open the page again.")


class TagNameTaken(DomainError):
    code = "E_TAG_NAME_TAKEN"
    status = 409
    text = _("A tag of this name exists already.")


class TooManyTags(DomainError):
    code = "E_TOO_MANY_TAGS"
    status = 409
    text = _("A shop can have 200 tags. Merge or delete some first.")


class SegmentNameTaken(DomainError):
    code = "E_SEGMENT_NAME_TAKEN"
    status = 409
    text = _("A segment of this name exists already.")


class ConditionWrong(DomainError):
    code = "E_CONDITION_WRONG"
    status = 422
    text = _("One of the conditions is incomplete or no longer possible.")


class NothingChosen(DomainError):
    code = "E_NOTHING_CHOSEN"
    status = 422
    text = _("Nobody is chosen. Tick customers in the list first.")


class TooManyChosen(DomainError):
    code = "E_TOO_MANY_CHOSEN"
    status = 409
    text = _("At most %(most)s customers can be changed at once. Narrow the list with filters.")


class UndoLate(DomainError):
    code = "E_UNDO_LATE"
    status = 410
    text = _("This can no longer be undone: it was undone already or is older than a day.")


class ImportCollided(DomainError):
    code = "E_IMPORT_COLLIDED"
    status = 409
    text = _("Somebody added the same customers at the same moment. Start the import again.")


class CustomerUnknown(DomainError):
    code = "E_CUSTOMER_UNKNOWN"
    status = 404
    text = _("The shop has no customer with this number.")


class WhoIsMeant(DomainError):
    code = "E_CUSTOMER_WHO"
    status = 422
    text = _("Say who or what is meant, in exactly one way.")

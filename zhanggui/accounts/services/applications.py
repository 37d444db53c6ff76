"""Applications: somebody wants to become a merchant of a place; approved or rejected once."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.errors import AgreementChanged, AppliedAlready, DecidedAlready
from zhanggui.accounts.models import (
    AgreementVersion,
    Application,
    ApplicationState,
    Merchant,
    Operator,
    Person,
)
from zhanggui.accounts.services import registration
from zhanggui.accounts.services.tiers import take_in_applicant
from zhanggui.core import clock, constraints


def apply_as_merchant(
    *,
    place: Operator | None,
    registered_name: str,
    person: Person,
    agreement_version: AgreementVersion | None,
    actor: Actor,
    trade: str = "",
) -> Application | Merchant:
    """Register a merchant by itself at an operator, or (None) at the platform.

    Where approval is needed the application waits; elsewhere the merchant begins at once, with
    the person as its owner. Either way a row keeps which agreement was accepted.

    Args:
        place: whose registration page it was.
        registered_name: the name in the register; only operator or platform change it later.
        person: who applies; their phone number was proved before.
        agreement_version: what they accepted; None only where there is no agreement.
        actor: the person with device and address.
        trade: what the shop does, free text.

    Raises:
        RegistrationClosed: nobody may register here now (E_REGISTRATION_CLOSED, 403).
        AgreementChanged: a newer version came into force (E_AGREEMENT_CHANGED, 409).
        AppliedAlready: an application of this person waits here (E_APPLIED_ALREADY, 409).
    """
    registration.refuse_closed(place)
    page = registration.registration_of(place)
    if page.agreement != agreement_version:
        raise AgreementChanged
    application = Application(
        operator=place,
        person=person,
        registered_name=registered_name,
        trade=trade,
        agreement=agreement_version,
        ip=actor.ip,
    )
    with transaction.atomic():
        constraints.insert(application, AppliedAlready)
        _record(application, "accounts.application.made", actor)
        if page.needs_approval:
            return application
        return _take_in(application, actor)


def approve_application(*, application: Application, actor: Actor) -> Merchant:
    """Take the applicant in as a merchant and tell them.

    Raises:
        DecidedAlready: somebody decided it meanwhile (E_DECIDED_ALREADY, 409).
        PlaceFrozen: the operator is frozen (E_FROZEN, 403).
    """
    with transaction.atomic():
        waiting = _lock(application)
        waiting.decided_by_id = actor.id
        merchant = _take_in(waiting, actor)
        _record(waiting, "accounts.application.approved", actor)
        hooks.notify_person(
            waiting.person,
            _("%(name)s was taken in. Sign in with your mobile number.")
            % {"name": waiting.registered_name},
        )
    return merchant


def reject_application(*, application: Application, reason: str, actor: Actor) -> None:
    """Turn an application down and tell the applicant why.

    Raises:
        DecidedAlready: somebody decided it meanwhile (E_DECIDED_ALREADY, 409).
    """
    with transaction.atomic():
        waiting = _lock(application)
        waiting.state = ApplicationState.REJECTED
        waiting.reason = reason
        waiting.decided_by_id = actor.id
        waiting.decided_at = clock.now()
        waiting.save(update_fields=["state", "reason", "decided_by_id", "decided_at"])
        _record(waiting, "accounts.application.rejected", actor)
        hooks.notify_person(
            waiting.person,
            _("%(name)s was not taken in: %(reason)s")
            % {"name": waiting.registered_name, "reason": reason},
        )


def _lock(application: Application) -> Application:
    # the row is held to the end, so that of two reviewers the second finds it decided
    rows = Application.objects.select_for_update(of=("self",)).select_related("operator", "person")
    waiting = rows.get(pk=application.pk)
    if waiting.state != ApplicationState.WAITING:
        raise DecidedAlready
    return waiting


def _take_in(application: Application, actor: Actor) -> Merchant:
    merchant = take_in_applicant(
        person=application.person,
        registered_name=application.registered_name,
        trade=application.trade,
        operator=application.operator,
        actor=actor,
    )
    application.merchant = merchant
    application.state = ApplicationState.APPROVED
    application.decided_at = clock.now()
    application.save(update_fields=["merchant", "state", "decided_by_id", "decided_at"])
    return merchant


def _record(application: Application, action: str, actor: Actor) -> None:
    details = {"reason": application.reason} if application.reason else None
    audit.record_platform(actor, action, f"application:{application.pk}", details=details)

"""What customers want: noted by themselves, by a link, by a reply, or by staff."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor, customer_actor
from zhanggui.contacts.models import Customer
from zhanggui.core import clock
from zhanggui.messaging.models import Consent, ConsentSource, Kind, Route


def note(
    *,
    customer: Customer,
    kind: Kind,
    route: Route,
    wants: bool,
    source: ConsentSource,
    actor: Actor | None = None,
    at: datetime | None = None,
) -> Consent:
    """Note what a customer wants; the newest word holds, a repeat changes nothing.

    Args:
        customer: of the merchant in scope.
        kind: of messages.
        route: by which they come.
        wants: yes or no.
        source: how we know.
        actor: who notes it; the customer without one.
        at: when it was said; now without one.
    """
    who = actor or customer_actor(customer.pk, customer.name)
    with transaction.atomic():
        known = Consent.objects.filter(customer=customer, kind=kind, route=route).first()
        if known is not None and known.wants is wants:
            return known
        row, _is_new = Consent.objects.update_or_create(
            customer=customer,
            kind=kind,
            route=route,
            defaults={
                "wants": wants,
                "source": source,
                "by_name": actor.name[:80] if actor else "",
                "at": at or clock.now(),
            },
        )
        audit.record(
            who,
            "messaging.consent.noted",
            f"customer:{customer.pk}",
            details={"kind": kind.value, "way": route.value, "source": source.value},
            before={"messaging.wants": known.wants if known else None},
            after={"messaging.wants": wants},
        )
    return row


def said(customer: Customer) -> dict[tuple[str, str], Consent]:
    """What a customer said, by kind and way."""
    rows = Consent.objects.filter(customer=customer)
    return {(row.kind, row.route): row for row in rows}

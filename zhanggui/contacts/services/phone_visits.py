"""Customers who sign in outside WeChat: by their phone number, proved by a code."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts.errors import PhoneTaken
from zhanggui.contacts.models import Customer, IdentityLink, LinkKind, LinkState, Source
from zhanggui.contacts.services.customers import create_customer
from zhanggui.contacts.services.holding import hold
from zhanggui.contacts.services.proving import holder_of
from zhanggui.core import clock, tenancy


def customer_of_phone(*, phone: str, actor: Actor) -> IdentityLink:
    """The link by which whoever has proved this number signs in at the merchant in scope.

    The customer who holds the number is found, or made on the first visit. The link belongs to
    the customer, not to the number: a number that went to somebody else leads there next time.

    Args:
        phone: E.164, proved a moment ago.
        actor: who causes this, usually the sign-in itself.

    Raises:
        CustomerGone: the person is being erased (410).
    """
    try:
        with transaction.atomic():
            return _linked(phone, actor)
    except (IntegrityError, PhoneTaken):  # the same first visit at the same moment
        with transaction.atomic():
            return _linked(phone, actor)


def _linked(phone: str, actor: Actor) -> IdentityLink:
    merchant_id = tenancy.current_merchant_id()
    customer_id = holder_of(phone, merchant_id)
    if customer_id is None:
        customer_id = create_customer(name="", phone=phone, source=Source.OTHER, actor=actor).pk
    customer_id = hold(customer_id)
    Customer.objects.filter(pk=customer_id, phone_verified_at=None).update(
        phone_verified_at=clock.now()
    )
    links = IdentityLink.objects.select_related("customer")
    openid = f"phone:{customer_id}"
    found = links.filter(account_id=0, openid=openid, state=LinkState.ACTIVE).first()
    if found is not None and found.customer_id == customer_id:
        return found
    link = IdentityLink(
        merchant_id=merchant_id,
        customer_id=customer_id,
        kind=LinkKind.PHONE,
        account_id=0,
        openid=openid,
        proof="phone",
    )
    link.save(force_insert=True)
    audit.record(
        actor, "contacts.link.created", f"customer:{customer_id}", details={"link": link.pk}
    )
    return link

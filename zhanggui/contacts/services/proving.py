"""A phone number that a channel has proved: it finds the person's customer (design 11.4)."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts import phones as phone_numbers
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import keys, phones
from zhanggui.contacts.errors import CustomerGone, PhoneTaken
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink, LinkState
from zhanggui.contacts.services.holding import take
from zhanggui.contacts.services.merging import merge_customers
from zhanggui.core import clock
from zhanggui.core.constraints import violated

GONE = (CustomerState.REPLACED, CustomerState.ERASED)
PHONE_COLUMNS = ("phone_sealed", "phone_hash", "phone_tail_hash", "phone_verified_at", "search")


def prove_phone(*, link: IdentityLink, phone: str, actor: Actor) -> int:
    """Keep that the person behind an identity has this number.

    Nobody has it: it becomes the customer's number. Another customer has it: both are one person,
    and the one who came with the identity goes into the one who holds the number. That one was
    known at the same account by another identity already: two people may share a number, so staff
    must decide.

    Args:
        link: the identity by which the person came.
        phone: any usual spelling.
        actor: who proves, usually the customer.

    Returns:
        The customer's id from now on.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        PhoneTaken: another identity of this account holds the number (409).
        CustomerGone: the person was erased (410).
    """
    number = phone_numbers.parse(phone)
    with transaction.atomic():
        mine = IdentityLink.objects.values_list("customer_id", flat=True).get(pk=link.pk)
        holder_id = holder_of(number, link.merchant_id)
        if holder_id is None or holder_id == mine:
            _put(mine, number)
        else:
            _refuse_shared(holder_id, link)
            merge_customers(survivor_id=holder_id, replaced_id=mine, actor=actor)
            Customer.objects.filter(pk=holder_id).update(phone_verified_at=clock.now())
            mine = holder_id
        audit.record(actor, "contacts.phone.proved", f"customer:{mine}")
    return mine


def holder_of(number: str, merchant_id: int) -> int | None:
    """Which customer of a merchant has this number (E.164)."""
    rows = Customer.objects.filter(phone_hash__in=phones.hashes(number, merchant_id=merchant_id))
    return rows.exclude(state__in=GONE).values_list("pk", flat=True).first()


def _put(customer_id: int, number: str) -> None:
    customer = take([customer_id])[customer_id]
    if customer.state in GONE:
        raise CustomerGone
    phones.put(customer, number)
    customer.phone_verified_at = clock.now()
    keys.put_search(customer)
    try:
        with transaction.atomic():
            customer.save(update_fields=PHONE_COLUMNS)
    except IntegrityError as error:  # somebody else proved it at the same moment
        if violated(error) != "customer_phone_once":
            raise
        raise PhoneTaken from error


def _refuse_shared(holder_id: int, link: IdentityLink) -> None:
    others = IdentityLink.objects.filter(
        customer_id=holder_id, account_id=link.account_id, state=LinkState.ACTIVE
    )
    if others.exclude(pk=link.pk).exists():
        raise PhoneTaken

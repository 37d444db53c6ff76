"""Making customers and numbering them."""

from __future__ import annotations

import secrets

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts import phones as phone_numbers
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import phones
from zhanggui.contacts.errors import PhoneTaken
from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import name_key
from zhanggui.core import tenancy
from zhanggui.ui import formats

NAMELESS = "微信用户"
"""The name of a customer whose nickname is not known yet; it goes when the nickname comes."""
NAME_LENGTH = 80
NUMBER_DIGITS = 8
NUMBER_TRIES = 8


def create_customer(*, name: str, phone: str | None = None, actor: Actor) -> Customer:
    """Add a customer to the merchant in scope, with a member number nobody else has.

    Args:
        name: at most 80 signs; more are cut off.
        phone: any usual spelling; kept encrypted.
        actor: who adds; kept in the audit log.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        PhoneTaken: another customer of this merchant has it (E_CUSTOMER_PHONE_TAKEN, 409).
    """
    number = phone_numbers.parse(phone) if phone else None
    with transaction.atomic():
        customer = Customer(
            merchant_id=tenancy.current_merchant_id(),
            name=name.strip()[:NAME_LENGTH] or NAMELESS,
        )
        customer.name_key = name_key(customer.name)
        if number:
            phones.put(customer, number)
        _save_with_number(customer)
        audit.record(actor, "contacts.customer.created", f"customer:{customer.pk}")
    return customer


def _save_with_number(customer: Customer) -> None:
    # Drawn, not counted: no counter to wait for, and nobody reads a shop's size from a number.
    for _try in range(NUMBER_TRIES):
        customer.number = str(secrets.randbelow(9 * 10 ** (NUMBER_DIGITS - 1)) + 10_000_000)
        try:
            with transaction.atomic():
                customer.save(force_insert=True)
        except IntegrityError as error:
            if "customer_phone_once" in str(error):
                raise PhoneTaken from error
            if "customer_number_once" not in str(error):
                raise
        else:
            return
    message = "no free member number was drawn"
    raise RuntimeError(message)


def masked_name(name: str) -> str:
    """A name as strangers may see it: 王**. A name of one sign is hidden whole."""
    stripped = name.strip()
    return f"{stripped[0]}**" if len(stripped) > 1 else "**"


def masked_phone(phone: str) -> str:
    """A phone number as it is shown: 138****5678; empty when there is none."""
    return formats.masked_phone(phone) if phone else ""

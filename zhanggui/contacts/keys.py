"""Putting names and search keys on a row; whoever writes customers calls these."""

from __future__ import annotations

from zhanggui.contacts.models import Customer
from zhanggui.contacts.search import name_key, sort_key, tokens_of

NAMELESS = "微信用户"
"""The name of a customer whose nickname is not known yet; it goes when the nickname comes."""
NAME_LENGTH = 80
NAME_FIELDS = ("name", "name_key", "sort_key", "search")
PHONE_FIELDS = ("phone_sealed", "phone_hash", "phone_tail_hash", "search")


def put_name(customer: Customer, name: str) -> None:
    """Put a name with everything that is made of it on the row; does not save."""
    customer.name = clean_name(name)
    customer.name_key = name_key(customer.name)
    customer.sort_key = sort_key(customer.name)
    put_search(customer)


def clean_name(name: str) -> str:
    """A name as it is kept: without blanks around it, at most 80 signs, never empty."""
    return name.strip()[:NAME_LENGTH] or NAMELESS


def put_search(customer: Customer) -> None:
    """Make the words anew by which the customer is found: name, number, phone; does not save."""
    hashes = [bytes(h) for h in (customer.phone_hash, customer.phone_tail_hash) if h is not None]
    customer.search = tokens_of(customer.name, customer.number, hashes)

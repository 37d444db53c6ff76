"""Phone numbers of customers at rest: encrypted, found by hash or by the last four digits."""

from __future__ import annotations

from zhanggui.contacts.models import PHONE_COLUMN, TAIL_PURPOSE, Customer
from zhanggui.core import sealing


def put(customer: Customer, phone: str) -> None:
    """Put a number (E.164; empty takes it off) on the row, sealed and hashed; does not save.

    Afterwards call ``keys.put_search``: the hashes are words the customer is found by.
    """
    if not phone:
        customer.phone_sealed = customer.phone_hash = customer.phone_tail_hash = None
        return
    merchant_id = customer.merchant_id
    customer.phone_sealed = sealing.seal(phone, column=PHONE_COLUMN, merchant_id=merchant_id)
    customer.phone_hash = sealing.keyed_hash(phone, purpose=PHONE_COLUMN, merchant_id=merchant_id)
    customer.phone_tail_hash = sealing.keyed_hash(
        phone[-4:], purpose=TAIL_PURPOSE, merchant_id=merchant_id
    )


def hashes(phone: str, *, merchant_id: int) -> list[bytes]:
    """Under what a number may be stored: one hash for each key of the ring."""
    return _hashes(phone, PHONE_COLUMN, merchant_id)


def tail_hashes(tail: str, *, merchant_id: int) -> list[bytes]:
    """Under what the last four digits may be stored."""
    return _hashes(tail, TAIL_PURPOSE, merchant_id)


def _hashes(text: str, purpose: str, merchant_id: int) -> list[bytes]:
    return [
        sealing.keyed_hash(text, purpose=purpose, merchant_id=merchant_id, version=version)
        for version in sealing.versions()
    ]

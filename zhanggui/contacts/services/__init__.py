"""Every write about customers: making them, knowing them again, signing them in and out."""

from zhanggui.contacts.services.customers import (
    NAME_LENGTH,
    NAMELESS,
    create_customer,
    masked_name,
    masked_phone,
)
from zhanggui.contacts.services.identities import customer_of_identity
from zhanggui.contacts.services.sessions import SESSION_DAYS, close_session, open_session

__all__ = [
    "NAMELESS",
    "NAME_LENGTH",
    "SESSION_DAYS",
    "close_session",
    "create_customer",
    "customer_of_identity",
    "masked_name",
    "masked_phone",
    "open_session",
]

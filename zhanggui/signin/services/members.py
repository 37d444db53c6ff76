"""Customers without WeChat prove a phone number by a code, at one shop.

Source: specification U-46; stamps specification, feature 14.
"""

from __future__ import annotations

from zhanggui.accounts.actors import Actor
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import tenancy
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import codes


def place() -> str:
    """Where alone these codes are good: at the merchant in scope."""
    return f"merchant:{tenancy.current_merchant_id()}"


def prove(*, phone: str, digits: str, ip: str | None, actor: Actor) -> IdentityLink:
    """Spend the code of a text message; answers how this customer is known.

    Raises:
        CodeWrong, CodeOver, CodeBurnt, CodesSpent: as ``codes.check_code``.
        CustomerGone: the person is being erased (410).
    """
    codes.check_code(phone=phone, purpose=Purpose.CUSTOMER, digits=digits, ip=ip, place=place())
    return contact_services.customer_of_phone(phone=phone, actor=actor)


def enter(*, phone: str, digits: str, ip: str | None, actor: Actor) -> str:
    """Let a customer in on the shop's phone pages; answers the token for the cookie.

    Raises:
        CodeWrong, CodeOver, CodeBurnt, CodesSpent, CustomerGone: as ``prove``.
    """
    link = prove(phone=phone, digits=digits, ip=ip, actor=actor)
    return contact_services.open_session(link=link)

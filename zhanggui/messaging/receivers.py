"""To whom: a customer, a bare number, or a follower who is no customer (staff, for example)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from zhanggui.contacts.models import Customer
from zhanggui.core import sealing
from zhanggui.messaging.models import TO_COLUMN, Message
from zhanggui.ui.formats import masked_phone


@dataclass(frozen=True, slots=True)
class Phone:
    """A number nobody among the customers has to have, in E.164."""

    number: str


@dataclass(frozen=True, slots=True)
class Follower:
    """Somebody in the chat of an official account."""

    account_id: int
    openid: str
    name: str = ""


Receiver = Customer | Phone | Follower


def put(message: Message, to: Receiver) -> None:
    """Write the receiver on a new row, sealed where it is no customer; does not save."""
    if isinstance(to, Customer):
        message.customer = to
        message.to_masked = to.name[:80]
    elif isinstance(to, Phone):
        message.to_sealed = _sealed({"phone": to.number}, message.merchant_id)
        message.to_masked = masked_phone(to.number)
    else:
        content: dict[str, str | int] = {"account": to.account_id, "openid": to.openid}
        message.to_sealed = _sealed(content, message.merchant_id)
        message.to_masked = to.name[:80]


def _sealed(content: dict[str, str | int], merchant_id: int) -> bytes:
    return sealing.seal(json.dumps(content), column=TO_COLUMN, merchant_id=merchant_id)


def of(message: Message) -> Receiver:
    """The receiver of a row."""
    if message.customer is not None:
        return message.customer
    content = json.loads(
        sealing.unseal(
            bytes(message.to_sealed or b""), column=TO_COLUMN, merchant_id=message.merchant_id
        )
    )
    if "phone" in content:
        return Phone(content["phone"])
    return Follower(content["account"], content["openid"], message.to_masked)

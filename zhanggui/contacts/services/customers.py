"""Making customers, changing them, blocking and unblocking."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from zhanggui.accounts import audit
from zhanggui.accounts import phones as phone_numbers
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import keys, phones
from zhanggui.contacts.birthdays import Birthday
from zhanggui.contacts.errors import PhoneTaken, TagUnknown, WrongState
from zhanggui.contacts.keys import NAME_LENGTH, NAMELESS
from zhanggui.contacts.models import Customer, CustomerState, Source, Tag
from zhanggui.core import tenancy
from zhanggui.core.constraints import violated
from zhanggui.ui import formats

__all__ = [
    "BLOCKABLE",
    "NAMELESS",
    "NAME_LENGTH",
    "CustomerInput",
    "block_customer",
    "create_customer",
    "edit_customer",
    "masked_name",
    "masked_phone",
    "reveal_phone",
    "unblock_customer",
    "write_note",
]
NUMBER_DIGITS = 8
NUMBER_TRIES = 8
BLOCKABLE = (CustomerState.ACTIVE, CustomerState.DORMANT, CustomerState.DISPUTED)


@dataclass(frozen=True, slots=True)
class CustomerInput:
    """What staff type about a customer; the phone in E.164 or empty."""

    name: str
    phone: str = ""
    gender: str = ""
    birthday: Birthday | None = None
    note: str = ""
    tag_ids: tuple[int, ...] = ()


def create_customer(
    *,
    name: str,
    phone: str | None = None,
    source: Source = Source.OTHER,
    values: CustomerInput | None = None,
    actor: Actor,
) -> Customer:
    """Add a customer to the merchant in scope, with a member number nobody else has.

    Args:
        name: at most 80 signs; more are cut off.
        phone: any usual spelling; kept encrypted.
        source: how the customer came.
        values: the rest of what is known; its name and phone are not looked at.
        actor: who adds; kept in the audit log.

    Raises:
        PhoneFormat: not a phone number (E_PHONE_FORMAT, 422).
        PhoneTaken: another customer of this merchant has it (E_CUSTOMER_PHONE_TAKEN, 409).
        TagUnknown: a tag is not this merchant's (E_TAG_UNKNOWN, 404).
    """
    number = phone_numbers.parse(phone) if phone else None
    with transaction.atomic():
        customer = Customer(merchant_id=tenancy.current_merchant_id(), source=source)
        if values:
            _put(customer, values)
            customer.tag_ids = _known_tags(values.tag_ids)
        if number:
            phones.put(customer, number)
        keys.put_name(customer, name)
        _save_with_number(customer)
        audit.record(actor, "contacts.customer.created", f"customer:{customer.pk}")
    return customer


def _put(customer: Customer, values: CustomerInput) -> None:
    customer.gender = values.gender
    customer.birthday = values.birthday.key if values.birthday else None
    customer.birth_year = values.birthday.year if values.birthday else None
    customer.note = values.note.strip()


def _known_tags(ids: Iterable[int]) -> list[int]:
    wanted = sorted(set(ids))
    if wanted and Tag.objects.filter(pk__in=wanted).count() != len(wanted):
        raise TagUnknown
    return wanted


def _save_with_number(customer: Customer) -> None:
    # Drawn, not counted: no counter to wait for, and nobody reads a shop's size from a number.
    for _try in range(NUMBER_TRIES):
        customer.number = str(secrets.randbelow(9 * 10 ** (NUMBER_DIGITS - 1)) + 10_000_000)
        keys.put_search(customer)
        try:
            with transaction.atomic():
                customer.save(force_insert=True)
        except IntegrityError as error:
            rule = violated(error)
            if rule == "customer_phone_once":
                raise PhoneTaken from error
            if rule != "customer_number_once":
                raise
        else:
            return
    message = "no free member number was drawn"
    raise RuntimeError(message)


def edit_customer(*, customer: Customer, values: CustomerInput, actor: Actor) -> Customer:
    """Change what is known about a customer; a changed phone counts as not proved.

    Raises:
        PhoneTaken: another customer of this merchant has the number (409).
        TagUnknown: a tag is not this merchant's (404).
    """
    with transaction.atomic():
        row = Customer.objects.select_for_update().get(pk=customer.pk)
        if row.state in {CustomerState.REPLACED, CustomerState.ERASED}:
            raise WrongState
        before = _facts(row)
        _put(row, values)
        row.tag_ids = _known_tags(values.tag_ids)
        if values.phone != row.phone:
            phones.put(row, values.phone)
            row.phone_verified_at = None
        keys.put_name(row, values.name)
        changed = [name for name, value in _facts(row).items() if value != before[name]]
        if not changed:
            return row
        try:
            with transaction.atomic():
                row.save(update_fields=[*EDITED])
        except IntegrityError as error:
            if violated(error) == "customer_phone_once":
                raise PhoneTaken from error
            raise
        audit.record(
            actor,
            "contacts.customer.edited",
            f"customer:{row.pk}",
            details={"fields": sorted(changed)},
        )
    return row


EDITED = (
    *keys.NAME_FIELDS,
    "phone_sealed",
    "phone_hash",
    "phone_tail_hash",
    "phone_verified_at",
    "gender",
    "birthday",
    "birth_year",
    "note",
    "tag_ids",
)


def _facts(row: Customer) -> dict[str, Any]:
    # what is compared to say which fields changed; values of people never go into the log
    return {
        "name": row.name,
        "phone": bytes(row.phone_hash) if row.phone_hash is not None else b"",
        "gender": row.gender,
        "birthday": (row.birthday, row.birth_year),
        "note": row.note,
        "tags": list(row.tag_ids),
    }


def write_note(*, customer: Customer, note: str, actor: Actor) -> None:
    """Keep what the shop wants to remember about a customer."""
    with transaction.atomic():
        changed = (Customer.objects.filter(pk=customer.pk).exclude(note=note.strip())).update(
            note=note.strip()
        )
        if changed:
            audit.record(actor, "contacts.customer.noted", f"customer:{customer.pk}")


def block_customer(*, customer: Customer, reason: str, actor: Actor) -> None:
    """Shut a customer out: no new stamps, no phone pages; what is held stays.

    Raises:
        WrongState: blocked already, or merged into another (E_CUSTOMER_STATE, 409).
    """
    with transaction.atomic():
        changed = Customer.objects.filter(pk=customer.pk, state__in=BLOCKABLE).update(
            state=CustomerState.BLOCKED, blocked_reason=reason.strip()
        )
        if not changed:
            raise WrongState
        audit.record(
            actor,
            "contacts.customer.blocked",
            f"customer:{customer.pk}",
            details={"reason": reason.strip()},
        )


def unblock_customer(*, customer: Customer, actor: Actor) -> None:
    """Let a blocked customer take part again.

    Raises:
        WrongState: not blocked (E_CUSTOMER_STATE, 409).
    """
    with transaction.atomic():
        changed = Customer.objects.filter(pk=customer.pk, state=CustomerState.BLOCKED).update(
            state=CustomerState.ACTIVE, blocked_reason=""
        )
        if not changed:
            raise WrongState
        audit.record(actor, "contacts.customer.unblocked", f"customer:{customer.pk}")


def reveal_phone(*, customer: Customer, actor: Actor) -> str:
    """The whole phone number, for whoever has the right; each look stands in the audit log."""
    with transaction.atomic():
        audit.record(actor, "contacts.phone.revealed", f"customer:{customer.pk}")
    return customer.phone


def masked_name(name: str) -> str:
    """A name as strangers may see it: 王**. A name of one sign is hidden whole."""
    stripped = name.strip()
    return f"{stripped[0]}**" if len(stripped) > 1 else "**"


def masked_phone(phone: str) -> str:
    """A phone number as it is shown: 138****5678; empty when there is none."""
    return formats.masked_phone(phone) if phone else ""

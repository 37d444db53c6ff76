"""Tags: making, renaming, merging, deleting; putting them on customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts.errors import TagNameTaken, TagUnknown, TooManyTags
from zhanggui.contacts.models import Tag, TagColour
from zhanggui.contacts.search import fold
from zhanggui.core import tenancy
from zhanggui.core.constraints import insert, violated

MOST_TAGS = 200
"""More words than that are no words any more."""


def create_tag(*, name: str, colour: str = TagColour.INDIGO, actor: Actor) -> Tag:
    """Make a tag.

    Raises:
        TagNameTaken: there is one of this name; case and width make no difference (409).
        TooManyTags: 200 are there (409).
    """
    with transaction.atomic():
        if Tag.objects.count() >= MOST_TAGS:
            raise TooManyTags
        tag = Tag(name=name.strip(), name_key=fold(name), colour=colour)
        insert(tag, TagNameTaken)
        audit.record(actor, "contacts.tag.created", f"tag:{tag.pk}")
    return tag


def edit_tag(*, tag: Tag, name: str, colour: str, actor: Actor) -> None:
    """Rename a tag or give it another colour.

    Raises:
        TagNameTaken: another one has the name (409).
    """
    tag.name, tag.name_key, tag.colour = name.strip(), fold(name), colour
    try:
        with transaction.atomic():
            tag.save(update_fields=["name", "name_key", "colour"])
            audit.record(actor, "contacts.tag.edited", f"tag:{tag.pk}")
    except IntegrityError as error:
        if violated(error) != "tag_name_once":
            raise
        raise TagNameTaken from error


def merge_tags(*, tag: Tag, into: Tag, actor: Actor) -> int:
    """Put ``into`` on everybody who carries ``tag`` and delete ``tag``; answers how many.

    Raises:
        TagUnknown: one of them is gone (404), or both are the same.
    """
    with transaction.atomic():
        both = Tag.objects.select_for_update().filter(pk__in=[tag.pk, into.pk]).count()
        if both != 2 or tag.pk == into.pk:  # noqa: PLR2004  two tags
            raise TagUnknown
        changed = _replace(tag.pk, into.pk)
        Tag.objects.filter(pk=tag.pk).delete()
        audit.record(
            actor,
            "contacts.tag.merged",
            f"tag:{into.pk}",
            details={"from": tag.name, "customers": changed},
        )
    return changed


def delete_tag(*, tag: Tag, actor: Actor) -> int:
    """Take a tag off everybody and delete it; answers how many carried it."""
    with transaction.atomic():
        changed = _replace(tag.pk, None)
        Tag.objects.filter(pk=tag.pk).delete()
        audit.record(
            actor,
            "contacts.tag.deleted",
            f"tag:{tag.pk}",
            details={"name": tag.name, "customers": changed},
        )
    return changed


_REPLACE = """
UPDATE contacts_customer
SET tag_ids = CASE WHEN %(into)s::bigint IS NULL OR tag_ids @> ARRAY[%(into)s::bigint]
                   THEN array_remove(tag_ids, %(tag)s::bigint)
                   ELSE array_replace(tag_ids, %(tag)s::bigint, %(into)s::bigint) END
WHERE merchant_id = %(merchant)s AND tag_ids @> ARRAY[%(tag)s::bigint]
"""
_PUT = """
UPDATE contacts_customer SET tag_ids = tag_ids || %(tag)s::bigint
WHERE merchant_id = %(merchant)s AND id = ANY(%(ids)s)
  AND NOT tag_ids @> ARRAY[%(tag)s::bigint]
RETURNING id
"""
_TAKE = """
UPDATE contacts_customer SET tag_ids = array_remove(tag_ids, %(tag)s::bigint)
WHERE merchant_id = %(merchant)s AND id = ANY(%(ids)s)
  AND tag_ids @> ARRAY[%(tag)s::bigint]
RETURNING id
"""


def _replace(tag_id: int, into_id: int | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            _REPLACE,
            {"tag": tag_id, "into": into_id, "merchant": tenancy.current_merchant_id()},
        )
        return int(cursor.rowcount)


def put_tag(*, tag_id: int, customer_ids: Sequence[int]) -> list[int]:
    """Put a tag on customers; answers who did not carry it before. No audit entry of its own."""
    return _change(_PUT, tag_id, customer_ids)


def take_tag(*, tag_id: int, customer_ids: Sequence[int]) -> list[int]:
    """Take a tag off customers; answers who carried it. No audit entry of its own."""
    return _change(_TAKE, tag_id, customer_ids)


def _change(sql: str, tag_id: int, customer_ids: Sequence[int]) -> list[int]:
    values: dict[str, Any] = {
        "tag": tag_id,
        "ids": list(customer_ids),
        "merchant": tenancy.current_merchant_id(),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]


def tag_customer(*, customer_id: int, tag: Tag, actor: Actor) -> bool:
    """Put a tag on one customer; False when it was there."""
    return _one(customer_id, tag, actor, is_put=True)


def untag_customer(*, customer_id: int, tag: Tag, actor: Actor) -> bool:
    """Take a tag off one customer; False when it was not there."""
    return _one(customer_id, tag, actor, is_put=False)


def _one(customer_id: int, tag: Tag, actor: Actor, *, is_put: bool) -> bool:
    with transaction.atomic():
        changed = (put_tag if is_put else take_tag)(tag_id=tag.pk, customer_ids=[customer_id])
        if changed:
            audit.record(
                actor,
                "contacts.customer.tagged" if is_put else "contacts.customer.untagged",
                f"customer:{customer_id}",
                details={"tag": tag.name},
            )
    return bool(changed)

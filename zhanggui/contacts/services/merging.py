"""Two customers become one, and two again; an identity goes out to a customer of its own.

Source: specification P13, dining 6.3 and 6.4 (an identity is never overwritten, it is moved).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import fields, holders
from zhanggui.contacts.errors import (
    CustomerGone,
    MergeErasing,
    MergeReplaced,
    MergeSame,
    MergeStuck,
    MergeUndone,
    NothingToSplit,
)
from zhanggui.contacts.holders import Held, Merging
from zhanggui.contacts.keys import NAMELESS
from zhanggui.contacts.models import (
    Customer,
    CustomerSession,
    CustomerState,
    DuplicatePair,
    Erasure,
    ErasureState,
    IdentityLink,
    LinkMove,
    LinkMoveCause,
    Merge,
)
from zhanggui.contacts.services.customers import create_customer
from zhanggui.contacts.services.holding import take
from zhanggui.core import clock
from zhanggui.core.errors import NotFound
from zhanggui.ui import formats

Text = str | Promise
PHONE = "phone"
OUR_PART = "contacts"


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """One field of the two customers, and whose value stays unless somebody chooses."""

    name: str
    label: Text
    of_survivor: str
    of_replaced: str
    takes_replaced: bool
    is_choice: bool
    """Both have a value and they differ: a person may choose."""
    is_joined: bool = False
    """Both values are kept together (tags, stores, notes)."""


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What merging would do."""

    survivor: Customer
    replaced: Customer
    choices: Sequence[FieldChoice]
    links: int
    held: Sequence[Held]
    becomes_blocked: bool


def preview_merge(*, survivor: Customer, replaced: Customer) -> MergePreview:
    """What merging would do; a read.

    Raises:
        MergeSame, MergeReplaced, MergeErasing, CustomerGone: it would be refused.
    """
    _check_pair(survivor, replaced)
    held = [line for holder in holders.known() for line in holder.held(replaced.pk, survivor.pk)]
    return MergePreview(
        survivor=survivor,
        replaced=replaced,
        choices=_choices(survivor, replaced),
        links=IdentityLink.objects.filter(customer=replaced).count(),
        held=held,
        becomes_blocked=_blocks(survivor, replaced),
    )


def _choices(survivor: Customer, replaced: Customer) -> list[FieldChoice]:
    found = []
    for field in (*fields.MERGED, fields.PHONE):
        ours, theirs = field.shown(survivor), field.shown(replaced)
        if not field.label or not (theirs or ours):
            continue
        differs = bool(ours and theirs and field.raw(survivor) != field.raw(replaced))
        if field is fields.PHONE and differs and ours == theirs:
            ours, theirs = _told_apart(survivor.phone, replaced.phone)
        joins = field.join is not None
        found.append(
            FieldChoice(
                name=field.name,
                label=field.label,
                of_survivor=ours,
                of_replaced=theirs,
                takes_replaced=bool(theirs and not ours),
                is_choice=differs and not joins,
                is_joined=differs and joins,
            )
        )
    return found


def _told_apart(ours: str, theirs: str) -> tuple[str, str]:
    """Two phone numbers whose masks are alike, with the first digit that differs."""
    first = next(n for n, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other)
    digit = first - len(ours)  # from the end, as a mask has no country code
    return _with_digit(ours, digit), _with_digit(theirs, digit)


def _with_digit(phone: str, digit: int) -> str:
    masked = formats.masked_phone(phone)
    return f"{masked[:digit]}{phone[digit]}{masked[digit + 1 :]}"


def _blocks(survivor: Customer, replaced: Customer) -> bool:
    return CustomerState.BLOCKED == replaced.state != survivor.state


def merge_customers(
    *, survivor_id: int, replaced_id: int, taken: Collection[str] = (), actor: Actor
) -> Merge:
    """Put one customer into another: identities, cards and all business go to the survivor.

    The replaced row stays with its own fields, is listed nowhere, and its address leads to the
    survivor. Empty fields of the survivor are filled; tags, stores and notes are joined. Sessions
    of the moved identities end, the next visit signs in as the survivor. Of two phone numbers the
    other one stays with the replaced row and still finds the survivor.

    Args:
        survivor_id: who stays.
        replaced_id: who goes into it.
        taken: names of fields whose value comes from the replaced although the survivor has one.
        actor: who merges.

    Raises:
        NotFound: one of them does not exist (404).
        MergeSame: the same customer twice (422).
        MergeReplaced: one of them was merged already (409).
        MergeErasing: one of them waits to be erased (409).
        CustomerGone: one of them was erased (410).
    """
    if survivor_id == replaced_id:
        raise MergeSame
    with transaction.atomic():
        both = take([survivor_id, replaced_id])
        survivor, replaced = both[survivor_id], both[replaced_id]
        _check_pair(survivor, replaced)
        merge = Merge(
            merchant_id=survivor.merchant_id, survivor=survivor, replaced=replaced, by_id=actor.id
        )
        merge.save(force_insert=True)
        moved: dict[str, Any] = {OUR_PART: _move_links(survivor, replaced, actor)}
        for holder in holders.known():
            moved[holder.name] = holder.merge(_merging(merge, actor))
        changed = _fill(survivor, replaced, frozenset(taken))
        swapped = _swaps_phones(survivor, replaced, frozenset(taken))
        moved[OUR_PART]["state"] = replaced.state
        replaced.state, replaced.is_follower = CustomerState.REPLACED, False
        replaced.save(update_fields=["state", "is_follower"])
        if swapped:
            moved[OUR_PART]["phone"] = bytes(replaced.phone_hash or b"").hex()
            fields.swap_phones(survivor, replaced)
        fields.save(survivor)
        merge.changed, merge.moved, merge.are_phones_swapped = changed, moved, swapped
        merge.save(update_fields=["changed", "moved", "are_phones_swapped"])
        _forget_pairs(replaced.pk)
        audit.record(
            actor,
            "contacts.customer.merged",
            f"customer:{survivor.pk}",
            details={"replaced": replaced.pk, "merge": merge.pk, "fields": _told(changed)},
        )
    return merge


def _merging(merge: Merge, actor: Actor) -> Merging:
    return Merging(merge.pk, merge.survivor_id, merge.replaced_id, actor)


def _told(changed: Mapping[str, Any]) -> list[str]:
    """The names of the fields people know; their values never go into the log."""
    return sorted(name for name in changed if name == "state" or fields.BY_NAME[name].label)


def _check_pair(survivor: Customer, replaced: Customer) -> None:
    if survivor.pk == replaced.pk:
        raise MergeSame
    for one in (survivor, replaced):
        if one.state == CustomerState.ERASED:
            raise CustomerGone
        if one.state == CustomerState.REPLACED:
            raise MergeReplaced(name=one.name)
    waiting = Erasure.objects.filter(
        customer_id__in=[survivor.pk, replaced.pk], state=ErasureState.WAITING
    ).first()
    if waiting is not None:
        erased = survivor if waiting.customer_id == survivor.pk else replaced
        raise MergeErasing(name=erased.name)


def _move_links(survivor: Customer, replaced: Customer, actor: Actor) -> dict[str, Any]:
    ids = list(IdentityLink.objects.filter(customer=replaced).values_list("pk", flat=True))
    _repoint(ids, replaced, survivor, LinkMoveCause.MERGE, actor)
    return {"links": ids}


def _repoint(
    link_ids: Sequence[int],
    from_customer: Customer,
    to_customer: Customer,
    cause: LinkMoveCause,
    actor: Actor,
) -> None:
    """Let identities lead to another customer, with their history; their sessions end."""
    if not link_ids:
        return
    CustomerSession.objects.filter(link_id__in=link_ids).delete()
    IdentityLink.objects.filter(pk__in=link_ids).update(customer=to_customer)
    LinkMove.objects.bulk_create(
        LinkMove(
            merchant_id=to_customer.merchant_id,
            link_id=link_id,
            from_customer=from_customer,
            to_customer=to_customer,
            cause=cause,
            by_id=actor.id,
        )
        for link_id in link_ids
    )


def _fill(survivor: Customer, replaced: Customer, taken: Collection[str]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for field in fields.MERGED:
        before, theirs = field.raw(survivor), field.raw(replaced)
        if field.join is not None:
            after = field.join(before, theirs)
        else:
            wins = theirs if field.name in taken and not field.is_empty(theirs) else before
            after = theirs if field.is_empty(before) and not field.is_empty(theirs) else wins
        if after != before:
            field.put(survivor, after)
            changed[field.name] = [before, after]
    if _blocks(survivor, replaced):
        changed["state"] = [survivor.state, CustomerState.BLOCKED.value]
        survivor.state = CustomerState.BLOCKED
    return changed


def _swaps_phones(survivor: Customer, replaced: Customer, taken: Collection[str]) -> bool:
    if replaced.phone_hash is None:
        return False
    return survivor.phone_hash is None or PHONE in taken


def _forget_pairs(customer_id: int) -> None:
    pairs = DuplicatePair.objects.filter(Q(first_id=customer_id) | Q(second_id=customer_id))
    pairs.filter(decided_at=None).delete()


# -- taking a merge back


def why_not_undo(merge: Merge) -> Text | None:
    """What stands in the way of taking a merge back, in a sentence; None when nothing does."""
    survivor, replaced = merge.survivor, merge.replaced
    if merge.undone_at is not None:
        return MergeUndone.text
    if survivor.state == CustomerState.REPLACED:
        return _("the customer was merged further since. Take the later merge back first.")
    if CustomerState.ERASED in {survivor.state, replaced.state} or not merge.moved:
        return _("the data of the person were erased since.")
    reason = _moved_on(merge)
    if reason is not None:
        return reason
    return next((each for each in _objections(merge) if each is not None), None)


def _moved_on(merge: Merge) -> Text | None:
    ours: Mapping[str, Any] = merge.moved[OUR_PART]
    here = IdentityLink.objects.filter(pk__in=ours["links"], customer=merge.survivor)
    if here.count() != len(ours["links"]):
        return _("one of the WeChat identities was split off since.")
    phone = bytes(merge.survivor.phone_hash or b"").hex()
    if merge.are_phones_swapped and phone != ours["phone"]:
        return _("the phone number was changed since.")
    return None


def _objections(merge: Merge) -> Iterator[Text | None]:
    for holder in holders.known():
        moved = merge.moved.get(holder.name, {})
        yield holder.why_not_undo(merge.survivor_id, merge.replaced_id, moved)


def undo_merge(*, merge_id: int, actor: Actor) -> Merge:
    """Make two customers out of one again, exactly as they were before the merge.

    What happened since stays with whom it happened to: stamps go with their card, fields that
    somebody edited since keep the edit.

    Raises:
        NotFound: no such merge (404).
        MergeUndone: taken back before (409).
        MergeStuck: something happened since that forbids it; says what (409).
    """
    found = Merge.objects.filter(pk=merge_id).first()
    if found is None:
        raise NotFound
    with transaction.atomic():
        both = take([found.survivor_id, found.replaced_id])
        merge = Merge.objects.select_for_update().get(pk=merge_id)
        if merge.undone_at is not None:
            raise MergeUndone
        survivor, replaced = both[merge.survivor_id], both[merge.replaced_id]
        merge.survivor, merge.replaced = survivor, replaced
        reason = why_not_undo(merge)
        if reason is not None:
            raise MergeStuck(why=reason)
        _put_back(merge, survivor, replaced, actor)
        merge.undone_at, merge.undone_by_id = clock.now(), actor.id
        merge.save(update_fields=["undone_at", "undone_by_id"])
        audit.record(
            actor,
            "contacts.customer.unmerged",
            f"customer:{survivor.pk}",
            details={"replaced": replaced.pk, "merge": merge.pk},
        )
    return merge


def _put_back(merge: Merge, survivor: Customer, replaced: Customer, actor: Actor) -> None:
    ours: Mapping[str, Any] = merge.moved[OUR_PART]
    _repoint(ours["links"], survivor, replaced, LinkMoveCause.UNDO, actor)
    for holder in holders.known():
        holder.undo(_merging(merge, actor), merge.moved.get(holder.name, {}))
    for name, (before, after) in merge.changed.items():
        if name == "state":
            survivor.state = before if survivor.state == after else survivor.state
            continue
        field = fields.BY_NAME[name]
        if field.raw(survivor) == after:
            field.put(survivor, before)
    replaced.state = ours["state"]
    if merge.are_phones_swapped:
        fields.swap_phones(survivor, replaced)
    fields.save(survivor)
    fields.save(replaced)


# -- splitting


def split_link(*, link_id: int, actor: Actor) -> Customer:
    """Let one identity go out to a new customer of its own, for example a relative's WeChat.

    Cards and everything earned so far stay with the customer it was split off from.

    Raises:
        NotFound: no such identity (404).
        NothingToSplit: it is the only way the customer is known (409).
    """
    link = IdentityLink.objects.filter(pk=link_id).first()
    if link is None:
        raise NotFound
    with transaction.atomic():
        customer = take([link.customer_id])[link.customer_id]
        links = IdentityLink.objects.filter(customer=customer)
        if not links.filter(pk=link_id).exists():
            raise NotFound
        if customer.phone_hash is None and links.count() == 1:
            raise NothingToSplit
        new = create_customer(name=link.nickname or NAMELESS, actor=actor)
        _repoint([link.pk], customer, new, LinkMoveCause.SPLIT, actor)
        _tell_apart(customer.pk, new.pk, actor)
        audit.record(
            actor,
            "contacts.link.split",
            f"customer:{customer.pk}",
            details={"link": link.pk, "to": new.pk},
        )
    return new


def _tell_apart(one: int, other: int, actor: Actor) -> None:
    """Staff said these are two people: they are not offered for merging again."""
    from zhanggui.contacts.services.duplicates import note_different  # noqa: PLC0415  a circle

    note_different(one, other, actor)

"""A person asks to be forgotten: everything that tells who it was goes, numbers stay.

Names, phone, birthday, note, tags, WeChat identities with nicknames and pictures are erased in
every module that holds rows of the customer (``holders``), also of customers who were merged into
this one. Ledger and audit log keep numbers without a person. The identity itself is replaced, so
that whoever comes again with the same WeChat is somebody new.

Source: specification P16, design 8.12.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor
from zhanggui.contacts import fields, holders, keys
from zhanggui.contacts.errors import (
    CustomerGone,
    ErasureEnded,
    ErasureUnconfirmed,
    ErasureWaiting,
    MergeReplaced,
)
from zhanggui.contacts.models import (
    Customer,
    CustomerSession,
    CustomerState,
    Erasure,
    ErasureState,
    IdentityLink,
    ImportedCustomer,
    LinkState,
    Merge,
    Whereabouts,
)
from zhanggui.contacts.services.duplicates import forget_pairs_of
from zhanggui.contacts.services.holding import merges_into, take
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotFound

WAITING_PERIOD = timedelta(days=7)
LONGEST_REASON = 200
DUE_AT_ONCE = 100
GONE = (CustomerState.ERASED, CustomerState.REPLACED)


def request_erasure(
    *, customer_id: int, typed: str, at_once: bool, reason: str = "", actor: Actor
) -> Erasure:
    """Note that a person wants to be forgotten; at once, or after seven days to think it over.

    Args:
        customer_id: who.
        typed: the member number, typed to confirm.
        at_once: without the waiting period.
        reason: why or by which way the person asked.
        actor: who takes the request.

    Raises:
        NotFound: no such customer (404).
        ErasureUnconfirmed: another number was typed (422).
        CustomerGone, MergeReplaced: there is nobody to erase here (410, 409).
        ErasureWaiting: asked for before (409).
    """
    with transaction.atomic():
        customer = take([customer_id])[customer_id]
        if customer.state == CustomerState.ERASED:
            raise CustomerGone
        if customer.state == CustomerState.REPLACED:
            raise MergeReplaced(name=customer.name)
        if typed.strip().casefold() != customer.number.casefold():
            raise ErasureUnconfirmed(number=customer.number)
        if Erasure.objects.filter(customer=customer, state=ErasureState.WAITING).exists():
            raise ErasureWaiting
        now = clock.now()
        erasure = Erasure(
            merchant_id=customer.merchant_id,
            customer=customer,
            reason=reason.strip()[:LONGEST_REASON],
            requested_at=now,
            requested_by_id=actor.id,
            due_at=now if at_once else now + WAITING_PERIOD,
        )
        erasure.save(force_insert=True)
        audit.record(
            actor,
            "contacts.erasure.requested",
            f"customer:{customer.pk}",
            details={"at_once": at_once},
        )
        if at_once:
            _erase(erasure, customer, actor)
    return erasure


def withdraw_erasure(*, erasure_id: int, actor: Actor) -> Erasure:
    """The person has thought again; nothing was erased.

    Raises:
        NotFound: no such request (404).
        ErasureEnded: carried out or withdrawn before (409).
    """
    with transaction.atomic():
        found = Erasure.objects.select_for_update().filter(pk=erasure_id).first()
        if found is None:
            raise NotFound
        if found.state != ErasureState.WAITING:
            raise ErasureEnded
        found.state, found.ended_at = ErasureState.WITHDRAWN, clock.now()
        found.save(update_fields=["state", "ended_at"])
        audit.record(actor, "contacts.erasure.withdrawn", f"customer:{found.customer_id}")
    return found


def erase_due(*, actor: Actor) -> int:
    """Carry out the requests of the merchant in scope whose day has come; answers how many."""
    done = 0
    due = Erasure.objects.filter(state=ErasureState.WAITING, due_at__lte=clock.now())
    for erasure_id, customer_id in due.order_by("pk").values_list("pk", "customer_id")[
        :DUE_AT_ONCE
    ]:
        with transaction.atomic():
            customer = take([customer_id])[customer_id]
            erasure = Erasure.objects.select_for_update().get(pk=erasure_id)
            if erasure.state == ErasureState.WAITING:
                _erase(erasure, customer, actor)
                done += 1
    return done


def erase_everybody(*, actor: Actor) -> int:
    """Erase every customer of the merchant in scope, as each could have asked for.

    One transaction a customer; whoever was merged into another goes with the survivor.
    """
    done = 0
    rows = Customer.objects.exclude(state__in=GONE).order_by("pk")
    while ids := list(rows.values_list("pk", flat=True)[:DUE_AT_ONCE]):
        done += sum(_erase_one(customer_id, actor) for customer_id in ids)
    return done


def _erase_one(customer_id: int, actor: Actor) -> int:
    with transaction.atomic():
        customer = take([customer_id])[customer_id]
        if customer.state in GONE:
            return 0
        waiting = Erasure.objects.filter(customer=customer, state=ErasureState.WAITING)
        erasure = waiting.select_for_update().first()
        if erasure is None:
            now = clock.now()
            erasure = Erasure(
                merchant_id=customer.merchant_id,
                customer=customer,
                requested_at=now,
                requested_by_id=actor.id,
                due_at=now,
            )
            erasure.save(force_insert=True)
        _erase(erasure, customer, actor)
    return 1


def _erase(erasure: Erasure, customer: Customer, actor: Actor) -> None:
    everybody = [customer.pk, *merges_into(customer.pk)]
    take(everybody)
    for holder in holders.known():  # before the identities go: some rows are found by them
        holder.erase(everybody)
    _erase_links(everybody)
    for customer_id in everybody:
        _erase_customer(customer_id)
        forget_pairs_of(customer_id)
    Merge.objects.filter(survivor_id__in=everybody).update(changed={}, moved={})
    Merge.objects.filter(replaced_id__in=everybody).update(changed={}, moved={})
    ImportedCustomer.objects.filter(customer_id__in=everybody).update(before=None)
    Whereabouts.objects.filter(customer_id__in=everybody).delete()
    erasure.state, erasure.ended_at, erasure.reason = ErasureState.DONE, clock.now(), ""
    erasure.save(update_fields=["state", "ended_at", "reason"])
    audit.record(
        actor,
        "contacts.customer.erased",
        f"customer:{customer.pk}",
        details={"merged": everybody[1:]},
    )


def _erase_links(customer_ids: list[int]) -> None:
    links = list(IdentityLink.objects.filter(customer_id__in=customer_ids))
    CustomerSession.objects.filter(link_id__in=[link.pk for link in links]).delete()
    for link in links:
        link.openid, link.unionid = f"erased:{link.pk}", ""
        link.nickname = link.avatar_url = link.proof = ""
        link.follows, link.state = False, LinkState.REPLACED
        link.save(
            update_fields=[
                *("openid", "unionid", "nickname", "avatar_url", "proof", "follows", "state"),
            ]
        )


def _erase_customer(customer_id: int) -> None:
    customer = Customer.objects.get(pk=customer_id)
    customer.phone_sealed = customer.phone_hash = customer.phone_tail_hash = None
    customer.phone_verified_at = None
    customer.gender, customer.birthday, customer.birth_year = "", None, None
    customer.note = customer.blocked_reason = ""
    customer.tag_ids, customer.store_ids = [], []
    customer.is_follower = False
    customer.state = CustomerState.ERASED
    keys.put_name(customer, fields.ERASED_NAME)
    customer.search = []  # found by nothing, not even by the number
    customer.name_key = customer.sort_key = ""
    customer.save()


def erase_due_everywhere(*, actor: Actor) -> int:
    """Carry out due requests of all merchants, each in its own scope."""
    with tenancy.all_merchants("requests to be forgotten come due for every merchant"):
        due = Erasure.objects.filter(state=ErasureState.WAITING, due_at__lte=clock.now())
        merchants = sorted(set(due.values_list("merchant_id", flat=True)))
    done = 0
    for merchant_id in merchants:
        with tenancy.merchant_scope(merchant_id):
            done += erase_due(actor=actor)
    return done

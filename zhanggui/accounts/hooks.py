"""What accounts tells the modules above it; they register in their ``apps.py``.

A handler of a merchant or a store runs inside the transaction of the step it is told of: what it
refuses undoes the step.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils.functional import Promise

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Membership, Merchant, Person, Role, Store, Tier

Text = str | Promise
MerchantHandler = Callable[[Merchant, Actor], None]
StoreHandler = Callable[[Store, Actor], None]
Deleter = Callable[[Merchant, Actor], int]
Notifier = Callable[[Person, Text], None]

_created: list[MerchantHandler] = []
_archived: list[MerchantHandler] = []
_closed: list[StoreHandler] = []
_deleters: list[Deleter] = []
_notifiers: list[Notifier] = []


def on_merchant_created(handler: MerchantHandler) -> None:
    """Run when a merchant was taken in, after its owner was added."""
    if handler not in _created:
        _created.append(handler)


def on_merchant_archived(handler: MerchantHandler) -> None:
    """Run when a merchant was archived."""
    if handler not in _archived:
        _archived.append(handler)


def on_store_closed(handler: StoreHandler) -> None:
    """Run when a store of the merchant in scope was taken out of business."""
    if handler not in _closed:
        _closed.append(handler)


def on_data_deleted(deleter: Deleter) -> None:
    """Delete what a module keeps of a merchant's customers, for good.

    The merchant's scope is open and no transaction: the deleter works in pieces, each in a
    transaction of its own, is safe to be called again, and answers how many rows went.
    """
    if deleter not in _deleters:
        _deleters.append(deleter)


def provide_notifier(notifier: Notifier) -> None:
    """Say how a person is told something in words, for example by SMS.

    It is called inside a transaction: it writes a job and never calls out.
    """
    if notifier not in _notifiers:
        _notifiers.append(notifier)


def merchant_created(merchant: Merchant, actor: Actor) -> None:
    """Tell that a merchant was taken in."""
    for handler in _created:
        handler(merchant, actor)


def merchant_archived(merchant: Merchant, actor: Actor) -> None:
    """Tell that a merchant was archived."""
    for handler in _archived:
        handler(merchant, actor)


def store_closed(store: Store, actor: Actor) -> None:
    """Tell that a store was taken out of business."""
    for handler in _closed:
        handler(store, actor)


def delete_data(merchant: Merchant, actor: Actor) -> int:
    """Let every module delete what it keeps of the customers of the merchant in scope."""
    return sum(deleter(merchant, actor) for deleter in _deleters)


def notify_person(person: Person, text: Text) -> None:
    """Tell a person something; where no channel is set up nothing goes out."""
    for notifier in _notifiers:
        notifier(person, text)


def notify_owners(merchant: Merchant, text: Text) -> None:
    """Tell every owner of a merchant something."""
    owners = Membership.objects.filter(
        merchant=merchant, tier=Tier.MERCHANT, role=Role.OWNER
    ).select_related("person")
    for owner in owners:
        notify_person(owner.person, text)

"""In which store a call happens."""

from __future__ import annotations

from typing import Annotated

from django.db.models import QuerySet
from django.utils.translation import gettext_noop
from ninja import Query

from zhanggui.accounts.models import Store, StoreState
from zhanggui.api.errors import StoreMissing, StoreShut, StoreUnknown
from zhanggui.api.models import ApiToken
from zhanggui.api.schemas import LAST_ID

StoreWanted = Annotated[
    int | None,
    Query(None, ge=1, le=LAST_ID, description=gettext_noop("Only this store.")),
]


def stores_of(token: ApiToken) -> QuerySet[Store]:
    """The stores where a token may be used, unordered; in the scope of its merchant."""
    stores = Store.objects.all()
    return stores.filter(pk__in=token.store_ids) if token.store_ids else stores


def store_of(token: ApiToken, store_id: int | None) -> Store:
    """The store of a booking; it may be left out where there is only one.

    Raises:
        StoreMissing: there are several (E_STORE_MISSING, 422).
        StoreUnknown: not one of the token's (E_STORE, 404).
        StoreShut: closed in the back office (E_STORE_CLOSED, 409).
    """
    stores = stores_of(token)
    if store_id is None:
        found = list(stores.order_by("pk")[:2])
        if len(found) > 1:
            raise StoreMissing
        store = found[0] if found else None
    else:
        store = stores.filter(pk=store_id).first()
    if store is None:
        raise StoreUnknown
    if store.state != StoreState.OPEN:
        raise StoreShut
    return store

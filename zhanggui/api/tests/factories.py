"""Tokens and calls; a test names only what it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.test import Client

from zhanggui.accounts.models import Merchant, Store
from zhanggui.accounts.tests.factories import ACTOR
from zhanggui.api import scopes, services
from zhanggui.api.models import ApiToken
from zhanggui.api.services import TokenInput
from zhanggui.core import tenancy

_numbers = count(1)


@dataclass
class Caller:
    """A till with its token."""

    token: ApiToken
    secret: str
    client: Client = field(default_factory=Client)

    @property
    def headers(self) -> dict[str, str]:
        """What each call carries."""
        return {"Authorization": f"Bearer {self.secret}"}

    def get(self, path: str, **query: Any) -> Any:
        """A read."""
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: Any, *, key: str | None = "") -> Any:
        """A call with a body; a new key each time, or the given one, or (None) no key."""
        headers = dict(self.headers)
        if key is not None:
            headers["Idempotency-Key"] = key or f"key-{next(_numbers)}"
        return self.client.post(
            f"/api/v1/{path}", body, content_type="application/json", headers=headers
        )


def make_caller(
    merchant: Merchant, *names: str, stores: list[Store] | None = None, **values: Any
) -> Caller:
    """A till that may do what is named, or everything."""
    values = {"name": f"收银机{next(_numbers)}", **values}
    wanted = TokenInput(
        scopes=names or [scope.name for scope in scopes.known()],
        store_ids=[store.pk for store in stores or []],
        **values,
    )
    with tenancy.merchant_scope(merchant.pk):
        made = services.create_token(merchant=merchant, values=wanted, actor=ACTOR)
    return Caller(made.token, made.secret)


def code_of(response: Any) -> str:
    """What a call was refused for; empty when it was not."""
    return str(response.json().get("error", {}).get("code", ""))

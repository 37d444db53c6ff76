"""Whose money a page is about: the platform's, an operator's or a merchant's own accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.channels.pay import hooks, permissions, selectors
from zhanggui.channels.pay.models import PayAccount, Payment
from zhanggui.channels.pay.services.accounts import Place
from zhanggui.core import tenancy


@dataclass(frozen=True)
class Till:
    """One surface's accounts with what the person may do there."""

    surface: str
    place: Place
    actor: Actor
    permissions: frozenset[str]

    @classmethod
    def of(cls, request: HttpRequest) -> Till:
        """The till of a guarded request."""
        merchant = getattr(request, "merchant", None)
        operator = getattr(request, "operator", None)
        given: dict[str, Any] = {
            "actor": request.actor,  # type: ignore[attr-defined]
            "permissions": request.permissions,  # type: ignore[attr-defined]
        }
        if isinstance(merchant, Merchant):
            return cls("merchant", Place(Tier.MERCHANT, merchant=merchant), **given)
        if isinstance(operator, Operator):
            return cls("operator", Place(Tier.OPERATOR, operator=operator), **given)
        return cls("platform", Place(Tier.PLATFORM), **given)

    @property
    def merchant(self) -> Merchant | None:
        """The merchant whose back office this is."""
        return self.place.merchant

    @property
    def may_refund(self) -> bool:
        """Whether the person may give money back here."""
        right = permissions.REFUND.name if self.merchant else self._managing
        return right in self.permissions

    @property
    def may_manage(self) -> bool:
        """Whether the person may connect and change accounts here."""
        return self._managing in self.permissions

    @property
    def _managing(self) -> str:
        rights = {
            "merchant": permissions.MANAGE,
            "operator": permissions.OPERATOR_MANAGE,
            "platform": permissions.PLATFORM_MANAGE,
        }
        return rights[self.surface].name

    @cached_property
    def accounts(self) -> list[PayAccount]:
        """All accounts of this place, also those put away."""
        return selectors.accounts_at(self.place)

    @property
    def account(self) -> PayAccount | None:
        """The account that is connected."""
        return next((one for one in self.accounts if one.is_connected), None)

    def account_or_404(self) -> PayAccount:
        """The connected account; without one the page is not there."""
        found = selectors.account_at(self.place)
        if found is None:
            raise Http404
        return found

    def url(self, name: str, *arguments: Any) -> str:
        """An address of this surface, for example ``payments``."""
        place = self.place.merchant or self.place.operator
        leading = [place.slug] if place else []
        return reverse(f"pay:{self.surface}_{name}", args=[*leading, *arguments])

    def payment_url(self, payment: Payment, name: str = "payment", *more: Any) -> str:
        """An address of a payment: a merchant's own needs no name of the merchant."""
        whose = [] if self.merchant else [payment.merchant.slug]
        return self.url(name, *whose, payment.pk, *more)

    def subject_url(self, payment: Payment) -> str:
        """Where what was paid for is shown on this surface."""
        return hooks.find(payment.purpose).url(payment, self.surface)

    @contextmanager
    def all_rows(self) -> Iterator[None]:
        """Open the rows of everybody who paid here; every query names the accounts."""
        if self.merchant is not None:
            with tenancy.merchant_scope(self.merchant.pk):
                yield
            return
        with tenancy.all_merchants(f"payments on the accounts of the {self.surface}"):
            yield

    @contextmanager
    def payment(self, slug: str, payment_id: int) -> Iterator[Payment]:
        """A payment to this place, in its merchant's scope; another's is not there (404)."""
        merchant = self.merchant or get_object_or_404(Merchant, slug=slug)
        with tenancy.merchant_scope(merchant.pk):
            rows = selectors.payments(self.accounts).select_related("account__partner")
            yield get_object_or_404(rows, pk=payment_id)

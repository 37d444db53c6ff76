"""One page for two doors: the platform's and an operator's pages over merchants are the same.

``for_tiers`` makes of one view the platform's and the operator's; ``request.desk`` says at which
of the two it runs and finds only what belongs there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from zhanggui.accounts import rights, tier_selectors
from zhanggui.accounts.guards import SignedInRequest, operator_view, platform_view
from zhanggui.accounts.models import Membership, Merchant, Operator

READING = ("GET", "HEAD")
WRITING = ("GET", "HEAD", "POST")
POSTING = ("POST",)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where somebody of a tier stands: the platform (no operator), or one operator."""

    operator: Operator | None
    base: str
    """The address everything here begins with, for example ``/operator/jiangnan/``."""
    may_manage: bool

    @property
    def is_platform(self) -> bool:
        """Whether it is the platform's."""
        return self.operator is None

    def merchant(self, slug: str) -> Merchant:
        """A merchant of this desk.

        Raises:
            Http404: unknown, or of another operator.
        """
        found = tier_selectors.merchants(operator=self.operator).filter(slug=slug).first()
        if found is None:
            raise Http404
        return found

    def merchant_url(self, merchant: Merchant) -> str:
        """The page of a merchant."""
        return f"{self.base}merchants/{merchant.slug}/"


class TierRequest(SignedInRequest):
    """A request of somebody of the platform or of an operator."""

    membership: Membership
    desk: Desk


type View[**P] = Callable[Concatenate[TierRequest, P], HttpResponse]


@dataclass(frozen=True, slots=True)
class Doors:
    """One view behind the guard of the platform and behind that of operators."""

    platform: Callable[..., HttpResponseBase]
    operator: Callable[..., HttpResponseBase]


def for_tiers[**P](
    methods: tuple[str, ...] = READING, *, manages: bool = False
) -> Callable[[View[P]], Doors]:
    """Open a view to people of the platform and of operators.

    Args:
        methods: which it answers.
        manages: whether it takes the right to manage; else that to see.
    """
    at_platform = rights.PLATFORM_MANAGE if manages else rights.PLATFORM_VIEW
    at_operator = rights.OPERATOR_MANAGE if manages else rights.OPERATOR_VIEW

    def decorate(view: View[P]) -> Doors:
        def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            tier_request = cast("TierRequest", request)
            tier_request.desk = desk_of(tier_request)
            return cast("Callable[..., HttpResponse]", view)(tier_request, *args, **kwargs)

        entered.__dict__.update(vars(view))
        entered.__doc__ = view.__doc__
        allowed = require_http_methods(list(methods))
        return Doors(
            platform=allowed(platform_view(at_platform.name)(entered)),
            operator=allowed(operator_view(at_operator.name)(entered)),
        )

    return decorate


def desk_of(request: HttpRequest) -> Desk:
    """Where the person of a guarded request stands."""
    operator: Operator | None = getattr(request, "operator", None)
    held: frozenset[str] = getattr(request, "permissions", frozenset())
    if operator is None:
        base = reverse("accounts:platform")
        return Desk(None, base, rights.PLATFORM_MANAGE.name in held)
    base = reverse("accounts:operator", args=[operator.slug])
    return Desk(operator, base, rights.OPERATOR_MANAGE.name in held)

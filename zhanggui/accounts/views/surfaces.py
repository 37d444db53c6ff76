"""The same page at three tiers: where it stands, who may open it, what its addresses are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path, reverse

from zhanggui.accounts import guards, permissions, rights
from zhanggui.accounts.guards import PlaceRequest
from zhanggui.accounts.models import Tier

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Surface:
    """A tier's part of the site."""

    tier: Tier
    names: str
    """What the names of its addresses begin with."""
    route: str
    guard: Callable[[str], Callable[[Any], View]]
    view_staff: str
    manage_staff: str
    manage_roles: str


SURFACES = (
    Surface(
        Tier.MERCHANT,
        "",
        "m/<slug:merchant>/",
        guards.merchant_view,
        rights.VIEW_STAFF.name,
        rights.MANAGE_STAFF.name,
        rights.MANAGE_ROLES.name,
    ),
    Surface(
        Tier.OPERATOR,
        "operator_",
        "operator/<slug:operator>/",
        guards.operator_view,
        rights.OPERATOR_STAFF.name,
        rights.OPERATOR_STAFF.name,
        rights.OPERATOR_STAFF.name,
    ),
    Surface(
        Tier.PLATFORM,
        "platform_",
        "platform/",
        guards.platform_view,
        rights.PLATFORM_STAFF.name,
        rights.PLATFORM_STAFF.name,
        rights.PLATFORM_STAFF.name,
    ),
)
_of_tier = {surface.tier: surface for surface in SURFACES}


def surface_of(request: PlaceRequest) -> Surface:
    """The surface of a request."""
    return _of_tier[permissions.tier_of(request.place)]


def address(request: PlaceRequest, name: str, *numbers: int) -> str:
    """The address of a page at the request's own place."""
    slug = [request.place.slug] if request.place is not None else []
    return reverse(f"accounts:{surface_of(request).names}{name}", args=[*slug, *numbers])


def doors(
    route: str,
    name: str,
    view: Callable[..., HttpResponseBase],
    *,
    right: Callable[[Surface], str],
    methods: Callable[[View], View],
) -> list[URLPattern]:
    """One view behind the guards of all three tiers.

    Args:
        route: what follows the surface's own part.
        name: the name of the address at a merchant; operators and the platform get a prefix.
        view: takes a ``PlaceRequest``.
        right: the right it asks for at a surface.
        methods: which methods it answers, for example ``require_GET``.
    """
    return [
        path(
            f"{surface.route}{route}",
            methods(surface.guard(right(surface))(view)),
            name=f"{surface.names}{name}",
        )
        for surface in SURFACES
    ]


def viewing(surface: Surface) -> str:
    """The right to see people."""
    return surface.view_staff


def managing(surface: Surface) -> str:
    """The right to invite and change people."""
    return surface.manage_staff


def shaping(surface: Surface) -> str:
    """The right to make own roles."""
    return surface.manage_roles

"""Who may enter a page.

Anonymous -> sign in (401 for pieces of pages and for JSON), stranger -> 404, colleague without
the right -> 403. The merchant's guard opens the merchant's scope for the whole request; it also
admits people of the tiers above while their support session lasts.

Every view carries the name of its guard in ``view.guard``; the architecture tests walk all
addresses and fail on one without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect

from zhanggui.accounts import navigation, permissions, services, standing, strength
from zhanggui.accounts.actors import Actor, person_actor
from zhanggui.accounts.errors import SupportOver
from zhanggui.accounts.models import (
    Membership,
    Merchant,
    Operator,
    Person,
    Role,
    SupportSession,
    Tier,
)
from zhanggui.accounts.services import refuse_shut
from zhanggui.accounts.standing import Standing
from zhanggui.core import clock, tenancy
from zhanggui.core.errors import NotAllowed, SignedOut


class SignedInRequest(HttpRequest):
    """A request of a person who signed in."""

    person: Person
    actor: Actor
    permissions: frozenset[str]


class PlaceRequest(SignedInRequest):
    """A request inside a place, whatever its tier; ``place`` is None at the platform."""

    place: Merchant | Operator | None
    membership: Membership
    """In a support session one that stands nowhere: a manager's, without a row."""
    support: SupportSession | None


class MerchantRequest(PlaceRequest):
    """A request inside one merchant's back office; the merchant's scope is open."""

    merchant: Merchant
    standing: Standing


class OperatorRequest(PlaceRequest):
    """A request of an operator's person."""

    operator: Operator


class PlatformRequest(PlaceRequest):
    """A request of the platform's person."""


SUPPORT_REMEMBERED = timedelta(hours=12)
"""So long after its end a session's person reads why they are out; later they are a stranger."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

type View[Request: HttpRequest, **P] = Callable[Concatenate[Request, P], HttpResponseBase]


def mark[F: Callable[..., Any]](view: F, guard: str) -> F:
    """Name the guard of a view."""
    view.guard = guard  # type: ignore[attr-defined]
    return view


def works_read_only[F: Callable[..., Any]](view: F) -> F:
    """Let a view of a merchant work after its plan has ended: paying, exporting.

    Stands below ``merchant_view``. A shop put away opens these pages for its owners only.
    """
    view.works_read_only = True  # type: ignore[attr-defined]
    return view


def public_view[F: Callable[..., Any]](view: F) -> F:
    """Mark a view that everybody may open."""
    return mark(view, "public")


def wants_piece(request: HttpRequest) -> bool:
    """Whether the answer becomes a part of a page or data, where a redirect would mislead."""
    asked = request.META  # ``headers`` would sort out all of them first
    accepts_json: bool = asked.get("HTTP_ACCEPT", "").startswith("application/json")
    return accepts_json or asked.get("HTTP_HX_REQUEST") == "true"


def sign_in_first(request: HttpRequest) -> HttpResponseRedirect:
    """Send an anonymous person to the sign-in page and back here afterwards.

    Raises:
        SignedOut: the request asks for a piece of a page or for JSON (401).
    """
    if wants_piece(request):
        raise SignedOut
    back = request.get_full_path() if request.method == "GET" else _page_of(request)
    asked = {"next": back}
    if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and request.session.is_empty():
        asked["ended"] = "1"  # the sign-in page says why somebody who was in is out
    return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode(asked)}")


def _page_of(request: HttpRequest) -> str:
    # after signing in again a POST is not repeated: the person sees the page it came from
    origin = f"{request.scheme}://{request.get_host()}"
    referer = request.headers.get("Referer", "")
    return referer.removeprefix(origin) if referer.startswith(f"{origin}/") else request.path


def _enter(request: HttpRequest) -> Person | None:
    """Put person and actor on the request; None when nobody signed in."""
    person = request.user
    if not isinstance(person, Person):
        return None
    request.person = person  # type: ignore[attr-defined]
    request.actor = person_actor(person, request)  # type: ignore[attr-defined]
    request.permissions = frozenset()  # type: ignore[attr-defined]
    request.support = None  # type: ignore[attr-defined]
    return person


def _member(
    request: HttpRequest, person: Person, tier: Tier, slug: str | None = None
) -> Membership | None:
    """The person's membership at a place; all of them come at once, the page's head shows them."""
    held = navigation.memberships_of(person)
    request.memberships = held  # type: ignore[attr-defined]
    for membership in held:
        place = membership.place
        if membership.tier == tier and (place.slug if place else None) == slug:
            return membership
    return None


def _supporter(request: HttpRequest, person: Person, slug: str) -> Membership | None:
    """Admit somebody of a tier above in a support session; None for strangers.

    Raises:
        SupportForbidden: the merchant forbade it (E_SUPPORT_FORBIDDEN, 403).
        SupportOver: the time is over, or somebody ended it (E_SUPPORT_OVER, 403).
        NotFound: the person gives no support any more (E_NOT_FOUND, 404).
    """
    session = services.current_support(person, slug)
    if session is None or session.ends_at < clock.now() - SUPPORT_REMEMBERED:
        return None
    services.refuse_support(session)
    if not session.is_open:
        raise SupportOver(name=session.merchant.name)
    request.support = session  # type: ignore[attr-defined]
    request.actor = replace(person_actor(person, request), support_id=session.pk)  # type: ignore[attr-defined]
    return Membership(
        person=person, tier=Tier.MERCHANT, merchant=session.merchant, role=Role.MANAGER
    )


def _needs_strength(request: HttpRequest, place: Merchant) -> bool:
    """Whether a second factor is asked for: by the merchant, and of the platform's people."""
    support: SupportSession | None = getattr(request, "support", None)
    return place.needs_second_factor or (support is not None and support.operator_id is None)


def _stand(request: HttpRequest, membership: Membership) -> None:
    """Put on the request where the person stands and what they may do there."""
    given = (
        permissions.of_support()
        if getattr(request, "support", None) is not None
        else permissions.of_membership(membership)
    )
    request.membership = membership  # type: ignore[attr-defined]
    request.place = membership.place  # type: ignore[attr-defined]
    request.permissions = given  # type: ignore[attr-defined]


def _admit(request: HttpRequest, permission: str) -> None:
    if permission and permission not in request.permissions:  # type: ignore[attr-defined]
        raise NotAllowed


def _admit_by_plan(
    request: HttpRequest, membership: Membership, permission: str, view: Callable[..., Any]
) -> str:
    """Ask the merchant's plan; answers where an owner is sent instead, if anywhere."""
    stands = standing.of(request.merchant)  # type: ignore[attr-defined]
    request.standing = stands  # type: ignore[attr-defined]
    is_safe = request.method in SAFE
    works = getattr(view, "works_read_only", False)
    if not stands.has(permissions.feature_of(permission)):
        raise Http404
    is_owner = membership.role == Role.OWNER
    if stands.is_archived and is_owner and is_safe and not works and stands.notice_url:
        return stands.notice_url
    standing.admit(
        stands,
        is_owner=is_owner,
        is_safe=is_safe,
        works_read_only=works,
        may_see_plan=stands.notice_permission in request.permissions,  # type: ignore[attr-defined]
    )
    return ""


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    # a lazy template would otherwise be rendered after the scope is closed
    render = getattr(response, "render", None)
    if callable(render) and not getattr(response, "is_rendered", True):
        rendered: HttpResponseBase = render()
        return rendered
    return response


def _call(view: Callable[..., Any], request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
    # the guard has put on the request what the view's own request type promises
    response: HttpResponseBase = view(request, **kwargs)
    return response


def signed_in_view[**P](
    view: View[SignedInRequest, P],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Admit every person who signed in."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if _enter(request) is None:
            return sign_in_first(request)
        return view(request, *args, **kwargs)  # type: ignore[arg-type]

    return mark(guarded, "signed-in")


def merchant_view[**P](
    permission: str = "",
) -> Callable[[View[MerchantRequest, P]], Callable[..., HttpResponseBase]]:
    """Admit people of the merchant named in the address who have the right.

    Args:
        permission: the right; empty admits every member.
    """

    def decorate(view: View[MerchantRequest, P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *, merchant: str, **kwargs: Any) -> HttpResponseBase:
            person = _enter(request)
            if person is None:
                return sign_in_first(request)
            membership = _member(request, person, Tier.MERCHANT, merchant)
            membership = membership or _supporter(request, person, merchant)
            if membership is None or membership.merchant is None:
                raise Http404
            place = membership.merchant
            refuse_shut(place)
            if _needs_strength(request, place) and strength.is_weak(request):
                return strength.ask_for_second_factor(request)
            request.merchant = place  # type: ignore[attr-defined]
            _stand(request, membership)
            away = _admit_by_plan(request, membership, permission, view)
            if away:
                return HttpResponseRedirect(away)
            _admit(request, permission)
            request.permissions = permissions.switched_on(  # type: ignore[attr-defined]
                request.permissions,  # type: ignore[attr-defined]
                request.standing,  # type: ignore[attr-defined]
            )
            with tenancy.merchant_scope(place.pk):
                return _rendered(_call(view, request, **kwargs))

        return mark(guarded, f"merchant:{permission}")

    return decorate


def operator_view[**P](
    permission: str = "",
) -> Callable[[View[OperatorRequest, P]], Callable[..., HttpResponseBase]]:
    """Admit people of the operator named in the address who have the right."""

    def decorate(view: View[OperatorRequest, P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *, operator: str, **kwargs: Any) -> HttpResponseBase:
            person = _enter(request)
            if person is None:
                return sign_in_first(request)
            membership = _member(request, person, Tier.OPERATOR, operator)
            if membership is None or membership.operator is None:
                raise Http404
            place = membership.operator
            refuse_shut(place)
            request.operator = place  # type: ignore[attr-defined]
            _stand(request, membership)
            _admit(request, permission)
            return _rendered(_call(view, request, **kwargs))

        return mark(guarded, f"operator:{permission}")

    return decorate


def platform_view[**P](
    permission: str = "",
) -> Callable[[View[PlatformRequest, P]], Callable[..., HttpResponseBase]]:
    """Admit people of the platform who have the right."""

    def decorate(view: View[PlatformRequest, P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            person = _enter(request)
            if person is None:
                return sign_in_first(request)
            membership = _member(request, person, Tier.PLATFORM)
            if membership is None:
                raise Http404
            if strength.is_weak(request):
                return strength.ask_for_second_factor(request)
            _stand(request, membership)
            _admit(request, permission)
            return _rendered(_call(view, request, **kwargs))

        return mark(guarded, f"platform:{permission}")

    return decorate

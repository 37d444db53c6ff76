"""The demo's start page: what to try, who signs in, whose phones lie ready."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from demo import entry, hours, listing, progress
from demo.cast import (
    MERCHANTS,
    OPERATORS,
    PASSWORD,
    PLATFORM_ACCOUNT,
    MerchantPlan,
    StorePlan,
    account_of,
)
from demo.made import find, store_key
from demo.models import Day
from demo.plans import SHOPS
from zhanggui.accounts import devices
from zhanggui.accounts import services as account_services
from zhanggui.accounts.guards import public_view
from zhanggui.accounts.views.public import local_path
from zhanggui.core import clock, numbers
from zhanggui.core.errors import DomainError
from zhanggui.signin.services import factors

PHONES_SHOWN = 3
TEA = MERCHANTS[0]
FUTURE_MANAGER, FUTURE_CUSTOMER, FOLLOWER = 3, 5, 0
"""Places of three people among the outsiders: who becomes a manager, a customer, a follower."""
FLORIST = "flowers-owner"
"""Whose shop gets an official account of its own."""


def _demo_only() -> None:
    if not settings.IS_DEMO:
        raise Http404


def _is_ready() -> bool:
    """Whether the first fill came to its end; later days are added behind the open page."""
    return Day.objects.filter(until__isnull=False).exists()


@never_cache
@require_GET
@public_view
def start(request: HttpRequest) -> HttpResponse:
    """What there is to try; while the data are being made, how far that is."""
    _demo_only()
    if not _is_ready():
        return render(request, "demo/waiting.html", {"progress": progress.read()})
    page = {
        "tea": TEA,
        "tea_owner": TEA.staff[0],
        "step_one": _store_path(),
        "manager": listing.outsiders()[FUTURE_MANAGER],
        "customer": listing.outsiders()[FUTURE_CUSTOMER],
        "florist": listing.sign_in_of(FLORIST),
        "keeper": listing.keepers()[0],
        "follower": listing.outsiders()[FOLLOWER],
        "platform_account": PLATFORM_ACCOUNT,
        "password": PASSWORD,
        "tiers": _tiers(),
        "merchants": [_merchant(plan) for plan in MERCHANTS],
        "shops": [
            {"plan": plan, "people": [one for one in listing.sign_ins() if one.place == plan.name]}
            for plan in SHOPS
        ],
        "outsiders": listing.outsiders(),
        "sandbox": settings.SANDBOX_URL,
    }
    return render(request, "demo/start.html", page)


@never_cache
@require_GET
@public_view
def waiting(request: HttpRequest) -> HttpResponse:
    """The piece of the waiting page that is fetched again and again."""
    _demo_only()
    response = render(request, "demo/_progress.html", {"progress": progress.read()})
    if _is_ready():
        response["HX-Refresh"] = "true"
    return response


@never_cache
@require_GET
@public_view
def digits(request: HttpRequest) -> HttpResponse:
    """What the platform's authenticator app shows now; a piece of the start page."""
    _demo_only()
    shown, left = factors.digits_now(entry.SECRET)
    return render(request, "demo/_digits.html", {"digits": shown, "left": left})


@require_POST
@public_view
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in as one of the demo's people, under the same limits as the form."""
    _demo_only()
    chosen = listing.sign_in_of(request.POST.get("who", ""))
    if chosen is None:
        raise Http404
    try:
        person = account_services.authenticate(
            phone=chosen.plan.phone, password=PASSWORD, ip=devices.ip_of(request)
        )
        account_services.refuse_shut_out(person)
        # whoever sees this page sees the platform's second factor, too: nothing is kept from them
        account_services.open_session(request=request, person=person, has_both_factors=True)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("demo:start")
    return HttpResponseRedirect(local_path(request, request.POST.get("next", "")) or chosen.path)


@never_cache
@require_GET
@public_view
def clock_page(request: HttpRequest) -> HttpResponse:
    """Where the demo's owner moves the clock of product and sandbox."""
    _demo_only()
    page = {"now": clock.now(), "is_moved": bool(clock.shift()), "steps": hours.STEPS}
    return render(request, "demo/clock.html", page)


@require_POST
@public_view
def clock_move(request: HttpRequest) -> HttpResponse:
    """Move the clock some days on, or set it right again."""
    _demo_only()
    days = numbers.whole(request.POST.get("days", ""))
    if days is not None and days not in hours.STEPS:
        raise Http404
    if days:
        hours.move_on(days)
    else:
        hours.set_right()
    return redirect("demo:clock")


def _store_path() -> str:
    """The store without managers, where the first step begins."""
    store_id = find(store_key(TEA, _empty_store()))
    if store_id is None:
        return reverse("accounts:stores", args=[TEA.slug])
    return reverse("accounts:store", args=[TEA.slug, store_id])


def _empty_store() -> StorePlan:
    return next(store for store in TEA.stores if not store.managers)


def _tiers() -> list[dict[str, Any]]:
    """The platform and the operators with their people."""
    everybody = listing.sign_ins()
    names = {operator.name: operator.account for operator in OPERATORS}
    tiers = []
    for place in dict.fromkeys(one.place for one in everybody):
        if place in {plan.name for plan in (*MERCHANTS, *SHOPS)}:
            continue
        people = [one for one in everybody if one.place == place]
        tiers.append(
            {
                "name": place,
                "is_platform": place not in names,
                "account": names.get(place, PLATFORM_ACCOUNT),
                "people": people,
            }
        )
    return tiers


def _merchant(plan: MerchantPlan) -> dict[str, Any]:
    operator = next((one for one in OPERATORS if one.slug == plan.operator), None)
    return {
        "plan": plan,
        "operator": operator,
        "account": account_of(plan),
        "stores": len(plan.stores),
        "people": [one for one in listing.sign_ins() if one.place == plan.name],
        "managers": listing.managers_of(plan)[:PHONES_SHOWN],
        "customers": listing.customers_of(plan, PHONES_SHOWN),
    }

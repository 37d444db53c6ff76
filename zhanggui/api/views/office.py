"""Tokens in the back office: list, making one, one token with what it did, revoking."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import audit_log
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view, works_read_only
from zhanggui.accounts.models import Store
from zhanggui.api import scopes, selectors, services
from zhanggui.api.errors import NameTaken, TokenOver
from zhanggui.api.forms import AS_IT_IS, TokenChangeForm, TokenForm
from zhanggui.api.lists import STATES, TOKENS, TONES
from zhanggui.api.models import ApiToken, TokenState
from zhanggui.api.permissions import TOKENS as MANAGE
from zhanggui.api.services import Made
from zhanggui.core import clock, idempotency
from zhanggui.core import tokens as opaque
from zhanggui.core.errors import DomainError
from zhanggui.ui import paging, shown_once


@require_GET
@merchant_view(MANAGE.name)
@works_read_only
def tokens(request: MerchantRequest) -> HttpResponse:
    """All tokens of the shop, newest first."""
    shown = TOKENS.open(request)
    shown.fill(selectors.tokens(search=shown.search, values=shown.values))
    page = {"list": shown, "rows": [_shown(token) for token in shown.rows]}
    return render(request, "api/tokens.html", page)


def _shown(token: ApiToken) -> dict[str, Any]:
    state = token.state_at(clock.now())
    return {
        "token": token,
        "state": STATES[state],
        "tone": TONES[state],
        "is_active": state is TokenState.ACTIVE,
        "scopes": scopes.named(token.scopes),
    }


@never_cache
@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE.name)
def token_new(request: MerchantRequest) -> HttpResponse:
    """Make a token; its page then shows the secret for some minutes, to this browser only."""
    form = TokenForm(
        request.POST or None,
        scopes=scopes.offered(request.standing),
        stores=list(Store.objects.order_by("name")),
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return _make(request, form)
            except DomainError as refusal:
                at = "name" if isinstance(refusal, NameTaken) else None
                status = put_refusal(form, refusal, at)
    key = request.POST.get("idempotency_key", "") or opaque.new_token()
    return render(request, "api/token_new.html", {"form": form, "key": key}, status=status)


def _kept_as(token: ApiToken) -> str:
    return f"api_token.{token.merchant_id}.{token.pk}"


def _make(request: MerchantRequest, form: TokenForm) -> HttpResponse:
    fresh: list[Made] = []

    def write() -> dict[str, Any]:
        made = services.create_token(
            merchant=request.merchant, values=form.values(), actor=request.actor
        )
        fresh.append(made)
        return {"id": made.token.pk}

    answer = idempotency.once(
        caller=request.actor.key,
        key=request.POST.get("idempotency_key", "")[:80],
        content={"door": "api.token_new", **form.cleaned_data},
        write=write,
    )
    for made in fresh:
        shown_once.keep(request, _kept_as(made.token), made.secret)
    return redirect("api:token", request.merchant.slug, answer["id"])


@never_cache
@require_GET
@merchant_view(MANAGE.name)
@works_read_only
def token(request: MerchantRequest, *, api_token_id: int) -> HttpResponse:
    """One token: what it may do and what it did."""
    found = get_object_or_404(selectors.of_number(api_token_id))
    deeds = paging.keyset(
        selectors.deeds(found), order=("-at", "-id"), after=request.GET.get("after", ""), size=20
    )
    page = {
        **_shown(found),
        "secret": "" if found.revoked_at else shown_once.kept(request, _kept_as(found)),
        "stores": Store.objects.filter(pk__in=found.store_ids).order_by("name"),
        "page": deeds,
        "lines": audit_log.lines(deeds.rows),
        "wrong": selectors.wrong_codes(found),
        "left": services.writes_left(found),
    }
    return render(request, "api/token.html", page)


@require_http_methods(["GET", "POST"])
@merchant_view(MANAGE.name)
def token_edit(request: MerchantRequest, *, api_token_id: int) -> HttpResponse:
    """Change what a token may do; the till keeps its secret."""
    found = get_object_or_404(selectors.of_number(api_token_id))
    if found.revoked_at is not None:
        raise TokenOver
    form = TokenChangeForm(
        request.POST or None,
        initial={
            "name": found.name,
            "scopes": found.scopes,
            "stores": found.store_ids,
            "days": AS_IT_IS,
            "writes_a_day": found.writes_a_day,
        },
        scopes=[
            scope
            for scope in scopes.known()
            if request.standing.has(scope.feature) or scope.name in found.scopes
        ],
        stores=list(Store.objects.order_by("name")),
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.change_token(token=found, values=form.values(), actor=request.actor)
            except DomainError as refusal:
                at = "name" if isinstance(refusal, NameTaken) else None
                status = put_refusal(form, refusal, at)
            else:
                messages.success(request, _("Saved. It holds from the till's next call on."))
                return redirect("api:token", request.merchant.slug, found.pk)
    return render(request, "api/token_edit.html", {"form": form, "token": found}, status=status)


@require_POST
@merchant_view(MANAGE.name)
def revoke(request: MerchantRequest, *, api_token_id: int) -> HttpResponse:
    """End a token at once."""
    found = get_object_or_404(selectors.of_number(api_token_id))
    services.revoke_token(token=found, actor=request.actor)
    messages.success(request, _("Revoked. The till can do nothing any more."))
    return redirect("api:token", request.merchant.slug, found.pk)

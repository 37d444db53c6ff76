"""Who may call: whoever shows a token of the merchant that has the scope.

No token, an unknown or an ended one -> 401; without the scope -> 403. The merchant is the token's;
its scope is open for the whole call. What another merchant has is 404, like what never was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from ninja.security import HttpBearer

from zhanggui.accounts import devices, standing
from zhanggui.accounts.actors import Actor, token_actor
from zhanggui.accounts.guards import mark
from zhanggui.accounts.models import Merchant
from zhanggui.api import answers, scopes, services
from zhanggui.api.errors import BodyTooLong, MethodWrong, ScopeMissing, TokenMissing
from zhanggui.api.models import ApiToken
from zhanggui.api.services import CALLS_A_MINUTE, Entered
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError, NotFound

LONGEST_BODY = 16_000
LONGEST_TOKEN = 100
NOT_ALLOWED = 405


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    token: ApiToken
    merchant: Merchant
    actor: Actor


def caller_of(request: HttpRequest) -> Caller:
    """Who calls; ``token_view`` found out."""
    caller: Caller = request.caller  # type: ignore[attr-defined]
    return caller


type View = Callable[..., HttpResponseBase]


def token_view(view: View) -> View:
    """Let calls with a good token through; every answer is JSON and says how many are left."""

    @csrf_exempt  # nothing here knows a cookie
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        entered: Entered | None = None
        try:
            _refuse_long(request)
            entered = services.enter(secret=_bearer(request), ip=devices.ip_of(request))
            response = _call(view, request, entered.token, args, kwargs)
        except DomainError as refusal:
            response = answers.refused(refusal)
        if entered is not None:
            response["RateLimit-Limit"] = str(CALLS_A_MINUTE)
            response["RateLimit-Remaining"] = str(entered.left)
            response["RateLimit-Reset"] = str(entered.resets_in_s)
        return response

    return mark(guarded, "token")


def _refuse_long(request: HttpRequest) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LONGEST_BODY:
        raise BodyTooLong(most=LONGEST_BODY)


def _bearer(request: HttpRequest) -> str:
    word, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if word.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
        raise TokenMissing
    return token


def _call(
    view: View, request: HttpRequest, token: ApiToken, args: Any, kwargs: Any
) -> HttpResponseBase:
    actor = token_actor(token.pk, token.name, request)
    request.caller = Caller(token, token.merchant, actor)  # type: ignore[attr-defined]
    with tenancy.merchant_scope(token.merchant_id):
        response = view(request, *args, **kwargs)
    if response.status_code != NOT_ALLOWED:
        return response
    refused = answers.refused(MethodWrong())
    refused["Allow"] = response["Allow"]
    return refused


class Bearer(HttpBearer):
    """What one operation asks of a token; stands in the schema as a bearer token.

    Raises:
        ScopeMissing: the token lacks the scope (E_SCOPE, 403).
        NotFound: the merchant's plan lacks the feature (404).
        PlanReadOnly: a booking, and the plan is over (E_READ_ONLY, 403).
    """

    def __init__(self, scope: str = "") -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Caller:
        """Admit the caller whom ``token_view`` has found."""
        caller = caller_of(request)
        if not self.scope:
            return caller
        scope = scopes.get(self.scope)
        stands = standing.of(caller.merchant)
        if not stands.has(scope.feature):
            raise NotFound
        if self.scope not in caller.token.scopes:
            raise ScopeMissing(scope=scope.label)
        standing.admit(stands, is_owner=False, is_safe=not scope.is_writing, works_read_only=False)
        return caller

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Asked by nobody: ``__call__`` decides."""
        return self(request)

"""Signing in: by password, by code, by passkey; the second factor; a forgotten password."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import devices, selectors
from zhanggui.accounts import services as account_services
from zhanggui.accounts.errors import PasswordWeak
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import public_view
from zhanggui.accounts.models import Person
from zhanggui.accounts.views.public import local_path
from zhanggui.channels.sms import client as sms_client
from zhanggui.core import limits
from zhanggui.core.errors import DomainError
from zhanggui.core.limits import Limit
from zhanggui.signin.errors import NotProved, PasskeyRefused
from zhanggui.signin.forms import (
    CodeSignInForm,
    DigitsForm,
    ForgotForm,
    PasswordSignInForm,
    RecoveryForm,
)
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import entering, factors, passkeys, pictures, scanning
from zhanggui.signin.views import steps

PICTURES = Limit("signin-pictures", most=120, window_s=600, lock_s=300)
SOUNDS = Limit("signin-sounds", most=30, window_s=600, lock_s=300)
PASSKEY_TRIES = Limit("signin-passkey-ip", most=30, window_s=600, lock_s=600)
CEREMONY_KEY = "signin_passkey"
NEXT_KEY = "signin_next"


def go_on(request: HttpRequest, *, is_in: bool, wanted: str) -> HttpResponse:
    """Where somebody is sent after the first proof."""
    if is_in:
        return redirect(wanted or settings.LOGIN_REDIRECT_URL)
    request.session[NEXT_KEY] = wanted
    return redirect("signin:second")


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
@public_view
def login(request: HttpRequest, place: str = "") -> HttpResponse:
    """Take phone and password, or phone and code; go on to where the person wanted to be."""
    look = steps.look_of(place)
    wanted = local_path(request, request.POST.get("next") or request.GET.get("next", ""))
    if request.method == "GET" and isinstance(request.user, Person):
        return redirect(wanted or settings.LOGIN_REDIRECT_URL)
    way = request.POST.get("way") or request.GET.get("way", "")
    can_scan = scanning.can_scan()
    take = _by_code if way == "sms" and sms_client.is_set_up() else _by_password
    shown = "sms" if take is _by_code else "wechat" if way == "wechat" and can_scan else "password"
    page = {
        "look": look,
        "next": wanted,
        "way": shown,
        "can_scan": can_scan,
        "has_sms": sms_client.is_set_up(),
        "has_passkeys": passkeys.can_be_used(host_of(request)),
        "is_ended": request.method == "GET" and "ended" in request.GET,
        "needs_owner": not selectors.has_platform_owner(),
    }
    return take(request, page, wanted)


def _by_password(request: HttpRequest, page: dict[str, Any], wanted: str) -> HttpResponse:
    form = PasswordSignInForm(request.POST or None)
    status, retry_after_s = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                is_in = entering.enter_by_password(request=request, **form.cleaned_data)
            except DomainError as refusal:
                status, retry_after_s = put_refusal(form, refusal), refusal.retry_after_s
            else:
                return go_on(request, is_in=is_in, wanted=wanted)
    page |= {"form": form, "retry_after_s": retry_after_s}
    response = render(request, "signin/login.html", page, status=status)
    if retry_after_s:
        response["Retry-After"] = str(retry_after_s)
    return response


def _by_code(request: HttpRequest, page: dict[str, Any], wanted: str) -> HttpResponse:
    form = CodeSignInForm(request.POST or None, is_asking=steps.is_asking(request))
    status, answer = 200, steps.answer_for(request, Purpose.LOGIN)
    if steps.is_asking(request):
        known = form.is_valid() and Person.objects.by_phone(form.cleaned_data["phone"]) is not None
        status, answer = steps.send(request, form, purpose=Purpose.LOGIN, is_known=known)
    elif request.method == "POST" and request.POST.get("do") != steps.AGAIN:
        status = 422
        if form.is_valid():
            try:
                is_in = entering.enter_by_code(
                    request=request, phone=form.cleaned_data["phone"], digits=form.digits
                )
            except DomainError as refusal:
                status = steps.refuse(form, refusal)
            else:
                return go_on(request, is_in=is_in, wanted=wanted)
    return steps.show(
        request, "signin/login.html", page | {"form": form}, answer=answer, status=status
    )


@never_cache
@sensitive_post_parameters("digits", "code")
@require_http_methods(["GET", "POST"])
@public_view
def second(request: HttpRequest) -> HttpResponse:
    """The second factor of a sign-in: the app, a passkey, or a recovery code."""
    try:
        person, _way = entering.half_way_in(request)
    except NotProved:
        return redirect("signin:login")
    with_what = "recovery" if (request.POST or request.GET).get("with") == "recovery" else "totp"
    kind = RecoveryForm if with_what == "recovery" else DigitsForm
    form = kind(request.POST or None)
    page = {
        "factors": factors.factors_of(person),
        "with": with_what,
        "has_passkeys": passkeys.can_be_used(host_of(request)),
        "form": form,
    }
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            typed = "".join(form.cleaned_data.values())
            try:
                entering.enter_by_second_factor(request=request, with_what=with_what, typed=typed)
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                wanted = str(request.session.pop(NEXT_KEY, ""))
                return go_on(request, is_in=True, wanted=wanted)
    return render(request, "signin/second.html", page, status=status)


@never_cache
@sensitive_post_parameters("password", "again", "code")
@require_http_methods(["GET", "POST"])
@public_view
def forgot(request: HttpRequest) -> HttpResponse:
    """A new password by a code; the answers are alike whoever the number belongs to."""
    form = ForgotForm(request.POST or None, is_asking=steps.is_asking(request))
    status, answer = 200, steps.answer_for(request, Purpose.RESET)
    if steps.is_asking(request):
        known = form.is_valid() and Person.objects.by_phone(form.cleaned_data["phone"]) is not None
        status, answer = steps.send(request, form, purpose=Purpose.RESET, is_known=known)
    elif request.method == "POST" and request.POST.get("do") != steps.AGAIN:
        status = 422
        if form.is_valid():
            try:
                is_in = entering.reset_password(
                    request=request,
                    phone=form.cleaned_data["phone"],
                    digits=form.digits,
                    password=form.cleaned_data["password"],
                )
            except DomainError as refusal:
                status = steps.refuse(form, refusal, password=(PasswordWeak,))
            else:
                messages.success(
                    request, _("Your new password works. All other browsers are signed out.")
                )
                warn_of_weakness(request, form.cleaned_data)
                return go_on(request, is_in=is_in, wanted="")
    page = {"form": form, "has_sms": sms_client.is_set_up(), "look": steps.look_of("")}
    return steps.show(request, "signin/forgot.html", page, answer=answer, status=status)


def warn_of_weakness(request: HttpRequest, values: dict[str, Any]) -> None:
    """Tell somebody that their new password is easy to guess; it is taken all the same (U-7)."""
    why = account_services.weakness_of(values["password"], values["phone"])
    if why:
        messages.warning(
            request,
            _("Your password is easy to guess. %(why)s Better change it under “My profile”.")
            % {"why": why},
        )


@require_GET
@public_view
def picture(request: HttpRequest) -> HttpResponse:
    """The picture of a sealed token; drawing it keeps nothing."""
    claim(PICTURES, request)
    return _media(pictures.png(request.GET.get("of", "")), "image/png")


@require_GET
@public_view
def sound(request: HttpRequest) -> HttpResponse:
    """The same spoken: four digits that answer it as well."""
    claim(SOUNDS, request)
    return _media(pictures.wav(request.GET.get("of", "")), "audio/wav")


def _media(content: bytes, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Cache-Control"] = "no-store"
    return response


@require_GET
@public_view
def new_picture(request: HttpRequest) -> HttpResponse:
    """A new picture for the form, as a piece of its page."""
    token = pictures.new_picture(entering.browser_of(request))
    page = {"answer": steps.Answer(token), "is_fresh": True}
    response = render(request, "signin/_picture.html", page)
    response["Cache-Control"] = "no-store"
    return response


def claim(limit: Limit, request: HttpRequest) -> None:
    """Count a request of this network.

    Raises:
        TooMany: too many of them (429).
    """
    network = devices.network_of(devices.ip_of(request))
    if network:
        limits.claim(limit, network)


def host_of(request: HttpRequest) -> str:
    """The host of this request without its port, one of our own."""
    return request.get_host().rpartition(":")[0] or request.get_host()


def origin_of(request: HttpRequest) -> str:
    """What a browser calls this site."""
    return f"{request.scheme}://{request.get_host()}"


@require_POST
@public_view
def passkey_begin(request: HttpRequest) -> JsonResponse:
    """Ask for a passkey: of anybody, or of the person who is half-way in."""
    claim(PASSKEY_TRIES, request)
    options, state = passkeys.begin_using(
        origin=origin_of(request), host=host_of(request), person=_expected(request)
    )
    request.session[CEREMONY_KEY] = dict(state)
    return JsonResponse(options)


@require_POST
@public_view
def passkey_finish(request: HttpRequest) -> JsonResponse:
    """Take the answer of a passkey: sign in, or finish a sign-in; says where to go on."""
    state = request.session.pop(CEREMONY_KEY, None)
    answer = posted_json(request)
    if not isinstance(state, dict):
        raise PasskeyRefused
    expected = _expected(request)
    person = passkeys.finish_using(
        state=state,
        answer=answer,
        origin=origin_of(request),
        host=host_of(request),
        person=expected,
    )
    if expected is not None:
        wanted = str(request.session.pop(NEXT_KEY, ""))
        entering.finish_by_passkey(request=request, person=person)
    else:
        wanted = local_path(request, str(request.GET.get("next", "")))
        entering.enter_by_passkey(request=request, person=person)
    return JsonResponse({"url": wanted or reverse("accounts:choose")})


def _expected(request: HttpRequest) -> Person | None:
    if request.GET.get("for") != "second":
        return None
    return entering.half_way_in(request)[0]


def posted_json(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a passkey's answer.

    Raises:
        PasskeyRefused: it is none (403).
    """
    try:
        answer = json.loads(request.body)
    except ValueError:
        raise PasskeyRefused from None
    if not isinstance(answer, dict):
        raise PasskeyRefused
    return answer

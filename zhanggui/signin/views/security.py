"""One's own second factors and phone number; a merchant's rule about them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import auth, messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import strength
from zhanggui.accounts.errors import PasswordWrong, PhoneTaken, SecondFactorNeeded
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import (
    MerchantRequest,
    SignedInRequest,
    merchant_view,
    signed_in_view,
)
from zhanggui.accounts.models import Membership
from zhanggui.accounts.views.public import local_path
from zhanggui.channels.sms import client as sms_client
from zhanggui.core.errors import DomainError, TooMany
from zhanggui.signin import rights
from zhanggui.signin.errors import FactorNeeded, PasskeyRefused
from zhanggui.signin.forms import ChangePhoneForm, DigitsForm, PasskeyNameForm
from zhanggui.signin.models import Passkey, Purpose
from zhanggui.signin.services import entering, factors, passkeys, phones, scanning
from zhanggui.signin.views import steps
from zhanggui.signin.views.entrance import host_of, origin_of, posted_json
from zhanggui.ui import qr
from zhanggui.ui.formats import masked_phone

NEW_SECRET_KEY = "signin_totp_secret"  # noqa: S105  a name, no secret
NEW_CODES_KEY = "signin_recovery_codes"
ADDING_KEY = "signin_passkey_new"


@never_cache
@require_GET
@signed_in_view
def security(request: SignedInRequest) -> HttpResponse:
    """Second factors of the person, and what to add."""
    if strength.is_weak(request) and factors.factors_of(request.person).is_there:
        return strength.ask_for_second_factor(request)
    page = {
        "factors": factors.factors_of(request.person),
        "passkeys": Passkey.objects.filter(person=request.person).order_by("pk"),
        "needs": factors.needs_second_factor(request.person),
        "has_passkeys": passkeys.can_be_used(host_of(request)),
        "can_scan": scanning.can_scan(),
        "linked": scanning.linked(request.person),
    }
    return render(request, "signin/security.html", page)


@never_cache
@sensitive_post_parameters("digits")
@require_http_methods(["GET", "POST"])
@signed_in_view
def second_factor(request: SignedInRequest) -> HttpResponse:
    """A place asks for a second factor: give it, or set one up first."""
    wanted = local_path(request, request.POST.get("next") or request.GET.get("next", ""))
    have = factors.factors_of(request.person)
    if not strength.is_weak(request):
        return redirect(wanted or "accounts:choose")
    if not have.is_there:
        return render(
            request,
            "signin/must_set_up.html",
            {"next": wanted, "has_passkeys": passkeys.can_be_used(host_of(request))},
        )
    form = DigitsForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                entering.give_second_factor(
                    request=request,
                    person=request.person,
                    with_what="totp",
                    typed=form.cleaned_data["digits"],
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "digits")
            else:
                entering.strengthen(request)
                return redirect(wanted or "accounts:choose")
    page = {"form": form, "next": wanted, "factors": have, "with": "totp", "is_step_up": True}
    return render(request, "signin/second.html", page, status=status)


def _refuse_weak(request: SignedInRequest) -> None:
    """Let factors be changed only by somebody who has given one, once there is any.

    A session from before the first factor would otherwise add one of its own and count as strong.

    Raises:
        SecondFactorNeeded: they are asked for it first (403).
    """
    if strength.is_weak(request) and factors.factors_of(request.person).is_there:
        raise SecondFactorNeeded


@never_cache
@sensitive_post_parameters("digits")
@require_http_methods(["GET", "POST"])
@signed_in_view
def totp(request: SignedInRequest) -> HttpResponse:
    """Set an app up: scan, type what it shows, get recovery codes."""
    if strength.is_weak(request) and factors.factors_of(request.person).is_there:
        return strength.ask_for_second_factor(request)
    wanted = local_path(request, request.POST.get("next") or request.GET.get("next", ""))
    secret = request.session.get(NEW_SECRET_KEY)
    if not isinstance(secret, str):
        secret = factors.new_totp_secret()
        request.session[NEW_SECRET_KEY] = secret
    form = DigitsForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                codes = factors.confirm_totp(
                    person=request.person,
                    secret=secret,
                    digits=form.cleaned_data["digits"],
                    actor=request.actor,
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "digits")
            else:
                request.session.pop(NEW_SECRET_KEY, None)
                return _show_codes(request, codes, wanted)
    account = masked_phone(request.person.phone) if request.person.phone else request.person.name
    uri = factors.provisioning_uri(secret, account=account)
    page = {
        "form": form,
        "qr": qr.data_uri(uri),
        "uri": uri,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "next": wanted,
    }
    return render(request, "signin/totp.html", page, status=status)


def _show_codes(request: SignedInRequest, codes: list[str], wanted: str) -> HttpResponse:
    entering.strengthen(request)
    request.session[NEW_CODES_KEY] = {"codes": codes, "next": wanted}
    return redirect("signin:recovery")


@never_cache
@require_GET
@signed_in_view
def recovery(request: SignedInRequest) -> HttpResponse:
    """New recovery codes, on this page once and never again."""
    kept = request.session.pop(NEW_CODES_KEY, None)
    if not isinstance(kept, dict):
        return redirect("signin:security")
    return render(request, "signin/recovery.html", kept)


@require_POST
@signed_in_view
def renew_recovery(request: SignedInRequest) -> HttpResponse:
    """New recovery codes; the old ones stop working."""
    _refuse_weak(request)
    codes = factors.renew_recovery_codes(person=request.person, actor=request.actor)
    return _show_codes(request, codes, "")


@require_POST
@signed_in_view
def totp_remove(request: SignedInRequest) -> HttpResponse:
    """Take the app away."""
    _refuse_weak(request)
    return _removed(
        request, lambda: factors.remove_totp(person=request.person, actor=request.actor)
    )


@require_POST
@signed_in_view
def passkey_remove(request: SignedInRequest, passkey_id: int) -> HttpResponse:
    """Take a passkey away."""
    _refuse_weak(request)
    return _removed(
        request,
        lambda: passkeys.remove_passkey(
            person=request.person, passkey_id=passkey_id, actor=request.actor
        ),
    )


def _removed(request: SignedInRequest, remove: Any) -> HttpResponse:
    try:
        remove()
    except FactorNeeded as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Removed. It does not open anything any more."))
    return redirect("signin:security")


@require_POST
@signed_in_view
def passkey_new(request: SignedInRequest) -> JsonResponse:
    """Begin to add a passkey: what the browser is asked."""
    _refuse_weak(request)
    options, state = passkeys.begin_adding(
        person=request.person, origin=origin_of(request), host=host_of(request)
    )
    request.session[ADDING_KEY] = dict(state)
    return JsonResponse(options)


@require_POST
@signed_in_view
def passkey_add(request: SignedInRequest) -> JsonResponse:
    """Keep the new passkey; says where to go on."""
    _refuse_weak(request)
    state = request.session.pop(ADDING_KEY, None)
    answer = posted_json(request)
    if not isinstance(state, dict):
        raise PasskeyRefused
    form = PasskeyNameForm({"name": request.GET.get("name", "")})
    name = form.cleaned_data["name"] if form.is_valid() else ""
    passkeys.finish_adding(
        person=request.person,
        state=state,
        answer=answer,
        name=name or request.actor.device or _("Passkey"),
        origin=origin_of(request),
        host=host_of(request),
        actor=request.actor,
    )
    entering.strengthen(request)
    messages.success(request, _("The passkey is set up. Next time it lets you in with one touch."))
    if not factors.factors_of(request.person).recovery_codes:
        codes = factors.renew_recovery_codes(person=request.person, actor=request.actor)
        wanted = local_path(request, request.GET.get("next", ""))
        _show_codes(request, codes, wanted)
        return JsonResponse({"url": reverse("signin:recovery")})
    return JsonResponse({"url": reverse("signin:security")})


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
@signed_in_view
def phone(request: SignedInRequest) -> HttpResponse:
    """Sign in with another number from now on."""
    person = request.person
    form = ChangePhoneForm(
        request.POST or None,
        is_asking=steps.is_asking(request),
        has_password=person.has_usable_password(),
    )
    status, answer = 200, steps.answer_for(request, Purpose.CHANGE_PHONE)
    if steps.is_asking(request):
        status, answer = steps.send(request, form, purpose=Purpose.CHANGE_PHONE)
    elif request.method == "POST" and request.POST.get("do") != steps.AGAIN:
        status = 422
        if form.is_valid():
            try:
                _change_phone(request, form)
            except DomainError as refusal:
                status = steps.refuse(
                    form, refusal, phone=(PhoneTaken,), password=(PasswordWrong, TooMany)
                )
            else:
                messages.success(request, _("You sign in with the new number from now on."))
                return redirect("accounts:profile")
    page = {
        "form": form,
        "has_sms": sms_client.is_set_up(),
        "phone": person.phone,
        "certain": True,
    }
    return steps.show(request, "signin/phone.html", page, answer=answer, status=status)


def _change_phone(request: SignedInRequest, form: ChangePhoneForm) -> None:
    phones.change_phone(
        person=request.person,
        phone=form.cleaned_data["phone"],
        digits=form.digits,
        password=form.cleaned_data.get("password", ""),
        session_key=request.session.session_key or "",
        actor=request.actor,
    )
    auth.update_session_auth_hash(request, request.person)


@require_GET
@merchant_view(rights.RULES.name)
def rule(request: MerchantRequest) -> HttpResponse:
    """Whether the merchant's people need a second factor, and who has one."""
    members = Membership.objects.filter(merchant=request.merchant).select_related("person")
    people = [member.person_id for member in members]
    have = factors.people_with_factors(people)
    page = {
        "rows": [(member, member.person_id in have) for member in members.order_by("pk")],
        "have": len(have),
        "is_weak": strength.is_weak(request),
    }
    return render(request, "signin/rule.html", page)


@require_POST
@merchant_view(rights.RULES.name)
def set_rule(request: MerchantRequest) -> HttpResponse:
    """Switch the rule on or off; only somebody with a second factor can switch it on."""
    is_needed = request.POST.get("needed") == "1"
    if is_needed and strength.is_weak(request):
        page = reverse("signin:rule", args=[request.merchant.slug])
        return redirect(f"{reverse('signin:second_factor')}?{urlencode({'next': page})}")
    phones.set_merchant_rule(merchant=request.merchant, is_needed=is_needed, actor=request.actor)
    messages.success(
        request,
        _("From now on your people enter with a second factor.")
        if is_needed
        else _("A second factor is up to everybody again."),
    )
    return redirect("signin:rule", request.merchant.slug)

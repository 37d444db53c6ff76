"""Signing up: as a merchant at the platform or at an operator, or only as a person."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from zhanggui.accounts import services as account_services
from zhanggui.accounts.errors import PasswordWeak
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import SignedInRequest, public_view, signed_in_view
from zhanggui.accounts.models import Application, ApplicationState, Merchant, Operator, Person
from zhanggui.accounts.services import RegistrationPage
from zhanggui.accounts.views.public import local_path
from zhanggui.channels.sms import client as sms_client
from zhanggui.core.errors import DomainError
from zhanggui.signin.errors import NotProved
from zhanggui.signin.forms import FoundForm, JoinForm, RegisterForm
from zhanggui.signin.models import Purpose
from zhanggui.signin.services import entering, joining
from zhanggui.signin.services.joining import NewMerchant
from zhanggui.signin.views import steps
from zhanggui.signin.views.entrance import go_on, warn_of_weakness

FOUND_KEY = "signin_found"
"""What somebody with an account wanted to found, until they say so once more."""


@never_cache
@sensitive_post_parameters("password", "again", "code")
@require_http_methods(["GET", "POST"])
@public_view
def join(request: HttpRequest, place: str = "") -> HttpResponse:
    """Sign up as a merchant; a closed place says so at its address."""
    look = steps.look_of(place)
    if not look.is_open:
        return render(request, "signin/closed.html", {"look": look}, status=403)
    if isinstance(request.user, Person):
        return _found(request, look)
    form = JoinForm(
        request.POST or None,
        initial={"agreement": look.agreement.pk if look.agreement else None},
        is_asking=steps.is_asking(request),
        has_agreement=look.agreement is not None,
        shortest=look.shortest_password,
    )
    status, answer = 200, steps.answer_for(request, Purpose.REGISTER)
    if steps.is_asking(request):
        status, answer = steps.send(request, form, purpose=Purpose.REGISTER)
    elif request.method == "POST" and request.POST.get("do") != steps.AGAIN:
        status = 422
        if form.is_valid():
            try:
                return _join(request, look, form)
            except DomainError as refusal:
                status = steps.refuse(form, refusal, password=(PasswordWeak,))
    page = {"form": form, "look": look, "has_sms": sms_client.is_set_up(), "certain": True}
    return steps.show(request, "signin/join.html", page, answer=answer, status=status)


def _join(request: HttpRequest, look: RegistrationPage, form: JoinForm) -> HttpResponse:
    values = form.cleaned_data
    account_services.check_password_strength(values["password"], Person(), place=look.place)
    present = joining.prove_by_code(request=request, phone=values["phone"], digits=form.digits)
    wanted = _wanted(look, values)
    if present is not None:
        request.session[FOUND_KEY] = {
            "place": look.slug,
            "registered_name": wanted.registered_name,
            "agreement": wanted.agreement.pk if wanted.agreement else None,
        }
        return redirect("signin:existing")
    made = joining.register_merchant(
        request=request,
        wanted=wanted,
        name=values.get("name") or values["registered_name"],
        phone=values["phone"],
        password=values["password"],
    )
    warn_of_weakness(request, values)
    return _founded(request, made)


def _wanted(look: RegistrationPage, values: dict[str, Any]) -> NewMerchant:
    # the version that was on the page; apply_as_merchant refuses an older one
    accepted = values.get("agreement")
    agreement = look.agreement if look.agreement and look.agreement.pk == accepted else None
    return NewMerchant(look.place, values["registered_name"], agreement)


def _founded(request: HttpRequest, made: Application | Merchant) -> HttpResponse:
    if isinstance(made, Application):
        return redirect("signin:waiting")
    messages.success(
        request, _("Welcome! %(name)s is open: begin with the first store.") % {"name": made.name}
    )
    return redirect("accounts:overview", made.slug)


def _found(request: HttpRequest, look: RegistrationPage) -> HttpResponse:
    """Found another merchant while signed in: no code, no password."""
    person = request.user
    kept = request.session.get(FOUND_KEY) or {}
    form = FoundForm(
        request.POST or None,
        initial={
            "agreement": look.agreement.pk if look.agreement else None,
            "registered_name": kept.get("registered_name", ""),
        },
        has_agreement=look.agreement is not None,
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and isinstance(person, Person):
            try:
                made = joining.add_merchant(
                    request=request, wanted=_wanted(look, form.cleaned_data), person=person
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal)
            else:
                request.session.pop(FOUND_KEY, None)
                return _founded(request, made)
    return render(
        request, "signin/found.html", {"form": form, "look": look, "person": person}, status=status
    )


@never_cache
@require_http_methods(["GET", "POST"])
@public_view
def existing(request: HttpRequest) -> HttpResponse:
    """Somebody who signed up has an account: offer to add the merchant to it."""
    kept = request.session.get(FOUND_KEY)
    try:
        phone = entering.proved_phone(request)
    except NotProved:
        return redirect("signin:login")
    person = Person.objects.by_phone(phone)
    if person is None or not isinstance(kept, dict):
        return redirect("signin:login")
    if request.method == "GET":
        page = {"person": person, "kept": kept}
        return render(request, "signin/existing.html", page)
    entering.forget_proof(request)
    if request.POST.get("do") != "found":
        request.session.pop(FOUND_KEY, None)
        return go_on(request, is_in=_let_in(request, person), wanted="")
    is_in = _let_in(request, person)
    return go_on(request, is_in=is_in, wanted=_address_of_founding(kept))


def _let_in(request: HttpRequest, person: Person) -> bool:
    return entering.go_on(request=request, person=person, way="sms")


def _address_of_founding(kept: dict[str, Any]) -> str:
    place = str(kept["place"])
    return reverse("signin:join_operator", args=[place]) if place else reverse("signin:join")


@require_GET
@signed_in_view
def waiting(request: SignedInRequest) -> HttpResponse:
    """Applications of the person: which wait, which were decided, and how."""
    applications = (
        Application.objects.filter(person=request.person)
        .select_related("operator", "merchant")
        .order_by("-created_at", "-pk")[:20]
    )
    page = {"applications": list(applications), "states": ApplicationState}
    return render(request, "signin/waiting.html", page)


@never_cache
@sensitive_post_parameters("password", "again", "code")
@require_http_methods(["GET", "POST"])
@public_view
def register_person(request: HttpRequest) -> HttpResponse:
    """An account without a merchant, for somebody who was invited."""
    wanted = local_path(request, request.POST.get("next") or request.GET.get("next", ""))
    if isinstance(request.user, Person):
        return redirect(wanted or "accounts:choose")
    place = account_services.inviting_operator(wanted)
    form = RegisterForm(
        request.POST or None,
        is_asking=steps.is_asking(request),
        shortest=account_services.shortest_password(Person(), place=place),
    )
    status, answer = 200, steps.answer_for(request, Purpose.REGISTER)
    if steps.is_asking(request):
        status, answer = steps.send(request, form, purpose=Purpose.REGISTER)
    elif request.method == "POST" and request.POST.get("do") != steps.AGAIN:
        status = 422
        if form.is_valid():
            try:
                return _register(request, form, wanted, place)
            except DomainError as refusal:
                status = steps.refuse(form, refusal, password=(PasswordWeak,))
    page = {
        "form": form,
        "next": wanted,
        "has_sms": sms_client.is_set_up(),
        "certain": True,
        "look": steps.look_of(""),
    }
    return steps.show(request, "signin/register.html", page, answer=answer, status=status)


def _register(
    request: HttpRequest, form: RegisterForm, wanted: str, place: Operator | None
) -> HttpResponse:
    values = form.cleaned_data
    account_services.check_password_strength(values["password"], Person(), place=place)
    present = joining.prove_by_code(request=request, phone=values["phone"], digits=form.digits)
    if present is not None:
        # the code proved that the account is theirs: they are in, with the password they had
        entering.forget_proof(request)
        is_in = _let_in(request, present)
        messages.info(request, _("You have an account with this number; its password stays."))
        return go_on(request, is_in=is_in, wanted=wanted)
    joining.register_person(
        request=request,
        name=values["name"],
        phone=values["phone"],
        password=values["password"],
        place=place,
    )
    warn_of_weakness(request, values)
    return redirect(wanted or "accounts:choose")
